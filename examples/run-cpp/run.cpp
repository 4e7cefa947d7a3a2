//===- run.cpp - A compiled model on several threads, in C++ --------------===//
//
// run MODEL.so: three threads share the model, each with a session of its own,
// and must come to the same results. Inputs are as in examples/run-c.
//
//===----------------------------------------------------------------------===//

#include "tenon/tenon.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <thread>

/// Ones for each input; dynamic dimensions become 4.
static std::vector<tenon::Tensor> makeInputs(const tenon::Model &model) {
  std::vector<tenon::Tensor> inputs;
  for (size_t i = 0; i < model.numInputs(); ++i) {
    const TenonTensorInfo &info = model.input(i);
    std::vector<int64_t> dims(info.dims, info.dims + info.rank);
    std::replace(dims.begin(), dims.end(), int64_t(-1), int64_t(4));
    tenon::Tensor tensor(info.dtype, dims, info.name);
    size_t count = tensor.bytes() / tenon_dtype_size(info.dtype);
    if (info.dtype == TENON_F32)
      std::fill_n(tensor.data<float>(), count, 1.0f);
    else if (info.dtype == TENON_I64)
      std::fill_n(tensor.data<int64_t>(), count, 1);
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: run MODEL.so\n");
    return TENON_ERROR_USAGE;
  }
  try {
    tenon::Model model = tenon::Model::load(argv[1]);
    std::vector<tenon::Tensor> inputs = makeInputs(model);
    std::vector<tenon::View> views;
    for (const tenon::Tensor &input : inputs)
      views.push_back(input.view());

    constexpr int numThreads = 3;
    std::vector<std::vector<tenon::Tensor>> results(numThreads);
    std::vector<std::string> errors(numThreads);
    std::vector<std::thread> threads;
    for (int i = 0; i < numThreads; ++i)
      threads.emplace_back([&, i] {
        try {
          tenon::Session session(model, /*threads=*/1);
          results[i] = session.run(views);
        } catch (const tenon::Error &error) {
          errors[i] = error.what();
        }
      });
    for (std::thread &thread : threads)
      thread.join();
    for (const std::string &error : errors)
      if (!error.empty()) {
        fprintf(stderr, "error: %s\n", error.c_str());
        return TENON_ERROR_INTERNAL;
      }

    for (size_t i = 0; i < model.numOutputs(); ++i) {
      const tenon::Tensor &first = results[0][i];
      for (const auto &result : results)
        if (memcmp(result[i].data(), first.data(), first.bytes()) != 0) {
          fprintf(stderr, "the threads differ\n");
          return TENON_ERROR_DIFFERS;
        }
      printf("%s: %zu bytes, the same from %d threads\n", first.name().c_str(),
             first.bytes(), numThreads);
    }
  } catch (const tenon::Error &error) {
    fprintf(stderr, "error: %s\n", error.what());
    return error.code();
  }
  return 0;
}

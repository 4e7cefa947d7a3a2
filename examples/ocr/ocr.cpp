//===- ocr.cpp - Reads lines of text with a compiled model ----------------===//
//
// tenon-ocr MODEL.so KEYS.txt PICTURE.png...: a host application of Tenon's
// runtime. It needs the runtime alone: no compiler, no ONNX.
//
//===----------------------------------------------------------------------===//

#include "TextLine.h"

#include "tenon/tenon.h"

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>

using namespace ocr;

namespace {
/// Time since it was made, in milliseconds.
class Stopwatch {
public:
  double read() const {
    std::chrono::duration<double, std::milli> elapsed = Clock::now() - start;
    return elapsed.count();
  }

private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start = Clock::now();
};

/// A loaded recogniser, ready to read pictures one after another.
class Recogniser {
public:
  Recogniser(const char *path, std::vector<std::string> keys);

  /// The text of a picture; `milliseconds` is the time of the model alone.
  std::string read(const Picture &picture, double &milliseconds);

private:
  struct Free {
    void operator()(TenonModel *model) { tenon_model_free(model); }
    void operator()(TenonSession *session) { tenon_session_free(session); }
  };

  std::vector<std::string> keys;
  std::unique_ptr<TenonModel, Free> model;
  std::unique_ptr<TenonSession, Free> session;
};
} // namespace

/// Throws what the library reports.
static void check(TenonError *error) {
  if (!error)
    return;
  std::runtime_error exception(tenon_error_message(error));
  tenon_error_free(error);
  throw exception;
}

Recogniser::Recogniser(const char *path, std::vector<std::string> keys)
    : keys(std::move(keys)) {
  TenonModel *loaded;
  check(tenon_model_load(path, &loaded));
  model.reset(loaded);
  TenonSession *created;
  check(tenon_session_create(loaded, /*options=*/nullptr, &created));
  session.reset(created);
}

std::string Recogniser::read(const Picture &picture, double &milliseconds) {
  size_t width;
  std::vector<float> pixels = makeInput(picture, width);
  int64_t dims[] = {1, 3, int64_t(lineHeight), int64_t(width)};
  // Without a name a tensor is the one at its position.
  TenonTensor input = {/*name=*/nullptr, pixels.data(), TENON_F32, 4, dims};
  // The width is bound first: it decides how many steps come out.
  Stopwatch time;
  check(tenon_session_bind(session.get(), &input, 1));
  TenonTensor output = tenon_session_output(session.get(), 0);
  if (output.dtype != TENON_F32 || output.rank != 3 ||
      output.dims[2] != int64_t(keys.size()))
    throw std::runtime_error("the model's output does not fit the keys: it is "
                             "no text recogniser, or not with these keys");
  size_t steps = output.dims[1];
  std::vector<float> probabilities(steps * keys.size());
  output.data = probabilities.data();
  check(tenon_session_run(session.get(), &input, 1, &output, 1));
  milliseconds = time.read();
  return readText(probabilities.data(), steps, keys);
}

/// The path without its folders.
static std::string getFileName(const std::string &path) {
  return path.substr(path.find_last_of('/') + 1);
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: tenon-ocr MODEL.so KEYS.txt PICTURE.png...\n"
                    "prints what each picture of a line of text says\n");
    return 1;
  }
  try {
    Stopwatch time;
    Recogniser recogniser(argv[1], readKeys(argv[2]));
    fprintf(stderr, "loaded in %.1f ms\n", time.read());
    for (int i = 3; i < argc; ++i) {
      double milliseconds;
      std::string text = recogniser.read(readPng(argv[i]), milliseconds);
      printf("%s\t%s\t%.1f ms\n", getFileName(argv[i]).c_str(), text.c_str(),
             milliseconds);
    }
  } catch (const std::exception &error) {
    fprintf(stderr, "tenon-ocr: %s\n", error.what());
    return 2;
  }
  return 0;
}

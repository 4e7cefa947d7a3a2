//===- ApiTest.h - Helpers for tests of the C API ------------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_APITEST_H
#define TENON_TEST_UNIT_RUNTIME_APITEST_H

#include "runtime/core/ModelAbi.h"
#include "tenon/tenon.h"

#include "gtest/gtest.h"
#include <memory>
#include <string>
#include <vector>

namespace tenon::test {

struct Deleter {
  void operator()(TenonModel *model) const { tenon_model_free(model); }
  void operator()(TenonSession *session) const { tenon_session_free(session); }
};
using ModelPtr = std::unique_ptr<TenonModel, Deleter>;
using SessionPtr = std::unique_ptr<TenonSession, Deleter>;

/// "code: message" of an error, which it frees; "ok" for null.
inline std::string take(TenonError *error) {
  if (!error)
    return "ok";
  std::string text = std::to_string(tenon_error_code(error)) + ": " +
                     tenon_error_message(error);
  tenon_error_free(error);
  return text;
}

/// What the descriptions of all models have in common.
inline TenonModelDesc beginDescription(const char *name) {
  TenonModelDesc desc{};
  desc.magic = TENON_MODEL_MAGIC;
  desc.abiVersion = TENON_ABI_VERSION;
  desc.structSize = sizeof desc;
  desc.name = name;
#if defined(__aarch64__)
  desc.triple = "aarch64-unknown-linux-gnu";
#else
  desc.triple = "x86_64-unknown-linux-gnu";
#endif
  desc.cpuFeatures = "";
  desc.producer = "a test";
  return desc;
}

inline ModelPtr makeModel(const TenonModelDesc &desc) {
  TenonModel *model = nullptr;
  EXPECT_EQ(take(tenon_model_from_description(&desc, nullptr, nullptr, &model)),
            "ok");
  return ModelPtr(model);
}

inline SessionPtr makeSession(TenonModel *model, int threads = 1,
                              int profile = 0, int maxShapes = 0) {
  TenonSessionOptions options{};
  options.struct_size = sizeof options;
  options.threads = threads;
  options.profile = profile;
  options.max_shapes = maxShapes;
  TenonSession *session = nullptr;
  EXPECT_EQ(take(tenon_session_create(model, &options, &session)), "ok");
  return SessionPtr(session);
}

/// Inputs and outputs of the fake model for N rows, with the expected values.
struct FakeCall {
  explicit FakeCall(int64_t n)
      : n(n), x(n * 4), y(n * 4), picked(n * 4), index(n), sizes(2 * n) {
    for (int64_t i = 0; i < n * 4; ++i)
      x[i] = static_cast<float>(i % 97) - 40;
    for (int64_t i = 0; i < n; ++i)
      index[i] = n - 1 - i;
  }
  FakeCall(const FakeCall &) = delete;

  TenonError *run(TenonSession *session) {
    return tenon_session_run(session, inputs, 3, outputs, 3);
  }
  bool isRight() const {
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < 4; ++j) {
        float expected = 2 * x[i * 4 + j] + bias[j];
        if (y[i * 4 + j] != expected || picked[(n - 1 - i) * 4 + j] != expected)
          return false;
      }
    for (int64_t i = 0; i < 2 * n; ++i)
      if (sizes[i] != i)
        return false;
    return true;
  }

  int64_t n;
  std::vector<float> x, y, picked;
  float bias[4] = {1, 2, 3, 4};
  std::vector<int64_t> index, sizes;
  int64_t rowDims[2] = {n, 4}, biasDims[1] = {4}, indexDims[1] = {n},
          sizeDims[1] = {2 * n};
  TenonTensor inputs[3] = {{"x", x.data(), TENON_F32, 2, rowDims},
                           {"bias", bias, TENON_F32, 1, biasDims},
                           {"index", index.data(), TENON_I64, 1, indexDims}};
  TenonTensor outputs[3] = {
      {"y", y.data(), TENON_F32, 2, rowDims},
      {"picked", picked.data(), TENON_F32, 2, rowDims},
      {"double_size", sizes.data(), TENON_I64, 1, sizeDims}};
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_APITEST_H

//===- CudaFixture.h - What tests of CUDA devices share ------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_CUDAFIXTURE_H
#define TENON_TEST_UNIT_RUNTIME_CUDAFIXTURE_H

#include "test/unit/runtime/ApiTest.h"
#include "test/unit/runtime/FakeCuda.h"

#include <cstdlib>
#include <optional>

namespace tenon::test {

/// A variable of the environment, while it lives.
struct Setting {
  Setting(const char *name, const std::string &value) : name(name) {
    const char *was = getenv(name);
    before = was ? std::optional<std::string>(was) : std::nullopt;
    setenv(name, value.c_str(), 1);
  }
  ~Setting() {
    if (before)
      setenv(name, before->c_str(), 1);
    else
      unsetenv(name);
  }
  Setting(const Setting &) = delete;

  const char *name;
  std::optional<std::string> before;
};

/// Call `number` of a function of the driver fails, while it lives.
struct Failing : Setting {
  Failing(const std::string &function, int number)
      : Setting("FAKE_CUDA_FAIL",
                function + ":" + std::to_string(number) + ":700") {}
};

/// The driver's functions that give something back.
inline constexpr std::initializer_list<const char *> releasingFunctions = {
    "cuDevicePrimaryCtxRelease_v2",
    "cuCtxPopCurrent_v2",
    "cuModuleUnload",
    "cuMemFree_v2",
    "cuMemFreeHost",
    "cuStreamDestroy_v2",
    "cuGraphDestroy",
    "cuGraphExecDestroy",
    "cuEventDestroy_v2"};

/// Calls `run` for each call of each function that is to fail; it tells whether
/// the function was called as often.
template <typename Run>
void forEachCall(std::initializer_list<const char *> functions, Run run) {
  for (std::string function : functions) {
    int number = 1;
    while (run(function, number))
      ++number;
    EXPECT_GT(number, 1) << function;
  }
}

/// Loads a model and makes a session, which opens the device: what is told.
inline std::string loadAndOpen(const TenonModelDesc &desc) {
  TenonModel *model = nullptr;
  TenonSession *session = nullptr;
  std::string text =
      take(tenon_model_from_description(&desc, nullptr, nullptr, &model));
  if (text == "ok")
    text = take(tenon_session_create(model, nullptr, &session));
  tenon_session_free(session);
  tenon_model_free(model);
  return text;
}

/// After each test all is given back, and nothing was used wrongly.
struct Cuda : testing::Test {
  void SetUp() override { cuda::reset(); }
  void TearDown() override {
    EXPECT_EQ(cuda::takeProblems(), "");
    EXPECT_EQ(cuda::countHandles(), 0u);
    EXPECT_EQ(cuda::countPushedContexts(), 0u);
  }

  Setting driver{"TENON_CUDA_DRIVER", FAKE_CUDA_LIBRARY};
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_CUDAFIXTURE_H

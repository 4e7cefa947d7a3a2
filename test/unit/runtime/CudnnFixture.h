//===- CudnnFixture.h - Tests of cuDNN without a device ---------*- C++ -*-===//

#ifndef TENON_TEST_UNIT_RUNTIME_CUDNNFIXTURE_H
#define TENON_TEST_UNIT_RUNTIME_CUDNNFIXTURE_H

#include "test/unit/runtime/CudaFixture.h"

#include <dlfcn.h>

namespace tenon::test {

/// With the library of FakeCudnn.cpp, to which all descriptors are given back.
struct CudnnTest : Cuda {
  void TearDown() override {
    Cuda::TearDown();
    EXPECT_EQ(countDescriptors(), 0);
  }
  /// Those that there are.
  static long countDescriptors() {
    void *library = dlopen(FAKE_CUDNN_LIBRARY, RTLD_NOW | RTLD_NOLOAD);
    auto count = library ? reinterpret_cast<long (*)()>(
                               dlsym(library, "fakeCudnnCountDescriptors"))
                         : nullptr;
    return count ? count() : 0;
  }

  Setting library{"TENON_CUDNN", FAKE_CUDNN_LIBRARY};
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_CUDNNFIXTURE_H

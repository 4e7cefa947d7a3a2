//===- EmulatedKernels.h - PTX as code of the processor ------------------===//
//
// What FAKE_CUDA_TRANSLATOR and FAKE_CUDA_CACHE of FakeCuda.h are for.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_EMULATEDKERNELS_H
#define TENON_TEST_UNIT_RUNTIME_EMULATEDKERNELS_H

#include <cstdint>
#include <string>

namespace tenon::test::cuda {

/// The function `kernel_NAME` of kernel NAME. Returns what went wrong, or null.
/// Threads and blocks run in `descending` order or the other.
using Emulated = const char *(*)(unsigned numBlocks, unsigned blockSize,
                                 int descending, const uint64_t *parameters);

/// The program that translates; "" if kernels are not emulated.
std::string findTranslator();

/// The library of the kernels in `ptx`, for dlsym. Null if there is none;
/// `error` tells why.
void *loadEmulated(const std::string &ptx, std::string &error);

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_EMULATEDKERNELS_H

//===- LibraryProvider.h - Kernels that libraries can run -------*- C++ -*-===//

#ifndef TENON_CODEGEN_CUDA_LIBRARYPROVIDER_H
#define TENON_CODEGEN_CUDA_LIBRARYPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cuda {

/// These take kernels that are no more than what cuBLASLt has in one call, or
/// cuDNN in one graph. They get generated code as well, for where the library
/// is missing.
std::unique_ptr<Provider> createCublasLtProvider();
std::unique_ptr<Provider> createCudnnProvider();

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_LIBRARYPROVIDER_H

//===- CublasLtProvider.h - Matrix products by cuBLASLt ---------*- C++ -*-===//

#ifndef TENON_CODEGEN_CUDA_CUBLASLTPROVIDER_H
#define TENON_CODEGEN_CUDA_CUBLASLTPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cuda {

/// Takes kernels that are no more than what cuBLASLt has in one call. They get
/// generated code as well, for where the library is missing.
std::unique_ptr<Provider> createCublasLtProvider();

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_CUBLASLTPROVIDER_H

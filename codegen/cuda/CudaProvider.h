//===- CudaProvider.h - Kernels as generated code for a GPU ---------------===//

#ifndef TENON_CODEGEN_CUDA_CUDAPROVIDER_H
#define TENON_CODEGEN_CUDA_CUDAPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cuda {

/// The provider `cuda`: code for NVIDIA's GPUs, a thread for each unit of a
/// kernel's work.
std::unique_ptr<Provider> createCudaProvider();

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_CUDAPROVIDER_H

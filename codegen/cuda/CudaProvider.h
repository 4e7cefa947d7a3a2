//===- CudaProvider.h - Kernels as generated code for a GPU ---------------===//

#ifndef TENON_CODEGEN_CUDA_CUDAPROVIDER_H
#define TENON_CODEGEN_CUDA_CUDAPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cuda {

/// Whether there is generated code for a kernel; if not, says in `reason` why.
bool canGenerate(KernelOp kernel, TargetAttr target, std::string &reason);

/// Replaces a kernel by a launch of generated code, or, where the library is
/// there, of what the words of TenonKernel::library say.
llvm::LogicalResult generate(KernelOp kernel, llvm::ArrayRef<int64_t> library,
                             mlir::RewriterBase &rewriter);

/// What providers of the GPU have in common.
class GpuProvider : public Provider {
public:
  bool isOnDevice() const override { return true; }
  /// Equal for all: what goes first in the target is taken where it can be.
  double getCost(KernelOp kernel, TargetAttr target,
                 TypicalSizes &sizes) const override;
};

/// The provider `cuda`: code for NVIDIA's GPUs. A unit of a kernel's work is
/// done by a thread, or by those of a warp or a block together.
std::unique_ptr<Provider> createCudaProvider();

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_CUDAPROVIDER_H

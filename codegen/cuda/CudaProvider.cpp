//===- CudaProvider.cpp - Kernels as generated code for a GPU -------------===//

#include "codegen/cuda/CudaProvider.h"

#include "codegen/common/KernelWork.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/LowerToLaunch.h"
#include "codegen/cuda/Emitters.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::cuda {

/// What the processor's emitters write is for one element at a time.
static constexpr unsigned kVectorBits = 1;

const cpu::KernelEmitter *findEmitter(KernelOp kernel) {
  // Of the processor's kernels those that keep nothing but a few numbers for a
  // unit.
  for (const cpu::KernelEmitter *emitter :
       {&kLargeMatmulEmitter, &kSmallMatmulEmitter, &kLargeConvEmitter,
        &kSmallConvEmitter, &kAttentionEmitter, &kWarpArgReduceEmitter,
        &kBlockArgReduceEmitter, &cpu::kArgReduceEmitter,
        &cpu::kCumulateEmitter, &kScatterElementsEmitter, &kScatterNdEmitter,
        &kWarpTopKEmitter, &kBlockTopKEmitter, &kWarpRowEmitter,
        &kBlockRowEmitter, &cpu::kRowEmitter, &kTransposeEmitter,
        &kElementEmitter})
    if (emitter->matches(kernel))
      return emitter;
  return nullptr;
}

static int64_t countParameters(KernelOp kernel) {
  int64_t count = kernel.getScalars().size();
  for (TypeRange types :
       {TypeRange(kernel.getInputs()), TypeRange(kernel.getResults())})
    for (Type type : types)
      count += 1 + cast<RankedTensorType>(type).getNumDynamicDims();
  return count;
}

bool canGenerate(KernelOp kernel, TargetAttr target, std::string &reason) {
  if (!target.getGpus()) {
    reason = "the target has no GPU";
    return false;
  }
  if (countParameters(kernel) > TENON_MAX_PARAMETERS) {
    reason = "it has more tensors and sizes than a kernel of a GPU can have "
             "parameters";
    return false;
  }
  if (findEmitter(kernel))
    return true;
  reason = "there is no generated code for what it computes";
  return false;
}

LogicalResult generate(KernelOp kernel, ArrayRef<int64_t> library,
                       RewriterBase &rewriter) {
  const cpu::KernelEmitter *emitter = findEmitter(kernel);
  if (!emitter)
    return kernel.emitError("no generated code for this kernel");
  return cpu::lowerToLaunch(*emitter, kernel, kVectorBits, /*onDevice=*/true,
                            rewriter, library);
}

double GpuProvider::getCost(KernelOp kernel, TargetAttr target,
                            TypicalSizes &sizes) const {
  return getRooflineTime(getKernelWork(kernel, sizes), target,
                         /*efficiency=*/1);
}

namespace {

class CudaProvider : public GpuProvider {
public:
  StringRef getName() const override { return "cuda"; }

  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    return canGenerate(kernel, target, reason);
  }

  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override {
    return generate(kernel, /*library=*/{}, rewriter);
  }
};

} // namespace

std::unique_ptr<Provider> createCudaProvider() {
  return std::make_unique<CudaProvider>();
}

} // namespace tenon::cuda

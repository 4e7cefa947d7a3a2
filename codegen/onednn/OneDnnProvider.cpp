//===- OneDnnProvider.cpp - Kernels that oneDNN runs ----------------------===//

#include "codegen/onednn/OneDnnProvider.h"

#include "codegen/common/KernelWork.h"
#include "codegen/onednn/KernelMatch.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "runtime/cpu/OneDnnAbi.h"

using namespace mlir;
using namespace tenon;
using namespace tenon::onednn;

namespace {

class OneDnnProvider : public Provider {
public:
  StringRef getName() const override { return "onednn"; }
  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override;
  double getCost(KernelOp kernel, TargetAttr target) const override;
  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override;
};

} // namespace

bool OneDnnProvider::canRun(KernelOp kernel, TargetAttr target,
                            std::string &reason) const {
  return matchKernel(kernel, reason).has_value();
}

/// The part of the peak that a primitive reaches. Measured on one core with
/// AVX-512: matrix products and convolutions more than 95 % where they are
/// large, less where they are small; a transposed convolution of 24 channels,
/// kernel and stride 2, 1 %.
static double getEfficiency(int64_t kind) {
  switch (kind) {
  case TENON_ONEDNN_DECONV:
    return 0.01;
  case TENON_ONEDNN_SOFTMAX:
    return 0.2;
  default:
    return 0.8;
  }
}

/// Finding the primitive for the shapes and starting it takes a microsecond.
double OneDnnProvider::getCost(KernelOp kernel, TargetAttr target) const {
  constexpr double kCall = 1000;
  std::string reason;
  std::optional<KernelMatch> match = matchKernel(kernel, reason);
  return kCall + getRooflineTime(getKernelWork(kernel), target,
                                 getEfficiency(match ? match->kind : 0));
}

LogicalResult OneDnnProvider::lower(KernelOp kernel, TargetAttr target,
                                    RewriterBase &rewriter) const {
  std::string reason;
  std::optional<KernelMatch> match = matchKernel(kernel, reason);
  if (!match)
    return kernel.emitOpError("can't run with oneDNN because ") << reason;

  Location loc = kernel.getLoc();
  auto type = cast<RankedTensorType>(kernel.getOutputs().front().getType());
  Value empty = tensor::EmptyOp::create(rewriter, loc, kernel.getResultSizes(0),
                                        type.getElementType());
  SmallVector<Value> inputs;
  SmallVector<int64_t> constants;
  for (auto [i, input] : llvm::enumerate(match->inputs)) {
    unsigned number = cast<BlockArgument>(input.value).getArgNumber();
    inputs.push_back(kernel.getInputs()[number]);
    if (inputs.back().getDefiningOp<ConstantOp>())
      constants.push_back(i);
  }
  rewriter.replaceOpWithNewOp<rt::LibraryOp>(kernel, TypeRange(type), getName(),
                                             inputs, empty, /*flops=*/Value(),
                                             match->encode(), constants);
  return success();
}

std::unique_ptr<Provider> tenon::createOneDnnProvider() {
  return std::make_unique<OneDnnProvider>();
}

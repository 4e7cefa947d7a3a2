//===- CublasLtProvider.cpp - Matrix products by cuBLASLt -----------------===//

#include "codegen/cuda/CublasLtProvider.h"

#include "codegen/common/KernelWork.h"
#include "codegen/cuda/CudaProvider.h"
#include "codegen/cuda/MatmulMatch.h"
#include "transforms/compress/HalfConstants.h"

using namespace mlir;

namespace tenon::cuda {

/// Gives a kernel its bias in the result's type.
static void narrowBias(KernelOp kernel, unsigned arg, RewriterBase &rewriter) {
  auto constant = kernel.getInputs()[arg].getDefiningOp<ConstantOp>();
  auto type = cast<FloatType>(
      getElementTypeOrSelf(kernel.getOutputs().front().getType()));
  ElementsAttr narrow = convertConstant(constant.getValue(), type);
  Value replaced = ConstantOp::create(rewriter, constant.getLoc(), narrow);
  kernel.getInputsMutable()[arg].set(replaced);
  Block &body = kernel.getBody().front();
  BlockArgument bias = body.getArgument(arg);
  Type wide = bias.getType();
  bias.setType(replaced.getType());
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToStart(&body);
  auto widened = CastOp::create(rewriter, kernel.getLoc(), wide, bias,
                                rewriter.getF32Type());
  rewriter.replaceAllUsesExcept(bias, widened.getOutput(), widened);
}

namespace {

class CublasLtProvider : public Provider {
public:
  StringRef getName() const override { return "cublaslt"; }
  bool isOnDevice() const override { return true; }

  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    std::optional<MatmulMatch> match = matchMatmul(kernel, reason);
    if (!match)
      return false;
    if (match->wideBias >= 0) {
      auto bias =
          kernel.getInputs()[match->wideBias].getDefiningOp<ConstantOp>();
      auto type = cast<FloatType>(
          getElementTypeOrSelf(kernel.getOutputs().front().getType()));
      if (!fitsHalf(bias.getValue(), type)) {
        reason = "its bias is too large for the result's type";
        return false;
      }
    }
    return canGenerate(kernel, target, reason);
  }

  double getCost(KernelOp kernel, TargetAttr target,
                 TypicalSizes &sizes) const override {
    // Not more than that of generated code; it goes first in the target.
    return getRooflineTime(getKernelWork(kernel, sizes), target,
                           /*efficiency=*/1);
  }

  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override {
    std::string reason;
    std::optional<MatmulMatch> match = matchMatmul(kernel, reason);
    if (!match)
      return kernel.emitOpError("can't run with cuBLASLt because ") << reason;
    if (match->wideBias >= 0)
      narrowBias(kernel, match->wideBias, rewriter);
    return generate(kernel, match->encode(), rewriter);
  }
};

} // namespace

std::unique_ptr<Provider> createCublasLtProvider() {
  return std::make_unique<CublasLtProvider>();
}

} // namespace tenon::cuda

//===- ConvertUnitTransposes.cpp - Transposes that are views --------------===//

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "transforms/layout/Passes.h"
#include "transforms/layout/Permutations.h"

namespace tenon {
#define GEN_PASS_DEF_CONVERTUNITTRANSPOSES
#include "transforms/layout/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

/// transpose(x), moving only dimensions of size 1  →  reshape(x)
struct MakeReshape : OpRewritePattern<TransposeOp> {
  MakeReshape(MLIRContext *context, Pass::Statistic &numConverted)
      : OpRewritePattern(context), numConverted(numConverted) {}

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    if (!movesOnlyUnitDims(type, op.getPermutation()))
      return rewriter.notifyMatchFailure(op, "moves elements");

    Location loc = op.getLoc();
    SmallVector<OpFoldResult> shape;
    for (int64_t source : op.getPermutation()) {
      if (!type.isDynamicDim(source)) {
        shape.push_back(rewriter.getI64IntegerAttr(type.getDimSize(source)));
      } else if (type.getNumDynamicDims() == 1) {
        shape.push_back(rewriter.getI64IntegerAttr(-1));
      } else {
        Value size =
            tensor::DimOp::create(rewriter, loc, op.getInput(), source);
        shape.push_back(arith::IndexCastOp::create(rewriter, loc,
                                                   rewriter.getI64Type(), size)
                            .getResult());
      }
    }
    rewriter.replaceOpWithNewOp<ReshapeOp>(
        op, op.getType(), op.getInput(),
        createShapeOperand(rewriter, loc, shape));
    ++numConverted;
    return success();
  }

private:
  Pass::Statistic &numConverted;
};

struct ConvertUnitTransposes
    : tenon::impl::ConvertUnitTransposesBase<ConvertUnitTransposes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MakeReshape>(&getContext(), numConverted);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace

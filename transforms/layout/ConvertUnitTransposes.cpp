//===- ConvertUnitTransposes.cpp - Transposes that are views --------------===//

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
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
struct MakeReshape : CountedPattern<OpRewritePattern<TransposeOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    if (!movesOnlyUnitDims(type, op.getPermutation()))
      return rewriter.notifyMatchFailure(op, "moves elements");

    Location loc = op.getLoc();
    SmallVector<OpFoldResult> shape =
        getViewSizes(rewriter, loc, op.getInput());
    rewriter.replaceOpWithNewOp<ReshapeOp>(
        op, op.getType(), op.getInput(),
        createShapeOperand(rewriter, loc,
                           applyPermutation(ArrayRef<OpFoldResult>(shape),
                                            op.getPermutation())));
    ++count;
    return success();
  }
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

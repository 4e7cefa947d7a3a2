//===- TenonOpFolds.cpp - Folders and canonical forms ---------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace tenon;

namespace {

/// An if whose condition is constant becomes one of its regions.
struct InlineConstantIf : OpRewritePattern<IfOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(IfOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<double> condition = getConstantScalar(op.getCondition());
    if (!condition)
      return rewriter.notifyMatchFailure(op, "the condition is not constant");
    Region &region = *condition != 0 ? op.getThenRegion() : op.getElseRegion();
    auto yield = cast<YieldOp>(region.front().getTerminator());
    // A region may know more of a shape than the if does.
    if (yield.getValues().getTypes() != op.getResultTypes())
      return rewriter.notifyMatchFailure(op, "types differ");
    SmallVector<Value> values(yield.getValues());
    rewriter.eraseOp(yield);
    rewriter.inlineBlockBefore(&region.front(), op);
    rewriter.replaceOp(op, values);
    return success();
  }
};

} // namespace

void IfOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                       MLIRContext *context) {
  patterns.add<InlineConstantIf>(context);
}

//===- RecognizeSoftmax.cpp - Softmax and its logarithm -------------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_RECOGNIZESOFTMAX
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Whether `value` is a reduction of `input` along `axis` alone.
static bool isReduction(Value value, ReduceKind kind, Value input,
                        std::optional<int64_t> &axis) {
  auto reduce = value.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != kind || reduce.getInput() != input ||
      reduce.getAxes().size() != 1 || (axis && *axis != reduce.getAxes()[0]))
    return false;
  axis = reduce.getAxes()[0];
  return true;
}

namespace {
/// e / sum(e) with e = exp(x - max(x)) or e = exp(x) -> softmax(x)
///
/// Preconditions: one axis; e has no use but these two, and the sum only this.
template <typename OpT>
struct ToSoftmax : CountedPattern<OpRewritePattern<OpT>> {
  using CountedPattern<OpRewritePattern<OpT>>::CountedPattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    Value sum = op.getRhs();
    if constexpr (std::is_same_v<OpT, MulOp>) {
      auto reciprocal = sum.template getDefiningOp<ReciprocalOp>();
      if (!reciprocal || !reciprocal->hasOneUse())
        return failure();
      sum = reciprocal.getInput();
    }
    auto exp = op.getLhs().template getDefiningOp<ExpOp>();
    std::optional<int64_t> axis;
    if (!exp || !isReduction(sum, ReduceKind::Sum, exp.getOutput(), axis))
      return failure();
    if (!sum.hasOneUse() || !exp.getOutput().hasNUses(2))
      return rewriter.notifyMatchFailure(op, "a step has another use");
    Value x = exp.getInput();
    if (auto difference = x.template getDefiningOp<SubOp>())
      if (isReduction(difference.getRhs(), ReduceKind::Max, difference.getLhs(),
                      axis))
        x = difference.getLhs();
    if (x.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "the shape changes");
    rewriter.replaceOpWithNewOp<SoftmaxOp>(op, op.getType(), x,
                                           rewriter.getI64IntegerAttr(*axis));
    ++this->count;
    return success();
  }
};

/// log(softmax(x)) -> log_softmax(x), where the softmax has no other use
struct ToLogSoftmax : CountedPattern<OpRewritePattern<LogOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(LogOp op,
                                PatternRewriter &rewriter) const override {
    auto softmax = op.getInput().getDefiningOp<SoftmaxOp>();
    if (!softmax || !softmax->hasOneUse())
      return failure();
    rewriter.replaceOpWithNewOp<LogSoftmaxOp>(
        op, op.getType(), softmax.getInput(), softmax.getAxisAttr());
    ++count;
    return success();
  }
};

struct RecognizeSoftmax : tenon::impl::RecognizeSoftmaxBase<RecognizeSoftmax> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ToSoftmax<DivOp>, ToSoftmax<MulOp>>(&getContext(), numSoftmax);
    patterns.add<ToLogSoftmax>(&getContext(), numLogSoftmax);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

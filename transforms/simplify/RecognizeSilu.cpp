//===- RecognizeSilu.cpp - Sigmoid and SiLU -------------------------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_RECOGNIZESILU
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// The x in 1 + exp(-x), none of whose steps has another use, or null.
static Value matchOnePlusExp(Value value) {
  WithConstant sum = matchShifted(value);
  if (!sum || sum.constant != 1 || !value.hasOneUse() ||
      !sum.tensor.hasOneUse())
    return nullptr;
  auto exp = sum.tensor.getDefiningOp<ExpOp>();
  if (!exp || !exp.getInput().hasOneUse())
    return nullptr;
  if (auto neg = exp.getInput().getDefiningOp<NegOp>())
    return neg.getInput();
  WithConstant scaled = matchScaled(exp.getInput());
  return scaled && scaled.constant == -1 ? scaled.tensor : Value();
}

namespace {
/// 1 / (1 + exp(-x)) -> sigmoid(x), with a division or a reciprocal
template <typename OpT>
struct ToSigmoid : CountedPattern<OpRewritePattern<OpT>> {
  using CountedPattern<OpRewritePattern<OpT>>::CountedPattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    Value divisor;
    if constexpr (std::is_same_v<OpT, DivOp>) {
      if (!isUniform(op.getLhs(), 1))
        return failure();
      divisor = op.getRhs();
    } else {
      divisor = op.getInput();
    }
    Value x = matchOnePlusExp(divisor);
    if (!x || x.getType() != op.getType())
      return failure();
    rewriter.replaceOpWithNewOp<SigmoidOp>(op, op.getType(), x);
    ++this->count;
    return success();
  }
};

/// x * sigmoid(x) -> silu(x), where the sigmoid has no other use
struct ToSilu : CountedPattern<OpRewritePattern<MulOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(MulOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      Value x = op->getOperand(i);
      auto sigmoid = op->getOperand(1 - i).getDefiningOp<SigmoidOp>();
      if (!sigmoid || sigmoid.getInput() != x)
        continue;
      if (!sigmoid->hasOneUse())
        return rewriter.notifyMatchFailure(op, "the sigmoid has another use");
      rewriter.replaceOpWithNewOp<SiluOp>(op, op.getType(), x);
      ++count;
      return success();
    }
    return failure();
  }
};

struct RecognizeSilu : tenon::impl::RecognizeSiluBase<RecognizeSilu> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ToSigmoid<DivOp>, ToSigmoid<ReciprocalOp>>(&getContext(),
                                                            numSigmoid);
    patterns.add<ToSilu>(&getContext(), numSilu);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

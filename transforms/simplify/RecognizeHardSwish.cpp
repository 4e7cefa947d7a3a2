//===- RecognizeHardSwish.cpp - Hard sigmoid and hard swish ---------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_RECOGNIZEHARDSWISH
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {
/// clip(x * slope + offset, 0, limit)
struct Ramp {
  Value input;
  double slope = 1, offset = 0, limit = 0;
};
} // namespace

/// Matches a clip from 0 of `x * a + b`; factor and summand are optional, and
/// have no other use.
static std::optional<Ramp> matchRamp(Value value) {
  auto clip = value.getDefiningOp<ClipOp>();
  if (!clip || !clip.getMinAttr() || !clip.getMaxAttr() ||
      clip.getMinAttr().getValueAsDouble() != 0 ||
      clip.getMaxAttr().getValueAsDouble() <= 0)
    return std::nullopt;
  Ramp ramp;
  ramp.limit = clip.getMaxAttr().getValueAsDouble();
  ramp.input = clip.getInput();
  if (ramp.input.hasOneUse())
    if (WithConstant shifted = matchShifted(ramp.input)) {
      ramp.offset = shifted.constant;
      ramp.input = shifted.tensor;
    }
  if (ramp.input.hasOneUse())
    if (WithConstant scaled = matchScaled(ramp.input)) {
      ramp.slope = scaled.constant;
      ramp.input = scaled.tensor;
    }
  return ramp;
}

namespace {
/// clip(x * a + b, 0, c) / c -> hard_sigmoid(x) {alpha = a / c, beta = b / c}
///
/// Preconditions: the clip has no other use, and b is not 0 (a clip of x alone
/// is no hard sigmoid, but a ReLU6).
template <typename OpT>
struct ToHardSigmoid : CountedPattern<OpRewritePattern<OpT>> {
  using CountedPattern<OpRewritePattern<OpT>>::CountedPattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    Value ramped = op.getOutput();
    double factor = 1;
    if constexpr (!std::is_same_v<OpT, ClipOp>) {
      WithConstant scaled = matchScaled(op.getOutput());
      if (!scaled)
        return failure();
      ramped = scaled.tensor;
      factor = scaled.constant;
      if (!ramped.hasOneUse())
        return rewriter.notifyMatchFailure(op, "the clip has another use");
    }
    std::optional<Ramp> ramp = matchRamp(ramped);
    if (!ramp || ramp->offset == 0 ||
        !isa<FloatType>(getElementTypeOrSelf(ramped)))
      return failure();
    if (!isClose(factor * ramp->limit, 1))
      return rewriter.notifyMatchFailure(op, "does not end at 1");
    rewriter.replaceOpWithNewOp<HardSigmoidOp>(
        op, op.getType(), ramp->input,
        rewriter.getF64FloatAttr(ramp->slope / ramp->limit),
        rewriter.getF64FloatAttr(ramp->offset / ramp->limit));
    ++this->count;
    return success();
  }
};

/// x * clip(x + 3, 0, 6) / 6 or x * hard_sigmoid(x) {1/6, 1/2} -> hard_swish(x)
///
/// Preconditions: a product of x, of the ramp of the same x without other use,
/// and of constants that make it end at x.
template <typename OpT>
struct ToHardSwish : CountedPattern<OpRewritePattern<OpT>> {
  using CountedPattern<OpRewritePattern<OpT>>::CountedPattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    Factors factors = getFactors(op.getOutput());
    if (factors.tensors.size() != 2)
      return failure();
    for (unsigned i : {0u, 1u}) {
      Value x = factors.tensors[i], gate = factors.tensors[1 - i];
      if (x.getType() != op.getType() || !gate.hasOneUse())
        continue;
      double alpha, beta, limit;
      Value input;
      if (auto sigmoid = gate.template getDefiningOp<HardSigmoidOp>()) {
        input = sigmoid.getInput();
        alpha = sigmoid.getAlpha().convertToDouble();
        beta = sigmoid.getBeta().convertToDouble();
        limit = 1;
      } else if (std::optional<Ramp> ramp = matchRamp(gate)) {
        input = ramp->input;
        alpha = ramp->slope / ramp->limit;
        beta = ramp->offset / ramp->limit;
        limit = ramp->limit;
      } else {
        continue;
      }
      if (input != x)
        continue;
      if (!isClose(factors.constant * limit, 1) || !isClose(alpha, 1.0 / 6) ||
          !isClose(beta, 0.5))
        return rewriter.notifyMatchFailure(op, "other constants");
      rewriter.replaceOpWithNewOp<HardSwishOp>(op, op.getType(), x);
      ++this->count;
      return success();
    }
    return failure();
  }
};

struct RecognizeHardSwish
    : tenon::impl::RecognizeHardSwishBase<RecognizeHardSwish> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns
        .add<ToHardSigmoid<ClipOp>, ToHardSigmoid<MulOp>, ToHardSigmoid<DivOp>>(
            &getContext(), numHardSigmoid);
    patterns.add<ToHardSwish<MulOp>, ToHardSwish<DivOp>>(&getContext(),
                                                         numHardSwish);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

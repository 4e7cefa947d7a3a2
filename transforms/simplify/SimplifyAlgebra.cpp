//===- SimplifyAlgebra.cpp - Canonical arithmetic -------------------------===//
//
// What needs no more than an operation and its operands, such as x + 0, are the
// operations' folders (dialects/tenon/TenonOpFolds.cpp), which run here too.
//
//===----------------------------------------------------------------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"
#include <cmath>

namespace tenon {
#define GEN_PASS_DEF_SIMPLIFYALGEBRA
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// A constant of rank 0.
static Value makeScalar(OpBuilder &builder, Location loc, Type elementType,
                        double value) {
  return ConstantOp::create(
      builder, loc,
      cast<ElementsAttr>(
          makeSplat(RankedTensorType::get({}, elementType), value)));
}

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

/// Whether 1 / value is exact in every float type: a power of two of moderate
/// size.
static bool hasExactReciprocal(double value) {
  int exponent;
  return std::isfinite(value) &&
         std::fabs(std::frexp(value, &exponent)) == 0.5 && exponent > -14 &&
         exponent < 14;
}

namespace {
/// mul(x, dense<2.0> : tensor<1x1xf32>) -> mul(x, dense<2.0> : tensor<f32>)
struct UniformToScalar : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (op->getNumOperands() < 2 || type.getRank() == 0)
      return failure();
    for (OpOperand &operand : op->getOpOperands()) {
      auto operandType = cast<RankedTensorType>(operand.get().getType());
      if (operandType.getRank() == 0)
        continue;
      std::optional<double> value = getUniformConstant(operand.get());
      if (!value)
        continue;
      // Another operand must give the shape by itself.
      bool decidesNothing =
          llvm::any_of(op->getOpOperands(), [&](OpOperand &other) {
            return &other != &operand &&
                   cast<RankedTensorType>(other.get().getType()).getShape() ==
                       type.getShape();
          });
      if (!decidesNothing)
        continue;
      ConstantView view = *ConstantView::get(operand.get());
      Value scalar = ConstantOp::create(
          rewriter, op->getLoc(),
          makeScalarAttribute(view, operandType.getElementType()));
      rewriter.modifyOpInPlace(op, [&] { operand.set(scalar); });
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no uniform operand to narrow");
  }

  /// One element, bit for bit.
  static ElementsAttr makeScalarAttribute(const ConstantView &view,
                                          Type elementType) {
    auto type = RankedTensorType::get({}, elementType);
    if (isa<FloatType>(elementType))
      return makeSplat(type, view.getDouble(0));
    ConstantBuffer buffer(type);
    storeInteger(elementType, buffer.getData(), 0, view.getInteger(0));
    return buffer.finish();
  }
};

/// x - c -> x + -c
struct SubToAdd : OpRewritePattern<SubOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(SubOp op,
                                PatternRewriter &rewriter) const override {
    WithConstant match = matchWithConstant<SubOp>(op.getOutput());
    if (!match || !isFloat(op.getOutput()))
      return failure();
    Value negated =
        makeScalar(rewriter, op.getLoc(), getElementTypeOrSelf(op.getOutput()),
                   -match.constant);
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getType(), match.tensor, negated);
    return success();
  }
};

/// x / 4 -> x * 0.25
struct DivToMul : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DivOp op,
                                PatternRewriter &rewriter) const override {
    WithConstant match = matchWithConstant<DivOp>(op.getOutput());
    if (!match || !isFloat(op.getOutput()) ||
        !hasExactReciprocal(match.constant))
      return failure();
    Value factor =
        makeScalar(rewriter, op.getLoc(), getElementTypeOrSelf(op.getOutput()),
                   1 / match.constant);
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getType(), match.tensor, factor);
    return success();
  }
};

/// x ^ 2, x ^ 3, x ^ 0.5, x ^ -1 -> products, square root, reciprocal
struct SimplifyPow : OpRewritePattern<PowOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(PowOp op,
                                PatternRewriter &rewriter) const override {
    WithConstant match = matchWithConstant<PowOp>(op.getOutput());
    if (!match)
      return failure();
    Value x = match.tensor;
    Type type = op.getType();
    if (match.constant == 2) {
      rewriter.replaceOpWithNewOp<MulOp>(op, type, x, x);
      return success();
    }
    if (match.constant == 3) {
      Value square = MulOp::create(rewriter, op.getLoc(), type, x, x);
      rewriter.replaceOpWithNewOp<MulOp>(op, type, square, x);
      return success();
    }
    if (isFloat(x) && match.constant == 0.5) {
      rewriter.replaceOpWithNewOp<SqrtOp>(op, type, x);
      return success();
    }
    if (isFloat(x) && match.constant == -1) {
      rewriter.replaceOpWithNewOp<ReciprocalOp>(op, type, x);
      return success();
    }
    return rewriter.notifyMatchFailure(op, "no simpler form of this power");
  }
};

/// The limits of a value as clips and extremes set them.
struct Limits {
  std::optional<double> min, max;
};

/// max(x, c), min(x, c), relu(x) -> clip(x); clip(clip(x)) -> clip(x);
/// clip(x, min = 0) -> relu(x)
template <typename OpT> struct JoinClips : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    // Integers beyond 2^53 don't fit into the limits of a clip.
    if (!isFloat(op.getOutput()))
      return failure();
    Limits outer, inner;
    Value x = match(op.getOutput(), outer);
    if (!x)
      return failure();
    Value joined = match(x, inner);
    if (!joined && !std::is_same_v<OpT, MaxOp> && !std::is_same_v<OpT, MinOp>)
      return rewriter.notifyMatchFailure(op, "nothing to join");
    // Within: first the inner limits, then the outer.
    if (joined) {
      auto limit = [&](double value) {
        if (outer.min)
          value = std::max(value, *outer.min);
        return outer.max ? std::min(value, *outer.max) : value;
      };
      if (inner.min)
        outer.min = limit(*inner.min);
      if (inner.max)
        outer.max = limit(*inner.max);
      x = joined;
    }
    if (outer.min == 0.0 && !outer.max) {
      rewriter.replaceOpWithNewOp<ReluOp>(op, op.getType(), x);
      return success();
    }
    auto toAttribute = [&](std::optional<double> value) {
      return value ? rewriter.getF64FloatAttr(*value) : FloatAttr();
    };
    rewriter.replaceOpWithNewOp<ClipOp>(
        op, op.getType(), x, toAttribute(outer.min), toAttribute(outer.max));
    return success();
  }

  /// The operand of what limits `value`, or null.
  static Value match(Value value, Limits &limits) {
    if (WithConstant max = matchWithConstant<MaxOp>(value)) {
      limits.min = max.constant;
      return max.tensor;
    }
    if (WithConstant min = matchWithConstant<MinOp>(value)) {
      limits.max = min.constant;
      return min.tensor;
    }
    if (auto relu = value.getDefiningOp<ReluOp>()) {
      limits.min = 0;
      return relu.getInput();
    }
    if (auto clip = value.getDefiningOp<ClipOp>()) {
      if (FloatAttr min = clip.getMinAttr())
        limits.min = min.getValueAsDouble();
      if (FloatAttr max = clip.getMaxAttr())
        limits.max = max.getValueAsDouble();
      return clip.getInput();
    }
    return nullptr;
  }
};

/// clip(x, min = 0) -> relu(x)
struct ClipToRelu : OpRewritePattern<ClipOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ClipOp op,
                                PatternRewriter &rewriter) const override {
    if (op.getMaxAttr() || !op.getMinAttr() ||
        op.getMinAttr().getValueAsDouble() != 0 || !isFloat(op.getOutput()))
      return failure();
    rewriter.replaceOpWithNewOp<ReluOp>(op, op.getType(), op.getInput());
    return success();
  }
};

/// Counts the rewrites.
struct CountRewrites : RewriterBase::Listener {
  int64_t count = 0;
  void notifyOperationReplaced(Operation *, ValueRange) override { ++count; }
};

struct SimplifyAlgebra : tenon::impl::SimplifyAlgebraBase<SimplifyAlgebra> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<UniformToScalar, SubToAdd, DivToMul, SimplifyPow,
                 JoinClips<MaxOp>, JoinClips<MinOp>, JoinClips<ReluOp>,
                 JoinClips<ClipOp>, ClipToRelu>(&getContext());
    CountRewrites counter;
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns),
                                  GreedyRewriteConfig().setListener(&counter))))
      return signalPassFailure();
    numRewrites += counter.count;
  }
};
} // namespace

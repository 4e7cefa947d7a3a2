//===- RecognizeLayerNorm.cpp - Layer normalisation -----------------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_RECOGNIZELAYERNORM
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// The first reduced dimension, if `op` is a mean over the last dimensions.
static std::optional<int64_t> getMeanAxis(ReduceOp op) {
  if (!op || op.getKind() != ReduceKind::Mean || op.getAxes().empty())
    return std::nullopt;
  int64_t rank = op.getInput().getType().getRank();
  int64_t first = rank - int64_t(op.getAxes().size());
  for (auto [i, axis] : llvm::enumerate(op.getAxes()))
    if (axis != first + int64_t(i))
      return std::nullopt;
  return first;
}

namespace {
/// d / sqrt(mean(d * d) + epsilon), with d = x - mean(x).
struct Normalized {
  Value input;
  int64_t axis = 0;
  double epsilon = 0;
};
} // namespace

/// Matches the deviation below the fraction: sqrt(mean(d * d) + epsilon).
static bool matchDeviation(Value variancePlus, Value centred,
                           Normalized &result) {
  WithConstant sum = matchShifted(variancePlus);
  if (!sum || sum.constant < 0 || !variancePlus.hasOneUse() ||
      !sum.tensor.hasOneUse())
    return false;
  auto mean = sum.tensor.getDefiningOp<ReduceOp>();
  std::optional<int64_t> axis = getMeanAxis(mean);
  if (!axis || !mean.getInput().hasOneUse())
    return false;
  if (auto square = mean.getInput().getDefiningOp<MulOp>()) {
    if (square.getLhs() != centred || square.getRhs() != centred)
      return false;
  } else {
    WithConstant power = matchWithConstant<PowOp>(mean.getInput());
    if (!power || power.tensor != centred || power.constant != 2)
      return false;
  }
  result.axis = *axis;
  result.epsilon = sum.constant;
  return true;
}

/// Matches d = x - mean(x), where d has no use but the two in the formula.
static bool matchCentred(Value centred, Operation *fraction,
                         Normalized &result) {
  auto difference = centred.getDefiningOp<SubOp>();
  if (!difference || difference.getLhs().getType() != centred.getType())
    return false;
  auto mean = difference.getRhs().getDefiningOp<ReduceOp>();
  if (!mean || !mean->hasOneUse() || getMeanAxis(mean) != result.axis ||
      mean.getInput() != difference.getLhs())
    return false;
  for (Operation *user : centred.getUsers())
    if (user != fraction && !isa<MulOp, PowOp>(user))
      return false;
  // The fraction, and the square: once or twice.
  if (llvm::range_size(centred.getUses()) > 3)
    return false;
  result.input = difference.getLhs();
  return true;
}

static std::optional<Normalized> matchNormalized(Operation *op) {
  Normalized result;
  auto matchBelow = [&](Value below, Value centred) {
    return below.hasOneUse() && matchDeviation(below, centred, result) &&
           matchCentred(centred, op, result);
  };
  if (auto fraction = dyn_cast<DivOp>(op)) {
    auto root = fraction.getRhs().getDefiningOp<SqrtOp>();
    if (root && root->hasOneUse() &&
        matchBelow(root.getInput(), fraction.getLhs()))
      return result;
    return std::nullopt;
  }
  auto product = dyn_cast<MulOp>(op);
  if (!product)
    return std::nullopt;
  for (unsigned i : {0u, 1u}) {
    Value centred = product->getOperand(i), factor = product->getOperand(1 - i);
    if (!factor.hasOneUse())
      continue;
    Value below;
    if (auto rsqrt = factor.getDefiningOp<RsqrtOp>())
      below = rsqrt.getInput();
    else if (auto reciprocal = factor.getDefiningOp<ReciprocalOp>())
      if (auto root = reciprocal.getInput().getDefiningOp<SqrtOp>())
        below = root.getInput();
    if (below && matchBelow(below, centred))
      return result;
  }
  return std::nullopt;
}

namespace {
/// (x - mean) / sqrt(variance + epsilon) [* scale] [+ bias] -> layer_norm
template <typename OpT>
struct ToLayerNorm : CountedPattern<OpRewritePattern<OpT>> {
  using CountedPattern<OpRewritePattern<OpT>>::CountedPattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    std::optional<Normalized> normalized = matchNormalized(op);
    if (!normalized)
      return failure();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    auto parameterType = RankedTensorType::get(
        type.getShape().drop_front(normalized->axis), type.getElementType());
    if (!parameterType.hasStaticShape())
      return rewriter.notifyMatchFailure(op, "normalised sizes are dynamic");

    // Scale and bias, each by its next and only use.
    Operation *last = op;
    Value scale = takeParameter<MulOp>(rewriter, last, parameterType);
    Value bias = takeParameter<AddOp>(rewriter, last, parameterType);
    rewriter.setInsertionPoint(last);
    if (!scale)
      scale =
          ConstantOp::create(rewriter, op->getLoc(),
                             cast<ElementsAttr>(makeSplat(parameterType, 1)));
    rewriter.replaceOpWithNewOp<LayerNormOp>(
        last, type, normalized->input, scale, bias,
        rewriter.getI64IntegerAttr(normalized->axis),
        rewriter.getF64FloatAttr(normalized->epsilon));
    ++this->count;
    return success();
  }

  /// If the only use of `last` is `UserT` with an operand that broadcasts from
  /// the normalised dimensions, returns that operand in their shape, and makes
  /// `last` that use.
  template <typename UserT>
  static Value takeParameter(PatternRewriter &rewriter, Operation *&last,
                             RankedTensorType type) {
    Value value = last->getResult(0);
    if (!value.hasOneUse())
      return nullptr;
    auto user = dyn_cast<UserT>(*value.user_begin());
    if (!user || user.getType() != value.getType())
      return nullptr;
    Value parameter = user.getLhs() == value ? user.getRhs() : user.getLhs();
    auto parameterType = cast<RankedTensorType>(parameter.getType());
    rewriter.setInsertionPoint(user);
    Location loc = user.getLoc();
    if (std::optional<double> uniform = getUniformConstant(parameter)) {
      last = user;
      return ConstantOp::create(rewriter, loc,
                                cast<ElementsAttr>(makeSplat(type, *uniform)));
    }
    int64_t outer = parameterType.getRank() - type.getRank();
    if (outer < 0 ||
        parameterType.getShape().take_back(type.getRank()) != type.getShape() ||
        llvm::any_of(
            parameterType.getShape().take_front(outer),
            [](int64_t size) { return size != 1; }))
      return nullptr;
    last = user;
    if (outer == 0)
      return parameter;
    if (std::optional<ConstantView> view = ConstantView::get(parameter))
      return ConstantOp::create(rewriter, loc,
                                reshapeConstant(view->getAttribute(), type));
    auto shapeType =
        RankedTensorType::get({type.getRank()}, rewriter.getI64Type());
    Value shape = ConstantOp::create(
        rewriter, loc,
        cast<ElementsAttr>(DenseElementsAttr::get(shapeType, type.getShape())));
    return ReshapeOp::create(rewriter, loc, type, parameter, shape);
  }
};

struct RecognizeLayerNorm
    : tenon::impl::RecognizeLayerNormBase<RecognizeLayerNorm> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ToLayerNorm<DivOp>, ToLayerNorm<MulOp>>(&getContext(),
                                                         numLayerNorm);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

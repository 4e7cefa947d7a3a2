//===- TenonOpFolds.cpp - Folders and canonical forms ---------------------===//
//
// What is always better and costs nothing to see. Evaluation of constants is
// not here: the simplify phase does it, with a budget.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace tenon;

/// `value` if it has the type of the result that it would replace.
static OpFoldResult sameType(Value value, Value result) {
  return value.getType() == result.getType() ? OpFoldResult(value)
                                             : OpFoldResult();
}

/// Whether all elements of an integer tensor are known to be `expected`.
static bool isAll(Value tensor, int64_t expected) {
  std::optional<SmallVector<int64_t>> elements = getConstantInts(tensor);
  return elements && llvm::all_of(*elements, [&](int64_t element) {
           return element == expected;
         });
}

/// What is known to be equal is not to be checked.
OpFoldResult RequireOp::fold(FoldAdaptor) {
  std::optional<SmallVector<int64_t>> lhs = getConstantInts(getLhs()),
                                      rhs = getConstantInts(getRhs());
  return getLhs() == getRhs() || (lhs && rhs && *lhs == *rhs)
             ? sameType(getInput(), getOutput())
             : OpFoldResult();
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

OpFoldResult NegOp::fold(FoldAdaptor) {
  if (auto inner = getInput().getDefiningOp<NegOp>())
    return sameType(inner.getInput(), getOutput());
  return {};
}

OpFoldResult NotOp::fold(FoldAdaptor) {
  if (auto inner = getInput().getDefiningOp<NotOp>())
    return sameType(inner.getInput(), getOutput());
  return {};
}

OpFoldResult ReluOp::fold(FoldAdaptor) {
  if (getInput().getDefiningOp<ReluOp>())
    return sameType(getInput(), getOutput());
  return {};
}

OpFoldResult ClipOp::fold(FoldAdaptor) {
  return getMin() || getMax() ? OpFoldResult()
                              : sameType(getInput(), getOutput());
}

/// Whether every value of type `from` is a value of type `to`.
static bool isLossless(Type from, Type to) {
  auto fromFloat = dyn_cast<FloatType>(from), toFloat = dyn_cast<FloatType>(to);
  if (fromFloat)
    return toFloat && APFloat::isRepresentableBy(fromFloat.getFloatSemantics(),
                                                 toFloat.getFloatSemantics());
  bool fromUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  unsigned bits = from.getIntOrFloatBitWidth() - (fromUnsigned ? 0 : 1);
  // An f16 ends at 65504, below what its mantissa could hold exactly.
  if (toFloat)
    return bits <= toFloat.getFPMantissaWidth() &&
           (toFloat.isF64() || toFloat.isF32());
  bool toUnsigned = to.isUnsignedInteger() || to.isInteger(1);
  if (toUnsigned)
    return fromUnsigned && bits <= to.getIntOrFloatBitWidth();
  return bits < to.getIntOrFloatBitWidth();
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (Type(getTo()) == getElementTypeOrSelf(getInput()))
    return sameType(getInput(), getOutput());
  auto inner = getInput().getDefiningOp<CastOp>();
  if (!inner)
    return {};
  // The first of two casts does nothing if it loses nothing. A cast from a
  // float limits and one from an integer wraps, so the kind must not change.
  Type from = getElementTypeOrSelf(inner.getInput());
  Type between = inner.getTo();
  if (!isLossless(from, between))
    return {};
  if (from == getTo())
    return sameType(inner.getInput(), getOutput());
  if (isa<FloatType>(from) != isa<FloatType>(between))
    return {};
  getInputMutable().assign(inner.getInput());
  return getOutput();
}

/// If one operand of a binary operation is `neutral` throughout, the other.
/// With `Commutative` either may be; else it is the second.
template <typename BinaryOp>
static OpFoldResult foldNeutral(BinaryOp op, double neutral) {
  if (getConstantScalar(op.getRhs()) == neutral)
    if (OpFoldResult result = sameType(op.getLhs(), op.getOutput()))
      return result;
  if (op->template hasTrait<OpTrait::IsCommutative>() &&
      getConstantScalar(op.getLhs()) == neutral)
    return sameType(op.getRhs(), op.getOutput());
  return {};
}

// Adding 0 to -0.0 gives +0.0: the sign of a zero is the one thing that these
// folds don't keep.
OpFoldResult AddOp::fold(FoldAdaptor) { return foldNeutral(*this, 0); }
OpFoldResult SubOp::fold(FoldAdaptor) { return foldNeutral(*this, 0); }
OpFoldResult MulOp::fold(FoldAdaptor) { return foldNeutral(*this, 1); }
OpFoldResult DivOp::fold(FoldAdaptor) { return foldNeutral(*this, 1); }
OpFoldResult PowOp::fold(FoldAdaptor) { return foldNeutral(*this, 1); }

/// Whether another operand of an elementwise operation may repeat `value` along
/// a dynamic dimension, which is 1 when the model runs.
static bool mayBeRepeated(Operation *op, Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  return llvm::any_of(op->getOperands(), [&](Value other) {
    auto otherType = cast<RankedTensorType>(other.getType());
    if (other == value || otherType.getRank() == 0)
      return false;
    return llvm::any_of(llvm::seq(type.getRank()), [&](int64_t i) {
      return type.isDynamicDim(i) && otherType.getDimSize(i) != 1;
    });
  });
}

OpFoldResult WhereOp::fold(FoldAdaptor) {
  std::optional<double> condition = getConstantScalar(getCondition());
  if (!condition && getLhs() != getRhs())
    return {};
  Value chosen = condition == 0.0 ? getRhs() : getLhs();
  return mayBeRepeated(*this, chosen) ? OpFoldResult()
                                      : sameType(chosen, getOutput());
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// Whether a view says of dynamic dimensions what they have to be. A view of it
/// could infer other ones, so that nothing would be left to check.
static bool claimsSizes(Operation *view) {
  auto from = cast<RankedTensorType>(view->getOperand(0).getType());
  if (auto squeeze = dyn_cast<SqueezeOp>(view))
    return llvm::any_of(squeeze.getAxes(),
                        [&](int64_t axis) { return from.isDynamicDim(axis); });
  return !from.hasStaticShape() &&
         cast<RankedTensorType>(view->getResult(0).getType()).hasStaticShape();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  // Equal static dimensions, none 0, and an equal number of elements make one
  // dynamic dimension equal too.
  RankedTensorType type = getOutput().getType();
  if (type == getInput().getType() && type.getNumDynamicDims() <= 1 &&
      !llvm::is_contained(type.getShape(), 0))
    return getInput();
  Operation *inner = getInput().getDefiningOp();
  if (isa_and_nonnull<ReshapeOp, SqueezeOp, UnsqueezeOp>(inner) &&
      !claimsSizes(inner)) {
    getInputMutable().assign(inner->getOperand(0));
    return getOutput();
  }
  return {};
}

OpFoldResult SqueezeOp::fold(FoldAdaptor) {
  if (getAxes().empty())
    return sameType(getInput(), getOutput());
  auto inner = getInput().getDefiningOp<UnsqueezeOp>();
  if (inner && inner.getAxes() == getAxes())
    return sameType(inner.getInput(), getOutput());
  return {};
}

OpFoldResult UnsqueezeOp::fold(FoldAdaptor) {
  if (getAxes().empty())
    return sameType(getInput(), getOutput());
  auto inner = getInput().getDefiningOp<SqueezeOp>();
  if (inner && inner.getAxes() == getAxes())
    return sameType(inner.getInput(), getOutput());
  return {};
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  ArrayRef<int64_t> permutation = getPermutation();
  if (llvm::equal(permutation, llvm::seq<int64_t>(0, permutation.size())))
    return sameType(getInput(), getOutput());
  auto inner = getInput().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  setPermutation(llvm::map_to_vector(
      permutation, [&](int64_t axis) { return inner.getPermutation()[axis]; }));
  getInputMutable().assign(inner.getInput());
  return getOutput();
}

OpFoldResult ExpandOp::fold(FoldAdaptor) {
  RankedTensorType type = getOutput().getType();
  if (type == getInput().getType() && type.hasStaticShape())
    return getInput();
  auto inner = getInput().getDefiningOp<ExpandOp>();
  if (!inner || (inner.getInput().getType().getRank() != 0 &&
                 inner.getInput().getType().getRank() != type.getRank()))
    return {};
  getInputMutable().assign(inner.getInput());
  return getOutput();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getInputs().size() == 1)
    return sameType(getInputs().front(), getOutput());
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  RankedTensorType type = getOutput().getType();
  if (type != getInput().getType() ||
      !llvm::all_of(getSteps(), [](int64_t step) { return step == 1; }))
    return {};
  std::optional<SmallVector<int64_t>> starts = getConstantInts(getStarts());
  std::optional<SmallVector<int64_t>> ends = getConstantInts(getEnds());
  for (auto [i, axis] : llvm::enumerate(getAxes())) {
    // As many elements as there are must be all of them; of an unknown number
    // all are taken only if the slice says so.
    if (!type.isDynamicDim(axis))
      continue;
    if (!starts || !ends || (*starts)[i] != 0 || (*ends)[i] < INT32_MAX)
      return {};
  }
  return getInput();
}

OpFoldResult PadOp::fold(FoldAdaptor) {
  return isAll(getPads(), 0) ? sameType(getInput(), getOutput())
                             : OpFoldResult();
}

OpFoldResult TileOp::fold(FoldAdaptor) {
  return isAll(getRepeats(), 1) ? sameType(getInput(), getOutput())
                                : OpFoldResult();
}

OpFoldResult ResizeOp::fold(FoldAdaptor) {
  // Every way to map coordinates maps them to themselves at scale 1.
  RankedTensorType type = getOutput().getType();
  if (type != getInput().getType() || !type.hasStaticShape())
    return {};
  if (std::optional<ArrayRef<double>> scales = getScales())
    if (llvm::any_of(*scales, [](double scale) { return scale != 1; }))
      return {};
  return getInput();
}

OpFoldResult ShapeOp::fold(FoldAdaptor) {
  RankedTensorType type = getInput().getType();
  if (!type.hasStaticShape())
    return {};
  auto resultType = RankedTensorType::get({type.getRank()},
                                          IntegerType::get(getContext(), 64));
  if (resultType != getOutput().getType())
    return {};
  return DenseElementsAttr::get(resultType, type.getShape());
}

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  // Over one element these are that element.
  if (!llvm::is_contained({ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max,
                           ReduceKind::Min, ReduceKind::Prod},
                          getKind()))
    return {};
  for (int64_t axis : getAxes())
    if (getInput().getType().getDimSize(axis) != 1)
      return {};
  return sameType(getInput(), getOutput());
}

namespace {

/// A concat without the inputs that add nothing.
///
///   concat(a, empty, b) -> concat(a, b)
struct DropEmptyInputs : OpRewritePattern<ConcatOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ConcatOp op,
                                PatternRewriter &rewriter) const override {
    int64_t axis = op.getAxis();
    SmallVector<Value> inputs;
    for (Value input : op.getInputs())
      if (cast<RankedTensorType>(input.getType()).getDimSize(axis) != 0)
        inputs.push_back(input);
    if (inputs.empty() || inputs.size() == op.getInputs().size())
      return rewriter.notifyMatchFailure(op, "nothing to drop");
    rewriter.modifyOpInPlace(op, [&] { op.getInputsMutable().assign(inputs); });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

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
    SmallVector<Value> values(yield.getValues());
    rewriter.eraseOp(yield);
    rewriter.inlineBlockBefore(&region.front(), op);
    for (auto [value, result] : llvm::zip_equal(values, op.getResults())) {
      if (value.getType() == result.getType())
        continue;
      // The region may know more of a shape than the if does. Operations that
      // infer their types take the better one; others need the old one.
      Value known = value;
      rewriter.replaceUsesWithIf(result, known, [](OpOperand &use) {
        return isa<InferTypeOpInterface>(use.getOwner()) &&
               isa<TenonDialect>(use.getOwner()->getDialect());
      });
      if (!result.use_empty())
        value = tensor::CastOp::create(rewriter, op.getLoc(), result.getType(),
                                       known);
    }
    // replaceOp wants equal types also where no use is left.
    for (auto [value, result] : llvm::zip_equal(values, op.getResults()))
      rewriter.replaceAllUsesWith(result, value);
    rewriter.eraseOp(op);
    return success();
  }
};

} // namespace

void ConcatOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                           MLIRContext *context) {
  patterns.add<DropEmptyInputs>(context);
}

void IfOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                       MLIRContext *context) {
  patterns.add<InlineConstantIf>(context);
}

//===- SinkReshapes.cpp - Reshapes out of what could be one kernel --------===//

#include "dialects/tenon/TenonOps.h"
#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_SINKRESHAPES
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// `value` under the shape of `model`, which has as many elements. A cast that
/// its reader computes stays next to it.
static Value reshapeLike(OpBuilder &builder, Location loc, Value value,
                         Value model) {
  Type type = getType(model).clone(getType(value).getElementType());
  if (CastOp cast = getWideningCast(value))
    return CastOp::create(builder, loc, type,
                          reshapeLike(builder, loc, cast.getInput(), model),
                          cast.getTo());
  return ReshapeOp::create(
      builder, loc, type, value,
      createShapeOperand(builder, loc, getViewSizes(builder, loc, model)));
}

/// `value` as `[1, ..., 1, C]` of rank `rank`.
static Value reshapeToChannels(OpBuilder &builder, Location loc, Value value,
                               int64_t rank) {
  RankedTensorType type = getType(value);
  SmallVector<int64_t> sizes(rank, 1);
  sizes.back() = type.getShape().back();
  SmallVector<OpFoldResult> shape;
  for (int64_t size : sizes)
    shape.push_back(builder.getI64IntegerAttr(size));
  return ReshapeOp::create(builder, loc,
                           RankedTensorType::get(sizes, type.getElementType()),
                           value, createShapeOperand(builder, loc, shape));
}

namespace {

/// op(reshape(x), y)  →  reshape(op(x, reshape⁻¹(y)))
///
/// 1. `x` comes from an anchor or an elementwise operation, and nobody else
///    reads it or its reshape: the operation joins the kernel that computes it.
/// 2. The operation keeps the shape.
/// 3. What else it reads is one value, or has the same shape, or has one value
///    for each index of the last dimension, which the reshape keeps.
/// 4. No other operand has a producer that the operation would rather join:
///    its reshape would sink in turn, and bring this one back.
struct SinkReshape
    : CountedPattern<OpInterfaceRewritePattern<ElementwiseOpInterface>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "not one result");
    auto reshape = getBestOperand(op).getDefiningOp<ReshapeOp>();
    if (!reshape || !canSink(reshape, op))
      return rewriter.notifyMatchFailure(op, "no reshape to sink");
    sink(reshape, op, rewriter);
    ++count;
    return success();
  }

private:
  enum class Role { Reshaped, Scalar, SameShape, Channels, Other };

  static Role getRole(Value operand, ReshapeOp reshape) {
    RankedTensorType type = getType(operand);
    RankedTensorType inside = getType(reshape.getInput());
    RankedTensorType outside = getType(reshape.getOutput());
    if (operand == reshape.getOutput())
      return Role::Reshaped;
    if (type.getRank() == 0)
      return Role::Scalar;
    if (type.getShape() == outside.getShape())
      return Role::SameShape;
    int64_t last = type.getShape().back();
    if (llvm::all_of(type.getShape().drop_back(),
                     [](int64_t size) { return size == 1; }) &&
        !ShapedType::isDynamic(last) && inside.getRank() != 0 &&
        (last == 1 || (last == inside.getShape().back() &&
                       last == outside.getShape().back())))
      return Role::Channels;
    return Role::Other;
  }

  /// How much an operation gains by joining the kernel that computes `operand`,
  /// behind reshapes or not: anchors first.
  static int getGain(Value operand) {
    // Sizes are computed without the tensor.
    int64_t numUses = 0;
    for (Operation *user : operand.getUsers())
      if (!isa<tensor::DimOp>(user) && ++numUses == 2)
        return 0;
    if (numUses != 1)
      return 0;
    if (auto reshape = operand.getDefiningOp<ReshapeOp>())
      return getGain(reshape.getInput());
    Operation *producer = operand.getDefiningOp();
    if (isa_and_nonnull<ConvOp, ConvTransposeOp, MatMulOp>(producer))
      return 2;
    return isa_and_nonnull<ElementwiseOpInterface>(producer) ? 1 : 0;
  }

  /// The first of the operands that have the largest gain.
  static Value getBestOperand(Operation *op) {
    Value best;
    int bestGain = -1;
    for (Value operand : op->getOperands())
      if (int gain = getGain(operand); gain > bestGain) {
        best = operand;
        bestGain = gain;
      }
    return best;
  }

  static bool canSink(ReshapeOp reshape, Operation *op) {
    return reshape->hasOneUse() && getGain(reshape.getOutput()) > 0 &&
           !reshape.getInput().getDefiningOp<ReshapeOp>() &&
           getType(op->getResult(0)).getShape() ==
               getType(reshape.getOutput()).getShape() &&
           llvm::all_of(op->getOperands(), [&](Value operand) {
             return getRole(operand, reshape) != Role::Other;
           });
  }

  static void sink(ReshapeOp reshape, Operation *op,
                   PatternRewriter &rewriter) {
    Location loc = op->getLoc();
    RankedTensorType inside = getType(reshape.getInput());
    SmallVector<Value> operands;
    for (Value operand : op->getOperands()) {
      switch (getRole(operand, reshape)) {
      case Role::Reshaped:
        operands.push_back(reshape.getInput());
        break;
      case Role::SameShape:
        operands.push_back(
            reshapeLike(rewriter, loc, operand, reshape.getInput()));
        break;
      case Role::Channels:
        operands.push_back(
            reshapeToChannels(rewriter, loc, operand, inside.getRank()));
        break;
      case Role::Scalar:
      case Role::Other:
        operands.push_back(operand);
        break;
      }
    }
    Operation *sunk = rewriter.clone(*op);
    rewriter.modifyOpInPlace(sunk, [&] {
      sunk->setOperands(operands);
      sunk->getResult(0).setType(
          inside.clone(getType(op->getResult(0)).getElementType()));
    });
    rewriter.replaceOpWithNewOp<ReshapeOp>(
        op, op->getResult(0).getType(), sunk->getResult(0), reshape.getShape());
    // Now, as a reader that is left would change the gain.
    rewriter.eraseOp(reshape);
  }
};

/// transpose(reshape(slice(x)))  →  transpose(slice(reshape(x)))
///
/// One kernel then moves each element once: so queries, keys and values are
/// taken from one product, head by head.
///
/// 1. Nobody else reads the slice or its reshape.
/// 2. The slice takes columns [begin, end) of a matrix, all known: of the
///    dimensions from its own on.
/// 3. The reshape makes two dimensions of them, of which the inner one divides
///    `begin` and the number of columns that `x` has. What it makes of the rows
///    it makes of those of `x`, too.
struct HoistReshape : CountedPattern<OpRewritePattern<TransposeOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    auto slice =
        reshape ? reshape.getInput().getDefiningOp<SliceOp>() : SliceOp();
    if (!slice || !isOnlyRead(reshape) || !isOnlyRead(slice))
      return rewriter.notifyMatchFailure(op, "no slice of its own");
    // Of the rows of what stands from the slice's dimension on.
    auto starts = getConstantInts(slice.getStarts());
    if (slice.getAxes().size() != 1 || slice.getSteps()[0] != 1 || !starts)
      return rewriter.notifyMatchFailure(op, "no known slice");
    int64_t axis = slice.getAxes()[0];
    auto getColumns = [&](Value tensor) {
      return getType(tensor).getShape().drop_front(axis);
    };
    ArrayRef<int64_t> given = getColumns(slice.getInput());
    if (ShapedType::isDynamicShape(given) ||
        ShapedType::isDynamicShape(getColumns(slice.getOutput())))
      return rewriter.notifyMatchFailure(op, "no known columns");
    int64_t start = starts->front() + (starts->front() < 0 ? given[0] : 0);
    if (start < 0 || start > given[0])
      return rewriter.notifyMatchFailure(op, "starts beyond the columns");
    int64_t columns = ShapedType::getNumElements(given);
    int64_t taken = ShapedType::getNumElements(getColumns(slice.getOutput()));
    int64_t begin = start * ShapedType::getNumElements(given.drop_front());
    RankedTensorType type = getType(reshape.getOutput());
    FailureOr<SmallVector<OpFoldResult>> sizes =
        getShapeElements(reshape.getShape());
    if (type.getRank() < 2 || failed(sizes) || taken == 0)
      return rewriter.notifyMatchFailure(op, "no two dimensions");
    int64_t inner = type.getShape().back(), outer = type.getRank() - 2;
    if (ShapedType::isDynamic(inner) || inner == 0 ||
        type.isDynamicDim(outer) || type.getDimSize(outer) * inner != taken ||
        columns % inner != 0 || begin % inner != 0)
      return rewriter.notifyMatchFailure(op, "not of whole parts");

    rewriter.setInsertionPoint(reshape);
    Location loc = slice.getLoc();
    SmallVector<int64_t> shape(type.getShape());
    shape[outer] = columns / inner;
    (*sizes)[outer] = rewriter.getI64IntegerAttr(columns / inner);
    Value whole = ReshapeOp::create(rewriter, reshape.getLoc(),
                                    type.clone(shape), slice.getInput(),
                                    createShapeOperand(rewriter, loc, *sizes));
    auto bound = [&](int64_t column) {
      return createShapeOperand(
          rewriter, loc,
          OpFoldResult(rewriter.getI64IntegerAttr(column / inner)));
    };
    Value part = SliceOp::create(
        rewriter, loc, type, whole, bound(begin), bound(begin + taken),
        rewriter.getDenseI64ArrayAttr(outer), rewriter.getDenseI64ArrayAttr(1));
    rewriter.replaceOp(reshape, part);
    ++count;
    return success();
  }

private:
  /// Sizes are computed without the tensor.
  static bool isOnlyRead(Operation *op) {
    return llvm::count_if(op->getUsers(), [](Operation *user) {
             return !isa<tensor::DimOp>(user);
           }) == 1;
  }
};

struct SinkReshapes : tenon::impl::SinkReshapesBase<SinkReshapes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkReshape>(&getContext(), numSunk);
    patterns.add<HoistReshape>(&getContext(), numHoisted);
    GreedyRewriteConfig config;
    config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

//===- SinkReshapes.cpp - Reshapes below elementwise operations -----------===//

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

struct SinkReshapes : tenon::impl::SinkReshapesBase<SinkReshapes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SinkReshape>(&getContext(), numSunk);
    GreedyRewriteConfig config;
    config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

//===- ScalarizeTensors.cpp - Small tensors as scalars --------------------===//

#include "transforms/simplify/ScalarizeTensors.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/DimResolver.h"
#include "transforms/simplify/ElementCopies.h"

using namespace mlir;

namespace tenon {

namespace {
/// What the patterns share.
class ScalarSource {
public:
  ScalarSource(int64_t maxElements, int64_t &counter)
      : maxElements(maxElements), counter(&counter) {}

  /// Whether a tensor of this type is small and of elements that `arith` knows.
  bool isSmall(Type type) const {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape() &&
           tensor.getNumElements() <= maxElements &&
           tensor.getElementType().isSignlessIntOrFloat();
  }

  /// Whether the elements of `tensor` are there as scalars: joined from
  /// scalars, constant, or one integer that the function is given.
  bool hasScalars(Value tensor) const {
    if (!isSmall(tensor.getType()))
      return false;
    if (tensor.getDefiningOp<tensor::FromElementsOp>())
      return true;
    auto type = cast<RankedTensorType>(tensor.getType());
    if (auto argument = dyn_cast<BlockArgument>(tensor))
      return type.getNumElements() == 1 &&
             type.getElementType().isSignlessInteger() &&
             isa<func::FuncOp>(argument.getOwner()->getParentOp());
    return ConstantView::get(tensor).has_value();
  }

  /// The elements of `tensor`, for which `hasScalars` holds.
  SmallVector<Value> getScalars(OpBuilder &builder, Location loc,
                                Value tensor) const {
    if (auto elements = tensor.getDefiningOp<tensor::FromElementsOp>())
      return elements.getElements();
    auto type = cast<RankedTensorType>(tensor.getType());
    Type element = type.getElementType();
    if (isa<BlockArgument>(tensor)) {
      SmallVector<Value> zeros;
      if (type.getRank() != 0)
        zeros.assign(type.getRank(),
                     arith::ConstantIndexOp::create(builder, loc, 0));
      return {tensor::ExtractOp::create(builder, loc, tensor, zeros)};
    }
    ConstantView view = *ConstantView::get(tensor);
    SmallVector<Value> scalars;
    for (int64_t i = 0, e = view.getNumElements(); i != e; ++i) {
      TypedAttr value;
      if (isa<FloatType>(element))
        value = builder.getFloatAttr(element, view.getDouble(i));
      else
        value = builder.getIntegerAttr(element, view.getInteger(i));
      scalars.push_back(arith::ConstantOp::create(builder, loc, value));
    }
    return scalars;
  }

  void replace(PatternRewriter &rewriter, Operation *op,
               ValueRange scalars) const {
    rewriter.replaceOpWithNewOp<tensor::FromElementsOp>(
        op, op->getResult(0).getType(), scalars);
    ++*counter;
  }

private:
  int64_t maxElements;
  int64_t *counter;
};

/// shape(x) -> from_elements(index_cast(dim(x, 0)), ...)
struct ScalarizeShape : OpRewritePattern<ShapeOp> {
  ScalarizeShape(MLIRContext *context, ScalarSource source)
      : OpRewritePattern(context), source(source) {}

  LogicalResult matchAndRewrite(ShapeOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    auto type = cast<RankedTensorType>(op.getInput().getType());
    if (!op.getOutput().getType().hasStaticShape())
      return rewriter.notifyMatchFailure(op, "type is not inferred yet");
    SmallVector<Value> scalars;
    for (int64_t i = 0, e = type.getRank(); i != e; ++i) {
      if (!type.isDynamicDim(i)) {
        scalars.push_back(arith::ConstantOp::create(
            rewriter, loc, rewriter.getI64IntegerAttr(type.getDimSize(i))));
        continue;
      }
      Value dim = tensor::DimOp::create(rewriter, loc, op.getInput(), i);
      scalars.push_back(arith::IndexCastOp::create(rewriter, loc,
                                                   rewriter.getI64Type(), dim));
    }
    source.replace(rewriter, op, scalars);
    return success();
  }

  ScalarSource source;
};

/// Whether the operation may be done beside kernels: what integers are computed
/// with, and of floats what is computed on the way from one size to another.
static bool isIndexLike(Operation *op) {
  auto isFloat = [](Value value) {
    return isa<FloatType>(getElementTypeOrSelf(value));
  };
  return isa<AddOp, SubOp, MulOp, DivOp, MaxOp, MinOp, NegOp, CeilOp, FloorOp,
             CastOp, WhereOp, EqualOp, LessOp, LessEqualOp, GreaterOp,
             GreaterEqualOp>(op) ||
         (llvm::none_of(op->getOperands(), isFloat) &&
          llvm::none_of(op->getResults(), isFloat));
}

/// add(from_elements(a, b), constant) -> from_elements(a + c0, b + c1)
struct ScalarizeElementwise
    : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  ScalarizeElementwise(MLIRContext *context, ScalarSource source)
      : OpInterfaceRewritePattern(context), source(source) {}

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (!source.isSmall(op->getResult(0).getType()))
      return rewriter.notifyMatchFailure(op, "result is not small");
    if (!isIndexLike(op))
      return rewriter.notifyMatchFailure(op, "is more than index arithmetic");
    if (!llvm::all_of(op->getOperands(),
                      [&](Value v) { return source.hasScalars(v); }))
      return rewriter.notifyMatchFailure(op, "an operand is not scalars");
    // Constants alone are folded with less work.
    if (llvm::all_of(op->getOperands(),
                     [](Value v) { return matchPattern(v, m_Constant()); }))
      return rewriter.notifyMatchFailure(op, "operands are constant");

    Location loc = op->getLoc();
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<SmallVector<Value>> operands;
    SmallVector<SmallVector<int64_t>> strides;
    for (Value operand : op->getOperands()) {
      operands.push_back(source.getScalars(rewriter, loc, operand));
      strides.push_back(getBroadcastStrides(
          cast<RankedTensorType>(operand.getType()), type.getRank()));
    }
    SmallVector<int64_t> resultStrides = getRowMajorStrides(type.getShape());
    SmallVector<Value> scalars;
    for (int64_t i = 0, e = type.getNumElements(); i != e; ++i) {
      SmallVector<Value> arguments;
      for (auto [elements, operandStrides] :
           llvm::zip_equal(operands, strides)) {
        int64_t at = 0;
        for (int64_t dim = 0; dim != type.getRank(); ++dim)
          at += i / resultStrides[dim] % type.getDimSize(dim) *
                operandStrides[dim];
        arguments.push_back(elements[at]);
      }
      scalars.push_back(op.buildBody(rewriter, loc, arguments));
    }
    source.replace(rewriter, op, scalars);
    return success();
  }

  /// Strides in a flattened operand, 0 where it broadcasts.
  static SmallVector<int64_t> getBroadcastStrides(RankedTensorType type,
                                                  int64_t rank) {
    if (type.getRank() != rank)
      return SmallVector<int64_t>(rank, 0);
    SmallVector<int64_t> strides = getRowMajorStrides(type.getShape());
    for (auto [stride, size] : llvm::zip_equal(strides, type.getShape()))
      if (size == 1)
        stride = 0;
    return strides;
  }

  ScalarSource source;
};

/// concat(from_elements(a), constant) -> from_elements(a, c0), and every other
/// operation that only moves elements.
struct ScalarizeMovement : RewritePattern {
  ScalarizeMovement(MLIRContext *context, ScalarSource source)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context),
        source(source) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || !isa<TenonDialect>(op->getDialect()) ||
        !source.isSmall(op->getResult(0).getType()))
      return failure();
    if (llvm::all_of(op->getOperands(),
                     [](Value v) { return matchPattern(v, m_Constant()); }))
      return rewriter.notifyMatchFailure(op, "operands are constant");
    FailureOr<ElementMovement> movement = getElementMovement(op);
    if (failed(movement))
      return rewriter.notifyMatchFailure(op, "does not only move elements");

    Location loc = op->getLoc();
    SmallVector<unsigned> used;
    for (const ElementCopy &copy : movement->copies)
      used.push_back(copy.operand);
    if (movement->fill)
      used.push_back(*movement->fill);
    for (unsigned operand : used)
      if (!source.hasScalars(op->getOperand(operand)))
        return rewriter.notifyMatchFailure(op, "an operand is not scalars");

    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    SmallVector<Value> scalars(type.getNumElements());
    if (movement->isFilled) {
      Value fill = movement->fill
                       ? source.getScalars(rewriter, loc,
                                           op->getOperand(*movement->fill))[0]
                       : Value(arith::ConstantOp::create(
                             rewriter, loc,
                             rewriter.getZeroAttr(type.getElementType())));
      scalars.assign(scalars.size(), fill);
    }
    for (const ElementCopy &copy : movement->copies) {
      SmallVector<Value> elements =
          source.getScalars(rewriter, loc, op->getOperand(copy.operand));
      forEachRun(copy, [&](int64_t from, int64_t fromStride, int64_t to,
                           int64_t toStride, int64_t count) {
        for (int64_t i = 0; i != count; ++i)
          scalars[to + i * toStride] = elements[from + i * fromStride];
      });
    }
    source.replace(rewriter, op, scalars);
    return success();
  }

  ScalarSource source;
};

/// reduce<prod>(from_elements(a, b)) -> from_elements(a * b)
struct ScalarizeReduce : OpRewritePattern<ReduceOp> {
  ScalarizeReduce(MLIRContext *context, ScalarSource source)
      : OpRewritePattern(context), source(source) {}

  LogicalResult matchAndRewrite(ReduceOp op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op.getInput().getType());
    if (!source.hasScalars(op.getInput()) ||
        !op.getInput().getDefiningOp<tensor::FromElementsOp>())
      return rewriter.notifyMatchFailure(op, "the operand is not scalars");
    if (op.getOutput().getType().getNumElements() != 1 ||
        type.getNumElements() == 0 ||
        !type.getElementType().isSignlessInteger())
      return rewriter.notifyMatchFailure(op, "not to one integer");
    Location loc = op.getLoc();
    SmallVector<Value> elements =
        source.getScalars(rewriter, loc, op.getInput());
    Value result = elements[0];
    for (Value element : ArrayRef<Value>(elements).drop_front()) {
      switch (op.getKind()) {
      case ReduceKind::Sum:
        result = arith::AddIOp::create(rewriter, loc, result, element);
        break;
      case ReduceKind::Prod:
        result = arith::MulIOp::create(rewriter, loc, result, element);
        break;
      case ReduceKind::Max:
        result = arith::MaxSIOp::create(rewriter, loc, result, element);
        break;
      case ReduceKind::Min:
        result = arith::MinSIOp::create(rewriter, loc, result, element);
        break;
      default:
        return rewriter.notifyMatchFailure(op, "kind is not for integers");
      }
    }
    source.replace(rewriter, op, result);
    return success();
  }

  ScalarSource source;
};

/// if (c) { yield from_elements(a) } else { yield from_elements(b) }
/// -> from_elements(select(c, a, b)), where a and b are known outside
struct ScalarizeIf : OpRewritePattern<IfOp> {
  ScalarizeIf(MLIRContext *context, ScalarSource source)
      : OpRewritePattern(context), source(source) {}

  LogicalResult matchAndRewrite(IfOp op,
                                PatternRewriter &rewriter) const override {
    Operation *thenYield = op.getThenRegion().front().getTerminator();
    Operation *elseYield = op.getElseRegion().front().getTerminator();
    bool changed = false;
    for (auto [result, first, second] :
         llvm::zip_equal(op->getResults(), thenYield->getOperands(),
                         elseYield->getOperands())) {
      if (result.use_empty() || first.getType() != result.getType() ||
          second.getType() != result.getType() || !isKnownOutside(op, first) ||
          !isKnownOutside(op, second))
        continue;
      rewriter.setInsertionPoint(op);
      Location loc = op.getLoc();
      Value condition = tensor::ExtractOp::create(
          rewriter, loc, op.getCondition(), ValueRange());
      SmallVector<Value> scalars;
      for (auto [a, b] :
           llvm::zip_equal(source.getScalars(rewriter, loc, first),
                           source.getScalars(rewriter, loc, second)))
        scalars.push_back(
            arith::SelectOp::create(rewriter, loc, condition, a, b));
      rewriter.replaceAllUsesWith(
          result, tensor::FromElementsOp::create(rewriter, loc,
                                                 result.getType(), scalars));
      changed = true;
    }
    return success(changed);
  }

  bool isKnownOutside(IfOp op, Value tensor) const {
    if (!source.hasScalars(tensor))
      return false;
    auto elements = tensor.getDefiningOp<tensor::FromElementsOp>();
    return !elements || llvm::none_of(elements.getElements(), [&](Value v) {
      return op->isAncestor(v.getParentRegion()->getParentOp());
    });
  }

  ScalarSource source;
};

/// Tensors made by other dialects' folders become the dialect's own constants.
struct OwnConstant : OpRewritePattern<arith::ConstantOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ConstantOp op,
                                PatternRewriter &rewriter) const override {
    auto elements = dyn_cast<ElementsAttr>(op.getValue());
    if (!elements || !isa<RankedTensorType>(op.getType()))
      return failure();
    rewriter.replaceOpWithNewOp<ConstantOp>(op, elements);
    return success();
  }
};

} // namespace

void populateScalarizePatterns(RewritePatternSet &patterns, int64_t maxElements,
                               int64_t &counter) {
  ScalarSource source(maxElements, counter);
  patterns.add<ScalarizeShape, ScalarizeElementwise, ScalarizeMovement,
               ScalarizeReduce, ScalarizeIf>(patterns.getContext(), source);
  patterns.add<OwnConstant>(patterns.getContext());
}

} // namespace tenon

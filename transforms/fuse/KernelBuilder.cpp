//===- KernelBuilder.cpp - Operations become a kernel ---------------------===//

#include "transforms/fuse/KernelBuilder.h"

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Analysis/TopologicalSortUtils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "transforms/fuse/Groups.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tenon;

/// The most numbers that a kernel chooses among instead of reading them.
static constexpr int64_t kMaxNumbers = 8;

/// Whether generated code computes with an operand wherever it comes from.
static bool isComputedWith(OpOperand &operand) {
  return isa<ElementwiseOpInterface, RangeOp>(operand.getOwner()) ||
         (isa<PadOp>(operand.getOwner()) && operand.getOperandNumber() == 2);
}

/// Whether a constant is worth copying into a kernel instead of being read: one
/// value, for an operation that computes with it.
static bool isClonedConstant(OpOperand &operand) {
  auto constant = operand.get().getDefiningOp<ConstantOp>();
  return constant && getConstantScalar(constant.getOutput()) &&
         isComputedWith(operand);
}

/// The cast that an operation computes by itself, so that its kernel reads what
/// is narrow, or null: one to f32 of what it computes with element by element.
static CastOp getClonedCast(OpOperand &operand) {
  Operation *reader = operand.getOwner();
  if (isa<ElementwiseOpInterface>(reader) ||
      (isa<SoftmaxOp, LogSoftmaxOp, LayerNormOp, ReduceOp>(reader) &&
       operand.getOperandNumber() == 0))
    return getWideningCast(operand.get());
  return {};
}

namespace {

/// Builds one kernel; see createKernel.
class KernelBuilder {
public:
  KernelBuilder(RewriterBase &rewriter, ArrayRef<Operation *> ops)
      : rewriter(rewriter), ops(ops.begin(), ops.end()) {
    llvm::sort(this->ops, [](Operation *a, Operation *b) {
      return a->isBeforeInBlock(b);
    });
    group.insert(this->ops.begin(), this->ops.end());
    hasAnchor =
        llvm::any_of(ops, llvm::IsaPred<ConvOp, ConvTransposeOp, MatMulOp>);
  }

  FailureOr<KernelOp> build();

private:
  void collectOutputs();
  LogicalResult collectOperands();
  LogicalResult collectShapeOperand(OpOperand &operand);
  tensor::FromElementsOp getNumbers(OpOperand &operand);
  void collectNumbers(tensor::FromElementsOp op);
  /// The value of type `index` that holds an element of a shape operand.
  Value getIndexOf(Value element);
  FailureOr<Value> getDim(Operation *before, OpResult value, int64_t index);
  Location getFusedLoc();
  void fillBody(KernelOp kernel);
  Value getScalar(OpBuilder &builder, KernelOp kernel, Value scalar, Type type);
  Value buildShapeOperand(OpBuilder &builder, Value shape, KernelOp kernel);
  Value buildNumbers(OpBuilder &builder, tensor::FromElementsOp op,
                     KernelOp kernel);

  RewriterBase &rewriter;
  SmallVector<Operation *> ops;
  llvm::SmallPtrSet<Operation *, 8> group;
  SmallVector<OpResult> outputs;
  llvm::SetVector<Value> inputs;
  llvm::SetVector<Value> scalars;
  /// A shape operand → its elements, constants or values of type `index`.
  llvm::MapVector<Value, SmallVector<OpFoldResult>> shapes;
  /// The same of other operands that are joined from numbers.
  llvm::MapVector<tensor::FromElementsOp, SmallVector<OpFoldResult>> numbers;
  /// What a library may run; it reads all operands from memory.
  bool hasAnchor;
};

} // namespace

void KernelBuilder::collectOutputs() {
  for (Operation *op : ops)
    for (OpResult result : op->getResults())
      // Some compute in the memory of all their results.
      if (isa<UniqueOp, NonMaxSuppressionOp>(op) ||
          llvm::any_of(result.getUsers(),
                       [&](Operation *user) { return !group.contains(user); }))
        outputs.push_back(result);
  // An operation that nobody reads is computed all the same: dropping it is
  // not this pass's business.
  if (outputs.empty())
    llvm::append_range(outputs, ops.back()->getResults());
}

LogicalResult KernelBuilder::collectOperands() {
  for (Operation *op : ops)
    for (OpOperand &operand : op->getOpOperands()) {
      if (isShapeOperand(operand)) {
        if (failed(collectShapeOperand(operand)))
          return failure();
        continue;
      }
      Operation *producer = operand.get().getDefiningOp();
      if ((producer && group.contains(producer)) || isClonedConstant(operand))
        continue;
      if (tensor::FromElementsOp joined = getNumbers(operand)) {
        collectNumbers(joined);
        continue;
      }
      CastOp cast = getClonedCast(operand);
      inputs.insert(cast ? cast.getInput() : operand.get());
    }
  return success();
}

Value KernelBuilder::getIndexOf(Value element) {
  if (auto cast = element.getDefiningOp<arith::IndexCastOp>())
    if (cast.getIn().getType().isIndex())
      return cast.getIn();
  return arith::IndexCastOp::create(rewriter, element.getLoc(),
                                    rewriter.getIndexType(), element);
}

LogicalResult KernelBuilder::collectShapeOperand(OpOperand &operand) {
  Value shape = operand.get();
  if (shapes.contains(shape))
    return success();
  SmallVector<OpFoldResult> elements;
  FailureOr<SmallVector<OpFoldResult>> known = getShapeElements(shape);
  if (succeeded(known)) {
    for (OpFoldResult element : *known) {
      APInt constant;
      if (auto value = dyn_cast<Value>(element)) {
        if (matchPattern(value, m_ConstantInt(&constant)))
          elements.push_back(
              rewriter.getI64IntegerAttr(constant.getSExtValue()));
        else
          elements.push_back(getIndexOf(value));
      } else {
        elements.push_back(element);
      }
    }
  } else {
    // Computed by the model itself: read it before the kernel.
    auto type = cast<RankedTensorType>(shape.getType());
    if (!type.hasStaticShape())
      return operand.getOwner()->emitOpError(
                 "has a shape operand of unknown length: ")
             << type;
    if (Operation *producer = shape.getDefiningOp();
        producer && group.contains(producer))
      return operand.getOwner()->emitOpError(
          "has a shape operand that is computed in the same kernel");
    Location loc = operand.getOwner()->getLoc();
    for (int64_t i = 0; i != type.getDimSize(0); ++i) {
      Value index = arith::ConstantIndexOp::create(rewriter, loc, i);
      elements.push_back(
          getIndexOf(tensor::ExtractOp::create(rewriter, loc, shape, index)));
    }
  }
  for (OpFoldResult element : elements)
    if (auto value = dyn_cast<Value>(element))
      scalars.insert(value);
  shapes.insert({shape, std::move(elements)});
  return success();
}

/// What joins the operand from a few numbers that are known before the kernel,
/// or null: it gets them as scalars. In memory they would be the processor's,
/// which a kernel of a device waits for.
tensor::FromElementsOp KernelBuilder::getNumbers(OpOperand &operand) {
  auto op = operand.get().getDefiningOp<tensor::FromElementsOp>();
  if (!op || hasAnchor || !isComputedWith(operand))
    return {};
  RankedTensorType type = op.getType();
  int64_t count = type.getNumElements();
  bool isSmall =
      count == 1 || (type.getRank() == 1 && count > 0 && count <= kMaxNumbers);
  Type element = type.getElementType();
  return isSmall && element.isSignlessIntOrFloat() &&
                 element.getIntOrFloatBitWidth() <= 64
             ? op
             : tensor::FromElementsOp();
}

void KernelBuilder::collectNumbers(tensor::FromElementsOp op) {
  SmallVector<OpFoldResult> &elements = numbers[op];
  if (!elements.empty())
    return;
  for (Value element : op.getElements()) {
    Attribute constant;
    if (matchPattern(element, m_Constant(&constant))) {
      elements.push_back(constant);
      continue;
    }
    // The bits, which a size has room for.
    if (isa<FloatType>(element.getType()))
      element = arith::BitcastOp::create(
          rewriter, element.getLoc(),
          rewriter.getIntegerType(element.getType().getIntOrFloatBitWidth()),
          element);
    Value scalar = getIndexOf(element);
    elements.push_back(scalar);
    scalars.insert(scalar);
  }
}

/// Dimension `index` of a result of the group, computed before operation
/// `before` from what is known there: operations of the group tell it in terms
/// of their operands, until these are not of the group.
FailureOr<Value> KernelBuilder::getDim(Operation *before, OpResult value,
                                       int64_t index) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(before);
  Location loc = value.getLoc();
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.isDynamicDim(index))
    return arith::ConstantIndexOp::create(rewriter, loc, type.getDimSize(index))
        .getResult();

  Operation *op = value.getOwner();
  auto shaped = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  ReifiedRankedShapedTypeDims sizes;
  Operation *last = before->getPrevNode();
  if (!shaped || failed(shaped.reifyResultShapes(rewriter, sizes)))
    return op->emitOpError("has a result whose dimension ")
           << index << " can't be known before it is computed";
  Value size = getValueOrCreateConstantIndexOp(
      rewriter, loc, sizes[value.getResultNumber()][index]);

  // Reification tells all dimensions: drop the others, then go on where the
  // wanted one depends on a value of the group.
  SmallVector<Operation *> created;
  Operation *first = last ? last->getNextNode() : &before->getBlock()->front();
  for (Operation *it = first; it != before; it = it->getNextNode())
    created.push_back(it);
  SmallVector<tensor::DimOp> dims;
  for (Operation *it : llvm::reverse(created)) {
    if (it != size.getDefiningOp() && isOpTriviallyDead(it))
      rewriter.eraseOp(it);
    else if (auto dim = dyn_cast<tensor::DimOp>(it))
      dims.push_back(dim);
  }
  for (tensor::DimOp dim : dims) {
    if (CastOp cast = getWideningCast(dim.getSource());
        cast && !group.contains(cast))
      dim.getSourceMutable().assign(cast.getInput());
    auto source = dyn_cast<OpResult>(dim.getSource());
    std::optional<int64_t> sourceIndex = dim.getConstantIndex();
    if (!source || !sourceIndex || !group.contains(source.getOwner()))
      continue;
    FailureOr<Value> replacement = getDim(dim, source, *sourceIndex);
    if (failed(replacement))
      return failure();
    if (dim.getResult() == size)
      size = *replacement;
    rewriter.replaceOp(dim, *replacement);
  }
  return size;
}

/// The nodes of the model that the kernel runs.
Location KernelBuilder::getFusedLoc() {
  llvm::SetVector<Location> locs;
  for (Operation *op : ops) {
    if (auto fused = dyn_cast<FusedLoc>(op->getLoc()))
      locs.insert_range(fused.getLocations());
    else
      locs.insert(op->getLoc());
  }
  return FusedLoc::get(rewriter.getContext(), locs.getArrayRef());
}

/// What `scalar` is within the kernel, as a number of `type`.
Value KernelBuilder::getScalar(OpBuilder &builder, KernelOp kernel,
                               Value scalar, Type type) {
  Location loc = kernel.getLoc();
  size_t place = llvm::find(scalars, scalar) - scalars.begin();
  Value argument = kernel.getBody().front().getArgument(inputs.size() + place);
  Type integer = builder.getIntegerType(type.getIntOrFloatBitWidth());
  Value number = arith::IndexCastOp::create(builder, loc, integer, argument);
  return integer == type
             ? number
             : arith::BitcastOp::create(builder, loc, type, number).getResult();
}

Value KernelBuilder::buildShapeOperand(OpBuilder &builder, Value shape,
                                       KernelOp kernel) {
  SmallVector<OpFoldResult> elements(shapes[shape]);
  for (OpFoldResult &element : elements)
    if (auto value = dyn_cast<Value>(element))
      element = getScalar(builder, kernel, value, builder.getI64Type());
  return createShapeOperand(builder, kernel.getLoc(), elements);
}

Value KernelBuilder::buildNumbers(OpBuilder &builder, tensor::FromElementsOp op,
                                  KernelOp kernel) {
  SmallVector<Value> elements;
  for (OpFoldResult element : numbers[op]) {
    if (auto value = dyn_cast<Value>(element))
      elements.push_back(
          getScalar(builder, kernel, value, op.getType().getElementType()));
    else
      elements.push_back(arith::ConstantOp::create(
          builder, kernel.getLoc(), cast<TypedAttr>(cast<Attribute>(element))));
  }
  return tensor::FromElementsOp::create(builder, kernel.getLoc(), op.getType(),
                                        elements);
}

void KernelBuilder::fillBody(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  OpBuilder builder = OpBuilder::atBlockEnd(&body, rewriter.getListener());
  IRMapping mapping;
  for (auto [input, argument] : llvm::zip(inputs, body.getArguments()))
    mapping.map(input, argument);
  // A shape operand may be data for another operation, so that it is no
  // matter of the mapping.
  llvm::DenseMap<Value, Value> shapesInside;
  for (auto &[shape, elements] : shapes)
    shapesInside[shape] = buildShapeOperand(builder, shape, kernel);
  for (auto &[joined, elements] : numbers)
    mapping.map(joined.getResult(), buildNumbers(builder, joined, kernel));
  for (Operation *op : ops) {
    for (OpOperand &operand : op->getOpOperands())
      if ((isClonedConstant(operand) || getClonedCast(operand)) &&
          !mapping.contains(operand.get()))
        builder.clone(*operand.get().getDefiningOp(), mapping);
    Operation *copy = builder.clone(*op, mapping);
    for (OpOperand &operand : op->getOpOperands())
      if (isShapeOperand(operand))
        copy->setOperand(operand.getOperandNumber(),
                         shapesInside[operand.get()]);
  }
  SmallVector<Value> values;
  for (OpResult output : outputs)
    values.push_back(mapping.lookup(output));
  YieldOp::create(builder, kernel.getLoc(), values);
}

FailureOr<KernelOp> KernelBuilder::build() {
  OpBuilder::InsertionGuard guard(rewriter);
  Operation *last = ops.back();
  rewriter.setInsertionPoint(last);
  collectOutputs();
  if (failed(collectOperands()))
    return failure();
  SmallVector<Value> dims;
  for (OpResult output : outputs) {
    auto type = cast<RankedTensorType>(output.getType());
    for (int64_t i = 0; i != type.getRank(); ++i) {
      if (!type.isDynamicDim(i))
        continue;
      FailureOr<Value> dim = getDim(last, output, i);
      if (failed(dim))
        return failure();
      dims.push_back(*dim);
    }
  }

  rewriter.setInsertionPoint(last);
  SmallVector<Type> types;
  for (OpResult output : outputs)
    types.push_back(output.getType());
  auto kernel =
      KernelOp::create(rewriter, getFusedLoc(), types, inputs.getArrayRef(),
                       scalars.getArrayRef(), dims);
  fillBody(kernel);

  bool isSorted = true;
  for (auto [output, result] : llvm::zip(outputs, kernel.getOutputs())) {
    rewriter.replaceAllUsesWith(output, result);
    for (Operation *user : result.getUsers()) {
      Operation *ancestor = kernel->getBlock()->findAncestorOpInBlock(*user);
      if (ancestor && ancestor != kernel && !group.contains(ancestor))
        isSorted &= kernel->isBeforeInBlock(ancestor);
    }
  }
  for (Operation *op : llvm::reverse(ops))
    rewriter.eraseOp(op);
  if (!isSorted)
    sortTopologically(kernel->getBlock());
  return kernel;
}

FailureOr<KernelOp> tenon::createKernel(RewriterBase &rewriter,
                                        ArrayRef<Operation *> ops) {
  return KernelBuilder(rewriter, ops).build();
}

//===- TenonShapes.cpp - Arithmetic on dimensions -------------------------===//

#include "dialects/tenon/TenonShapes.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

//===----------------------------------------------------------------------===//
// DimBuilder
//===----------------------------------------------------------------------===//

Dim DimBuilder::build(ArrayRef<Dim> operands,
                      llvm::function_ref<Value(OpBuilder &)> make) {
  if (!builder || llvm::any_of(operands, [](const Dim &operand) {
        return operand.isUnknown();
      }))
    return Dim::unknown();
  return Dim(make(*builder));
}

Value DimBuilder::materialize(Dim dim) {
  if (dim.isConstant())
    return arith::ConstantIndexOp::create(*builder, *loc, dim.getConstant());
  return dim.getValue();
}

Dim DimBuilder::add(Dim a, Dim b) {
  int64_t sum;
  if (a.isConstant() && b.isConstant() &&
      !llvm::AddOverflow(a.getConstant(), b.getConstant(), sum))
    return sum;
  if (a.isConstant() && a.getConstant() == 0)
    return b;
  if (b.isConstant() && b.getConstant() == 0)
    return a;
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::AddIOp::create(builder, *loc, materialize(a), materialize(b));
  });
}

Dim DimBuilder::sub(Dim a, Dim b) {
  int64_t difference;
  if (a.isConstant() && b.isConstant() &&
      !llvm::SubOverflow(a.getConstant(), b.getConstant(), difference))
    return difference;
  if (b.isConstant() && b.getConstant() == 0)
    return a;
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::SubIOp::create(builder, *loc, materialize(a), materialize(b));
  });
}

Dim DimBuilder::mul(Dim a, Dim b) {
  int64_t product;
  if (a.isConstant() && b.isConstant() &&
      !llvm::MulOverflow(a.getConstant(), b.getConstant(), product))
    return product;
  if (a.isConstant() && a.getConstant() == 1)
    return b;
  if (b.isConstant() && b.getConstant() == 1)
    return a;
  if ((a.isConstant() && a.getConstant() == 0) ||
      (b.isConstant() && b.getConstant() == 0))
    return 0;
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::MulIOp::create(builder, *loc, materialize(a), materialize(b));
  });
}

Dim DimBuilder::floorDiv(Dim a, Dim b) {
  if (a.isConstant() && b.isConstant() && b.getConstant() > 0)
    return llvm::divideFloorSigned(a.getConstant(), b.getConstant());
  if (b.isConstant() && b.getConstant() == 1)
    return a;
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::FloorDivSIOp::create(builder, *loc, materialize(a),
                                       materialize(b));
  });
}

Dim DimBuilder::ceilDiv(Dim a, Dim b) {
  if (a.isConstant() && b.isConstant() && b.getConstant() > 0)
    return llvm::divideCeilSigned(a.getConstant(), b.getConstant());
  if (b.isConstant() && b.getConstant() == 1)
    return a;
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::CeilDivSIOp::create(builder, *loc, materialize(a),
                                      materialize(b));
  });
}

Dim DimBuilder::min(Dim a, Dim b) {
  if (a.isConstant() && b.isConstant())
    return std::min(a.getConstant(), b.getConstant());
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::MinSIOp::create(builder, *loc, materialize(a),
                                  materialize(b));
  });
}

Dim DimBuilder::max(Dim a, Dim b) {
  if (a.isConstant() && b.isConstant())
    return std::max(a.getConstant(), b.getConstant());
  return build({a, b}, [&](OpBuilder &builder) -> Value {
    return arith::MaxSIOp::create(builder, *loc, materialize(a),
                                  materialize(b));
  });
}

Dim DimBuilder::selectLess(Dim a, Dim b, Dim ifTrue, Dim ifFalse) {
  if (a.isConstant() && b.isConstant())
    return a.getConstant() < b.getConstant() ? ifTrue : ifFalse;
  if (ifTrue.isConstant() && ifFalse.isConstant() &&
      ifTrue.getConstant() == ifFalse.getConstant())
    return ifTrue;
  return build({a, b, ifTrue, ifFalse}, [&](OpBuilder &builder) -> Value {
    Value less = arith::CmpIOp::create(builder, *loc, arith::CmpIPredicate::slt,
                                       materialize(a), materialize(b));
    return arith::SelectOp::create(builder, *loc, less, materialize(ifTrue),
                                   materialize(ifFalse));
  });
}

Dim DimBuilder::selectEqual(Dim a, Dim b, Dim ifTrue, Dim ifFalse) {
  if (a.isConstant() && b.isConstant())
    return a.getConstant() == b.getConstant() ? ifTrue : ifFalse;
  return build({a, b, ifTrue, ifFalse}, [&](OpBuilder &builder) -> Value {
    Value equal = arith::CmpIOp::create(builder, *loc, arith::CmpIPredicate::eq,
                                        materialize(a), materialize(b));
    return arith::SelectOp::create(builder, *loc, equal, materialize(ifTrue),
                                   materialize(ifFalse));
  });
}

Dim DimBuilder::dim(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return type.getDimSize(index);
  return build({}, [&](OpBuilder &builder) -> Value {
    return tensor::DimOp::create(builder, *loc, tensor, index);
  });
}

TensorShape DimBuilder::shape(Value tensor) {
  TensorShape shape;
  for (int64_t i = 0, e = cast<RankedTensorType>(tensor.getType()).getRank();
       i != e; ++i)
    shape.push_back(dim(tensor, i));
  return shape;
}

Dim DimBuilder::element(Value tensor, int64_t index) {
  if (std::optional<SmallVector<int64_t>> constants = getConstantInts(tensor))
    return index < int64_t(constants->size()) ? Dim((*constants)[index])
                                              : Dim::unknown();
  if (auto elements = tensor.getDefiningOp<tensor::FromElementsOp>()) {
    Value element = elements.getElements()[index];
    APInt constant;
    if (matchPattern(element, m_ConstantInt(&constant)))
      return constant.getSExtValue();
    // Most elements are dimensions cast from `index`: undo that.
    if (auto cast = element.getDefiningOp<arith::IndexCastOp>())
      if (cast.getIn().getType().isIndex())
        return builder ? Dim(cast.getIn()) : Dim::unknown();
  }
  return build({}, [&](OpBuilder &builder) -> Value {
    SmallVector<Value> indices;
    if (cast<RankedTensorType>(tensor.getType()).getRank() == 1)
      indices.push_back(arith::ConstantIndexOp::create(builder, *loc, index));
    Value element = tensor::ExtractOp::create(builder, *loc, tensor, indices);
    return arith::IndexCastOp::create(builder, *loc, builder.getIndexType(),
                                      element);
  });
}

LogicalResult DimBuilder::requireEqual(Dim a, Dim b, const Twine &what) {
  if (a.isConstant() && b.isConstant())
    return a.getConstant() == b.getConstant()
               ? success()
               : error(what + " has to be one size, but it is " +
                       Twine(a.getConstant()) + " and " +
                       Twine(b.getConstant()));
  if (!guard || a.isUnknown() || b.isUnknown() || a.getValue() == b.getValue())
    return success();
  guard(materialize(a), materialize(b), what);
  return success();
}

LogicalResult DimBuilder::error(const Twine &message) {
  if (opName.empty())
    return emitOptionalError(loc, message);
  return emitOptionalError(loc, "'", opName, "' op ", message);
}

//===----------------------------------------------------------------------===//
// What the generated code calls
//===----------------------------------------------------------------------===//

namespace detail {

LogicalResult inferElementwiseShape(ValueRange operands, DimBuilder &dims,
                                    SmallVectorImpl<TensorShape> &shapes) {
  int64_t rank = 0;
  for (Value operand : operands)
    rank = std::max(rank, cast<RankedTensorType>(operand.getType()).getRank());
  TensorShape shape(rank, Dim(1));
  for (Value operand : operands) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (type.getRank() == 0)
      continue;
    if (type.getRank() != rank)
      return dims.error("operands of an elementwise operation have rank " +
                        Twine(rank) + " or 0, but one has rank " +
                        Twine(type.getRank()));
    for (int64_t i = 0; i != rank; ++i) {
      int64_t size = type.getDimSize(i);
      if (size == 1)
        continue;
      Dim known = shape[i];
      bool isOne = known.isConstant() && known.getConstant() == 1;
      bool isDynamic = ShapedType::isDynamic(size);
      if (!isOne && known.isConstant() && !isDynamic &&
          size != known.getConstant())
        return dims.error("dimension " + Twine(i) + " is " +
                          Twine(known.getConstant()) + " in one operand and " +
                          Twine(size) + " in another");
      if (isOne || (!known.isConstant() && !isDynamic))
        shape[i] = dims.dim(operand, i);
      if (!isOne && dims.isGuarding() &&
          failed(
              dims.requireEqual(known, dims.dim(operand, i),
                                "dimension " + Twine(i) + " of the operands")))
        return failure();
    }
  }
  shapes.push_back(std::move(shape));
  return success();
}

FailureOr<SmallVector<OpOperand *>>
getElementwisePermutedOperands(Operation *op) {
  SmallVector<OpOperand *> operands;
  for (OpOperand &operand : op->getOpOperands())
    if (cast<RankedTensorType>(operand.get().getType()).getRank() != 0)
      operands.push_back(&operand);
  return operands;
}

bool areCompatibleTypes(TypeRange inferred, TypeRange actual) {
  return llvm::all_of_zip(inferred, actual, [](Type a, Type b) {
    return getElementTypeOrSelf(a) == getElementTypeOrSelf(b) &&
           succeeded(verifyCompatibleShape(a, b));
  });
}

LogicalResult verifyResultTypes(Operation *op, TypeRange inferred) {
  for (auto [i, expected, actual] :
       llvm::enumerate(inferred, op->getResultTypes()))
    if (!areCompatibleTypes(expected, actual))
      return op->emitOpError() << "expects result " << i << " to have type "
                               << expected << ", but it has " << actual;
  return success();
}

RankedTensorType makeTensorType(const TensorShape &shape, Type elementType) {
  SmallVector<int64_t> sizes;
  for (const Dim &dim : shape)
    sizes.push_back(dim.getStatic());
  return RankedTensorType::get(sizes, elementType);
}

LogicalResult finishReification(Operation *op, OpBuilder &builder,
                                ArrayRef<TensorShape> shapes,
                                ReifiedRankedShapedTypeDims &reified) {
  for (auto [result, shape] : llvm::zip_equal(op->getResults(), shapes)) {
    SmallVector<OpFoldResult> &sizes = reified.emplace_back();
    auto type = cast<RankedTensorType>(result.getType());
    for (auto [i, dim] : llvm::enumerate(shape)) {
      // A type may know more than the inference (a bound input, a cast).
      if (!type.isDynamicDim(i))
        sizes.push_back(builder.getIndexAttr(type.getDimSize(i)));
      else if (dim.isConstant())
        sizes.push_back(arith::ConstantIndexOp::create(builder, op->getLoc(),
                                                       dim.getConstant())
                            .getResult());
      else if (Value value = dim.getValue())
        sizes.push_back(value);
      else
        return failure();
    }
  }
  return success();
}

} // namespace detail
} // namespace tenon

//===- TenonShapeOperands.cpp - Shapes that operations read ---------------===//

#include "dialects/tenon/TenonShapeOperands.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SmallVectorExtras.h"

using namespace mlir;

namespace tenon {

bool isShapeOperand(OpOperand &operand) {
  unsigned number = operand.getOperandNumber();
  if (isa<SliceOp>(operand.getOwner()))
    return number == 1 || number == 2;
  if (isa<RandomOp>(operand.getOwner()))
    return true;
  if (isa<RequireOp>(operand.getOwner()))
    return number != 0;
  if (isa<NonMaxSuppressionOp>(operand.getOwner()))
    return number == 2;
  return number == 1 &&
         isa<ReshapeOp, ExpandOp, TileOp, PadOp, ResizeOp, NonZeroOp, TopKOp,
             DecodeImageOp>(operand.getOwner());
}

FailureOr<SmallVector<OpFoldResult>> getShapeElements(Value shape) {
  if (std::optional<SmallVector<int64_t>> constants = getConstantInts(shape)) {
    Builder builder(shape.getContext());
    return llvm::map_to_vector(*constants, [&](int64_t size) {
      return OpFoldResult(builder.getI64IntegerAttr(size));
    });
  }
  if (auto elements = shape.getDefiningOp<tensor::FromElementsOp>())
    return SmallVector<OpFoldResult>(elements.getElements());
  return failure();
}

SmallVector<OpFoldResult> getViewSizes(OpBuilder &builder, Location loc,
                                       Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  // Beside a 0, nothing can be inferred.
  bool canInfer =
      type.getNumDynamicDims() == 1 && !llvm::is_contained(type.getShape(), 0);
  SmallVector<OpFoldResult> sizes;
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(size)) {
      sizes.push_back(builder.getI64IntegerAttr(size));
    } else if (canInfer) {
      sizes.push_back(builder.getI64IntegerAttr(-1));
    } else {
      Value dim = tensor::DimOp::create(builder, loc, tensor, i);
      sizes.push_back(
          arith::IndexCastOp::create(builder, loc, builder.getI64Type(), dim)
              .getResult());
    }
  }
  return sizes;
}

Value createShapeOperand(OpBuilder &builder, Location loc,
                         ArrayRef<OpFoldResult> elements) {
  SmallVector<int64_t> constants;
  for (OpFoldResult element : elements)
    if (auto attribute = dyn_cast<Attribute>(element))
      constants.push_back(cast<IntegerAttr>(attribute).getInt());
  auto type =
      RankedTensorType::get({int64_t(elements.size())}, builder.getI64Type());
  if (constants.size() == elements.size())
    return ConstantOp::create(
        builder, loc, DenseElementsAttr::get(type, ArrayRef(constants)));

  SmallVector<Value> values;
  for (OpFoldResult element : elements) {
    if (auto attribute = dyn_cast<Attribute>(element))
      values.push_back(arith::ConstantOp::create(builder, loc,
                                                 cast<IntegerAttr>(attribute)));
    else
      values.push_back(cast<Value>(element));
  }
  return tensor::FromElementsOp::create(builder, loc, type, values);
}

} // namespace tenon

//===- NodeShapes.cpp - Shapes as values, for converters ------------------===//

#include "lib/import/onnx/NodeContext.h"

#include "lib/import/onnx/GraphImporter.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

Value NodeContext::toShapeOperand(Value value) {
  if (hasFailed || !value)
    return {};
  RankedTensorType type = getType(value);
  Type elementType = type.getElementType();
  if (!elementType.isInteger(64) && !elementType.isInteger(32)) {
    std::string found = getTypeName(elementType);
    invalid("expected a shape of int64, found " + found, found, "int64");
    return {};
  }
  if (type.getRank() != 1) {
    invalid("expected a shape of rank 1, found rank " + Twine(type.getRank()),
            "rank " + Twine(type.getRank()), "rank 1");
    return {};
  }
  if (auto constants = importer.known.getConstants(value)) {
    if (elementType.isInteger(64) && value.getDefiningOp<ConstantOp>())
      return value;
    return createInts(*constants);
  }
  return cast(value, builder.getIntegerType(64));
}

Value NodeContext::getShape(Value value) {
  if (hasFailed || !value)
    return {};
  if (getType(value).hasStaticShape())
    return createInts(getType(value).getShape());
  return create<ShapeOp>(value);
}

Value NodeContext::sliceAxis(Value value, int64_t axis, Value start, Value end,
                             int64_t step) {
  return create<SliceOp>(value, start, end, ArrayRef<int64_t>{axis},
                         ArrayRef<int64_t>{step});
}

Value NodeContext::transpose(Value value, ArrayRef<int64_t> permutation) {
  return create<TransposeOp>(value, permutation);
}

Value NodeContext::getDim(Value value, int64_t axis) {
  if (hasFailed || !value)
    return {};
  if (!getType(value).isDynamicDim(axis))
    return createInts(getType(value).getDimSize(axis));
  return sliceAxis(create<ShapeOp>(value), 0, createInts(axis),
                   createInts(axis + 1));
}

Value NodeContext::joinShape(ArrayRef<Value> parts) {
  if (hasFailed)
    return {};
  SmallVector<Value> merged;
  SmallVector<int64_t> constants;
  auto flush = [&] {
    if (!constants.empty())
      merged.push_back(createInts(constants));
    constants.clear();
  };
  for (Value part : parts) {
    if (auto values = importer.known.getConstants(part)) {
      constants.append(*values);
      continue;
    }
    flush();
    merged.push_back(part);
  }
  flush();
  if (merged.empty())
    return createInts({});
  return merged.size() == 1 ? merged[0] : create<ConcatOp>(merged, 0);
}

Value NodeContext::getDimProduct(Value value, int64_t begin, int64_t end) {
  if (hasFailed || !value)
    return {};
  if (end == begin + 1)
    return getDim(value, begin);
  int64_t product = 1;
  bool isStatic = true;
  for (int64_t i = begin; i != end; ++i) {
    isStatic &= !getType(value).isDynamicDim(i);
    if (isStatic)
      product *= getType(value).getDimSize(i);
  }
  if (isStatic)
    return createInts(product);
  Value dims =
      sliceAxis(create<ShapeOp>(value), 0, createInts(begin), createInts(end));
  return create<ReduceOp>(dims, ReduceKind::Prod, ArrayRef<int64_t>{0});
}

Value NodeContext::refineType(Value result, ArrayRef<int64_t> dims) {
  if (hasFailed || !result)
    return {};
  RankedTensorType type = getType(result);
  SmallVector<int64_t> merged(type.getShape());
  for (auto [i, dim] : llvm::enumerate(dims))
    if (ShapedType::isDynamic(merged[i]))
      merged[i] = dim;
  std::string wrong;
  if (mlir::failed(checkDims(merged, wrong))) {
    invalid("the result has " + wrong);
    return {};
  }
  result.setType(RankedTensorType::get(merged, type.getElementType()));
  return result;
}

Value NodeContext::requireDim(Value value, int64_t axis, int64_t size) {
  if (hasFailed || !value || !getType(value).isDynamicDim(axis))
    return value;
  SmallVector<Value> dims;
  for (int64_t i = 0, e = getType(value).getRank(); i != e; ++i)
    dims.push_back(i == axis ? createInts(size) : getDim(value, i));
  return reshape(value, joinShape(dims));
}

Value NodeContext::require(Value value, Value lhs, Value rhs, StringRef what) {
  if (hasFailed || !value || !lhs || !rhs)
    return {};
  auto a = importer.known.getConstants(lhs),
       b = importer.known.getConstants(rhs);
  if (!a || !b)
    return create<RequireOp>(value, lhs, rhs, what);
  for (auto [x, y] : llvm::zip_equal(*a, *b))
    if (x != y) {
      invalid(what + " has to be one number, but it is " + Twine(x) + " and " +
                  Twine(y),
              Twine(x), Twine(y));
      return {};
    }
  return value;
}

Value NodeContext::requireSize(Value value, int64_t axis, Value size) {
  if (hasFailed || !value || !size)
    return {};
  std::string what = "the size of dimension " + std::to_string(axis);
  return require(value, getDim(value, axis), size, what);
}

Value NodeContext::reshape(Value value, Value shape) {
  Value result = create<ReshapeOp>(value, shape);
  if (!result)
    return {};
  const std::optional<Elements> elements = importer.known.getElements(shape);
  if (!elements)
    return result;
  // What the -1 stands for, if all else is known: dimensions of the input that
  // stand in the result as they are cancel out.
  ArrayRef<int64_t> inputDims = getType(value).getShape();
  SmallVector<bool> isCancelled(inputDims.size(), false);
  SmallVector<int64_t> dims;
  std::optional<int64_t> inferred;
  int64_t product = 1, total = 1;
  bool isKnown = true;
  for (auto [i, element] : llvm::enumerate(*elements)) {
    dims.push_back(ShapedType::kDynamic);
    if (element.constant && *element.constant >= 0) {
      dims.back() = *element.constant;
      isKnown &= !MulOverflow(product, *element.constant, product);
    } else if (element.constant) {
      inferred = i;
    } else if (element.tensor == value && !isCancelled[element.dim]) {
      isCancelled[element.dim] = true;
    } else {
      isKnown = false;
    }
  }
  for (auto [i, dim] : llvm::enumerate(inputDims))
    if (!isCancelled[i])
      isKnown &= !ShapedType::isDynamic(dim) && !MulOverflow(total, dim, total);
  if (inferred && isKnown && product > 0) {
    if (total % product != 0) {
      invalid("can't divide " + Twine(total) + " elements into rows of " +
              Twine(product));
      return {};
    }
    dims[*inferred] = total / product;
  }
  return refineType(result, dims);
}

Value NodeContext::flatten(Value value, int64_t axis) {
  if (hasFailed || !value)
    return {};
  RankedTensorType type = getType(value);
  bool isInnerStatic = true;
  int64_t inner = 1;
  for (int64_t i = axis, e = type.getRank(); i != e; ++i) {
    isInnerStatic &= !type.isDynamicDim(i);
    if (isInnerStatic)
      inner *= type.getDimSize(i);
  }
  // One of the two follows from the other, unless there is nothing to divide.
  Value shape;
  if (isInnerStatic && inner > 0)
    shape = createInts({-1, inner});
  else
    shape = joinShape({getDimProduct(value, 0, axis),
                       getDimProduct(value, axis, type.getRank())});
  return reshape(value, shape);
}

Value NodeContext::expand(Value value, Value shape) {
  Value result = create<ExpandOp>(value, shape);
  if (!result)
    return {};
  const std::optional<Elements> elements = importer.known.getElements(shape);
  if (!elements)
    return result;
  SmallVector<int64_t> dims;
  for (const Element &element : *elements)
    dims.push_back(element.constant.value_or(ShapedType::kDynamic));
  return refineType(result, dims);
}

} // namespace tenon::onnx_import

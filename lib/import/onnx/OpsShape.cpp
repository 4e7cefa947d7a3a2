//===- OpsShape.cpp - Constants, shapes as data, views --------------------===//

#include "lib/import/onnx/ComputedAxes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Sequences.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

static LogicalResult convertConstant(NodeContext &node) {
  OpBuilder &builder = node.getBuilder();
  auto getVector = [&](Type type, size_t count) {
    return RankedTensorType::get({int64_t(count)}, type);
  };
  Type f32 = builder.getF32Type(), i64 = builder.getIntegerType(64);
  Value value;
  if (node.hasAttribute("value")) {
    value = node.createConstant(node.getTensor("value"));
  } else if (node.getVersion() < 12) {
    if (node.getVersion() == 11 && node.hasAttribute("sparse_value"))
      return node.unsupported("a sparse value is not supported");
    return node.invalid("attribute 'value' is missing");
  } else if (node.hasAttribute("value_float")) {
    value = node.createScalar(f32, node.getFloat("value_float", 0));
  } else if (node.hasAttribute("value_int")) {
    int64_t number = node.getInt("value_int", 0);
    value = node.createConstant(DenseElementsAttr::get(
        RankedTensorType::get({}, i64), ArrayRef<int64_t>(number)));
  } else if (auto floats = node.getFloats("value_floats")) {
    SmallVector<float> numbers(floats->begin(), floats->end());
    value = node.createConstant(DenseElementsAttr::get(
        getVector(f32, numbers.size()), ArrayRef<float>(numbers)));
  } else if (auto ints = node.getInts("value_ints")) {
    value = node.createInts(*ints);
  } else if (node.hasAttribute("value_string") ||
             node.hasAttribute("value_strings")) {
    return node.unsupported("strings are not supported");
  } else if (node.hasAttribute("sparse_value")) {
    return node.unsupported("a sparse value is not supported");
  } else {
    return node.invalid("expected an attribute with a value, found none");
  }
  return node.setOutput(value);
}

/// `shape` with as many elements as the model says that the result has
/// dimensions, if it says so and they can't be counted.
static Value countDims(NodeContext &node, Value shape) {
  std::optional<int64_t> rank = node.getDeclaredRank();
  return rank ? node.requireDim(shape, 0, *rank) : shape;
}

static LogicalResult convertConstantOfShape(NodeContext &node) {
  ElementsAttr value = node.getTensor("value");
  Value shape = countDims(node, node.toShapeOperand(node.getInput(0)));
  if (node.failed() || !shape)
    return failure();
  Value scalar;
  if (!value) {
    scalar = node.createScalar(node.getBuilder().getF32Type(), 0);
  } else {
    auto dense = dyn_cast<DenseElementsAttr>(value);
    if (!dense || dense.getNumElements() != 1)
      return node.invalid("attribute 'value' has " +
                          Twine(value.getNumElements()) +
                          " elements, expected 1");
    scalar = node.createConstant(
        dense.reshape(RankedTensorType::get({}, dense.getElementType())));
  }
  std::optional<SmallVector<int64_t>> dims =
      node.getKnownValues().getConstants(shape);
  if (!dims)
    return node.setOutput(node.expand(scalar, shape));
  std::string wrong;
  for (int64_t dim : *dims)
    if (dim < 0)
      return node.invalid("the shape has a dimension of " + Twine(dim) +
                          ", expected no negative one");
  if (failed(checkDims(*dims, wrong)))
    return node.invalid("the result has " + wrong);
  // A constant of equal elements takes no more room than one of them.
  auto splat =
      cast<DenseElementsAttr>(scalar.getDefiningOp<ConstantOp>().getValue());
  auto type = RankedTensorType::get(*dims, splat.getElementType());
  return node.setOutput(node.createConstant(splat.resizeSplat(type)));
}

/// A range of floats that are not constant: how many there are is computed
/// first.
static Value createFloatRange(NodeContext &node, Value start, Value limit,
                              Value step) {
  OpBuilder &builder = node.getBuilder();
  Type type = getElementTypeOrSelf(start), i64 = builder.getI64Type();
  auto widen = [&](Value value) {
    return node.cast(value, builder.getF64Type());
  };
  Value steps = node.create<DivOp>(
      node.create<SubOp>(widen(limit), widen(start)), widen(step));
  Value count = node.cast(node.create<CeilOp>(steps), i64);
  count = node.create<MaxOp>(count, node.createScalar(i64, 0));
  Value hasStep = node.create<NotOp>(
      node.create<EqualOp>(step, node.createScalar(type, 0)));
  count = node.squeeze(require(node, node.unsqueeze(count, {int64_t(0)}),
                               node.unsqueeze(hasStep, {int64_t(0)})),
                       {int64_t(0)});
  Value numbers = node.create<RangeOp>(node.createScalar(i64, 0), count,
                                       node.createScalar(i64, 1));
  return node.create<AddOp>(node.create<MulOp>(node.cast(numbers, type), step),
                            start);
}

static LogicalResult convertRange(NodeContext &node) {
  SmallVector<Value> bounds;
  for (unsigned i = 0; i != 3; ++i) {
    Value bound = node.getInput(i);
    if (!bound)
      return failure();
    RankedTensorType type = getType(bound);
    if (type.getRank() == 1 && type.getDimSize(0) == 1)
      bound = node.squeeze(bound, {int64_t(0)});
    else if (type.getRank() != 0)
      return node.invalid("expected scalars, found rank " +
                          Twine(type.getRank()));
    bounds.push_back(bound);
  }
  Type type = getElementTypeOrSelf(bounds[0]);
  for (Value bound : bounds)
    if (getElementTypeOrSelf(bound) != type)
      return node.invalid("expected numbers of one type, found " +
                          getTypeName(type) + " and " +
                          getTypeName(getElementTypeOrSelf(bound)));
  if (isa<FloatType>(type) && !llvm::all_of(bounds, getConstantScalar))
    return node.setOutput(
        createFloatRange(node, bounds[0], bounds[1], bounds[2]));
  return node.setOutput(node.create<RangeOp>(bounds[0], bounds[1], bounds[2]));
}

//===----------------------------------------------------------------------===//
// Shapes as data
//===----------------------------------------------------------------------===//

static LogicalResult convertShape(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank(), start = 0, end = rank;
  if (node.getVersion() >= 15) {
    // Both are limited to the dimensions that there are.
    auto clamp = [&](int64_t axis) {
      axis = std::clamp<int64_t>(axis, -rank, rank);
      return axis < 0 ? axis + rank : axis;
    };
    start = clamp(node.getInt("start", 0));
    end = std::max(start, clamp(node.getInt("end", rank)));
  }
  ArrayRef<int64_t> dims = getType(input).getShape().slice(start, end - start);
  if (llvm::none_of(dims, ShapedType::isDynamic))
    return node.setOutput(node.createInts(dims));
  Value shape = node.create<ShapeOp>(input);
  if (start != 0 || end != rank)
    shape =
        node.sliceAxis(shape, 0, node.createInts(start), node.createInts(end));
  return node.setOutput(shape);
}

static LogicalResult convertSize(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Value count = node.getDimProduct(input, 0, getType(input).getRank());
  return node.setOutput(node.squeeze(count, {int64_t(0)}));
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// `shape` with each 0 replaced by the input's dimension.
static Value copyDimensions(NodeContext &node, Value input, Value shape) {
  const std::optional<Elements> elements =
      node.getKnownValues().getElements(shape);
  if (!elements) {
    node.unsupported("the number of dimensions is unknown");
    return {};
  }
  int64_t rank = getType(input).getRank();
  auto needsCopy = [](const Element &element) { return element.constant == 0; };
  // An element that is computed from dimensions may be 0 only if the tensor is
  // empty. One that comes from data may be 0 as it likes.
  if (llvm::none_of(*elements, needsCopy) &&
      llvm::none_of(*elements,
                    [](const Element &element) { return element.isUnknown(); }))
    return shape;
  SmallVector<Value> parts;
  for (auto [i, element] : llvm::enumerate(*elements)) {
    int64_t index = i;
    Value part;
    if (needsCopy(element)) {
      if (index >= rank) {
        node.invalid("the shape copies dimension " + Twine(index) +
                     " of an input of rank " + Twine(rank));
        return {};
      }
      part = node.getDim(input, index);
    } else if (element.constant) {
      part = node.createInts(*element.constant);
    } else {
      part = node.sliceAxis(shape, 0, node.createInts(index),
                            node.createInts(index + 1));
      if (part && element.isUnknown() && index < rank) {
        Value isZero = node.create<EqualOp>(part, node.createInts(int64_t(0)));
        part = node.create<WhereOp>(isZero, node.getDim(input, index), part);
      }
    }
    parts.push_back(part);
  }
  return node.joinShape(parts);
}

/// `shape` with what a -1 stands for in its place, where an element may be one
/// that comes from data.
static Value inferDimension(NodeContext &node, Value input, Value shape) {
  const std::optional<Elements> elements =
      node.getKnownValues().getElements(shape);
  if (node.failed() || !elements ||
      llvm::none_of(*elements,
                    [](const Element &element) { return element.isUnknown(); }))
    return shape;
  Value one = node.createInts(int64_t(1));
  Value isInferred = node.create<EqualOp>(shape, node.createInts(int64_t(-1)));
  Value product =
      node.create<ReduceOp>(node.create<WhereOp>(isInferred, one, shape),
                            ReduceKind::Prod, ArrayRef<int64_t>{0});
  Value total = node.getDimProduct(input, 0, getType(input).getRank());
  // Numbers that do not agree are found when the tensor is reshaped.
  Value rest = node.create<DivOp>(total, node.create<MaxOp>(product, one));
  return node.create<WhereOp>(isInferred, rest, shape);
}

static LogicalResult convertReshape(NodeContext &node) {
  bool allowsZero =
      node.getVersion() >= 14 ? node.getBool("allowzero", false) : false;
  Value input = node.getInput(0), shape;
  if (node.getVersion() < 5) {
    std::optional<SmallVector<int64_t>> given = node.getInts("shape");
    if (!node.failed() && !given)
      return node.invalid("attribute 'shape' is missing");
    if (node.hasInput(1))
      return node.invalid("expected 1 input, found 2");
    if (given)
      shape = node.createInts(*given);
  } else {
    shape = countDims(node, node.toShapeOperand(node.getInput(1)));
  }
  if (node.failed() || !shape)
    return failure();
  if (!allowsZero)
    shape = copyDimensions(node, input, shape);
  if (!shape)
    return failure();
  shape = inferDimension(node, input, shape);
  return node.setOutput(node.failed() ? Value() : node.reshape(input, shape));
}

static LogicalResult convertFlatten(NodeContext &node) {
  int64_t axis = node.getInt("axis", 1);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank();
  axis = node.normalizeAxis(axis, rank, /*allowsRank=*/true);
  return node.setOutput(node.flatten(input, axis));
}

/// The axes of Squeeze and Unsqueeze: an attribute, later an input.
static std::optional<SmallVector<int64_t>> readAxes(NodeContext &node) {
  if (node.getVersion() < 13) {
    if (node.hasInput(1))
      node.invalid("expected 1 input, found 2");
    return node.getInts("axes");
  }
  return node.hasInput(1) ? node.getConstantInput(1, "the axes") : std::nullopt;
}

static LogicalResult convertSqueeze(NodeContext &node) {
  Value input = node.getInput(0);
  if (node.getVersion() >= 13 && isComputed(node, 1))
    return node.setOutput(
        squeezeComputed(node, input, node.toShapeOperand(node.getInput(1))));
  std::optional<SmallVector<int64_t>> axes = readAxes(node);
  if (node.failed())
    return failure();
  RankedTensorType type = getType(input);
  if (!axes) {
    axes.emplace();
    for (auto [i, dim] : llvm::enumerate(type.getShape())) {
      if (ShapedType::isDynamic(dim))
        return node.unsupported("without axes the rank depends on dimension " +
                                Twine(i) + "; give the input a shape");
      if (dim == 1)
        axes->push_back(i);
    }
  }
  SmallVector<int64_t> sorted = node.normalizeAxes(*axes, type.getRank());
  llvm::sort(sorted);
  return node.setOutput(node.squeeze(input, sorted));
}

static LogicalResult convertUnsqueeze(NodeContext &node) {
  Value input = node.getInput(0);
  if (node.getVersion() >= 13 && isComputed(node, 1))
    return node.setOutput(
        unsqueezeComputed(node, input, node.toShapeOperand(node.getInput(1))));
  std::optional<SmallVector<int64_t>> axes = readAxes(node);
  if (node.failed())
    return failure();
  if (!axes)
    return node.invalid("the axes are missing");
  int64_t rank = getType(input).getRank() + int64_t(axes->size());
  if (rank > kMaxRank)
    return node.invalid("the result has rank " + Twine(rank) +
                        ", expected at most " + Twine(kMaxRank));
  SmallVector<int64_t> sorted = node.normalizeAxes(*axes, rank);
  llvm::sort(sorted);
  return node.setOutput(node.unsqueeze(input, sorted));
}

ArrayRef<OpEntry> getShapeOps() {
  static constexpr int64_t constant[] = {1, 9, 11, 12, 13, 19, 21, 23, 24, 25},
                           constantOfShape[] = {9, 20, 21, 23, 24, 25},
                           range[] = {11},
                           shape[] = {1, 13, 15, 19, 21, 23, 24, 25},
                           size[] = {1, 13, 19, 21, 23, 24, 25},
                           reshape[] = {1, 5, 13, 14, 19, 21, 23, 24, 25},
                           flatten[] = {1, 9, 11, 13, 21, 23, 24, 25},
                           squeeze[] = {1, 11, 13, 21, 23, 24, 25};
  static const OpEntry entries[] = {
      {"Constant", constant, convertConstant, 0, 0},
      {"ConstantOfShape", constantOfShape, convertConstantOfShape},
      {"Range", range, convertRange, 3, 3},
      {"Shape", shape, convertShape},
      {"Size", size, convertSize},
      {"Reshape", reshape, convertReshape, 1, 2},
      {"Flatten", flatten, convertFlatten},
      {"Squeeze", squeeze, convertSqueeze, 1, 2},
      {"Unsqueeze", squeeze, convertUnsqueeze, 1, 2},
  };
  return entries;
}

} // namespace tenon::onnx_import

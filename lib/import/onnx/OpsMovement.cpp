//===- OpsMovement.cpp - Moving, repeating and choosing elements ----------===//

#include "lib/import/onnx/ComputedAxes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

static LogicalResult convertTranspose(NodeContext &node) {
  std::optional<SmallVector<int64_t>> permutation = node.getInts("perm");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank();
  if (!permutation)
    permutation = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  return node.setOutput(node.transpose(input, *permutation));
}

static LogicalResult convertConcat(NodeContext &node) {
  int64_t axis = node.getVersion() < 4 ? node.getInt("axis", 1)
                                       : node.getRequiredInt("axis");
  SmallVector<Value> inputs;
  for (unsigned i = 0; i != node.getNumInputs(); ++i)
    inputs.push_back(node.getInput(i));
  if (node.failed())
    return failure();
  Type type = getElementTypeOrSelf(inputs[0]);
  for (Value input : inputs)
    if (getElementTypeOrSelf(input) != type)
      return node.invalid("expected inputs of one element type, found " +
                          getTypeName(type) + " and " +
                          getTypeName(getElementTypeOrSelf(input)));
  axis = node.normalizeAxis(axis, getType(inputs[0]).getRank());
  if (inputs.size() == 1)
    return node.setOutput(inputs[0]);
  return node.setOutput(node.create<ConcatOp>(inputs, uint64_t(axis)));
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

/// `input` with dimension `axis` replaced by dimensions of `sizes`. If they
/// make another number of elements, that comes out when the model runs.
static Value replaceDim(NodeContext &node, Value input, int64_t axis,
                        ArrayRef<Value> sizes) {
  if (node.failed())
    return {};
  SmallVector<Value> dims;
  for (int64_t i = 0, rank = getType(input).getRank(); i != rank; ++i)
    if (i == axis)
      dims.append(sizes.begin(), sizes.end());
    else
      dims.push_back(node.getDim(input, i));
  return node.reshape(input, node.joinShape(dims));
}

/// Parts of the given sizes, one after another.
static LogicalResult splitBySizes(NodeContext &node, Value input, int64_t axis,
                                  ArrayRef<int64_t> sizes) {
  if (sizes.size() != node.getNumOutputs())
    return node.invalid("expected a size for each of " +
                        Twine(node.getNumOutputs()) + " outputs, found " +
                        Twine(sizes.size()));
  int64_t sum = 0, total = getType(input).getDimSize(axis);
  for (int64_t size : sizes)
    if (size < 0 || AddOverflow(sum, size, sum))
      return node.invalid("a part has size " + Twine(size) +
                          ", expected no negative one");
  if (ShapedType::isDynamic(total))
    input = replaceDim(node, input, axis, {node.createInts(sum)});
  else if (sum != total)
    return node.invalid("the parts have " + Twine(sum) +
                        " elements, but dimension " + Twine(axis) + " has " +
                        Twine(total));
  int64_t start = 0;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    int64_t end = start + size;
    if (node.hasOutput(i) &&
        failed(node.setOutput(i, node.sliceAxis(input, axis,
                                                node.createInts(start),
                                                node.createInts(end)))))
      return failure();
    start = end;
  }
  return success();
}

/// The elements of a constant of integers or of floats without fractions, as
/// old operators have them where later ones have integers.
static std::optional<SmallVector<int64_t>> getWholeNumbers(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || dense.getNumElements() > 1024)
    return std::nullopt;
  SmallVector<int64_t> numbers;
  if (isa<FloatType>(dense.getElementType())) {
    for (const APFloat &element : dense.getValues<APFloat>()) {
      double number = element.convertToDouble();
      if (!(std::fabs(number) <= 1e15) || number != std::trunc(number))
        return std::nullopt;
      numbers.push_back(int64_t(number));
    }
    return numbers;
  }
  bool isUnsigned = dense.getElementType().isUnsignedInteger();
  for (const APInt &element : dense.getValues<APInt>())
    numbers.push_back(isUnsigned ? element.getZExtValue()
                                 : element.getSExtValue());
  return numbers;
}

/// The same, of sizes that are not constant. They have to make up the whole.
static LogicalResult splitByComputed(NodeContext &node, Value input,
                                     int64_t axis, Value sizes) {
  if (node.failed() || !sizes)
    return failure();
  int64_t count = node.getNumOutputs();
  if (getType(sizes).getDimSize(0) != count)
    return node.invalid("expected a size for each of " + Twine(count) +
                        " outputs");
  input = requireSizes(node, input, axis, sizes);
  if (node.failed())
    return failure();
  auto sumUpTo = [&](int64_t end) -> Value {
    if (end == 0)
      return node.createInts(0);
    Value part =
        node.sliceAxis(sizes, 0, node.createInts(0), node.createInts(end));
    return node.create<ReduceOp>(part, ReduceKind::Sum, ArrayRef<int64_t>{0});
  };
  for (int64_t i = 0; i != count; ++i)
    if (node.hasOutput(i) &&
        failed(node.setOutput(
            i, node.sliceAxis(input, axis, sumUpTo(i), sumUpTo(i + 1)))))
      return failure();
  return success();
}

static LogicalResult convertSplit(NodeContext &node) {
  int64_t axis = node.getInt("axis", 0);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  int64_t count = node.getNumOutputs();
  bool mayBeUneven = false;
  std::optional<SmallVector<int64_t>> sizes;
  if (node.getVersion() >= 18 && node.hasAttribute("num_outputs")) {
    mayBeUneven = true;
    if (int64_t given = node.getInt("num_outputs", count); given != count)
      return node.invalid("attribute 'num_outputs' is " + Twine(given) +
                          ", but there are " + Twine(count) + " outputs");
    if (node.hasInput(1))
      return node.invalid(
          "the sizes and 'num_outputs' are both given, expected "
          "one");
  }
  if (node.getVersion() < 13) {
    sizes = node.getInts("split");
    // At version 1 an input of the type of the data may give them.
    if (node.hasInput(1) && node.getVersion() > 1)
      return node.invalid("expected 1 input, found 2");
    if (node.hasInput(1)) {
      if (!node.getInput(1))
        return failure();
      sizes = getWholeNumbers(node.getInput(1));
      if (!sizes)
        return node.unsupported("the sizes must be constant");
    }
  } else if (isComputed(node, 1)) {
    return splitByComputed(
        node, input, axis,
        node.requireDim(node.toShapeOperand(node.getInput(1)), 0, count));
  } else if (node.hasInput(1)) {
    sizes = node.getConstantInput(1, "the sizes");
  }
  if (node.failed())
    return failure();
  if (count == 0)
    return node.invalid("expected outputs, found none");
  if (sizes)
    return splitBySizes(node, input, axis, *sizes);

  int64_t total = getType(input).getDimSize(axis);
  if (!ShapedType::isDynamic(total)) {
    if (!mayBeUneven && total % count != 0)
      return node.invalid("can't divide " + Twine(total) + " elements into " +
                          Twine(count) + " equal parts");
    // Parts are equal but for the last, which may be smaller.
    int64_t part = (total + count - 1) / count;
    SmallVector<int64_t> parts;
    for (int64_t i = 0; i != count; ++i) {
      parts.push_back(std::min(part, total));
      total -= parts.back();
    }
    return splitBySizes(node, input, axis, parts);
  }
  Value dim = node.getDim(input, axis), number = node.createInts(count);
  if (!mayBeUneven) {
    Value rows = replaceDim(node, input, axis,
                            {number, node.create<DivOp>(dim, number)});
    for (int64_t i = 0; i != count; ++i)
      if (node.hasOutput(i) &&
          failed(node.setOutput(
              i, node.squeeze(node.sliceAxis(rows, axis, node.createInts(i),
                                             node.createInts(i + 1)),
                              {axis}))))
        return failure();
    return success();
  }
  dim = node.create<AddOp>(dim, node.createInts(count - 1));
  Value part = node.create<DivOp>(dim, number);
  for (int64_t i = 0; i != count; ++i)
    if (node.hasOutput(i) &&
        failed(node.setOutput(
            i, node.sliceAxis(
                   input, axis, node.create<MulOp>(part, node.createInts(i)),
                   node.create<MulOp>(part, node.createInts(i + 1))))))
      return failure();
  return success();
}

static LogicalResult convertSlice(NodeContext &node) {
  Value input = node.getInput(0), starts, ends;
  std::optional<SmallVector<int64_t>> axes, steps;
  int64_t count = 0;
  if (node.getVersion() < 10) {
    std::optional<SmallVector<int64_t>> first = node.getInts("starts"),
                                        last = node.getInts("ends");
    if (!first || !last)
      return node.invalid("attributes 'starts' and 'ends' are missing");
    if (node.getNumInputs() != 1)
      return node.invalid("expected 1 input, found " +
                          Twine(node.getNumInputs()));
    axes = node.getInts("axes");
    starts = node.createInts(*first);
    ends = node.createInts(*last);
  } else {
    starts = node.toShapeOperand(node.getInput(1));
    ends = node.toShapeOperand(node.getInput(2));
    if (node.failed() || !starts || !ends)
      return failure();
    if (isComputed(node, 3) || isComputed(node, 4) ||
        getType(starts).isDynamicDim(0) || getType(ends).isDynamicDim(0)) {
      Value parts[2];
      for (unsigned i : {0, 1})
        if (node.hasInput(3 + i))
          parts[i] = node.toShapeOperand(node.getInput(3 + i));
      return node.setOutput(
          sliceComputed(node, input, starts, ends, parts[0], parts[1]));
    }
    if (node.hasInput(3))
      axes = node.getConstantInput(3, "the axes");
    if (node.hasInput(4))
      steps = node.getConstantInput(4, "the steps");
  }
  if (node.failed() || !starts || !ends)
    return failure();
  count = getType(starts).getDimSize(0);
  int64_t rank = getType(input).getRank();
  if (!axes) {
    if (count > rank)
      return node.invalid("expected at most " + Twine(rank) +
                          " starts, found " + Twine(count));
    axes = llvm::to_vector(llvm::seq<int64_t>(0, count));
  }
  if (!steps)
    steps = SmallVector<int64_t>(axes->size(), 1);
  return node.setOutput(node.create<SliceOp>(
      input, starts, ends, node.normalizeAxes(*axes, rank), *steps));
}

static LogicalResult convertGather(NodeContext &node) {
  int64_t axis = node.getInt("axis", 0);
  Value input = node.getInput(0), indices = node.getInput(1);
  if (node.failed())
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  if (std::optional<SmallVector<int64_t>> constants =
          node.getKnownValues().getConstants(indices)) {
    int64_t size = getType(input).getDimSize(axis);
    for (int64_t index : *constants)
      if (!ShapedType::isDynamic(size) && (index < -size || index >= size))
        return node.invalid("index " + Twine(index) +
                            " is out of range for dimension " + Twine(axis) +
                            " of size " + Twine(size));
  }
  return node.setOutput(node.create<GatherOp>(input, indices, uint64_t(axis)));
}

//===----------------------------------------------------------------------===//
// Repetition
//===----------------------------------------------------------------------===//

/// Spreads the begins and ends of some axes over all.
static Value spreadPads(NodeContext &node, Value pads, ArrayRef<int64_t> axes,
                        int64_t rank) {
  if (node.failed())
    return {};
  int64_t count = axes.size(), numPads = getType(pads).getDimSize(0);
  if (numPads != 2 * count) {
    node.invalid("expected " + Twine(2 * count) + " pads, found " +
                 (ShapedType::isDynamic(numPads) ? Twine("an unknown number")
                                                 : Twine(numPads)));
    return {};
  }
  SmallVector<Value> parts;
  for (int64_t side : {int64_t(0), count})
    for (int64_t i = 0; i != rank; ++i) {
      const auto *it = llvm::find(axes, i);
      int64_t index = side + (it - axes.begin());
      parts.push_back(it == axes.end()
                          ? node.createInts(int64_t(0))
                          : node.sliceAxis(pads, 0, node.createInts(index),
                                           node.createInts(index + 1)));
    }
  return node.joinShape(parts);
}

static LogicalResult convertPad(NodeContext &node) {
  Value input = node.getInput(0), pads, value;
  std::string mode = node.getString("mode", "constant");
  if (!input)
    return failure();
  Type type = getElementTypeOrSelf(input);
  if (node.getVersion() < 11) {
    StringRef name = node.getVersion() < 2 ? "paddings" : "pads";
    std::optional<SmallVector<int64_t>> given = node.getInts(name);
    double fill = node.getFloat("value", 0);
    if (!given)
      return node.invalid("attribute '" + name + "' is missing");
    if (node.getNumInputs() != 1)
      return node.invalid("expected 1 input, found " +
                          Twine(node.getNumInputs()));
    pads = node.createInts(*given);
    if (fill != 0)
      value = node.createScalar(type, fill);
  } else {
    pads = node.toShapeOperand(node.getInput(1));
    value = node.getOptionalInput(2);
    if (value && !node.failed()) {
      if (getType(value).getRank() == 1 && getType(value).getDimSize(0) == 1)
        value = node.squeeze(value, {int64_t(0)});
      if (value && getElementTypeOrSelf(value) != type)
        return node.invalid("expected a constant_value of " +
                            getTypeName(type) + ", found " +
                            getTypeName(getElementTypeOrSelf(value)));
    }
    if (node.getVersion() >= 18 && node.hasInput(3)) {
      std::optional<SmallVector<int64_t>> axes =
          node.getConstantInput(3, "the axes");
      if (!axes)
        return failure();
      int64_t rank = getType(input).getRank();
      pads = node.requireDim(pads, 0, 2 * axes->size());
      pads = spreadPads(node, pads, node.normalizeAxes(*axes, rank), rank);
    }
    pads = node.requireDim(pads, 0, 2 * getType(input).getRank());
  }
  std::optional<PadMode> padMode = symbolizePadMode(mode);
  if (node.failed())
    return failure();
  if (!padMode || (*padMode == PadMode::Wrap && node.getVersion() < 19))
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected constant, reflect or edge" +
                        (node.getVersion() < 19 ? "" : " or wrap"));
  if (*padMode != PadMode::Constant)
    value = {};
  return node.setOutput(node.create<PadOp>(input, pads, value, *padMode));
}

static LogicalResult convertTile(NodeContext &node) {
  Value input = node.getInput(0);
  if (node.getVersion() < 6) {
    // A number of copies along one axis, both of them scalars.
    Value tiles = node.getInput(1), along = node.getInput(2);
    if (node.failed())
      return failure();
    std::optional<SmallVector<int64_t>> count = getWholeNumbers(tiles),
                                        axis = getWholeNumbers(along);
    if (!count || !axis || count->size() != 1 || axis->size() != 1)
      return node.unsupported("tiles and axis must be constant");
    int64_t rank = getType(input).getRank();
    SmallVector<int64_t> repeats(rank, 1);
    int64_t position = node.normalizeAxis((*axis)[0], rank);
    if (node.failed())
      return failure();
    repeats[position] = (*count)[0];
    return node.setOutput(node.create<TileOp>(input, node.createInts(repeats)));
  }
  if (node.hasInput(2))
    return node.invalid("expected 2 inputs, found 3");
  Value repeats = node.toShapeOperand(node.getInput(1));
  if (node.failed())
    return failure();
  repeats = node.requireDim(repeats, 0, getType(input).getRank());
  return node.setOutput(node.create<TileOp>(input, repeats));
}

/// The result's shape is the broadcast of the input's and the given one.
static LogicalResult convertExpand(NodeContext &node) {
  Value input = node.getInput(0);
  Value shape = node.toShapeOperand(node.getInput(1));
  if (node.failed() || !shape)
    return failure();
  if (std::optional<int64_t> declared = node.getDeclaredRank();
      declared && getType(shape).isDynamicDim(0)) {
    // It may have fewer elements than the result has dimensions.
    Value numMissing =
        node.create<SubOp>(node.createInts(*declared), node.getShape(shape));
    Value ones = node.expand(
        node.createScalar(node.getBuilder().getI64Type(), 1), numMissing);
    shape = node.requireDim(node.joinShape({ones, shape}), 0, *declared);
  }
  const std::optional<Elements> elements =
      node.getKnownValues().getElements(shape);
  if (!elements)
    return node.unsupported("the number of dimensions is unknown");
  int64_t rank = getType(input).getRank(), count = elements->size();
  int64_t resultRank = std::max(rank, count);
  if (resultRank > kMaxRank)
    return node.invalid("the result has rank " + Twine(resultRank) +
                        ", expected at most " + Twine(kMaxRank));
  SmallVector<Value> parts;
  for (int64_t i = 0; i != resultRank; ++i) {
    int64_t dim = i - (resultRank - rank), place = i - (resultRank - count);
    int64_t size = dim < 0 ? 1 : getType(input).getDimSize(dim);
    Element element = place < 0 ? Element::get(1) : (*elements)[place];
    if (element.constant && *element.constant < 0)
      return node.invalid("the shape has the element " +
                          Twine(*element.constant) +
                          ", expected no negative one");
    bool isSame =
        element.isDim() && element.tensor == input && element.dim == dim;
    if (element.constant == 1 || isSame) {
      parts.push_back(dim < 0 ? node.createInts(int64_t(1))
                              : node.getDim(input, dim));
    } else if (element.constant) {
      parts.push_back(node.createInts(*element.constant));
    } else {
      Value part = node.sliceAxis(shape, 0, node.createInts(place),
                                  node.createInts(place + 1));
      // One of the two is 1, or they are equal.
      if (size != 1)
        part = node.create<WhereOp>(
            node.create<EqualOp>(part, node.createInts(int64_t(1))),
            node.getDim(input, dim), part);
      // An expansion of a known size to the same is dropped before its sizes
      // are checked.
      if (size != 1 && !ShapedType::isDynamic(size)) {
        Value own = node.createInts(size);
        input = node.require(
            input, own, part,
            ("dimension " + Twine(dim) + " and what it is expanded to").str());
        part = own;
      }
      parts.push_back(part);
    }
  }
  if (rank != 0)
    input = node.unsqueeze(
        input, llvm::to_vector(llvm::seq<int64_t>(0, resultRank - rank)));
  return node.setOutput(node.expand(input, node.joinShape(parts)));
}

ArrayRef<OpEntry> getMovementOps() {
  static constexpr int64_t transpose[] = {1, 13, 21, 23, 24, 25},
                           concat[] = {1, 4, 11, 13},
                           split[] = {1, 2, 11, 13, 18},
                           slice[] = {1, 10, 11, 13}, gather[] = {1, 11, 13},
                           pad[] = {1, 2, 11, 13, 18, 19, 21, 23, 24, 25},
                           tile[] = {1, 6, 13}, expand[] = {8, 13};
  static const OpEntry entries[] = {
      {"Transpose", transpose, convertTranspose},
      {"Concat", concat, convertConcat, 1, kVariadic},
      {"Split", split, convertSplit, 1, 2},
      {"Slice", slice, convertSlice, 1, 5},
      {"Gather", gather, convertGather, 2, 2},
      {"Pad", pad, convertPad, 1, 4},
      {"Tile", tile, convertTile, 2, 3},
      {"Expand", expand, convertExpand, 2, 2},
  };
  return entries;
}

} // namespace tenon::onnx_import

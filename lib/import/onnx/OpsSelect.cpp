//===- OpsSelect.cpp - Elements that are chosen by where they stand -------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// How far each place of the last two dimensions is above the diagonal, as
/// `[..., rows, columns]`.
static Value getDistanceFromDiagonal(NodeContext &node, Value matrix) {
  if (node.failed())
    return {};
  int64_t rank = getType(matrix).getRank();
  if (rank < 2) {
    node.invalid("expected an input of rank 2 or more, found rank " +
                 Twine(rank));
    return {};
  }
  return node.create<SubOp>(createIndices(node, matrix, rank - 1),
                            createIndices(node, matrix, rank - 2));
}

static LogicalResult convertTrilu(NodeContext &node) {
  bool isUpper = node.getBool("upper", true);
  Value input = node.getInput(0);
  Type i64 = node.getBuilder().getI64Type();
  Value diagonal = node.hasInput(1)
                       ? toScalar(node, node.getInput(1), "a diagonal")
                       : node.createScalar(i64, 0);
  Value distance = getDistanceFromDiagonal(node, input);
  diagonal = node.cast(diagonal, i64);
  Value isKept = isUpper ? node.create<GreaterEqualOp>(distance, diagonal)
                         : node.create<LessEqualOp>(distance, diagonal);
  return node.setOutput(whereOrZero(node, isKept, input));
}

static LogicalResult convertEyeLike(NodeContext &node) {
  int64_t k = node.getInt("k", 0);
  Value input = node.getInput(0);
  if (node.failed())
    return failure();
  Type type = getElementTypeOrSelf(input);
  if (node.hasAttribute("dtype"))
    type =
        getNumberedType(node, "dtype", node.getInt("dtype", 0), "a result of");
  if (getType(input).getRank() != 2)
    return node.invalid("expected an input of rank 2, found rank " +
                        Twine(getType(input).getRank()));
  Value distance = getDistanceFromDiagonal(node, input);
  if (node.failed())
    return failure();
  // No diagonal is further away than any dimension is long.
  constexpr int64_t limit = kMaxElements + 1;
  Value isOne = withScalar<EqualOp>(node, distance,
                                    std::clamp<int64_t>(k, -limit, limit));
  return node.setOutput(node.cast(isOne, type));
}

/// 1 where the first of the largest elements stands, 0 elsewhere.
static Value createHardmax(NodeContext &node, Value input, int64_t axis) {
  if (node.failed() || !input)
    return {};
  Value isLargest =
      node.create<EqualOp>(input, reduce(node, input, ReduceKind::Max, axis));
  Value indices = createIndices(node, input, axis);
  constexpr int64_t none = int64_t(1) << 62;
  Value places =
      where(node, isLargest, indices,
            node.createScalar(node.getBuilder().getI64Type(), double(none)));
  Value isFirst = node.create<EqualOp>(
      indices, reduce(node, places, ReduceKind::Min, axis));
  return node.cast(isFirst, getElementTypeOrSelf(input));
}

/// As of Softmax, the dimensions from the axis on were one before version 13.
static LogicalResult convertHardmax(NodeContext &node) {
  bool isOld = node.getVersion() < 13;
  int64_t axis = node.getInt("axis", isOld ? 1 : -1);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank();
  if (isOld && rank == 1 && !node.hasAttribute("axis"))
    axis = 0;
  axis = node.normalizeAxis(axis, rank);
  if (!isOld || axis + 1 == rank || node.failed())
    return node.setOutput(createHardmax(node, input, axis));
  Value flat = createHardmax(node, node.flatten(input, axis), 1);
  return node.setOutput(node.reshape(flat, node.getShape(input)));
}

static LogicalResult convertOneHot(NodeContext &node) {
  int64_t axis = node.getInt("axis", -1);
  Value indices = node.getInput(0);
  Value depth = toScalar(node, node.getInput(1), "a depth");
  Value values = node.getInput(2);
  if (node.failed() || !depth)
    return failure();
  if (getType(values).getRank() != 1 ||
      (getType(values).getDimSize(0) != 2 && !getType(values).isDynamicDim(0)))
    return node.invalid("expected two values, for off and on");
  int64_t rank = getType(indices).getRank() + 1;
  axis = node.normalizeAxis(axis, rank);
  Type i64 = node.getBuilder().getI64Type();
  indices = node.cast(indices, i64);
  depth = node.cast(depth, i64);
  // A negative index counts from the end; one out of range is nowhere.
  Value isNegative = withScalar<LessOp>(node, indices, 0);
  Value fromEnd = node.create<AddOp>(indices, depth);
  indices = where(node, isNegative, fromEnd, indices);
  indices = node.unsqueeze(indices, axis);
  Value places = alongAxis(node, createRange(node, depth), axis, rank);
  return node.setOutput(where(node, node.create<EqualOp>(indices, places),
                              getElement(node, values, 1),
                              getElement(node, values, 0)));
}

/// Reverses the begin of each sequence: a gather from time and batch as one.
static LogicalResult convertReverseSequence(NodeContext &node) {
  int64_t timeAxis = node.getInt("time_axis", 0);
  int64_t batchAxis = node.getInt("batch_axis", 1);
  Value input = node.getInput(0), lengths = node.getInput(1);
  if (node.failed())
    return failure();
  RankedTensorType type = getType(input);
  int64_t rank = type.getRank();
  if (rank < 2)
    return node.invalid("expected an input of rank 2 or more, found rank " +
                        Twine(rank));
  if (getType(lengths).getRank() != 1)
    return node.invalid("expected lengths of rank 1, found rank " +
                        Twine(getType(lengths).getRank()));
  if ((timeAxis != 0 && timeAxis != 1) || batchAxis != 1 - timeAxis)
    return node.invalid("attributes 'time_axis' and 'batch_axis' are " +
                        Twine(timeAxis) + " and " + Twine(batchAxis) +
                        ", expected 0 and 1 or 1 and 0");
  lengths = node.cast(lengths, node.getBuilder().getI64Type());
  if (node.failed())
    return failure();
  lengths = node.requireSize(lengths, 0, node.getDim(input, batchAxis));
  // [d0, d1], of which one is time.
  Value time = node.unsqueeze(createRange(node, node.getDim(input, timeAxis)),
                              {batchAxis});
  Value batch = node.unsqueeze(createRange(node, node.getDim(input, batchAxis)),
                               {timeAxis});
  Value length = node.unsqueeze(lengths, {timeAxis});
  Value reversed = withScalar<SubOp>(node, node.create<SubOp>(length, time), 1);
  Value from = where(node, node.create<LessOp>(time, length), reversed, time);
  auto getStride = [&](int64_t axis) {
    return axis == 0 ? node.squeeze(node.getDim(input, 1), {int64_t(0)})
                     : node.createScalar(node.getBuilder().getI64Type(), 1);
  };
  Value place =
      node.create<AddOp>(node.create<MulOp>(from, getStride(timeAxis)),
                         node.create<MulOp>(batch, getStride(batchAxis)));
  // A length that can't be is an index out of range.
  Value isWrong = node.create<OrOp>(
      withScalar<LessOp>(node, length, 0),
      node.create<GreaterOp>(
          length, node.squeeze(node.getDim(input, timeAxis), {int64_t(0)})));
  place = where(node, isWrong,
                node.createScalar(node.getBuilder().getI64Type(), INT64_MIN),
                place);
  SmallVector<Value> flatShape = {node.getDimProduct(input, 0, 2)};
  for (int64_t i = 2; i != rank; ++i)
    flatShape.push_back(node.getDim(input, i));
  Value flat = node.reshape(input, node.joinShape(flatShape));
  return node.setOutput(node.refineType(
      node.create<GatherOp>(flat, place, uint64_t(0)), type.getShape()));
}

//===----------------------------------------------------------------------===//
// Blocks of pixels
//===----------------------------------------------------------------------===//

/// The attribute `blocksize`, if input and attribute are right.
static std::optional<int64_t> getBlockSize(NodeContext &node, Value input) {
  int64_t size = node.getRequiredInt("blocksize");
  if (node.failed())
    return std::nullopt;
  if (size < 1 || size > INT16_MAX) {
    node.invalid("attribute 'blocksize' is " + Twine(size) +
                 ", expected at least 1 and below 2^15");
    return std::nullopt;
  }
  if (getType(input).getRank() != 4) {
    node.invalid("expected an input of rank 4, found rank " +
                 Twine(getType(input).getRank()));
    return std::nullopt;
  }
  return size;
}

/// Dimension `axis` divided by `size`.
static Value divideDim(NodeContext &node, Value input, int64_t axis,
                       int64_t size) {
  if (node.failed())
    return {};
  int64_t dim = getType(input).getDimSize(axis);
  if (!ShapedType::isDynamic(dim) && dim % size != 0) {
    node.invalid("dimension " + Twine(axis) + " is " + Twine(dim) +
                 ", expected a multiple of " + Twine(size));
    return {};
  }
  return node.create<DivOp>(node.getDim(input, axis), node.createInts(size));
}

static Value multiplyDim(NodeContext &node, Value input, int64_t axis,
                         int64_t size) {
  return node.create<MulOp>(node.getDim(input, axis), node.createInts(size));
}

static LogicalResult convertDepthToSpace(NodeContext &node) {
  std::string mode =
      node.getVersion() >= 11 ? node.getString("mode", "DCR") : "DCR";
  Value input = node.getInput(0);
  std::optional<int64_t> size = getBlockSize(node, input);
  if (!size)
    return failure();
  if (mode != "DCR" && mode != "CRD")
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected DCR or CRD");
  Value block = node.createInts(*size);
  Value batch = node.getDim(input, 0);
  Value depth = divideDim(node, input, 1, *size * *size);
  Value height = node.getDim(input, 2), width = node.getDim(input, 3);
  Value value;
  if (mode == "DCR")
    value = node.transpose(
        node.reshape(
            input, node.joinShape({batch, block, block, depth, height, width})),
        {0, 3, 4, 1, 5, 2});
  else
    value = node.transpose(
        node.reshape(
            input, node.joinShape({batch, depth, block, block, height, width})),
        {0, 1, 4, 2, 5, 3});
  return node.setOutput(node.reshape(
      value, node.joinShape({batch, depth, multiplyDim(node, input, 2, *size),
                             multiplyDim(node, input, 3, *size)})));
}

static LogicalResult convertSpaceToDepth(NodeContext &node) {
  Value input = node.getInput(0);
  std::optional<int64_t> size = getBlockSize(node, input);
  if (!size)
    return failure();
  Value block = node.createInts(*size);
  Value batch = node.getDim(input, 0), depth = node.getDim(input, 1);
  Value height = divideDim(node, input, 2, *size);
  Value width = divideDim(node, input, 3, *size);
  Value value = node.transpose(
      node.reshape(input,
                   node.joinShape({batch, depth, height, block, width, block})),
      {0, 3, 5, 1, 2, 4});
  return node.setOutput(node.reshape(
      value, node.joinShape({batch, multiplyDim(node, input, 1, *size * *size),
                             height, width})));
}

ArrayRef<OpEntry> getSelectOps() {
  static constexpr int64_t trilu[] = {14}, eyeLike[] = {9, 22},
                           hardmax[] = {1, 11, 13}, oneHot[] = {9, 11},
                           reverse[] = {10}, depthToSpace[] = {1, 11, 13},
                           spaceToDepth[] = {1, 13};
  static const OpEntry entries[] = {
      {"Trilu", trilu, convertTrilu, 1, 2},
      {"EyeLike", eyeLike, convertEyeLike},
      {"Hardmax", hardmax, convertHardmax},
      {"OneHot", oneHot, convertOneHot, 3, 3},
      {"ReverseSequence", reverse, convertReverseSequence, 2, 2},
      {"DepthToSpace", depthToSpace, convertDepthToSpace},
      {"SpaceToDepth", spaceToDepth, convertSpaceToDepth},
  };
  return entries;
}

} // namespace tenon::onnx_import

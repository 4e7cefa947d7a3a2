//===- OpsDynamic.cpp - What is found in data -----------------------------===//
//
// How many elements there are is computed first (NonZero, Compress, an image),
// or they stand at the begin of a tensor that has room for all that there may
// be (Unique, NonMaxSuppression).
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The number of elements of `value` that are not 0, as a tensor<1xi64>.
static Value countNonZero(NodeContext &node, Value value) {
  Type type = getElementTypeOrSelf(value);
  if (!type.isInteger(1))
    value = node.create<NotOp>(
        node.create<EqualOp>(value, node.createScalar(type, 0)));
  Value ones = node.cast(value, node.getBuilder().getI64Type());
  if (!ones)
    return {};
  int64_t rank = getType(ones).getRank();
  if (rank == 0)
    return node.unsqueeze(ones, {int64_t(0)});
  Value count = node.create<ReduceOp>(
      ones, ReduceKind::Sum, llvm::to_vector(llvm::seq<int64_t>(0, rank)));
  return node.squeeze(count, llvm::to_vector(llvm::seq<int64_t>(1, rank)));
}

/// The indices of the elements of `value` that are not 0, one in a column.
static Value findNonZero(NodeContext &node, Value value) {
  if (!value)
    return {};
  Value count = countNonZero(node, value);
  return count ? node.create<NonZeroOp>(value, count) : Value();
}

static LogicalResult convertNonZero(NodeContext &node) {
  return node.setOutput(findNonZero(node, node.getInput(0)));
}

static LogicalResult convertCompress(NodeContext &node) {
  Value input = node.getInput(0), condition = node.getInput(1);
  if (node.failed())
    return failure();
  RankedTensorType type = getType(condition);
  if (!type.getElementType().isInteger(1) || type.getRank() != 1)
    return node.invalid("expected a condition of bool and rank 1, found " +
                        getTypeName(type.getElementType()) + " and rank " +
                        Twine(type.getRank()));
  int64_t axis = 0;
  if (node.hasAttribute("axis"))
    axis = node.normalizeAxis(node.getInt("axis", 0), getType(input).getRank());
  else
    input = flattenAll(node, input);
  Value indices = findNonZero(node, condition);
  if (!indices || !input)
    return failure();
  indices = node.squeeze(indices, {int64_t(0)});
  return node.setOutput(node.create<GatherOp>(input, indices, axis));
}

/// The first `count` (tensor<1xi64>) slices of `value`.
static Value takeFirst(NodeContext &node, Value value, Value count) {
  return node.sliceAxis(value, 0, node.createInts(0), count);
}

static LogicalResult convertUnique(NodeContext &node) {
  bool isSorted = node.getBool("sorted", true);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t axis = 0;
  Value rows;
  if (node.hasAttribute("axis")) {
    int64_t rank = getType(input).getRank();
    axis = node.normalizeAxis(node.getInt("axis", 0), rank);
    if (node.failed())
      return failure();
    SmallVector<int64_t> permutation = {axis};
    for (int64_t i = 0; i != rank; ++i)
      if (i != axis)
        permutation.push_back(i);
    rows = node.flatten(node.transpose(input, permutation), 1);
  } else {
    input = flattenAll(node, input);
    rows = node.unsqueeze(input, {int64_t(1)});
  }
  if (!rows)
    return failure();
  OpBuilder &builder = node.getBuilder();
  OperationState state(node.getLoc(), UniqueOp::getOperationName());
  UniqueOp::build(builder, state, SmallVector<Type>(4, builder.getNoneType()),
                  rows, isSorted);
  Operation *op = node.insert(state);
  if (!op)
    return failure();
  auto unique = cast<UniqueOp>(op);
  Value indices = takeFirst(node, unique.getIndices(), unique.getCount());
  Value results[] = {node.create<GatherOp>(input, indices, axis), indices,
                     unique.getInverse(),
                     takeFirst(node, unique.getCounts(), unique.getCount())};
  return node.setOutputs(results);
}

/// An input of one element as a scalar; null, after an error, if it is not.
static Value getScalarInput(NodeContext &node, unsigned i, Type elementType) {
  Value value = node.getInput(i);
  if (!value)
    return {};
  RankedTensorType type = getType(value);
  if (type.getElementType() != elementType || type.getRank() > 1) {
    node.invalid("expected a number of type " + getTypeName(elementType) +
                 " as input " + Twine(i) + ", found " +
                 getTypeName(type.getElementType()) + " of rank " +
                 Twine(type.getRank()));
    return {};
  }
  return type.getRank() == 0 ? value : node.squeeze(value, {int64_t(0)});
}

static LogicalResult convertNonMaxSuppression(NodeContext &node) {
  bool isCenter = node.getBool("center_point_box", false);
  Type f32 = node.getBuilder().getF32Type();
  Type i64 = node.getBuilder().getI64Type();
  Value boxes = node.getInput(0), scores = node.getInput(1);
  Value limit = node.hasInput(2) ? getScalarInput(node, 2, i64)
                                 : node.createScalar(i64, 0);
  Value iouThreshold = node.hasInput(3) ? getScalarInput(node, 3, f32)
                                        : node.createScalar(f32, 0);
  Value scoreThreshold =
      node.hasInput(4) ? getScalarInput(node, 4, f32) : Value();
  if (limit)
    limit = node.toShapeOperand(node.unsqueeze(limit, {int64_t(0)}));
  if (node.failed())
    return failure();
  for (Value value : {boxes, scores})
    if (!getElementTypeOrSelf(value).isF32())
      return node.invalid("expected boxes and scores of float32, found " +
                          getTypeName(getElementTypeOrSelf(value)));
  OpBuilder &builder = node.getBuilder();
  OperationState state(node.getLoc(), NonMaxSuppressionOp::getOperationName());
  NonMaxSuppressionOp::build(
      builder, state, SmallVector<Type>(3, builder.getNoneType()), boxes,
      scores, limit, iouThreshold, scoreThreshold, isCenter);
  Operation *op = node.insert(state);
  if (!op)
    return failure();
  auto suppression = cast<NonMaxSuppressionOp>(op);
  return node.setOutput(
      takeFirst(node, suppression.getSelected(), suppression.getCount()));
}

static LogicalResult convertImageDecoder(NodeContext &node) {
  std::string name = node.getString("pixel_format", "RGB");
  std::optional<PixelFormat> format =
      llvm::StringSwitch<std::optional<PixelFormat>>(name)
          .Case("RGB", PixelFormat::RGB)
          .Case("BGR", PixelFormat::BGR)
          .Case("Grayscale", PixelFormat::Gray)
          .Default(std::nullopt);
  if (!format)
    return node.invalid("unknown pixel_format '" + name +
                            "', expected RGB, BGR or Grayscale",
                        name, "RGB, BGR or Grayscale");
  Value encoded = node.getInput(0);
  if (!encoded)
    return failure();
  RankedTensorType type = getType(encoded);
  if (!type.getElementType().isUnsignedInteger(8) || type.getRank() != 1)
    return node.invalid("expected the bytes of an image, uint8 of rank 1, "
                        "found " +
                        getTypeName(type.getElementType()) + " of rank " +
                        Twine(type.getRank()));
  Value size = node.create<ImageSizeOp>(encoded);
  return node.setOutput(node.create<DecodeImageOp>(encoded, size, *format));
}

ArrayRef<OpEntry> getDynamicOps() {
  static constexpr int64_t nonZero[] = {9, 13}, compress[] = {9, 11},
                           unique[] = {11}, suppression[] = {10, 11},
                           image[] = {20};
  static const OpEntry entries[] = {
      {"NonZero", nonZero, convertNonZero},
      {"Compress", compress, convertCompress, 2, 2},
      {"Unique", unique, convertUnique},
      {"NonMaxSuppression", suppression, convertNonMaxSuppression, 2, 5},
      {"ImageDecoder", image, convertImageDecoder},
  };
  return entries;
}

} // namespace tenon::onnx_import

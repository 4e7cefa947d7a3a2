//===- OpsIndexed.cpp - Elements by computed indices ----------------------===//

#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

static LogicalResult convertGatherElements(NodeContext &node) {
  int64_t axis = node.getInt("axis", 0);
  Value input = node.getInput(0), indices = node.getInput(1);
  if (node.failed())
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  return node.setOutput(
      node.create<GatherElementsOp>(input, indices, uint64_t(axis)));
}

static LogicalResult convertGatherNd(NodeContext &node) {
  int64_t batchDims =
      node.getVersion() >= 12 ? node.getInt("batch_dims", 0) : 0;
  Value input = node.getInput(0), indices = node.getInput(1);
  if (node.failed())
    return failure();
  // How many elements an index has follows from the rank of the result.
  int64_t rank = getType(input).getRank(),
          outer = getType(indices).getRank() - 1;
  if (std::optional<int64_t> declared = node.getDeclaredRank();
      declared && outer >= 0)
    if (int64_t depth = outer + rank - batchDims - *declared;
        depth > 0 && depth <= rank)
      indices = node.requireDim(indices, outer, depth);
  return node.setOutput(
      node.create<GatherNdOp>(input, indices, uint64_t(batchDims)));
}

template <ReduceKind kind>
static LogicalResult convertArgReduce(NodeContext &node) {
  int64_t axis = node.getInt("axis", 0);
  bool keepDims = node.getBool("keepdims", true);
  bool selectLast = node.getVersion() >= 12
                        ? node.getBool("select_last_index", false)
                        : false;
  Value input = node.getInput(0);
  if (!input)
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  Value result =
      node.create<ArgReduceOp>(input, kind, uint64_t(axis), selectLast);
  if (!keepDims)
    result = node.squeeze(result, axis);
  return node.setOutput(result);
}

static LogicalResult convertTopK(NodeContext &node) {
  int64_t axis = node.getInt("axis", -1);
  bool isLargest =
      node.getVersion() >= 11 ? node.getBool("largest", true) : true;
  if (node.getVersion() >= 11)
    node.getBool("sorted", true); // Any order will do then, also this one.
  Value input = node.getInput(0), k;
  if (node.getVersion() < 10) {
    k = node.createInts(node.getRequiredInt("k"));
    if (node.hasInput(1))
      return node.invalid("expected 1 input, found 2");
  } else {
    k = node.getInput(1);
    if (k && getType(k).getRank() == 0)
      k = node.unsqueeze(k, {int64_t(0)});
    k = node.requireDim(node.toShapeOperand(k), 0, 1);
  }
  if (node.failed())
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  OperationState state(node.getLoc(), TopKOp::getOperationName());
  Type none = node.getBuilder().getNoneType();
  TopKOp::build(node.getBuilder(), state, none, none, input, k, uint64_t(axis),
                isLargest);
  Operation *op = node.insert(state);
  if (!op)
    return failure();
  return node.setOutputs(op->getResults());
}

//===----------------------------------------------------------------------===//
// Scattering
//===----------------------------------------------------------------------===//

static ScatterReduction getReduction(NodeContext &node) {
  if (node.getVersion() < 16)
    return ScatterReduction::None;
  std::string name = node.getString("reduction", "none");
  std::optional<ScatterReduction> reduction = symbolizeScatterReduction(name);
  bool isLater =
      reduction == ScatterReduction::Max || reduction == ScatterReduction::Min;
  if (!node.failed() && (!reduction || (isLater && node.getVersion() < 18)))
    node.invalid("attribute 'reduction' is " + quote(name) +
                 ", expected none, add or mul" +
                 (node.getVersion() < 18 ? "" : " or max or min"));
  if (Value input = node.getInput(0); input &&
                                      reduction != ScatterReduction::None &&
                                      isNarrow(getElementTypeOrSelf(input)))
    node.unsupported("elements of " + getTypeName(getElementTypeOrSelf(input)) +
                     " are moved only, not computed with");
  return reduction.value_or(ScatterReduction::None);
}

static LogicalResult convertScatterElements(NodeContext &node) {
  int64_t axis = node.getInt("axis", 0);
  ScatterReduction reduction = getReduction(node);
  Value input = node.getInput(0), indices = node.getInput(1),
        updates = node.getInput(2);
  if (node.failed())
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  return node.setOutput(node.create<ScatterElementsOp>(
      input, indices, updates, uint64_t(axis), reduction));
}

static LogicalResult convertScatterNd(NodeContext &node) {
  ScatterReduction reduction = getReduction(node);
  Value input = node.getInput(0), indices = node.getInput(1),
        updates = node.getInput(2);
  if (node.failed())
    return failure();
  // How many elements an index has follows from the rank of the updates.
  int64_t rank = getType(input).getRank(),
          outer = getType(indices).getRank() - 1;
  if (int64_t depth = outer + rank - getType(updates).getRank();
      outer >= 0 && depth > 0 && depth <= rank)
    indices = node.requireDim(indices, outer, depth);
  return node.setOutput(
      node.create<ScatterNdOp>(input, indices, updates, reduction));
}

/// Elements go where an index over all of the result says. The result is as
/// large as the windows reach, and what is asked for beyond is added at its
/// ends.
static LogicalResult convertMaxUnpool(NodeContext &node) {
  Value input = node.getInput(0), indices = node.getInput(1);
  if (node.failed())
    return failure();
  RankedTensorType type = getType(input);
  int64_t rank = type.getRank(), spatial = rank - 2;
  if (spatial < 1)
    return node.invalid("expected an input of rank 3 or more, found rank " +
                        Twine(rank));
  if (!node.hasAttribute("kernel_shape"))
    return node.invalid("attribute 'kernel_shape' is missing");
  SmallVector<int64_t> kernel =
                           getPerDimension(node, "kernel_shape", spatial, 1, 1),
                       strides =
                           getPerDimension(node, "strides", spatial, 1, 1),
                       pads = getPerDimension(node, "pads", 2 * spatial, 0, 0);
  if (node.failed())
    return failure();
  SmallVector<Value> sizes{node.getDim(input, 0), node.getDim(input, 1)};
  for (int64_t i = 0; i != spatial; ++i) {
    int64_t more = kernel[i] - strides[i] - pads[i] - pads[spatial + i];
    int64_t size = type.getDimSize(i + 2), result;
    if (!ShapedType::isDynamic(size)) {
      if (MulOverflow(size, strides[i], result) ||
          AddOverflow(result, more, result) || result < 0)
        return node.invalid("dimension " + Twine(i + 2) +
                            " of the result would be negative or too large");
      sizes.push_back(node.createInts(result));
      continue;
    }
    Value scaled = node.create<MulOp>(node.getDim(input, i + 2),
                                      node.createInts(strides[i]));
    sizes.push_back(node.create<AddOp>(scaled, node.createInts(more)));
  }
  Value shape = node.joinShape(sizes);
  if (!shape)
    return failure();
  Value zero = node.createScalar(type.getElementType(), 0);
  Value image = node.expand(zero, shape);
  Value all = node.createInts(int64_t(-1));
  indices = rejectNegative(node, indices, node.getDimProduct(image, 0, rank));
  Value scattered = node.create<ScatterElementsOp>(
      node.reshape(image, all), node.reshape(indices, all),
      node.reshape(input, all), uint64_t(0), ScatterReduction::None);
  Value result = node.reshape(scattered, shape);
  if (!node.hasInput(2))
    return node.setOutput(result);
  Value wanted =
      node.requireDim(node.toShapeOperand(node.getInput(2)), 0, rank);
  if (!wanted || !result)
    return failure();
  if (getType(wanted).getDimSize(0) != rank)
    return node.invalid("expected an output_shape of " + Twine(rank) +
                        " elements");
  Value ends = node.create<SubOp>(wanted, shape);
  Value begins = node.createInts(SmallVector<int64_t>(rank, 0));
  return node.setOutput(node.create<PadOp>(
      result, node.joinShape({begins, ends}), Value(), PadMode::Constant));
}

ArrayRef<OpEntry> getIndexedOps() {
  static constexpr int64_t gatherElements[] = {11, 13},
                           gatherNd[] = {11, 12, 13},
                           argReduce[] = {1, 11, 12, 13},
                           topK[] = {1, 10, 11, 24}, scatter[] = {9, 11},
                           scatterElements[] = {11, 13, 16, 18},
                           maxUnpool[] = {9, 11, 22};
  static const OpEntry entries[] = {
      {"GatherElements", gatherElements, convertGatherElements, 2, 2},
      {"GatherND", gatherNd, convertGatherNd, 2, 2},
      {"ArgMax", argReduce, convertArgReduce<ReduceKind::Max>},
      {"ArgMin", argReduce, convertArgReduce<ReduceKind::Min>},
      {"TopK", topK, convertTopK, 1, 2},
      {"Scatter", scatter, convertScatterElements, 3, 3},
      {"ScatterElements", scatterElements, convertScatterElements, 3, 3},
      {"ScatterND", scatterElements, convertScatterNd, 3, 3},
      {"MaxUnpool", maxUnpool, convertMaxUnpool, 2, 3},
  };
  return entries;
}

} // namespace tenon::onnx_import

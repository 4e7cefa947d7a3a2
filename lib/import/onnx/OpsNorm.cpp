//===- OpsNorm.cpp - Normalisation and softmax ----------------------------===//

#include "lib/import/onnx/OpTable.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

static LogicalResult convertBatchNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  node.ignoreAttributes({"momentum"}); // Of the statistics while training.
  if (node.getVersion() >= 14) {
    if (node.getBool("training_mode", false))
      return node.unsupported("training_mode = 1 is not supported");
  }
  // Whether an old node trains is told by its outputs.
  if (node.getVersion() < 7)
    node.ignoreAttributes({"is_test"});
  bool isSpatial = node.getVersion() >= 9 || node.getInt("spatial", 1) != 0;
  for (unsigned i = 1; i < node.getNumOutputs(); ++i)
    if (node.hasOutput(i))
      return node.unsupported("outputs of training are not supported");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  if (getType(input).getRank() < 2)
    return node.invalid("expected an input of rank 2 or more, found rank " +
                        Twine(getType(input).getRank()));
  // Statistics may be of a wider type than the input.
  Type type = getElementTypeOrSelf(input);
  SmallVector<Value> parameters;
  for (unsigned i = 1; i != 5; ++i)
    parameters.push_back(node.cast(node.getInput(i), type));
  if (!isSpatial) {
    // Each element of an image has statistics of its own.
    Value centred = node.binary<SubOp>(input, parameters[2]);
    if (!parameters[3])
      return failure();
    Value deviation = node.create<SqrtOp>(
        node.create<AddOp>(parameters[3], node.createScalar(type, epsilon)));
    Value scaled = node.binary<MulOp>(node.binary<DivOp>(centred, deviation),
                                      parameters[0]);
    return node.setOutput(node.binary<AddOp>(scaled, parameters[1]));
  }
  return node.setOutput(node.create<BatchNormOp>(
      input, parameters[0], parameters[1], parameters[2], parameters[3],
      APFloat(epsilon), uint64_t(1)));
}

/// Squares of half precision overflow: they are computed in single precision.
static Value widen(NodeContext &node, Value value) {
  if (!value)
    return {};
  auto type = dyn_cast<FloatType>(getElementTypeOrSelf(value));
  return type && type.getWidth() < 32
             ? node.cast(value, node.getBuilder().getF32Type())
             : value;
}

/// (x - mean) / sqrt(variance + epsilon), with both over `axes`.
static Value normalize(NodeContext &node, Value input, ArrayRef<int64_t> axes,
                       double epsilon) {
  Value mean = node.create<ReduceOp>(input, ReduceKind::Mean, axes);
  Value centred = node.create<SubOp>(input, mean);
  Value variance = node.create<ReduceOp>(node.create<MulOp>(centred, centred),
                                         ReduceKind::Mean, axes);
  if (!variance)
    return {};
  Value shifted = node.create<AddOp>(
      variance, node.createScalar(getElementTypeOrSelf(input), epsilon));
  return node.create<MulOp>(centred, node.create<RsqrtOp>(shifted));
}

/// Normalisation of each image's channel by itself.
static LogicalResult convertInstanceNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  Value input = node.getInput(0), scale = node.getInput(1),
        bias = node.getInput(2);
  if (node.failed())
    return failure();
  int64_t rank = getType(input).getRank();
  if (rank < 3)
    return node.invalid("expected an input of rank 3 or more, found rank " +
                        Twine(rank));
  for (Value parameter : {scale, bias})
    if (getType(parameter).getRank() != 1)
      return node.invalid("expected scale and bias of rank 1, found rank " +
                          Twine(getType(parameter).getRank()));
  Type type = getElementTypeOrSelf(input);
  Value normal =
      normalize(node, widen(node, input),
                llvm::to_vector(llvm::seq<int64_t>(2, rank)), epsilon);
  normal = node.cast(normal, type);
  // [C] becomes [1, C, 1, ...].
  SmallVector<int64_t> around{0};
  llvm::append_range(around, llvm::seq<int64_t>(2, rank));
  Value scaled = node.create<MulOp>(normal, node.unsqueeze(scale, around));
  return node.setOutput(
      node.create<AddOp>(scaled, node.unsqueeze(bias, around)));
}

/// A parameter of a layer norm with the shape of the normalised dimensions.
static Value fitParameter(NodeContext &node, Value parameter, Value input,
                          int64_t axis) {
  if (node.failed() || !parameter)
    return {};
  parameter = node.cast(parameter, getElementTypeOrSelf(input));
  if (!parameter)
    return {};
  ArrayRef<int64_t> dims = getType(input).getShape().drop_front(axis);
  int64_t rank = getType(parameter).getRank(), missing = dims.size() - rank;
  bool needsExpand = missing > 0;
  for (int64_t i = 0; i < rank && missing >= 0; ++i)
    needsExpand |=
        getType(parameter).getDimSize(i) == 1 && dims[missing + i] != 1;
  // A parameter of the right rank, or of a wrong one, is the operation's to
  // judge.
  if (!needsExpand)
    return parameter;
  if (llvm::any_of(dims, ShapedType::isDynamic)) {
    node.unsupported("a scale or bias that broadcasts needs static dimensions");
    return {};
  }
  if (rank != 0)
    parameter = node.unsqueeze(parameter,
                               llvm::to_vector(llvm::seq<int64_t>(0, missing)));
  return node.expand(parameter, node.createInts(dims));
}

static LogicalResult convertLayerNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t axis = node.getInt("axis", -1);
  node.ignoreAttributes({"stash_type"}); // Sums are at least float32 anyway.
  for (unsigned i = 1; i < node.getNumOutputs(); ++i)
    if (node.hasOutput(i))
      return node.unsupported("the outputs 'Mean' and 'InvStdDev' are not "
                              "supported");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  axis = node.normalizeAxis(axis, getType(input).getRank());
  Value scale = fitParameter(node, node.getInput(1), input, axis);
  Value bias = node.getOptionalInput(2);
  if (bias)
    bias = fitParameter(node, bias, input, axis);
  return node.setOutput(node.create<LayerNormOp>(
      input, scale, bias, uint64_t(axis), APFloat(epsilon)));
}

/// x / sqrt(mean(x^2) + epsilon) * scale
static LogicalResult convertRmsNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t axis = node.getInt("axis", -1);
  node.ignoreAttributes({"stash_type"});
  Value input = node.getInput(0), scale = node.getInput(1);
  if (node.failed())
    return failure();
  Type type = getElementTypeOrSelf(input);
  int64_t rank = getType(input).getRank();
  axis = node.normalizeAxis(axis, rank);
  Value wide = widen(node, input);
  Value square =
      node.create<ReduceOp>(node.create<MulOp>(wide, wide), ReduceKind::Mean,
                            llvm::to_vector(llvm::seq<int64_t>(axis, rank)));
  if (!square)
    return failure();
  Value factor = node.create<RsqrtOp>(node.create<AddOp>(
      square, node.createScalar(getElementTypeOrSelf(square), epsilon)));
  Value normal = node.cast(node.create<MulOp>(wide, factor), type);
  return node.setOutput(node.binary<MulOp>(normal, node.cast(scale, type)));
}

/// From version 13 on along one axis; before, over all dimensions from the axis
/// on as if they were one.
template <typename OpT> static LogicalResult convertSoftmax(NodeContext &node) {
  bool isOld = node.getVersion() < 13;
  int64_t axis = node.getInt("axis", isOld ? 1 : -1);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  RankedTensorType type = getType(input);
  int64_t rank = type.getRank();
  if (isOld && rank == 1 && !node.hasAttribute("axis"))
    axis = 0;
  axis = node.normalizeAxis(axis, rank);
  // With one dimension of more than one element, both are the same.
  int64_t last = axis;
  if (isOld && !node.failed()) {
    int64_t numLarge = 0;
    for (int64_t i = axis; i != rank; ++i)
      if (type.getDimSize(i) != 1) {
        ++numLarge;
        last = i;
      }
    if (numLarge > 1) {
      Value flat = node.create<OpT>(node.flatten(input, axis), uint64_t(1));
      return node.setOutput(node.reshape(flat, node.getShape(input)));
    }
  }
  return node.setOutput(node.create<OpT>(input, uint64_t(last)));
}

ArrayRef<OpEntry> getNormOps() {
  static constexpr int64_t batchNorm[] = {1, 6, 7, 9, 14, 15},
                           instanceNorm[] = {1, 6, 22}, layerNorm[] = {17},
                           rmsNorm[] = {23}, softmax[] = {1, 11, 13};
  static const OpEntry entries[] = {
      {"BatchNormalization", batchNorm, convertBatchNorm, 5, 5},
      {"InstanceNormalization", instanceNorm, convertInstanceNorm, 3, 3},
      {"LayerNormalization", layerNorm, convertLayerNorm, 2, 3},
      {"RMSNormalization", rmsNorm, convertRmsNorm, 2, 2},
      {"Softmax", softmax, convertSoftmax<SoftmaxOp>},
      {"LogSoftmax", softmax, convertSoftmax<LogSoftmaxOp>},
  };
  return entries;
}

} // namespace tenon::onnx_import

//===- OpsNorm.cpp - Normalisation and softmax ----------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// (x - mean) / sqrt(variance + epsilon) * scale + bias, where the parameters
/// have one rank with the input.
static Value applyNorm(NodeContext &node, Value centred, Value variance,
                       Value scale, Value bias, double epsilon) {
  Value factor = getInverseDeviation(node, variance, epsilon);
  Value scaled = node.create<MulOp>(node.create<MulOp>(centred, factor), scale);
  return node.create<AddOp>(scaled, bias);
}

/// Normalises by the batch itself, and moves the running statistics to it.
static LogicalResult convertTrainingNorm(NodeContext &node, Value input,
                                         ArrayRef<Value> parameters,
                                         double epsilon, double momentum) {
  if (node.failed())
    return failure();
  int64_t rank = getType(input).getRank();
  SmallVector<int64_t> around = getAxes(0, rank);
  around.erase(around.begin() + 1);
  Moments moments = getMoments(node, widen(node, input), around);
  Type type = getElementTypeOrSelf(input);
  auto raise = [&](Value parameter) {
    return widen(node, node.unsqueeze(parameter, around));
  };
  Value result = applyNorm(node, moments.centred, moments.variance,
                           raise(parameters[0]), raise(parameters[1]), epsilon);
  Value batches[] = {moments.mean, moments.variance};
  for (auto [i, batch] : enumerate(batches)) {
    if (!node.hasOutput(i + 1) || node.failed())
      continue;
    Value running = parameters[i + 2];
    Value kept = withScalar<MulOp>(node, widen(node, running), momentum);
    Value added =
        withScalar<MulOp>(node, node.squeeze(batch, around), 1 - momentum);
    if (node.failed())
      return failure();
    Type wide = getElementTypeOrSelf(kept);
    Value moved = node.create<AddOp>(kept, node.cast(added, wide));
    if (failed(node.setOutput(i + 1,
                              node.cast(moved, getElementTypeOrSelf(running)))))
      return failure();
  }
  return node.setOutput(node.cast(result, type));
}

/// The wider of two types of floats; float32 for two of one width.
static Type getWider(Type a, Type b) {
  unsigned widthA = a.getIntOrFloatBitWidth(),
           widthB = b.getIntOrFloatBitWidth();
  if (widthA == widthB)
    return a == b ? a : Float32Type::get(a.getContext());
  return widthA < widthB ? b : a;
}

static LogicalResult convertBatchNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  double momentum = node.getFloat("momentum", 0.9f);
  bool isTraining =
      node.getVersion() >= 14 && node.getBool("training_mode", false);
  // Whether an old node trains is told by its outputs.
  if (node.getVersion() < 7)
    node.ignoreAttributes({"is_test"});
  bool isPerElement = node.getVersion() < 9 && node.getInt("spatial", 1) == 0;
  for (unsigned i = 1; i < node.getNumOutputs() && !isTraining; ++i)
    if (node.hasOutput(i))
      return node.unsupported("outputs of training are not supported");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank();
  if (rank < 2)
    return node.invalid("expected an input of rank 2 or more, found rank " +
                        Twine(rank));
  SmallVector<Value> parameters;
  for (unsigned i = 1; i != 5; ++i) {
    Value parameter = node.getInput(i);
    int64_t expected = isPerElement ? rank - 1 : 1;
    if (parameter && getType(parameter).getRank() != expected)
      return node.invalid("expected scale, bias and statistics of rank " +
                          Twine(expected) + ", found rank " +
                          Twine(getType(parameter).getRank()));
    parameters.push_back(parameter);
  }
  if (isTraining)
    return convertTrainingNorm(node, input, parameters, epsilon, momentum);
  if (node.failed())
    return failure();
  // Statistics may be of a wider type than the input.
  Type type = getElementTypeOrSelf(input), wide = type;
  for (Value parameter : parameters)
    wide = getWider(wide, getElementTypeOrSelf(parameter));
  input = node.cast(input, wide);
  for (Value &parameter : parameters)
    parameter = node.cast(parameter, wide);
  Value result;
  if (!isPerElement) {
    result = node.create<BatchNormOp>(input, parameters[0], parameters[1],
                                      parameters[2], parameters[3],
                                      APFloat(epsilon), uint64_t(1));
  } else {
    for (Value &parameter : parameters)
      parameter = node.unsqueeze(parameter, {int64_t(0)});
    result = applyNorm(node, node.create<SubOp>(input, parameters[2]),
                       parameters[3], parameters[0], parameters[1], epsilon);
  }
  return node.setOutput(node.cast(result, type));
}

/// (x - mean) / sqrt(variance + epsilon), with both over `axes`.
static Value normalize(NodeContext &node, Value input, ArrayRef<int64_t> axes,
                       double epsilon) {
  Moments moments = getMoments(node, input, axes);
  return node.create<MulOp>(
      moments.centred, getInverseDeviation(node, moments.variance, epsilon));
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
  // Sums are at least float32 anyway, and the type is that of the outputs.
  Type stashType = getNumberedType(
      node, "stash_type", node.getInt("stash_type", onnx::TensorProto::FLOAT),
      "a computation in");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank();
  axis = node.normalizeAxis(axis, rank);
  if (node.failed())
    return failure();
  if (node.hasOutput(1) || node.hasOutput(2)) {
    Moments moments = getMoments(node, widen(node, input), getAxes(axis, rank));
    Value outputs[] = {moments.mean,
                       getInverseDeviation(node, moments.variance, epsilon)};
    for (auto [i, output] : enumerate(outputs))
      if (node.hasOutput(i + 1) &&
          failed(node.setOutput(i + 1, node.cast(output, stashType))))
        return failure();
  }
  Value scale = fitParameter(node, node.getInput(1), input, axis);
  Value bias = node.getOptionalInput(2);
  if (bias)
    bias = fitParameter(node, bias, input, axis);
  return node.setOutput(node.create<LayerNormOp>(
      input, scale, bias, uint64_t(axis), APFloat(epsilon)));
}

Value createRmsNorm(NodeContext &node, Value input, Value scale, int64_t axis,
                    double epsilon) {
  if (node.failed() || !input || !scale)
    return {};
  Type type = getElementTypeOrSelf(input);
  Value x = widen(node, input);
  Value square = reduce(node, node.create<MulOp>(x, x), ReduceKind::Mean,
                        getAxes(axis, getType(input).getRank()));
  Value normal =
      node.create<MulOp>(x, getInverseDeviation(node, square, epsilon));
  if (node.failed())
    return {};
  return node.binary<MulOp>(node.cast(normal, type), node.cast(scale, type));
}

static LogicalResult convertRmsNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t axis = node.getInt("axis", -1);
  node.ignoreAttributes({"stash_type"});
  Value input = node.getInput(0), scale = node.getInput(1);
  if (node.failed())
    return failure();
  if (node.hasOutput(1))
    return node.unsupported("statistics as outputs are not supported");
  axis = node.normalizeAxis(axis, getType(input).getRank());
  return node.setOutput(createRmsNorm(node, input, scale, axis, epsilon));
}

/// Channels in groups, each of which is normalised by itself.
static LogicalResult convertGroupNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-5f);
  int64_t groups = node.getRequiredInt("num_groups");
  bool isPerGroup = node.getVersion() < 21;
  if (!isPerGroup)
    node.ignoreAttributes({"stash_type"}); // At least float32 anyway.
  Value input = node.getInput(0);
  Value parameters[] = {node.getInput(1), node.getInput(2)};
  if (node.failed())
    return failure();
  int64_t rank = getType(input).getRank();
  if (rank < 3)
    return node.invalid("expected an input of rank 3 or more, found rank " +
                        Twine(rank));
  int64_t channels = getType(input).getDimSize(1);
  if (groups < 1 || groups > INT32_MAX ||
      (!ShapedType::isDynamic(channels) && channels % groups != 0))
    return node.invalid("attribute 'num_groups' is " + Twine(groups) +
                        ", expected a divisor of " +
                        (ShapedType::isDynamic(channels)
                             ? "the number of channels"
                             : Twine(channels).str()));
  for (Value parameter : parameters) {
    if (getType(parameter).getRank() != 1)
      return node.invalid("expected scale and bias of rank 1, found rank " +
                          Twine(getType(parameter).getRank()));
    int64_t size = getType(parameter).getDimSize(0);
    int64_t expected = isPerGroup ? groups : channels;
    if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(expected) &&
        size != expected)
      return node.invalid("expected scale and bias of " + Twine(expected) +
                          " elements, found " + Twine(size));
  }
  if (ShapedType::isDynamic(channels)) {
    Value count = node.createInts(groups), dim = node.getDim(input, 1);
    input = node.requireSize(
        input, 1, node.create<MulOp>(node.create<DivOp>(dim, count), count));
    if (node.failed())
      return failure();
  }
  // [N, groups, rest], normalised in the type that sums have.
  Value grouped = node.reshape(
      widen(node, input),
      node.joinShape({node.getDim(input, 0), node.createInts({groups, -1})}));
  Value normal = normalize(node, grouped, {int64_t(2)}, epsilon);
  Type type = getElementTypeOrSelf(input);
  auto apply = [&](Value value, ArrayRef<int64_t> around) {
    value = node.create<MulOp>(node.cast(value, type),
                               node.unsqueeze(parameters[0], around));
    return node.create<AddOp>(value, node.unsqueeze(parameters[1], around));
  };
  Value shape = node.getShape(input);
  if (isPerGroup)
    return node.setOutput(node.reshape(apply(normal, {0, 2}), shape));
  SmallVector<int64_t> around = getAxes(0, rank);
  around.erase(around.begin() + 1);
  return node.setOutput(apply(node.reshape(normal, shape), around));
}

/// (x - mean) / (deviation + 1e-9)
static LogicalResult convertMeanVarianceNorm(NodeContext &node) {
  SmallVector<int64_t> axes =
      node.getInts("axes").value_or(SmallVector<int64_t>{0, 2, 3});
  Value input = node.getInput(0);
  if (!input)
    return failure();
  axes = node.normalizeAxes(axes, getType(input).getRank());
  llvm::sort(axes);
  Moments moments = getMoments(node, widen(node, input), axes);
  Value deviation = node.create<SqrtOp>(moments.variance);
  Value result = node.create<DivOp>(moments.centred,
                                    withScalar<AddOp>(node, deviation, 1e-9));
  return node.setOutput(
      node.failed() ? Value() : node.cast(result, getElementTypeOrSelf(input)));
}

/// x / (bias + alpha * mean of x^2 over neighbouring channels)^beta. Of the
/// neighbours, those that don't exist count as 0.
static LogicalResult convertLrn(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1e-4f);
  double beta = node.getFloat("beta", 0.75);
  double bias = node.getFloat("bias", 1);
  int64_t size = node.getRequiredInt("size");
  Value input = node.getInput(0);
  if (node.failed())
    return failure();
  if (size < 1 || size > INT16_MAX)
    return node.invalid("attribute 'size' is " + Twine(size) +
                        ", expected at least 1 and below 2^15");
  int64_t rank = getType(input).getRank();
  if (rank < 2)
    return node.invalid("expected an input of rank 2 or more, found rank " +
                        Twine(rank));
  // A window over the channels of [N, 1, C, rest].
  Value shape = node.joinShape({node.getDim(input, 0), node.createInts(1),
                                node.getDim(input, 1),
                                node.getDimProduct(input, 2, rank)});
  Value x = widen(node, input);
  Value square = node.reshape(node.create<MulOp>(x, x), shape);
  int64_t before = (size - 1) / 2;
  Value mean = node.create<AveragePoolOp>(
      square, ArrayRef<int64_t>{size, 1}, ArrayRef<int64_t>{1, 1},
      ArrayRef<int64_t>{before, 0, size - 1 - before, 0},
      ArrayRef<int64_t>{1, 1}, /*ceil_mode=*/false, /*count_include_pad=*/true);
  mean = node.reshape(mean, node.getShape(input));
  Value sum =
      withScalar<AddOp>(node, withScalar<MulOp>(node, mean, alpha), bias);
  Value result = node.create<DivOp>(x, withScalar<PowOp>(node, sum, beta));
  return node.setOutput(
      node.failed() ? Value() : node.cast(result, getElementTypeOrSelf(input)));
}

/// x / |x| along an axis; 0 where the norm is 0.
static LogicalResult convertLpNorm(NodeContext &node) {
  int64_t axis = node.getInt("axis", -1), p = node.getInt("p", 2);
  Value input = node.getInput(0);
  if (node.failed())
    return failure();
  if (p != 1 && p != 2)
    return node.invalid("attribute 'p' is " + Twine(p) + ", expected 1 or 2");
  axis = node.normalizeAxis(axis, getType(input).getRank());
  Value norm =
      reduce(node, input, p == 1 ? ReduceKind::L1 : ReduceKind::L2, axis);
  Value isZero = withScalar<EqualOp>(node, norm, 0);
  if (node.failed())
    return failure();
  Value one = node.createScalar(getElementTypeOrSelf(input), 1);
  return node.setOutput(
      node.create<DivOp>(input, where(node, isZero, one, norm)));
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
                           instanceNorm[] = {1, 6, 22}, layerNorm[] = {1, 17},
                           rmsNorm[] = {23}, softmax[] = {1, 11, 13},
                           groupNorm[] = {18, 21}, meanVariance[] = {9, 13},
                           lrn[] = {1, 13}, lpNorm[] = {1, 22}, v1[] = {1};
  static const OpEntry entries[] = {
      {"BatchNormalization", batchNorm, convertBatchNorm, 5, 5},
      {"InstanceNormalization", instanceNorm, convertInstanceNorm, 3, 3},
      {"LayerNormalization", layerNorm, convertLayerNorm, 2, 3},
      {"RMSNormalization", rmsNorm, convertRmsNorm, 2, 2},
      // ONNX Runtime's, from before there was RMSNormalization.
      {"SimplifiedLayerNormalization", v1, convertRmsNorm, 2, 2},
      {"GroupNormalization", groupNorm, convertGroupNorm, 3, 3},
      {"MeanVarianceNormalization", meanVariance, convertMeanVarianceNorm},
      {"LRN", lrn, convertLrn},
      {"LpNormalization", lpNorm, convertLpNorm},
      {"Softmax", softmax, convertSoftmax<SoftmaxOp>},
      {"LogSoftmax", softmax, convertSoftmax<LogSoftmaxOp>},
  };
  return entries;
}

} // namespace tenon::onnx_import

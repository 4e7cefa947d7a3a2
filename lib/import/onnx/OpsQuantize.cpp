//===- OpsQuantize.cpp - Numbers as scaled integers -----------------------===//
//
// Products of quantised tensors are computed exactly, in 32 bits; what is
// scaled after them is float32, and rounds to even.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Quantization.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

QuantParams getQuantParams(NodeContext &node, unsigned i) {
  QuantParams params = {node.getInput(i), node.getOptionalInput(i + 1)};
  if (node.failed())
    return {};
  if (!isa<FloatType>(getElementTypeOrSelf(params.scale))) {
    node.invalid("expected a scale of a float type, found " +
                 getTypeName(getElementTypeOrSelf(params.scale)));
    return {};
  }
  return params;
}

static Value fitParameter(NodeContext &node, Value parameter, int64_t axis,
                          int64_t rank) {
  if (node.failed() || !parameter)
    return {};
  RankedTensorType type = getType(parameter);
  if (type.hasStaticShape() && type.getNumElements() == 1)
    return toScalar(node, parameter, "a parameter");
  if (type.getRank() != 1 || rank == 0)
    return parameter;
  return alongAxis(node, parameter, axis, rank);
}

QuantParams fitQuantParams(NodeContext &node, QuantParams params, int64_t axis,
                           int64_t rank) {
  return {fitParameter(node, params.scale, axis, rank),
          fitParameter(node, params.zeroPoint, axis, rank)};
}

/// A parameter for each block of `size` elements along `axis`, repeated for
/// each of them.
static Value repeatBlocks(NodeContext &node, Value parameter, Value input,
                          int64_t axis, int64_t size) {
  if (node.failed() || !parameter)
    return {};
  ArrayRef<int64_t> shape = getType(input).getShape();
  if (getType(parameter).getRank() != int64_t(shape.size())) {
    node.invalid("expected a scale and a zero point of rank " +
                 Twine(shape.size()) + " for blocks, found rank " +
                 Twine(getType(parameter).getRank()));
    return {};
  }
  int64_t count = getType(parameter).getDimSize(axis);
  if (!ShapedType::isDynamic(count) && !ShapedType::isDynamic(shape[axis]) &&
      count != int64_t(divideCeil(shape[axis], size))) {
    node.invalid("expected " + Twine(divideCeil(shape[axis], size)) +
                 " blocks of " + Twine(size) + ", found " + Twine(count));
    return {};
  }
  Value blocks = withScalar<DivOp>(
      node, createRange(node, node.getDim(input, axis)), size);
  return node.create<GatherOp>(parameter, blocks, uint64_t(axis));
}

/// The parameters of QuantizeLinear and its inverse as they fit `input`.
static QuantParams getLinearParams(NodeContext &node, Value input) {
  int64_t version =
      node.getDomain() == "com.microsoft" ? INT64_MAX : node.getVersion();
  int64_t axis = version >= 13 ? node.getInt("axis", 1) : 0;
  int64_t block = version >= 21 ? node.getInt("block_size", 0) : 0;
  QuantParams params = getQuantParams(node, 1);
  if (node.failed())
    return {};
  if (block < 0) {
    node.invalid("attribute 'block_size' is " + Twine(block) +
                 ", expected at least 0");
    return {};
  }
  int64_t rank = getType(input).getRank();
  RankedTensorType type = getType(params.scale);
  bool isScalar =
      type.getRank() == 0 || (type.getRank() == 1 && type.getDimSize(0) == 1);
  if (isScalar && block == 0)
    return fitQuantParams(node, params, 0, rank);
  axis = node.normalizeAxis(axis, rank);
  if (node.failed())
    return {};
  if (block != 0)
    return {repeatBlocks(node, params.scale, input, axis, block),
            repeatBlocks(node, params.zeroPoint, input, axis, block)};
  if (type.getRank() != 1) {
    node.invalid("expected a scale of rank 0 or 1, found rank " +
                 Twine(type.getRank()));
    return {};
  }
  int64_t size = getType(input).getDimSize(axis), given = type.getDimSize(0);
  if (!ShapedType::isDynamic(size) && !ShapedType::isDynamic(given) &&
      size != given) {
    node.invalid("expected " + Twine(size) + " scales, found " + Twine(given));
    return {};
  }
  return fitQuantParams(node, params, axis, rank);
}

//===----------------------------------------------------------------------===//
// Numbers and integers
//===----------------------------------------------------------------------===//

Value subtractZeroPoint(NodeContext &node, Value integers, Value zeroPoint) {
  if (node.failed() || !integers)
    return {};
  Type type = getElementTypeOrSelf(integers);
  if (!type.isInteger() || type.isInteger(64)) {
    node.invalid("expected integers of at most 32 bits, found " +
                 getTypeName(type));
    return {};
  }
  Type i32 = node.getBuilder().getI32Type();
  Value wide = node.cast(integers, i32);
  if (!zeroPoint)
    return wide;
  return node.binary<SubOp>(wide, node.cast(zeroPoint, i32));
}

/// Whether a zero point of a narrow float type is known to be 0. Added, it
/// would take the sign of -0.
static bool isKnownZero(Value zeroPoint) {
  while (Operation *op = zeroPoint.getDefiningOp()) {
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
      return llvm::all_of(dense ? dense.getRawData()
                                : getRawBytes(constant.getValue()),
                          [](char code) { return code == 0; });
    }
    if (!isa<ReshapeOp, SqueezeOp, UnsqueezeOp, GatherOp>(op))
      return false;
    zeroPoint = op->getOperand(0);
  }
  return false;
}

/// A zero point of a float type as float32; null if there is nothing to add.
static Value getFloatZeroPoint(NodeContext &node, Value zeroPoint) {
  if (!zeroPoint || isKnownZero(zeroPoint))
    return {};
  return node.cast(zeroPoint, node.getBuilder().getF32Type());
}

Value dequantize(NodeContext &node, Value integers, const QuantParams &params) {
  if (node.failed() || !integers)
    return {};
  Type f32 = node.getBuilder().getF32Type();
  Value centred;
  if (isNarrowFloat(getElementTypeOrSelf(integers))) {
    if (params.zeroPoint && getElementTypeOrSelf(params.zeroPoint) !=
                                getElementTypeOrSelf(integers)) {
      node.invalid("expected a zero point of " +
                   getTypeName(getElementTypeOrSelf(integers)) + ", found " +
                   getTypeName(getElementTypeOrSelf(params.zeroPoint)));
      return {};
    }
    centred = node.cast(integers, f32);
    if (Value zero = getFloatZeroPoint(node, params.zeroPoint))
      centred = node.binary<SubOp>(centred, zero);
  } else {
    centred = subtractZeroPoint(node, integers, params.zeroPoint);
  }
  if (node.failed() || !centred || !params.scale)
    return {};
  return node.binary<MulOp>(node.cast(centred, f32),
                            node.cast(params.scale, f32));
}

/// The smallest and the largest integer of a type.
static std::pair<double, double> getLimits(Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  if (type.isUnsignedInteger())
    return {0, std::ldexp(1.0, width) - 1};
  return {-std::ldexp(1.0, width - 1), std::ldexp(1.0, width - 1) - 1};
}

Value roundToIntegers(NodeContext &node, Value numbers, Value zeroPoint,
                      Type type) {
  if (node.failed() || !numbers)
    return {};
  if (!type.isInteger() || type.getIntOrFloatBitWidth() > 16 ||
      type.isInteger(1)) {
    node.unsupported("quantisation to " + getTypeName(type) +
                     " is not supported");
    return {};
  }
  Value rounded = node.create<RoundOp>(numbers);
  if (zeroPoint)
    rounded = node.binary<AddOp>(
        rounded, node.cast(zeroPoint, node.getBuilder().getF32Type()));
  auto [low, high] = getLimits(type);
  Value limited =
      node.create<ClipOp>(rounded, node.getBuilder().getF64FloatAttr(low),
                          node.getBuilder().getF64FloatAttr(high));
  return node.failed() ? Value() : node.cast(limited, type);
}

static LogicalResult convertQuantizeLinear(NodeContext &node) {
  NarrowCast how = readNarrowCast(node);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  QuantParams params = getLinearParams(node, input);
  Type type = IntegerType::get(node.getContext(), 8, IntegerType::Unsigned);
  int64_t number = node.getVersion() >= 21 ? node.getInt("output_dtype", 0) : 0;
  if (number != 0)
    type =
        getNumberedStoredType(node, "output_dtype", number, "quantisation to");
  Type precision;
  if (node.getVersion() >= 23)
    if (int64_t given = node.getInt("precision", 0))
      precision = getNumberedType(node, "precision", given, "a precision of");
  if (node.failed() || !params.scale)
    return failure();
  if (params.zeroPoint) {
    Type zeroType = getElementTypeOrSelf(params.zeroPoint);
    if (number != 0 && zeroType != type)
      return node.invalid("expected a zero point of " + getTypeName(type) +
                          ", found " + getTypeName(zeroType));
    type = zeroType;
  }
  // The quotient has the precision of the scale, if nothing else is said.
  if (!precision)
    precision = getElementTypeOrSelf(params.scale);
  Value scaled = node.binary<DivOp>(node.cast(input, precision),
                                    node.cast(params.scale, precision));
  if (!scaled)
    return failure();
  scaled = node.cast(scaled, node.getBuilder().getF32Type());
  if (isNarrowFloat(type)) {
    if (Value zero = getFloatZeroPoint(node, params.zeroPoint))
      scaled = node.binary<AddOp>(scaled, zero);
    return node.setOutput(castAny(node, scaled, type, how));
  }
  return node.setOutput(roundToIntegers(node, scaled, params.zeroPoint, type));
}

static LogicalResult convertDequantizeLinear(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  QuantParams params = getLinearParams(node, input);
  Type type;
  if (node.getVersion() >= 23)
    if (int64_t given = node.getInt("output_dtype", 0))
      type = getNumberedType(node, "output_dtype", given, "a result of");
  Value numbers = dequantize(node, input, params);
  if (node.failed() || !numbers)
    return failure();
  if (!type)
    type = getElementTypeOrSelf(params.scale);
  return node.setOutput(node.cast(numbers, type));
}

DynamicQuantized quantizeDynamically(NodeContext &node, Value input) {
  Type type = IntegerType::get(node.getContext(), 8, IntegerType::Unsigned);
  Type f32 = node.getBuilder().getF32Type();
  if (node.failed() || !input)
    return {};
  if (!getElementTypeOrSelf(input).isF32()) {
    node.invalid("expected float32, found " +
                 getTypeName(getElementTypeOrSelf(input)));
    return {};
  }
  Value low =
      withScalar<MinOp>(node, reduceAll(node, input, ReduceKind::Min), 0);
  Value high =
      withScalar<MaxOp>(node, reduceAll(node, input, ReduceKind::Max), 0);
  Value scale = withScalar<DivOp>(node, node.create<SubOp>(high, low), 255);
  // Any scale is right where all numbers are 0.
  Value divisor = where(node, withScalar<EqualOp>(node, scale, 0),
                        node.createScalar(f32, 1), scale);
  Value zero = node.create<NegOp>(node.create<DivOp>(low, divisor));
  Value zeroPoint = roundToIntegers(node, zero, Value(), type);
  Value integers = roundToIntegers(node, node.binary<DivOp>(input, divisor),
                                   zeroPoint, type);
  return {integers, {scale, zeroPoint}};
}

static LogicalResult convertDynamicQuantizeLinear(NodeContext &node) {
  DynamicQuantized result = quantizeDynamically(node, node.getInput(0));
  if (failed(node.setOutput(0, result.integers)) ||
      failed(node.setOutput(1, result.params.scale)))
    return failure();
  return node.setOutput(2, result.params.zeroPoint);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// Brings sums of products with the scales `a` and `b` to the scale of the
/// result, all of which are float32 then.
static Value requantize(NodeContext &node, Value sums, Value a, Value b,
                        const QuantParams &result) {
  if (node.failed() || !sums || !a || !b || !result.scale)
    return {};
  Type f32 = node.getBuilder().getF32Type();
  Value factor = node.binary<DivOp>(
      node.binary<MulOp>(node.cast(a, f32), node.cast(b, f32)),
      node.cast(result.scale, f32));
  Value numbers = node.binary<MulOp>(node.cast(sums, f32), factor);
  if (!result.zeroPoint) {
    node.invalid("the zero point of the result is missing");
    return {};
  }
  return roundToIntegers(node, numbers, result.zeroPoint,
                         getElementTypeOrSelf(result.zeroPoint));
}

/// Parameters of the rows of a matrix: vectors become columns.
static QuantParams fitRows(NodeContext &node, QuantParams params,
                           Value matrix) {
  if (node.failed())
    return {};
  return fitQuantParams(node, params, 0, getType(matrix).getRank() < 2 ? 0 : 2);
}

static LogicalResult convertMatMulInteger(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  if (node.failed())
    return failure();
  QuantParams rows = fitRows(node, {Value(), node.getOptionalInput(2)}, a);
  QuantParams columns =
      fitQuantParams(node, {Value(), node.getOptionalInput(3)}, 0, 1);
  return node.setOutput(
      createMatMul(node, subtractZeroPoint(node, a, rows.zeroPoint),
                   subtractZeroPoint(node, b, columns.zeroPoint)));
}

static LogicalResult convertQLinearMatMul(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(3);
  QuantParams paramsA = getQuantParams(node, 1);
  QuantParams paramsB = getQuantParams(node, 4);
  QuantParams result = getQuantParams(node, 6);
  if (node.failed())
    return failure();
  paramsA = fitRows(node, paramsA, a);
  paramsB = fitQuantParams(node, paramsB, 0, 1);
  Value sums = createMatMul(node, subtractZeroPoint(node, a, paramsA.zeroPoint),
                            subtractZeroPoint(node, b, paramsB.zeroPoint));
  if (node.failed() || !sums)
    return failure();
  result = fitQuantParams(node, result, 0, getType(sums).getRank() < 2 ? 0 : 2);
  return node.setOutput(
      requantize(node, sums, paramsA.scale, paramsB.scale, result));
}

/// Parameters of output channels, as they fit weights of rank `rank`.
static QuantParams fitChannels(NodeContext &node, QuantParams params,
                               Value weights) {
  if (node.failed())
    return {};
  return fitQuantParams(node, params, 0, getType(weights).getRank());
}

static LogicalResult convertConvInteger(NodeContext &node) {
  Value input = node.getInput(0), weights = node.getInput(1);
  QuantParams params =
      fitChannels(node, {Value(), node.getOptionalInput(3)}, weights);
  Value zeroPoint = node.getOptionalInput(2);
  if (zeroPoint)
    zeroPoint = toScalar(node, zeroPoint, "a zero point");
  // What is padded is the zero point, which is 0 here.
  return node.setOutput(
      createConv(node, subtractZeroPoint(node, input, zeroPoint),
                 subtractZeroPoint(node, weights, params.zeroPoint), Value()));
}

static LogicalResult convertQLinearConv(NodeContext &node) {
  Value input = node.getInput(0), weights = node.getInput(3);
  QuantParams inputParams = getQuantParams(node, 1);
  QuantParams weightParams = getQuantParams(node, 4);
  QuantParams result = getQuantParams(node, 6);
  Value bias = node.getOptionalInput(8);
  if (node.failed())
    return failure();
  int64_t rank = getType(input).getRank();
  inputParams = fitQuantParams(node, inputParams, 0, 0);
  result = fitQuantParams(node, result, 0, 0);
  Value sums = createConv(
      node, subtractZeroPoint(node, input, inputParams.zeroPoint),
      subtractZeroPoint(node, weights,
                        fitChannels(node, weightParams, weights).zeroPoint),
      bias);
  // Channels stand second in the result.
  Value scale = fitQuantParams(node, {weightParams.scale, Value()}, 1,
                               std::max<int64_t>(rank, 2))
                    .scale;
  return node.setOutput(
      requantize(node, sums, inputParams.scale, scale, result));
}

ArrayRef<OpEntry> getQuantizeOps() {
  static constexpr int64_t linear[] = {10, 13, 19, 21, 23, 24, 25},
                           dynamic[] = {11}, matMul[] = {10},
                           qLinear[] = {10, 21}, v1[] = {1};
  static const OpEntry entries[] = {
      {"QuantizeLinear", linear, convertQuantizeLinear, 2, 3},
      {"DequantizeLinear", linear, convertDequantizeLinear, 2, 3},
      {"QuantizeLinear", v1, convertQuantizeLinear, 2, 3, "com.microsoft"},
      {"DequantizeLinear", v1, convertDequantizeLinear, 2, 3, "com.microsoft"},
      {"DynamicQuantizeLinear", dynamic, convertDynamicQuantizeLinear},
      {"MatMulInteger", matMul, convertMatMulInteger, 2, 4},
      {"ConvInteger", matMul, convertConvInteger, 2, 4},
      {"QLinearConv", matMul, convertQLinearConv, 8, 9},
      {"QLinearMatMul", qLinear, convertQLinearMatMul, 8, 8},
  };
  return entries;
}

} // namespace tenon::onnx_import

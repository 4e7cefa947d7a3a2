//===- OpsQuantizeContrib.cpp - Quantised operators of com.microsoft ------===//
//
// Elementwise operators compute in float32 between scaled integers.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Quantization.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// Parameters that are one for the whole tensor.
static QuantParams getScalarParams(NodeContext &node, unsigned i) {
  QuantParams params = getQuantParams(node, i);
  params.scale = toScalar(node, params.scale, "a scale");
  if (params.zeroPoint)
    params.zeroPoint = toScalar(node, params.zeroPoint, "a zero point");
  return params;
}

/// Numbers as integers of the scale and type of a result.
static Value quantize(NodeContext &node, Value numbers,
                      const QuantParams &params, Type type) {
  if (node.failed() || !numbers)
    return {};
  Value scaled = node.binary<DivOp>(
      numbers, node.cast(params.scale, node.getBuilder().getF32Type()));
  return roundToIntegers(node, scaled, params.zeroPoint, type);
}

/// The element type of an input, null after an error.
static Type getInputType(NodeContext &node, unsigned i) {
  Value input = node.getInput(i);
  return input ? getElementTypeOrSelf(input) : Type();
}

template <typename OpT>
static LogicalResult convertQLinearBinary(NodeContext &node) {
  Type type = getInputType(node, 0);
  Value a = dequantize(node, node.getInput(0), getScalarParams(node, 1));
  Value b = dequantize(node, node.getInput(3), getScalarParams(node, 4));
  QuantParams result = getScalarParams(node, 6);
  if (node.failed())
    return failure();
  return node.setOutput(quantize(node, node.binary<OpT>(a, b), result, type));
}

/// A function of one operand: X, its scale and zero point, those of the result.
static LogicalResult convertUnary(NodeContext &node,
                                  llvm::function_ref<Value(Value)> apply) {
  Type type = getInputType(node, 0);
  Value x = dequantize(node, node.getInput(0), getScalarParams(node, 1));
  QuantParams result = getScalarParams(node, 3);
  if (node.failed())
    return failure();
  return node.setOutput(quantize(node, apply(x), result, type));
}

static LogicalResult convertQLinearSigmoid(NodeContext &node) {
  return convertUnary(node, [&](Value x) { return node.create<SigmoidOp>(x); });
}

static LogicalResult convertQLinearLeakyRelu(NodeContext &node) {
  double alpha = node.getFloat("alpha", 0.01f);
  return convertUnary(node, [&](Value x) {
    return node.create<LeakyReluOp>(x, APFloat(alpha));
  });
}

static LogicalResult convertQLinearGlobalAveragePool(NodeContext &node) {
  bool isChannelsLast = node.getBool("channels_last", false);
  return convertUnary(node, [&](Value x) -> Value {
    int64_t rank = getType(x).getRank();
    if (rank < 3) {
      node.invalid("expected an input of rank 3 or more, found rank " +
                   Twine(rank));
      return {};
    }
    return reduce(node, x, ReduceKind::Mean,
                  isChannelsLast ? getAxes(1, rank - 1) : getAxes(2, rank));
  });
}

/// Scale and zero point of the result, then three inputs for each operand.
static LogicalResult convertQLinearConcat(NodeContext &node) {
  int64_t axis = node.getRequiredInt("axis");
  QuantParams result = getScalarParams(node, 0);
  unsigned count = node.getNumInputs() - 2;
  if (!node.failed() && (count == 0 || count % 3 != 0))
    return node.invalid("expected three inputs for each operand, found " +
                        Twine(count));
  Type type = getInputType(node, 2);
  SmallVector<Value> operands;
  for (unsigned i = 2; i != node.getNumInputs(); i += 3)
    operands.push_back(
        dequantize(node, node.getInput(i), getScalarParams(node, i + 1)));
  if (node.failed())
    return failure();
  axis = node.normalizeAxis(axis, getType(operands[0]).getRank());
  return node.setOutput(quantize(
      node, node.create<ConcatOp>(operands, uint64_t(axis)), result, type));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

/// (A - zero) * (B - zero) * scales + bias in float32.
static LogicalResult finishMatMul(NodeContext &node, Value a, Value b,
                                  QuantParams paramsA, QuantParams paramsB,
                                  Value bias) {
  if (node.failed())
    return failure();
  Value sums = createMatMul(node, subtractZeroPoint(node, a, paramsA.zeroPoint),
                            subtractZeroPoint(node, b, paramsB.zeroPoint));
  if (node.failed())
    return failure();
  Value result =
      node.binary<MulOp>(node.cast(sums, node.getBuilder().getF32Type()),
                         node.binary<MulOp>(paramsA.scale, paramsB.scale));
  if (bias)
    result = node.binary<AddOp>(result, bias);
  return node.setOutput(result);
}

/// A, B, their scales, their zero points, a bias.
static LogicalResult convertMatMulIntegerToFloat(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  QuantParams paramsA = {node.getInput(2), node.getOptionalInput(4)};
  QuantParams paramsB = {node.getInput(3), node.getOptionalInput(5)};
  if (node.failed())
    return failure();
  paramsA = fitQuantParams(node, paramsA, 0, getType(a).getRank() < 2 ? 0 : 2);
  paramsB = fitQuantParams(node, paramsB, 0, 1);
  return finishMatMul(node, a, b, paramsA, paramsB, node.getOptionalInput(6));
}

/// A as floats, which get a scale of their own; B, its scale and zero point, a
/// bias.
static LogicalResult convertDynamicQuantizeMatMul(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  QuantParams paramsB = {node.getInput(2), node.getOptionalInput(3)};
  DynamicQuantized quantized = quantizeDynamically(node, a);
  paramsB = fitQuantParams(node, paramsB, 0, 1);
  return finishMatMul(node, quantized.integers, b, quantized.params, paramsB,
                      node.getOptionalInput(4));
}

ArrayRef<OpEntry> getQuantizeContribOps() {
  static constexpr int64_t v1[] = {1};
  static constexpr StringLiteral microsoft = "com.microsoft";
  static const OpEntry entries[] = {
      {"QLinearAdd", v1, convertQLinearBinary<AddOp>, 7, 8, microsoft},
      {"QLinearMul", v1, convertQLinearBinary<MulOp>, 7, 8, microsoft},
      {"QLinearSigmoid", v1, convertQLinearSigmoid, 4, 5, microsoft},
      {"QLinearLeakyRelu", v1, convertQLinearLeakyRelu, 4, 5, microsoft},
      {"QLinearGlobalAveragePool", v1, convertQLinearGlobalAveragePool, 5, 5,
       microsoft},
      {"QLinearConcat", v1, convertQLinearConcat, 5, kVariadic, microsoft},
      {"MatMulIntegerToFloat", v1, convertMatMulIntegerToFloat, 4, 7,
       microsoft},
      {"DynamicQuantizeMatMul", v1, convertDynamicQuantizeMatMul, 3, 5,
       microsoft},
  };
  return entries;
}

} // namespace tenon::onnx_import

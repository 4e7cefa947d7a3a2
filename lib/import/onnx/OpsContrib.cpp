//===- OpsContrib.cpp - Fused operators of com.microsoft ------------------===//
//
// What optimisers of exported models leave behind. Fusion finds the groups
// again by itself, so that they may as well be taken apart.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Activations
//===----------------------------------------------------------------------===//

/// The input plus the bias that is input 1, if there is one.
static Value addBias(NodeContext &node) {
  Value input = node.getInput(0), bias = node.getOptionalInput(1);
  return bias ? node.binary<AddOp>(input, bias) : input;
}

template <GeluKind kind>
static LogicalResult convertBiasGelu(NodeContext &node) {
  return node.setOutput(node.create<GeluOp>(addBias(node), kind));
}

/// x * sigmoid(alpha * x)
static LogicalResult convertQuickGelu(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1.702f);
  Value input = node.getInput(0);
  return node.setOutput(node.create<MulOp>(
      input, node.create<SigmoidOp>(withScalar<MulOp>(node, input, alpha))));
}

/// What attributes 'activation' and `parameters` say, done to `value`.
static Value applyActivation(NodeContext &node, Value value,
                             ArrayRef<double> parameters) {
  std::string name = node.getString("activation", "");
  if (node.failed() || !value || name.empty())
    return value;
  struct Activation {
    StringLiteral name;
    size_t numParameters;
  };
  static constexpr Activation known[] = {
      {"Relu", 0},      {"Tanh", 0}, {"Sigmoid", 0},    {"HardSwish", 0},
      {"LeakyRelu", 1}, {"Clip", 2}, {"HardSigmoid", 2}};
  const Activation *activation =
      llvm::find_if(known, [&](const Activation &a) { return a.name == name; });
  if (activation == std::end(known)) {
    node.unsupported("activation " + name + " is not supported");
    return {};
  }
  if (parameters.size() != activation->numParameters) {
    node.invalid("expected " + Twine(activation->numParameters) +
                 " parameters of the activation, found " +
                 Twine(parameters.size()));
    return {};
  }
  if (name == "Relu")
    return node.create<ReluOp>(value);
  if (name == "Tanh")
    return node.create<TanhOp>(value);
  if (name == "Sigmoid")
    return node.create<SigmoidOp>(value);
  if (name == "HardSwish")
    return node.create<HardSwishOp>(value);
  if (name == "LeakyRelu")
    return node.create<LeakyReluOp>(value, APFloat(parameters[0]));
  if (name == "Clip")
    return node.create<ClipOp>(
        value, node.getBuilder().getF64FloatAttr(parameters[0]),
        node.getBuilder().getF64FloatAttr(parameters[1]));
  return node.create<HardSigmoidOp>(value, APFloat(parameters[0]),
                                    APFloat(parameters[1]));
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static LogicalResult convertFusedConv(NodeContext &node) {
  SmallVector<double> parameters =
      node.getFloats("activation_params").value_or(SmallVector<double>());
  Value result = createConv(node, node.getInput(0), node.getInput(1),
                            node.getOptionalInput(2));
  if (result && node.hasInput(3))
    result = node.create<AddOp>(result, node.getInput(3));
  return node.setOutput(applyActivation(node, result, parameters));
}

/// alpha * A' * B'. 'transBatch' tells that the rows stand before the batch.
static LogicalResult convertFusedMatMul(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1);
  bool transposed[] = {node.getBool("transA", false),
                       node.getBool("transB", false)};
  bool isBatchInside[] = {node.getBool("transBatchA", false),
                          node.getBool("transBatchB", false)};
  SmallVector<Value> operands = {node.getInput(0), node.getInput(1)};
  if (node.failed())
    return failure();
  for (unsigned i : {0, 1}) {
    int64_t rank = getType(operands[i]).getRank();
    if (rank < 2) // A vector has nothing to transpose.
      continue;
    SmallVector<int64_t> permutation = getAxes(0, rank);
    if (isBatchInside[i])
      std::rotate(permutation.begin(), permutation.begin() + 1,
                  permutation.end() - 1);
    if (transposed[i])
      std::swap(permutation[rank - 2], permutation[rank - 1]);
    if (permutation != getAxes(0, rank))
      operands[i] = node.transpose(operands[i], permutation);
  }
  Value product = createMatMul(node, operands[0], operands[1]);
  if (alpha != 1)
    product = withScalar<MulOp>(node, product, alpha);
  return node.setOutput(product);
}

//===----------------------------------------------------------------------===//
// Normalisation
//===----------------------------------------------------------------------===//

/// The normalised sum of an input and what skipped a block; `isSimple` leaves
/// out the mean. The sum itself is output 3.
template <bool isSimple>
static LogicalResult convertSkipNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-12f);
  Value input = node.getInput(0), skip = node.getInput(1);
  Value scale = node.getInput(2);
  Value shift = isSimple ? Value() : node.getOptionalInput(3);
  Value bias = node.getOptionalInput(isSimple ? 3 : 4);
  Value sum = node.binary<AddOp>(input, skip);
  if (bias)
    sum = node.binary<AddOp>(sum, bias);
  if (node.failed())
    return failure();
  int64_t axis = getType(sum).getRank() - 1;
  if (axis < 1)
    return node.invalid("expected an input of rank 2 or 3, found rank " +
                        Twine(axis + 1));
  if (node.hasOutput(3) && failed(node.setOutput(3, sum)))
    return failure();
  if (isSimple) {
    for (unsigned i : {1, 2})
      if (node.hasOutput(i))
        return node.unsupported("statistics as outputs are not supported");
    return node.setOutput(createRmsNorm(node, sum, scale, axis, epsilon));
  }
  if (node.hasOutput(1) || node.hasOutput(2)) {
    Moments moments = getMoments(node, widen(node, sum), axis);
    Value outputs[] = {moments.mean,
                       getInverseDeviation(node, moments.variance, epsilon)};
    for (auto [i, output] : llvm::enumerate(outputs))
      if (node.hasOutput(i + 1) && failed(node.setOutput(i + 1, output)))
        return failure();
  }
  return node.setOutput(node.create<LayerNormOp>(
      sum, scale, shift, uint64_t(axis), APFloat(epsilon)));
}

ArrayRef<OpEntry> getContribOps() {
  static constexpr int64_t v1[] = {1};
  static constexpr StringLiteral microsoft = "com.microsoft";
  static const OpEntry entries[] = {
      {"Gelu", v1, convertBiasGelu<GeluKind::Erf>, 1, 1, microsoft},
      {"BiasGelu", v1, convertBiasGelu<GeluKind::Erf>, 2, 2, microsoft},
      {"FastGelu", v1, convertBiasGelu<GeluKind::Tanh>, 1, 2, microsoft},
      {"QuickGelu", v1, convertQuickGelu, 1, 1, microsoft},
      {"FusedConv", v1, convertFusedConv, 2, 4, microsoft},
      {"FusedMatMul", v1, convertFusedMatMul, 2, 2, microsoft},
      {"SkipLayerNormalization", v1, convertSkipNorm<false>, 3, 5, microsoft},
      {"SkipSimplifiedLayerNormalization", v1, convertSkipNorm<true>, 3, 4,
       microsoft},
  };
  return entries;
}

} // namespace tenon::onnx_import

//===- OpsElementwise.cpp - Functions of one element, selections ----------===//

#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>
#include <limits>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

template <typename OpT> static LogicalResult convertUnary(NodeContext &node) {
  return node.setOutput(node.create<OpT>(node.getInput(0)));
}

/// An operation with one float attribute, `alpha`.
template <typename OpT>
static LogicalResult convertAlpha(NodeContext &node, double defaultAlpha) {
  double alpha = node.getFloat("alpha", defaultAlpha);
  return node.setOutput(node.create<OpT>(node.getInput(0), APFloat(alpha)));
}

static LogicalResult convertLeakyRelu(NodeContext &node) {
  return convertAlpha<LeakyReluOp>(node, 0.01f);
}

static LogicalResult convertElu(NodeContext &node) {
  return convertAlpha<EluOp>(node, 1.0);
}

/// celu(x) = max(0, x) + min(0, alpha * (exp(x / alpha) - 1))
static LogicalResult convertCelu(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1.0);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  if (alpha == 0)
    return node.invalid("attribute 'alpha' is 0, expected another number");
  if (alpha == 1)
    return node.setOutput(node.create<EluOp>(input, APFloat(1.0)));
  if (alpha < 0) {
    // x / alpha is positive where x is not; exp(z) - 1 = -elu(-z) * exp(z).
    Value z = withScalar<DivOp>(node, input, alpha);
    Value elu = node.create<EluOp>(node.create<NegOp>(z), APFloat(1.0));
    Value below = withScalar<MulOp>(
        node, node.create<MulOp>(elu, node.create<ExpOp>(z)), -alpha);
    return node.setOutput(
        where(node, withScalar<LessOp>(node, input, 0), below, input));
  }
  Value scale = node.createScalar(getElementTypeOrSelf(input), alpha);
  Value elu =
      node.create<EluOp>(node.create<DivOp>(input, scale), APFloat(1.0));
  return node.setOutput(node.create<MulOp>(elu, scale));
}

static LogicalResult convertSelu(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1.67326319217681884765625);
  double gamma = node.getFloat("gamma", 1.05070102214813232421875);
  return node.setOutput(
      node.create<SeluOp>(node.getInput(0), APFloat(alpha), APFloat(gamma)));
}

static LogicalResult convertHardSigmoid(NodeContext &node) {
  double alpha = node.getFloat("alpha", 0.2f),
         beta = node.getFloat("beta", 0.5);
  return node.setOutput(node.create<HardSigmoidOp>(
      node.getInput(0), APFloat(alpha), APFloat(beta)));
}

static LogicalResult convertGelu(NodeContext &node) {
  std::string approximate = node.getString("approximate", "none");
  if (!node.failed() && approximate != "none" && approximate != "tanh")
    return node.invalid("attribute 'approximate' is " + quote(approximate) +
                        ", expected 'none' or 'tanh'");
  return node.setOutput(node.create<GeluOp>(
      node.getInput(0),
      approximate == "tanh" ? GeluKind::Tanh : GeluKind::Erf));
}

/// swish(x) = x * sigmoid(alpha * x)
static LogicalResult convertSwish(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1.0);
  Value input = node.getInput(0);
  if (!input || alpha == 1)
    return node.setOutput(node.create<SiluOp>(input));
  Value scaled = node.create<MulOp>(
      input, node.createScalar(getElementTypeOrSelf(input), alpha));
  return node.setOutput(
      node.create<MulOp>(input, node.create<SigmoidOp>(scaled)));
}

static LogicalResult convertThresholdedRelu(NodeContext &node) {
  double alpha = node.getFloat("alpha", 1.0);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Type type = getElementTypeOrSelf(input);
  Value isAbove = node.create<GreaterOp>(input, node.createScalar(type, alpha));
  return node.setOutput(
      node.create<WhereOp>(isAbove, input, node.createScalar(type, 0)));
}

static LogicalResult convertNot(NodeContext &node) {
  Value input = node.getInput(0);
  if (input && !getElementTypeOrSelf(input).isInteger(1))
    return node.invalid("expected bool, found " +
                        getTypeName(getElementTypeOrSelf(input)));
  return node.setOutput(node.create<NotOp>(input));
}

static LogicalResult convertIsInf(NodeContext &node) {
  bool negative = node.getBool("detect_negative", true);
  bool positive = node.getBool("detect_positive", true);
  Value input = node.getInput(0);
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (negative && positive)
    return node.setOutput(
        withScalar<EqualOp>(node, node.create<AbsOp>(input), infinity));
  if (negative || positive)
    return node.setOutput(
        withScalar<EqualOp>(node, input, positive ? infinity : -infinity));
  // Nothing is less than minus infinity.
  return node.setOutput(withScalar<LessOp>(node, input, -infinity));
}

/// x + bias below -lambd, x - bias above lambd, 0 between.
static LogicalResult convertShrink(NodeContext &node) {
  double bias = node.getFloat("bias", 0), limit = node.getFloat("lambd", 0.5);
  Value input = node.getInput(0);
  if (!input)
    return failure();
  // The attributes are fractions for integers, too.
  Type type = getElementTypeOrSelf(input);
  Value x = isa<FloatType>(type)
                ? input
                : node.cast(input, node.getBuilder().getF64Type());
  Value above = whereOrZero(node, withScalar<GreaterOp>(node, x, limit),
                            withScalar<SubOp>(node, x, bias));
  Value result = where(node, withScalar<LessOp>(node, x, -limit),
                       withScalar<AddOp>(node, x, bias), above);
  return node.setOutput(node.cast(result, type));
}

static LogicalResult convertPrelu(NodeContext &node) {
  Value input = node.getInput(0), slope = node.getInput(1);
  // Before version 7 slopes are those of the channels.
  if (node.getVersion() < 7 && !node.failed()) {
    int64_t rank = getType(input).getRank();
    if (getType(slope).getRank() == 1 && getType(slope).getDimSize(0) != 1 &&
        rank > 2)
      slope = node.unsqueeze(slope,
                             llvm::to_vector(llvm::seq<int64_t>(1, rank - 1)));
  }
  return node.setOutput(node.binary<PreluOp>(input, slope));
}

/// A bound of Clip as a number, if it is one that the attribute holds exactly.
static std::optional<double> getBound(Value bound) {
  std::optional<double> value = getConstantScalar(bound);
  constexpr double exact = double(int64_t(1) << 53);
  if (value && getElementTypeOrSelf(bound).isInteger() &&
      std::fabs(*value) > exact)
    return std::nullopt;
  return value;
}

static LogicalResult convertClip(NodeContext &node) {
  Value input = node.getInput(0);
  std::optional<double> low, high;
  if (node.getVersion() < 11) {
    // The defaults are the limits of float32: no bound at all.
    if (node.hasAttribute("min"))
      low = node.getFloat("min", 0);
    if (node.hasAttribute("max"))
      high = node.getFloat("max", 0);
  } else {
    Value bounds[] = {node.getOptionalInput(1), node.getOptionalInput(2)};
    bool areExact = true;
    for (Value bound : bounds) {
      // A shape of one element is not what the standard says, but common.
      if (bound && getType(bound).getRank() != 0 &&
          (getType(bound).getRank() != 1 || getType(bound).getDimSize(0) != 1))
        return node.invalid("expected bounds that are scalars, found rank " +
                            Twine(getType(bound).getRank()));
      areExact &= !bound || getBound(bound);
    }
    if (!areExact) {
      for (Value &bound : bounds)
        if (bound && getType(bound).getRank() != 0)
          bound = node.squeeze(bound, {int64_t(0)});
      if (bounds[0])
        input = node.binary<MaxOp>(input, bounds[0]);
      if (bounds[1])
        input = node.binary<MinOp>(input, bounds[1]);
      return node.setOutput(input);
    }
    for (Value bound : bounds)
      if (bound && getElementTypeOrSelf(bound) != getElementTypeOrSelf(input))
        return node.invalid(
            "expected bounds of " + getTypeName(getElementTypeOrSelf(input)) +
            ", found " + getTypeName(getElementTypeOrSelf(bound)));
    if (bounds[0])
      low = getBound(bounds[0]);
    if (bounds[1])
      high = getBound(bounds[1]);
  }
  if (node.failed())
    return failure();
  if ((low && std::isnan(*low)) || (high && std::isnan(*high)))
    return node.unsupported("a bound is not a number");
  auto toAttribute = [&](std::optional<double> bound) {
    return bound ? node.getBuilder().getF64FloatAttr(*bound) : FloatAttr();
  };
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (low == -infinity)
    low.reset();
  if (high == infinity)
    high.reset();
  return node.setOutput(
      node.create<ClipOp>(input, toAttribute(low), toAttribute(high)));
}

/// Attribute `to`, which before version 6 names the type.
static int64_t getTargetNumber(NodeContext &node) {
  if (node.getVersion() >= 6)
    return node.getRequiredInt("to");
  std::string name = node.getString("to", "");
  onnx::TensorProto::DataType number = onnx::TensorProto::UNDEFINED;
  if (!node.failed() &&
      !onnx::TensorProto::DataType_Parse(StringRef(name).upper(), &number))
    node.invalid("attribute 'to' is " + quote(name) +
                 ", expected the name of an element type");
  return number;
}

static LogicalResult convertCast(NodeContext &node) {
  Type type =
      getNumberedStoredType(node, "to", getTargetNumber(node), "a cast to");
  NarrowCast how = readNarrowCast(node);
  Value input = node.getInput(0);
  if (!type || !input)
    return failure();
  return node.setOutput(castAny(node, input, type, how));
}

static LogicalResult convertCastLike(NodeContext &node) {
  NarrowCast how = readNarrowCast(node);
  Value input = node.getInput(0), like = node.getInput(1);
  if (node.failed())
    return failure();
  return node.setOutput(castAny(node, input, getElementTypeOrSelf(like), how));
}

static LogicalResult convertIdentity(NodeContext &node) {
  return node.setOutput(node.getInput(0));
}

static LogicalResult convertWhere(NodeContext &node) {
  Value condition = node.getInput(0), a = node.getInput(1),
        b = node.getInput(2);
  SmallVector<Value> operands = node.broadcast({condition, a, b});
  if (node.failed())
    return failure();
  return node.setOutput(
      node.create<WhereOp>(operands[0], operands[1], operands[2]));
}

ArrayRef<OpEntry> getElementwiseOps() {
  static constexpr int64_t v1[] = {1}, v20[] = {20}, v24[] = {24},
                           v1to22[] = {1, 22}, v1to13[] = {1, 6, 13},
                           v1to6to22[] = {1, 6, 22}, v7to22[] = {7, 22},
                           v9to13[] = {9, 13}, v9to22[] = {9, 22},
                           v11to22[] = {11, 22}, v10to22[] = {10, 22},
                           v14to22[] = {14, 22}, v18to22[] = {18, 22},
                           v12[] = {12}, v15to25[] = {15, 19, 21, 23, 24, 25};
  static constexpr int64_t relu[] = {1, 6, 13, 14}, leakyRelu[] = {1, 6, 16},
                           prelu[] = {1, 6, 7, 9, 16},
                           clip[] = {1, 6, 11, 12, 13},
                           cast[] = {1, 6, 9, 13, 19, 21, 23, 24, 25},
                           identity[] = {1, 13, 14, 16, 19, 21, 23, 24, 25},
                           where[] = {9, 16}, isNan[] = {9, 13, 20},
                           isInf[] = {10, 20}, v9[] = {9};
  static const OpEntry entries[] = {
      {"Abs", v1to13, convertUnary<AbsOp>},
      {"Neg", v1to13, convertUnary<NegOp>},
      {"Sign", v9to13, convertUnary<SignOp>},
      {"Floor", v1to13, convertUnary<FloorOp>},
      {"Ceil", v1to13, convertUnary<CeilOp>},
      {"Round", v11to22, convertUnary<RoundOp>},
      {"Sqrt", v1to13, convertUnary<SqrtOp>},
      {"Reciprocal", v1to13, convertUnary<ReciprocalOp>},
      {"Exp", v1to13, convertUnary<ExpOp>},
      {"Log", v1to13, convertUnary<LogOp>},
      {"Sin", v7to22, convertUnary<SinOp>},
      {"Cos", v7to22, convertUnary<CosOp>},
      {"Tan", v7to22, convertUnary<TanOp>},
      {"Asin", v7to22, convertUnary<AsinOp>},
      {"Acos", v7to22, convertUnary<AcosOp>},
      {"Atan", v7to22, convertUnary<AtanOp>},
      {"Sinh", v9to22, convertUnary<SinhOp>},
      {"Cosh", v9to22, convertUnary<CoshOp>},
      {"Asinh", v9to22, convertUnary<AsinhOp>},
      {"Acosh", v9to22, convertUnary<AcoshOp>},
      {"Atanh", v9to22, convertUnary<AtanhOp>},
      {"Tanh", v1to13, convertUnary<TanhOp>},
      {"Erf", v9to13, convertUnary<ErfOp>},
      {"Not", v1, convertNot},
      {"IsNaN", isNan, convertUnary<IsNanOp>},
      {"IsInf", isInf, convertIsInf},
      {"Sigmoid", v1to13, convertUnary<SigmoidOp>},
      {"Relu", relu, convertUnary<ReluOp>},
      {"HardSwish", v14to22, convertUnary<HardSwishOp>},
      {"Mish", v18to22, convertUnary<MishOp>},
      {"Softplus", v1to22, convertUnary<SoftplusOp>},
      {"Softsign", v1to22, convertUnary<SoftsignOp>},
      {"LeakyRelu", leakyRelu, convertLeakyRelu},
      {"Elu", v1to6to22, convertElu},
      {"Celu", v12, convertCelu},
      {"Shrink", v9, convertShrink},
      {"Selu", v1to6to22, convertSelu},
      {"HardSigmoid", v1to6to22, convertHardSigmoid},
      {"Gelu", v20, convertGelu},
      {"Swish", v24, convertSwish},
      {"ThresholdedRelu", v10to22, convertThresholdedRelu},
      {"PRelu", prelu, convertPrelu, 2, 2},
      {"Clip", clip, convertClip, 1, 3},
      {"Cast", cast, convertCast},
      {"CastLike", v15to25, convertCastLike, 2, 2},
      {"Identity", identity, convertIdentity, 1, 1, "", kAnyValues},
      {"Where", where, convertWhere, 3, 3},
  };
  return entries;
}

} // namespace tenon::onnx_import

//===- Reference.cpp - Kernels computed one element at a time -------------===//

#include "Reference.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace tenon::test {

//===----------------------------------------------------------------------===//
// Tensor
//===----------------------------------------------------------------------===//

static int64_t count(ArrayRef<int64_t> shape) {
  int64_t result = 1;
  for (int64_t size : shape)
    result *= size;
  return result;
}

Tensor::Tensor(Type elementType, ArrayRef<int64_t> shape)
    : elementType(elementType), shape(shape), elements(count(shape)) {}

static int64_t getPosition(ArrayRef<int64_t> shape, ArrayRef<int64_t> index) {
  int64_t position = 0;
  size_t skipped = index.size() - shape.size();
  for (auto [i, size] : llvm::enumerate(shape))
    position = position * size + (size == 1 ? 0 : index[i + skipped]);
  return position;
}

double Tensor::at(ArrayRef<int64_t> index) const {
  return elements[getPosition(shape, index)];
}

double &Tensor::ref(ArrayRef<int64_t> index) {
  return elements[getPosition(shape, index)];
}

void Tensor::forEach(ArrayRef<int64_t> shape,
                     llvm::function_ref<void(ArrayRef<int64_t>)> body) {
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t left = count(shape); left > 0; --left) {
    body(index);
    for (int64_t i = shape.size() - 1; i >= 0 && ++index[i] == shape[i]; --i)
      index[i] = 0;
  }
}

double roundTo(Type type, double value) {
  if (auto floatType = dyn_cast<FloatType>(type)) {
    APFloat rounded(value);
    bool losesInfo;
    rounded.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
    return rounded.convertToDouble();
  }
  unsigned bits = type.getIntOrFloatBitWidth();
  if (bits == 64)
    return value;
  bool noSign = type.isUnsignedInteger() || bits == 1;
  double modulus = std::ldexp(1.0, bits);
  double wrapped = value - std::floor(value / modulus) * modulus;
  return !noSign && wrapped >= modulus / 2 ? wrapped - modulus : wrapped;
}

//===----------------------------------------------------------------------===//
// Evaluator
//===----------------------------------------------------------------------===//

const Tensor &Evaluator::get(Value value) { return tensors.at(value); }

std::vector<int64_t> Evaluator::getIntegers(Value value) {
  const Tensor &tensor = get(value);
  return {tensor.elements.begin(), tensor.elements.end()};
}

Tensor Evaluator::makeResult(Operation &op, ArrayRef<int64_t> shape) {
  return Tensor(getElementTypeOrSelf(op.getResult(0)), shape);
}

bool Evaluator::run(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (!run(op)) {
      op.emitError("the reference doesn't know this operation");
      return false;
    }
    for (Value result : op.getResults())
      if (auto tensor = tensors.find(result); tensor != tensors.end())
        for (double &element : tensor->second.elements)
          element = roundTo(tensor->second.elementType, element);
  }
  return true;
}

static std::optional<int64_t> fold(Operation &op, ArrayRef<int64_t> x) {
  return llvm::TypeSwitch<Operation *, std::optional<int64_t>>(&op)
      .Case([&](arith::AddIOp) { return x[0] + x[1]; })
      .Case([&](arith::SubIOp) { return x[0] - x[1]; })
      .Case([&](arith::MulIOp) { return x[0] * x[1]; })
      .Case([&](arith::DivSIOp) { return x[0] / x[1]; })
      .Case([&](arith::IndexCastOp) { return x[0]; })
      .Default([](Operation *) { return std::nullopt; });
}

bool Evaluator::run(Operation &op) {
  APInt constant;
  if (auto tensorOp = dyn_cast<ConstantOp>(op)) {
    auto type = cast<RankedTensorType>(tensorOp.getType());
    Tensor tensor(type.getElementType(), type.getShape());
    auto dense = cast<DenseElementsAttr>(tensorOp.getValue());
    for (int64_t i = 0; i != tensor.size(); ++i) {
      if (isa<FloatType>(type.getElementType()))
        tensor.elements[i] = dense.getValues<APFloat>()[i].convertToDouble();
      else
        tensor.elements[i] =
            type.getElementType().isUnsignedInteger()
                ? double(dense.getValues<APInt>()[i].getZExtValue())
                : double(dense.getValues<APInt>()[i].getSExtValue());
    }
    set(tensorOp, tensor);
    return true;
  }
  if (auto scalar = dyn_cast<arith::ConstantOp>(op)) {
    matchPattern(scalar.getResult(), m_ConstantInt(&constant));
    set(scalar.getResult(), constant.getSExtValue());
    return true;
  }
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    set(dim.getResult(), get(dim.getSource()).shape[getScalar(dim.getIndex())]);
    return true;
  }
  if (auto elements = dyn_cast<tensor::FromElementsOp>(op)) {
    auto type = elements.getType();
    Tensor tensor(type.getElementType(), type.getShape());
    for (auto [i, element] : llvm::enumerate(elements.getElements()))
      tensor.elements[i] = getScalar(element);
    set(elements.getResult(), tensor);
    return true;
  }
  if (isa<arith::ArithDialect>(op.getDialect())) {
    SmallVector<int64_t> operands;
    for (Value operand : op.getOperands())
      operands.push_back(getScalar(operand));
    std::optional<int64_t> value = fold(op, operands);
    if (value)
      set(op.getResult(0), *value);
    return value.has_value();
  }
  return runElementwise(op) || runMovement(op) || runReduction(op) ||
         runContraction(op);
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

using Scalar = std::function<double(ArrayRef<double>)>;

static double truncatedDiv(double a, double b) { return std::trunc(a / b); }
static double flooredMod(double a, double b) {
  double r = std::fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
static double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}
static double clamp(double x, double low, double high) {
  return std::isnan(x) ? x : std::min(std::max(x, low), high);
}

static Scalar getScalarFunction(Operation *op) {
  using X = ArrayRef<double>;
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(op->getOperand(0)));
#define UNARY(OP, EXPRESSION)                                                  \
  if (isa<OP>(op))                                                             \
    return [=](X v) -> double {                                                \
      double x = v[0];                                                         \
      return EXPRESSION;                                                       \
    };
  UNARY(AbsOp, std::abs(x))
  UNARY(NegOp, -x)
  UNARY(SignOp, x > 0 ? 1.0 : x < 0 ? -1.0 : x)
  UNARY(FloorOp, std::floor(x))
  UNARY(CeilOp, std::ceil(x))
  UNARY(RoundOp, std::nearbyint(x))
  UNARY(SqrtOp, std::sqrt(x))
  UNARY(RsqrtOp, 1 / std::sqrt(x))
  UNARY(ReciprocalOp, 1 / x)
  UNARY(ExpOp, std::exp(x))
  UNARY(LogOp, std::log(x))
  UNARY(SinOp, std::sin(x))
  UNARY(CosOp, std::cos(x))
  UNARY(TanOp, std::tan(x))
  UNARY(AsinOp, std::asin(x))
  UNARY(AcosOp, std::acos(x))
  UNARY(AtanOp, std::atan(x))
  UNARY(SinhOp, std::sinh(x))
  UNARY(CoshOp, std::cosh(x))
  UNARY(AsinhOp, std::asinh(x))
  UNARY(AcoshOp, std::acosh(x))
  UNARY(AtanhOp, std::atanh(x))
  UNARY(TanhOp, std::tanh(x))
  UNARY(ErfOp, std::erf(x))
  UNARY(NotOp, 1 - x)
  UNARY(SigmoidOp, sigmoid(x))
  UNARY(ReluOp, clamp(x, 0, INFINITY))
  UNARY(SiluOp, x * sigmoid(x))
  UNARY(HardSwishOp, x * clamp(x / 6 + 0.5, 0, 1))
  UNARY(MishOp, x * std::tanh(softplus(x)))
  UNARY(SoftplusOp, softplus(x))
  UNARY(SoftsignOp, x / (1 + std::abs(x)))
  UNARY(IsNanOp, std::isnan(x))
#undef UNARY
#define BINARY(OP, EXPRESSION)                                                 \
  if (isa<OP>(op))                                                             \
    return [=](X v) -> double {                                                \
      double a = v[0], b = v[1];                                               \
      return EXPRESSION;                                                       \
    };
  BINARY(AddOp, a + b)
  BINARY(SubOp, a - b)
  BINARY(MulOp, a * b)
  BINARY(DivOp, isFloat ? a / b : truncatedDiv(a, b))
  BINARY(ModOp, flooredMod(a, b))
  BINARY(FmodOp, std::fmod(a, b))
  BINARY(MaxOp, std::isnan(a) ? a : std::isnan(b) ? b : std::max(a, b))
  BINARY(MinOp, std::isnan(a) ? a : std::isnan(b) ? b : std::min(a, b))
  BINARY(PowOp, std::pow(a, b))
  BINARY(PreluOp, a >= 0 ? a : a * b)
  BINARY(AndOp, a != 0 && b != 0)
  BINARY(OrOp, a != 0 || b != 0)
  BINARY(XorOp, (a != 0) != (b != 0))
  BINARY(EqualOp, a == b)
  BINARY(LessOp, a < b)
  BINARY(LessEqualOp, a <= b)
  BINARY(GreaterOp, a > b)
  BINARY(GreaterEqualOp, a >= b)
#undef BINARY
  if (isa<WhereOp>(op))
    return [](X v) { return v[0] != 0 ? v[1] : v[2]; };
  if (auto gelu = dyn_cast<GeluOp>(op)) {
    if (gelu.getKind() == GeluKind::Erf)
      return [](X v) { return v[0] / 2 * (1 + std::erf(v[0] * M_SQRT1_2)); };
    return [](X v) {
      double x = v[0];
      return x / 2 *
             (1 + std::tanh(std::sqrt(M_2_PI) * (x + 0.044715 * x * x * x)));
    };
  }
  if (auto relu = dyn_cast<LeakyReluOp>(op)) {
    double alpha = relu.getAlpha().convertToDouble();
    return [=](X v) { return v[0] >= 0 ? v[0] : alpha * v[0]; };
  }
  if (auto elu = dyn_cast<EluOp>(op)) {
    double alpha = elu.getAlpha().convertToDouble();
    return [=](X v) { return v[0] >= 0 ? v[0] : alpha * std::expm1(v[0]); };
  }
  if (auto selu = dyn_cast<SeluOp>(op)) {
    double alpha = selu.getAlpha().convertToDouble();
    double gamma = selu.getGamma().convertToDouble();
    return [=](X v) {
      return gamma * (v[0] > 0 ? v[0] : alpha * std::expm1(v[0]));
    };
  }
  if (auto sigmoid = dyn_cast<HardSigmoidOp>(op)) {
    double alpha = sigmoid.getAlpha().convertToDouble();
    double beta = sigmoid.getBeta().convertToDouble();
    return [=](X v) { return clamp(alpha * v[0] + beta, 0, 1); };
  }
  if (auto clip = dyn_cast<ClipOp>(op)) {
    double low = clip.getMin() ? clip.getMin()->convertToDouble() : -INFINITY;
    double high = clip.getMax() ? clip.getMax()->convertToDouble() : INFINITY;
    return [=](X v) { return clamp(v[0], low, high); };
  }
  if (auto cast = dyn_cast<CastOp>(op)) {
    Type to = cast.getTo();
    if (to.isInteger(1))
      return [](X v) { return v[0] != 0; };
    if (isFloat && isa<IntegerType>(to))
      return [](X v) { return std::trunc(v[0]); };
    return [](X v) { return v[0]; };
  }
  return nullptr;
}

bool Evaluator::runElementwise(Operation &op) {
  if (!isa<ElementwiseOpInterface>(op))
    return false;
  Scalar function = getScalarFunction(&op);
  if (!function)
    return false;
  SmallVector<int64_t> shape;
  for (Value operand : op.getOperands()) {
    const Tensor &tensor = get(operand);
    if (tensor.rank() > int64_t(shape.size()))
      shape.resize(tensor.rank(), 1);
    for (int64_t i = 0; i != tensor.rank(); ++i)
      if (tensor.shape[i] != 1)
        shape[i] = tensor.shape[i];
  }
  Tensor result = makeResult(op, shape);
  Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
    SmallVector<double> operands;
    for (Value operand : op.getOperands())
      operands.push_back(get(operand).at(index));
    result.ref(index) = function(operands);
  });
  set(op.getResult(0), result);
  return true;
}

} // namespace tenon::test

//===- MathFunctions.cpp - Functions that upstream approximates coarsely --===//
//
// The polynomials of sin, cos, atan and sinh are those of S. Moshier's Cephes
// library (single precision).
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/MathFunctions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace tenon::cpu {

namespace {

/// Shorthand for arithmetic on values of one type.
class Arithmetic {
public:
  Arithmetic(PatternRewriter &builder, Location loc, Type type)
      : builder(builder), loc(loc), type(type) {}

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(builder, loc, std::forward<Args>(args)...);
  }
  Value constant(Type type, double value) {
    Type element = getElementTypeOrSelf(type);
    TypedAttr scalar = isa<FloatType>(element)
                           ? TypedAttr(builder.getFloatAttr(element, value))
                           : TypedAttr(builder.getIntegerAttr(element, value));
    if (auto vector = dyn_cast<VectorType>(type))
      scalar = DenseElementsAttr::get(vector, Attribute(scalar));
    return make<arith::ConstantOp>(scalar);
  }
  Value real(double value) { return constant(type, value); }
  Type withElement(Type element) {
    if (auto vector = dyn_cast<VectorType>(type))
      return vector.clone(element);
    return element;
  }
  Value add(Value a, Value b) { return make<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return make<arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return make<arith::DivFOp>(a, b); }
  Value fma(Value a, Value b, Value c) { return make<math::FmaOp>(a, b, c); }
  Value abs(Value a) { return make<math::AbsFOp>(a); }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return make<arith::CmpFOp>(predicate, a, b);
  }
  Value select(Value c, Value a, Value b) {
    return make<arith::SelectOp>(c, a, b);
  }
  /// The polynomial with these coefficients, highest first.
  Value polynomial(Value x, ArrayRef<double> coefficients) {
    Value sum = real(coefficients.front());
    for (double c : coefficients.drop_front())
      sum = fma(sum, x, real(c));
    return sum;
  }

  /// sin(x + quadrants * pi / 2).
  Value sine(Value x, int64_t quadrants);

private:
  PatternRewriter &builder;
  Location loc;
  Type type;
};

} // namespace

Value Arithmetic::sine(Value x, int64_t quadrants) {
  // The nearest multiple of pi/2, which is taken away in three parts.
  Value n = make<math::RoundEvenOp>(mul(x, real(2 / M_PI)));
  Value y = fma(n, real(-1.57079637050628662109375), x);
  y = fma(n, real(4.37113900018624283e-8), y);
  y = fma(n, real(1.71512449515134956e-15), y);
  // Arguments too large to have a meaning leave more than the next quadrant,
  // where the polynomials are no functions of an angle.
  y = make<arith::MaximumFOp>(y, real(-M_PI_2));
  y = make<arith::MinimumFOp>(y, real(M_PI_2));
  Value z = mul(y, y);
  Value odd =
      polynomial(z, {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1});
  Value sin = fma(mul(odd, z), y, y);
  Value even = polynomial(z, {2.443315711809948e-5, -1.388731625493765e-3,
                              4.166664568298827e-2, -0.5});
  Value cos = fma(even, z, real(1));
  // Which of the two, and its sign, depend on n modulo 4. Large ones stay
  // convertible.
  Value bounded = make<arith::MinNumFOp>(
      make<arith::MaxNumFOp>(n, real(-1073741824.0)), real(1073741824.0));
  Type intType = withElement(builder.getI32Type());
  Value q = make<arith::FPToSIOp>(intType, bounded);
  if (quadrants)
    q = make<arith::AddIOp>(q, constant(intType, quadrants));
  Value zero = constant(intType, 0);
  auto hasBit = [&](int64_t bit) {
    return make<arith::CmpIOp>(arith::CmpIPredicate::ne,
                               make<arith::AndIOp>(q, constant(intType, bit)),
                               zero);
  };
  Value result = select(hasBit(1), cos, sin);
  return select(hasBit(2), make<arith::NegFOp>(result), result);
}

namespace {

template <typename Op> struct FunctionPattern : OpRewritePattern<Op> {
  FunctionPattern(MLIRContext *context)
      : OpRewritePattern<Op>(context, /*benefit=*/10) {}

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (!getElementTypeOrSelf(op.getType()).isF32())
      return rewriter.notifyMatchFailure(op, "not of f32");
    Arithmetic body(rewriter, op.getLoc(), op.getType());
    rewriter.replaceOp(op, build(op, body));
    return success();
  }

  Value build(Op op, Arithmetic &a) const;
};

template <>
Value FunctionPattern<math::SinOp>::build(math::SinOp op, Arithmetic &a) const {
  return a.sine(op.getOperand(), 0);
}

template <>
Value FunctionPattern<math::CosOp>::build(math::CosOp op, Arithmetic &a) const {
  return a.sine(op.getOperand(), 1);
}

template <>
Value FunctionPattern<math::TanOp>::build(math::TanOp op, Arithmetic &a) const {
  return a.div(a.sine(op.getOperand(), 0), a.sine(op.getOperand(), 1));
}

template <>
Value FunctionPattern<math::AtanOp>::build(math::AtanOp op,
                                           Arithmetic &a) const {
  // Arguments beyond tan(3 pi / 8) and tan(pi / 8) are turned by a known angle.
  Value x = a.abs(op.getOperand()), one = a.real(1);
  Value isLarge =
      a.compare(arith::CmpFPredicate::OGT, x, a.real(2.414213562373095));
  Value isMiddle =
      a.compare(arith::CmpFPredicate::OGT, x, a.real(0.4142135623730950));
  Value numerator =
      a.select(isLarge, a.real(-1), a.select(isMiddle, a.sub(x, one), x));
  Value denominator =
      a.select(isLarge, x, a.select(isMiddle, a.add(x, one), one));
  Value angle = a.select(isLarge, a.real(M_PI_2),
                         a.select(isMiddle, a.real(M_PI_4), a.real(0)));
  Value t = a.div(numerator, denominator);
  Value z = a.mul(t, t);
  Value p = a.polynomial(z, {8.05374449538e-2, -1.38776856032e-1,
                             1.99777106478e-1, -3.33329491539e-1});
  Value result = a.add(angle, a.fma(a.mul(p, z), t, t));
  return a.make<math::CopySignOp>(result, op.getOperand());
}

/// log(1 + x + y), where `y` differs little from large `x`: their sum could be
/// infinite.
static Value logOfSum(Arithmetic &a, Value x, Value y) {
  Value isLarge = a.compare(arith::CmpFPredicate::OGT, x, a.real(1e10)),
        zero = a.real(0);
  Value sum = a.add(x, a.select(isLarge, zero, y));
  return a.add(a.make<math::Log1pOp>(sum),
               a.select(isLarge, a.real(M_LN2), zero));
}

template <>
Value FunctionPattern<math::AsinhOp>::build(math::AsinhOp op,
                                            Arithmetic &a) const {
  // log(x + sqrt(x^2 + 1)), without cancellation near 0 and without overflow.
  Value x = a.abs(op.getOperand()), one = a.real(1);
  Value inverse = a.div(one, x);
  Value root = a.make<math::SqrtOp>(a.fma(inverse, inverse, one));
  Value rest = a.div(x, a.add(inverse, root));
  return a.make<math::CopySignOp>(logOfSum(a, x, rest), op.getOperand());
}

template <>
Value FunctionPattern<math::AcoshOp>::build(math::AcoshOp op,
                                            Arithmetic &a) const {
  // log(x + sqrt(x^2 - 1)) in x - 1, without cancellation near 1. Below 1 the
  // first root is NaN.
  Value t = a.sub(op.getOperand(), a.real(1));
  Value root =
      a.mul(a.make<math::SqrtOp>(t), a.make<math::SqrtOp>(a.add(t, a.real(2))));
  return logOfSum(a, t, root);
}

template <>
Value FunctionPattern<math::AtanhOp>::build(math::AtanhOp op,
                                            Arithmetic &a) const {
  // log((1 + x) / (1 - x)) / 2, without cancellation near 0.
  Value x = a.abs(op.getOperand());
  Value ratio = a.div(a.add(x, x), a.sub(a.real(1), x));
  Value result = a.mul(a.make<math::Log1pOp>(ratio), a.real(0.5));
  return a.make<math::CopySignOp>(result, op.getOperand());
}

/// exp(|x|) / 2 and exp(-|x|) / 2. The root of exp(x) is finite wherever half
/// of exp(x) is.
static std::pair<Value, Value> makeHalves(Arithmetic &a, Value x) {
  Value half = a.real(0.5);
  Value root = a.make<math::ExpOp>(a.mul(a.abs(x), half));
  return {a.mul(a.mul(root, half), root), a.div(a.div(half, root), root)};
}

template <>
Value FunctionPattern<math::CoshOp>::build(math::CoshOp op,
                                           Arithmetic &a) const {
  auto [grown, shrunk] = makeHalves(a, op.getOperand());
  return a.add(grown, shrunk);
}

template <>
Value FunctionPattern<math::SinhOp>::build(math::SinhOp op,
                                           Arithmetic &a) const {
  // Near 0 the exponentials cancel out.
  Value x = op.getOperand(), z = a.mul(x, x);
  Value odd =
      a.polynomial(z, {2.03721912945e-4, 8.33028376239e-3, 1.66667160211e-1});
  Value small = a.fma(a.mul(odd, z), x, x);
  auto [grown, shrunk] = makeHalves(a, x);
  Value large = a.sub(grown, shrunk);
  Value isSmall = a.compare(arith::CmpFPredicate::OLT, a.abs(x), a.real(1));
  return a.select(isSmall, small, a.make<math::CopySignOp>(large, x));
}

template <>
Value FunctionPattern<math::PowFOp>::build(math::PowFOp op,
                                           Arithmetic &a) const {
  using P = arith::CmpFPredicate;
  Value x = op.getLhs(), y = op.getRhs(), zero = a.real(0);
  // All powers of 1 are 1, and those of -1 that are even, as infinity is.
  Value size = a.abs(x);
  Value exponent = a.select(a.compare(P::OEQ, size, a.real(1)), zero,
                            a.mul(y, a.make<math::LogOp>(size)));
  Value power = a.make<math::ExpOp>(exponent);
  // Of a negative base only whole powers exist, but for infinity, and odd ones
  // are negative, also those of -0.
  Value isWhole = a.compare(P::OEQ, a.make<math::FloorOp>(y), y);
  Value half = a.mul(y, a.real(0.5));
  Value isEven = a.compare(P::OEQ, a.make<math::FloorOp>(half), half);
  Value nan = a.real(std::numeric_limits<double>::quiet_NaN());
  Value isNegative = a.make<arith::AndIOp>(
      a.compare(P::OLT, x, zero),
      a.compare(P::OGT, x, a.real(-std::numeric_limits<double>::infinity())));
  Value broken = a.select(isNegative, nan, power);
  Value result =
      a.select(isEven, power,
               a.select(isWhole, a.make<math::CopySignOp>(power, x), broken));
  return a.select(a.compare(P::OEQ, y, zero), a.real(1), result);
}

/// A call of libm for each lane.
struct LibmCall : RewritePattern {
  LibmCall(MLIRContext *context, StringRef op, StringRef function)
      : RewritePattern(op, 1, context), function(function) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    Type type = op->getResult(0).getType();
    Type element = getElementTypeOrSelf(type);
    if (!element.isF64())
      return rewriter.notifyMatchFailure(op, "not of f64");
    auto module = op->getParentOfType<ModuleOp>();
    if (!module.lookupSymbol(function)) {
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPointToStart(module.getBody());
      func::FuncOp::create(rewriter, module.getLoc(), function,
                           rewriter.getFunctionType(element, element))
          .setPrivate();
    }
    auto call = [&](Value x) {
      return func::CallOp::create(rewriter, op->getLoc(), function, element, x)
          .getResult(0);
    };
    auto vector = dyn_cast<VectorType>(type);
    if (!vector) {
      rewriter.replaceOp(op, call(op->getOperand(0)));
      return success();
    }
    Value result = op->getOperand(0);
    for (int64_t i = 0; i != vector.getNumElements(); ++i) {
      Value lane = vector::ExtractOp::create(rewriter, op->getLoc(),
                                             op->getOperand(0), i);
      result = vector::InsertOp::create(rewriter, op->getLoc(), call(lane),
                                        result, i);
    }
    rewriter.replaceOp(op, result);
    return success();
  }

  StringRef function;
};

} // namespace

void populateMathFunctionPatterns(RewritePatternSet &patterns) {
  patterns.add<FunctionPattern<math::SinOp>, FunctionPattern<math::CosOp>,
               FunctionPattern<math::TanOp>, FunctionPattern<math::AtanOp>,
               FunctionPattern<math::AsinhOp>, FunctionPattern<math::AcoshOp>,
               FunctionPattern<math::AtanhOp>, FunctionPattern<math::CoshOp>,
               FunctionPattern<math::SinhOp>, FunctionPattern<math::PowFOp>>(
      patterns.getContext());
}

void populateLibmCallPatterns(RewritePatternSet &patterns) {
  MLIRContext *context = patterns.getContext();
  for (StringRef name :
       {"erf", "sinh", "cosh", "asinh", "acosh", "atanh", "expm1", "log1p"}) {
    // The operations are called as the functions are.
    std::string op = ("math." + name).str();
    patterns.add(std::make_unique<LibmCall>(context, op, name));
  }
}

} // namespace tenon::cpu

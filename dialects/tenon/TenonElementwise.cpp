//===- TenonElementwise.cpp - The bodies of elementwise operations --------===//
//
// Every body works on scalars and on vectors of any shape. Floats narrower
// than 32 bits are computed in f32 and rounded once at the end.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"
#include <cmath>

using namespace mlir;
using namespace tenon;

//===----------------------------------------------------------------------===//
// Arithmetic on scalars or vectors
//===----------------------------------------------------------------------===//

namespace {

/// `type` with another element type: the same scalar or vector shape.
Type withElement(Type type, Type element) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.cloneWith(std::nullopt, element);
  return element;
}

/// Shorthand for the `arith` and `math` operations that bodies are made of.
class Body {
public:
  Body(OpBuilder &builder, Location loc) : builder(builder), loc(loc) {}

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(builder, loc, std::forward<Args>(args)...);
  }

  Value constant(Type type, TypedAttr value) {
    if (auto vector = dyn_cast<VectorType>(type))
      value = DenseElementsAttr::get(vector, Attribute(value));
    return make<arith::ConstantOp>(value);
  }
  /// `value` in the type of `like`, a float.
  Value real(Value like, double value) {
    Type type = like.getType();
    return constant(type,
                    builder.getFloatAttr(getElementTypeOrSelf(type), value));
  }
  /// `value` in the type of `like`, an integer.
  Value integer(Value like, const APInt &value) {
    Type type = like.getType();
    return constant(type,
                    builder.getIntegerAttr(getElementTypeOrSelf(type), value));
  }
  Value integer(Value like, int64_t value) {
    unsigned width = getElementTypeOrSelf(like).getIntOrFloatBitWidth();
    return integer(like,
                   APInt(64, value, /*isSigned=*/true).sextOrTrunc(width));
  }

  Value add(Value a, Value b) { return make<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return make<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return make<arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return make<arith::DivFOp>(a, b); }
  Value min(Value a, Value b) { return make<arith::MinimumFOp>(a, b); }
  Value max(Value a, Value b) { return make<arith::MaximumFOp>(a, b); }
  Value neg(Value a) { return make<arith::NegFOp>(a); }
  Value abs(Value a) { return make<math::AbsFOp>(a); }
  Value exp(Value a) { return make<math::ExpOp>(a); }
  Value compare(arith::CmpFPredicate predicate, Value a, Value b) {
    return make<arith::CmpFOp>(predicate, a, b);
  }
  Value compare(arith::CmpIPredicate predicate, Value a, Value b) {
    return make<arith::CmpIOp>(predicate, a, b);
  }
  Value select(Value condition, Value a, Value b) {
    return make<arith::SelectOp>(condition, a, b);
  }

  /// `max(x, 0) + log(1 + e^-|x|)`, which doesn't overflow.
  Value softplus(Value x) {
    Value tail = make<math::Log1pOp>(exp(neg(abs(x))));
    return add(max(x, real(x, 0)), tail);
  }
  /// `1 + e^-x`, what a sigmoid divides by.
  Value sigmoidDivisor(Value x) { return add(real(x, 1), exp(neg(x))); }
  Value clampToUnit(Value x) { return min(max(x, real(x, 0)), real(x, 1)); }

  Value toFloat(Value value, FloatType to) {
    auto from = cast<FloatType>(getElementTypeOrSelf(value));
    if (from == to)
      return value;
    Type type = withElement(value.getType(), to);
    if (from.getWidth() < to.getWidth())
      return make<arith::ExtFOp>(type, value);
    if (from.getWidth() > to.getWidth())
      return make<arith::TruncFOp>(type, value);
    // f16 and bf16: neither holds the other.
    return toFloat(toFloat(value, builder.getF32Type()), to);
  }

  /// Computes in f32 what narrower floats can't: extends the operands, builds
  /// the value and rounds it.
  Value inFloat(ValueRange operands,
                llvm::function_ref<Value(ArrayRef<Value>)> compute) {
    auto type = cast<FloatType>(getElementTypeOrSelf(operands.front()));
    SmallVector<Value> wide(operands);
    if (type.getWidth() < 32)
      for (Value &operand : wide)
        operand = toFloat(operand, builder.getF32Type());
    Value result = compute(wide);
    return isa<FloatType>(getElementTypeOrSelf(result)) ? toFloat(result, type)
                                                        : result;
  }

  OpBuilder &builder;
  Location loc;
};

bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

/// Whether integers of this type have no sign; `i1` is one of them.
bool isUnsigned(Value tensor) {
  Type type = getElementTypeOrSelf(tensor);
  return type.isUnsignedInteger() || type.isInteger(1);
}

} // namespace

/// A body that is one operation of `math` on floats.
#define TENON_MATH_BODY(OP, MATH)                                              \
  Value OP::buildBody(OpBuilder &builder, Location loc, ValueRange operands) { \
    Body body(builder, loc);                                                   \
    return body.inFloat(operands, [&](ArrayRef<Value> x) {                     \
      return body.make<math::MATH>(x[0]);                                      \
    });                                                                        \
  }
/// A body on floats that is an expression in `body` and `x`, its operand.
#define TENON_FLOAT_BODY(OP, ...)                                              \
  Value OP::buildBody(OpBuilder &builder, Location loc, ValueRange operands) { \
    Body body(builder, loc);                                                   \
    return body.inFloat(operands, [&](ArrayRef<Value> values) -> Value {       \
      Value x = values[0];                                                     \
      __VA_ARGS__                                                              \
    });                                                                        \
  }

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

TENON_MATH_BODY(FloorOp, FloorOp)
TENON_MATH_BODY(CeilOp, CeilOp)
TENON_MATH_BODY(RoundOp, RoundEvenOp)
TENON_MATH_BODY(SqrtOp, SqrtOp)
TENON_MATH_BODY(ExpOp, ExpOp)
TENON_MATH_BODY(LogOp, LogOp)
TENON_MATH_BODY(SinOp, SinOp)
TENON_MATH_BODY(CosOp, CosOp)
TENON_MATH_BODY(TanOp, TanOp)
TENON_MATH_BODY(AsinOp, AsinOp)
TENON_MATH_BODY(AcosOp, AcosOp)
TENON_MATH_BODY(AtanOp, AtanOp)
TENON_MATH_BODY(SinhOp, SinhOp)
TENON_MATH_BODY(CoshOp, CoshOp)
TENON_MATH_BODY(AsinhOp, AsinhOp)
TENON_MATH_BODY(AcoshOp, AcoshOp)
TENON_MATH_BODY(AtanhOp, AtanhOp)
TENON_MATH_BODY(TanhOp, TanhOp)
TENON_MATH_BODY(ErfOp, ErfOp)

TENON_FLOAT_BODY(RsqrtOp,
                 return body.div(body.real(x, 1), body.make<math::SqrtOp>(x));)
TENON_FLOAT_BODY(ReciprocalOp, return body.div(body.real(x, 1), x);)
TENON_FLOAT_BODY(SigmoidOp,
                 return body.div(body.real(x, 1), body.sigmoidDivisor(x));)
TENON_FLOAT_BODY(SiluOp, return body.div(x, body.sigmoidDivisor(x));)
TENON_FLOAT_BODY(SoftplusOp, return body.softplus(x);)
TENON_FLOAT_BODY(MishOp,
                 return body.mul(x, body.make<math::TanhOp>(body.softplus(x)));)
TENON_FLOAT_BODY(SoftsignOp,
                 return body.div(x, body.add(body.real(x, 1), body.abs(x)));)
TENON_FLOAT_BODY(HardSwishOp, {
  Value line = body.add(body.mul(x, body.real(x, 1.0 / 6)), body.real(x, 0.5));
  return body.mul(x, body.clampToUnit(line));
})
TENON_FLOAT_BODY(HardSigmoidOp, {
  Value alpha = body.real(x, getAlpha().convertToDouble());
  Value beta = body.real(x, getBeta().convertToDouble());
  return body.clampToUnit(body.add(body.mul(x, alpha), beta));
})
TENON_FLOAT_BODY(LeakyReluOp, {
  Value scaled = body.mul(x, body.real(x, getAlpha().convertToDouble()));
  Value keep = body.compare(arith::CmpFPredicate::OGE, x, body.real(x, 0));
  return body.select(keep, x, scaled);
})
TENON_FLOAT_BODY(EluOp, {
  Value curve = body.mul(body.real(x, getAlpha().convertToDouble()),
                         body.make<math::ExpM1Op>(x));
  Value keep = body.compare(arith::CmpFPredicate::OGE, x, body.real(x, 0));
  return body.select(keep, x, curve);
})
TENON_FLOAT_BODY(SeluOp, {
  Value curve = body.mul(body.real(x, getAlpha().convertToDouble()),
                         body.make<math::ExpM1Op>(x));
  Value keep = body.compare(arith::CmpFPredicate::OGT, x, body.real(x, 0));
  return body.mul(body.real(x, getGamma().convertToDouble()),
                  body.select(keep, x, curve));
})
TENON_FLOAT_BODY(GeluOp, {
  Value half = body.mul(x, body.real(x, 0.5));
  if (getKind() == GeluKind::Erf) {
    Value erf = body.make<math::ErfOp>(body.mul(x, body.real(x, M_SQRT1_2)));
    return body.mul(half, body.add(erf, body.real(x, 1)));
  }
  Value cube = body.mul(body.mul(x, x), body.mul(x, body.real(x, 0.044715)));
  Value inner = body.mul(body.add(x, cube), body.real(x, std::sqrt(M_2_PI)));
  Value tanh = body.make<math::TanhOp>(inner);
  return body.mul(half, body.add(tanh, body.real(x, 1)));
})
TENON_FLOAT_BODY(IsNanOp, return body.compare(arith::CmpFPredicate::UNO, x, x);)

Value AbsOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  if (isFloat(getInput()))
    return body.abs(operands[0]);
  if (isUnsigned(getInput()))
    return operands[0];
  return body.make<math::AbsIOp>(operands[0]);
}

Value NegOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  if (isFloat(getInput()))
    return body.neg(operands[0]);
  return body.make<arith::SubIOp>(body.integer(operands[0], 0), operands[0]);
}

Value SignOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  Value x = operands[0];
  if (isFloat(getInput())) {
    // A zero keeps its sign, and what is not a number stays so.
    Value zero = body.real(x, 0);
    Value isNegative = body.compare(arith::CmpFPredicate::OLT, x, zero);
    Value isPositive = body.compare(arith::CmpFPredicate::OGT, x, zero);
    return body.select(isPositive, body.real(x, 1),
                       body.select(isNegative, body.real(x, -1), x));
  }
  Value zero = body.integer(x, 0), one = body.integer(x, 1);
  if (isUnsigned(getInput()))
    return body.select(body.compare(arith::CmpIPredicate::eq, x, zero), zero,
                       one);
  return body.make<arith::MinSIOp>(
      body.make<arith::MaxSIOp>(x, body.integer(x, -1)), one);
}

Value NotOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  return body.make<arith::XOrIOp>(operands[0], body.integer(operands[0], -1));
}

Value ReluOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  Value x = operands[0];
  if (isFloat(getInput()))
    return body.inFloat(x, [&](ArrayRef<Value> wide) {
      return body.max(wide[0], body.real(wide[0], 0));
    });
  if (isUnsigned(getInput()))
    return x;
  return body.make<arith::MaxSIOp>(x, body.integer(x, 0));
}

/// `value` rounded towards zero and limited to what `width` bits hold.
static APInt toLimit(const APFloat &value, unsigned width, bool isUnsigned) {
  llvm::APSInt result(width, isUnsigned);
  bool isExact;
  // An integer out of range becomes the nearest limit, NaN becomes 0.
  (void)value.convertToInteger(result, APFloat::rmTowardZero, &isExact);
  return result;
}

Value ClipOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  Value x = operands[0];
  if (isFloat(getInput()))
    return body.inFloat(x, [&](ArrayRef<Value> wide) {
      Value y = wide[0];
      if (std::optional<APFloat> low = getMin())
        y = body.max(y, body.real(y, low->convertToDouble()));
      if (std::optional<APFloat> high = getMax())
        y = body.min(y, body.real(y, high->convertToDouble()));
      return y;
    });
  bool noSign = isUnsigned(getInput());
  unsigned width = getElementTypeOrSelf(x).getIntOrFloatBitWidth();
  if (std::optional<APFloat> low = getMin()) {
    Value bound = body.integer(x, toLimit(*low, width, noSign));
    x = noSign ? body.make<arith::MaxUIOp>(x, bound)
               : body.make<arith::MaxSIOp>(x, bound);
  }
  if (std::optional<APFloat> high = getMax()) {
    Value bound = body.integer(x, toLimit(*high, width, noSign));
    x = noSign ? body.make<arith::MinUIOp>(x, bound)
               : body.make<arith::MinSIOp>(x, bound);
  }
  return x;
}

/// A float as an integer: truncated, and limited to the integer's range, since
/// conversion from outside it is undefined. NaN becomes the lower limit.
static Value castToInteger(Body &body, Value x, Type type, bool toUnsigned) {
  auto from = cast<FloatType>(getElementTypeOrSelf(x));
  if (from.getWidth() < 32) {
    from = body.builder.getF32Type();
    x = body.toFloat(x, from);
  }
  unsigned width = type.getIntOrFloatBitWidth();
  APInt low =
      toUnsigned ? APInt::getZero(width) : APInt::getSignedMinValue(width);
  APInt high =
      toUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  // The upper limit rounded towards zero: the largest float that fits.
  APFloat lowest(from.getFloatSemantics()), highest(from.getFloatSemantics());
  lowest.convertFromAPInt(low, !toUnsigned, APFloat::rmTowardZero);
  highest.convertFromAPInt(high, !toUnsigned, APFloat::rmTowardZero);
  x = body.make<arith::MaxNumFOp>(x, body.real(x, lowest.convertToDouble()));
  x = body.make<arith::MinNumFOp>(x, body.real(x, highest.convertToDouble()));
  Type result = withElement(x.getType(), type);
  return toUnsigned ? body.make<arith::FPToUIOp>(result, x)
                    : body.make<arith::FPToSIOp>(result, x);
}

Value CastOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  Value x = operands[0];
  Type to = getSignless(getTo());
  auto toType = dyn_cast<FloatType>(to);
  if (isFloat(getInput())) {
    if (toType)
      return body.toFloat(x, toType);
    if (to.isInteger(1))
      return body.compare(arith::CmpFPredicate::UNE, x, body.real(x, 0));
    return castToInteger(body, x, to, getTo().isUnsignedInteger());
  }
  bool fromUnsigned = isUnsigned(getInput());
  if (toType) {
    FloatType wide = toType.getWidth() < 32 ? builder.getF32Type() : toType;
    Type type = withElement(x.getType(), wide);
    x = fromUnsigned ? body.make<arith::UIToFPOp>(type, x)
                     : body.make<arith::SIToFPOp>(type, x);
    return body.toFloat(x, toType);
  }
  unsigned from = getElementTypeOrSelf(x).getIntOrFloatBitWidth();
  unsigned width = to.getIntOrFloatBitWidth();
  if (from == width)
    return x;
  if (width == 1)
    return body.compare(arith::CmpIPredicate::ne, x, body.integer(x, 0));
  Type type = withElement(x.getType(), to);
  if (width < from)
    return body.make<arith::TruncIOp>(type, x);
  return fromUnsigned ? body.make<arith::ExtUIOp>(type, x)
                      : body.make<arith::ExtSIOp>(type, x);
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

/// A body that is `FLOAT` for floats and `INTEGER` for integers of any sign.
#define TENON_ARITH_BODY(OP, FLOAT, INTEGER)                                   \
  Value OP::buildBody(OpBuilder &builder, Location loc, ValueRange operands) { \
    Body body(builder, loc);                                                   \
    if (!isFloat(getLhs()))                                                    \
      return body.make<arith::INTEGER>(operands[0], operands[1]);              \
    return body.inFloat(operands, [&](ArrayRef<Value> x) {                     \
      return body.make<arith::FLOAT>(x[0], x[1]);                              \
    });                                                                        \
  }
TENON_ARITH_BODY(AddOp, AddFOp, AddIOp)
TENON_ARITH_BODY(SubOp, SubFOp, SubIOp)
TENON_ARITH_BODY(MulOp, MulFOp, MulIOp)

/// The same where the sign of the integers matters.
#define TENON_ORDER_BODY(OP, FLOAT, SIGNED, UNSIGNED)                          \
  Value OP::buildBody(OpBuilder &builder, Location loc, ValueRange operands) { \
    Body body(builder, loc);                                                   \
    Value a = operands[0], b = operands[1];                                    \
    if (isFloat(getLhs()))                                                     \
      return body.inFloat(operands, [&](ArrayRef<Value> x) {                   \
        return body.make<arith::FLOAT>(x[0], x[1]);                            \
      });                                                                      \
    return isUnsigned(getLhs()) ? body.make<arith::UNSIGNED>(a, b)             \
                                : body.make<arith::SIGNED>(a, b);              \
  }
TENON_ORDER_BODY(MaxOp, MaximumFOp, MaxSIOp, MaxUIOp)
TENON_ORDER_BODY(MinOp, MinimumFOp, MinSIOp, MinUIOp)

#define TENON_LOGIC_BODY(OP, ARITH)                                            \
  Value OP::buildBody(OpBuilder &builder, Location loc, ValueRange operands) { \
    return arith::ARITH::create(builder, loc, operands[0], operands[1]);       \
  }
TENON_LOGIC_BODY(AndOp, AndIOp)
TENON_LOGIC_BODY(OrOp, OrIOp)
TENON_LOGIC_BODY(XorOp, XOrIOp)

#define TENON_COMPARE_BODY(OP, FLOAT, SIGNED, UNSIGNED)                        \
  Value OP::buildBody(OpBuilder &builder, Location loc, ValueRange operands) { \
    Body body(builder, loc);                                                   \
    Value a = operands[0], b = operands[1];                                    \
    if (isFloat(getLhs()))                                                     \
      return body.compare(arith::CmpFPredicate::FLOAT, a, b);                  \
    return body.compare(isUnsigned(getLhs()) ? arith::CmpIPredicate::UNSIGNED  \
                                             : arith::CmpIPredicate::SIGNED,   \
                        a, b);                                                 \
  }
TENON_COMPARE_BODY(EqualOp, OEQ, eq, eq)
TENON_COMPARE_BODY(LessOp, OLT, slt, ult)
TENON_COMPARE_BODY(LessEqualOp, OLE, sle, ule)
TENON_COMPARE_BODY(GreaterOp, OGT, sgt, ugt)
TENON_COMPARE_BODY(GreaterEqualOp, OGE, sge, uge)

namespace {

/// A quotient or remainder of integers that traps on no operands: where the
/// divisor is 0 or the quotient overflows, 1 takes the divisor's place.
struct SafeDivisor {
  SafeDivisor(Body &body, Value a, Value b, bool isUnsigned) {
    isZero = body.compare(arith::CmpIPredicate::eq, b, body.integer(b, 0));
    Value unsafe = isZero;
    if (!isUnsigned) {
      isMinusOne =
          body.compare(arith::CmpIPredicate::eq, b, body.integer(b, -1));
      unsafe = body.make<arith::OrIOp>(isZero, isMinusOne);
    }
    divisor = body.select(unsafe, body.integer(b, 1), b);
  }
  Value isZero, isMinusOne, divisor;
};

} // namespace

Value DivOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  if (isFloat(getLhs()))
    return body.inFloat(
        operands, [&](ArrayRef<Value> x) { return body.div(x[0], x[1]); });
  Value a = operands[0], b = operands[1], zero = body.integer(a, 0);
  SafeDivisor safe(body, a, b, isUnsigned(getLhs()));
  if (isUnsigned(getLhs()))
    return body.select(safe.isZero, zero,
                       body.make<arith::DivUIOp>(a, safe.divisor));
  Value quotient = body.make<arith::DivSIOp>(a, safe.divisor);
  Value negated = body.make<arith::SubIOp>(zero, a);
  return body.select(safe.isZero, zero,
                     body.select(safe.isMinusOne, negated, quotient));
}

/// The remainder with the sign of the dividend; by 0 it is 0, and by -1 too:
/// the remainder by 1.
static Value buildRemainder(Body &body, Value a, Value b, bool isUnsigned) {
  SafeDivisor safe(body, a, b, isUnsigned);
  return isUnsigned ? body.make<arith::RemUIOp>(a, safe.divisor)
                    : body.make<arith::RemSIOp>(a, safe.divisor);
}

Value FmodOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  if (!isFloat(getLhs()))
    return buildRemainder(body, operands[0], operands[1], isUnsigned(getLhs()));
  return body.inFloat(operands, [&](ArrayRef<Value> x) {
    return body.make<arith::RemFOp>(x[0], x[1]);
  });
}

Value ModOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  // Where remainder and divisor differ in sign, one divisor is missing.
  if (isFloat(getLhs()))
    return body.inFloat(operands, [&](ArrayRef<Value> x) {
      using P = arith::CmpFPredicate;
      Value a = x[0], b = x[1], zero = body.real(a, 0);
      Value remainder = body.make<arith::RemFOp>(a, b);
      Value differ = body.make<arith::XOrIOp>(
          body.compare(P::OLT, remainder, zero), body.compare(P::OLT, b, zero));
      Value isMissing = body.make<arith::AndIOp>(
          differ, body.compare(P::ONE, remainder, zero));
      return body.select(isMissing, body.add(remainder, b), remainder);
    });
  using P = arith::CmpIPredicate;
  Value a = operands[0], b = operands[1], zero = body.integer(a, 0);
  Value remainder = buildRemainder(body, a, b, isUnsigned(getLhs()));
  if (isUnsigned(getLhs()))
    return remainder;
  Value differ = body.make<arith::XOrIOp>(body.compare(P::slt, remainder, zero),
                                          body.compare(P::slt, b, zero));
  Value isMissing =
      body.make<arith::AndIOp>(differ, body.compare(P::ne, remainder, zero));
  return body.select(isMissing, body.make<arith::AddIOp>(remainder, b),
                     remainder);
}

/// Powers of integers by squaring. 6 bits of the exponent are enough: a higher
/// power overflows unless the base is 0, 1 or -1, and for these the lowest bit
/// says all. A negative power is 0 but for the bases 1 and -1.
static Value buildIntegerPower(Body &body, Value base, Value exponent,
                               bool isUnsigned) {
  using P = arith::CmpIPredicate;
  Value one = body.integer(base, 1), zero = body.integer(base, 0);
  unsigned width = getElementTypeOrSelf(base).getIntOrFloatBitWidth();
  Value lowest = body.make<arith::AndIOp>(exponent, one);
  Value bits = exponent;
  if (width > 6)
    bits = body.select(
        body.compare(P::ugt, exponent, body.integer(exponent, 63)),
        body.make<arith::OrIOp>(lowest, body.integer(exponent, 62)), exponent);
  Value power = one, square = base;
  for (unsigned i = 0, e = std::min(width, 6u); i != e; ++i) {
    Value bit = body.make<arith::AndIOp>(bits, body.integer(bits, 1ll << i));
    power = body.select(body.compare(P::eq, bit, zero), power,
                        body.make<arith::MulIOp>(power, square));
    if (i + 1 != e)
      square = body.make<arith::MulIOp>(square, square);
  }
  if (isUnsigned)
    return power;
  Value isUnit = body.make<arith::OrIOp>(
      body.compare(P::eq, base, one),
      body.compare(P::eq, base, body.integer(base, -1)));
  Value isNegative = body.compare(P::slt, exponent, zero);
  Value vanishes = body.make<arith::AndIOp>(
      isNegative, body.make<arith::XOrIOp>(isUnit, body.integer(isUnit, -1)));
  return body.select(vanishes, zero, power);
}

/// The value of an exponent that is one constant, whether the operation's
/// operand or the body's says so.
static std::optional<double> getConstantExponent(Value tensor, Value operand) {
  if (std::optional<double> value = getConstantScalar(tensor))
    return value;
  FloatAttr scalar;
  if (matchPattern(operand, m_Constant(&scalar)))
    return scalar.getValueAsDouble();
  DenseElementsAttr elements;
  if (matchPattern(operand, m_Constant(&elements)) && elements.isSplat())
    return elements.getSplatValue<FloatAttr>().getValueAsDouble();
  return std::nullopt;
}

Value PowOp::buildBody(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  if (!isFloat(getLhs()))
    return buildIntegerPower(body, operands[0], operands[1],
                             isUnsigned(getLhs()));
  std::optional<double> exponent = getConstantExponent(getRhs(), operands[1]);
  return body.inFloat(operands, [&](ArrayRef<Value> values) -> Value {
    Value x = values[0];
    // Powers that are cheaper, and no less exact, by other means.
    if (exponent == 1.0)
      return x;
    if (exponent == 2.0)
      return body.mul(x, x);
    if (exponent == 3.0)
      return body.mul(body.mul(x, x), x);
    if (exponent == -1.0)
      return body.div(body.real(x, 1), x);
    // pow(-0.0, 0.5) is +0.0.
    if (exponent == 0.5)
      return body.abs(body.make<math::SqrtOp>(x));
    return body.make<math::PowFOp>(x, values[1]);
  });
}

Value PreluOp::buildBody(OpBuilder &builder, Location loc,
                         ValueRange operands) {
  Body body(builder, loc);
  if (isFloat(getLhs()))
    return body.inFloat(operands, [&](ArrayRef<Value> x) {
      Value keep =
          body.compare(arith::CmpFPredicate::OGE, x[0], body.real(x[0], 0));
      return body.select(keep, x[0], body.mul(x[0], x[1]));
    });
  Value a = operands[0];
  if (isUnsigned(getLhs()))
    return a;
  Value keep = body.compare(arith::CmpIPredicate::sge, a, body.integer(a, 0));
  return body.select(keep, a, body.make<arith::MulIOp>(a, operands[1]));
}

//===----------------------------------------------------------------------===//
// Three operands
//===----------------------------------------------------------------------===//

Value WhereOp::buildBody(OpBuilder &builder, Location loc,
                         ValueRange operands) {
  return arith::SelectOp::create(builder, loc, operands[0], operands[1],
                                 operands[2]);
}

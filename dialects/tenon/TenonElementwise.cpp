//===- TenonElementwise.cpp - Bodies of operations on one operand ---------===//
//
// Every body works on scalars and on vectors of any shape. Floats narrower
// than 32 bits are computed in f32 and rounded once at the end.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonElementBody.h"
#include <cmath>

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

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

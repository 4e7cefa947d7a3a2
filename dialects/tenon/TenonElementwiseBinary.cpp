//===- TenonElementwiseBinary.cpp - Bodies of operations on two or more ---===//
//
// As in TenonElementwise.cpp, for any scalar and vector.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonElementBody.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

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

/// Powers of integers by squaring; they wrap. A negative power is 0 but for the
/// bases 1 and -1.
static Value buildIntegerPower(Body &body, Value base, Value exponent,
                               bool isUnsigned) {
  using P = arith::CmpIPredicate;
  Value one = body.integer(base, 1), zero = body.integer(base, 0);
  unsigned width = getElementTypeOrSelf(base).getIntOrFloatBitWidth();
  Value power = one, square = base;
  for (unsigned i = 0; i != width; ++i) {
    Value bit = body.make<arith::AndIOp>(
        exponent, body.integer(exponent, int64_t(uint64_t(1) << i)));
    power = body.select(body.compare(P::eq, bit, zero), power,
                        body.make<arith::MulIOp>(power, square));
    if (i + 1 != width)
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

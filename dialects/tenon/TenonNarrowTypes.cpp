//===- TenonNarrowTypes.cpp - Element types that are only stored ----------===//
//
// Formats and rules of conversion: the tables of ONNX's operator Cast, and
// onnx.ai/onnx/technical/float8.html and float4.html.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonNarrowTypes.h"

#include "dialects/tenon/TenonArrayOps.h"
#include "dialects/tenon/TenonElementBody.h"
#include <cmath>

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

bool tenon::isNarrowFloat(Type type) {
  return isa<Float8E4M3FNType, Float8E4M3FNUZType, Float8E5M2Type,
             Float8E5M2FNUZType, Float8E8M0FNUType, Float4E2M1FNType>(type);
}

bool tenon::isNarrow(Type type) {
  auto integer = dyn_cast<IntegerType>(type);
  return isNarrowFloat(type) ||
         (integer && (integer.getWidth() == 2 || integer.getWidth() == 4));
}

Type tenon::getStorageType(Type narrow) {
  bool hasSign = narrow.isSignlessInteger();
  return IntegerType::get(narrow.getContext(), 8,
                          hasSign ? IntegerType::Signless
                                  : IntegerType::Unsigned);
}

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

namespace {

/// How a format with a sign spends its bits, and its special codes, all
/// without the sign.
struct Format {
  int64_t mantissaBits, bias, signBit;
  /// The largest number.
  int64_t largest;
  /// What is not a number, and what is too large and not limited.
  int64_t nan, overflow;
  /// Whether minus zero is the one code that is not a number.
  bool hasOneZero = false;
};

} // namespace

static Format getFormat(Type type) {
  if (isa<Float8E4M3FNType>(type))
    return {3, 7, 7, 0x7e, 0x7f, 0x7f};
  if (isa<Float8E4M3FNUZType>(type))
    return {3, 8, 7, 0x7f, 0x80, 0x80, /*hasOneZero=*/true};
  if (isa<Float8E5M2Type>(type))
    return {2, 15, 7, 0x7b, 0x7f, 0x7c};
  if (isa<Float8E5M2FNUZType>(type))
    return {2, 16, 7, 0x7f, 0x80, 0x80, /*hasOneZero=*/true};
  // Float4E2M1FN has numbers only.
  return {1, 1, 3, 7, 7, 7};
}

/// The parts of an f32, and the code that is built of it, are i32.
constexpr int64_t kFractionBits = 23, kBias = 127;
constexpr int64_t kMagnitude = 0x7fffffff, kInfinity = 0x7f800000,
                  kNan = 0x7fc00000;

namespace {

/// `Body` with the operations on bits.
class BitBody : public Body {
public:
  using Body::Body;
  using P = arith::CmpIPredicate;

  Value bitAnd(Value a, int64_t b) {
    return make<arith::AndIOp>(a, integer(a, b));
  }
  Value bitOr(Value a, Value b) { return make<arith::OrIOp>(a, b); }
  Value plus(Value a, Value b) { return make<arith::AddIOp>(a, b); }
  Value plus(Value a, int64_t b) { return plus(a, integer(a, b)); }
  Value shiftLeft(Value a, int64_t count) {
    return make<arith::ShLIOp>(a, integer(a, count));
  }
  Value shiftRight(Value a, int64_t count) {
    return make<arith::ShRUIOp>(a, integer(a, count));
  }
  Value compareTo(P predicate, Value a, int64_t b) {
    return compare(predicate, a, integer(a, b));
  }
  Value toBits(Value real) {
    return make<arith::BitcastOp>(
        withElement(real.getType(), builder.getI32Type()), real);
  }
  Value toReal(Value bits) {
    return make<arith::BitcastOp>(
        withElement(bits.getType(), builder.getF32Type()), bits);
  }
  Value choose(Value condition, int64_t a, Value b) {
    return select(condition, integer(b, a), b);
  }
};

} // namespace

/// 2^exponent
static double powerOfTwo(int64_t exponent) { return std::ldexp(1.0, exponent); }

//===----------------------------------------------------------------------===//
// Encode
//===----------------------------------------------------------------------===//

/// The magnitude of an f32 as a code, without special values.
static Value roundMagnitude(BitBody &body, Value magnitude, Format format) {
  int64_t dropped = kFractionBits - format.mantissaBits;
  // To the nearest even: half of the last bit, less one unless it is odd.
  Value isOdd = body.bitAnd(body.shiftRight(magnitude, dropped), 1);
  Value rounded =
      body.plus(body.plus(magnitude, (int64_t(1) << (dropped - 1)) - 1), isOdd);
  Value normal = body.plus(body.shiftRight(rounded, dropped),
                           -((kBias - format.bias) << format.mantissaBits));
  // Below the normal numbers, an addition rounds to their fixed step.
  Value real = body.toReal(magnitude);
  Value magic = body.real(
      real, powerOfTwo(1 - format.bias - format.mantissaBits + kFractionBits));
  Value small = body.make<arith::SubIOp>(body.toBits(body.add(real, magic)),
                                         body.toBits(magic));
  Value isSmall = body.compareTo(arith::CmpIPredicate::ult, magnitude,
                                 (kBias + 1 - format.bias) << kFractionBits);
  return body.select(isSmall, small, normal);
}

static Value encodeSigned(BitBody &body, Value bits, Format format,
                          bool saturates) {
  using P = arith::CmpIPredicate;
  Value magnitude = body.bitAnd(bits, kMagnitude);
  Value code = roundMagnitude(body, magnitude, format);
  code = body.choose(body.compareTo(P::sgt, code, format.largest),
                     saturates ? format.largest : format.overflow, code);
  Value sign = body.shiftLeft(body.shiftRight(bits, 31), format.signBit);
  if (format.hasOneZero)
    sign = body.choose(body.compareTo(P::eq, code, 0), 0, sign);
  code = body.bitOr(code, sign);
  Value isNan = body.compareTo(P::ugt, magnitude, kInfinity);
  // A format without NaN has the largest number for it, with no sign.
  bool keepsSign = format.nan > format.largest && !format.hasOneZero;
  Value nan = body.integer(code, format.nan);
  return body.select(isNan, keepsSign ? body.bitOr(sign, nan) : nan, code);
}

/// The exponent alone; the sign is dropped.
static Value encodeExponent(BitBody &body, Value bits, StringRef rounding,
                            bool saturates) {
  using P = arith::CmpIPredicate;
  constexpr int64_t smallest = 0x400000; // 2^-127
  Value magnitude = body.bitAnd(bits, kMagnitude);
  bool isUp = rounding == "up", isDown = rounding == "down";
  int64_t carry = isUp ? 0x7fffff : isDown ? 0 : 0x400000;
  Value code = body.shiftRight(body.plus(magnitude, carry), kFractionBits);
  // What has no exponent of its own lies at both sides of 2^-127.
  int64_t last = isUp ? smallest : isDown ? 0x7fffff : 0x5fffff;
  Value isAtSmallest = body.compareTo(P::ule, magnitude, last);
  code = body.choose(isAtSmallest, 0, code);
  code = body.choose(body.compareTo(P::ugt, code, 0xfe),
                     saturates ? 0xfe : 0xff, code);
  if (!saturates)
    code = body.choose(body.compareTo(P::ult, magnitude, isUp ? 1 : smallest),
                       0xff, code);
  return body.choose(body.compareTo(P::ugt, magnitude, kInfinity), 0xff, code);
}

Value EncodeOp::buildBody(OpBuilder &builder, Location loc,
                          ValueRange operands) {
  BitBody body(builder, loc);
  Value x = operands[0];
  x = getElementTypeOrSelf(x).isF64() ? body.roundToOdd(x)
                                      : body.toFloat(x, builder.getF32Type());
  Value bits = body.toBits(x);
  Value code =
      isa<Float8E8M0FNUType>(getFormat())
          ? encodeExponent(body, bits, getRounding(), getSaturate())
          : encodeSigned(body, bits, ::getFormat(getFormat()), getSaturate());
  return body.make<arith::TruncIOp>(
      withElement(code.getType(), builder.getI8Type()), code);
}

static LogicalResult verifyFormat(Operation *op, Type format) {
  if (isNarrowFloat(format))
    return success();
  return op->emitOpError("expects a format of at most 8 bits, found ")
         << format;
}

LogicalResult EncodeOp::verify() {
  StringRef rounding = getRounding();
  if (rounding != "up" && rounding != "down" && rounding != "nearest")
    return emitOpError("expects the rounding up, down or nearest, found \"")
           << rounding << '"';
  return verifyFormat(*this, getFormat());
}

//===----------------------------------------------------------------------===//
// Decode
//===----------------------------------------------------------------------===//

/// A code with a sign as the bits of an f32.
static Value decodeSigned(BitBody &body, Value code, Format format,
                          bool hasInfinity) {
  using P = arith::CmpIPredicate;
  Value magnitude = body.bitAnd(code, (int64_t(1) << format.signBit) - 1);
  Value normal =
      body.plus(body.shiftLeft(magnitude, kFractionBits - format.mantissaBits),
                (kBias - format.bias) << kFractionBits);
  Type real = withElement(code.getType(), body.builder.getF32Type());
  Value whole = body.make<arith::SIToFPOp>(real, magnitude);
  Value step =
      body.real(whole, powerOfTwo(1 - format.bias - format.mantissaBits));
  Value small = body.toBits(body.mul(whole, step));
  Value isSmall =
      body.compareTo(P::ult, magnitude, int64_t(1) << format.mantissaBits);
  Value bits = body.select(isSmall, small, normal);
  if (format.hasOneZero) {
    bits = body.choose(body.compareTo(P::eq, code, format.nan), kNan, bits);
  } else if (format.nan > format.largest) {
    bits = body.choose(body.compareTo(P::ugt, magnitude, format.largest), kNan,
                       bits);
    if (hasInfinity)
      bits = body.choose(body.compareTo(P::eq, magnitude, format.overflow),
                         kInfinity, bits);
  }
  Value sign =
      body.bitAnd(body.shiftLeft(code, 31 - format.signBit), int64_t(1) << 31);
  return body.bitOr(bits, sign);
}

Value DecodeOp::buildBody(OpBuilder &builder, Location loc,
                          ValueRange operands) {
  using P = arith::CmpIPredicate;
  BitBody body(builder, loc);
  Value code = body.make<arith::ExtUIOp>(
      withElement(operands[0].getType(), builder.getI32Type()), operands[0]);
  if (!isa<Float8E8M0FNUType>(getFormat()))
    return body.toReal(decodeSigned(body, code, ::getFormat(getFormat()),
                                    isa<Float8E5M2Type>(getFormat())));
  Value bits = body.shiftLeft(code, kFractionBits);
  bits = body.choose(body.compareTo(P::eq, code, 0), 0x400000, bits);
  return body.toReal(
      body.choose(body.compareTo(P::eq, code, 0xff), kNan, bits));
}

LogicalResult DecodeOp::verify() { return verifyFormat(*this, getFormat()); }

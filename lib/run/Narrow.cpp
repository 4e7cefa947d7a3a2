//===- Narrow.cpp - Elements of at most eight bits -----------------------===//
//
// Each stands in a byte of its own: see tenon/types.h. The formats of floats:
// onnx.ai/onnx/technical/float8.html and float4.html.
//
//===----------------------------------------------------------------------===//

#include "lib/run/Array.h"

#include <cmath>

using namespace tenon::run;

bool tenon::run::isNarrow(TenonDType dtype) {
  return dtype >= TENON_F8E4M3FN && dtype <= TENON_I2;
}

bool tenon::run::hasSignedBytes(TenonDType dtype) {
  return dtype == TENON_I8 || dtype == TENON_I4 || dtype == TENON_I2;
}

unsigned tenon::run::getNarrowBits(TenonDType dtype) {
  switch (dtype) {
  case TENON_U2:
  case TENON_I2:
    return 2;
  case TENON_U4:
  case TENON_I4:
  case TENON_F4E2M1:
    return 4;
  default:
    return 8;
  }
}

/// A float with a sign, an exponent and `mantissaBits`.
static double decode(int code, int signBit, int mantissaBits, int bias) {
  int magnitude = code & ((1 << signBit) - 1);
  int exponent = magnitude >> mantissaBits;
  int fraction = magnitude & ((1 << mantissaBits) - 1);
  if (exponent == 0)
    exponent = 1;
  else
    fraction |= 1 << mantissaBits;
  double value = std::ldexp(fraction, exponent - bias - mantissaBits);
  return code >> signBit & 1 ? -value : value;
}

double tenon::run::decodeNarrow(TenonDType dtype, uint8_t code) {
  switch (dtype) {
  case TENON_F8E4M3FN:
    return (code & 127) == 127 ? NAN : decode(code, 7, 3, 7);
  case TENON_F8E4M3FNUZ:
    return code == 128 ? NAN : decode(code, 7, 3, 8);
  case TENON_F8E5M2:
    if ((code & 127) == 0x7c)
      return code == 0x7c ? INFINITY : -INFINITY;
    return (code & 127) > 0x7c ? NAN : decode(code, 7, 2, 15);
  case TENON_F8E5M2FNUZ:
    return code == 128 ? NAN : decode(code, 7, 2, 16);
  case TENON_F8E8M0:
    return code == 255 ? NAN : std::ldexp(1.0, code - 127);
  case TENON_F4E2M1:
    return decode(code, 3, 1, 1);
  default:
    return hasSignedBytes(dtype) ? static_cast<int8_t>(code) : code;
  }
}

uint8_t tenon::run::encodeNarrow(TenonDType dtype, double value) {
  uint8_t best = 0;
  double distance = INFINITY;
  for (int i = 0; i < 1 << getNarrowBits(dtype); ++i) {
    auto code = extendNarrow(dtype, static_cast<uint8_t>(i));
    double away = std::abs(decodeNarrow(dtype, code) - value);
    if (away < distance) {
      best = code;
      distance = away;
    }
  }
  return best;
}

uint8_t tenon::run::extendNarrow(TenonDType dtype, uint8_t byte) {
  unsigned unused = 8 - getNarrowBits(dtype);
  auto high = static_cast<uint8_t>(byte << unused);
  return hasSignedBytes(dtype)
             ? static_cast<uint8_t>(static_cast<int8_t>(high) >> unused)
             : static_cast<uint8_t>(high >> unused);
}

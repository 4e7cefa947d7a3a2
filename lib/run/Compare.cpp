//===- Compare.cpp - Results against expectations ------------------------===//

#include "lib/run/Compare.h"

#include <cmath>
#include <cstring>

using namespace tenon::run;

/// The worst of what the elements of two sequences of one length are.
static Comparison compareElements(const Array &found, const Array &expected) {
  Comparison result;
  for (size_t i = 0; i < found.elements.size(); ++i) {
    Comparison element = compare(found.elements[i], expected.elements[i]);
    if (!element.mismatch.empty()) {
      element.mismatch =
          "at element " + std::to_string(i) + " " + element.mismatch;
      return element;
    }
    double magnitude = std::max(result.maxMagnitude, element.maxMagnitude);
    // Not a number is the worst.
    double cosine = std::isnan(element.cosine) || element.cosine < result.cosine
                        ? element.cosine
                        : result.cosine;
    if (i == 0 || !(element.maxAbsError <= result.maxAbsError))
      result = element;
    result.maxMagnitude = magnitude;
    result.cosine = cosine;
  }
  return result;
}

Comparison tenon::run::compare(const Array &found, const Array &expected) {
  if (areF32AndHalf(found.dtype, expected.dtype))
    return found.dtype == TENON_F32
               ? compare(found, expected.convert(TENON_F32))
               : compare(found.convert(TENON_F32), expected);
  Comparison result;
  if (found.dtype != expected.dtype || found.dims != expected.dims) {
    result.mismatch =
        found.formatType() + ", expected " + expected.formatType();
    return result;
  }
  if (!found.isTensor())
    return compareElements(found, expected);
  size_t element = tenon_dtype_size(found.dtype);
  bool isLong = found.dtype == TENON_I64 || found.dtype == TENON_U64;
  double product = 0, foundSquares = 0, expectedSquares = 0;
  for (int64_t i = 0, count = found.size(); i < count; ++i) {
    double a = found.at(i), b = expected.at(i);
    product += a * b;
    foundSquares += a * a;
    expectedSquares += b * b;
    if (std::isfinite(b))
      result.maxMagnitude = std::max(result.maxMagnitude, std::abs(b));
    if (a == b || (std::isnan(a) && std::isnan(b))) {
      // Large integers may differ and yet be one double.
      if (!isLong || !memcmp(&found.bytes[i * element],
                             &expected.bytes[i * element], element))
        continue;
      a = b + 1;
    }
    double error = std::isfinite(a) && std::isfinite(b) ? std::abs(a - b) : NAN;
    // Not a number is worse than any number.
    if (error > result.maxAbsError ||
        (std::isnan(error) && !std::isnan(result.maxAbsError))) {
      result.maxAbsError = error;
      result.worstIndex = i;
    }
  }
  double lengths = std::sqrt(foundSquares) * std::sqrt(expectedSquares);
  if (lengths != 0)
    result.cosine = product / lengths;
  else
    result.cosine = foundSquares == expectedSquares;
  return result;
}

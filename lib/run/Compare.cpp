//===- Compare.cpp - Results against expectations ------------------------===//

#include "lib/run/Compare.h"

#include <cmath>
#include <cstring>

using namespace tenon::run;

Comparison tenon::run::compare(const Array &found, const Array &expected) {
  Comparison result;
  if (found.dtype != expected.dtype || found.dims != expected.dims) {
    result.mismatch = std::string(tenon_dtype_name(found.dtype)) + " " +
                      found.formatDims() + ", expected " +
                      tenon_dtype_name(expected.dtype) + " " +
                      expected.formatDims();
    return result;
  }
  size_t element = tenon_dtype_size(found.dtype);
  bool isLong = found.dtype == TENON_I64 || found.dtype == TENON_U64;
  for (int64_t i = 0, count = found.size(); i < count; ++i) {
    double a = found.at(i), b = expected.at(i);
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
  return result;
}

//===- Compare.h - Results against expectations --------------------------===//

#ifndef TENON_LIB_RUN_COMPARE_H
#define TENON_LIB_RUN_COMPARE_H

#include "lib/run/Array.h"

namespace tenon::run {

/// How far a result is from what was expected.
struct Comparison {
  /// "" or why the two can't be compared: type or dimensions.
  std::string mismatch;
  /// The largest |found - expected|; not a number if one of the two is infinite
  /// or not a number where the other is not the same.
  double maxAbsError = 0;
  /// The largest finite |expected|.
  double maxMagnitude = 0;
  int64_t worstIndex = 0;
  /// The cosine of the angle between the two as vectors, 1 if both are zero; of
  /// sequences the least of their tensors'. Not a number if an element is not
  /// finite.
  double cosine = 1;

  /// The error relative to the largest magnitude (absolute if that is 0).
  double relativeError() const {
    return maxAbsError / (maxMagnitude ? maxMagnitude : 1);
  }
  bool isWithin(double tolerance) const {
    return mismatch.empty() && relativeError() <= tolerance;
  }
};

/// Numbers of f16 or bf16 beside f32 are compared as f32.
Comparison compare(const Array &found, const Array &expected);

} // namespace tenon::run

#endif // TENON_LIB_RUN_COMPARE_H

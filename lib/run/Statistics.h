//===- Statistics.h - Times of many runs, in few numbers ----------------===//

#ifndef TENON_LIB_RUN_STATISTICS_H
#define TENON_LIB_RUN_STATISTICS_H

#include <string>
#include <vector>

namespace tenon::run {

/// The time that `part` (0 to 1) of all runs took at most, by linear
/// interpolation between the two nearest, as numpy.quantile does by default.
/// `sorted` is in ascending order and not empty.
double quantile(const std::vector<double> &sorted, double part);

/// Milliseconds to the microsecond, or to three digits where that says more.
std::string formatTime(double milliseconds);

} // namespace tenon::run

#endif // TENON_LIB_RUN_STATISTICS_H

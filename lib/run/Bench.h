//===- Bench.h - What tenon-bench does ----------------------------------===//

#ifndef TENON_LIB_RUN_BENCH_H
#define TENON_LIB_RUN_BENCH_H

#include "lib/run/RunCommand.h"

namespace tenon::run {

/// One measurement.
struct BenchPoint {
  /// One value each of BenchCommand::shapes and symbols.
  std::vector<std::string> shapes, symbols;
  int threads = 1, sessions = 1;

  std::string describeShapes() const;
};

/// The command line of tenon-bench, taken apart.
struct BenchCommand {
  /// The model, its provider and target, and the inputs but for their shapes.
  RunCommand run;
  /// "name=1x3x48x320,1x3x48x640", "symbol=1,8": each with all of the others.
  std::vector<std::string> shapes, symbols;
  std::vector<int> threads{1}, sessions{1};
  /// How long each measurement takes, after the first result.
  double seconds = 2;
  bool isJson = false;

  /// Measures, and prints a line for each combination. Each is measured in a
  /// process of its own, so that the times to load and the peak of memory are
  /// its own. Returns an exit code; throws Error.
  int execute() const;

  /// Compiles the model once for each provider, measures the kernels that more
  /// than one can run, and writes the faster ones to `path`, for
  /// TenonCompileOptions::tuning. Throws Error.
  void tune(const std::string &path) const;

  /// Throws what any of the points can't be measured for, before the first is.
  void checkPoints() const;

  std::vector<BenchPoint> getPoints() const;
  /// How to run the model at a point.
  RunCommand getRun(const BenchPoint &point) const;
};

} // namespace tenon::run

#endif // TENON_LIB_RUN_BENCH_H

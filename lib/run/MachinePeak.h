//===- MachinePeak.h - What this machine can do at most -----------------===//

#ifndef TENON_LIB_RUN_MACHINEPEAK_H
#define TENON_LIB_RUN_MACHINEPEAK_H

#include <optional>

namespace tenon::run {

/// Limits of some threads together, measured.
struct MachinePeak {
  /// 10^9 operations a second of f32 multiply-adds (two each) in registers.
  double gflops = 0;
  /// The same of products of bf16 that are added up in f32, by the fastest
  /// instruction for it that the processor has, if any.
  std::optional<double> bf16Gflops;
  /// 10^9 bytes a second read from memory that no cache holds.
  double gigabytes = 0;

  /// The least time in nanoseconds that this work takes: the longer of its
  /// arithmetic and its memory traffic, as both overlap. (Williams, Waterman,
  /// Patterson: "Roofline", CACM 52(4), 2009.)
  double getLeastTime(double flops, double bytes, bool multipliesBf16) const;
};

/// Takes about a third of a second, and 256 MB of memory meanwhile; somewhat
/// longer `withBf16`, without which the peak of that is not measured.
MachinePeak measurePeak(int threads, bool withBf16);

} // namespace tenon::run

#endif // TENON_LIB_RUN_MACHINEPEAK_H

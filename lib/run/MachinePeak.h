//===- MachinePeak.h - What this machine can do at most -----------------===//

#ifndef TENON_LIB_RUN_MACHINEPEAK_H
#define TENON_LIB_RUN_MACHINEPEAK_H

namespace tenon::run {

/// Limits of some threads together, measured.
struct MachinePeak {
  /// 10^9 operations a second of f32 multiply-adds (two each) in registers.
  double gflops = 0;
  /// 10^9 bytes a second read from memory that no cache holds.
  double gigabytes = 0;

  /// The least time in nanoseconds that this work takes: the longer of its
  /// arithmetic and its memory traffic, as both overlap. (Williams, Waterman,
  /// Patterson: "Roofline", CACM 52(4), 2009.)
  double getLeastTime(double flops, double bytes) const;
};

/// Takes about a third of a second, and 256 MB of memory meanwhile.
MachinePeak measurePeak(int threads);

} // namespace tenon::run

#endif // TENON_LIB_RUN_MACHINEPEAK_H

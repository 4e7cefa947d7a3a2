//===- KernelWork.h - How much work a kernel is -----------------*- C++ -*-===//

#ifndef TENON_CODEGEN_COMMON_KERNELWORK_H
#define TENON_CODEGEN_COMMON_KERNELWORK_H

#include "codegen/common/TypicalSizes.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

#include <optional>

namespace tenon {

/// The convolution or matrix product that a kernel is made around, as the
/// product of a matrix of `rows` x `depth` and one of `depth` x `columns`.
struct Contraction {
  double rows, columns, depth;
  /// What of the depth is from one place, where a window has several.
  double channels;
  double flops;
  /// Of the second factor.
  double weightBytes;
  /// Whether each channel is a convolution of its own.
  bool isDepthwise;
  /// Whether there are groups of channels.
  bool isGrouped;
  /// Whether what is multiplied has 16 bits.
  bool isNarrow;

  bool hasWindow() const { return depth > channels; }
};

/// The work of a kernel, for typical sizes.
struct KernelWork {
  /// Arithmetic operations; a function such as `exp` counts as ten.
  double flops = 0;
  /// Bytes of all inputs and results, once each.
  double bytes = 0;
  /// Elements of the results.
  double results = 0;
  /// Elements of inputs that are as large as a result and not what is
  /// contracted: residuals.
  double residuals = 0;
  /// Elements to which a function of that kind is applied: one with an
  /// exponential, GELU, hard-swish.
  double exponentials = 0, gelus = 0, hardSwishes = 0;
  std::optional<Contraction> contraction;
};

/// The bytes of a tensor of a typical size.
double getBytes(mlir::Value tensor, TypicalSizes &sizes);

KernelWork getKernelWork(KernelOp kernel, TypicalSizes &sizes);

/// KernelWork::flops as an index value before the kernel, with the dimensions
/// of the run. Null if they depend on what the kernel computes.
mlir::Value buildFlops(KernelOp kernel, mlir::RewriterBase &rewriter);

/// The time in nanoseconds that arithmetic takes on one core of the target at
/// its peak: two fused multiply-adds a cycle of its vectors, at 3.8 GHz.
double getPeakTime(double flops, TargetAttr target);

/// How much longer an element takes than with vectors of 512 bits.
double getLaneFactor(TargetAttr target);

/// The time in nanoseconds of this work on one core of the target, if it does
/// arithmetic at `efficiency` (0 to 1) of the peak: the longer of arithmetic
/// and memory traffic at 25 GB/s, as both overlap.
double getRooflineTime(const KernelWork &work, TargetAttr target,
                       double efficiency);

} // namespace tenon

#endif // TENON_CODEGEN_COMMON_KERNELWORK_H

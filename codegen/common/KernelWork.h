//===- KernelWork.h - How much work a kernel is -----------------*- C++ -*-===//

#ifndef TENON_CODEGEN_COMMON_KERNELWORK_H
#define TENON_CODEGEN_COMMON_KERNELWORK_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// The work of a kernel, with Provider::kTypicalDim for each dynamic dimension.
struct KernelWork {
  /// Arithmetic operations; a function such as `exp` counts as ten.
  double flops = 0;
  /// Bytes of all inputs and results, once each.
  double bytes = 0;
};

KernelWork getKernelWork(KernelOp kernel);

/// KernelWork::flops as an index value before the kernel, with the dimensions
/// of the run. Null if they depend on what the kernel computes.
mlir::Value buildFlops(KernelOp kernel, mlir::RewriterBase &rewriter);

/// The time in nanoseconds of this work on one core of the target, if it does
/// arithmetic at `efficiency` (0 to 1) of the peak: the longer of arithmetic
/// and memory traffic, as both overlap. The peak is that of two fused
/// multiply-adds a cycle of the target's vectors at 2 GHz, the bandwidth
/// 13 GB/s.
double getRooflineTime(const KernelWork &work, TargetAttr target,
                       double efficiency);

} // namespace tenon

#endif // TENON_CODEGEN_COMMON_KERNELWORK_H

//===- MergeKernels.h - Two kernels become one ------------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_FUSE_MERGEKERNELS_H
#define TENON_TRANSFORMS_FUSE_MERGEKERNELS_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// The one convolution in a kernel, or null.
ConvOp getOnlyConv(KernelOp kernel);

/// The kernel that computes what one operation of `kernel` reads as `value`,
/// and nothing else reads; or null.
KernelOp getOwnProducer(KernelOp kernel, mlir::Value value);

/// Makes one kernel of `first`, which has one result, and `second`, which alone
/// reads that.
KernelOp mergeKernels(mlir::RewriterBase &rewriter, KernelOp first,
                      KernelOp second);

/// Whether kernels of a target may be code that is generated for a processor
/// alone, in vectors of at least so many bits.
bool hasGeneratedVectors(TargetAttr target, unsigned bits);

/// Applies a pattern to each kernel in `root`. Drivers that walk take no
/// pattern that erases another operation than it matched, which merging kernels
/// does.
void rewriteKernels(mlir::Operation *root,
                    const mlir::OpRewritePattern<KernelOp> &pattern);

} // namespace tenon

#endif // TENON_TRANSFORMS_FUSE_MERGEKERNELS_H

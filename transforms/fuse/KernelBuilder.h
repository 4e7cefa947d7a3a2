//===- KernelBuilder.h - Operations become a kernel -------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_FUSE_KERNELBUILDER_H
#define TENON_TRANSFORMS_FUSE_KERNELBUILDER_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// Replaces operations of one block by a kernel that computes what others read
/// of them, at the place of the last of them.
///
/// - No path from one of them to another leads through an operation that is
///   not one of them. What stands between them and reads their results is
///   moved behind the kernel.
/// - Constants with one value that elementwise operations read are copied into
///   the kernel; all others are inputs. So are casts from f16 or bf16 to f32.
/// - Shape operands are rebuilt inside from `scalars`, and so is what joins a
///   few numbers that generated code computes with: no library has it.
/// - The sizes of dynamic results are computed before the kernel.
///
/// Fails, after an error, where a shape operand's length or a result's size
/// can't be known before the kernel runs.
mlir::FailureOr<KernelOp> createKernel(mlir::RewriterBase &rewriter,
                                       llvm::ArrayRef<mlir::Operation *> ops);

} // namespace tenon

#endif // TENON_TRANSFORMS_FUSE_KERNELBUILDER_H

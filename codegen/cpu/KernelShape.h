//===- KernelShape.h - What the body of a kernel looks like ---------------===//

#ifndef TENON_CODEGEN_CPU_KERNELSHAPE_H
#define TENON_CODEGEN_CPU_KERNELSHAPE_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// Whether the results of a kernel have one shape, as far as types tell.
bool haveResultsOneShape(KernelOp kernel);

/// How many lanes suit the kernel: those of its widest elements, but no more
/// than a row of `rowSize` fills.
int64_t getKernelWidth(KernelFunction &function, Dim rowSize);

/// A concatenation through which every element of the kernel's one result goes,
/// with nothing but elementwise operations behind it; null if there is none.
ConcatOp getRootConcat(KernelOp kernel);

/// Arguments of which the last dimension is dimension `rows` of the result and
/// the lanes' dimension is another, so that a square has to be transposed.
struct TransposedArguments {
  struct Argument {
    mlir::BlockArgument value;
    /// The result's dimension that each of its dimensions is, or -1 where it
    /// has size 1.
    llvm::SmallVector<int64_t> dims;
  };
  llvm::SmallVector<Argument> arguments;
  /// The dimension of the result along which they are contiguous.
  int64_t rows = -1;
};
/// Looks for them through elementwise operations and transposes; there are none
/// if anything else moves elements or if they don't agree on `rows`.
TransposedArguments getTransposedArguments(KernelOp kernel);

/// The operation of type `OpT` that is all of the kernel's work, if there is
/// one: it reads what stands in memory, and its results are the kernel's.
template <typename OpT> OpT getOnlyOp(KernelOp kernel) {
  OpT only;
  for (mlir::Operation &op : kernel.getBody().front()) {
    if (mlir::isa<ConstantOp, YieldOp>(op))
      continue;
    // What computes shapes is none of the operation's business.
    if (llvm::none_of(op.getResultTypes(), [](mlir::Type type) {
          return mlir::isa<mlir::RankedTensorType>(type);
        }))
      continue;
    if (only || !mlir::isa<OpT>(op))
      return {};
    only = mlir::cast<OpT>(op);
  }
  if (!only)
    return {};
  for (mlir::Value yielded : kernel.getYield().getOperands())
    if (yielded.getDefiningOp() != only.getOperation())
      return {};
  return only;
}

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_KERNELSHAPE_H

//===- KernelShape.h - What the body of a kernel looks like ---------------===//

#ifndef TENON_CODEGEN_CPU_KERNELSHAPE_H
#define TENON_CODEGEN_CPU_KERNELSHAPE_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// Whether the results of a kernel have one shape, as far as types tell.
bool haveResultsOneShape(KernelOp kernel);

/// The operation that is all of the kernel's work and makes all of its results,
/// or null. What computes shapes is none of it.
mlir::Operation *getOnlyOp(KernelOp kernel);
/// The same, if it is of type `OpT`.
template <typename OpT> OpT getOnlyOp(KernelOp kernel) {
  return llvm::dyn_cast_if_present<OpT>(getOnlyOp(kernel));
}

/// How many lanes suit the kernel: those that vectors of its widest elements
/// have, but no more than a row of `rowSize` fills.
int64_t getKernelWidth(KernelFunction &function, Dim rowSize,
                       int64_t vectorBits);
inline int64_t getKernelWidth(KernelFunction &function, Dim rowSize) {
  return getKernelWidth(function, rowSize, function.getVectorBits());
}

/// A concatenation through which every element of the kernel's one result goes,
/// with nothing but elementwise operations behind it; null if there is none.
ConcatOp getRootConcat(KernelOp kernel);

/// Whether elements of `argument` are read, but only to compute those at the
/// same place of results, and of what is reduced where `isReduced` allows that.
bool isReadInPlace(mlir::BlockArgument argument, bool isReduced = false);

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

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_KERNELSHAPE_H

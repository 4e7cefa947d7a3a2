//===- KernelMatch.h - Kernels that are one primitive -----------*- C++ -*-===//

#ifndef TENON_CODEGEN_ONEDNN_KERNELMATCH_H
#define TENON_CODEGEN_ONEDNN_KERNELMATCH_H

#include "codegen/onednn/PostOps.h"

#include <optional>

namespace tenon::onednn {

/// An arg of the primitive: its logical dimension i is dimension
/// permutation[i] of the tensor.
struct Arg {
  /// An argument of the kernel's region, or for the result what it yields.
  mlir::Value value;
  llvm::SmallVector<int64_t> permutation;
};

/// A kernel in the terms of runtime/cpu/OneDnnAbi.h.
struct KernelMatch {
  /// TenonOneDnnKind.
  int64_t kind = 0;
  /// Inputs in order; those of post-ops last.
  llvm::SmallVector<Arg> inputs;
  Arg result;
  /// Which input is the bias, or -1.
  int64_t bias = -1;
  llvm::SmallVector<int64_t> attributes;
  llvm::SmallVector<PostOp> postOps;

  /// Whether something in memory is bf16.
  bool hasBf16() const;
  /// The words of the descriptor.
  llvm::SmallVector<int64_t> encode() const;
};

/// What a kernel is to oneDNN; nothing, and why in `reason`, if it can't run
/// it: it has to be one operation that oneDNN has, on f32 or with factors of
/// bf16, with a tail of post-operations, and perhaps a cast to bf16 at its end.
std::optional<KernelMatch> matchKernel(KernelOp kernel, std::string &reason);

} // namespace tenon::onednn

#endif // TENON_CODEGEN_ONEDNN_KERNELMATCH_H

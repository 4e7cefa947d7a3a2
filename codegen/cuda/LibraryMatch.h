//===- LibraryMatch.h - Kernels that a library can run ----------*- C++ -*-===//

#ifndef TENON_CODEGEN_CUDA_LIBRARYMATCH_H
#define TENON_CODEGEN_CUDA_LIBRARYMATCH_H

#include "dialects/tenon/TenonOps.h"
#include "runtime/cuda/LibraryAbi.h"

#include <optional>
#include <string>

namespace tenon::cuda {

/// A kernel in the terms of runtime/cuda/LibraryAbi.h.
struct LibraryMatch {
  /// The words of TenonKernel::library.
  llvm::SmallVector<int64_t> words;
  /// Which input is a constant of f32 that has to be of the result's 16-bit
  /// type, or -1: libraries add a bias of that type only.
  int64_t wideBias = -1;
};

/// What a kernel is to cuBLASLt; nothing, and why in `reason`, if it can't run
/// it: it has to be one product of matrices that stand in memory, scaled, with
/// a residual, a bias and an activation added, of which the library has ReLU
/// and the GELU of a hyperbolic tangent.
std::optional<LibraryMatch> matchMatmul(KernelOp kernel, std::string &reason);

/// The same of cuDNN, for a convolution of constant weights with channels last,
/// of which each group has several, with a residual, a bias and an activation
/// behind it.
std::optional<LibraryMatch> matchConv(KernelOp kernel, std::string &reason);

/// The same for attention of f16 or bf16 with a result of that type.
std::optional<LibraryMatch> matchAttention(KernelOp kernel,
                                           std::string &reason);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_LIBRARYMATCH_H

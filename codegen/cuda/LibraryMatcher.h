//===- LibraryMatcher.h - Reads a kernel for a library ----------*- C++ -*-===//

#ifndef TENON_CODEGEN_CUDA_LIBRARYMATCHER_H
#define TENON_CODEGEN_CUDA_LIBRARYMATCHER_H

#include "codegen/cuda/LibraryMatch.h"
#include "llvm/ADT/bit.h"

#include <array>

namespace tenon::cuda {

/// Reads a kernel's operations in order: one that a library has, and what is
/// behind it. Each kind of operation has a class of its own.
class LibraryMatcher {
public:
  virtual ~LibraryMatcher() = default;

protected:
  LibraryMatcher(KernelOp kernel, llvm::StringRef library, std::string &reason)
      : kernel(kernel), library(library), reason(reason) {}

  /// Reads all of the kernel. False, and why in `reason`, if it is more than
  /// the library has.
  bool match();

  /// Reads the operation that the kernel is about, and sets `value`.
  virtual bool matchAnchor(mlir::Operation &op) = 0;
  /// What the kernel is about: "a matrix product".
  virtual llvm::StringRef describeAnchor() const = 0;
  /// Reads a factor of `value` before anything is added to it.
  virtual bool matchScale(MulOp op);
  /// The library's TenonLibraryActivation that `op` is, or
  /// TENON_LIBRARY_NO_ACTIVATION.
  virtual TenonLibraryActivation getActivation(mlir::Operation &op) = 0;

  bool fail(const llvm::Twine &why) {
    reason = why.str();
    return false;
  }
  /// Checks the elements of a factor.
  bool checkFactor(mlir::Type element);
  /// Whether factors of f32 may be rounded.
  bool isTf32(mlir::Type factor) const;

  template <typename Words>
  static llvm::SmallVector<int64_t> encode(const Words &words) {
    auto array =
        llvm::bit_cast<std::array<int64_t, sizeof(Words) / sizeof(int64_t)>>(
            words);
    return llvm::SmallVector<int64_t>(array.begin(), array.end());
  }

  KernelOp kernel;
  llvm::StringRef library; // "cuBLASLt"
  std::string &reason;
  mlir::Value value; // what the operations so far compute
  mlir::Type factor; // the element type of the anchor's operands
  int64_t bias = -1, residual = -1;
  TenonLibraryActivation activation = TENON_LIBRARY_NO_ACTIVATION;
  int64_t wideBias = -1; // see LibraryMatch

private:
  bool matchTail(mlir::Operation &op);
  bool matchSum(AddOp op);
  bool checkTypes();

  bool isDone = false; // after the result was narrowed
};

mlir::Type getElement(mlir::Value value);

/// Which argument of the kernel a value in it is; -1 if none.
int64_t getArg(mlir::Value value);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_LIBRARYMATCHER_H

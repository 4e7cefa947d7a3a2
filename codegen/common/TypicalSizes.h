//===- TypicalSizes.h - Sizes that estimates of work are made for ---------===//
//
// Estimates need sizes where a model has none. A side of a picture that is not
// known is taken to be of a usual length, and what follows from it by the
// model's own arithmetic has the right proportion: in a network that halves a
// picture five times, the last convolutions see few pixels.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_TYPICALSIZES_H
#define TENON_CODEGEN_COMMON_TYPICALSIZES_H

#include "dialects/tenon/TenonOps.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace tenon {

/// Finds typical sizes in IR that does not change meanwhile, and keeps what it
/// has found.
class TypicalSizes {
public:
  /// A dimension of a tensor in or outside of a kernel's region. Where it is
  /// dynamic: what it is for a typical picture, if it follows from one; else
  /// 64, but 1 where it is the first of several, which mostly is a batch.
  double getDim(mlir::Value tensor, int64_t index);
  /// A dimension of a tensor outside of kernels, lowered or not: none where it
  /// is dynamic and does not follow from a picture.
  std::optional<int64_t> findDim(mlir::Value tensor, int64_t index);

private:
  std::optional<int64_t> get(mlir::OpFoldResult size);
  std::optional<int64_t> evaluate(mlir::Value value);

  llvm::DenseMap<mlir::Value, std::optional<int64_t>> known;
};

} // namespace tenon

#endif // TENON_CODEGEN_COMMON_TYPICALSIZES_H

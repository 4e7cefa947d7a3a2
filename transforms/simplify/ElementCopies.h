//===- ElementCopies.h - Operations that only move elements ---------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_ELEMENTCOPIES_H
#define TENON_TRANSFORMS_SIMPLIFY_ELEMENTCOPIES_H

#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// A box of elements of one operand and where it goes in the result. Offsets
/// and strides count elements of the flattened tensors.
struct ElementCopy {
  unsigned operand;
  int64_t sourceOffset;
  int64_t targetOffset;
  llvm::SmallVector<int64_t> sizes;
  llvm::SmallVector<int64_t> sourceStrides;
  llvm::SmallVector<int64_t> targetStrides;
};

/// The result of an operation as copies from its operands. Where no copy
/// reaches, the element is that of operand `fill` (a scalar), or 0.
struct ElementMovement {
  llvm::SmallVector<ElementCopy> copies;
  std::optional<unsigned> fill;
  bool isFilled = false;
};

/// How `op` moves elements: reshape, squeeze, unsqueeze, transpose, expand,
/// concat, slice, tile, constant pad, and gather. Fails unless all types are
/// static and what positions depend on (starts, pads, indices) is constant.
mlir::FailureOr<ElementMovement> getElementMovement(mlir::Operation *op);

/// Calls `body` for each innermost run of a copy: offsets in the source and the
/// target, their strides, and the number of elements.
void forEachRun(const ElementCopy &copy,
                llvm::function_ref<void(int64_t source, int64_t sourceStride,
                                        int64_t target, int64_t targetStride,
                                        int64_t count)>
                    body);

/// Row-major strides of a static shape.
llvm::SmallVector<int64_t> getRowMajorStrides(llvm::ArrayRef<int64_t> shape);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_ELEMENTCOPIES_H

//===- TenonAttention.h - Which attention is one kernel ---------*- C++ -*-===//

#ifndef TENON_DIALECTS_TENON_TENONATTENTION_H
#define TENON_DIALECTS_TENON_TENONATTENTION_H

#include "dialects/tenon/TenonFloatTypes.h"
#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// Whether generated code can compute `op` block by block of its keys, without
/// a tensor of all scores: the rows of a block of queries and of its results
/// stand in buffers of known size on the stack meanwhile.
inline bool isTileable(AttentionOp op) {
  constexpr int64_t maxHeadSize = 256;
  auto fits = [](mlir::Value value) {
    int64_t size =
        llvm::cast<mlir::RankedTensorType>(value.getType()).getShape().back();
    return size > 0 && size <= maxHeadSize;
  };
  return fits(op.getQuery()) && fits(op.getValue());
}

/// Whether `op` only says where in its operand the lines of its result are,
/// that is what stands along the last dimension. Generated attention reads and
/// writes lines wherever they are.
inline bool isViewOfLines(mlir::Operation *op) {
  if (auto transpose = llvm::dyn_cast_if_present<TransposeOp>(op)) {
    llvm::ArrayRef<int64_t> permutation = transpose.getPermutation();
    return !permutation.empty() &&
           permutation.back() + 1 == int64_t(permutation.size());
  }
  if (auto slice = llvm::dyn_cast_if_present<SliceOp>(op))
    return !llvm::is_contained(slice.getAxes(),
                               slice.getOutput().getType().getRank() - 1);
  return false;
}

/// Whether `op` is such a view of which it is known when it is compiled where
/// its lines are: a part of them begins at a constant index and has so many,
/// one behind the other. cuDNN takes these, of queries, keys and values.
inline bool isFixedViewOfLines(mlir::Operation *op) {
  if (!isViewOfLines(op))
    return false;
  auto slice = llvm::dyn_cast<SliceOp>(op);
  if (!slice)
    return true;
  mlir::RankedTensorType type = slice.getOutput().getType();
  auto starts = getConstantInts(slice.getStarts());
  if (!starts)
    return false;
  for (auto [axis, step, start] :
       llvm::zip_equal(slice.getAxes(), slice.getSteps(), *starts))
    if (step != 1 || start < 0 || type.isDynamicDim(axis))
      return false;
  return true;
}

/// What `isTileable` is for a GPU, where they stand in shared memory: for each
/// element type the largest heads that fit.
inline bool isTileableOnGpu(AttentionOp op) {
  auto getType = [](mlir::Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  };
  mlir::Type element = getType(op.getQuery()).getElementType();
  int64_t maxHeadSize = element.isF32() ? 64 : isHalf(element) ? 128 : 0;
  auto fits = [&](mlir::Value value) {
    int64_t size = getType(value).getShape().back();
    return size > 0 && size <= maxHeadSize &&
           getType(value).getElementType() == element;
  };
  return fits(op.getQuery()) && fits(op.getKey()) && fits(op.getValue());
}

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONATTENTION_H

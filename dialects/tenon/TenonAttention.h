//===- TenonAttention.h - Which attention is one kernel ---------*- C++ -*-===//

#ifndef TENON_DIALECTS_TENON_TENONATTENTION_H
#define TENON_DIALECTS_TENON_TENONATTENTION_H

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

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONATTENTION_H

//===- PostOps.h - Tails of a kernel as post-operations ---------*- C++ -*-===//

#ifndef TENON_CODEGEN_ONEDNN_POSTOPS_H
#define TENON_CODEGEN_ONEDNN_POSTOPS_H

#include "dialects/tenon/TenonOps.h"

#include <string>

namespace tenon::onednn {

/// One post-operation, in the terms of runtime/cpu/OneDnnAbi.h.
struct PostOp {
  /// TenonOneDnnPostOpKind.
  int64_t kind;
  /// TenonOneDnnEltwise or TenonOneDnnBinary.
  int64_t algorithm;
  double alpha = 0, beta = 0;
  /// The tensor that a binary one reads; null otherwise.
  mlir::Value operand;
};

/// Appends what computes `op` from `value`, its running operand. Returns
/// false, and why in `reason`, if post-operations can't.
bool appendPostOps(mlir::Operation *op, mlir::Value value,
                   llvm::SmallVectorImpl<PostOp> &postOps, std::string &reason);

} // namespace tenon::onednn

#endif // TENON_CODEGEN_ONEDNN_POSTOPS_H

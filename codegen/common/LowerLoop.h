//===- LowerLoop.h - Loops over memory ------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_LOWERLOOP_H
#define TENON_CODEGEN_COMMON_LOWERLOOP_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

namespace tenon::codegen {

/// Of a loop: of each result, with what is carried for it, whether it is in the
/// device's memory. Without it, none is.
inline constexpr llvm::StringLiteral kLoopSpacesAttr = "tenon_rt.result_spaces";

/// Replaces `op`, in whose region everything is lowered, by a loop that carries
/// numbers only: carried tensors are in memory of their own, one after another
/// in the same, and those that are joined are copied to where they belong.
/// `nextSlot` counts the slots of `tenon_rt.allocate`.
void lowerLoop(LoopOp op, mlir::IRRewriter &rewriter, int64_t &nextSlot);

/// Dimension `index` of a tensor of the lowered graph. Goes through calls to
/// what made their outputs, so that no dimension of a result is computed from
/// the result.
mlir::Value getSize(mlir::OpBuilder &builder, mlir::Location loc,
                    mlir::Value tensor, int64_t index);

/// The destination of the call that makes `value`, possibly behind views, if
/// nothing else claims it: an empty tensor in `block`; null if there is none.
mlir::OpOperand *findDestination(mlir::Value value, mlir::Block *block);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_LOWERLOOP_H

//===- Broadcasts.h - Which dimensions meet in an operation ---------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_BROADCASTS_H
#define TENON_TRANSFORMS_SIMPLIFY_BROADCASTS_H

#include "mlir/IR/Operation.h"

namespace tenon {

/// Dimension `dim` of `operand` is 1 or dimension `targetDim` of `target`, a
/// result or another operand.
struct Broadcast {
  mlir::OpOperand *operand;
  int64_t dim;
  mlir::Value target;
  int64_t targetDim;
};

/// All operands' dimensions that an operation would repeat by itself, by
/// operand.
llvm::SmallVector<Broadcast> getBroadcasts(mlir::Operation *op);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_BROADCASTS_H

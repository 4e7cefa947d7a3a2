//===- Evaluate.h - Results of operations whose operands are constant -----===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_EVALUATE_H
#define TENON_TRANSFORMS_SIMPLIFY_EVALUATE_H

#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// The value of a tenon operation with one result, all of whose operands are
/// constants: elementwise operations, those that only move elements, reductions
/// and ranges. Null if it can't be had: another operation, a dynamic type, an
/// element type that is not supported, or no elements at all. No budget is
/// kept here, but a splat stays a splat and a view takes no memory.
mlir::ElementsAttr evaluate(mlir::Operation *op);

/// The bytes that the value of `op` will take if it is not uniform.
int64_t getResultBytes(mlir::Operation *op);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_EVALUATE_H

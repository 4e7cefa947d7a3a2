//===- ShapeInference.h - Refining types through a function ---------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_SHAPEINFERENCE_H
#define TENON_TRANSFORMS_SIMPLIFY_SHAPEINFERENCE_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace tenon {

/// Refines the types of all results in `function`, in order, and its result
/// types. Returns how many types changed, or failure with a diagnostic where
/// operands and attributes do not fit each other.
mlir::FailureOr<int64_t> inferShapes(mlir::func::FuncOp function);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_SHAPEINFERENCE_H

//===- TenonShapeOperands.h - Shapes that operations read -------*- C++ -*-===//

#ifndef TENON_DIALECTS_TENON_TENONSHAPEOPERANDS_H
#define TENON_DIALECTS_TENON_TENONSHAPEOPERANDS_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace tenon {

/// Whether this operand holds dimensions, offsets or the like for the operation
/// that reads it, rather than data: `shape`, `starts`, `pads`, `sizes`, ...
bool isShapeOperand(mlir::OpOperand &operand);

/// The elements of a shape operand (a constant or `tensor.from_elements`), each
/// as an integer or as a value of type i64; failure if it is something else.
mlir::FailureOr<llvm::SmallVector<mlir::OpFoldResult>>
getShapeElements(mlir::Value shape);

/// The sizes of a tensor as elements of a shape operand of a view of it: where
/// only one is not known, it is -1.
llvm::SmallVector<mlir::OpFoldResult>
getViewSizes(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value tensor);

/// A shape operand of these elements.
mlir::Value createShapeOperand(mlir::OpBuilder &builder, mlir::Location loc,
                               llvm::ArrayRef<mlir::OpFoldResult> elements);

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONSHAPEOPERANDS_H

//===- Loops.h - Loops of the importer ------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_LOOPS_H
#define TENON_LIB_IMPORT_ONNX_LOOPS_H

#include "lib/import/onnx/NodeContext.h"

namespace tenon::onnx_import {

/// Imports the body: from the number of the iteration (tensor<i64>) and the
/// carried values to the condition, the next carried values and what is joined.
using BodyFn =
    llvm::function_ref<mlir::FailureOr<llvm::SmallVector<mlir::Value>>(
        mlir::Value, llvm::ArrayRef<mlir::Value>)>;

struct LoopParts {
  /// How often at most, and whether at all; may be null.
  mlir::Value tripCount, condition;
  /// Tensors, sequences and optionals.
  llvm::SmallVector<mlir::Value> inits;
  int64_t numScans = 0;
};

/// The results of a loop: last carried values, then what is joined.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
createLoop(NodeContext &node, const LoopParts &parts, BodyFn importBody);

/// The same, written out where the loop over `body` is small.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
importLoop(NodeContext &node, const LoopParts &parts,
           const onnx::GraphProto &body, BodyFn importBody);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_LOOPS_H

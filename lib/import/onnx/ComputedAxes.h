//===- ComputedAxes.h - Axes that are not constant ------------------------===//
//
// Ranks are static, but which dimension is meant may be data. Then every
// dimension asks whether it is.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_COMPUTEDAXES_H
#define TENON_LIB_IMPORT_ONNX_COMPUTEDAXES_H

#include "lib/import/onnx/NodeContext.h"

namespace tenon::onnx_import {

/// Whether input `i` is there and not constant.
bool isComputed(NodeContext &node, unsigned i);

/// ONNX Slice, from one-dimensional tensors of i64, of which `axes` (all, from
/// the first) and `steps` (1) may be null. Null after an error.
mlir::Value sliceComputed(NodeContext &node, mlir::Value input,
                          mlir::Value starts, mlir::Value ends,
                          mlir::Value axes, mlir::Value steps);

/// Drops or inserts the dimensions of size 1 that `axes` names.
mlir::Value squeezeComputed(NodeContext &node, mlir::Value input,
                            mlir::Value axes);
mlir::Value unsqueezeComputed(NodeContext &node, mlir::Value input,
                              mlir::Value axes);

/// Reduces the dimensions that `axes` names, to size 1. No axes mean all
/// dimensions, or, with `isIdentity`, none.
mlir::Value reduceComputed(NodeContext &node, mlir::Value input,
                           mlir::Value axes, ReduceKind kind, bool isIdentity);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_COMPUTEDAXES_H

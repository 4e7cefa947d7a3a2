//===- NarrowTypes.h - Element types that Tenon only stores ---------------===//
//
// While a graph is imported, its values have the element types of the model,
// so that nodes see what they are given. At the end, tensors of types that are
// only stored (see TenonNarrowTypes.h) become tensors of bytes, and casts from
// and to them become what computes them.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_NARROWTYPES_H
#define TENON_LIB_IMPORT_ONNX_NARROWTYPES_H

#include "dialects/tenon/TenonNarrowTypes.h"
#include "lib/import/onnx/NodeContext.h"
#include "mlir/IR/BuiltinOps.h"

namespace tenon::onnx_import {

/// Whether an operator takes tensors of types that are only stored: it moves,
/// converts or compares their elements.
bool takesNarrowTypes(llvm::StringRef domain, llvm::StringRef opType);

/// Like getNumberedType, with the types that are only stored.
mlir::Type getNumberedStoredType(NodeContext &node, llvm::StringRef attribute,
                                 int64_t number, llvm::StringRef what);

/// How a cast to a float of at most eight bits treats what it can't hold, as
/// the node's attributes say.
struct NarrowCast {
  bool saturates = true;
  std::string rounding = "up";
};
NarrowCast readNarrowCast(NodeContext &node);

/// `value` in another element type, any; null after an error.
mlir::Value castAny(NodeContext &node, mlir::Value value,
                    mlir::Type elementType, const NarrowCast &how);

/// The bytes of elements that are packed, `width` bits each, the first in the
/// lowest bits: one byte for each of `count` elements, as it is stored.
std::vector<char> unpackElements(llvm::ArrayRef<char> packed, int64_t count,
                                 mlir::Type elementType);

/// Makes tensors of bytes of all those of types that are only stored.
void storeNarrowTypes(mlir::ModuleOp module);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_NARROWTYPES_H

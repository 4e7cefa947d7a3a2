//===- TenonNarrowTypes.h - Element types that are only stored ------------===//
//
// Floats of eight bits and fewer, and integers of fewer than eight. Nothing
// computes with them: a model's tensors of such types are bytes, which are
// moved, and which `tenon.encode` and `tenon.decode` convert.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_DIALECTS_TENON_TENONNARROWTYPES_H
#define TENON_DIALECTS_TENON_TENONNARROWTYPES_H

#include "mlir/IR/BuiltinTypes.h"

namespace tenon {

/// The attribute on an argument or a result of `main` with the element type
/// that the model has there, where the function has the bytes of it.
inline constexpr llvm::StringLiteral kElementTypeAttr = "tenon.element_type";

/// Whether `type` is a float that `tenon.encode` and `tenon.decode` know.
bool isNarrowFloat(mlir::Type type);

/// Whether `type` is one of the element types that are only stored.
bool isNarrow(mlir::Type type);

/// What holds an element of a narrow type, one byte each: `i8` for integers
/// with a sign, whose sign fills the byte, `ui8` for all others.
mlir::Type getStorageType(mlir::Type narrow);

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONNARROWTYPES_H

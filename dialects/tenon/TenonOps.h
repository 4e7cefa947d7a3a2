//===- TenonOps.h - Operations, attributes and interfaces of tenon --------===//

#ifndef TENON_DIALECTS_TENON_TENONOPS_H
#define TENON_DIALECTS_TENON_TENONOPS_H

#include "dialects/tenon/TenonDialect.h"
#include "dialects/tenon/TenonShapes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialects/tenon/TenonEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/tenon/TenonAttributes.h.inc"

#include "dialects/tenon/TenonInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/tenon/TenonOps.h.inc"

namespace tenon {

/// Names of the attributes on functions, arguments and modules.
inline constexpr llvm::StringLiteral kNameAttr = "tenon.name";
inline constexpr llvm::StringLiteral kDimsAttr = "tenon.dims";
inline constexpr llvm::StringLiteral kTargetAttr = "tenon.target";

/// The bytes of a constant as they stand in memory (row-major, little-endian,
/// `i1` one byte each), without a copy; empty if they can't be had so (a splat
/// or a dense array of i1).
llvm::ArrayRef<char> getRawBytes(mlir::ElementsAttr attribute);

/// The same elements under another shape, without a copy.
mlir::ElementsAttr reshapeConstant(mlir::ElementsAttr attribute,
                                   mlir::RankedTensorType type);

/// The integers of a resource constant.
std::optional<llvm::SmallVector<int64_t>>
readIntegers(mlir::DenseResourceElementsAttr attribute);

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONOPS_H

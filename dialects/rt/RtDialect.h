//===- RtDialect.h - Calls of a compiled model into the runtime -----------===//

#ifndef TENON_DIALECTS_RT_RTDIALECT_H
#define TENON_DIALECTS_RT_RTDIALECT_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "dialects/rt/RtDialect.h.inc"

namespace tenon::rt {

/// How many bytes a tensor of static shape takes in memory, `i1` one byte for
/// each element; nothing where 64 bits don't hold it.
std::optional<uint64_t> getNumBytes(mlir::ShapedType type);

} // namespace tenon::rt

#define GET_OP_CLASSES
#include "dialects/rt/RtOps.h.inc"

namespace tenon::rt {

/// The weights of a module in the order of their offsets, and how many bytes
/// they take together.
llvm::SmallVector<WeightOp> getWeights(mlir::ModuleOp module);
uint64_t getWeightsSize(mlir::ModuleOp module);

} // namespace tenon::rt

#endif // TENON_DIALECTS_RT_RTDIALECT_H

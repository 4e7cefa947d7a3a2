//===- MemoryReport.h - How much memory a model's sessions take -----------===//

#ifndef TENON_LIB_DRIVER_MEMORYREPORT_H
#define TENON_LIB_DRIVER_MEMORYREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/raw_ostream.h"

namespace tenon {

/// Prints what tenon-measure-arena found in the lowered modules of a model: the
/// bytes of the arena, or a formula. If the model, without dynamic dimensions,
/// is a library at `path` that this machine runs, also what a session of it has
/// in all; "" is none. As text or as one JSON object, of two modules with one
/// for each device.
void printMemory(llvm::ArrayRef<mlir::ModuleOp> modules, llvm::StringRef path,
                 llvm::raw_ostream &os, bool isJson);

} // namespace tenon

#endif // TENON_LIB_DRIVER_MEMORYREPORT_H

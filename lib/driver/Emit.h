//===- Emit.h - From the llvm dialect to files ----------------------------===//

#ifndef TENON_LIB_DRIVER_EMIT_H
#define TENON_LIB_DRIVER_EMIT_H

#include "lib/driver/Status.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace tenon {

/// The machine code of a lowered module as an object file in memory. Constants
/// are not in it: it refers to the symbol `tenon_weights`.
using ObjectCode = llvm::SmallVector<char, 0>;

/// Translates a module at the end of the lower phase, optimises it and
/// generates code for its target.
Status generateCode(mlir::ModuleOp module, ObjectCode &code);

/// Writes a shared library that exports one symbol, `tenon_model`. The file
/// appears under `path` only when it is complete.
Status writeSharedLibrary(mlir::ModuleOp module, const ObjectCode &code,
                          llvm::StringRef path);

/// Writes one relocatable object with code and constants that defines the
/// symbol `symbol` in place of `tenon_model`, and beside it a C header that
/// declares it and the shapes of inputs and outputs.
Status writeObject(mlir::ModuleOp module, const ObjectCode &code,
                   llvm::StringRef path, llvm::StringRef symbol);

} // namespace tenon

#endif // TENON_LIB_DRIVER_EMIT_H

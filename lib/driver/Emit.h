//===- Emit.h - From the llvm dialect to files ----------------------------===//

#ifndef TENON_LIB_DRIVER_EMIT_H
#define TENON_LIB_DRIVER_EMIT_H

#include "lib/driver/ModelSymbols.h"
#include "lib/driver/Status.h"
#include "lib/driver/WeightsFile.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"

namespace tenon {

/// The machine code of a lowered module as an object file in memory. Constants
/// are not in it: it refers to the symbol `tenon_weights`.
using ObjectCode = llvm::SmallVector<char, 0>;

/// The code of a model's one or two modules: of two, the second is the model
/// for a device.
struct ModelCode {
  llvm::SmallVector<ObjectCode, 2> objects;
  /// ELF's number of the processor.
  uint16_t elfMachine = 0;
};

/// Translates a module at the end of the lower phase, optimises it and
/// generates code for its target.
Status generateCode(mlir::ModuleOp module, ObjectCode &code,
                    const ModelSymbols &symbols = ModelSymbols());

/// ELF's number of the processor that a module is compiled for.
uint16_t getElfMachine(mlir::ModuleOp module);

/// An error unless a compiled model may have this name, which says whether it
/// is a shared library (.so) or, with `takesObject`, an object (.o), and can be
/// written there.
Status checkCodePath(llvm::StringRef path, bool takesObject);

/// Writes a shared library of code and weights that exports one symbol,
/// `tenon_model`. The file appears under `path` only when it is complete.
Status writeSharedLibrary(const ModelCode &code, WeightsSource weights,
                          llvm::StringRef path);

/// Writes one relocatable object of constants and of code that was generated
/// for `symbols`, and beside it a C header that declares the description and
/// tells the shapes of inputs and outputs, which `module` has.
Status writeObject(mlir::ModuleOp module, const ModelCode &code,
                   WeightsSource weights, llvm::StringRef path,
                   const ModelSymbols &symbols);

} // namespace tenon

#endif // TENON_LIB_DRIVER_EMIT_H

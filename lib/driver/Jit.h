//===- Jit.h - Compiled code in this process ------------------------------===//

#ifndef TENON_LIB_DRIVER_JIT_H
#define TENON_LIB_DRIVER_JIT_H

#include "lib/driver/Emit.h"

struct TenonModel;

namespace tenon {

/// Loads the code of a lowered module, the same that a shared library would
/// hold, and makes a model of it that owns code and constants.
Status loadInProcess(mlir::ModuleOp module, ObjectCode code,
                     TenonModel *&model);

/// Writes a model that loadInProcess made as a shared library.
Status saveInProcess(const TenonModel *model, llvm::StringRef path);

} // namespace tenon

#endif // TENON_LIB_DRIVER_JIT_H

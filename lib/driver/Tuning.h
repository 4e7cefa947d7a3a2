//===- Tuning.h - Choices of providers by measurement -----------*- C++ -*-===//

#ifndef TENON_LIB_DRIVER_TUNING_H
#define TENON_LIB_DRIVER_TUNING_H

#include "lib/driver/Status.h"
#include "mlir/IR/BuiltinOps.h"

namespace tenon {

/// Reads a file of `tenon-bench --tune` into the module's attribute
/// `tenon.tuning`, which tenon-assign-providers follows. Errors: SYSTEM if it
/// can't be read, INVALID if it is no such file.
Status readTuning(llvm::StringRef path, mlir::ModuleOp module);

} // namespace tenon

#endif // TENON_LIB_DRIVER_TUNING_H

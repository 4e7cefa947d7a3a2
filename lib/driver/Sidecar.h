//===- Sidecar.h - The weights beside printed IR --------------------------===//

#ifndef TENON_LIB_DRIVER_SIDECAR_H
#define TENON_LIB_DRIVER_SIDECAR_H

#include "lib/driver/Status.h"
#include "mlir/IR/BuiltinOps.h"

namespace tenon {

/// The file of weights beside IR: its name with `.weights` behind.
std::string getSidecarPath(llvm::StringRef path);

/// Writes the text of a module to `path` and the contents of its
/// `dense_resource` constants, which the text only names, to the file beside
/// it. `-` is the standard output: all in one text.
Status writeModule(mlir::ModuleOp module, llvm::StringRef path);

/// Gives the resources that IR read from `path` names the contents that stand
/// in the file beside it, mapped. No such file is no error: then the IR holds
/// its resources, or has none.
Status readSidecar(mlir::MLIRContext &context, llvm::StringRef path);

} // namespace tenon

#endif // TENON_LIB_DRIVER_SIDECAR_H

//===- ModelHeader.h - The C header beside an object ----------------------===//

#ifndef TENON_LIB_DRIVER_MODELHEADER_H
#define TENON_LIB_DRIVER_MODELHEADER_H

#include "lib/driver/Status.h"
#include "mlir/IR/BuiltinOps.h"

namespace tenon {

/// `dir/model.o` becomes `dir/model.h`.
std::string getHeaderPath(llvm::StringRef object);

/// Writes a C header that declares the description `symbol` and tells the
/// shapes of the inputs and outputs of a lowered module.
Status writeModelHeader(mlir::ModuleOp module, llvm::StringRef symbol,
                        llvm::StringRef path);

} // namespace tenon

#endif // TENON_LIB_DRIVER_MODELHEADER_H

//===- DeadConstants.h - Memory of constants that are gone ----------------===//

#ifndef TENON_LIB_DRIVER_DEADCONSTANTS_H
#define TENON_LIB_DRIVER_DEADCONSTANTS_H

#include "mlir/IR/BuiltinOps.h"

namespace tenon {

/// Frees the contents of `dense_resource` constants that `modules`, all that
/// their context has, no longer mention. A context keeps them otherwise, so
/// that every phase that rewrites weights would add the size of the model.
void freeDeadConstants(llvm::ArrayRef<mlir::ModuleOp> modules);

} // namespace tenon

#endif // TENON_LIB_DRIVER_DEADCONSTANTS_H

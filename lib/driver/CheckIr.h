//===- CheckIr.h - Whether IR is that of a phase --------------------------===//

#ifndef TENON_LIB_DRIVER_CHECKIR_H
#define TENON_LIB_DRIVER_CHECKIR_H

#include "lib/driver/Phases.h"
#include "mlir/IR/BuiltinOps.h"

namespace tenon {

/// Checks that the phases after `phase` can go on from `module`, which anyone
/// may have written; the diagnostics say what is wrong.
mlir::LogicalResult checkIr(mlir::ModuleOp module, Phase phase);

/// Checks that constants which stand outside of the operations have the bytes
/// that their types say, or none yet.
mlir::LogicalResult checkConstants(mlir::ModuleOp module);

} // namespace tenon

#endif // TENON_LIB_DRIVER_CHECKIR_H

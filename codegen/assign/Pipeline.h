//===- Pipeline.h - The assign phase, and kernels lowered -------*- C++ -*-===//

#ifndef TENON_CODEGEN_ASSIGN_PIPELINE_H
#define TENON_CODEGEN_ASSIGN_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace tenon {

/// Adds the assign phase to a pass manager on the module: each kernel gets a
/// provider, of those that the module's target lists.
void buildAssignPipeline(mlir::OpPassManager &pm);

/// Registers the passes of this folder, and the phase as `tenon-assign`.
void registerAssign();

/// Adds the first part of the lower phase: providers lower their kernels.
void buildLowerKernelsPipeline(mlir::OpPassManager &pm);

} // namespace tenon

#endif // TENON_CODEGEN_ASSIGN_PIPELINE_H

//===- Pipeline.h - The fuse phase ------------------------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_FUSE_PIPELINE_H
#define TENON_TRANSFORMS_FUSE_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace tenon {

/// Adds the fuse phase to a pass manager on the module: every computation ends
/// up in a `tenon.kernel`.
void buildFusePipeline(mlir::OpPassManager &pm);

/// Registers the phase's passes, and the phase as `tenon-fuse`.
void registerFuse();

} // namespace tenon

#endif // TENON_TRANSFORMS_FUSE_PIPELINE_H

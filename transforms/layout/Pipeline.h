//===- Pipeline.h - The layout phase ----------------------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_LAYOUT_PIPELINE_H
#define TENON_TRANSFORMS_LAYOUT_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace tenon {

/// Adds the layout phase to a pass manager on the module: convolution regions
/// become channels-last, and transposes stay only where they must.
void buildLayoutPipeline(mlir::OpPassManager &pm);

/// Registers the phase's passes, and the phase as `tenon-layout`.
void registerLayout();

} // namespace tenon

#endif // TENON_TRANSFORMS_LAYOUT_PIPELINE_H

//===- Pipeline.h - The fuse phase ------------------------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_FUSE_PIPELINE_H
#define TENON_TRANSFORMS_FUSE_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace tenon {

/// What a user may decide of the fuse phase.
struct FuseOptions : mlir::PassPipelineOptions<FuseOptions> {
  Option<bool> decomposeAttention{
      *this, "decompose-attention",
      llvm::cl::desc("Make attention matmuls and a softmax, not one kernel"),
      llvm::cl::init(true)};
};

/// Adds the fuse phase to a pass manager on the module: every computation ends
/// up in a `tenon.kernel`.
void buildFusePipeline(mlir::OpPassManager &pm,
                       const FuseOptions &options = FuseOptions());

/// Registers the phase as the pass pipeline `tenon-fuse`.
void registerFusePipeline();

} // namespace tenon

#endif // TENON_TRANSFORMS_FUSE_PIPELINE_H

//===- Pipeline.h - The simplify phase ------------------------------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_PIPELINE_H
#define TENON_TRANSFORMS_SIMPLIFY_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace tenon {

/// What a user may decide of the simplify phase.
struct SimplifyOptions : mlir::PassPipelineOptions<SimplifyOptions> {
  Option<bool> recognize{
      *this, "recognize",
      llvm::cl::desc("Recognise decomposed patterns (layer norm, GELU, ...)"),
      llvm::cl::init(true)};
  Option<int64_t> maxGrowthBytes{
      *this, "max-growth-bytes",
      llvm::cl::desc("How much larger folding may make all constants together"),
      llvm::cl::init(32 << 20)};
};

/// Adds the simplify phase to a pass manager of a module: from what an importer
/// makes to what `tenon-verify-simplified` checks.
void buildSimplifyPipeline(mlir::OpPassManager &manager,
                           const SimplifyOptions &options = SimplifyOptions());

/// Registers the phase's passes, and the phase as `tenon-simplify`.
void registerSimplify();

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_PIPELINE_H

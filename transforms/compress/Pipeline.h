//===- Pipeline.h - The compress phase --------------------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_COMPRESS_PIPELINE_H
#define TENON_TRANSFORMS_COMPRESS_PIPELINE_H

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassOptions.h"

namespace tenon {

/// What a user gives up of a model's exactness: by default nothing.
struct CompressOptions : mlir::PassPipelineOptions<CompressOptions> {
  Option<std::string> precision{
      *this, "precision",
      llvm::cl::desc(
          "bf16 or fp16: the type of factors and what is between; or "
          "tf32: what a GPU rounds factors to"),
      llvm::cl::init("")};
  ListOption<std::string> keepFp32{
      *this, "keep-fp32",
      llvm::cl::desc("Globs of the names of nodes that stay f32")};
  ListOption<std::string> halfIo{
      *this, "half-io",
      llvm::cl::desc("Globs of the names of inputs and outputs that are stored "
                     "as bf16 or fp16 beside it")};
};

/// Adds the compress phase to a pass manager on the module. Without options
/// there is nothing to do.
void buildCompressPipeline(mlir::OpPassManager &pm,
                           const CompressOptions &options);

/// Registers the phase's passes, and the phase as `tenon-compress`.
void registerCompress();

} // namespace tenon

#endif // TENON_TRANSFORMS_COMPRESS_PIPELINE_H

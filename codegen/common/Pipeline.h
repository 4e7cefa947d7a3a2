//===- Pipeline.h - The lower phase ---------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_PIPELINE_H
#define TENON_CODEGEN_COMMON_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace tenon::codegen {

/// From kernels that have been lowered by their providers to the llvm dialect.
void buildLowerGraphPipeline(mlir::OpPassManager &passes);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_PIPELINE_H

//===- Pipeline.h - The lower phase ---------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_PIPELINE_H
#define TENON_CODEGEN_COMMON_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace tenon::codegen {

/// Once providers have lowered the kernels: main, plan and entries on memory,
/// with the runtime reached through its table.
void buildLowerGraphPipeline(mlir::OpPassManager &passes);

/// Everything but tensors to the llvm dialect.
void buildMachineWordsPipeline(mlir::OpPassManager &passes);

/// Everything to the llvm dialect, and the tables that describe the model.
void buildDescribeModelPipeline(mlir::OpPassManager &passes);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_PIPELINE_H

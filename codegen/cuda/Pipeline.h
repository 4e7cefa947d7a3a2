//===- Pipeline.h - The code of kernels on its way to a GPU ---------------===//

#ifndef TENON_CODEGEN_CUDA_PIPELINE_H
#define TENON_CODEGEN_CUDA_PIPELINE_H

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Pass/PassManager.h"

namespace tenon::cuda {

/// Brings the module of the kernels that run on the device, which
/// `tenon-cuda-outline-kernels` made, to a `gpu.binary`. What `math` is left in
/// it are functions of libdevice.
void buildCudaKernelPipeline(mlir::OpPassManager &passes);

/// Registers the passes of this folder, and the pipeline as
/// `tenon-lower-cuda-kernels`.
void registerCudaKernelPasses();

/// What the pipeline needs to know of dialects.
void registerCudaDialects(mlir::DialectRegistry &registry);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_PIPELINE_H

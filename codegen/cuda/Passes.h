//===- Passes.h - From kernels' functions to code of a GPU ----------------===//

#ifndef TENON_CODEGEN_CUDA_PASSES_H
#define TENON_CODEGEN_CUDA_PASSES_H

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon::cuda {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/cuda/Passes.h.inc"

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_PASSES_H

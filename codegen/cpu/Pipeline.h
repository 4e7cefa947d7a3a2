//===- Pipeline.h - The code of kernels on its way down -------------------===//

#ifndef TENON_CODEGEN_CPU_PIPELINE_H
#define TENON_CODEGEN_CPU_PIPELINE_H

#include "mlir/Pass/PassManager.h"

namespace tenon::cpu {

/// Brings the functions of generated kernels, in a module of any other things,
/// to where the conversion of `scf`, `memref`, `arith`, `math` and `func` that
/// the whole module gets makes them llvm: vectors are in the llvm dialect after
/// this, and what `math` is left has an instruction or a function in libm.
void buildCpuKernelPipeline(mlir::OpPassManager &passes);

/// Registers the passes of this folder, and the pipeline as
/// `tenon-lower-cpu-kernels`.
void registerCpuKernelPasses();

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_PIPELINE_H

//===- Passes.h - From the code of kernels to the llvm dialect ------------===//

#ifndef TENON_CODEGEN_CPU_PASSES_H
#define TENON_CODEGEN_CPU_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon::cpu {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/cpu/Passes.h.inc"

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_PASSES_H

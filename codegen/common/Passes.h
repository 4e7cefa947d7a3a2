//===- Passes.h - From lowered kernels to the llvm dialect ----------------===//

#ifndef TENON_CODEGEN_COMMON_PASSES_H
#define TENON_CODEGEN_COMMON_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon::codegen {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/common/Passes.h.inc"

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_PASSES_H

//===- Passes.h - From lowered kernels to the llvm dialect ----------------===//

#ifndef TENON_CODEGEN_COMMON_PASSES_H
#define TENON_CODEGEN_COMMON_PASSES_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace tenon::codegen {

/// The function that runs the model, and the one that computes sizes.
inline constexpr llvm::StringLiteral kMainName = "main";
inline constexpr llvm::StringLiteral kPlanName = "plan";
/// On main: first and last step, TenonSpace and tensor of every buffer, flat;
/// see TenonBufferDesc.
inline constexpr llvm::StringLiteral kBuffersAttr = "tenon_rt.buffers";
inline constexpr int64_t kBufferWords = 4;
/// How many slots of `tenon_rt.allocate` there are.
inline constexpr llvm::StringLiteral kNumSlotsAttr = "tenon_rt.num_slots";
/// On main: number of inputs. The arguments are inputs, outputs, frame.
inline constexpr llvm::StringLiteral kNumInputsAttr = "tenon_rt.num_inputs";

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "codegen/common/Passes.h.inc"

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_PASSES_H

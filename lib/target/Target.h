//===- Target.h - The processor that code is made for ---------------------===//

#ifndef TENON_LIB_TARGET_TARGET_H
#define TENON_LIB_TARGET_TARGET_H

#include "dialects/tenon/TenonOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"

namespace tenon {

/// Describes targets for the compiler's phases: one or two, each for a model of
/// its own.
///
/// `name` is `native` (this machine, by its feature bits), LLVM's name of a
/// 64-bit processor of x86 or of a level (`sapphirerapids`, `x86-64-v3`), or an
/// LLVM triple of another processor, such as `aarch64-linux-gnu`. Or it is a
/// list of GPUs with commas in between, `cuda:sm_90`, whose kernels stand
/// beside code for this machine's processor. A processor and GPUs in one list
/// are two targets: first that processor alone, then these GPUs beside it.
/// `providers` names the kernel providers that may be used, best first; empty
/// means all that the target has. The error says which names there are.
llvm::Expected<llvm::SmallVector<TargetAttr, 2>>
makeTargets(mlir::MLIRContext &context, llvm::StringRef name,
            llvm::ArrayRef<std::string> providers);

/// What is wrong with a target that was not made here, but stands in IR.
llvm::Error checkTarget(TargetAttr target);

/// The device that the kernels of a module run on, as the runtime calls it:
/// `cpu` or `cuda`.
llvm::StringRef getDeviceName(mlir::ModuleOp module);

/// Whether `target` is what `native` means here.
bool isThisMachine(TargetAttr target);

/// LLVM's machine for `target`, for position-independent code.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
makeTargetMachine(TargetAttr target);

} // namespace tenon

#endif // TENON_LIB_TARGET_TARGET_H

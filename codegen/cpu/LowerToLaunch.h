//===- LowerToLaunch.h - From a kernel to the launch of its code ----------===//

#ifndef TENON_CODEGEN_CPU_LOWERTOLAUNCH_H
#define TENON_CODEGEN_CPU_LOWERTOLAUNCH_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// Replaces `kernel` by a launch of the functions that `emitter`, which takes
/// it, makes with vectors of `vectorBits`. What Provider::lower does for
/// generated code. `library` are the words of TenonKernel::library, if any.
llvm::LogicalResult lowerToLaunch(const KernelEmitter &emitter, KernelOp kernel,
                                  unsigned vectorBits, bool onDevice,
                                  mlir::RewriterBase &rewriter,
                                  llvm::ArrayRef<int64_t> library = {});

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_LOWERTOLAUNCH_H

//===- Emitters.h - The kinds of kernels that are generated for a GPU -----===//
//
// An emitter builds one unit of work without vectors (codegen/cpu/
// KernelFunction.h); each unit has a thread of its own. So what makes a good
// unit differs from a processor's: there are as many as there are elements, and
// neighbouring threads access neighbouring elements.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CUDA_EMITTERS_H
#define TENON_CODEGEN_CUDA_EMITTERS_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cuda {

/// Any kernel of which each element of a result can be computed by itself.
extern const cpu::KernelEmitter kElementEmitter;

/// The emitter that takes `kernel`, or null.
const cpu::KernelEmitter *findEmitter(KernelOp kernel);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_EMITTERS_H

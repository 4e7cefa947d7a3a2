//===- ConvEmitter.h - Direct convolution -----------------------*- C++ -*-===//
//
// A tile is some neighbouring pixels of a row of the output times some vectors
// of output channels.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_CONVEMITTER_H
#define TENON_CODEGEN_CPU_CONVEMITTER_H

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/ConvPlan.h"

namespace tenon::cpu {

/// Builds the functions of a kernel. Weights that are not packed have to be
/// `[taps..., inChannels, groups * outChannels]`.
mlir::Value emitConvUnits(KernelFunction &function, const ConvPlan &plan);
void emitConvBody(KernelFunction &function, const ConvPlan &plan);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_CONVEMITTER_H

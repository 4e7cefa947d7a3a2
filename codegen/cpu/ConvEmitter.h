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

/// Whether the result of a convolution may be written onto `input`, which its
/// tail reads. Where taps leave the input, the pixels of a tile may be computed
/// one by one, and again in the next tile.
bool mayOverwriteConv(KernelOp kernel, mlir::BlockArgument input,
                      const ConvPlan &plan);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_CONVEMITTER_H

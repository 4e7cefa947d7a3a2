//===- Emitters.h - The kinds of kernels that can be generated ------------===//

#ifndef TENON_CODEGEN_CPU_EMITTERS_H
#define TENON_CODEGEN_CPU_EMITTERS_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// A matrix product and its tail.
extern const KernelEmitter kMatmulEmitter;
/// A convolution of each channel by itself, channels last, and its tail.
extern const KernelEmitter kDepthwiseConvEmitter;
/// Any other convolution and its tail.
extern const KernelEmitter kConvEmitter;
/// A convolution of 3 x 3 taps by Winograd's algorithm, in tiles of 2 x 2 and
/// of 4 x 4 outputs, and its tail. Not in the list: the provider `winograd`
/// asks for them.
extern const KernelEmitter kWinograd2Emitter;
extern const KernelEmitter kWinograd4Emitter;
/// A pointwise convolution, and the depthwise one that reads it, with their
/// tails.
extern const KernelEmitter kPointwiseDepthwiseEmitter;
/// A transposed convolution and its tail.
extern const KernelEmitter kConvTransposeEmitter;
/// Attention and its tail.
extern const KernelEmitter kAttentionEmitter;
/// One layer of LSTM.
extern const KernelEmitter kLstmEmitter;
/// What is found in data.
extern const KernelEmitter kNonZeroEmitter;
extern const KernelEmitter kUniqueEmitter;
extern const KernelEmitter kNonMaxSuppressionEmitter;
/// Sums up to each element.
extern const KernelEmitter kCumulateEmitter;
/// Determinants.
extern const KernelEmitter kDetEmitter;
/// One layer of any recurrent cell.
extern const KernelEmitter kRecurrentEmitter;
/// Updates at computed places.
extern const KernelEmitter kScatterElementsEmitter;
extern const KernelEmitter kScatterNdEmitter;
/// The place of the largest element in each row.
extern const KernelEmitter kArgReduceEmitter;
/// The largest elements in order.
extern const KernelEmitter kTopKEmitter;
/// Reductions, softmax and layer norm, with pointwise work around them.
extern const KernelEmitter kRowEmitter;
/// Pointwise work and movements; takes what the others don't.
extern const KernelEmitter kLoopEmitter;

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_EMITTERS_H

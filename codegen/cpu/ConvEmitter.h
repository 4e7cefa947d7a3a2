//===- ConvEmitter.h - Direct convolution ---------------------------------===//
//
// A tile is some neighbouring pixels of a row of the output times some vectors
// of output channels. Convolutions and transposed convolutions differ in which
// inputs a pixel reads, and that is all described by a plan.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_CONVEMITTER_H
#define TENON_CODEGEN_CPU_CONVEMITTER_H

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/PackWeights.h"

namespace tenon::cpu {

/// One spatial dimension. Outputs `p, p + phases.size(), ...` are phase `p`:
/// number `i` of them reads inputs `i * inStep + t * tapStep - pad` for
/// `0 <= t < taps.size()`. A convolution has one phase.
struct ConvAxis {
  struct Phase {
    int64_t pad = 0;
    /// Which weights the taps are, in the order of the inputs.
    llvm::SmallVector<int64_t> taps;
  };
  llvm::SmallVector<Phase> phases;
  int64_t inStep = 1;
  int64_t tapStep = 1;
  int64_t kernel = 1;
  /// Whether a tap may fall outside the input.
  bool mayLeave = false;

  int64_t getMaxTaps() const;
};

/// What is known of a convolution from its types and attributes.
struct ConvPlan {
  mlir::Operation *op = nullptr;
  mlir::Value input, weights, bias;
  bool channelsLast = false;
  int64_t groups = 1;
  /// Channels of a group.
  int64_t inChannels = 1;
  int64_t outChannels = 1;
  llvm::SmallVector<ConvAxis> axes;

  /// Derived by `finish`.
  mlir::Type accumulator;
  /// All pixels of all images are one row: a matmul.
  bool isFlat = false;
  TileShape tile;

  void finish(unsigned vectorBits);
  Panels getPanels() const { return {outChannels, tile.getColumns()}; }
  /// Phases of all axes together, and which phase of each axis number `i` is.
  int64_t getNumPhases() const;
  llvm::SmallVector<int64_t> getPhase(int64_t i) const;
  /// Taps of all axes together.
  int64_t getNumTaps(int64_t phase) const;
};

/// Packs constant weights in the order `[phase][group][panel][tap][inChannel]
/// [column]`. `begin` tells where weights stand: for a tap (row-major in the
/// kernel), a group, and in it an input and an output channel; `stride` is how
/// far the next output channel is.
void packConvWeights(KernelOp kernel, const ConvPlan &plan,
                     llvm::function_ref<int64_t(int64_t tap, int64_t group,
                                                int64_t in, int64_t out)>
                         begin,
                     int64_t stride);

/// Builds the functions of a kernel. Weights that are not packed have to be
/// `[taps..., inChannels, groups * outChannels]`.
mlir::Value emitConvUnits(KernelFunction &function, const ConvPlan &plan);
void emitConvBody(KernelFunction &function, const ConvPlan &plan);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_CONVEMITTER_H

//===- ConvPlan.h - What is known of a convolution --------------*- C++ -*-===//
//
// Convolutions and transposed convolutions differ in which inputs a pixel
// reads, and that is all described by a plan.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_CONVPLAN_H
#define TENON_CODEGEN_CPU_CONVPLAN_H

#include "codegen/cpu/PackWeights.h"
#include "codegen/cpu/TileEmitter.h"

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
  /// How far apart constant weights stand: the taps of the kernel (row-major),
  /// the groups, and the input and output channels of a group.
  struct {
    int64_t tap, group, in, out;
  } weightStrides = {};

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

/// A plan with what both kinds of convolution say in the same way. The axes,
/// channels and strides of the weights are still to come, and `finish`.
template <typename OpTy> ConvPlan beginConvPlan(OpTy op) {
  ConvPlan plan;
  plan.op = op;
  plan.input = op.getInput();
  plan.weights = op.getWeights();
  plan.bias = op.getBias();
  plan.channelsLast = op.getLayout() == Layout::NHWC;
  plan.groups = op.getGroups();
  return plan;
}

/// Whether an operand of a kernel's operation is a constant.
bool isConstantInput(KernelOp kernel, mlir::Value operand);

/// Packs constant weights in the order `[phase][group][panel][tap][inChannel]
/// [column]`.
void packConvWeights(KernelOp kernel, const ConvPlan &plan);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_CONVPLAN_H

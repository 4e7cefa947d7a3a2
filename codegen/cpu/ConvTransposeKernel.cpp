//===- ConvTransposeKernel.cpp - Kernels around a transposed convolution --===//
//
// Seen from the output: with stride s, the outputs p, p + s, p + 2s, ... all
// read the same taps, at consecutive inputs. So there are s convolutions in
// each dimension, each with its share of the taps, and no two write the same
// place.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ConvEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace tenon::cpu {

/// Each is a case in the code.
static constexpr int64_t kMaxPhases = 1024;

static ConvPlan getPlan(ConvTransposeOp op, unsigned vectorBits) {
  ConvPlan plan = beginConvPlan(op);
  ArrayRef<int64_t> weights =
      cast<RankedTensorType>(op.getWeights().getType()).getShape();
  size_t numAxes = weights.size() - 2;
  plan.inChannels =
      (plan.channelsLast ? weights.back() : weights[0]) / plan.groups;
  plan.outChannels = plan.channelsLast ? weights[numAxes] : weights[1];
  ArrayRef<int64_t> kernel = weights.slice(plan.channelsLast ? 0 : 2, numAxes);
  int64_t in = plan.inChannels, out = plan.outChannels;
  int64_t taps = ShapedType::getNumElements(kernel);
  if (plan.channelsLast)
    plan.weightStrides = {out * in * plan.groups, in, 1, in * plan.groups};
  else
    plan.weightStrides = {1, in * out * taps, out * taps, taps};
  for (size_t i = 0; i != numAxes; ++i) {
    int64_t stride = op.getStrides()[i], dilation = op.getDilations()[i];
    int64_t pad = op.getPads()[i];
    ConvAxis axis;
    axis.kernel = kernel[i];
    axis.tapStep = dilation / std::gcd(stride, dilation);
    // Where pixels become squares side by side, each has one tap, inside.
    axis.mayLeave = kernel[i] > stride || dilation != 1 || pad != 0 ||
                    op.getPads()[i + numAxes] != 0 ||
                    op.getOutputPadding()[i] != 0 || kernel[i] != stride;
    for (int64_t p = 0; p != stride; ++p) {
      // Output p + i * stride reads input i + (p + pad - tap * dilation) /
      // stride for each tap that divides. Later taps read earlier inputs.
      ConvAxis::Phase phase;
      for (int64_t tap = kernel[i] - 1; tap >= 0; --tap)
        if ((p + pad - tap * dilation) % stride == 0)
          phase.taps.push_back(tap);
      if (!phase.taps.empty())
        phase.pad = -((p + pad - phase.taps.front() * dilation) / stride);
      axis.phases.push_back(phase);
    }
    plan.axes.push_back(axis);
  }
  plan.finish(vectorBits);
  return plan;
}

static bool matchesConvTranspose(KernelOp kernel) {
  ConvTransposeOp op = getAnchor<ConvTransposeOp>(kernel);
  if (!op ||
      !cast<RankedTensorType>(op.getWeights().getType()).hasStaticShape())
    return false;
  int64_t phases = 1;
  for (int64_t stride : op.getStrides())
    if (llvm::MulOverflow(phases, stride, phases) || phases > kMaxPhases)
      return false;
  return isConstantInput(kernel, op.getWeights());
}

static void packConvTranspose(KernelOp kernel, unsigned vectorBits) {
  packConvWeights(kernel,
                  getPlan(getAnchor<ConvTransposeOp>(kernel), vectorBits));
}

static ConvPlan getPlan(KernelFunction &function) {
  return getPlan(getAnchor<ConvTransposeOp>(function.getKernel()),
                 function.getVectorBits());
}

const KernelEmitter kConvTransposeEmitter = {
    "conv_transpose",
    matchesConvTranspose,
    /*collapses=*/false,
    [](KernelFunction &function) {
      return emitConvUnits(function, getPlan(function));
    },
    [](KernelFunction &function) { emitConvBody(function, getPlan(function)); },
    packConvTranspose};

} // namespace tenon::cpu

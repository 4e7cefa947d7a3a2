//===- ConvKernel.cpp - Kernels around a convolution ----------------------===//

#include "codegen/cpu/Emitters.h"

#include "codegen/cpu/ConvEmitter.h"
#include "dialects/tenon/TenonDepthwise.h"

using namespace mlir;

namespace tenon::cpu {

static ConvPlan getPlan(ConvOp op, unsigned vectorBits) {
  ConvPlan plan = beginConvPlan(op);
  ArrayRef<int64_t> weights =
      cast<RankedTensorType>(op.getWeights().getType()).getShape();
  size_t numAxes = weights.size() - 2;
  plan.inChannels = plan.channelsLast ? weights[numAxes] : weights[1];
  plan.outChannels =
      (plan.channelsLast ? weights.back() : weights[0]) / plan.groups;
  ArrayRef<int64_t> kernel = weights.slice(plan.channelsLast ? 0 : 2, numAxes);
  int64_t in = plan.inChannels, out = plan.outChannels;
  int64_t taps = ShapedType::getNumElements(kernel);
  if (plan.channelsLast)
    plan.weightStrides = {in * out * plan.groups, out, out * plan.groups, 1};
  else
    plan.weightStrides = {1, out * in * taps, taps, in * taps};
  for (size_t i = 0; i != numAxes; ++i) {
    ConvAxis axis;
    axis.inStep = op.getStrides()[i];
    axis.tapStep = op.getDilations()[i];
    axis.kernel = kernel[i];
    axis.mayLeave = op.getPads()[i] > 0 || op.getPads()[i + numAxes] > 0;
    ConvAxis::Phase phase;
    phase.pad = op.getPads()[i];
    for (int64_t tap = 0; tap != kernel[i]; ++tap)
      phase.taps.push_back(tap);
    axis.phases.push_back(phase);
    plan.axes.push_back(axis);
  }
  plan.finish(vectorBits);
  return plan;
}

/// The convolution of a kernel, or null. The input of one that is pointwise may
/// be computed.
static ConvOp getConv(KernelOp kernel) {
  ConvOp op = getAnchor<ConvOp>(kernel, /*hasPrologue=*/true);
  return op && canComputeInput(op) ? op : getAnchor<ConvOp>(kernel);
}

static bool matchesConv(KernelOp kernel) {
  ConvOp op = getConv(kernel);
  if (!op ||
      !cast<RankedTensorType>(op.getWeights().getType()).hasStaticShape())
    return false;
  // Weights that are not constant can't be brought into the order of the loops.
  return op.getLayout() == Layout::NHWC ||
         isConstantInput(kernel, op.getWeights());
}

static void packConv(KernelOp kernel, unsigned vectorBits) {
  packConvWeights(kernel, getPlan(getConv(kernel), vectorBits));
}

static ConvPlan getPlan(KernelFunction &function) {
  return getPlan(getConv(function.getKernel()), function.getVectorBits());
}

static bool mayOverwrite(KernelOp kernel, unsigned, BlockArgument input,
                         unsigned vectorBits) {
  return mayOverwriteConv(kernel, input, getPlan(getConv(kernel), vectorBits));
}

const KernelEmitter kConvEmitter = {
    "conv",
    matchesConv,
    /*collapses=*/false,
    [](KernelFunction &function) {
      return emitConvUnits(function, getPlan(function));
    },
    [](KernelFunction &function) { emitConvBody(function, getPlan(function)); },
    packConv,
    /*unitThreads=*/1,
    mayOverwrite};

} // namespace tenon::cpu

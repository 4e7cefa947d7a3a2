//===- ConvPlan.cpp - What is known of a convolution ----------------------===//

#include "codegen/cpu/ConvPlan.h"

using namespace mlir;

namespace tenon::cpu {

int64_t ConvAxis::getMaxTaps() const {
  size_t most = 0;
  for (const Phase &phase : phases)
    most = std::max(most, phase.taps.size());
  return most;
}

int64_t ConvPlan::getNumPhases() const {
  int64_t count = 1;
  for (const ConvAxis &axis : axes)
    count *= axis.phases.size();
  return count;
}

SmallVector<int64_t> ConvPlan::getPhase(int64_t i) const {
  SmallVector<int64_t> phase(axes.size());
  for (int64_t axis = axes.size() - 1; axis >= 0; --axis) {
    phase[axis] = i % axes[axis].phases.size();
    i /= axes[axis].phases.size();
  }
  return phase;
}

int64_t ConvPlan::getNumTaps(int64_t phase) const {
  int64_t count = 1;
  for (auto [axis, p] : llvm::zip_equal(axes, getPhase(phase)))
    count *= axis.phases[p].taps.size();
  return count;
}

void ConvPlan::finish(unsigned vectorBits) {
  RankedTensorType type = getType(op->getResult(0));
  accumulator = getAccumulatorType(type.getElementType());
  isFlat = channelsLast && llvm::all_of(axes, [](const ConvAxis &axis) {
             return axis.kernel == 1 && axis.inStep == 1 &&
                    axis.phases.size() == 1 && !axis.mayLeave;
           });
  ArrayRef<int64_t> shape = type.getShape();
  int64_t rows;
  if (isFlat) {
    rows = 1;
    for (int64_t size : shape.drop_back())
      rows = ShapedType::isDynamic(size) || ShapedType::isDynamic(rows)
                 ? ShapedType::kDynamic
                 : rows * size;
    ConvAxis axis = axes.back();
    axes.assign(1, axis);
  } else {
    rows = channelsLast ? shape[shape.size() - 2] : shape.back();
    if (!ShapedType::isDynamic(rows))
      rows = std::max<int64_t>(rows / int64_t(axes.back().phases.size()), 1);
  }
  tile = chooseTileShape(vectorBits, getType(input).getElementType(), rows,
                         outChannels);
}

bool isConstantInput(KernelOp kernel, Value operand) {
  auto argument = dyn_cast<BlockArgument>(operand);
  return argument && kernel.getInputs()[argument.getArgNumber()]
                         .getDefiningOp<ConstantOp>();
}

void packConvWeights(KernelOp kernel, const ConvPlan &plan) {
  auto argument = dyn_cast<BlockArgument>(plan.weights);
  if (!argument)
    return;
  Panels panels = plan.getPanels();
  int64_t size = 0;
  for (int64_t phase = 0; phase != plan.getNumPhases(); ++phase)
    size += plan.getNumTaps(phase);
  size *= plan.groups * panels.getCount() * plan.inChannels * panels.width;

  auto packPanel = [&](ConstantPacker &packer, ArrayRef<int64_t> phase,
                       int64_t numTaps, int64_t group, int64_t panel) {
    for (int64_t t = 0; t != numTaps; ++t) {
      // Tap `t` of the phase, as a tap of the kernel.
      int64_t tap = 0, scale = 1, rest = t;
      for (int64_t a = plan.axes.size() - 1; a >= 0; --a) {
        ArrayRef<int64_t> taps = plan.axes[a].phases[phase[a]].taps;
        tap += taps[rest % taps.size()] * scale;
        rest /= taps.size();
        scale *= plan.axes[a].kernel;
      }
      const auto &strides = plan.weightStrides;
      for (int64_t in = 0; in != plan.inChannels; ++in)
        packer.append(tap * strides.tap + group * strides.group +
                          in * strides.in +
                          panels.getBegin(panel) * strides.out,
                      panels.width, strides.out);
    }
  };
  packInput(kernel, argument.getArgNumber(), size, [&](ConstantPacker &packer) {
    for (int64_t p = 0; p != plan.getNumPhases(); ++p)
      for (int64_t group = 0; group != plan.groups; ++group)
        for (int64_t panel = 0; panel != panels.getCount(); ++panel)
          packPanel(packer, plan.getPhase(p), plan.getNumTaps(p), group, panel);
  });
}

} // namespace tenon::cpu

//===- WinogradProvider.cpp - Convolutions by Winograd's algorithm --------===//

#include "codegen/cpu/CpuProvider.h"

#include "codegen/common/KernelWork.h"
#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/LowerToLaunch.h"
#include "codegen/cpu/WinogradPlan.h"
#include <cmath>

using namespace mlir;

namespace tenon::cpu {

/// The time with tiles of `outputs` x `outputs`, fitted to layers of ResNet-50
/// and U-Net on one core with AVX-512 (peak 240 GFLOP/s).
static double getTime(KernelOp kernel, TargetAttr target, TypicalSizes &sizes,
                      int64_t outputs) {
  constexpr double kCacheBytes = 4e6;
  auto op = getAnchor<ConvOp>(kernel);
  WinogradPlan plan(op, outputs, target.getVectorBits());
  KernelWork work = getKernelWork(kernel, sizes);
  auto getTiles = [&](int64_t axis) {
    return std::ceil(sizes.getDim(op.getOutput(), axis) / plan.outTile);
  };
  double tiles = sizes.getDim(op.getOutput(), 0) * getTiles(1) * getTiles(2);
  double blocks = std::ceil(tiles / plan.blockTiles);
  double numGroups =
      std::ceil(double(plan.outChannels) / double(plan.groupChannels));
  double elements = tiles * plan.numPlaces;
  double flops = 2 * elements * plan.inChannels * plan.outChannels;
  double weightBytes = 4.0 * plan.numPlaces * plan.inChannels *
                       plan.getPanels().getCount() * plan.getPanels().width;
  // Products, of which few tiles waste some, while each block of tiles but the
  // first reads all weights from a cache; the first reads them from memory;
  // elements that are transformed, the inputs once for each group; tensors that
  // no cache holds.
  double products =
      (1.03 + 3 / std::max(tiles, 1.0)) * getPeakTime(flops, target);
  double repeated = (blocks - 1) * weightBytes;
  return std::max(products, 0.026 * repeated) + 0.003 * repeated +
         0.055 * weightBytes +
         getLaneFactor(target) * 0.07 * elements *
             (plan.inChannels * numGroups + plan.outChannels) +
         0.08 * std::max(work.bytes - kCacheBytes, 0.0) +
         getLaneFactor(target) *
             (0.03 * work.results + 0.17 * work.exponentials +
              0.31 * work.gelus + 0.12 * work.hardSwishes);
}

/// Whether small tiles are the better choice: those of large ones have to be
/// worth that their weights take more than twice the memory.
static bool isSmall(KernelOp kernel, TargetAttr target, TypicalSizes &sizes) {
  constexpr double kWorthwhile = 1.15;
  return getTime(kernel, target, sizes, 2) <=
         getTime(kernel, target, sizes, 4) * kWorthwhile;
}

namespace {

class WinogradProvider : public Provider {
public:
  StringRef getName() const override { return "winograd"; }

  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    if (!matchesWinograd(kernel)) {
      reason = "it is no convolution of 3 x 3 taps, stride 1 and at least 16 "
               "channels, channels last, with constant weights of f32";
      return false;
    }
    // Each convolution would have a copy of its own, of twice the size or more.
    auto weights = cast<BlockArgument>(getAnchor<ConvOp>(kernel).getWeights());
    if (!kernel.getInputs()[weights.getArgNumber()].hasOneUse()) {
      reason = "its weights are those of other kernels, too";
      return false;
    }
    return true;
  }

  double getCost(KernelOp kernel, TargetAttr target,
                 TypicalSizes &sizes) const override {
    constexpr double kLaunch = 50;
    return kLaunch + getTime(kernel, target, sizes,
                             isSmall(kernel, target, sizes) ? 2 : 4);
  }

  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override {
    std::string reason;
    if (!canRun(kernel, target, reason))
      return kernel.emitOpError("can't run with winograd because ") << reason;
    TypicalSizes sizes;
    return lowerToLaunch(isSmall(kernel, target, sizes) ? kWinograd2Emitter
                                                        : kWinograd4Emitter,
                         kernel, target.getVectorBits(),
                         /*onDevice=*/false, rewriter);
  }
};

} // namespace

std::unique_ptr<Provider> createWinogradProvider() {
  return std::make_unique<WinogradProvider>();
}

} // namespace tenon::cpu

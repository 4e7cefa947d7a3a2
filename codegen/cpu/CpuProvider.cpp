//===- CpuProvider.cpp - Kernels as generated code ------------------------===//

#include "codegen/cpu/CpuProvider.h"

#include "codegen/common/KernelWork.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/LowerToLaunch.h"

#include <cmath>

using namespace mlir;

namespace tenon::cpu {

namespace {

/// The part of the peak's time that a product of few columns takes longer.
/// Tiles of windows are as wide as there are columns, but for the last vector.
double getColumnLoss(const Contraction &product, TargetAttr target) {
  double lanes = std::max(1.0, target.getVectorBits() / 32.0);
  if (product.columns >= 32)
    return 0;
  if (!product.hasWindow())
    return 0.63;
  return std::fmod(product.columns, lanes) == 0 ? 0.1 : 0.45;
}

/// The time of a convolution or a matrix product whose weights are packed,
/// fitted to 560 kernels of twelve networks on one core with AVX-512 (peak 245
/// GFLOP/s; the median error is 3 %, of depthwise ones 22 %).
double getContractionTime(const KernelWork &work, TargetAttr target) {
  const Contraction &product = *work.contraction;
  double peakTime = getPeakTime(product.flops, target);
  // Factors are widened before they are multiplied.
  if (product.isNarrow)
    peakTime *= 1.6;
  if (product.isDepthwise)
    return 0.48 * peakTime + 0.2 * product.weightBytes + 0.01 * work.bytes +
           getLaneFactor(target) *
               (0.08 * work.results + 0.15 * work.exponentials +
                0.31 * work.gelus);
  // What the product is too small for in each direction is lost, and so is
  // what of the weights does not stay in the cache.
  double loss = 2 / product.depth + 5 / std::max(product.rows, 1.0) +
                getColumnLoss(product, target) +
                (product.depth >= 2048   ? 0.24
                 : product.depth >= 1024 ? 0.03
                                         : 0.0);
  constexpr double kCacheBytes = 4e6;
  double weightTime = product.weightBytes > kCacheBytes ? 0.017 : 0.0096;
  return (1.01 + loss) * peakTime + weightTime * product.weightBytes +
         0.005 * work.bytes +
         getLaneFactor(target) *
             (0.015 * work.results + 0.17 * work.exponentials +
              0.31 * work.gelus + 0.12 * work.hardSwishes);
}

class CpuProvider : public Provider {
public:
  StringRef getName() const override { return "codegen"; }

  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    if (findKernelEmitter(kernel))
      return true;
    reason = "there is no generated code for what it computes";
    return false;
  }

  /// A launch, and what the kernel does: a product at the speed that its
  /// emitter reaches, attention at 0.6 of the peak (0.59 with 128 keys, 0.68
  /// with 384), and so a depthwise convolution with the pointwise one that it
  /// reads (0.5 to 0.8), anything else at a third of it, which softmax reaches.
  double getCost(KernelOp kernel, TargetAttr target,
                 TypicalSizes &sizes) const override {
    constexpr double kLaunch = 50;
    // A tenth of the peak, and a hundredth where each element is computed
    // alone.
    constexpr double kGroupsLoss = 10, kElementLoss = 100;
    KernelWork work = getKernelWork(kernel, sizes);
    const KernelEmitter *emitter = findKernelEmitter(kernel);
    if (emitter == &kAttentionEmitter || emitter == &kPointwiseDepthwiseEmitter)
      return kLaunch + getRooflineTime(work, target, 0.6);
    if (!work.contraction)
      return kLaunch + getRooflineTime(work, target, 0.33);
    double time = getContractionTime(work, target);
    if (emitter != &kMatmulEmitter && emitter != &kConvEmitter &&
        emitter != &kDepthwiseConvEmitter)
      time *= kElementLoss;
    else if (work.contraction->isGrouped && !work.contraction->isDepthwise)
      time *= kGroupsLoss;
    return kLaunch + time;
  }

  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override;
};

} // namespace

LogicalResult CpuProvider::lower(KernelOp kernel, TargetAttr target,
                                 RewriterBase &rewriter) const {
  const KernelEmitter *emitter = findKernelEmitter(kernel);
  if (!emitter)
    return kernel.emitError("no generated code for this kernel");
  return lowerToLaunch(*emitter, kernel, target.getVectorBits(),
                       /*onDevice=*/false, rewriter);
}

std::unique_ptr<Provider> createCpuProvider() {
  return std::make_unique<CpuProvider>();
}

} // namespace tenon::cpu

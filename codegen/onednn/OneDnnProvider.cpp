//===- OneDnnProvider.cpp - Kernels that oneDNN runs ----------------------===//

#include "codegen/onednn/OneDnnProvider.h"

#include "codegen/common/KernelWork.h"
#include "codegen/onednn/KernelMatch.h"
#include "codegen/onednn/PackedLayout.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "runtime/cpu/OneDnnAbi.h"

using namespace mlir;
using namespace tenon;
using namespace tenon::onednn;

namespace {

class OneDnnProvider : public Provider {
public:
  StringRef getName() const override { return "onednn"; }
  bool packsConstants() const override { return true; }
  std::optional<BlockedLayout> getPackedLayout(ArrayRef<int64_t> plain,
                                               ArrayRef<int64_t> packed,
                                               unsigned arg) const override {
    return onednn::getPackedLayout(plain, packed, arg);
  }
  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override;
  double getCost(KernelOp kernel, TargetAttr target,
                 TypicalSizes &sizes) const override;
  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override;
};

} // namespace

bool OneDnnProvider::canRun(KernelOp kernel, TargetAttr target,
                            std::string &reason) const {
  std::optional<KernelMatch> match = matchKernel(kernel, reason);
  if (!match)
    return false;
  // Without bf16 instructions the library computes with those of f32.
  constexpr StringLiteral kFeature = "avx512bw";
  if (match->hasBf16() && !target.hasFeature(kFeature)) {
    reason =
        ("oneDNN has bf16 only with the processor's feature " + kFeature).str();
    return false;
  }
  return true;
}

/// How long a product of bf16 takes, where one of f32 takes 1.
static double getBf16Factor(TargetAttr target) {
  // TDPBF16PS does 16 x 16 x 32 multiply-adds and begins every 16 cycles, which
  // is 512 a cycle, where two units of f32 do 32. (Intel 64 and IA-32
  // Architectures Optimization Reference Manual, chapter on AMX; not measured.)
  if (target.hasFeature("amx-bf16"))
    return 1.0 / 16;
  // An instruction does two products; without it, factors are widened first.
  return target.hasFeature("avx512bf16") ? 0.5 : 1.6;
}

/// The time of a convolution or a matrix product, fitted to 560 kernels of
/// twelve networks on one core with AVX-512 (peak 245 GFLOP/s; the median error
/// is 2 %, of depthwise ones 7 %).
static double getContractionTime(const KernelWork &work, TargetAttr target) {
  const Contraction &product = *work.contraction;
  double peakTime = getPeakTime(product.flops, target);
  // Depthwise convolutions have no sums for it.
  if (product.isNarrow && !product.isDepthwise)
    peakTime *= getBf16Factor(target);
  if (product.isDepthwise)
    return 1.7 * peakTime + 0.044 * product.weightBytes + 0.011 * work.bytes +
           getLaneFactor(target) *
               (0.003 * work.results + 0.29 * (work.exponentials + work.gelus) +
                0.03 * work.hardSwishes);
  // What the product is too small for in each direction is lost, and a place
  // of the first window of a network has few channels.
  bool hasFewChannels = product.hasWindow() && product.channels < 8;
  double loss = (hasFewChannels ? 6 : 2) / product.depth +
                6 / std::max(product.rows, 1.0) +
                (product.columns < 32 ? 0.43 : 0.0);
  return (0.99 + loss) * peakTime + 0.0126 * product.weightBytes +
         0.005 * work.bytes +
         getLaneFactor(target) *
             (0.015 * work.results + 0.074 * work.residuals +
              0.24 * work.exponentials + 0.22 * work.gelus +
              0.03 * work.hardSwishes);
}

/// The part of the peak that other primitives reach: a transposed convolution
/// of 24 channels, kernel and stride 2, 1 %; a softmax of rows of 197, 17 %;
/// attention of 128 and of 384 queries and keys 63 %.
static double getEfficiency(int64_t kind) {
  switch (kind) {
  case TENON_ONEDNN_DECONV:
    return 0.01;
  case TENON_ONEDNN_SOFTMAX:
    return 0.17;
  case TENON_ONEDNN_ATTENTION:
    return 0.63;
  default:
    return 0.8;
  }
}

/// Finding the primitive for the shapes and starting it takes some time, too.
double OneDnnProvider::getCost(KernelOp kernel, TargetAttr target,
                               TypicalSizes &sizes) const {
  constexpr double kCall = 500;
  std::string reason;
  std::optional<KernelMatch> match = matchKernel(kernel, reason);
  KernelWork work = getKernelWork(kernel, sizes);
  if (work.contraction && match && match->kind != TENON_ONEDNN_ATTENTION)
    return kCall + getContractionTime(work, target);
  return kCall +
         getRooflineTime(work, target, getEfficiency(match ? match->kind : 0));
}

LogicalResult OneDnnProvider::lower(KernelOp kernel, TargetAttr target,
                                    RewriterBase &rewriter) const {
  std::string reason;
  std::optional<KernelMatch> match = matchKernel(kernel, reason);
  if (!match)
    return kernel.emitOpError("can't run with oneDNN because ") << reason;

  Location loc = kernel.getLoc();
  auto type = cast<RankedTensorType>(kernel.getOutputs().front().getType());
  Value empty = tensor::EmptyOp::create(rewriter, loc, kernel.getResultSizes(0),
                                        type.getElementType());
  SmallVector<Value> inputs;
  SmallVector<int64_t> constants;
  for (auto [i, input] : llvm::enumerate(match->inputs)) {
    unsigned number = cast<BlockArgument>(input.value).getArgNumber();
    inputs.push_back(kernel.getInputs()[number]);
    if (inputs.back().getDefiningOp<ConstantOp>())
      constants.push_back(i);
  }
  rewriter.replaceOpWithNewOp<rt::LibraryOp>(kernel, TypeRange(type), getName(),
                                             inputs, empty, /*flops=*/Value(),
                                             match->encode(), constants);
  return success();
}

std::unique_ptr<Provider> tenon::createOneDnnProvider() {
  return std::make_unique<OneDnnProvider>();
}

//===- FuseDepthwise.cpp - Depthwise convolutions with what they read -----===//

#include "dialects/tenon/TenonDepthwise.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "transforms/CountedPattern.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/MergeKernels.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FUSEDEPTHWISE
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// The most input channels of the pointwise convolution. With more, its
/// arithmetic takes most of the time, and larger tiles make that faster than
/// traffic saved does.
static constexpr int64_t kMaxChannels = 64;
/// The fewest channels between the two: vectors that are not full cost more.
static constexpr int64_t kMinWideChannels = 32;
/// At least so many channels between the two for each input channel: what
/// leaves memory has to be worth reading the input for each vector of channels.
static constexpr int64_t kMinWidening = 2;
/// With fewer registers, a tile of one vector of channels is slow.
static constexpr unsigned kMinVectorBits = 512;

namespace {

/// kernel { pointwise, tail }
///           |
/// kernel { depthwise, tail }  →  kernel { pointwise, tail, depthwise, tail }
///
/// 1. Nobody else reads the first kernel, and only the convolution of the
///    second does.
/// 2. Generated code makes the one as the other reads it.
/// 3. There are few input channels, and more of them between the two.
struct FuseDepthwiseKernel : CountedPattern<OpRewritePattern<KernelOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(KernelOp kernel,
                                PatternRewriter &rewriter) const override {
    ConvOp depthwise = getOnlyConv(kernel);
    if (!depthwise)
      return rewriter.notifyMatchFailure(kernel, "it has no convolution");
    KernelOp producer = getOwnProducer(kernel, depthwise.getInput());
    if (!producer)
      return rewriter.notifyMatchFailure(kernel, "others read its input, too");
    ConvOp pointwise = getOnlyConv(producer);
    if (!pointwise || !isMadeRowByRow(pointwise, depthwise))
      return rewriter.notifyMatchFailure(kernel, "it reads no such thing");
    auto weights = cast<RankedTensorType>(pointwise.getWeights().getType());
    int64_t channels = weights.getDimSize(2), wide = weights.getDimSize(3);
    if (channels > kMaxChannels)
      return rewriter.notifyMatchFailure(kernel, "there are many channels");
    if (wide < std::max(kMinWideChannels, kMinWidening * channels))
      return rewriter.notifyMatchFailure(kernel, "there are few channels");
    mergeKernels(rewriter, producer, kernel);
    ++count;
    return success();
  }
};

struct FuseDepthwise : tenon::impl::FuseDepthwiseBase<FuseDepthwise> {
  void runOnOperation() override {
    if (hasGeneratedVectors(getTarget(getOperation()), kMinVectorBits))
      rewriteKernels(getOperation(),
                     FuseDepthwiseKernel(&getContext(), numFused));
  }
};

} // namespace

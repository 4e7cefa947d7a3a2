//===- FusePrologues.cpp - Convolutions with what computes their input ----===//

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
#define GEN_PASS_DEF_FUSEPROLOGUES
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// The most output channels. With more, the input is computed again for each
/// part of them, and the product takes so long that memory hardly counts.
static constexpr int64_t kMaxChannels = 64;
/// In shorter vectors, libraries are faster with few output channels.
static constexpr unsigned kMinVectorBits = 512;

/// Whether a kernel is nothing but arithmetic that costs less than to write its
/// result and to read it again.
static bool isCheap(KernelOp kernel) {
  return llvm::all_of(kernel.getBody().front().without_terminator(),
                      [](Operation &op) {
                        return isa<ConstantOp, AddOp, SubOp, MulOp, MaxOp,
                                   MinOp, ReluOp, ClipOp>(op);
                      });
}

namespace {

/// kernel { arithmetic }
///           |
/// kernel { pointwise, tail }  →  kernel { arithmetic, pointwise, tail }
///
/// 1. Nobody else reads the first kernel, and only the convolution of the
///    second does.
/// 2. It is cheap arithmetic in f32.
/// 3. There are few output channels, and not too many inputs.
struct FusePrologue : CountedPattern<OpRewritePattern<KernelOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(KernelOp kernel,
                                PatternRewriter &rewriter) const override {
    ConvOp conv = getOnlyConv(kernel);
    if (!conv || !canComputeInput(conv))
      return rewriter.notifyMatchFailure(
          kernel, "it is not pointwise, or has too many inputs");
    auto weights = cast<RankedTensorType>(conv.getWeights().getType());
    if (weights.getShape().back() > kMaxChannels)
      return rewriter.notifyMatchFailure(kernel, "it has many outputs");
    KernelOp producer = getOwnProducer(kernel, conv.getInput());
    if (!producer)
      return rewriter.notifyMatchFailure(kernel, "others read its input, too");
    if (!getElementTypeOrSelf(conv.getInput()).isF32() || !isCheap(producer))
      return rewriter.notifyMatchFailure(kernel, "its input is not arithmetic");
    mergeKernels(rewriter, producer, kernel);
    ++count;
    return success();
  }
};

struct FusePrologues : tenon::impl::FuseProloguesBase<FusePrologues> {
  void runOnOperation() override {
    if (hasGeneratedVectors(getTarget(getOperation()), kMinVectorBits))
      rewriteKernels(getOperation(), FusePrologue(&getContext(), numFused));
  }
};

} // namespace

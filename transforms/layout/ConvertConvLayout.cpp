//===- ConvertConvLayout.cpp - Channels-last convolutions -----------------===//

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/layout/Passes.h"
#include "transforms/layout/Permutations.h"

namespace tenon {
#define GEN_PASS_DEF_CONVERTCONVLAYOUT
#include "transforms/layout/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

/// Makes an operation over windows channels-last:
///
///   op {nchw} (x, w)  →  T(op {nhwc} (T(x), T(w)))
///
/// A convolution's weights `[M, C/g, k...]`, and a transposed convolution's
/// `[C, M/g, k...]`, become `[k..., dimension 1, dimension 0]`.
template <typename OpTy>
struct MakeChannelsLast : CountedPattern<OpRewritePattern<OpTy>> {
  using CountedPattern<OpRewritePattern<OpTy>>::CountedPattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    if (op.getLayout() != Layout::NCHW)
      return rewriter.notifyMatchFailure(op, "is channels-last already");
    auto resultType = cast<RankedTensorType>(op.getType());
    int64_t rank = resultType.getRank();
    SmallVector<int64_t> toLast = getToChannelsLast(rank);

    IRMapping mapping;
    mapping.map(op.getInput(),
                createTranspose(rewriter, op.getLoc(), op.getInput(), toLast));
    auto converted = cast<OpTy>(rewriter.clone(*op.getOperation(), mapping));
    if constexpr (std::is_same_v<OpTy, ConvOp> ||
                  std::is_same_v<OpTy, ConvTransposeOp>) {
      SmallVector<int64_t> weights;
      for (int64_t i = 2; i < rank; ++i)
        weights.push_back(i);
      weights.append({1, 0});
      OpBuilder::InsertionGuard guard(rewriter);
      rewriter.setInsertionPoint(converted);
      converted.getWeightsMutable().assign(
          createTranspose(rewriter, op.getLoc(), op.getWeights(), weights));
    }
    converted.setLayout(Layout::NHWC);
    converted.getOutput().setType(permuteType(resultType, toLast));
    rewriter.replaceOp(op, createTranspose(rewriter, op.getLoc(),
                                           converted.getOutput(),
                                           getToChannelsFirst(rank)));
    ++this->count;
    return success();
  }
};

struct ConvertConvLayout
    : tenon::impl::ConvertConvLayoutBase<ConvertConvLayout> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MakeChannelsLast<ConvOp>, MakeChannelsLast<ConvTransposeOp>,
                 MakeChannelsLast<MaxPoolOp>, MakeChannelsLast<AveragePoolOp>>(
        &getContext(), numConverted);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace

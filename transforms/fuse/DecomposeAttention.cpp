//===- DecomposeAttention.cpp - Attention as matmuls and a softmax --------===//

#include "dialects/tenon/TenonAttention.h"
#include "dialects/tenon/TenonOps.h"
#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_DECOMPOSEATTENTION
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Adds leading dimensions of size 1 until `value` has rank `rank`; rank 0
/// stays.
static Value addLeadingDims(OpBuilder &builder, Location loc, Value value,
                            int64_t rank) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 0 || type.getRank() >= rank)
    return value;
  SmallVector<int64_t> sizes(rank - type.getRank(), 1);
  SmallVector<OpFoldResult> shape(sizes.size(), builder.getI64IntegerAttr(1));
  llvm::append_range(sizes, type.getShape());
  llvm::append_range(shape, getViewSizes(builder, loc, value));
  return ReshapeOp::create(builder, loc,
                           RankedTensorType::get(sizes, type.getElementType()),
                           value, createShapeOperand(builder, loc, shape));
}

namespace {

/// attention(Q, K, V, mask)  →  softmax(scale * Q K^T + mask) V
///
/// Where it is `wide`, the scores and their softmax are f32, and only what V is
/// multiplied with is narrow.
struct DecomposeAttentionOp : CountedPattern<OpRewritePattern<AttentionOp>> {
  DecomposeAttentionOp(MLIRContext *context, Pass::Statistic &count,
                       TargetAttr target)
      : CountedPattern(context, count) {
    if (!target)
      return;
    isForGpu = bool(target.getGpus());
    isGenerated = hasProvider(target, isForGpu ? "cuda" : "codegen");
  }

  LogicalResult matchAndRewrite(AttentionOp op,
                                PatternRewriter &rewriter) const override {
    // On the processor wide products are faster in a library. Beside a GPU it
    // has no attention: products of libraries stay on the GPU then.
    if (isGenerated &&
        (isForGpu ? isTileableOnGpu(op) : isTileable(op) && !op.getWide()))
      return rewriter.notifyMatchFailure(op, "generated code runs it whole");
    Location loc = op.getLoc();
    auto queryType = cast<RankedTensorType>(op.getQuery().getType());
    auto keyType = cast<RankedTensorType>(op.getKey().getType());
    Type elementType = getElementTypeOrSelf(op.getType());
    bool isWide = op.getWide();
    int64_t rank = queryType.getRank();

    SmallVector<int64_t> sizes(queryType.getShape());
    sizes.back() = keyType.getDimSize(rank - 2);
    auto type = RankedTensorType::get(sizes, elementType);
    Value scores = MatMulOp::create(rewriter, loc, type, op.getQuery(),
                                    op.getKey(), /*transpose_a=*/false,
                                    /*transpose_b=*/true, isWide);
    double scale = op.getScale().convertToDouble();
    if (scale != 1.0) {
      auto scalarType = RankedTensorType::get({}, elementType);
      Attribute value = rewriter.getFloatAttr(elementType, scale);
      Value factor = ConstantOp::create(
          rewriter, loc, DenseElementsAttr::get(scalarType, value));
      scores = MulOp::create(rewriter, loc, type, scores, factor);
    }
    if (Value mask = op.getMask())
      scores = AddOp::create(rewriter, loc, type, scores,
                             addLeadingDims(rewriter, loc, mask, rank));
    Value weights = SoftmaxOp::create(rewriter, loc, type, scores, rank - 1);
    if (isWide)
      weights =
          CastOp::create(rewriter, loc, type.clone(queryType.getElementType()),
                         weights, queryType.getElementType());
    rewriter.replaceOpWithNewOp<MatMulOp>(op, op.getType(), weights,
                                          op.getValue(), /*transpose_a=*/false,
                                          /*transpose_b=*/false, isWide);
    ++count;
    return success();
  }

  /// Whether the target has a GPU, and generated code for that, or else for its
  /// processor.
  bool isForGpu = false, isGenerated = false;
};

struct DecomposeAttention
    : tenon::impl::DecomposeAttentionBase<DecomposeAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<DecomposeAttentionOp>(&getContext(), numDecomposed,
                                       getTarget(getOperation()));
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace

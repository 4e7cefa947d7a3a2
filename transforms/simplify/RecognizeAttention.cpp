//===- RecognizeAttention.cpp - Scaled dot product attention --------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_RECOGNIZEATTENTION
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// A score that a mask replaces by less than this can't win: adding it to a
/// score leaves the number itself, to the last bit of a float.
static constexpr double kMaskedBelow = -1e9;
/// How many operations may stand between the product and the softmax.
static constexpr int kMaxScoreSteps = 6;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

namespace {
/// A summand of the scores: a tensor, or `masked` where `visible` is false.
struct Mask {
  Value tensor;
  Value visible;
  double masked = 0;
};

/// scale * q k^T + masks
struct Scores {
  Value query, key;
  /// What the key is transposed of, if it is, and how that has to be permuted
  /// to be [B, H, T, D].
  TransposeOp transpose;
  SmallVector<int64_t> permutation;
  double scale = 1;
  /// What has a factor of `scale` on it, which only this product uses, and what
  /// it is without.
  SmallVector<std::pair<Value, Value>, 2> scaled;
  SmallVector<Mask, 2> masks;
};
} // namespace

/// Takes factors off `value` that only this product uses.
static Value takeScale(Value value, Scores &scores) {
  while (value.hasOneUse()) {
    WithConstant scaled = matchScaled(value);
    if (!scaled)
      break;
    scores.scale *= scaled.constant;
    scores.scaled.push_back({value, scaled.tensor});
    value = scaled.tensor;
  }
  return value;
}

/// The same, also before movements such as those that part the heads.
static Value takeScaleThroughMoves(Value value, Scores &scores) {
  Value taken = value = takeScale(value, scores);
  while (value.hasOneUse() &&
         isa_and_present<ReshapeOp, TransposeOp>(value.getDefiningOp()))
    value = takeScale(value.getDefiningOp()->getOperand(0), scores);
  return taken;
}

/// Matches q k^T of rank 4 and how k is transposed.
static bool matchProduct(MatMulOp op, Scores &scores) {
  if (op.getTransposeA() || getType(op.getLhs()).getRank() != 4 ||
      getType(op.getRhs()).getRank() != 4)
    return false;
  scores.query = takeScaleThroughMoves(op.getLhs(), scores);
  scores.key = takeScaleThroughMoves(op.getRhs(), scores);
  if (op.getTransposeB())
    return true;
  scores.transpose = scores.key.getDefiningOp<TransposeOp>();
  if (!scores.transpose)
    return false;
  scores.permutation.assign(scores.transpose.getPermutation().begin(),
                            scores.transpose.getPermutation().end());
  std::swap(scores.permutation[2], scores.permutation[3]);
  return true;
}

/// Whether `mask` broadcasts to the scores as an operand of rank 4.
static bool isMask(Value mask) { return getType(mask).getRank() == 4; }

static bool matchScores(Value value, Scores &scores, int steps) {
  if (!value.hasOneUse() || steps == 0)
    return false;
  if (auto product = value.getDefiningOp<MatMulOp>())
    return matchProduct(product, scores);
  if (WithConstant scaled = matchScaled(value)) {
    // What is added to the scores must not be scaled with them.
    if (!matchScores(scaled.tensor, scores, steps - 1) || !scores.masks.empty())
      return false;
    scores.scale *= scaled.constant;
    return true;
  }
  if (auto where = value.getDefiningOp<WhereOp>()) {
    std::optional<double> masked = getUniformConstant(where.getRhs());
    if (!masked || *masked > kMaskedBelow || !isMask(where.getCondition()) ||
        where.getLhs().getType() != value.getType() ||
        getType(where.getRhs()).getRank() != 0 ||
        !matchScores(where.getLhs(), scores, steps - 1))
      return false;
    scores.masks.push_back({Value(), where.getCondition(), *masked});
    return true;
  }
  if (auto sum = value.getDefiningOp<AddOp>())
    for (unsigned i : {0u, 1u}) {
      Value inner = sum->getOperand(i), mask = sum->getOperand(1 - i);
      Scores attempt;
      if (inner.getType() == value.getType() && isMask(mask) &&
          matchScores(inner, attempt, steps - 1)) {
        scores = std::move(attempt);
        scores.masks.push_back({mask, Value(), 0});
        return true;
      }
    }
  return false;
}

namespace {
/// matmul(softmax(scale * q k^T + mask), v) -> attention(q, k, v, mask)
struct ToAttention : CountedPattern<OpRewritePattern<MatMulOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const override {
    auto softmax = op.getLhs().getDefiningOp<SoftmaxOp>();
    if (!softmax || op.getTransposeA() || op.getTransposeB())
      return failure();
    if (!softmax->hasOneUse() || softmax.getAxis() != 3 ||
        getType(op.getLhs()).getRank() != 4 ||
        getType(op.getRhs()).getRank() != 4)
      return rewriter.notifyMatchFailure(op, "not shares of rank 4");
    Scores scores;
    if (!matchScores(softmax.getInput(), scores, kMaxScoreSteps))
      return rewriter.notifyMatchFailure(op, "not the scores of attention");

    SmallVector<int64_t> keyShape(getType(scores.key).getShape());
    if (scores.transpose)
      std::swap(keyShape[2], keyShape[3]);
    ArrayRef<int64_t> query = getType(scores.query).getShape();
    ArrayRef<int64_t> value = getType(op.getRhs()).getShape();
    if (query.take_front(2) != ArrayRef<int64_t>(keyShape).take_front(2) ||
        query.take_front(2) != value.take_front(2))
      return rewriter.notifyMatchFailure(op, "batches or heads broadcast");

    for (auto [scaled, tensor] : scores.scaled)
      rewriter.replaceAllUsesWith(scaled, tensor);
    Value key = scores.transpose ? scores.transpose.getInput() : scores.key;
    bool isPermuted = false;
    for (auto [i, dim] : llvm::enumerate(scores.permutation))
      isPermuted |= int64_t(i) != dim;
    if (isPermuted)
      key = TransposeOp::create(rewriter, op.getLoc(), key, scores.permutation);
    Value mask;
    for (const Mask &part : scores.masks)
      mask = addMask(rewriter, op, mask, part);
    rewriter.replaceOpWithNewOp<AttentionOp>(
        op, op.getType(), scores.query, key, op.getRhs(), mask,
        rewriter.getF64FloatAttr(scores.scale));
    ++count;
    return success();
  }

  /// `sum`, if there is one, with one more mask. Where two masks hide a score,
  /// the outer one says by how much: their sum could be an infinity.
  static Value addMask(PatternRewriter &rewriter, MatMulOp op, Value sum,
                       const Mask &mask) {
    Location loc = op.getLoc();
    if (mask.tensor)
      return sum ? AddOp::create(rewriter, loc, sum, mask.tensor).getOutput()
                 : mask.tensor;
    auto scalar = RankedTensorType::get({}, op.getType().getElementType());
    auto makeConstant = [&](double value) -> Value {
      return ConstantOp::create(rewriter, loc,
                                cast<ElementsAttr>(makeSplat(scalar, value)));
    };
    return WhereOp::create(rewriter, loc, mask.visible,
                           sum ? sum : makeConstant(0),
                           makeConstant(mask.masked));
  }
};

struct RecognizeAttention
    : tenon::impl::RecognizeAttentionBase<RecognizeAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ToAttention>(&getContext(), numAttention);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

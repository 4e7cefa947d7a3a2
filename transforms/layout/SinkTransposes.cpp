//===- SinkTransposes.cpp - Transposes below permutable operations --------===//

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "transforms/CountedPattern.h"
#include "transforms/layout/Permutations.h"
#include "transforms/layout/TransposePatterns.h"

using namespace mlir;
using namespace tenon;

/// The transpose by `permutation` that computes `value`, or null.
static TransposeOp getTransposeBy(Value value, ArrayRef<int64_t> permutation) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  return transpose && transpose.getPermutation() == permutation ? transpose
                                                                : nullptr;
}

/// Whether a transpose of this value by `permutation` moves no element.
static bool movesNothing(Value value, ArrayRef<int64_t> permutation) {
  return movesOnlyUnitDims(cast<RankedTensorType>(value.getType()),
                           permutation);
}

/// Whether transposing this value by `permutation` costs nothing more than is
/// paid already: it is a constant, or a transpose that the new one composes
/// with.
static bool isFreeToTranspose(Value value) {
  return matchPattern(value, m_Constant()) ||
         value.getDefiningOp<TransposeOp>();
}

namespace {

/// op(transpose(a), transpose(b), c)  →  transpose(op'(a, b, transpose⁻¹(c)))
///
/// 1. The operation can be permuted (PermutableOpInterface).
/// 2. The operands that are not transposed alike are free to transpose, or
///    there are fewer of them than transposes that this makes dead. If some of
///    all these transposes move elements, only those count: else two operands
///    would hand their transposes to each other for ever.
/// 3. It is not the transpose of a constant, which folds: sunk before, it would
///    be handed to the operands that are free, and come back from them.
/// 4. A softmax along the last dimension stays one: along another dimension
///    it is slower than a transpose.
struct SinkTranspose
    : CountedPattern<OpInterfaceRewritePattern<PermutableOpInterface>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(PermutableOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (op->getNumResults() != 1 || op->getNumRegions() != 0)
      return rewriter.notifyMatchFailure(op, "not one result");
    for (Value operand : op->getOperands()) {
      auto transpose = operand.getDefiningOp<TransposeOp>();
      if (transpose && !isIdentityPermutation(transpose.getPermutation()) &&
          !matchPattern(transpose.getInput(), m_Constant()) &&
          succeeded(sink(op, transpose.getPermutation(), rewriter)))
        return success();
    }
    return rewriter.notifyMatchFailure(op, "no transpose to sink");
  }

private:
  LogicalResult sink(PermutableOpInterface op, ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const {
    auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
    if (resultType.getRank() != int64_t(permutation.size()))
      return rewriter.notifyMatchFailure(op, "changes the rank");
    SmallVector<int64_t> forward(permutation);
    SmallVector<int64_t> inverse = invertPermutationVector(forward);
    FailureOr<SmallVector<OpOperand *>> operands =
        op.getPermutedOperands(inverse);
    if (failed(operands))
      return rewriter.notifyMatchFailure(op, "can't be permuted so");
    if (losesLastAxis(op, forward))
      return rewriter.notifyMatchFailure(op, "runs best along the last axis");

    llvm::SmallSetVector<TransposeOp, 4> sunk;
    SmallVector<Value> paid;
    for (OpOperand *operand : *operands)
      if (TransposeOp transpose = getTransposeBy(operand->get(), forward))
        sunk.insert(transpose);
      else if (!isFreeToTranspose(operand->get()))
        paid.push_back(operand->get());
    if (sunk.empty())
      return rewriter.notifyMatchFailure(op, "the operand is not permuted");
    auto sunkMoves = [&](TransposeOp transpose) {
      return !movesNothing(transpose.getInput(), forward);
    };
    auto paidMoves = [&](Value value) { return !movesNothing(value, inverse); };
    bool someMove =
        llvm::any_of(sunk, sunkMoves) || llvm::any_of(paid, paidMoves);
    int64_t numDying = llvm::count_if(sunk, [&](TransposeOp transpose) {
      return (!someMove || sunkMoves(transpose)) &&
             llvm::all_of(transpose->getUsers(), [&](Operation *user) {
               return user == op.getOperation();
             });
    });
    int64_t numPaid = llvm::count_if(
        paid, [&](Value value) { return !someMove || paidMoves(value); });
    if (numPaid != 0 && numPaid >= numDying)
      return rewriter.notifyMatchFailure(op, "would make more transposes");

    SmallVector<std::pair<unsigned, Value>> replacements;
    for (OpOperand *operand : *operands) {
      TransposeOp transpose = getTransposeBy(operand->get(), forward);
      replacements.emplace_back(operand->getOperandNumber(),
                                transpose
                                    ? transpose.getInput()
                                    : createTranspose(rewriter, op->getLoc(),
                                                      operand->get(), inverse));
    }
    auto permuted =
        cast<PermutableOpInterface>(rewriter.clone(*op.getOperation()));
    for (auto [number, value] : replacements)
      permuted->setOperand(number, value);
    permuted.permuteAttributes(inverse);
    permuted->getResult(0).setType(permuteType(resultType, inverse));
    rewriter.replaceOp(op, createTranspose(rewriter, op->getLoc(),
                                           permuted->getResult(0), forward));
    ++count;
    return success();
  }

  /// Whether a softmax along the last axis would no longer be one.
  static bool losesLastAxis(Operation *op, ArrayRef<int64_t> permutation) {
    int64_t axis;
    if (auto softmax = dyn_cast<SoftmaxOp>(op))
      axis = softmax.getAxis();
    else if (auto softmax = dyn_cast<LogSoftmaxOp>(op))
      axis = softmax.getAxis();
    else
      return false;
    int64_t last = permutation.size() - 1;
    return axis == last && permutation[last] != last;
  }
};

/// op(transpose(x), shape)  →  transpose(op(x, shape'))
///
/// for `expand` and `tile`, whose shape operand has an element for each
/// dimension: it is permuted too.
template <typename OpTy>
struct SinkBelowShaped : CountedPattern<OpRewritePattern<OpTy>> {
  using CountedPattern<OpRewritePattern<OpTy>>::CountedPattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().template getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "not of a transpose");
    SmallVector<int64_t> forward(transpose.getPermutation());
    SmallVector<int64_t> inverse = invertPermutationVector(forward);
    FailureOr<SmallVector<OpFoldResult>> shape =
        getShapeElements(op->getOperand(1));
    if (failed(shape) || shape->size() != forward.size())
      return rewriter.notifyMatchFailure(op, "shape operand is opaque");

    auto type = cast<RankedTensorType>(op.getType());
    Value permuted = createShapeOperand(
        rewriter, op.getLoc(),
        applyPermutation(ArrayRef<OpFoldResult>(*shape), inverse));
    auto sunk = OpTy::create(rewriter, op.getLoc(), permuteType(type, inverse),
                             transpose.getInput(), permuted);
    rewriter.replaceOp(
        op, createTranspose(rewriter, op.getLoc(), sunk.getOutput(), forward));
    ++this->count;
    return success();
  }
};

} // namespace

void tenon::populateSinkTransposePatterns(RewritePatternSet &patterns,
                                          Pass::Statistic &numSunk) {
  patterns
      .add<SinkTranspose, SinkBelowShaped<ExpandOp>, SinkBelowShaped<TileOp>>(
          patterns.getContext(), numSunk);
}

//===- CancelTransposes.cpp - Transposes that go away ---------------------===//

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/Matchers.h"
#include "transforms/CountedPattern.h"
#include "transforms/layout/Permutations.h"
#include "transforms/layout/TransposePatterns.h"
#include "llvm/ADT/Sequence.h"

using namespace mlir;
using namespace tenon;

/// `[0, ..., rank - 3, rank - 1, rank - 2]`.
static SmallVector<int64_t> getSwapOfLastTwo(int64_t rank) {
  SmallVector<int64_t> permutation =
      llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(permutation[rank - 1], permutation[rank - 2]);
  return permutation;
}

/// Whether a matmul reads this operand and can take over a transpose by
/// `permutation` of it, at least a part of it.
static bool isAbsorbed(OpOperand &use, ArrayRef<int64_t> permutation) {
  return isa<MatMulOp>(use.getOwner()) && permutation.size() >= 2 &&
         permutation == ArrayRef<int64_t>(getSwapOfLastTwo(permutation.size()));
}

namespace {

/// transpose(constant)  →  constant
///
/// Not where only matmuls read it that take the transpose as a flag: the
/// constant may be large and read by others as it is.
struct FoldTransposeOfConstant : CountedPattern<OpRewritePattern<TransposeOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto constant = op.getInput().getDefiningOp<ConstantOp>();
    if (!constant)
      return rewriter.notifyMatchFailure(op, "not of a constant");
    if (!op->use_empty() && llvm::all_of(op->getUses(), [&](OpOperand &use) {
          return isAbsorbed(use, op.getPermutation());
        }))
      return rewriter.notifyMatchFailure(op, "becomes a flag of a matmul");
    ElementsAttr value =
        transposeConstant(constant.getValue(), op.getPermutation());
    if (!value || value.getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "no access to the elements");
    rewriter.replaceOpWithNewOp<ConstantOp>(op, value);
    ++count;
    return success();
  }
};

/// matmul(transpose(a), b)  →  matmul(a, b) {transpose_a}
///
/// 1. The transpose moves the last dimension of the operand. One that doesn't
///    is data movement of whole rows, which no flag can express.
/// 2. What is left of it after exchanging the last two dimensions is the
///    identity, or keeps the last dimension in place, which is cheaper.
struct AbsorbTranspose : CountedPattern<OpRewritePattern<MatMulOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const override {
    bool changed = false;
    for (OpOperand *operand : {&op.getLhsMutable(), &op.getRhsMutable()}) {
      auto transpose = operand->get().getDefiningOp<TransposeOp>();
      if (!transpose)
        continue;
      ArrayRef<int64_t> permutation = transpose.getPermutation();
      int64_t rank = permutation.size();
      if (rank < 2 || permutation[rank - 1] == rank - 1 ||
          permutation[rank - 2] != rank - 1)
        continue;
      // transpose = (rest, then exchange): rest = permutation ∘ exchange.
      SmallVector<int64_t> rest =
          applyPermutation(permutation, getSwapOfLastTwo(rank));
      bool isLhs = operand->getOperandNumber() == 0;
      Value replacement = createTranspose(rewriter, transpose.getLoc(),
                                          transpose.getInput(), rest);
      rewriter.modifyOpInPlace(op, [&] {
        operand->set(replacement);
        if (isLhs)
          op.setTransposeA(!op.getTransposeA());
        else
          op.setTransposeB(!op.getTransposeB());
      });
      ++count;
      changed = true;
    }
    return changed ? success()
                   : rewriter.notifyMatchFailure(op, "no operand to absorb");
  }
};

} // namespace

void tenon::populateFoldTransposePatterns(RewritePatternSet &patterns,
                                          Pass::Statistic &numFolded) {
  patterns.add<FoldTransposeOfConstant>(patterns.getContext(), numFolded);
}

void tenon::populateCancelTransposePatterns(RewritePatternSet &patterns,
                                            Pass::Statistic &numFolded,
                                            Pass::Statistic &numAbsorbed) {
  populateFoldTransposePatterns(patterns, numFolded);
  patterns.add<AbsorbTranspose>(patterns.getContext(), numAbsorbed);
}

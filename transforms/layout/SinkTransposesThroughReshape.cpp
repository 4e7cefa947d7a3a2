//===- SinkTransposesThroughReshape.cpp - Transposes below regroupings ----===//

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "transforms/CountedPattern.h"
#include "transforms/layout/DimSymbols.h"
#include "transforms/layout/Permutations.h"
#include "transforms/layout/TransposePatterns.h"

using namespace mlir;
using namespace tenon;

namespace {

/// Dimensions `[inBegin, inEnd)` of a reshape's input that hold the same
/// elements as dimensions `[outBegin, outEnd)` of its result.
struct DimGroup {
  int64_t inBegin, inEnd, outBegin, outEnd;
};

} // namespace

/// Products of the first 0, 1, ... n dimensions, or of the last ones.
static SmallVector<AffineExpr> getProducts(ArrayRef<AffineExpr> dims,
                                           bool fromBack, DimSymbols &symbols) {
  AffineExpr product = getAffineConstantExpr(1, dims.front().getContext());
  SmallVector<AffineExpr> products{product};
  for (size_t i = 0; i != dims.size(); ++i) {
    product =
        symbols.multiply(product, dims[fromBack ? dims.size() - 1 - i : i]);
    products.push_back(product);
  }
  return products;
}

/// Splits a reshape into as many groups of dimensions as are known to have the
/// same product on both sides, from their symbols.
static SmallVector<DimGroup> getGroups(ArrayRef<AffineExpr> in,
                                       ArrayRef<AffineExpr> out,
                                       DimSymbols &symbols) {
  int64_t numIn = in.size(), numOut = out.size();
  SmallVector<AffineExpr> inFront = getProducts(in, false, symbols);
  SmallVector<AffineExpr> outFront = getProducts(out, false, symbols);
  SmallVector<AffineExpr> inBack = getProducts(in, true, symbols);
  SmallVector<AffineExpr> outBack = getProducts(out, true, symbols);
  // A boundary is a place where the products before it, or, as the number of
  // elements is the same, those after it, are equal.
  auto isBoundary = [&](int64_t i, int64_t j) {
    return (i == 0 && j == 0) || (i == numIn && j == numOut) ||
           inFront[i] == outFront[j] ||
           inBack[numIn - i] == outBack[numOut - j];
  };

  // The longest chain of boundaries that ends at each, and the one before it.
  SmallVector<SmallVector<int64_t>> length(
      numIn + 1, SmallVector<int64_t>(numOut + 1, -1));
  SmallVector<SmallVector<std::pair<int64_t, int64_t>>> previous(
      numIn + 1, SmallVector<std::pair<int64_t, int64_t>>(numOut + 1));
  length[0][0] = 0;
  for (int64_t i = 0; i <= numIn; ++i)
    for (int64_t j = 0; j <= numOut; ++j) {
      if ((i == 0 && j == 0) || !isBoundary(i, j))
        continue;
      for (int64_t k = 0; k <= i; ++k)
        for (int64_t l = 0; l <= j; ++l)
          if ((k != i || l != j) && length[k][l] >= 0 &&
              length[k][l] + 1 > length[i][j]) {
            length[i][j] = length[k][l] + 1;
            previous[i][j] = {k, l};
          }
    }

  SmallVector<DimGroup> groups;
  for (int64_t i = numIn, j = numOut; i != 0 || j != 0;) {
    auto [k, l] = previous[i][j];
    groups.push_back({k, i, l, j});
    i = k;
    j = l;
  }
  std::reverse(groups.begin(), groups.end());
  return groups;
}

namespace {

/// reshape(transpose(x))  →  transpose(reshape(x))
///
///   %t = transpose %x [0, 3, 1, 2] : [N, H, W, C] → [N, C, H, W]
///   %y = reshape %t : [N, C, H·W]
/// becomes
///   %r = reshape %x : [N, H·W, C]
///   %y = transpose %r [0, 2, 1]
///
/// 1. The reshape splits into groups of dimensions (see getGroups).
/// 2. The dimensions of each group stand next to each other, and in the same
///    order, in `x` too. Dimensions of size 1 may stand anywhere.
struct SinkBelowReshape : CountedPattern<OpRewritePattern<ReshapeOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(ReshapeOp op,
                                PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "not of a transpose");
    auto inType = cast<RankedTensorType>(transpose.getType());
    auto outType = cast<RankedTensorType>(op.getType());
    if (inType.getRank() == 0 || outType.getRank() == 0)
      return rewriter.notifyMatchFailure(op, "scalar");
    FailureOr<SmallVector<OpFoldResult>> shape =
        getShapeElements(op.getShape());
    if (failed(shape) || int64_t(shape->size()) != outType.getRank())
      return rewriter.notifyMatchFailure(op, "shape operand is opaque");

    DimSymbols symbols(getContext());
    SmallVector<AffineExpr> in, out;
    for (int64_t i = 0; i != inType.getRank(); ++i)
      in.push_back(symbols.getDim(transpose.getOutput(), i));
    for (int64_t i = 0; i != outType.getRank(); ++i)
      out.push_back(symbols.getDim(op.getOutput(), i));

    std::optional<SmallVector<int64_t>> order =
        getOrder(getGroups(in, out, symbols), transpose);
    if (!order)
      return rewriter.notifyMatchFailure(op, "joins dimensions that are apart");

    // Dimension `i` of the new reshape is dimension `order[i]` of the result.
    Value newShape =
        createShapeOperand(rewriter, op.getLoc(),
                           applyPermutation(ArrayRef<OpFoldResult>(*shape),
                                            ArrayRef<int64_t>(*order)));
    auto reshape =
        ReshapeOp::create(rewriter, op.getLoc(), permuteType(outType, *order),
                          transpose.getInput(), newShape);
    rewriter.replaceOp(op, createTranspose(rewriter, op.getLoc(),
                                           reshape.getOutput(),
                                           invertPermutationVector(*order)));
    ++count;
    return success();
  }

private:
  /// The result's dimensions in the order in which the transpose's input holds
  /// them, or nothing if it doesn't hold a group's dimensions together.
  static std::optional<SmallVector<int64_t>> getOrder(ArrayRef<DimGroup> groups,
                                                      TransposeOp transpose) {
    auto sourceType = cast<RankedTensorType>(transpose.getInput().getType());
    // Places in the source, not counting dimensions of size 1.
    SmallVector<int64_t> place;
    int64_t numPlaces = 0;
    for (int64_t size : sourceType.getShape())
      place.push_back(size == 1 ? -1 : numPlaces++);

    // First place of a group → its dimensions of the result. A group without a
    // place (it has one element) goes along with the group before it.
    SmallVector<std::pair<int64_t, SmallVector<int64_t>>> parts;
    for (const DimGroup &group : groups) {
      int64_t first = -1, last = -1;
      for (int64_t i = group.inBegin; i != group.inEnd; ++i) {
        int64_t source = place[transpose.getPermutation()[i]];
        if (source < 0)
          continue;
        if (last >= 0 && source != last + 1)
          return std::nullopt;
        if (first < 0)
          first = source;
        last = source;
      }
      if (first >= 0 || parts.empty())
        parts.emplace_back(first, SmallVector<int64_t>());
      for (int64_t j = group.outBegin; j != group.outEnd; ++j)
        parts.back().second.push_back(j);
    }
    llvm::sort(parts, llvm::less_first());
    SmallVector<int64_t> order;
    for (auto &[first, dims] : parts)
      order.append(dims);
    return order;
  }
};

} // namespace

void tenon::populateSinkTransposeThroughReshapePatterns(
    RewritePatternSet &patterns, Pass::Statistic &numSunk) {
  patterns.add<SinkBelowReshape>(patterns.getContext(), numSunk);
}

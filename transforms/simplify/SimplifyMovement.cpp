//===- SimplifyMovement.cpp - Transposes, reshapes, pads and expands ------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"
#include "transforms/CountedPattern.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/DimResolver.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_SIMPLIFYMOVEMENT
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

static bool isIdentity(ArrayRef<int64_t> permutation) {
  for (auto [i, dim] : llvm::enumerate(permutation))
    if (int64_t(i) != dim)
      return false;
  return true;
}

namespace {
/// A transpose that keeps the order of the dimensions that are not 1 is a
/// reshape. Preconditions: at most one dimension is dynamic (a second one could
/// not be told from it here), and the shape is thus written with -1.
struct TransposeToReshape : CountedPattern<OpRewritePattern<TransposeOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(TransposeOp op,
                                PatternRewriter &rewriter) const override {
    RankedTensorType input = getType(op.getInput());
    int64_t last = -1;
    for (int64_t dim : op.getPermutation()) {
      if (input.getDimSize(dim) == 1)
        continue;
      if (dim < last)
        return rewriter.notifyMatchFailure(op, "elements change their order");
      last = dim;
    }
    SmallVector<int64_t> shape(op.getType().getShape());
    if (llvm::count_if(shape, ShapedType::isDynamic) > 1)
      return rewriter.notifyMatchFailure(op, "two dynamic dimensions");
    if (isIdentity(op.getPermutation()) || llvm::is_contained(shape, 0))
      return failure();
    for (int64_t &size : shape)
      if (ShapedType::isDynamic(size))
        size = -1;
    auto type =
        RankedTensorType::get({int64_t(shape.size())}, rewriter.getI64Type());
    Value target = ConstantOp::create(rewriter, op.getLoc(),
                                      cast<ElementsAttr>(DenseElementsAttr::get(
                                          type, ArrayRef<int64_t>(shape))));
    rewriter.replaceOpWithNewOp<ReshapeOp>(op, op.getType(), op.getInput(),
                                           target);
    ++count;
    return success();
  }
};

/// matmul(a, transpose(b)) -> matmul(a, b) {transpose_b}, where the transpose
/// exchanges the last two dimensions.
struct TransposeIntoMatMul : CountedPattern<OpRewritePattern<MatMulOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(MatMulOp op,
                                PatternRewriter &rewriter) const override {
    Value lhs = getExchanged(op.getLhs()), rhs = getExchanged(op.getRhs());
    if (!lhs && !rhs)
      return failure();
    rewriter.modifyOpInPlace(op, [&] {
      if (lhs) {
        op.getLhsMutable().assign(lhs);
        op.setTransposeA(!op.getTransposeA());
        ++count;
      }
      if (rhs) {
        op.getRhsMutable().assign(rhs);
        op.setTransposeB(!op.getTransposeB());
        ++count;
      }
    });
    return success();
  }

  static Value getExchanged(Value value) {
    auto transpose = value.getDefiningOp<TransposeOp>();
    if (!transpose)
      return nullptr;
    SmallVector<int64_t> permutation(transpose.getPermutation());
    if (permutation.size() < 2)
      return nullptr;
    std::swap(permutation[permutation.size() - 1],
              permutation[permutation.size() - 2]);
    return isIdentity(permutation) ? transpose.getInput() : Value();
  }
};

/// The pads of all dimensions, if `op` pads with zeros at the image dimensions
/// of an NCHW tensor only: begins, then ends, of these dimensions.
std::optional<SmallVector<int64_t>> getImagePads(PadOp op) {
  std::optional<SmallVector<int64_t>> pads = getConstantInts(op.getPads());
  if (!pads || op.getMode() != PadMode::Constant ||
      (op.getValue() && getUniformConstant(op.getValue()) != 0.0))
    return std::nullopt;
  int64_t rank = pads->size() / 2;
  SmallVector<int64_t> image;
  for (auto [i, pad] : llvm::enumerate(*pads)) {
    if (pad < 0 || (int64_t(i) % rank < 2 && pad != 0))
      return std::nullopt;
    if (int64_t(i) % rank >= 2)
      image.push_back(pad);
  }
  return image;
}

/// conv(pad(x)) -> conv(x) with larger pads; the same for an average pool that
/// counts its padding. Preconditions: NCHW, zeros around the image only, and no
/// more of them than the window may pad.
template <typename OpT>
struct PadIntoWindow : CountedPattern<OpRewritePattern<OpT>> {
  using CountedPattern<OpRewritePattern<OpT>>::CountedPattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    auto pad = op.getInput().template getDefiningOp<PadOp>();
    if (!pad || op.getLayout() != Layout::NCHW)
      return failure();
    if constexpr (std::is_same_v<OpT, AveragePoolOp>)
      if (!op.getCountIncludePad() || op.getCeilMode())
        return rewriter.notifyMatchFailure(op,
                                           "padding is not counted as such");
    std::optional<SmallVector<int64_t>> added = getImagePads(pad);
    if (!added || added->size() != op.getPads().size())
      return rewriter.notifyMatchFailure(op, "not zeros around the image");
    SmallVector<int64_t> pads(op.getPads());
    int64_t spatial = pads.size() / 2;
    for (auto [i, more] : llvm::enumerate(*added)) {
      pads[i] += more;
      if (pads[i] > getMaxPad(op, i % spatial))
        return rewriter.notifyMatchFailure(op, "more than the window may pad");
    }
    rewriter.modifyOpInPlace(op, [&] {
      op.getInputMutable().assign(pad.getInput());
      op.setPads(pads);
    });
    ++this->count;
    return success();
  }

  /// The largest padding that `op` allows along an image dimension: a pool's
  /// windows have to reach into the input.
  static int64_t getMaxPad(OpT op, int64_t dim) {
    if constexpr (std::is_same_v<OpT, AveragePoolOp>)
      return std::min<int64_t>(INT32_MAX, (op.getKernel()[dim] - 1) *
                                              op.getDilations()[dim]);
    return INT32_MAX;
  }
};

/// add(expand(x), y) -> add(x, y), where broadcasting x to y does the same.
/// Preconditions: y has the type of the result, and each dimension of x is
/// statically 1 or the one of the result.
struct DropExpand
    : CountedPattern<OpInterfaceRewritePattern<ElementwiseOpInterface>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    auto type = getType(op->getResult(0));
    for (OpOperand &operand : op->getOpOperands()) {
      auto expand = operand.get().getDefiningOp<ExpandOp>();
      if (!expand || !broadcasts(getType(expand.getInput()), type))
        continue;
      bool hasWhole = llvm::any_of(op->getOpOperands(), [&](OpOperand &other) {
        return &other != &operand &&
               getType(other.get()).getShape() == type.getShape() &&
               !other.get().getDefiningOp<ExpandOp>();
      });
      if (!hasWhole)
        continue;
      rewriter.modifyOpInPlace(op, [&] { operand.set(expand.getInput()); });
      ++count;
      return success();
    }
    return failure();
  }

  /// Dynamic dimensions are left to `dropKnownExpands`.
  static bool broadcasts(RankedTensorType from, RankedTensorType to) {
    if (!to.hasStaticShape())
      return false;
    if (from.getRank() == 0)
      return true;
    return from.getRank() == to.getRank() &&
           llvm::all_of_zip(from.getShape(), to.getShape(),
                            [](int64_t size, int64_t target) {
                              return size == 1 || size == target;
                            });
  }
};

struct SimplifyMovement : tenon::impl::SimplifyMovementBase<SimplifyMovement> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<TransposeToReshape>(&getContext(), numTransposesRemoved);
    patterns.add<TransposeIntoMatMul>(&getContext(), numTransposesInMatMul);
    patterns.add<PadIntoWindow<ConvOp>, PadIntoWindow<AveragePoolOp>>(
        &getContext(), numPadsFolded);
    patterns.add<DropExpand>(&getContext(), numExpandsRemoved);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      return signalPassFailure();
    dropKnownIdentities();
  }

  /// Reshapes and expands whose dimensions are known to be those of the input
  /// once both are followed to the function's arguments.
  void dropKnownIdentities() {
    bool hasCandidates = false;
    getOperation().walk([&](Operation *op) {
      hasCandidates |=
          (isa<ReshapeOp, ExpandOp>(op) &&
           op->getOperand(0).getType() == op->getResult(0).getType()) ||
          (isa<ElementwiseOpInterface>(op) &&
           llvm::any_of(op->getOperands(), isDynamicExpand));
    });
    if (!hasCandidates)
      return;
    DimResolver resolver(getOperation());
    getOperation().walk(
        [&](ElementwiseOpInterface op) { dropKnownExpands(op, resolver); });
    getOperation().walk([&](Operation *op) {
      if (!isa<ReshapeOp, ExpandOp>(op) ||
          op->getOperand(0).getType() != op->getResult(0).getType())
        return;
      auto shape = op->getOperand(1).getDefiningOp<tensor::FromElementsOp>();
      if (!shape)
        return;
      for (auto [i, element] : llvm::enumerate(shape.getElements())) {
        if (!getType(op->getOperand(0)).isDynamicDim(i))
          continue;
        auto cast = element.getDefiningOp<arith::IndexCastOp>();
        if (!cast || !areEqualDims(cast.getIn(),
                                   resolver.getDim(op->getOperand(0), i, op)))
          return;
      }
      ++(isa<ReshapeOp>(op) ? numReshapesRemoved : numExpandsRemoved);
      op->getResult(0).replaceAllUsesWith(op->getOperand(0));
      op->erase();
    });
    // The sizes that nobody asked for.
    IRRewriter rewriter(&getContext());
    (void)runRegionDCE(rewriter, getOperation()->getRegions());
  }

  static bool isDynamicExpand(Value value) {
    return value.getDefiningOp<ExpandOp>() && !getType(value).hasStaticShape();
  }

  /// What DropExpand does, where dynamic dimensions are known to be those of
  /// another operand.
  void dropKnownExpands(ElementwiseOpInterface op, DimResolver &resolver) {
    auto type = getType(op->getResult(0));
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isDynamicExpand(operand.get()))
        continue;
      auto expand = operand.get().getDefiningOp<ExpandOp>();
      bool hasWhole = llvm::any_of(op->getOperands(), [&](Value other) {
        return getType(other).getShape() == type.getShape() &&
               !other.getDefiningOp<ExpandOp>() &&
               expandsTo(expand, other, resolver);
      });
      if (!hasWhole)
        continue;
      operand.set(expand.getInput());
      ++numExpandsRemoved;
    }
  }

  /// Whether `expand` makes the shape of `whole` of its input, for certain.
  static bool expandsTo(ExpandOp expand, Value whole, DimResolver &resolver) {
    auto from = getType(expand.getInput()), to = getType(whole);
    bool isScalar = from.getRank() == 0;
    if (!isScalar && from.getRank() != to.getRank())
      return false;
    auto areEqual = [&](Value first, Value second, int64_t index) {
      Value a = resolver.lookup(first, index);
      Value b = resolver.lookup(second, index);
      return a && b && resolver.getExpressions().areEqual(a, b);
    };
    for (int64_t i = 0, e = to.getRank(); i != e; ++i) {
      bool isRepeated = isScalar || from.getDimSize(i) == 1;
      if (!to.isDynamicDim(i)) {
        if (!isRepeated && from.getDimSize(i) != to.getDimSize(i))
          return false;
        continue;
      }
      if (!areEqual(expand.getOutput(), whole, i) ||
          (!isRepeated && !areEqual(expand.getInput(), whole, i)))
        return false;
    }
    return true;
  }
};
} // namespace

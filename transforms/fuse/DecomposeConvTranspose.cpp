//===- DecomposeConvTranspose.cpp - Transposed convolutions as products ---===//

#include "dialects/tenon/TenonOps.h"
#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/CountedPattern.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_DECOMPOSECONVTRANSPOSE
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The elements of a vector again and again, as `[1, ..., 1, columns]` of rank
/// `rank`.
static Value repeat(OpBuilder &builder, ConstantOp vector, int64_t rank,
                    int64_t columns) {
  Location loc = vector.getLoc();
  ElementsAttr value = vector.getValue();
  SmallVector<int64_t> shape(rank, 1);
  shape.back() = columns;
  RankedTensorType resultType = getType(vector).clone(shape);
  if (auto dense = dyn_cast<DenseElementsAttr>(value))
    if (dense.isSplat())
      return ConstantOp::create(builder, loc, dense.resizeSplat(resultType));
  SmallVector<char> bytes;
  for (int64_t i = 0; i != columns; i += value.getNumElements())
    llvm::append_range(bytes, getRawBytes(value));
  return ConstantOp::create(
      builder, loc, DenseElementsAttr::getFromRawBuffer(resultType, bytes));
}

namespace {

/// conv_transpose(x, W) + b  →  reshape(transpose(reshape(x W' + b')))
///
/// A pixel of `[N, H, W, C]` becomes one row of `[N, H, W, kh * kw * M]`, whose
/// parts are the pixels of its window.
///
/// 1. Windows lie side by side: each is as large as the stride, and nothing is
///    cut off or added.
/// 2. The product is large enough for tiles.
/// 3. Elementwise operations behind it, which read nothing else but scalars,
///    stay with the product.
struct DecomposeConvTransposeOp
    : CountedPattern<OpRewritePattern<ConvTransposeOp>> {
  using CountedPattern::CountedPattern;

  LogicalResult matchAndRewrite(ConvTransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto weights = op.getWeights().getDefiningOp<ConstantOp>();
    auto bias =
        op.getBias() ? op.getBias().getDefiningOp<ConstantOp>() : ConstantOp();
    if (!weights || (op.getBias() && !bias))
      return rewriter.notifyMatchFailure(op, "weights are not constant");
    if (op.getLayout() != Layout::NHWC || !hasSeparateWindows(op))
      return rewriter.notifyMatchFailure(op, "windows overlap");
    // Weights are [kernel..., M, C].
    ArrayRef<int64_t> sizes = getType(weights).getShape();
    ArrayRef<int64_t> window = sizes.drop_back(2);
    int64_t channels = sizes.back();
    int64_t columns = ShapedType::getNumElements(sizes.drop_back());
    constexpr int64_t kLeast = 32;
    if (channels < kLeast || columns < kLeast)
      return rewriter.notifyMatchFailure(op, "too small for tiles");

    Location loc = op.getLoc();
    RankedTensorType outType = getType(op.getOutput());
    Value factor = ConstantOp::create(
        rewriter, weights.getLoc(),
        reshapeConstant(weights.getValue(),
                        getType(weights).clone({columns, channels})));
    SmallVector<int64_t> shape(getType(op.getInput()).getShape());
    shape.back() = columns;
    RankedTensorType type = outType.clone(shape);
    Value value = MatMulOp::create(rewriter, loc, type, op.getInput(), factor,
                                   /*transpose_a=*/false, /*transpose_b=*/true,
                                   op.getWide());
    if (bias)
      value = AddOp::create(rewriter, loc, type, value,
                            repeat(rewriter, bias, type.getRank(), columns));
    Operation *last = op;
    for (Operation *reader : getTail(op)) {
      IRMapping mapping;
      mapping.map(last->getResult(0), value);
      Operation *clone = rewriter.clone(*reader, mapping);
      clone->getResult(0).setType(
          getType(reader->getResult(0)).clone(type.getShape()));
      value = clone->getResult(0);
      last = reader;
    }
    rewriter.replaceOp(last, placePixels(rewriter, loc, value, window));
    ++count;
    return success();
  }

private:
  static bool hasSeparateWindows(ConvTransposeOp op) {
    auto isZero = [](int64_t size) { return size == 0; };
    return op.getGroups() == 1 &&
           op.getStrides() ==
               getType(op.getWeights()).getShape().drop_back(2) &&
           llvm::all_of(op.getPads(), isZero) &&
           llvm::all_of(op.getOutputPadding(), isZero) &&
           llvm::all_of(op.getDilations(), [](int64_t d) { return d == 1; });
  }

  /// The elementwise operations that are the only ones to read each other, from
  /// the first behind `op` on.
  static SmallVector<Operation *> getTail(ConvTransposeOp op) {
    SmallVector<Operation *> tail;
    Value end = op.getOutput();
    while (Operation *reader = getPointwiseReader(end)) {
      if (!llvm::all_of(reader->getOperands(), [&](Value operand) {
            return operand == end || getType(operand).getRank() == 0;
          }))
        break;
      tail.push_back(reader);
      end = reader->getResult(0);
    }
    return tail;
  }

  /// `[N, H, W, kh * kw * M]` as `[N, H * kh, W * kw, M]`.
  static Value placePixels(OpBuilder &builder, Location loc, Value value,
                           ArrayRef<int64_t> window) {
    RankedTensorType type = getType(value);
    int64_t numAxes = window.size();
    int64_t channels =
        type.getShape().back() / ShapedType::getNumElements(window);
    auto getSize = [&](int64_t dim) -> OpFoldResult {
      if (!type.isDynamicDim(dim))
        return builder.getI64IntegerAttr(type.getDimSize(dim));
      Value size = tensor::DimOp::create(builder, loc, value, dim);
      return arith::IndexCastOp::create(builder, loc, builder.getI64Type(),
                                        size)
          .getResult();
    };
    auto reshape = [&](Value from, ArrayRef<int64_t> shape,
                       ArrayRef<OpFoldResult> sizes) -> Value {
      return ReshapeOp::create(builder, loc, type.clone(shape), from,
                               createShapeOperand(builder, loc, sizes));
    };
    // [N, H, W, kh, kw, M], and the sizes of the result.
    SmallVector<OpFoldResult> parts{getSize(0)}, joined{getSize(0)};
    SmallVector<int64_t> partsShape{type.getDimSize(0)};
    SmallVector<int64_t> joinedShape{type.getDimSize(0)};
    SmallVector<int64_t> permutation{0};
    for (int64_t i = 0; i != numAxes; ++i) {
      OpFoldResult size = getSize(i + 1);
      parts.push_back(size);
      partsShape.push_back(type.getDimSize(i + 1));
      permutation.append({i + 1, i + 1 + numAxes});
      if (auto known = dyn_cast<Attribute>(size)) {
        joinedShape.push_back(cast<IntegerAttr>(known).getInt() * window[i]);
        joined.push_back(builder.getI64IntegerAttr(joinedShape.back()));
        continue;
      }
      Value stride = arith::ConstantOp::create(
          builder, loc, builder.getI64IntegerAttr(window[i]));
      joinedShape.push_back(ShapedType::kDynamic);
      joined.push_back(
          arith::MulIOp::create(builder, loc, cast<Value>(size), stride)
              .getResult());
    }
    permutation.push_back(2 * numAxes + 1);
    for (int64_t size : window)
      parts.push_back(builder.getI64IntegerAttr(size));
    llvm::append_range(partsShape, window);
    for (auto *sizes : {&parts, &joined})
      sizes->push_back(builder.getI64IntegerAttr(channels));
    for (auto *shape : {&partsShape, &joinedShape})
      shape->push_back(channels);

    Value split = reshape(value, partsShape, parts);
    Value placed = TransposeOp::create(
        builder, loc,
        type.clone(applyPermutation(ArrayRef<int64_t>(partsShape),
                                    ArrayRef<int64_t>(permutation))),
        split, permutation);
    return reshape(placed, joinedShape, joined);
  }
};

struct DecomposeConvTranspose
    : tenon::impl::DecomposeConvTransposeBase<DecomposeConvTranspose> {
  void runOnOperation() override {
    TargetAttr target = getTarget(getOperation());
    if (!target)
      return;
    RewritePatternSet patterns(&getContext());
    patterns.add<DecomposeConvTransposeOp>(&getContext(), numDecomposed);
    FrozenRewritePatternSet frozen(std::move(patterns));
    // The generated kernel for a processor reaches as much of the peak as a
    // product in f32, but doesn't multiply bf16. For a GPU there is none.
    bool hasFastBf16 =
        hasProvider(target, "onednn") &&
        (target.hasFeature("avx512bf16") || target.hasFeature("amx-bf16"));
    SmallVector<Operation *> ops;
    getOperation()->walk([&](ConvTransposeOp op) {
      if (target.getGpus() || (hasFastBf16 && op.getWide() &&
                               getElementTypeOrSelf(op.getInput()).isBF16()))
        ops.push_back(op);
    });
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps);
    if (failed(applyOpPatternsGreedily(ops, frozen, config)))
      signalPassFailure();
  }
};

} // namespace

//===- DecomposeConvTranspose.cpp - Transposed convolutions as others -----===//

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
#include "transforms/simplify/Constants.h"

namespace tenon {
#define GEN_PASS_DEF_DECOMPOSECONVTRANSPOSE
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

/// How a convolution of stride 1 computes one spatial dimension: its result `q`
/// holds the outputs `q * stride` to `(q + 1) * stride - 1`, the phases, and
/// reads the inputs `q - padBegin` to `q - padBegin + window - 1`.
struct Axis {
  /// The phase that uses a tap of the weights, and what it multiplies with it,
  /// from the begin of the window on.
  struct Tap {
    int64_t phase, place;
  };
  int64_t stride, window, padBegin, padEnd;
  SmallVector<Tap> taps;
};

} // namespace

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Nothing if a result would be a part of the stride, if inputs are cut off, or
/// if some outputs read nothing.
static std::optional<Axis> getAxis(ConvTransposeOp op, size_t i) {
  int64_t stride = op.getStrides()[i], dilation = op.getDilations()[i];
  int64_t begin = op.getPads()[i];
  int64_t end = op.getPads()[i + op.getStrides().size()];
  int64_t numTaps = getType(op.getWeights()).getDimSize(i);
  int64_t padding = op.getOutputPadding()[i];
  // Far more than any model has, and far from where these numbers overflow.
  constexpr int64_t kMost = 1 << 20;
  if (std::max({stride, dilation, begin, end, numTaps, padding}) > kMost ||
      std::min({begin, end, padding}) < 0)
    return std::nullopt;

  // Output `o` reads input `(o + begin - tap * dilation) / stride` for each tap
  // for which that is whole, so that each tap belongs to one phase.
  Axis axis{stride, /*window=*/0, /*padBegin=*/0, /*padEnd=*/0, {}};
  llvm::SmallDenseSet<int64_t> phases;
  int64_t least = 0, most = 0;
  for (int64_t tap = 0; tap != numTaps; ++tap) {
    int64_t phase = (tap * dilation - begin) % stride;
    phase += phase < 0 ? stride : 0;
    int64_t offset = (phase + begin - tap * dilation) / stride;
    phases.insert(phase);
    least = std::min(least, offset);
    most = std::max(most, offset);
    axis.taps.push_back({phase, offset});
  }
  for (Axis::Tap &tap : axis.taps)
    tap.place -= least;

  // There are `stride * (in - 1) + rest` outputs.
  int64_t rest = padding + dilation * (numTaps - 1) + 1 - begin - end;
  axis.window = most - least + 1;
  axis.padBegin = -least;
  axis.padEnd = rest / stride - 1 + most;
  if (rest % stride != 0 || axis.padEnd < 0 || int64_t(phases.size()) != stride)
    return std::nullopt;
  return axis;
}

/// The weights `[taps..., M, C]` as `[window..., C, phases * M]`, with 0 where
/// a phase doesn't use a place of the window.
static ElementsAttr placeWeights(const ConstantView &weights,
                                 ArrayRef<Axis> axes) {
  ArrayRef<int64_t> sizes = weights.getType().getShape();
  int64_t inChannels = sizes.back(), outChannels = sizes.drop_back().back();
  SmallVector<int64_t> shape;
  int64_t columns = outChannels;
  for (const Axis &axis : axes) {
    shape.push_back(axis.window);
    columns *= axis.stride;
  }
  shape.append({inChannels, columns});
  ConstantBuffer buffer(weights.getType().clone(shape));
  std::memset(buffer.getData(), 0, buffer.getSize());
  int64_t width = *getElementBytes(weights.getElementType());

  SmallVector<int64_t> tapStrides = computeSuffixProduct(sizes.drop_back(2));
  int64_t numTaps = ShapedType::getNumElements(sizes.drop_back(2));
  for (int64_t tap = 0; tap != numTaps; ++tap) {
    int64_t place = 0, phase = 0;
    for (auto [axis, i] : llvm::zip_equal(axes, delinearize(tap, tapStrides))) {
      place = place * axis.window + axis.taps[i].place;
      phase = phase * axis.stride + axis.taps[i].phase;
    }
    for (int64_t m = 0; m != outChannels; ++m)
      for (int64_t c = 0; c != inChannels; ++c) {
        int64_t from = (tap * outChannels + m) * inChannels + c;
        int64_t to =
            (place * inChannels + c) * columns + phase * outChannels + m;
        std::memcpy(buffer.getData() + to * width,
                    weights.getBytes().data() +
                        (weights.isSplat() ? 0 : from * width),
                    width);
      }
  }
  return buffer.finish();
}

/// The elements of a vector `count` times, one after another.
static ElementsAttr repeat(const ConstantView &vector, int64_t count) {
  int64_t size = vector.getNumElements();
  std::vector<double> values = vector.getDoubles(), repeated;
  for (int64_t i = 0; i != size * count; ++i)
    repeated.push_back(values[i % size]);
  return makeFloatConstant(vector.getType().clone({size * count}), repeated);
}

/// `[N, H, W, sh * sw * M]` as `[N, H * sh, W * sw, M]`.
static Value placePixels(OpBuilder &builder, Location loc, Value value,
                         ArrayRef<Axis> axes) {
  RankedTensorType type = getType(value);
  auto getSize = [&](int64_t dim) -> OpFoldResult {
    if (!type.isDynamicDim(dim))
      return builder.getI64IntegerAttr(type.getDimSize(dim));
    Value size = tensor::DimOp::create(builder, loc, value, dim);
    return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), size)
        .getResult();
  };
  auto multiply = [&](OpFoldResult size, int64_t factor) -> OpFoldResult {
    if (factor == 1)
      return size;
    if (std::optional<int64_t> known = getConstantIntValue(size))
      return builder.getI64IntegerAttr(*known * factor);
    Value other = arith::ConstantOp::create(builder, loc,
                                            builder.getI64IntegerAttr(factor));
    return arith::MulIOp::create(builder, loc, cast<Value>(size), other)
        .getResult();
  };
  auto reshape = [&](Value from, ArrayRef<OpFoldResult> sizes) -> Value {
    SmallVector<int64_t> shape;
    for (OpFoldResult size : sizes)
      shape.push_back(getConstantIntValue(size).value_or(ShapedType::kDynamic));
    return ReshapeOp::create(builder, loc, type.clone(shape), from,
                             createShapeOperand(builder, loc, sizes));
  };

  // [N, H, W, sh, sw, M] → [N, H, sh, W, sw, M] → the result, with parts for
  // strides of more than 1.
  SmallVector<OpFoldResult> parts{getSize(0)}, joined{getSize(0)}, phases;
  SmallVector<int64_t> permutation{0};
  int64_t channels = type.getShape().back();
  for (auto [i, axis] : llvm::enumerate(axes)) {
    parts.push_back(getSize(i + 1));
    joined.push_back(multiply(parts.back(), axis.stride));
    permutation.push_back(i + 1);
    if (axis.stride == 1)
      continue;
    phases.push_back(builder.getI64IntegerAttr(axis.stride));
    permutation.push_back(axes.size() + phases.size());
    channels /= axis.stride;
  }
  llvm::append_range(parts, phases);
  permutation.push_back(parts.size());
  for (auto *sizes : {&parts, &joined})
    sizes->push_back(builder.getI64IntegerAttr(channels));

  Value split = reshape(value, parts);
  Value placed = TransposeOp::create(
      builder, loc,
      type.clone(applyPermutation(getType(split).getShape(), permutation)),
      split, permutation);
  return reshape(placed, joined);
}

namespace {

/// conv_transpose(x, W, b)  →  place(conv(x, W', b'))
///
/// The convolution has stride 1, and its channels are those of the `sh * sw`
/// outputs that begin at a multiple of the strides. Where windows lie side by
/// side its window is one pixel: it is a matrix product.
///
/// 1. Groups are one, and windows of all phases together are not mostly empty:
///    at most three zeros for each weight.
/// 2. The channels are enough for tiles.
/// 3. Elementwise operations behind it, which read nothing else but scalars,
///    stay with the convolution.
struct DecomposeConvTransposeOp
    : CountedPattern<OpRewritePattern<ConvTransposeOp>> {
  DecomposeConvTransposeOp(MLIRContext *context, Pass::Statistic &count,
                           bool mayOverlap)
      : CountedPattern(context, count), mayOverlap(mayOverlap) {}

  LogicalResult matchAndRewrite(ConvTransposeOp op,
                                PatternRewriter &rewriter) const override {
    auto weights = ConstantView::get(op.getWeights());
    auto bias = op.getBias() ? ConstantView::get(op.getBias()) : std::nullopt;
    if (!weights || (op.getBias() && !bias))
      return rewriter.notifyMatchFailure(op, "weights are not constant");
    if (op.getLayout() != Layout::NHWC || op.getGroups() != 1)
      return rewriter.notifyMatchFailure(op, "not of all channels, last");
    SmallVector<Axis> axes;
    SmallVector<int64_t> pads, padEnds;
    int64_t numPhases = 1;
    double work = 1;
    for (size_t i = 0; i != op.getStrides().size(); ++i) {
      std::optional<Axis> axis = getAxis(op, i);
      if (!axis)
        return rewriter.notifyMatchFailure(op, "not of whole strides");
      if (axis->window != 1 && !mayOverlap)
        return rewriter.notifyMatchFailure(op, "no matrix product");
      work *= double(axis->window * axis->stride) / axis->taps.size();
      numPhases *= axis->stride;
      pads.push_back(axis->padBegin);
      padEnds.push_back(axis->padEnd);
      axes.push_back(std::move(*axis));
    }
    pads.append(padEnds);
    if (work > 4)
      return rewriter.notifyMatchFailure(op, "most factors would be 0");
    ArrayRef<int64_t> sizes = weights->getType().getShape();
    int64_t columns = numPhases * sizes.drop_back().back();
    constexpr int64_t kLeast = 32;
    if (sizes.back() < kLeast || columns < kLeast)
      return rewriter.notifyMatchFailure(op, "too small for tiles");

    // Behind all that the tail reads.
    SmallVector<Operation *> tail = getTail(op);
    if (!tail.empty())
      rewriter.setInsertionPoint(tail.back());
    Location loc = op.getLoc();
    RankedTensorType inType = getType(op.getInput());
    SmallVector<int64_t> shape(inType.getShape());
    for (auto [i, axis] : llvm::enumerate(axes))
      if (!inType.isDynamicDim(i + 1))
        shape[i + 1] += axis.padBegin + axis.padEnd - (axis.window - 1);
    shape.back() = columns;
    Value placed = ConstantOp::create(rewriter, op.getWeights().getLoc(),
                                      placeWeights(*weights, axes));
    Value repeated;
    if (bias)
      repeated = ConstantOp::create(rewriter, op.getBias().getLoc(),
                                    repeat(*bias, numPhases));
    SmallVector<int64_t> ones(axes.size(), 1);
    Value value = ConvOp::create(
        rewriter, loc, getType(op.getOutput()).clone(shape), op.getInput(),
        placed, repeated, /*strides=*/ones, pads,
        /*dilations=*/ones, /*groups=*/1, Layout::NHWC, op.getWide());
    Operation *last = op;
    for (Operation *reader : tail) {
      IRMapping mapping;
      mapping.map(last->getResult(0), value);
      value = rewriter.clone(*reader, mapping)->getResult(0);
      value.setType(getType(reader->getResult(0)).clone(shape));
      last = reader;
    }
    rewriter.replaceOp(last, placePixels(rewriter, loc, value, axes));
    if (!tail.empty()) {
      tail.pop_back();
      for (Operation *reader : llvm::reverse(tail))
        rewriter.eraseOp(reader);
      rewriter.eraseOp(op);
    }
    ++count;
    return success();
  }

private:
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

  /// Whether windows may overlap.
  bool mayOverlap;
};

struct DecomposeConvTranspose
    : tenon::impl::DecomposeConvTransposeBase<DecomposeConvTranspose> {
  void runOnOperation() override {
    TargetAttr target = getTarget(getOperation());
    if (!target)
      return;
    // The generated kernel for a processor reaches as much of the peak as a
    // product in f32, but doesn't multiply bf16. For a GPU there is none.
    bool hasGpu = bool(target.getGpus());
    bool hasAmx =
        hasProvider(target, "onednn") && target.hasFeature("amx-bf16");
    bool hasFastBf16 = hasAmx || (hasProvider(target, "onednn") &&
                                  target.hasFeature("avx512bf16"));
    SmallVector<Operation *> ops;
    getOperation()->walk([&](ConvTransposeOp op) {
      if (hasGpu || (hasFastBf16 && op.getWide() &&
                     getElementTypeOrSelf(op.getInput()).isBF16()))
        ops.push_back(op);
    });
    RewritePatternSet patterns(&getContext());
    patterns.add<DecomposeConvTransposeOp>(&getContext(), numDecomposed,
                                           /*mayOverlap=*/hasGpu || hasAmx);
    GreedyRewriteConfig config;
    config.setStrictness(GreedyRewriteStrictness::ExistingOps);
    if (failed(applyOpPatternsGreedily(ops, std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

//===- DepthwiseConvKernel.cpp - Convolution of each channel by itself ----===//
//
// Lanes are channels. A tile is some neighbouring pixels of a row, so that an
// input that several of them see is loaded once. At a border the inputs that
// don't exist are loaded from where the row ends and replaced by zeros.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/Emitters.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <map>

using namespace mlir;

namespace tenon::cpu {

/// About how many pixels of a row a unit has.
static constexpr int64_t kBlockPixels = 128;
/// Wider kernels are left to the general convolution.
static constexpr int64_t kMaxTaps = 11;

namespace {

class DepthwiseEmitter {
public:
  explicit DepthwiseEmitter(KernelFunction &function);
  Value emitUnits();
  void emitBody();

private:
  SmallVector<Dim> getUnitShape();
  void emitUnit(OpBuilder &builder, Dim unit);
  void emitPixels(OpBuilder &builder, Dim pixel, int64_t height);
  void emitChannels(OpBuilder &builder, Dim pixel, int64_t height,
                    bool isInside);
  /// All taps of axes from `axis` on; `input` and `weight` are positions.
  SmallVector<Value> emitTaps(OpBuilder &builder, unsigned axis, Dim input,
                              Dim weight, SmallVector<Value> sums,
                              bool isInside, Dim firstInput);
  /// The taps of the last axis, which rows run along.
  SmallVector<Value> emitRow(OpBuilder &builder, Dim input, Dim weight,
                             SmallVector<Value> sums, bool isInside,
                             Dim firstInput);

  KernelFunction &function;
  ConvOp op;
  Location loc;
  AnchorTail tail;
  Type accumulator;
  unsigned last;
  int64_t channels, lanes, tileRows;
  SmallVector<int64_t> kernel;
  Dim batch, numBlocks;
  SmallVector<Dim> inSizes, outSizes, inStrides;
  SmallVector<int64_t> tapStrides; ///< In the weights.
  Dim imageSize;
  Value input, weights, bias;
  // Of the unit being emitted.
  Dim image;
  SmallVector<Dim> outer;
};

} // namespace

DepthwiseEmitter::DepthwiseEmitter(KernelFunction &function)
    : function(function), op(getAnchor<ConvOp>(function.getKernel())),
      loc(function.getLoc()), tail(function, op) {
  IndexBuilder index(function.getBuilder(), loc, 1);
  DimBuilder &dims = index.uniform();
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  accumulator = getAccumulatorType(type.getElementType());
  ArrayRef<int64_t> weightShape =
      cast<RankedTensorType>(op.getWeights().getType()).getShape();
  kernel.assign(weightShape.begin(), weightShape.end() - 2);
  last = kernel.size() - 1;
  channels = weightShape.back();
  lanes = std::min(function.getWidth(accumulator), channels);
  // As in chooseTileShape.
  if (function.getElementType(op.getInput()).isBF16())
    lanes = std::max<int64_t>(llvm::bit_floor(uint64_t(lanes)), 1);

  SmallVector<Dim> in = function.getShape(op.getInput());
  SmallVector<Dim> out = function.getShape(op.getOutput());
  batch = out[0];
  inSizes.assign(in.begin() + 1, in.end() - 1);
  outSizes.assign(out.begin() + 1, out.end() - 1);
  inStrides.resize(last + 1);
  tapStrides.resize(last + 1);
  Dim stride = channels;
  int64_t tapStride = channels;
  for (int64_t axis = last; axis >= 0; --axis) {
    inStrides[axis] = stride;
    tapStrides[axis] = tapStride;
    stride = dims.mul(stride, inSizes[axis]);
    tapStride *= kernel[axis];
  }
  imageSize = stride;

  // Accumulators, the taps of a row and one input stand in registers.
  int64_t limit = function.getVectorBits() == 256 ? 6 : 8;
  tileRows = limit;
  if (outSizes[last].isConstant()) {
    int64_t width = std::max<int64_t>(outSizes[last].getConstant(), 1);
    tileRows = llvm::divideCeil(width, llvm::divideCeil(width, limit));
  }
  numBlocks =
      emitCeilDiv(function.getBuilder(), loc, outSizes[last], kBlockPixels);
}

SmallVector<Dim> DepthwiseEmitter::getUnitShape() {
  SmallVector<Dim> shape = {batch};
  shape.append(outSizes.begin(), outSizes.end() - 1);
  shape.push_back(numBlocks);
  return shape;
}

Value DepthwiseEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(index.product(getUnitShape()));
}

void DepthwiseEmitter::emitBody() {
  input = function.getFlat(op.getInput());
  weights = function.getFlat(op.getWeights());
  if (op.getBias())
    bias = function.getFlat(op.getBias());
  emitLoop(function.getBuilder(), loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

void DepthwiseEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  SmallVector<Dim> position = index.delinearize(unit, getUnitShape());
  image = position.front();
  outer.assign(position.begin() + 1, position.end() - 1);
  Dim size = outSizes[last];
  Dim begin = 0, end = size;
  if (!numBlocks.isConstant() || numBlocks.getConstant() != 1) {
    begin = index.div(dims.mul(position.back(), size), numBlocks);
    end = index.div(dims.mul(dims.add(position.back(), 1), size), numBlocks);
  }
  int64_t minimum =
      size.isConstant() ? std::min(size.getConstant(), kBlockPixels / 2) : 0;
  SmallVector<int64_t> tiles = {tileRows};
  if (minimum < tileRows && tileRows > 1)
    tiles.push_back(1);
  emitTiles(builder, loc, dims.sub(end, begin), minimum, tiles,
            [&](OpBuilder &nested, Dim pixel, int64_t height, Dim) {
              emitPixels(nested, DimBuilder(nested, loc).add(begin, pixel),
                         height);
            });
}

void DepthwiseEmitter::emitPixels(OpBuilder &builder, Dim pixel,
                                  int64_t height) {
  if (op.getPads()[last] <= 0 && op.getPads()[2 * last + 1] <= 0)
    return emitChannels(builder, pixel, height, /*isInside=*/true);
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  int64_t stride = op.getStrides()[last];
  Dim first = dims.sub(dims.mul(pixel, stride), op.getPads()[last]);
  Dim reach = dims.add(first, (height - 1) * stride +
                                  (kernel[last] - 1) * op.getDilations()[last]);
  Value isInside =
      arith::AndIOp::create(builder, loc, index.lessEqual(Dim(0), first),
                            index.less(reach, inSizes[last]));
  auto emitSide = [&](bool side) {
    return [this, pixel, height, side](OpBuilder &nested, Location) {
      emitChannels(nested, pixel, height, side);
      scf::YieldOp::create(nested, loc);
    };
  };
  scf::IfOp::create(builder, loc, isInside, emitSide(true), emitSide(false));
}

void DepthwiseEmitter::emitChannels(OpBuilder &builder, Dim pixel,
                                    int64_t height, bool isInside) {
  IndexBuilder outside(builder, loc, 1);
  Dim count = llvm::divideCeil(channels, lanes);
  emitLoop(
      builder, loc, outside.value(0), outside.value(count),
      [&](OpBuilder &nested, Value i) {
        IndexBuilder index(nested, loc, 1);
        DimBuilder &dims = index.uniform();
        Dim channel = dims.mul(i, lanes);
        if (channels % lanes != 0)
          channel = dims.min(channel, channels - lanes);
        TileShape shape{height, 1, lanes};
        SmallVector<Value> sums;
        if (bias)
          sums.assign(height, emitLoad(nested, loc, bias, index.value(channel),
                                       lanes, accumulator));
        else
          sums = emitZeroTile(nested, loc, shape, accumulator);
        // The first tap of the first pixel may stand before the image; it isn't
        // loaded then.
        Dim position = dims.add(dims.mul(image, imageSize), channel);
        sums = emitTaps(nested, 0, position, channel, sums, isInside,
                        dims.sub(dims.mul(pixel, op.getStrides()[last]),
                                 op.getPads()[last]));
        tail.emitTile(nested, shape, sums, [&](OpBuilder &inner, Dim row, Dim) {
          SmallVector<LaneIndex> result = {LaneIndex(image)};
          for (Dim i : outer)
            result.push_back(LaneIndex(i));
          result.push_back(LaneIndex(DimBuilder(inner, loc).add(pixel, row)));
          result.push_back(LaneIndex(channel, 1));
          return result;
        });
      });
}

SmallVector<Value> DepthwiseEmitter::emitTaps(OpBuilder &builder, unsigned axis,
                                              Dim position, Dim weight,
                                              SmallVector<Value> sums,
                                              bool isInside, Dim firstInput) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  if (axis != last) {
    int64_t stride = op.getStrides()[axis], dilation = op.getDilations()[axis];
    Dim first = dims.sub(dims.mul(outer[axis], stride), op.getPads()[axis]);
    Dim lower = 0, upper = kernel[axis];
    if (op.getPads()[axis] > 0 || op.getPads()[axis + last + 1] > 0) {
      lower = emitCeilDiv(builder, loc, dims.sub(0, first), dilation);
      Dim end =
          emitCeilDiv(builder, loc, dims.sub(inSizes[axis], first), dilation);
      upper = dims.min(upper, dims.max(end, lower));
    }
    auto loop = scf::ForOp::create(
        builder, loc, index.value(lower), index.value(upper), index.value(1),
        sums, [&](OpBuilder &nested, Location, Value tap, ValueRange current) {
          DimBuilder dims(nested, loc);
          Dim at = dims.add(first, dims.mul(tap, dilation));
          SmallVector<Value> next =
              emitTaps(nested, axis + 1,
                       dims.add(position, dims.mul(at, inStrides[axis])),
                       dims.add(weight, dims.mul(tap, tapStrides[axis])),
                       SmallVector<Value>(current), isInside, firstInput);
          scf::YieldOp::create(nested, loc, next);
        });
    return SmallVector<Value>(loop.getResults());
  }

  if (isInside || inSizes[axis].isConstant())
    return emitRow(builder, position, weight, sums, isInside, firstInput);
  // Of an empty row there is nothing to load instead of what doesn't exist.
  auto branch = scf::IfOp::create(
      builder, loc, index.less(Dim(0), inSizes[axis]),
      [&](OpBuilder &nested, Location) {
        scf::YieldOp::create(
            nested, loc,
            emitRow(nested, position, weight, sums, isInside, firstInput));
      },
      [&](OpBuilder &nested, Location) {
        scf::YieldOp::create(nested, loc, sums);
      });
  return SmallVector<Value>(branch.getResults());
}

SmallVector<Value> DepthwiseEmitter::emitRow(OpBuilder &builder, Dim position,
                                             Dim weight,
                                             SmallVector<Value> sums,
                                             bool isInside, Dim firstInput) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  int64_t stride = op.getStrides()[last], dilation = op.getDilations()[last];
  SmallVector<Value> taps;
  for (int64_t tap = 0; tap != kernel[last]; ++tap)
    taps.push_back(emitLoad(builder, loc, weights,
                            index.value(dims.add(weight, tap * channels)),
                            lanes, accumulator));
  Value zero = emitZeroTile(builder, loc, {1, 1, lanes}, accumulator).front();
  // Which sums want an input, and the weight of it in each.
  std::map<int64_t, SmallVector<std::pair<int64_t, int64_t>>> columns;
  for (auto row : llvm::seq<int64_t>(0, sums.size()))
    for (auto tap : llvm::seq<int64_t>(0, kernel[last]))
      columns[row * stride + tap * dilation].push_back({row, tap});
  for (auto &[column, uses] : columns) {
    Dim at = dims.add(firstInput, column);
    Value exists;
    if (!isInside) {
      exists = arith::AndIOp::create(builder, loc, index.lessEqual(Dim(0), at),
                                     index.less(at, inSizes[last]));
      at = dims.max(dims.min(at, dims.sub(inSizes[last], 1)), 0);
    }
    Value loaded =
        emitLoad(builder, loc, input,
                 index.value(dims.add(position, dims.mul(at, channels))), lanes,
                 accumulator);
    if (exists)
      loaded = arith::SelectOp::create(builder, loc, exists, loaded, zero);
    for (auto [row, tap] : uses)
      sums[row] = emitMultiplyAdd(builder, loc, loaded, taps[tap], sums[row]);
  }
  return sums;
}

static bool matchesDepthwise(KernelOp kernel) {
  ConvOp op = getAnchor<ConvOp>(kernel);
  if (!op || op.getLayout() != Layout::NHWC)
    return false;
  auto type = cast<RankedTensorType>(op.getWeights().getType());
  if (!type.hasStaticShape())
    return false;
  ArrayRef<int64_t> shape = type.getShape();
  int64_t taps = shape[shape.size() - 3];
  return int64_t(op.getGroups()) == shape.back() &&
         shape[shape.size() - 2] == 1 && taps <= kMaxTaps;
}

const KernelEmitter kDepthwiseConvEmitter = {
    "depthwise_conv", matchesDepthwise, /*collapses=*/false,
    emitUnitsOf<DepthwiseEmitter>, emitBodyOf<DepthwiseEmitter>};

} // namespace tenon::cpu

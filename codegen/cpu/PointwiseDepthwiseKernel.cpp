//===- PointwiseDepthwiseKernel.cpp - Two convolutions in turns -----------===//
//
// A pointwise convolution with a tail, and the depthwise one with its tail that
// reads it. What is between them is never in memory: a unit of work is a vector
// of channels in a band of rows, and from top to bottom it makes a row as soon
// as the window reaches it, in a ring of as many rows as the window has, which
// stays in the first cache. Rows begin and end with zeros where there is
// padding, so that no tap has to ask whether its input exists.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/ConvPlan.h"
#include "codegen/cpu/Emitters.h"
#include "dialects/tenon/TenonDepthwise.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {

/// How far the windows of a unit's columns begin apart, at most.
static constexpr int64_t kBlockColumns = 128;
/// A band makes the first rows of its window once more than needed: at most one
/// row in so many.
static constexpr int64_t kRepeatedRow = 16;
/// The pixels of a tile of the depthwise convolution. Accumulators, the taps of
/// a row and one input stand in registers.
static constexpr int64_t kTilePixels = 7;

namespace {

/// The two convolutions of such a kernel; null if it is none.
struct PointwiseDepthwise {
  ConvOp pointwise, depthwise;

  explicit PointwiseDepthwise(KernelOp kernel);
  explicit operator bool() const { return depthwise; }
};

class PointwiseDepthwiseEmitter {
public:
  explicit PointwiseDepthwiseEmitter(KernelFunction &function);
  Value emitUnits();
  void emitBody();

private:
  void emitUnit(OpBuilder &builder, Dim unit);
  /// Makes a row of the ring.
  void emitRingRow(OpBuilder &builder, Dim row);
  void emitRingPixels(OpBuilder &builder, Dim pixel, int64_t count);
  void emitZeros(OpBuilder &builder, Dim begin, Dim end);
  void emitOutputRow(OpBuilder &builder, Dim y);
  void emitOutputPixels(OpBuilder &builder, Dim y, Dim pixel, int64_t count);
  /// The taps of one row of the window.
  SmallVector<Value> emitTaps(OpBuilder &builder, Dim row, Dim tapRow,
                              Dim pixel, SmallVector<Value> sums);

  KernelFunction &function;
  Location loc;
  PointwiseDepthwise convs;
  AnchorTail ringTail, outputTail;
  Type element;
  int64_t inChannels, channels, lanes, kernel, stride;
  TileShape tile; ///< Of the pointwise convolution.
  int64_t ringRow;
  Dim batch, height, width, outHeight, outWidth;
  Dim numBands, numBlocks, numPanels;
  Value input, weights, bias, taps, tapBias, ring;
  bool packed;

  // Of the unit being emitted.
  Dim image, panel, channel, columnBegin, columnEnd;
  /// The first column of the input, which may be padding; how many the window
  /// reads; and which of them exist.
  Dim first, span, left, right;

  // Of the row of outputs being emitted: which rows its window has. Rows count
  // from the first of the padding, and those of padding are not there.
  Dim windowBegin, windowEnd;
  // Of the row between being emitted: where it is in the ring and in the input.
  Dim slot, inputRow;
};

} // namespace

PointwiseDepthwise::PointwiseDepthwise(KernelOp kernel) {
  Block &body = kernel.getBody().front();
  auto found = llvm::to_vector(body.getOps<ConvOp>());
  if (found.size() != 2 || !isMadeRowByRow(found[0], found[1]))
    return;
  auto isGiven = [](Value value) {
    return isa<BlockArgument>(value) || value.getDefiningOp<ConstantOp>();
  };
  if (!llvm::all_of(found[0]->getOperands(), isGiven) ||
      !llvm::all_of(found[1]->getOperands().drop_front(), isGiven))
    return;
  // What is computed from the first convolution, but not through the second.
  llvm::SmallPtrSet<Value, 16> before;
  before.insert(found[0].getOutput());
  for (Operation &op : body.without_terminator()) {
    if (isa<ConstantOp, ConvOp>(op) ||
        llvm::none_of(op.getResultTypes(), llvm::IsaPred<RankedTensorType>))
      continue;
    if (!isa<ElementwiseOpInterface>(op) || !canEmitElements(&op))
      return;
    if (llvm::any_of(op.getOperands(),
                     [&](Value operand) { return before.contains(operand); }))
      before.insert(op.getResult(0));
  }
  auto isResult = [&](Value value) {
    return !before.contains(value) &&
           value.getType() == found[1].getOutput().getType();
  };
  if (!before.contains(found[1].getInput()) ||
      !llvm::all_of(kernel.getYield().getOperands(), isResult))
    return;
  pointwise = found[0];
  depthwise = found[1];
}

/// The pixels and channels of a tile of the pointwise convolution.
static TileShape getTile(PointwiseDepthwise convs, unsigned vectorBits) {
  // Sides of pictures are often multiples of it.
  constexpr int64_t kMaxPixels = 14;
  Type element = getType(convs.pointwise.getOutput()).getElementType();
  int64_t channels = getType(convs.pointwise.getWeights()).getShape().back();
  int64_t lanes = vectorBits / element.getIntOrFloatBitWidth();
  TileShape tile =
      chooseTileShape(vectorBits, element, /*rows=*/ShapedType::kDynamic,
                      std::min(lanes, channels));
  tile.rows = std::min(tile.rows, kMaxPixels);
  return tile;
}

PointwiseDepthwiseEmitter::PointwiseDepthwiseEmitter(KernelFunction &function)
    : function(function), loc(function.getLoc()), convs(function.getKernel()),
      ringTail(function, convs.pointwise, convs.depthwise.getInput(),
               [this](OpBuilder &builder, ArrayRef<LaneIndex> at, Value value) {
                 IndexBuilder index(builder, loc, 1);
                 DimBuilder &dims = index.uniform();
                 Dim pixel = dims.sub(at[2].base, first);
                 Dim to = dims.add(slot, dims.mul(pixel, lanes));
                 emitStore(builder, loc, value, ring, index.value(to));
               }),
      outputTail(function, convs.depthwise),
      element(getType(convs.depthwise.getOutput()).getElementType()),
      tile(getTile(convs, function.getVectorBits())),
      packed(isPacked(function.getKernel(), convs.pointwise.getWeights())) {
  OpBuilder &builder = function.getBuilder();
  ArrayRef<int64_t> shape = getType(convs.pointwise.getWeights()).getShape();
  inChannels = shape[2];
  channels = shape[3];
  lanes = tile.lanes;
  kernel = getType(convs.depthwise.getWeights()).getDimSize(0);
  stride = convs.depthwise.getStrides()[0];
  int64_t blockPixels = llvm::divideCeil(kBlockColumns, stride);
  ringRow = ((blockPixels - 1) * stride + kernel) * lanes;

  SmallVector<Dim> in = function.getShape(convs.pointwise.getInput());
  SmallVector<Dim> out = function.getShape(convs.depthwise.getOutput());
  batch = in[0];
  height = in[1];
  width = in[2];
  outHeight = out[1];
  outWidth = out[2];
  int64_t bandRows = kRepeatedRow * (kernel - stride) / stride;
  numBands = emitCeilDiv(builder, loc, outHeight,
                         std::max<int64_t>(bandRows, kRepeatedRow));
  numBlocks = emitCeilDiv(builder, loc, outWidth, blockPixels);
  numPanels = llvm::divideCeil(channels, lanes);
}

Value PointwiseDepthwiseEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(index.product({batch, numBands, numBlocks, numPanels}));
}

void PointwiseDepthwiseEmitter::emitBody() {
  input = function.getFlat(convs.pointwise.getInput());
  weights = function.getFlat(convs.pointwise.getWeights());
  if (convs.pointwise.getBias())
    bias = function.getFlat(convs.pointwise.getBias());
  taps = function.getFlat(convs.depthwise.getWeights());
  if (convs.depthwise.getBias())
    tapBias = function.getFlat(convs.depthwise.getBias());
  ring = emitScratch(function, kernel * ringRow, element);
  emitLoop(function.getBuilder(), loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

void PointwiseDepthwiseEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  // Neighbouring units read the same input.
  SmallVector<Dim> position =
      index.delinearize(unit, {batch, numBands, numBlocks, numPanels});
  auto getPart = [&](Dim i, Dim size, Dim count) {
    return std::make_pair(index.div(dims.mul(i, size), count),
                          index.div(dims.mul(dims.add(i, 1), size), count));
  };
  image = position[0];
  Dim bandBegin, bandEnd;
  std::tie(bandBegin, bandEnd) = getPart(position[1], outHeight, numBands);
  std::tie(columnBegin, columnEnd) = getPart(position[2], outWidth, numBlocks);
  panel = position[3];
  channel = dims.mul(panel, lanes);
  if (channels % lanes != 0)
    channel = dims.min(channel, channels - lanes);
  first = dims.sub(dims.mul(columnBegin, stride), convs.depthwise.getPads()[1]);
  span = dims.mul(dims.sub(dims.sub(columnEnd, columnBegin), 1), stride);
  span = dims.add(span, kernel);
  left = dims.min(dims.max(dims.sub(0, first), 0), span);
  right = dims.max(dims.min(dims.sub(width, first), span), left);

  emitLoop(builder, loc, index.value(bandBegin), index.value(bandEnd),
           [&](OpBuilder &nested, Value y) {
             IndexBuilder index(nested, loc, 1);
             DimBuilder &dims = index.uniform();
             windowBegin = dims.mul(y, stride);
             windowEnd = dims.add(windowBegin, kernel);
             // The window moves by so many rows; at first all are new.
             Dim next = dims.selectLess(
                 bandBegin, y, dims.sub(windowEnd, stride), windowBegin);
             int64_t pad = convs.depthwise.getPads()[0];
             windowBegin = dims.max(windowBegin, pad);
             windowEnd = dims.min(windowEnd, dims.add(height, pad));
             emitLoop(nested, loc, index.value(dims.max(next, pad)),
                      index.value(windowEnd), [&](OpBuilder &inner, Value row) {
                        emitRingRow(inner, row);
                      });
             emitOutputRow(nested, y);
           });
}

void PointwiseDepthwiseEmitter::emitRingRow(OpBuilder &builder, Dim row) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  slot = dims.mul(index.rem(row, kernel), ringRow);
  inputRow = dims.sub(row, convs.depthwise.getPads()[0]);
  Dim count = dims.sub(right, left);
  emitZeros(builder, 0, left);
  emitTiles(builder, loc, count, 0, getTileSizes(tile.rows, count),
            [&](OpBuilder &nested, Dim pixel, int64_t size, Dim) {
              emitRingPixels(nested, DimBuilder(nested, loc).add(left, pixel),
                             size);
            });
  emitZeros(builder, right, span);
}

void PointwiseDepthwiseEmitter::emitZeros(OpBuilder &builder, Dim begin,
                                          Dim end) {
  DimBuilder dims(builder, loc);
  emitCopy(builder, loc, lanes, {}, 0, ring,
           dims.add(slot, dims.mul(begin, lanes)),
           dims.mul(dims.sub(end, begin), lanes));
}

void PointwiseDepthwiseEmitter::emitRingPixels(OpBuilder &builder, Dim pixel,
                                               int64_t count) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  TileShape shape{count, 1, lanes};
  SmallVector<Value> sums = emitZeroTile(builder, loc, shape, element);
  if (bias)
    sums.assign(count, emitLoad(builder, loc, bias, index.value(channel), lanes,
                                element));
  Dim column = dims.add(first, pixel);
  Dim at = dims.add(dims.mul(image, height), inputRow);
  at = dims.add(dims.mul(at, width), column);
  TileOperands operands;
  operands.lhs = input;
  operands.lhsOffset = dims.mul(at, inChannels);
  operands.lhsRowStride = inChannels;
  operands.rhs = weights;
  operands.rhsOffset = packed ? dims.mul(panel, lanes * inChannels) : channel;
  ReductionLoop sum{0, inChannels, 1, packed ? lanes : channels};
  sums = emitTile(builder, loc, shape, operands, sum, element, sums);
  ringTail.emitTile(builder, shape, sums, [&](OpBuilder &inner, Dim i, Dim) {
    return SmallVector<LaneIndex>{
        LaneIndex(image), LaneIndex(inputRow),
        LaneIndex(DimBuilder(inner, loc).add(column, i)),
        LaneIndex(channel, 1)};
  });
}

void PointwiseDepthwiseEmitter::emitOutputRow(OpBuilder &builder, Dim y) {
  Dim count = DimBuilder(builder, loc).sub(columnEnd, columnBegin);
  emitTiles(builder, loc, count, 0, {kTilePixels, 1},
            [&](OpBuilder &nested, Dim pixel, int64_t size, Dim) {
              emitOutputPixels(nested, y, pixel, size);
            });
}

void PointwiseDepthwiseEmitter::emitOutputPixels(OpBuilder &builder, Dim y,
                                                 Dim pixel, int64_t count) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  TileShape shape{count, 1, lanes};
  SmallVector<Value> sums = emitZeroTile(builder, loc, shape, element);
  if (tapBias)
    sums.assign(count, emitLoad(builder, loc, tapBias, index.value(channel),
                                lanes, element));
  // The rows of the window.
  auto rows = scf::ForOp::create(
      builder, loc, index.value(windowBegin), index.value(windowEnd),
      index.value(1), sums,
      [&](OpBuilder &nested, Location, Value row, ValueRange current) {
        Dim tap = DimBuilder(nested, loc).sub(row, dims.mul(y, stride));
        scf::YieldOp::create(
            nested, loc,
            emitTaps(nested, row, tap, pixel, SmallVector<Value>(current)));
      });
  Dim column = dims.add(columnBegin, pixel);
  outputTail.emitTile(builder, shape, rows.getResults(),
                      [&](OpBuilder &inner, Dim i, Dim) {
                        return SmallVector<LaneIndex>{
                            LaneIndex(image), LaneIndex(y),
                            LaneIndex(DimBuilder(inner, loc).add(column, i)),
                            LaneIndex(channel, 1)};
                      });
}

SmallVector<Value>
PointwiseDepthwiseEmitter::emitTaps(OpBuilder &builder, Dim row, Dim tapRow,
                                    Dim pixel, SmallVector<Value> sums) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  Dim weight = dims.add(channel, dims.mul(tapRow, kernel * channels));
  SmallVector<Value> factors;
  for (int64_t tap = 0; tap != kernel; ++tap)
    factors.push_back(emitLoad(builder, loc, taps,
                               index.value(dims.add(weight, tap * channels)),
                               lanes, element));
  Dim begin = dims.add(dims.mul(index.rem(row, kernel), ringRow),
                       dims.mul(pixel, stride * lanes));
  int64_t count = sums.size();
  for (int64_t column = 0; column != (count - 1) * stride + kernel; ++column) {
    Value value =
        emitLoad(builder, loc, ring,
                 index.value(dims.add(begin, column * lanes)), lanes, element);
    // All outputs that see it.
    for (int64_t i = 0; i != count; ++i) {
      int64_t tap = column - i * stride;
      if (tap >= 0 && tap < kernel)
        sums[i] = emitMultiplyAdd(builder, loc, value, factors[tap], sums[i]);
    }
  }
  return sums;
}

static bool matchesPointwiseDepthwise(KernelOp kernel) {
  return bool(PointwiseDepthwise(kernel));
}

/// Brings constant weights into panels, as ConvPlan does.
static void packPointwise(KernelOp kernel, unsigned vectorBits) {
  PointwiseDepthwise convs(kernel);
  auto argument = dyn_cast<BlockArgument>(convs.pointwise.getWeights());
  if (!argument)
    return;
  ArrayRef<int64_t> shape = getType(argument).getShape();
  int64_t inChannels = shape[2], channels = shape[3];
  Panels panels{channels, getTile(convs, vectorBits).lanes};
  packInput(kernel, argument.getArgNumber(),
            panels.getCount() * inChannels * panels.width,
            [&](ConstantPacker &packer) {
              for (int64_t i = 0; i != panels.getCount(); ++i)
                for (int64_t in = 0; in != inChannels; ++in)
                  packer.append(in * channels + panels.getBegin(i),
                                panels.width);
            });
}

const KernelEmitter kPointwiseDepthwiseEmitter = {
    "pointwise_depthwise",
    matchesPointwiseDepthwise,
    /*collapses=*/false,
    emitUnitsOf<PointwiseDepthwiseEmitter>,
    emitBodyOf<PointwiseDepthwiseEmitter>,
    packPointwise};

} // namespace tenon::cpu

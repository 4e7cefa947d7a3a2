//===- WinogradKernel.cpp - Convolutions in a transformed space -----------===//
//
// Convolutions of 3 x 3 taps and stride 1, channels last, with a fraction of
// the products (see WinogradTransform.h). A unit of work is a block of tiles
// times a group of panels of the weights, and has three steps, each with its
// results in scratch memory that stays in the second cache:
//
//   1. The inputs of each tile are transformed, a vector of channels at a time.
//      Tiles that leave the image are copied first, with zeros where it ends.
//   2. For each place of a tile, all tiles of the block together are a matrix,
//      which is multiplied by the weights of that place. Weights are
//      transformed and packed when compiled.
//   3. The products are transformed to the outputs, which the tail takes.
//
// Many input channels are taken in chunks, whose products add up.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Emitters.h"

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/WinogradPlan.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {

/// The rows of products where a whole tile has too many.
static constexpr int64_t kLowRows = 4;

namespace {

class WinogradEmitter {
public:
  WinogradEmitter(KernelFunction &function, int64_t outputs);
  Value emitUnits();
  void emitBody();

private:
  void emitUnit(OpBuilder &builder, Dim unit);
  /// The first two steps for `size` channels from `begin` on.
  void emitChunk(OpBuilder &builder, Dim begin, Dim size);
  void emitInputs(OpBuilder &builder, Dim channel, Dim size);
  void copyWindow(OpBuilder &builder, Dim origin, Dim y, Dim x, Dim size);
  void emitProducts(OpBuilder &builder, Dim channel, Dim size);
  void emitOutputs(OpBuilder &builder);
  /// Calls `body` with the number in the block, the image, and the row and
  /// column of each tile.
  void
  emitTileLoop(OpBuilder &builder,
               llvm::function_ref<void(OpBuilder &, Dim, Dim, Dim, Dim)> body);

  KernelFunction &function;
  Location loc;
  WinogradPlan plan;
  AnchorTail tail;
  Type element;
  int64_t lanes;
  Dim batch, height, width, outHeight, outWidth, tileRows, tileColumns;
  Dim numTiles, numBlocks, numGroups;
  Value input, weights, bias;
  Value inScratch, productScratch, outScratch, windowScratch;

  // Of the unit being emitted.
  Dim firstTile, tileCount, firstPanel, lastPanel;
};

} // namespace

WinogradEmitter::WinogradEmitter(KernelFunction &function, int64_t outputs)
    : function(function), loc(function.getLoc()),
      plan(getAnchor<ConvOp>(function.getKernel()), outputs,
           function.getVectorBits()),
      tail(function, plan.op),
      element(getType(plan.op.getOutput()).getElementType()),
      lanes(plan.tile.lanes) {
  OpBuilder &builder = function.getBuilder();
  SmallVector<Dim> in = function.getShape(plan.op.getInput());
  SmallVector<Dim> out = function.getShape(plan.op.getOutput());
  batch = in[0];
  height = in[1];
  width = in[2];
  outHeight = out[1];
  outWidth = out[2];
  tileRows = emitCeilDiv(builder, loc, outHeight, plan.outTile);
  tileColumns = emitCeilDiv(builder, loc, outWidth, plan.outTile);
  IndexBuilder index(builder, loc, 1);
  numTiles = index.product({batch, tileRows, tileColumns});
  numBlocks = emitCeilDiv(builder, loc, numTiles, plan.blockTiles);
  numGroups =
      llvm::divideCeil(plan.getPanels().getCount(), plan.panelsPerGroup);
}

Value WinogradEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(index.product({numGroups, numBlocks}));
}

void WinogradEmitter::emitBody() {
  if (!isPacked(function.getKernel(), plan.op.getWeights()))
    function.emitError(plan.op, "the contents of its weights are not there");
  input = function.getFlat(plan.op.getInput());
  weights = function.getFlat(plan.op.getWeights());
  if (plan.op.getBias())
    bias = function.getFlat(plan.op.getBias());
  inScratch = emitScratch(function, plan.numPlaces * plan.inPlace, element);
  productScratch =
      emitScratch(function, plan.numPlaces * plan.outPlace, element);
  outScratch = emitScratch(
      function, plan.outTile * plan.outTile * plan.groupChannels, element);
  windowScratch = emitScratch(function, plan.numPlaces * plan.inRow, element);
  emitLoop(function.getBuilder(), loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

void WinogradEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  // Neighbouring units share their weights.
  SmallVector<Dim> position = index.delinearize(unit, {numGroups, numBlocks});
  firstPanel = dims.mul(position[0], plan.panelsPerGroup);
  lastPanel = dims.min(dims.add(firstPanel, plan.panelsPerGroup),
                       plan.getPanels().getCount());
  firstTile = dims.mul(position[1], plan.blockTiles);
  tileCount = dims.min(dims.sub(numTiles, firstTile), plan.blockTiles);

  if (plan.numChunks == 1) {
    emitChunk(builder, 0, plan.inChannels);
  } else {
    emitCopy(builder, loc, lanes, {}, 0, productScratch, 0,
             plan.numPlaces * plan.outPlace);
    emitLoop(builder, loc, index.value(0), index.value(plan.numChunks),
             [&](OpBuilder &nested, Value chunk) {
               IndexBuilder index(nested, loc, 1);
               DimBuilder &dims = index.uniform();
               if (plan.inChannels % plan.numChunks == 0)
                 return emitChunk(nested, dims.mul(chunk, plan.chunkChannels),
                                  plan.chunkChannels);
               auto getBegin = [&](Dim i) {
                 return index.div(dims.mul(i, plan.inChannels), plan.numChunks);
               };
               Dim begin = getBegin(chunk);
               Dim end = getBegin(dims.add(chunk, 1));
               emitChunk(nested, begin, dims.sub(end, begin));
             });
  }
  emitOutputs(builder);
}

void WinogradEmitter::emitChunk(OpBuilder &builder, Dim begin, Dim size) {
  emitInputs(builder, begin, size);
  emitProducts(builder, begin, size);
}

void WinogradEmitter::emitTileLoop(
    OpBuilder &builder,
    function_ref<void(OpBuilder &, Dim, Dim, Dim, Dim)> body) {
  IndexBuilder index(builder, loc, 1);
  emitLoop(builder, loc, index.value(0), index.value(tileCount),
           [&](OpBuilder &nested, Value i) {
             IndexBuilder index(nested, loc, 1);
             SmallVector<Dim> tile =
                 index.delinearize(index.uniform().add(firstTile, i),
                                   {batch, tileRows, tileColumns});
             body(nested, i, tile[0], tile[1], tile[2]);
           });
}

/// Whether `0 <= first` and `end <= size`.
static Value emitIsInside(IndexBuilder &index, OpBuilder &builder, Location loc,
                          Dim first, Dim end, Dim size) {
  return arith::AndIOp::create(builder, loc, index.lessEqual(Dim(0), first),
                               index.lessEqual(end, size));
}

void WinogradEmitter::emitInputs(OpBuilder &builder, Dim channel, Dim size) {
  emitTileLoop(builder, [&](OpBuilder &b, Dim number, Dim image, Dim row,
                            Dim column) {
    IndexBuilder index(b, loc, 1);
    DimBuilder &dims = index.uniform();
    Dim y = dims.sub(dims.mul(row, plan.outTile), plan.op.getPads()[0]);
    Dim x = dims.sub(dims.mul(column, plan.outTile), plan.op.getPads()[1]);
    Dim pixel = dims.add(dims.mul(image, height), y);
    pixel = dims.add(dims.mul(pixel, width), x);
    Dim origin = dims.add(dims.mul(pixel, plan.inChannels), channel);
    Value isInside = arith::AndIOp::create(
        b, loc,
        emitIsInside(index, b, loc, y, dims.add(y, plan.inTile), height),
        emitIsInside(index, b, loc, x, dims.add(x, plan.inTile), width));
    Value one = arith::ConstantIntOp::create(b, loc, 1, 1);
    scf::IfOp::create(b, loc, arith::XOrIOp::create(b, loc, isInside, one),
                      [&](OpBuilder &nested, Location) {
                        copyWindow(nested, origin, y, x, size);
                        scf::YieldOp::create(nested, loc);
                      });

    auto select = [&](Dim inside, Dim border) {
      return Dim(arith::SelectOp::create(b, loc, isInside, index.value(inside),
                                         index.value(border)));
    };
    auto anySize = MemRefType::get({ShapedType::kDynamic}, element);
    auto cast = [&](Value buffer) -> Value {
      if (buffer.getType() == anySize)
        return buffer;
      return memref::CastOp::create(b, loc, anySize, buffer);
    };
    Value buffer = arith::SelectOp::create(b, loc, isInside, cast(input),
                                           cast(windowScratch));
    origin = select(origin, 0);
    Dim pixelStride = select(plan.inChannels, plan.inRow);
    Dim rowStride =
        select(dims.mul(width, plan.inChannels), plan.inTile * plan.inRow);
    Dim target = dims.mul(number, plan.inRow);
    emitLoop(
        b, loc, index.value(0), index.value(emitCeilDiv(b, loc, size, lanes)),
        [&](OpBuilder &nested, Value i) {
          IndexBuilder index(nested, loc, 1);
          DimBuilder &dims = index.uniform();
          Dim at = dims.mul(i, lanes);
          if (!size.isConstant() || size.getConstant() % lanes != 0)
            at = dims.min(at, dims.sub(size, lanes));
          SmallVector<Value> places = plan.transform.emitInput(
              nested, loc, [&](int64_t row, int64_t column) {
                Dim from = dims.add(dims.add(origin, at),
                                    dims.add(dims.mul(rowStride, row),
                                             dims.mul(pixelStride, column)));
                return emitLoad(nested, loc, buffer, index.value(from), lanes,
                                element);
              });
          for (auto [place, value] : llvm::enumerate(places)) {
            Dim to =
                dims.add(dims.add(target, at), int64_t(place) * plan.inPlace);
            emitStore(nested, loc, value, inScratch, index.value(to));
          }
        });
  });
}

void WinogradEmitter::copyWindow(OpBuilder &builder, Dim origin, Dim y, Dim x,
                                 Dim size) {
  IndexBuilder index(builder, loc, 1);
  emitLoop(builder, loc, index.value(0), index.value(plan.numPlaces),
           [&](OpBuilder &b, Value place) {
             IndexBuilder index(b, loc, 1);
             DimBuilder &dims = index.uniform();
             Dim row = index.div(Dim(place), plan.inTile);
             Dim column = index.rem(Dim(place), plan.inTile);
             Dim atY = dims.add(y, row), atX = dims.add(x, column);
             Value exists = arith::AndIOp::create(
                 b, loc,
                 emitIsInside(index, b, loc, atY, dims.add(atY, 1), height),
                 emitIsInside(index, b, loc, atX, dims.add(atX, 1), width));
             Dim pixel = dims.add(dims.mul(row, width), column);
             Dim from = dims.add(origin, dims.mul(pixel, plan.inChannels));
             Dim to = dims.mul(place, plan.inRow);
             scf::IfOp::create(
                 b, loc, exists,
                 [&](OpBuilder &nested, Location) {
                   emitCopy(nested, loc, lanes, input, from, windowScratch, to,
                            size);
                   scf::YieldOp::create(nested, loc);
                 },
                 [&](OpBuilder &nested, Location) {
                   emitCopy(nested, loc, lanes, {}, 0, windowScratch, to, size);
                   scf::YieldOp::create(nested, loc);
                 });
           });
}

void WinogradEmitter::emitProducts(OpBuilder &builder, Dim channel, Dim size) {
  IndexBuilder index(builder, loc, 1);
  int64_t panelWidth = plan.tile.getColumns();
  auto emitRows = [&](OpBuilder &b, Dim place, Dim panel, Dim row,
                      const TileShape &shape) {
    IndexBuilder index(b, loc, 1);
    DimBuilder &dims = index.uniform();
    Dim target =
        dims.add(dims.mul(place, plan.outPlace),
                 dims.add(dims.mul(row, plan.outRow),
                          dims.mul(dims.sub(panel, firstPanel), panelWidth)));
    SmallVector<Value> positions;
    for (int64_t i = 0; i != shape.rows; ++i)
      for (int64_t v = 0; v != shape.vectors; ++v)
        positions.push_back(
            index.value(dims.add(target, i * plan.outRow + v * lanes)));
    SmallVector<Value> sums = emitZeroTile(b, loc, shape, element);
    if (plan.numChunks > 1)
      for (auto [sum, position] : llvm::zip_equal(sums, positions))
        sum = emitLoad(b, loc, productScratch, position, lanes, element);

    TileOperands operands;
    operands.lhs = inScratch;
    operands.lhsOffset =
        dims.add(dims.mul(place, plan.inPlace), dims.mul(row, plan.inRow));
    operands.lhsRowStride = plan.inRow;
    operands.rhs = weights;
    Dim packedPanel =
        dims.add(dims.mul(place, plan.getPanels().getCount()), panel);
    operands.rhsOffset = dims.mul(
        dims.add(dims.mul(packedPanel, plan.inChannels), channel), panelWidth);
    sums = tenon::cpu::emitTile(b, loc, shape, operands,
                                ReductionLoop{0, size, 1, panelWidth}, element,
                                sums);
    for (auto [sum, position] : llvm::zip_equal(sums, positions))
      emitStore(b, loc, sum, productScratch, position);
  };
  // What whole tiles of products leave is covered by lower ones. The last rows
  // may be of no tile: nobody reads what comes of them.
  TileShape high = plan.tile, low = plan.tile;
  low.rows = std::min(kLowRows, high.rows);
  DimBuilder &dims = index.uniform();
  Dim numHigh = index.div(dims.add(tileCount, low.rows - 1), high.rows);
  Dim lowBegin = dims.mul(numHigh, high.rows);
  Dim numLow =
      emitCeilDiv(builder, loc, dims.sub(tileCount, lowBegin), low.rows);
  bool hasLow = !numLow.isConstant() || numLow.getConstant() != 0;
  auto emitPanel = [&](OpBuilder &b, Dim place, Dim panel) {
    IndexBuilder index(b, loc, 1);
    emitLoop(b, loc, index.value(0), index.value(numHigh),
             [&](OpBuilder &nested, Value i) {
               Dim row = DimBuilder(nested, loc).mul(i, high.rows);
               emitRows(nested, place, panel, row, high);
             });
    if (!hasLow)
      return;
    emitLoop(b, loc, index.value(0), index.value(numLow),
             [&](OpBuilder &nested, Value i) {
               DimBuilder dims(nested, loc);
               Dim row = dims.add(lowBegin, dims.mul(i, low.rows));
               emitRows(nested, place, panel, row, low);
             });
  };
  emitLoop(builder, loc, index.value(0), index.value(plan.numPlaces),
           [&](OpBuilder &inPlaces, Value place) {
             IndexBuilder index(inPlaces, loc, 1);
             emitLoop(inPlaces, loc, index.value(firstPanel),
                      index.value(lastPanel),
                      [&](OpBuilder &inPanels, Value panel) {
                        emitPanel(inPanels, place, panel);
                      });
           });
}

void WinogradEmitter::emitOutputs(OpBuilder &builder) {
  int64_t panelWidth = plan.tile.getColumns();
  emitTileLoop(builder, [&](OpBuilder &b, Dim number, Dim image, Dim row,
                            Dim column) {
    IndexBuilder index(b, loc, 1);
    DimBuilder &dims = index.uniform();
    Dim numPanels = dims.sub(lastPanel, firstPanel);
    Dim numVectors = dims.mul(numPanels, plan.tile.vectors);
    Dim origin = dims.mul(number, plan.outRow);
    emitLoop(b, loc, index.value(0), index.value(numVectors),
             [&](OpBuilder &nested, Value i) {
               IndexBuilder index(nested, loc, 1);
               DimBuilder &dims = index.uniform();
               Dim at = dims.mul(i, lanes);
               Dim from = dims.add(origin, at);
               SmallVector<Value> pixels = plan.transform.emitOutput(
                   nested, loc, [&](int64_t row, int64_t column) {
                     int64_t place = row * plan.inTile + column;
                     Value position =
                         index.value(dims.add(from, place * plan.outPlace));
                     return emitLoad(nested, loc, productScratch, position,
                                     lanes, element);
                   });
               for (auto [pixel, value] : llvm::enumerate(pixels)) {
                 Dim to = dims.add(at, int64_t(pixel) * plan.groupChannels);
                 emitStore(nested, loc, value, outScratch, index.value(to));
               }
             });

    // The last tiles of a row or column may have less outputs.
    Dim y = dims.mul(row, plan.outTile), x = dims.mul(column, plan.outTile);
    Dim numRows = dims.min(dims.sub(outHeight, y), plan.outTile);
    Dim numColumns = dims.min(dims.sub(outWidth, x), plan.outTile);
    auto emitPixel = [&](OpBuilder &b, Dim i, Dim j) {
      IndexBuilder index(b, loc, 1);
      DimBuilder &dims = index.uniform();
      Dim pixel = dims.add(dims.mul(i, plan.outTile), j);
      Dim outY = dims.add(y, i), outX = dims.add(x, j);
      emitLoop(b, loc, index.value(0), index.value(numPanels),
               [&](OpBuilder &nested, Value panel) {
                 IndexBuilder index(nested, loc, 1);
                 DimBuilder &dims = index.uniform();
                 Dim begin = dims.mul(dims.add(firstPanel, panel), panelWidth);
                 if (plan.outChannels % panelWidth != 0)
                   begin = dims.min(begin, plan.outChannels - panelWidth);
                 Dim from = dims.add(dims.mul(pixel, plan.groupChannels),
                                     dims.mul(panel, panelWidth));
                 for (int64_t v = 0; v != plan.tile.vectors; ++v) {
                   Dim channel = dims.add(begin, v * lanes);
                   Value sum = emitLoad(nested, loc, outScratch,
                                        index.value(dims.add(from, v * lanes)),
                                        lanes, element);
                   if (bias) {
                     Value added =
                         emitLoad(nested, loc, bias, index.value(channel),
                                  lanes, element);
                     sum = arith::AddFOp::create(nested, loc, sum, added);
                   }
                   tail.emit(nested,
                             {LaneIndex(image), LaneIndex(outY),
                              LaneIndex(outX), LaneIndex(channel, 1)},
                             sum, lanes);
                 }
               });
    };
    emitLoop(b, loc, index.value(0), index.value(numRows),
             [&](OpBuilder &inRows, Value i) {
               IndexBuilder index(inRows, loc, 1);
               emitLoop(inRows, loc, index.value(0), index.value(numColumns),
                        [&](OpBuilder &inColumns, Value j) {
                          emitPixel(inColumns, i, j);
                        });
             });
  });
}

//===----------------------------------------------------------------------===//
// The emitters
//===----------------------------------------------------------------------===//

template <int64_t outputs>
static constexpr KernelEmitter makeEmitter(StringLiteral name) {
  return {
      name,
      matchesWinograd,
      /*collapses=*/false,
      [](KernelFunction &function) {
        return WinogradEmitter(function, outputs).emitUnits();
      },
      [](KernelFunction &function) {
        WinogradEmitter(function, outputs).emitBody();
      },
      [](KernelOp kernel, unsigned vectorBits) {
        packWinogradWeights(kernel, WinogradPlan(getAnchor<ConvOp>(kernel),
                                                 outputs, vectorBits));
      },
      /*unitThreads=*/1,
      [](KernelOp kernel, unsigned, BlockArgument input, unsigned vectorBits) {
        // Tiles of pixels don't overlap, panels of channels may.
        WinogradPlan plan(getAnchor<ConvOp>(kernel), outputs, vectorBits);
        return plan.outChannels % plan.tile.getColumns() == 0 &&
               mayTailOverwrite(kernel, input);
      }};
}

const KernelEmitter kWinograd2Emitter = makeEmitter<2>("winograd_2");
const KernelEmitter kWinograd4Emitter = makeEmitter<4>("winograd_4");

} // namespace tenon::cpu

//===- TileKernel.cpp - A block's tile of a product of matrices -----------===//
//
// The steps of the sum go through shared memory in stages, copied there by the
// threads without waiting (cp.async). While one is worked on, those behind it
// are on their way:
//
//   copy the first stages but one
//   for each stage: wait for it; copy a later one to where the last one was;
//   sum
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/TileKernel.h"

#include "codegen/cpu/Arithmetic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>

using namespace mlir;

namespace tenon::cuda {

using Values = BlockCode::Values;

TileShape getTileShape(Type element, int64_t threads) {
  TileShape shape;
  shape.rows = shape.columns = threads == 256 ? 128 : 64;
  // Lines of 64 bytes.
  shape.depth = element.isF32() ? 16 : 32;
  shape.threads = threads;
  shape.stages = threads == 256 ? 3 : 4;
  return shape;
}

bool isLarge(double rows, double columns, double count) {
  // About one tile for each multiprocessor of a large GPU.
  constexpr double kManyTiles = 128;
  return rows > 64 && columns > 64 &&
         std::ceil(rows / 128) * std::ceil(columns / 128) * count >= kManyTiles;
}

TileSource getMatrix(Value memory, Value begin, bool depthInner, Dim numLines,
                     Dim size, Dim stride) {
  TileSource source;
  source.memory = memory;
  source.depthInner = depthInner;
  source.line = size;
  source.locate = [=](BlockCode &code, ValueRange, Value outer, Value step) {
    Value line = depthInner ? outer : step;
    Value inLine = depthInner ? step : outer;
    return TileElement{
        code.add(code.add(begin, code.mul(line, code.value(stride))), inLine),
        code.both(code.less(line, code.value(numLines)),
                  code.less(inLine, code.value(size)))};
  };
  return source;
}

TileCopier::TileCopier(BlockCode &code, const TileSource &source,
                       OperandTile tile, int64_t threads, Value outerBegin)
    : source(source), tile(tile), threads(threads), outerBegin(outerBegin),
      global(code.getGlobal(source.memory)) {
  if (!source.line.isConstant())
    isChunks =
        code.isZero(code.rem(code.value(source.line), tile.getChunkElements()));
  if (!source.prepare)
    return;
  assert(tile.depthInner && "a line is no row");
  for (int64_t i = 0; i < tile.outer * tile.getLineChunks(); i += threads)
    known.push_back(source.prepare(
        code, code.add(outerBegin, code.div(code.add(code.thread(), i),
                                            tile.getLineChunks()))));
}

void TileCopier::emit(BlockCode &code, Value shared, Value begin) {
  if (isChunks)
    return code.branch(
        isChunks, [&] { emitChunks(code, shared, begin); },
        [&] { emitElements(code, shared, begin); });
  if (source.line.getConstant() % tile.getChunkElements() == 0)
    return emitChunks(code, shared, begin);
  emitElements(code, shared, begin);
}

void TileCopier::emitChunks(BlockCode &code, Value shared, Value begin) {
  int64_t count = tile.getChunkElements();
  forPieces(code, shared, begin, count, /*isLoop=*/false,
            [&](const Piece &piece) { copyPiece(code, piece, count); });
}

/// Neighbouring threads copy neighbouring elements where each can be copied
/// without waiting, and little is known of rows.
void TileCopier::emitElements(BlockCode &code, Value shared, Value begin) {
  if (isCopied() && !source.prepare)
    return forPieces(code, shared, begin, /*elements=*/1, /*isLoop=*/true,
                     [&](const Piece &piece) { copyPiece(code, piece, 1); });
  forPieces(code, shared, begin, tile.getChunkElements(),
            /*isLoop=*/!source.prepare,
            [&](const Piece &chunk) { gatherChunk(code, chunk); });
}

void TileCopier::forPieces(BlockCode &code, Value shared, Value begin,
                           int64_t elements, bool isLoop, Body body) {
  int64_t chunkElements = tile.getChunkElements();
  int64_t linePieces = tile.getLineChunks() * chunkElements / elements;
  int64_t numPieces = tile.getNumLines() * linePieces;
  auto emitPiece = [&](Value number, ValueRange known) {
    Value line = code.div(number, linePieces);
    Value inLine = code.mul(code.rem(number, linePieces), elements);
    Value offset = tile.getOffset(code, line, code.div(inLine, chunkElements));
    if (elements != chunkElements)
      offset = code.add(
          offset, code.mul(code.rem(inLine, chunkElements), tile.elementBytes));
    Piece piece;
    piece.to = code.advance(shared, offset);
    piece.outer = code.add(outerBegin, tile.depthInner ? line : inLine);
    piece.step = code.add(begin, tile.depthInner ? inLine : line);
    piece.known = known;
    body(piece);
  };
  if (isLoop)
    return code.smallLoop(code.thread(), code.constant(numPieces),
                          code.constant(threads),
                          [&](Value number) { emitPiece(number, {}); });
  for (int64_t i = 0; i < numPieces; i += threads)
    emitPiece(code.add(code.thread(), i),
              known.empty() ? ValueRange() : ValueRange(known[i / threads]));
}

void TileCopier::copyPiece(BlockCode &code, const Piece &piece,
                           int64_t elements) {
  TileElement first = source.locate(code, piece.known, piece.outer, piece.step);
  Value position = code.choose(first.isThere, first.position, code.constant(0));
  code.copyAsync(piece.to,
                 code.advance(global, code.mul(position, tile.elementBytes)),
                 elements * tile.elementBytes, first.isThere);
}

void TileCopier::gatherChunk(BlockCode &code, const Piece &chunk) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Type type = cast<MemRefType>(source.memory.getType()).getElementType();
  Values loaded;
  for (int64_t i = 0; i != tile.getChunkElements(); ++i) {
    Piece piece = chunk;
    Value &along = tile.depthInner ? piece.step : piece.outer;
    along = code.add(along, i);
    if (isCopied()) {
      piece.to = code.advance(chunk.to, code.constant(i * tile.elementBytes));
      copyPiece(code, piece, 1);
      continue;
    }
    TileElement element =
        source.locate(code, piece.known, piece.outer, piece.step);
    loaded.push_back(code.choose(
        element.isThere, type,
        [&]() -> Value {
          return memref::LoadOp::create(builder, loc, source.memory,
                                        element.position);
        },
        [&] { return cpu::buildConstant(builder, loc, type, 0); }));
  }
  if (loaded.empty())
    return;
  auto chunkType = VectorType::get({tile.getChunkElements()}, type);
  code.store(vector::FromElementsOp::create(builder, loc, chunkType, loaded),
             chunk.to);
}

/// Neighbouring threads have neighbouring columns: several each where rows
/// begin at a multiple of those, else one after the other.
void emitTail(BlockCode &code, TileMath &math, const TileShape &shape,
              const TileProduct &product, Value memory, Value rowBegin,
              Value columnBegin, ValueRange sums, cpu::AnchorTail &tail) {
  OpBuilder &builder = code.getBuilder();
  constexpr int64_t kLanes = kChunkBytes / sizeof(float);
  int64_t across = shape.columns / kLanes;
  Value inRow = code.rem(code.thread(), across);
  auto emitColumns = [&](Value row, ArrayRef<cpu::LaneIndex> index, Value from,
                         Value inTile, int64_t lanes) {
    Value column = code.add(columnBegin, inTile);
    code.branch(code.less(column, code.value(product.columns)), [&] {
      Type type = builder.getF32Type();
      if (lanes != 1)
        type = VectorType::get({lanes}, type);
      Value sum =
          code.load(type, code.advance(from, code.mul(inTile, sizeof(float))));
      if (product.getBias)
        sum = arith::AddFOp::create(builder, code.getLoc(), sum,
                                    product.getBias(builder, column, lanes));
      Dim step = lanes != 1;
      SmallVector<cpu::LaneIndex> at(index);
      at.push_back(cpu::LaneIndex(Dim(column), step));
      std::optional<cpu::LaneIndex> position;
      if (product.isOneMatrix)
        position = cpu::LaneIndex(
            Dim(code.add(code.mul(row, code.value(product.columns)), column)),
            step);
      tail.emitAligned(builder, at, position, sum, lanes);
    });
  };
  Value areVectors;
  if (!product.columns.isConstant())
    areVectors = code.isZero(code.rem(code.value(product.columns), kLanes));
  for (int64_t slab = 0; slab != math.getNumSlabs(); ++slab) {
    code.barrier();
    math.storeSlab(code, slab, memory, sums);
    code.barrier();
    auto emitRow = [&](Value slabRow) {
      Value row = code.add(rowBegin, math.getTileRow(code, slab, slabRow));
      code.branch(code.less(row, code.value(product.rows)), [&] {
        SmallVector<cpu::LaneIndex> index = product.getRowIndex(builder, row);
        Value from = code.advance(
            memory, code.mul(slabRow, math.getSlabStride() * sizeof(float)));
        auto vectors = [&] {
          emitColumns(row, index, from, code.mul(inRow, kLanes), kLanes);
        };
        auto alone = [&] {
          code.loop(inRow, code.constant(shape.columns), code.constant(across),
                    [&](Value inTile) {
                      emitColumns(row, index, from, inTile, /*lanes=*/1);
                    });
        };
        if (areVectors)
          code.branch(areVectors, vectors, alone);
        else if (product.columns.getConstant() % kLanes == 0)
          vectors();
        else
          alone();
      });
    };
    code.loop(code.div(code.thread(), across),
              code.constant(math.getSlabRows()),
              code.constant(shape.threads / across), emitRow);
  }
}

void emitTile(cpu::KernelFunction &function, OpBuilder &builder,
              const TileShape &shape, const TileProduct &product,
              Value rowBegin, Value columnBegin, cpu::AnchorTail &tail) {
  BlockCode code(builder, function.getLoc());
  int64_t bytes = product.element.getIntOrFloatBitWidth() / 8;
  bool mma = isForMma(builder, product.element);
  OperandTile lhs{product.lhs.depthInner, shape.rows, shape.depth, bytes, mma};
  OperandTile rhs{product.rhs.depthInner, shape.columns, shape.depth, bytes,
                  mma};
  std::unique_ptr<TileMath> math = createMath(shape, lhs, rhs, product.element);
  int64_t stageBytes = lhs.getBytes() + rhs.getBytes();
  int64_t sharedBytes =
      std::max(shape.stages * stageBytes, math->getSlabBytes());
  // While a block waits for its copies another one works. Tiles of f32 want all
  // the registers that they can get.
  code.setBlocksAtOnce(shape.threads != 256      ? 3
                       : product.element.isF32() ? 1
                                                 : 2);
  Value shared = code.allocateShared(sharedBytes);
  TileCopier copyLhs(code, product.lhs, lhs, shape.threads, rowBegin);
  TileCopier copyRhs(code, product.rhs, rhs, shape.threads, columnBegin);
  auto copyStage = [&](Value number, Value place) {
    Value step = code.mul(number, shape.depth);
    copyLhs.emit(code, code.advance(shared, place), step);
    copyRhs.emit(code, code.advance(shared, code.add(place, lhs.getBytes())),
                 step);
  };
  Value zero = code.constant(0), one = code.constant(1);
  Value numStages = code.div(
      code.add(code.value(product.depth), shape.depth - 1), shape.depth);
  auto next = [&](Value place) {
    Value sum = code.add(place, stageBytes);
    return code.choose(code.less(sum, code.constant(shape.stages * stageBytes)),
                       sum, zero);
  };

  math->begin(code);
  int64_t ahead = shape.stages - 1;
  code.smallLoop(zero, code.constant(ahead), one, [&](Value number) {
    code.branch(code.less(number, numStages),
                [&] { copyStage(number, code.mul(number, stageBytes)); });
    code.commitCopies();
  });
  Values carried(
      math->getNumSums(),
      cpu::buildConstant(builder, function.getLoc(), builder.getF32Type(), 0));
  carried.append({zero, code.constant(ahead * stageBytes)});
  Values sums =
      code.loop(zero, numStages, one, carried,
                [&](Value number, ValueRange carried) -> Values {
                  Value place = carried[carried.size() - 2],
                        free = carried.back();
                  // Each thread waits for what it copied itself, then for the
                  // others; then nobody reads the last stage any more.
                  code.awaitCopies(ahead - 1);
                  code.barrier();
                  Value later = code.add(number, ahead);
                  code.branch(code.less(later, numStages),
                              [&] { copyStage(later, free); });
                  code.commitCopies();
                  Values result = math->addStage(
                      code, code.advance(shared, place),
                      code.advance(shared, code.add(place, lhs.getBytes())),
                      carried.drop_back(2));
                  result.append({next(place), next(free)});
                  return result;
                });
  emitTail(code, *math, shape, product, shared, rowBegin, columnBegin,
           ValueRange(sums).drop_back(2), tail);
}

} // namespace tenon::cuda

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
#include "runtime/core/ModelAbi.h"
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

TileCopier::TileCopier(BlockCode &code, const TileSource &source,
                       OperandTile tile, int64_t threads, Value outerBegin)
    : source(source), tile(tile), threads(threads), outerBegin(outerBegin) {
  assert((tile.depthInner || !source.prepare) && "a line is no row");
  if (source.prepare)
    for (int64_t i = 0; i < tile.getNumLines() * tile.getLineChunks();
         i += threads)
      known.push_back(source.prepare(
          code, code.add(outerBegin, code.div(code.add(code.thread(), i),
                                              tile.getLineChunks()))));
  int64_t count = tile.getChunkElements();
  mayBeChunks =
      !source.line.isConstant() || source.line.getConstant() % count == 0;
  if (!mayBeChunks)
    return;
  isChunks = code.isAligned(source.memory);
  if (!source.line.isConstant())
    isChunks = code.both(isChunks,
                         code.isZero(code.rem(code.value(source.line), count)));
  global = code.getGlobal(source.memory);
}

void TileCopier::emit(BlockCode &code, Value shared, Value begin) {
  if (!mayBeChunks)
    return emitElements(code, shared, begin);
  code.branch(
      isChunks, [&] { emitChunks(code, shared, begin); },
      [&] { emitElements(code, shared, begin); });
}

void TileCopier::forChunks(BlockCode &code, Value shared, Value begin,
                           Body body) {
  int64_t lineChunks = tile.getLineChunks();
  int64_t numChunks = tile.getNumLines() * lineChunks;
  for (int64_t i = 0; i < numChunks; i += threads) {
    Value number = code.add(code.thread(), i);
    Value line = code.div(number, lineChunks);
    Value chunk = code.rem(number, lineChunks);
    Value inLine = code.mul(chunk, tile.getChunkElements());
    Value to = code.advance(shared, tile.getOffset(code, line, chunk));
    body(to, known.empty() ? ValueRange() : ValueRange(known[i / threads]),
         code.add(outerBegin, tile.depthInner ? line : inLine),
         code.add(begin, tile.depthInner ? inLine : line));
  }
}

void TileCopier::emitChunks(BlockCode &code, Value shared, Value begin) {
  forChunks(code, shared, begin,
            [&](Value to, ValueRange known, Value outer, Value step) {
              TileElement element = source.locate(code, known, outer, step);
              Value position = code.choose(element.isThere, element.position,
                                           code.constant(0));
              code.copyChunk(
                  to,
                  code.advance(global, code.mul(position, tile.elementBytes)),
                  element.isThere);
            });
}

void TileCopier::emitElements(BlockCode &code, Value shared, Value begin) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Type type = cast<MemRefType>(source.memory.getType()).getElementType();
  Value zero = cpu::buildConstant(builder, loc, type, 0);
  forChunks(code, shared, begin,
            [&](Value to, ValueRange known, Value outer, Value step) {
              for (int64_t i = 0, e = tile.getChunkElements(); i != e; ++i) {
                TileElement element = source.locate(
                    code, known, tile.depthInner ? outer : code.add(outer, i),
                    tile.depthInner ? code.add(step, i) : step);
                Value loaded = code.choose(
                    element.isThere, type,
                    [&]() -> Value {
                      return memref::LoadOp::create(builder, loc, source.memory,
                                                    element.position);
                    },
                    [&] { return zero; });
                code.store(
                    loaded,
                    code.advance(to, code.constant(i * tile.elementBytes)));
              }
            });
}

/// A warp takes one row after the other from shared memory, so that
/// neighbouring threads have neighbouring columns.
void emitTail(BlockCode &code, TileMath &math, const TileShape &shape,
              const TileProduct &product, Value memory, Value rowBegin,
              Value columnBegin, ValueRange sums, cpu::AnchorTail &tail) {
  OpBuilder &builder = code.getBuilder();
  Value thread = code.thread();
  Value lane = code.rem(thread, TENON_WARP_SIZE);
  Value warp = code.div(thread, TENON_WARP_SIZE);
  for (int64_t slab = 0; slab != math.getNumSlabs(); ++slab) {
    code.barrier();
    math.storeSlab(code, slab, memory, sums);
    code.barrier();
    code.loop(
        warp, code.constant(math.getSlabRows()),
        code.constant(shape.threads / TENON_WARP_SIZE), [&](Value slabRow) {
          Value row = code.add(rowBegin, math.getTileRow(code, slab, slabRow));
          code.branch(code.less(row, code.value(product.rows)), [&] {
            SmallVector<cpu::LaneIndex> index =
                product.getRowIndex(builder, row);
            Value from =
                code.advance(memory, code.mul(slabRow, math.getSlabStride() *
                                                           sizeof(float)));
            code.loop(lane, code.constant(shape.columns),
                      code.constant(TENON_WARP_SIZE), [&](Value inTile) {
                        Value column = code.add(columnBegin, inTile);
                        code.branch(
                            code.less(column, code.value(product.columns)),
                            [&] {
                              Value sum = code.load(
                                  builder.getF32Type(),
                                  code.advance(
                                      from, code.mul(inTile, sizeof(float))));
                              if (product.getBias)
                                sum = arith::AddFOp::create(
                                    builder, code.getLoc(), sum,
                                    product.getBias(builder, column));
                              SmallVector<cpu::LaneIndex> at = index;
                              at.push_back(cpu::LaneIndex(column));
                              tail.emit(builder, at, sum, /*lanes=*/1);
                            });
                      });
          });
        });
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
  int64_t blocks = shape.threads != 256 ? 3 : product.element.isF32() ? 1 : 2;
  builder.getBlock()->getParentOp()->setAttr(kBlocksAtOnceAttr,
                                             builder.getI32IntegerAttr(blocks));
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
  code.loop(zero, code.constant(ahead), one, [&](Value number) {
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

//===- AttentionKernel.cpp - Kernels around scaled dot-product attention --===//

#include "codegen/cpu/AttentionEmitter.h"

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "dialects/tenon/TenonAttention.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include <limits>

using namespace mlir;

namespace tenon::cpu {

/// Fewer queries than this are taken one by one.
static constexpr int64_t kFewQueries = 4;

AttentionEmitter::AttentionEmitter(KernelFunction &function)
    : function(function), op(getAnchor<AttentionOp>(function.getKernel())),
      loc(function.getLoc()), tail(function, op) {
  element = getAccumulatorType(getType(op.getOutput()).getElementType());
  SmallVector<Dim> queryShape = function.getShape(op.getQuery());
  SmallVector<Dim> valueShape = function.getShape(op.getValue());
  numBatches = queryShape[0];
  numHeads = queryShape[1];
  numQueries = queryShape[2];
  headSize = queryShape[3].getConstant();
  numKeys = valueShape[2];
  valueSize = valueShape[3].getConstant();
  tile = chooseTileShape(function.getVectorBits(), element,
                         ShapedType::kDynamic, ShapedType::kDynamic);
  int64_t fixed = numQueries.getStatic();
  while (!ShapedType::isDynamic(fixed) && tile.vectors > 1 &&
         tile.getColumns() > fixed)
    --tile.vectors;
  headLanes = getDivisor(headSize, tile.lanes);
  valueLanes = getDivisor(valueSize, tile.lanes);
  numBlocks =
      emitCeilDiv(function.getBuilder(), loc, numQueries, tile.getColumns());
}

Value AttentionEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(index.product({numBatches, numHeads, numBlocks}));
}

void AttentionEmitter::emitBody() {
  query = getView(function, op.getQuery());
  key = getView(function, op.getKey());
  value = getView(function, op.getValue());
  if (op.getMask())
    mask = getView(function, op.getMask());
  int64_t width = tile.getColumns();
  queries = emitScratch(function, headSize * width, element);
  scores = emitScratch(function, kBlockKeys * width, element);
  sums = emitScratch(function, valueSize * width, element);
  results = emitScratch(function, valueSize * width, element);
  state = emitScratch(function, 3 * width, element);
  emitLoop(function.getBuilder(), loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

void AttentionEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  SmallVector<Dim> position =
      index.delinearize(unit, {numBatches, numHeads, numBlocks});
  batch = position[0];
  head = position[1];
  queryBegin = query.getPosition(dims, {batch, head});
  keyBegin = key.getPosition(dims, {batch, head});
  valueBegin = value.getPosition(dims, {batch, head});
  int64_t width = tile.getColumns();
  Dim first = dims.mul(position[2], width);
  Dim count = dims.min(width, dims.sub(numQueries, first));
  auto emitMany = [&](OpBuilder &b) { emitQueries(b, first, count); };
  auto emitFew = [&](OpBuilder &b) {
    IndexBuilder index(b, loc, 1);
    emitLoop(b, loc, index.value(0), index.value(count),
             [&](OpBuilder &nested, Value i) {
               emitQuery(nested, DimBuilder(nested, loc).add(first, i));
             });
  };
  if (numQueries.isConstant())
    return numQueries.getConstant() < kFewQueries ? emitFew(builder)
                                                  : emitMany(builder);
  scf::IfOp::create(
      builder, loc, index.less(numQueries, Dim(kFewQueries)),
      [&](OpBuilder &nested, Location) {
        emitFew(nested);
        scf::YieldOp::create(nested, loc);
      },
      [&](OpBuilder &nested, Location) {
        emitMany(nested);
        scf::YieldOp::create(nested, loc);
      });
}

Value AttentionEmitter::addMask(OpBuilder &builder, Value scores, Dim query,
                                Dim key, int64_t lanes) {
  if (!op.getMask())
    return scores;
  ElementEmitter elements(function, builder, lanes);
  IndexBuilder &index = elements.getIndices();
  DimBuilder &dims = index.uniform();
  // Lanes are queries here, and a mask may have any rank up to four.
  SmallVector<LaneIndex> full = {LaneIndex(batch), LaneIndex(head),
                                 LaneIndex(query, lanes > 1 ? 1 : 0),
                                 LaneIndex(key)};
  LaneIndex position(mask.begin);
  for (auto [stride, i] : llvm::zip_equal(
           mask.strides,
           ArrayRef<LaneIndex>(full).take_back(mask.strides.size()))) {
    if (stride.isConstant() && stride.getConstant() == 0)
      continue;
    LaneIndex lane = i;
    // Lanes behind the last query read what the last one does.
    if (lanes > 1 && !lane.isUniform() &&
        (!numQueries.isConstant() ||
         numQueries.getConstant() % tile.getColumns() != 0))
      lane = index.min(lane, dims.sub(numQueries, 1));
    position = index.add(position, index.mul(lane, stride));
  }
  Value added = elements.load(mask.memory, position,
                              getType(op.getMask()).getElementType());
  added = convertFloat(builder, loc, elements.broadcast(added), element);
  return arith::AddFOp::create(builder, loc, scores, added);
}

Value AttentionEmitter::emitBinary(OpBuilder &builder, bool isMax, Value a,
                                   Value b) {
  if (isMax)
    return arith::MaximumFOp::create(builder, loc, a, b);
  return arith::AddFOp::create(builder, loc, a, b);
}

//===----------------------------------------------------------------------===//
// A block of queries
//===----------------------------------------------------------------------===//

void AttentionEmitter::emitQueries(OpBuilder &builder, Dim firstQuery,
                                   Dim count) {
  int64_t width = tile.getColumns(), lanes = tile.lanes;
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();

  // Scaled queries, transposed. Lanes without a query hold zeros.
  emitLoop(builder, loc, index.value(0), index.value(headSize * tile.vectors),
           [&](OpBuilder &nested, Value i) {
             store(nested, splat(nested, 0, lanes), queries,
                   DimBuilder(nested, loc).mul(i, lanes));
           });
  Dim from = dims.add(queryBegin, dims.mul(firstQuery, query.strides[2]));
  emitTransposedCopy(builder, loc, lanes, query.memory, from, query.strides[2],
                     queries, 0, width, count, headSize);
  emitLoop(builder, loc, index.value(0), index.value(headSize * tile.vectors),
           [&](OpBuilder &nested, Value i) {
             Dim at = DimBuilder(nested, loc).mul(i, lanes);
             Value scaled = arith::MulFOp::create(
                 nested, loc, load(nested, queries, at, lanes),
                 splat(nested, op.getScale().convertToDouble(), lanes));
             store(nested, scaled, queries, at);
           });
  emitLoop(builder, loc, index.value(0), index.value(valueSize * tile.vectors),
           [&](OpBuilder &nested, Value i) {
             store(nested, splat(nested, 0, lanes), sums,
                   DimBuilder(nested, loc).mul(i, lanes));
           });
  for (int64_t v = 0; v != tile.vectors; ++v) {
    // Not an infinity, so that a score of minus infinity is a distance away.
    store(builder, splat(builder, std::numeric_limits<float>::lowest(), lanes),
          state, v * lanes);
    store(builder, splat(builder, 0, lanes), state, 2 * width + v * lanes);
  }

  Dim blocks = emitCeilDiv(builder, loc, numKeys, kBlockKeys);
  emitLoop(builder, loc, index.value(0), index.value(blocks),
           [&](OpBuilder &nested, Value block) {
             DimBuilder dims(nested, loc);
             Dim firstKey = dims.mul(block, kBlockKeys);
             Dim size = dims.min(kBlockKeys, dims.sub(numKeys, firstKey));
             emitScores(nested, firstQuery, firstKey, size);
             emitSoftmax(nested, size);
             emitSums(nested, firstKey, size);
           });

  // Sums divided, transposed back.
  Value noKeys = emitBroadcast(builder, loc, emitNoKeys(builder), lanes);
  emitLoop(builder, loc, index.value(0), index.value(valueSize),
           [&](OpBuilder &nested, Value i) {
             DimBuilder dims(nested, loc);
             for (int64_t v = 0; v != tile.vectors; ++v) {
               Dim at = dims.add(dims.mul(i, width), v * lanes);
               Value divided = arith::DivFOp::create(
                   nested, loc, load(nested, sums, at, lanes),
                   arith::AddFOp::create(
                       nested, loc,
                       load(nested, state, 2 * width + v * lanes, lanes),
                       noKeys));
               store(nested, divided, sums, at);
             }
           });
  emitTransposedCopy(builder, loc, lanes, sums, 0, width, results, 0, valueSize,
                     valueSize, width);
  emitLoop(builder, loc, index.value(0), index.value(count),
           [&](OpBuilder &nested, Value i) {
             DimBuilder dims(nested, loc);
             emitResult(nested, dims.add(firstQuery, i), results,
                        dims.mul(i, valueSize));
           });
}

Value AttentionEmitter::emitNoKeys(OpBuilder &builder) {
  Value one = buildConstant(builder, loc, element, 1);
  Value zero = buildConstant(builder, loc, element, 0);
  Value isEmpty = IndexBuilder(builder, loc, 1).less(numKeys, Dim(1));
  return arith::SelectOp::create(builder, loc, isEmpty, one, zero);
}

void AttentionEmitter::emitScores(OpBuilder &builder, Dim firstQuery,
                                  Dim firstKey, Dim count) {
  int64_t width = tile.getColumns();
  int64_t height = getDivisor(kBlockKeys, 8);
  if (tile.rows < height)
    height = 4;
  DimBuilder outer(builder, loc);
  Dim stride = key.strides[2];
  Dim from = outer.add(keyBegin, outer.mul(firstKey, stride));
  emitDisjointTiles(
      builder, loc, count, getTileSizes(height, Dim::unknown()),
      [&](OpBuilder &nested, Dim row, int64_t rows) {
        DimBuilder dims(nested, loc);
        TileShape shape = tile;
        shape.rows = rows;
        TileOperands operands;
        operands.lhs = key.memory;
        operands.lhsOffset = dims.add(from, dims.mul(row, stride));
        operands.lhsRowStride = stride;
        operands.rhs = queries;
        operands.rhsOffset = 0;
        SmallVector<Value> tileScores = emitTile(
            nested, loc, shape, operands, ReductionLoop{0, headSize, 1, width},
            element, emitZeroTile(nested, loc, shape, element));
        for (auto [i, score] : llvm::enumerate(tileScores)) {
          Dim keyInBlock = dims.add(row, int64_t(i) / shape.vectors);
          int64_t column = int64_t(i) % shape.vectors * shape.lanes;
          Value masked = addMask(nested, score, dims.add(firstQuery, column),
                                 dims.add(firstKey, keyInBlock), shape.lanes);
          store(nested, masked, scores,
                dims.add(dims.mul(keyInBlock, width), column));
        }
      });
}

void AttentionEmitter::emitSoftmax(OpBuilder &builder, Dim count) {
  int64_t width = tile.getColumns(), lanes = tile.lanes;
  IndexBuilder index(builder, loc, 1);
  auto emitOverKeys =
      [&](ValueRange initial,
          function_ref<Value(OpBuilder &, Dim at, int64_t v, Value so)> body) {
        auto loop = scf::ForOp::create(
            builder, loc, index.value(0), index.value(count), index.value(1),
            initial,
            [&](OpBuilder &nested, Location, Value i, ValueRange current) {
              DimBuilder dims(nested, loc);
              SmallVector<Value> next;
              for (int64_t v = 0; v != tile.vectors; ++v)
                next.push_back(body(nested,
                                    dims.add(dims.mul(i, width), v * lanes), v,
                                    current[v]));
              scf::YieldOp::create(nested, loc, next);
            });
        return SmallVector<Value>(loop.getResults());
      };
  SmallVector<Value> before;
  for (int64_t v = 0; v != tile.vectors; ++v)
    before.push_back(load(builder, state, v * lanes, lanes));
  SmallVector<Value> maxima =
      emitOverKeys(before, [&](OpBuilder &nested, Dim at, int64_t, Value so) {
        return emitBinary(nested, /*isMax=*/true, so,
                          load(nested, scores, at, lanes));
      });
  SmallVector<Value> zeros(tile.vectors, splat(builder, 0, lanes));
  SmallVector<Value> totals =
      emitOverKeys(zeros, [&](OpBuilder &nested, Dim at, int64_t v, Value so) {
        Value distance = arith::SubFOp::create(
            nested, loc, load(nested, scores, at, lanes), maxima[v]);
        Value weight = math::ExpOp::create(nested, loc, distance);
        store(nested, weight, scores, at);
        return emitBinary(nested, /*isMax=*/false, so, weight);
      });
  for (int64_t v = 0; v != tile.vectors; ++v) {
    Value scale = math::ExpOp::create(
        builder, loc,
        arith::SubFOp::create(builder, loc, before[v], maxima[v]).getResult());
    Value total = load(builder, state, 2 * width + v * lanes, lanes);
    total = emitMultiplyAdd(builder, loc, total, scale, totals[v]);
    store(builder, maxima[v], state, v * lanes);
    store(builder, scale, state, width + v * lanes);
    store(builder, total, state, 2 * width + v * lanes);
  }
}

void AttentionEmitter::emitSums(OpBuilder &builder, Dim firstKey, Dim count) {
  int64_t width = tile.getColumns(), lanes = tile.lanes;
  // A height that leaves no rest, if there is one that keeps the units busy.
  int64_t height = std::min(tile.rows, valueSize);
  for (int64_t h = height; h * tile.vectors >= 8; --h)
    if (valueSize % h == 0) {
      height = h;
      break;
    }
  DimBuilder outer(builder, loc);
  Dim stride = value.strides[2];
  Dim from = outer.add(valueBegin, outer.mul(firstKey, stride));
  SmallVector<Value> scales;
  for (int64_t v = 0; v != tile.vectors; ++v)
    scales.push_back(load(builder, state, width + v * lanes, lanes));
  SmallVector<int64_t> heights{height};
  if (valueSize % height != 0)
    heights.push_back(1);
  emitDisjointTiles(
      builder, loc, valueSize, heights,
      [&](OpBuilder &nested, Dim row, int64_t rows) {
        DimBuilder dims(nested, loc);
        TileShape shape = tile;
        shape.rows = rows;
        SmallVector<Value> initial;
        for (int64_t i = 0; i != rows * shape.vectors; ++i) {
          Dim at = dims.add(dims.mul(row, width), i * lanes);
          initial.push_back(arith::MulFOp::create(nested, loc,
                                                  load(nested, sums, at, lanes),
                                                  scales[i % shape.vectors]));
        }
        TileOperands operands;
        operands.lhs = value.memory;
        operands.lhsOffset = dims.add(from, row);
        operands.lhsRowStride = 1;
        operands.rhs = scores;
        operands.rhsOffset = 0;
        SmallVector<Value> tileSums =
            emitTile(nested, loc, shape, operands,
                     ReductionLoop{0, count, stride, width}, element, initial);
        for (auto [i, sum] : llvm::enumerate(tileSums))
          store(nested, sum, sums,
                dims.add(dims.mul(row, width), int64_t(i) * lanes));
      });
}

void AttentionEmitter::emitResult(OpBuilder &builder, Dim query, Value buffer,
                                  Dim begin) {
  IndexBuilder index(builder, loc, 1);
  emitLoop(builder, loc, index.value(0), index.value(valueSize / valueLanes),
           [&](OpBuilder &nested, Value i) {
             DimBuilder dims(nested, loc);
             Dim column = dims.mul(i, valueLanes);
             Value result =
                 load(nested, buffer, dims.add(begin, column), valueLanes);
             tail.emit(nested,
                       {LaneIndex(batch), LaneIndex(head), LaneIndex(query),
                        LaneIndex(column, valueLanes > 1 ? 1 : 0)},
                       result, valueLanes);
           });
}

static bool matchesAttention(KernelOp kernel) {
  AttentionOp op = getAnchor<AttentionOp>(kernel);
  return op && isTileable(op);
}

const KernelEmitter kAttentionEmitter = {
    "attention", matchesAttention, /*collapses=*/false,
    emitUnitsOf<AttentionEmitter>, emitBodyOf<AttentionEmitter>};

} // namespace tenon::cpu

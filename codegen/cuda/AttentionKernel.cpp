//===- AttentionKernel.cpp - Attention in tiles ---------------------------===//
//
// A unit is 64 queries of one head, done by a block. It goes over the keys, a
// tile of them at a time, and keeps of the scores no more than that tile's:
//
//   S  = scale * Q K^T + mask
//   m' = max(m, S)                      of each row
//   P  = exp(S - m')
//   l  = l * exp(m - m') + sum(P)       of each row
//   O  = O * exp(m - m') + P V
//
// and at the end O / l. (Dao, Fu, Ermon, Rudra, Re: "FlashAttention", 2022.)
// The sums O stay in registers. S goes to shared memory, where two threads have
// a row of it, and P from there to where K was.
//
// Where there are few queries, a unit is one of them (FewQueries.h); whether
// there are is found out when the kernel runs, if sizes don't say.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cpu/View.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/FewQueries.h"
#include "codegen/cuda/Team.h"
#include "codegen/cuda/TileKernel.h"
#include "dialects/tenon/TenonAttention.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace tenon::cuda {

using Values = BlockCode::Values;

static constexpr int64_t kQueries = 64;
static constexpr int64_t kThreads = 128;
/// How many threads have a row of the scores, and columns together.
static constexpr int64_t kRowThreads = kThreads / kQueries;
static constexpr int64_t kPair = 2;
/// So many queries are few.
static constexpr int64_t kFewQueries = 8;

namespace {

/// Emits one of a kernel's functions.
class AttentionEmitter {
public:
  explicit AttentionEmitter(cpu::KernelFunction &function);
  Value emitUnits();
  void emitBody();

private:
  /// The state of a row, which its threads both have.
  struct Row {
    Value most, sum;
  };

  /// Whether there are few queries, if that is known.
  std::optional<bool> hasFewQueries() const {
    if (!numQueries.isConstant())
      return std::nullopt;
    return numQueries.getConstant() <= kFewQueries;
  }
  void emitTileUnit(BlockCode &code);
  void emitQueryUnit(BlockCode &code);
  AttentionLines getLines(Value operand, const cpu::View &view);
  TileSource getSource(const AttentionLines &lines, Dim numLines,
                       bool depthInner);
  Row emitSoftmax(BlockCode &code, Row row, Value firstKey);
  /// What the results of this thread's row are multiplied with next.
  void storeFactor(BlockCode &code, Value factor);
  Value loadMask(BlockCode &code, Value query, Value key, Value isThere);
  Value makeScore(BlockCode &code, Value product, Value query, Value key,
                  Value isThere);
  Value exp(BlockCode &code, Value a, Value b);
  Value combine(BlockCode &code, Value value,
                llvm::function_ref<Value(Value, Value)> both);
  Value constant(BlockCode &code, double value) {
    OpBuilder &builder = code.getBuilder();
    return cpu::buildConstant(builder, loc, f32,
                              builder.getFloatAttr(f32, value));
  }
  Value at(BlockCode &code, int64_t offset) {
    return code.advance(shared, code.constant(offset));
  }

  cpu::KernelFunction &function;
  AttentionOp op;
  Location loc;
  Type element, f32;
  Dim batches, heads, numQueries, numKeys, valueSize, tilesDown;
  cpu::View queryView, keyView, valueView, maskView;
  /// Of this unit.
  Dim batch, head;
  Value firstQuery;

  /// Sizes that tiles have; what is beyond the operands' is 0.
  int64_t paddedHead, paddedValue, tileKeys;
  OperandTile queryTile, keyTile, weightTile, valueTile;
  TileShape scoreShape, resultShape;
  std::unique_ptr<TileMath> scores, results;
  /// Where these are in shared memory, in bytes; weights are where keys were.
  int64_t keysAt, valuesAt, scoresAt, factorsAt;
  Value shared;
};

} // namespace

static int64_t getPadded(Value tensor) {
  int64_t size = cast<RankedTensorType>(tensor.getType()).getShape().back();
  return std::max<int64_t>(64, llvm::PowerOf2Ceil(size));
}

AttentionEmitter::AttentionEmitter(cpu::KernelFunction &function)
    : function(function), op(cpu::getAnchor<AttentionOp>(function.getKernel())),
      loc(function.getLoc()), element(function.getElementType(op.getQuery())),
      f32(function.getBuilder().getF32Type()) {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  SmallVector<Dim> query = function.getShape(op.getQuery());
  SmallVector<Dim> value = function.getShape(op.getValue());
  batches = query[0];
  heads = query[1];
  numQueries = query[2];
  numKeys = value[2];
  valueSize = value[3];
  tilesDown = index.uniform().ceilDiv(numQueries, kQueries);

  int64_t bytes = element.getIntOrFloatBitWidth() / 8;
  paddedHead = getPadded(op.getQuery());
  paddedValue = getPadded(op.getValue());
  // So that all that a block shares fits in what it has without asking.
  bool isSmall = std::max(paddedHead, paddedValue) * bytes <= 128;
  tileKeys = isSmall ? 64 : 32;
  bool mma = isForMma(function.getBuilder(), element);
  queryTile = {/*depthInner=*/true, kQueries, paddedHead, bytes, mma};
  keyTile = {/*depthInner=*/true, tileKeys, paddedHead, bytes, mma};
  weightTile = {/*depthInner=*/true, kQueries, tileKeys, bytes, mma};
  valueTile = {/*depthInner=*/false, paddedValue, tileKeys, bytes, mma};
  scoreShape = {kQueries, tileKeys, paddedHead, kThreads, /*stages=*/1};
  resultShape = {kQueries, paddedValue, tileKeys, kThreads, /*stages=*/1};
  scores = createMath(scoreShape, queryTile, keyTile, element);
  results = createMath(resultShape, weightTile, valueTile, element);
  keysAt = queryTile.getBytes();
  valuesAt = keysAt + std::max(keyTile.getBytes(), weightTile.getBytes());
  scoresAt = valuesAt + valueTile.getBytes();
  factorsAt = scoresAt + scores->getSlabBytes();
}

Value AttentionEmitter::emitUnits() {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  Dim tiles = index.product({batches, heads, tilesDown});
  Dim queries = index.product({batches, heads, numQueries});
  return index.value(
      index.uniform().selectLess(kFewQueries, numQueries, tiles, queries));
}

/// The lines of an operand of this head.
AttentionLines AttentionEmitter::getLines(Value operand,
                                          const cpu::View &view) {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  Dim begin = view.getPosition(index.uniform(), {batch, head});
  return {view.memory, index.value(begin), index.value(view.strides[2]),
          function.getShape(operand).back().getConstant()};
}

/// The same as a side of a product.
TileSource AttentionEmitter::getSource(const AttentionLines &lines,
                                       Dim numLines, bool depthInner) {
  return getMatrix(lines.memory, lines.begin, depthInner, numLines, lines.size,
                   lines.stride);
}

/// Of what is not positive, so that what is less exact is small.
Value AttentionEmitter::exp(BlockCode &code, Value a, Value b) {
  OpBuilder &builder = code.getBuilder();
  return math::ExpOp::create(builder, loc,
                             arith::SubFOp::create(builder, loc, a, b),
                             arith::FastMathFlags::afn);
}

/// What the threads of a row have together.
Value AttentionEmitter::combine(BlockCode &code, Value value,
                                llvm::function_ref<Value(Value, Value)> both) {
  return reduceLanes(code.getBuilder(), loc, kRowThreads, value,
                     [&](ValueRange a, ValueRange b) -> Values {
                       return {both(a.front(), b.front())};
                     })
      .front();
}

Value AttentionEmitter::loadMask(BlockCode &code, Value query, Value key,
                                 Value isThere) {
  OpBuilder &builder = code.getBuilder();
  Dim index[] = {batch, head, Dim(query), Dim(key)};
  DimBuilder dims(builder, loc);
  Dim position = maskView.getPosition(
      dims, ArrayRef<Dim>(index).take_back(maskView.strides.size()));
  Type type = function.getElementType(op.getMask());
  Value loaded = code.choose(
      isThere, type,
      [&]() -> Value {
        return memref::LoadOp::create(builder, loc, maskView.memory,
                                      code.value(position));
      },
      [&] { return cpu::buildConstant(builder, loc, type, 0); });
  return cpu::convertFloat(builder, loc, loaded, f32);
}

/// `isThere` tells whether the mask may be read.
Value AttentionEmitter::makeScore(BlockCode &code, Value product, Value query,
                                  Value key, Value isThere) {
  OpBuilder &builder = code.getBuilder();
  Value score = arith::MulFOp::create(
      builder, loc, product, constant(code, op.getScale().convertToDouble()));
  if (!op.getMask())
    return score;
  return arith::AddFOp::create(builder, loc, score,
                               loadMask(code, query, key, isThere));
}

/// The scores of this thread become weights, and by how much the results so far
/// shrink.
AttentionEmitter::Row AttentionEmitter::emitSoftmax(BlockCode &code, Row row,
                                                    Value firstKey) {
  OpBuilder &builder = code.getBuilder();
  Value thread = code.thread();
  Value line = code.div(thread, kRowThreads);
  Value part = code.mul(code.rem(thread, kRowThreads), kPair);
  Value query = code.add(firstQuery, line);
  Value isQuery = code.less(query, code.value(numQueries));
  Value nothing = constant(code, -std::numeric_limits<double>::infinity());
  auto max = [&](Value a, Value b) {
    return cpu::buildMax(builder, loc, a, b);
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(builder, loc, a, b);
  };
  Value scoreLine =
      code.advance(at(code, scoresAt),
                   code.mul(line, scores->getSlabStride() * sizeof(float)));

  Values weights;
  Value most = row.most;
  for (int64_t i = 0; i != tileKeys; i += kRowThreads * kPair)
    for (int64_t j = 0; j != kPair; ++j) {
      Value column = code.add(part, i + j);
      Value key = code.add(firstKey, column);
      Value isKey = code.less(key, code.value(numKeys));
      Value score = code.load(
          f32, code.advance(scoreLine, code.mul(column, sizeof(float))));
      score = makeScore(code, score, query, key, code.both(isQuery, isKey));
      weights.push_back(code.choose(isKey, score, nothing));
      most = max(most, weights.back());
    }
  most = combine(code, most, max);
  Value sum = constant(code, 0);
  for (Value &weight : weights) {
    weight = exp(code, weight, most);
    sum = add(sum, weight);
  }
  sum = combine(code, sum, add);
  Value factor = exp(code, row.most, most);

  int64_t bytes = weightTile.elementBytes;
  int64_t chunkElements = weightTile.getChunkElements();
  auto pairType = VectorType::get({kPair}, element);
  for (int64_t i = 0; i != tileKeys / (kRowThreads * kPair); ++i) {
    Value column = code.add(part, i * kRowThreads * kPair);
    Value pair = vector::FromElementsOp::create(
        builder, loc, pairType,
        ValueRange{
            cpu::convertFloat(builder, loc, weights[i * kPair], element),
            cpu::convertFloat(builder, loc, weights[i * kPair + 1], element)});
    Value offset = code.add(
        weightTile.getOffset(code, line, code.div(column, chunkElements)),
        code.mul(code.rem(column, chunkElements), bytes));
    code.store(pair, code.advance(at(code, keysAt), offset));
  }
  storeFactor(code, factor);
  return {most, math::FmaOp::create(builder, loc, row.sum, factor, sum)};
}

void AttentionEmitter::storeFactor(BlockCode &code, Value factor) {
  Value thread = code.thread();
  code.branch(code.isZero(code.rem(thread, kRowThreads)), [&] {
    code.store(factor, code.advance(at(code, factorsAt),
                                    code.mul(code.div(thread, kRowThreads),
                                             sizeof(float))));
  });
}

void AttentionEmitter::emitTileUnit(BlockCode &code) {
  OpBuilder &builder = code.getBuilder();
  cpu::IndexBuilder index(builder, loc, /*width=*/1);
  SmallVector<Dim> unit =
      index.delinearize(Dim(function.getBegin()), {batches, heads, tilesDown});
  batch = unit[0];
  head = unit[1];
  firstQuery = index.value(index.uniform().mul(unit[2], kQueries));
  TileSource queries =
      getSource(getLines(op.getQuery(), queryView), numQueries, true);
  TileSource keys = getSource(getLines(op.getKey(), keyView), numKeys, true);
  TileSource values =
      getSource(getLines(op.getValue(), valueView), numKeys, false);

  // While a block waits for its copies another one works. Numbers of f32 take
  // more registers, and what is not for tensor cores all that there are.
  if (queryTile.isForMma)
    code.setBlocksAtOnce(element.isF32() ? 2 : 3);
  scores->begin(code);
  results->begin(code);
  Value zero = code.constant(0);
  TileCopier(code, queries, queryTile, kThreads, firstQuery)
      .emit(code, shared, zero);

  Value none = constant(code, 0);
  Values carried(results->getNumSums(), none);
  // Finite, so that a score of -inf differs from it.
  carried.append({constant(code, -std::numeric_limits<float>::max()), none});
  Values done = code.loop(
      zero, code.value(numKeys), code.constant(tileKeys), carried,
      [&](Value firstKey, ValueRange carried) -> Values {
        // Nobody reads the last tile any more.
        code.barrier();
        TileCopier(code, keys, keyTile, kThreads, firstKey)
            .emit(code, at(code, keysAt), zero);
        code.commitCopies();
        TileCopier(code, values, valueTile, kThreads, zero)
            .emit(code, at(code, valuesAt), firstKey);
        code.commitCopies();
        code.awaitCopies(1);
        code.barrier();
        Values tile = scores->addStage(code, shared, at(code, keysAt),
                                       Values(scores->getNumSums(), none));
        scores->storeSlab(code, /*slab=*/0, at(code, scoresAt), tile);
        code.barrier();
        Row row = emitSoftmax(
            code, {carried[carried.size() - 2], carried.back()}, firstKey);
        code.awaitCopies(0);
        code.barrier();
        Values sums =
            results->scaleRows(code, at(code, factorsAt), carried.drop_back(2));
        sums =
            results->addStage(code, at(code, keysAt), at(code, valuesAt), sums);
        sums.append({row.most, row.sum});
        return sums;
      });
  // Without keys nobody has waited for the queries.
  code.commitCopies();
  code.awaitCopies(0);
  // Keys that are all masked make NaN, and no keys make 0, as on the processor.
  Value isEmpty = code.isZero(code.value(numKeys));
  Value sum = code.choose(isEmpty, constant(code, 1), done.back());
  code.barrier();
  storeFactor(code,
              arith::DivFOp::create(builder, loc, constant(code, 1), sum));
  code.barrier();
  Values sums = results->scaleRows(code, at(code, factorsAt),
                                   ValueRange(done).drop_back(2));
  TileProduct product;
  product.rows = numQueries;
  product.columns = valueSize;
  product.getRowIndex = [&](OpBuilder &, Value row) {
    return SmallVector<cpu::LaneIndex>{
        cpu::LaneIndex(batch), cpu::LaneIndex(head), cpu::LaneIndex(row)};
  };
  cpu::AnchorTail tail(function, op);
  emitTail(code, *results, resultShape, product, shared, firstQuery, zero, sums,
           tail);
}

void AttentionEmitter::emitQueryUnit(BlockCode &code) {
  OpBuilder &builder = code.getBuilder();
  cpu::IndexBuilder index(builder, loc, /*width=*/1);
  SmallVector<Dim> unit =
      index.delinearize(Dim(function.getBegin()), {batches, heads, numQueries});
  batch = unit[0];
  head = unit[1];
  Value query = index.value(unit[2]);
  AttentionQuery attention;
  attention.query = getLines(op.getQuery(), queryView);
  attention.query.begin =
      code.add(attention.query.begin, code.mul(query, attention.query.stride));
  attention.keys = getLines(op.getKey(), keyView);
  attention.values = getLines(op.getValue(), valueView);
  attention.numKeys = numKeys;
  attention.element = element;
  attention.makeScore = [&](BlockCode &code, Value product, Value key) {
    Value isThere = arith::ConstantIntOp::create(builder, loc, 1, 1);
    return makeScore(code, product, query, key, isThere);
  };
  cpu::AnchorTail tail(function, op);
  emitQuery(code, attention, kThreads, shared, [&](Value column, Value result) {
    cpu::LaneIndex at[] = {cpu::LaneIndex(batch), cpu::LaneIndex(head),
                           cpu::LaneIndex(query), cpu::LaneIndex(column)};
    tail.emit(builder, at, result, /*lanes=*/1);
  });
}

void AttentionEmitter::emitBody() {
  BlockCode code(function.getBuilder(), loc);
  queryView = cpu::getView(function, op.getQuery());
  keyView = cpu::getView(function, op.getKey());
  valueView = cpu::getView(function, op.getValue());
  if (op.getMask())
    maskView = cpu::getView(function, op.getMask());
  std::optional<bool> isFew = hasFewQueries();
  int64_t factorBytes = kQueries * sizeof(float);
  int64_t tileBytes =
      std::max(factorsAt + factorBytes, results->getSlabBytes());
  int64_t queryBytes = getQueryBytes(element, kThreads);
  shared = code.allocateShared(!isFew   ? std::max(tileBytes, queryBytes)
                               : *isFew ? queryBytes
                                        : tileBytes);
  if (isFew)
    return *isFew ? emitQueryUnit(code) : emitTileUnit(code);
  code.branch(
      code.less(code.value(numQueries), code.constant(kFewQueries + 1)),
      [&] { emitQueryUnit(code); }, [&] { emitTileUnit(code); });
}

static bool matches(KernelOp kernel) {
  AttentionOp op = cpu::getAnchor<AttentionOp>(kernel);
  return op && isTileableOnGpu(op);
}

const cpu::KernelEmitter kAttentionEmitter = {
    "attention",
    matches,
    /*collapses=*/false,
    cpu::emitUnitsOf<AttentionEmitter>,
    cpu::emitBodyOf<AttentionEmitter>,
    /*prepare=*/nullptr,
    kThreads};

} // namespace tenon::cuda

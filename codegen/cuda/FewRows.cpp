//===- FewRows.cpp - Products of matrices of which one has few rows -------===//
//
// Such a product takes as long as the right operand takes to be read: each
// element once, 16 bytes at a time, straight to registers. A block has few
// columns, and its threads share the steps of the sum, so that even a small
// matrix is read by many threads at once. A thread has a group of steps, which
// are contiguous in the left operand, of
//
//   4 columns, one chunk of each        where the steps are contiguous, or
//   a chunk of columns for each step, or half of one    where columns are.
//
// What the threads have summed is combined in an order that depends on sizes
// alone: by shuffles in a warp, then through shared memory.
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/FewRows.h"

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cuda/Team.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::cuda {

using Values = BlockCode::Values;

static constexpr int64_t kWarps = kFewRowsThreads / TENON_WARP_SIZE;

bool mayHaveFewRows(Dim rows, Dim depth, int64_t threads) {
  constexpr int64_t kLongSum = 64;
  return threads == kFewRowsThreads &&
         (!depth.isConstant() || depth.getConstant() >= kLongSum) &&
         (!rows.isConstant() ||
          (rows.getConstant() != 0 && rows.getConstant() <= kFewRows));
}

FewRowsShape getFewRowsShape(Type element, bool depthInner, Dim rows,
                             Dim columns) {
  constexpr int64_t kUsualColumns = 1024;
  int64_t numRows = rows.isConstant() ? rows.getConstant() : kFewRows;
  int64_t numColumns =
      columns.isConstant() ? columns.getConstant() : kUsualColumns;
  if (depthInner)
    return {numRows, /*across=*/1, /*columns=*/4};
  // 128 bytes of a line where that makes enough blocks for a GPU's
  // multiprocessors; 32 are read at once in any case.
  constexpr int64_t kManyBlocks = 96;
  int64_t chunk = getChunkElements(element);
  int64_t across = 8;
  while (across > 2 && numColumns < kManyBlocks * across * chunk)
    across /= 2;
  // Sums of many rows leave registers for half a chunk of columns.
  constexpr int64_t kMaxSums = 32;
  if (numRows * chunk <= kMaxSums || chunk == 4)
    return {numRows, across, chunk};
  return {numRows, 2 * across, chunk / 2};
}

namespace {

/// The sums of one thread, of f32: a row's columns beside each other.
class ThreadSums {
public:
  ThreadSums(BlockCode &code, const TileProduct &product,
             const FewRowsShape &shape, Value columnBegin);
  Values emit();

private:
  bool mayBeChunks(const TileSource &source) const {
    return !source.line.isConstant() ||
           source.line.getConstant() % chunkElements == 0;
  }
  bool hasLhsChunks() const {
    return product.lhs.depthInner && mayBeChunks(product.lhs);
  }
  Value areChunks(const TileSource &source);
  Values load(const TileSource &source, ValueRange known, Value outer,
              Value step, int64_t count);
  Value loadLeft(int64_t row, Value step) {
    return load(product.lhs, known[row], rows[row], step, /*count=*/1).front();
  }
  Values loadRight(Value column, Value step, int64_t count) {
    return load(product.rhs, ValueRange(), column, step, count);
  }
  /// `number`, but with `room` behind it in `size`.
  Value clamp(Value number, Dim size, int64_t room) {
    return code.min(number, code.add(code.value(size), -room));
  }
  Values addChunks();
  Values addGroups(Value end);
  Values addSteps(Value begin, ValueRange sums, bool inChunks);
  void add(Values &sums, int64_t row, int64_t column, Value a, Value b);

  BlockCode &code;
  OpBuilder &builder;
  Location loc;
  const TileProduct &product;
  const FewRowsShape &shape;
  Type f32;
  bool depthInner;
  int64_t chunkElements, numDeep;
  /// Which steps are this thread's, and where its columns begin.
  Value deep, firstColumn;
  Values rows;
  /// What the left operand has prepared for each row.
  SmallVector<Values> known;
};

} // namespace

ThreadSums::ThreadSums(BlockCode &code, const TileProduct &product,
                       const FewRowsShape &shape, Value columnBegin)
    : code(code), builder(code.getBuilder()), loc(code.getLoc()),
      product(product), shape(shape), f32(builder.getF32Type()),
      depthInner(product.rhs.depthInner),
      chunkElements(getChunkElements(product.element)),
      numDeep(kFewRowsThreads / shape.across) {
  Value thread = code.thread();
  deep = code.div(thread, shape.across);
  firstColumn = code.add(
      columnBegin, code.mul(code.rem(thread, shape.across), shape.columns));
  // What is beyond the last row or column is that one once more, and nobody
  // stores it.
  for (int64_t row = 0; row != shape.rows; ++row) {
    rows.push_back(clamp(code.constant(row), product.rows, 1));
    known.push_back(product.lhs.prepare ? product.lhs.prepare(code, rows.back())
                                        : Values());
  }
}

/// Null if it is sure.
Value ThreadSums::areChunks(const TileSource &source) {
  if (source.line.isConstant())
    return {};
  return code.isZero(code.rem(code.value(source.line), chunkElements));
}

Values ThreadSums::load(const TileSource &source, ValueRange known, Value outer,
                        Value step, int64_t count) {
  return code.loadFloats(
      source.memory, source.locate(code, known, outer, step).position, count);
}

void ThreadSums::add(Values &sums, int64_t row, int64_t column, Value a,
                     Value b) {
  Value &sum = sums[row * shape.columns + column];
  sum = math::FmaOp::create(builder, loc, a, b, sum);
}

/// Whole groups of as many steps as a chunk has elements, before `end`.
Values ThreadSums::addGroups(Value end) {
  Values zeros(shape.rows * shape.columns,
               cpu::buildConstant(builder, loc, f32, 0));
  return code.loop(
      code.mul(deep, chunkElements), end,
      code.constant(numDeep * chunkElements), zeros,
      [&](Value begin, ValueRange carried) -> Values {
        SmallVector<Value> steps;
        for (int64_t i = 0; i != chunkElements; ++i)
          steps.push_back(code.add(begin, i));
        // All that is read is on its way before anything is summed.
        SmallVector<Values> right, left;
        if (depthInner) {
          for (int64_t column = 0; column != shape.columns; ++column)
            right.push_back(loadRight(
                clamp(code.add(firstColumn, column), product.columns, 1), begin,
                chunkElements));
        } else {
          Value first = clamp(firstColumn, product.columns, shape.columns);
          for (Value step : steps)
            right.push_back(loadRight(first, step, shape.columns));
        }
        for (int64_t row = 0; row != shape.rows; ++row) {
          if (hasLhsChunks()) {
            left.push_back(
                load(product.lhs, known[row], rows[row], begin, chunkElements));
            continue;
          }
          left.emplace_back();
          for (Value step : steps)
            left.back().push_back(loadLeft(row, step));
        }
        Values sums(carried.begin(), carried.end());
        for (int64_t i = 0; i != chunkElements; ++i)
          for (int64_t row = 0; row != shape.rows; ++row)
            for (int64_t column = 0; column != shape.columns; ++column)
              add(sums, row, column, left[row][i],
                  depthInner ? right[column][i] : right[i][column]);
        return sums;
      });
}

/// Steps one by one from `begin` on.
Values ThreadSums::addSteps(Value begin, ValueRange sums, bool inChunks) {
  return code.loop(
      code.add(begin, deep), code.value(product.depth), code.constant(numDeep),
      sums, [&](Value step, ValueRange carried) -> Values {
        Values right;
        if (inChunks)
          right = loadRight(clamp(firstColumn, product.columns, shape.columns),
                            step, shape.columns);
        else
          for (int64_t column = 0; column != shape.columns; ++column)
            right.append(loadRight(
                clamp(code.add(firstColumn, column), product.columns, 1), step,
                /*count=*/1));
        Values sums(carried.begin(), carried.end());
        for (int64_t row = 0; row != shape.rows; ++row) {
          Value left = loadLeft(row, step);
          for (int64_t column = 0; column != shape.columns; ++column)
            add(sums, row, column, left, right[column]);
        }
        return sums;
      });
}

Values ThreadSums::addChunks() {
  Value end = code.mul(code.div(code.value(product.depth), chunkElements),
                       chunkElements);
  Values sums = addGroups(end);
  bool isWhole = product.depth.isConstant() &&
                 product.depth.getConstant() % chunkElements == 0;
  return depthInner || isWhole ? sums : addSteps(end, sums, /*inChunks=*/true);
}

Values ThreadSums::emit() {
  auto addElements = [&] {
    Values zeros(shape.rows * shape.columns,
                 cpu::buildConstant(builder, loc, f32, 0));
    return addSteps(code.constant(0), zeros, /*inChunks=*/false);
  };
  if (!mayBeChunks(product.rhs))
    return addElements();
  Value condition = areChunks(product.rhs);
  if (hasLhsChunks()) {
    Value also = areChunks(product.lhs);
    condition = condition && also ? code.both(condition, also)
                : condition       ? condition
                                  : also;
  }
  if (!condition)
    return addChunks();
  auto branch = scf::IfOp::create(
      builder, loc, SmallVector<Type>(shape.rows * shape.columns, f32),
      condition, /*addThenBlock=*/true, /*addElseBlock=*/true);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(branch.thenBlock());
  scf::YieldOp::create(builder, loc, addChunks());
  builder.setInsertionPointToEnd(branch.elseBlock());
  scf::YieldOp::create(builder, loc, addElements());
  return Values(branch.getResults());
}

void emitFewRows(BlockCode &code, const TileProduct &product,
                 const FewRowsShape &shape, Value columnBegin,
                 cpu::AnchorTail &tail) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  // A thread waits for what it reads; the more others there are, the better.
  int64_t numSums = shape.rows * shape.columns;
  code.setBlocksAtOnce(numSums <= 16 ? 5 : 4);
  Values sums = ThreadSums(code, product, shape, columnBegin).emit();
  // What the threads of a warp have that have the same columns.
  sums = addLanes(builder, loc, TENON_WARP_SIZE / shape.across, sums,
                  /*stride=*/shape.across);

  // For each warp, rows of the block's columns.
  int64_t blockColumns = shape.getBlockColumns();
  int64_t warpSums = shape.rows * blockColumns;
  auto bytes = [&](Value count) { return code.mul(count, sizeof(float)); };
  Value shared = code.allocateShared(kWarps * warpSums * sizeof(float));
  Value thread = code.thread();
  Value lane = code.rem(thread, TENON_WARP_SIZE);
  Value warp = code.div(thread, TENON_WARP_SIZE);
  code.branch(code.less(lane, code.constant(shape.across)), [&] {
    Value first =
        code.add(code.mul(warp, warpSums), code.mul(lane, shape.columns));
    for (int64_t row = 0; row != shape.rows; ++row) {
      auto type = VectorType::get({4}, builder.getF32Type());
      for (int64_t i = 0; i != shape.columns; i += type.getNumElements()) {
        Value four = vector::FromElementsOp::create(
            builder, loc, type,
            ValueRange(sums).slice(row * shape.columns + i,
                                   type.getNumElements()));
        code.store(
            four, code.advance(shared,
                               bytes(code.add(first, row * blockColumns + i))));
      }
    }
  });
  code.barrier();
  // Neighbouring threads have neighbouring columns.
  code.loop(
      thread, code.constant(warpSums), code.constant(kFewRowsThreads),
      [&](Value number) {
        Value row = code.div(number, blockColumns);
        Value column = code.add(columnBegin, code.rem(number, blockColumns));
        Value isThere =
            code.both(code.less(row, code.value(product.rows)),
                      code.less(column, code.value(product.columns)));
        code.branch(isThere, [&] {
          Value sum;
          for (int64_t i = 0; i != kWarps; ++i) {
            Value part = code.load(
                builder.getF32Type(),
                code.advance(shared, bytes(code.add(number, i * warpSums))));
            sum = sum ? Value(arith::AddFOp::create(builder, loc, sum, part))
                      : part;
          }
          if (product.getBias)
            sum = arith::AddFOp::create(
                builder, loc, sum,
                product.getBias(builder, column, /*lanes=*/1));
          SmallVector<cpu::LaneIndex> at = product.getRowIndex(builder, row);
          at.push_back(cpu::LaneIndex(column));
          tail.emit(builder, at, sum, /*lanes=*/1);
        });
      });
}

} // namespace tenon::cuda

//===- Team.cpp - Threads that do a unit together -------------------------===//
//
// Lanes of a warp exchange values by shuffles, halves upon halves. Warps leave
// theirs in shared memory, and each thread combines what all have left.
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/Team.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::cuda {

Team::Team(OpBuilder &builder, Location loc, int64_t size, int64_t numColumns)
    : code(builder, loc), size(size), numColumns(numColumns) {
  thread = code.thread();
  if (size == TENON_WARP_SIZE) // A block has several.
    thread = code.rem(thread, size);
  if (numColumns == 1) {
    row = thread;
    return;
  }
  column = code.rem(thread, numColumns);
  if (getNumRows() != 1)
    row = code.div(thread, numColumns);
}

/// Shuffles are of 32 bits.
static Value shuffle(OpBuilder &builder, Location loc, Value value,
                     int64_t by) {
  Type type = value.getType();
  unsigned bits = type.getIntOrFloatBitWidth();
  Type word = builder.getI32Type();
  if (isa<FloatType>(type) && bits != 32) {
    Value whole = arith::BitcastOp::create(builder, loc,
                                           builder.getIntegerType(bits), value);
    return arith::BitcastOp::create(builder, loc, type,
                                    shuffle(builder, loc, whole, by));
  }
  if (bits < 32)
    return arith::TruncIOp::create(
        builder, loc, type,
        shuffle(builder, loc, arith::ExtUIOp::create(builder, loc, word, value),
                by));
  if (bits == 64) {
    Value half = arith::ConstantIntOp::create(builder, loc, type, 32);
    Value high = arith::ShRUIOp::create(builder, loc, value, half);
    auto exchange = [&](Value part) -> Value {
      part = arith::TruncIOp::create(builder, loc, word, part);
      return arith::ExtUIOp::create(builder, loc, type,
                                    shuffle(builder, loc, part, by));
    };
    Value low = exchange(value);
    high = arith::ShLIOp::create(builder, loc, exchange(high), half);
    return arith::OrIOp::create(builder, loc, low, high);
  }
  return gpu::ShuffleOp::create(builder, loc, value, by, TENON_WARP_SIZE,
                                gpu::ShuffleMode::XOR)
      .getShuffleResult();
}

Team::Values
reduceLanes(OpBuilder &builder, Location loc, int64_t numLanes, ValueRange mine,
            llvm::function_ref<Team::Values(ValueRange, ValueRange)> combine,
            int64_t stride) {
  Team::Values values(mine);
  for (int64_t by = numLanes / 2 * stride; by >= stride; by /= 2) {
    Team::Values others;
    for (Value value : values)
      others.push_back(shuffle(builder, loc, value, by));
    values = combine(values, others);
  }
  return values;
}

Team::Values addLanes(OpBuilder &builder, Location loc, int64_t numLanes,
                      ValueRange mine, int64_t stride) {
  auto add = [&](ValueRange a, ValueRange b) {
    Team::Values sums;
    for (auto [x, y] : llvm::zip_equal(a, b))
      sums.push_back(arith::AddFOp::create(builder, loc, x, y));
    return sums;
  };
  return reduceLanes(builder, loc, numLanes, mine, add, stride);
}

Team::Values
Team::reduce(ValueRange mine,
             llvm::function_ref<Values(ValueRange, ValueRange)> combine) {
  OpBuilder &builder = code.getBuilder();
  Location loc = code.getLoc();
  Values values(mine);
  if (numColumns == 1)
    values = reduceLanes(builder, loc, TENON_WARP_SIZE, mine, combine);
  int64_t numRows = size / TENON_WARP_SIZE;
  if (numRows == 1)
    return values;

  // Memory has no type of one bit.
  auto toMemory = [&](Value value) -> Value {
    return value.getType().isInteger(1)
               ? Value(arith::ExtUIOp::create(builder, loc, builder.getI8Type(),
                                              value))
               : value;
  };
  Values memories;
  for (Value value : values) {
    Type type = value.getType();
    memories.push_back(
        allocateShared(builder, loc, numRows * numColumns,
                       type.isInteger(1) ? builder.getI8Type() : type));
  }
  auto storeAll = [&](Value place) {
    for (auto [value, memory] : llvm::zip(values, memories))
      memref::StoreOp::create(builder, loc, toMemory(value), memory, place);
  };
  // Those of a row have what they share, or one of them leaves it for all.
  if (numColumns != 1)
    storeAll(thread);
  else
    code.branch(code.isZero(code.rem(thread, TENON_WARP_SIZE)),
                [&] { storeAll(code.div(thread, TENON_WARP_SIZE)); });
  code.barrier();
  Values all;
  for (int64_t i = 0; i != numRows; ++i) {
    Value at = code.constant(i * numColumns);
    if (column)
      at = code.add(at, column);
    Values left;
    for (auto [value, memory] : llvm::zip(values, memories)) {
      Value loaded = memref::LoadOp::create(builder, loc, memory, at);
      if (value.getType() != loaded.getType())
        loaded = arith::TruncIOp::create(builder, loc, value.getType(), loaded);
      left.push_back(loaded);
    }
    all = i ? combine(all, left) : left;
  }
  return all;
}

} // namespace tenon::cuda

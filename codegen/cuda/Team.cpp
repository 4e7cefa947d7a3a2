//===- Team.cpp - Threads that do a unit together -------------------------===//
//
// Lanes of a warp exchange values by shuffles, halves upon halves. Warps leave
// theirs in shared memory, and each thread combines what all have left.
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/Team.h"

#include "codegen/cuda/BlockCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::cuda {

Team::Team(OpBuilder &builder, Location loc, int64_t size, int64_t numColumns)
    : builder(builder), loc(loc), size(size), numColumns(numColumns) {
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  thread = gpu::ThreadIdOp::create(builder, loc, gpu::Dimension::x);
  if (size == TENON_WARP_SIZE) // A block has several.
    thread = arith::RemUIOp::create(builder, loc, thread, constant(size));
  if (numColumns == 1) {
    row = thread;
    return;
  }
  column = arith::RemUIOp::create(builder, loc, thread, constant(numColumns));
  if (getNumRows() != 1)
    row = arith::DivUIOp::create(builder, loc, thread, constant(numColumns));
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
            llvm::function_ref<Team::Values(ValueRange, ValueRange)> combine) {
  Team::Values values(mine);
  for (int64_t by = numLanes / 2; by != 0; by /= 2) {
    Team::Values others;
    for (Value value : values)
      others.push_back(shuffle(builder, loc, value, by));
    values = combine(values, others);
  }
  return values;
}

Team::Values
Team::reduce(ValueRange mine,
             llvm::function_ref<Values(ValueRange, ValueRange)> combine) {
  Values values(mine.begin(), mine.end());
  if (numColumns == 1)
    values = reduceLanes(builder, loc, TENON_WARP_SIZE, mine, combine);
  int64_t numRows = size / TENON_WARP_SIZE;
  if (numRows == 1)
    return values;

  // Those of a row have what they share, or one of them leaves it for all.
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  Value warpSize = constant(TENON_WARP_SIZE);
  Value place = thread;
  if (numColumns == 1)
    place = arith::DivUIOp::create(builder, loc, thread, warpSize);
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
  auto storeAll = [&] {
    for (auto [value, memory] : llvm::zip(values, memories))
      memref::StoreOp::create(builder, loc, toMemory(value), memory, place);
  };
  if (numColumns != 1) {
    storeAll();
  } else {
    Value isFirst = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::eq,
        arith::RemUIOp::create(builder, loc, thread, warpSize), constant(0));
    auto branch =
        scf::IfOp::create(builder, loc, isFirst, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(branch.thenYield());
    storeAll();
  }
  gpu::BarrierOp::create(builder, loc);
  Values all;
  for (int64_t i = 0; i != numRows; ++i) {
    Value at = constant(i * numColumns);
    if (column)
      at = arith::AddIOp::create(builder, loc, at, column);
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

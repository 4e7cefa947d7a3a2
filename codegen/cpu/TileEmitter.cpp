//===- TileEmitter.cpp - The inner loop of contractions -------------------===//

#include "codegen/cpu/TileEmitter.h"

#include "dialects/tenon/TenonFloatTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cpu {

//===----------------------------------------------------------------------===//
// Choice of the tile
//===----------------------------------------------------------------------===//

/// AVX-512 and NEON have 32 vector registers, AVX2 has 16.
static int64_t getNumRegisters(unsigned vectorBits) {
  return vectorBits == 256 ? 16 : 32;
}

TileShape chooseTileShape(unsigned vectorBits, Type element, int64_t rows,
                          int64_t columns) {
  int64_t lanes = std::max<int64_t>(
      1, vectorBits / getAccumulatorType(element).getIntOrFloatBitWidth());
  // A row of less than a vector is one short vector. LLVM ends the process over
  // shuffles of, say, nine lanes of bf16.
  if (!ShapedType::isDynamic(columns) && columns < lanes)
    lanes = std::max<int64_t>(
        element.isBF16() ? llvm::bit_floor(uint64_t(columns)) : columns, 1);
  int64_t registers = getNumRegisters(vectorBits);
  constexpr int64_t kMany = 1024;
  int64_t numRows = ShapedType::isDynamic(rows) ? kMany : rows;
  int64_t numColumns = ShapedType::isDynamic(columns) ? kMany : columns;

  TileShape best;
  double bestCost = 0;
  for (int64_t vectors = 1; vectors <= 4; ++vectors) {
    if (vectors > 1 && vectors * lanes > numColumns)
      break;
    // The vectors of the right operand and one scalar stand beside the
    // accumulators.
    int64_t limit = std::min<int64_t>((registers - vectors - 1) / vectors, 16);
    // Tiles of equal height overlap least.
    int64_t tiles = llvm::divideCeil(std::max<int64_t>(numRows, 1), limit);
    int64_t height = ShapedType::isDynamic(rows)
                         ? limit
                         : llvm::divideCeil(std::max<int64_t>(rows, 1), tiles);
    int64_t columnTiles = llvm::divideCeil(numColumns, vectors * lanes);
    // Cycles for a step: two multiply-adds, two vector loads; a multiply-add
    // has a latency of four.
    double step =
        std::max({height * vectors / 2.0, (height + vectors) / 2.0, 4.0});
    double cost = llvm::divideCeil(numRows, height) * columnTiles * step;
    if (!best.rows || bestCost == 0 || cost < bestCost * 0.995) {
      best = {height, vectors, lanes};
      bestCost = cost;
    }
  }
  return best;
}

Type getAccumulatorType(Type element) {
  if (isHalf(element))
    return Float32Type::get(element.getContext());
  return getSignless(element);
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value emitLoad(OpBuilder &builder, Location loc, Value buffer, Value position,
               int64_t lanes, Type element, Value mask) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  Value value;
  if (lanes == 1) {
    value = memref::LoadOp::create(builder, loc, buffer, position);
  } else if (mask) {
    auto type = VectorType::get(lanes, stored);
    Value zero = buildConstant(builder, loc, type, 0);
    value = vector::MaskedLoadOp::create(builder, loc, type, buffer, position,
                                         mask, zero);
  } else {
    value = vector::LoadOp::create(builder, loc, VectorType::get(lanes, stored),
                                   buffer, position);
  }
  return convertFloat(builder, loc, value, element);
}

void emitStore(OpBuilder &builder, Location loc, Value value, Value buffer,
               Value position, Value mask) {
  Type stored = cast<MemRefType>(buffer.getType()).getElementType();
  value = convertFloat(builder, loc, value, stored);
  if (!isa<VectorType>(value.getType()))
    memref::StoreOp::create(builder, loc, value, buffer, position);
  else if (mask)
    vector::MaskedStoreOp::create(builder, loc, buffer, position, mask, value);
  else
    vector::StoreOp::create(builder, loc, value, buffer, position);
}

Value emitBroadcast(OpBuilder &builder, Location loc, Value scalar,
                    int64_t lanes) {
  if (lanes == 1)
    return scalar;
  return vector::BroadcastOp::create(
      builder, loc, VectorType::get(lanes, scalar.getType()), scalar);
}

Value emitMultiplyAdd(OpBuilder &builder, Location loc, Value a, Value b,
                      Value c) {
  if (!isa<FloatType>(getElementTypeOrSelf(a.getType()))) {
    Value product = arith::MulIOp::create(builder, loc, a, b);
    return arith::AddIOp::create(builder, loc, product, c);
  }
  if (isa<VectorType>(a.getType()))
    return vector::FMAOp::create(builder, loc, a, b, c);
  // A scalar goes through a vector of one, whose multiply-add needs no library
  // call where the processor has no such instruction.
  auto type = VectorType::get(1, a.getType());
  auto widen = [&](Value x) -> Value {
    return vector::BroadcastOp::create(builder, loc, type, x);
  };
  Value result =
      vector::FMAOp::create(builder, loc, widen(a), widen(b), widen(c));
  return vector::ExtractOp::create(builder, loc, result, 0);
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

Value emitScratch(KernelFunction &function, int64_t size, Type element) {
  // Not in a loop, where each turn would take more of the stack.
  auto begin = cast<BlockArgument>(function.getBegin());
  OpBuilder entry = OpBuilder::atBlockBegin(begin.getOwner());
  return memref::AllocaOp::create(entry, function.getLoc(),
                                  MemRefType::get({size}, element),
                                  entry.getI64IntegerAttr(64));
}

//===----------------------------------------------------------------------===//
// Loops
//===----------------------------------------------------------------------===//

void emitLoop(OpBuilder &builder, Location loc, Value begin, Value end,
              function_ref<void(OpBuilder &, Value)> body) {
  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  scf::ForOp::create(builder, loc, begin, end, one, ValueRange(),
                     [&](OpBuilder &nested, Location, Value i, ValueRange) {
                       body(nested, i);
                       scf::YieldOp::create(nested, loc);
                     });
}

SmallVector<int64_t> getTileSizes(int64_t tile, Dim size) {
  SmallVector<int64_t> tiles{tile};
  if (size.isConstant() && size.getConstant() >= tile)
    return tiles;
  for (int64_t smaller : {4, 1})
    if (smaller < tile)
      tiles.push_back(smaller);
  return tiles;
}

void emitTiles(OpBuilder &builder, Location loc, Dim size, int64_t minimum,
               ArrayRef<int64_t> tiles,
               function_ref<void(OpBuilder &, Dim, int64_t, Dim)> emit) {
  int64_t tile = tiles.front();
  if (size.isConstant())
    minimum = size.getConstant();
  auto emitAll = [&](OpBuilder &b) {
    IndexBuilder index(b, loc, 1);
    DimBuilder &dims = index.uniform();
    if (size.isConstant() && size.getConstant() == tile)
      return emit(b, 0, tile, 0);
    Dim last = dims.sub(size, tile);
    bool isWhole =
        tile == 1 || (size.isConstant() && size.getConstant() % tile == 0);
    // Rounded up; the divisor is positive and the size not negative.
    Dim count = index.div(dims.add(size, tile - 1), tile);
    emitLoop(b, loc, index.value(0), index.value(count),
             [&](OpBuilder &nested, Value i) {
               DimBuilder dims(nested, loc);
               Dim begin = dims.mul(i, tile);
               if (isWhole)
                 return emit(nested, begin, tile, 0);
               Dim moved = dims.min(begin, last);
               emit(nested, moved, tile, dims.sub(begin, moved));
             });
  };
  if (tiles.size() == 1 || minimum >= tile)
    return emitAll(builder);
  IndexBuilder index(builder, loc, 1);
  scf::IfOp::create(
      builder, loc, index.lessEqual(Dim(tile), size),
      [&](OpBuilder &nested, Location) {
        emitAll(nested);
        scf::YieldOp::create(nested, loc);
      },
      [&](OpBuilder &nested, Location) {
        emitTiles(nested, loc, size, minimum, tiles.drop_front(), emit);
        scf::YieldOp::create(nested, loc);
      });
}

void emitDisjointTiles(OpBuilder &builder, Location loc, Dim size,
                       ArrayRef<int64_t> tiles,
                       function_ref<void(OpBuilder &, Dim, int64_t)> emit) {
  Dim begin = 0;
  for (int64_t tile : tiles) {
    IndexBuilder index(builder, loc, 1);
    DimBuilder &dims = index.uniform();
    Dim count = index.div(dims.sub(size, begin), tile);
    if (count.isConstant() && count.getConstant() == 0)
      continue;
    emitLoop(builder, loc, index.value(0), index.value(count),
             [&](OpBuilder &nested, Value i) {
               DimBuilder dims(nested, loc);
               emit(nested, dims.add(begin, dims.mul(i, tile)), tile);
             });
    begin = dims.add(begin, dims.mul(count, tile));
  }
}

Dim emitCeilDiv(OpBuilder &builder, Location loc, Dim a, Dim b) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  return index.div(dims.add(dims.max(a, 0), dims.sub(b, 1)), b);
}

void emitCopy(OpBuilder &builder, Location loc, int64_t lanes, Value from,
              Dim fromBegin, Value to, Dim toBegin, Dim count) {
  Type element = cast<MemRefType>(to.getType()).getElementType();
  Dim done = 0;
  for (int64_t step : {lanes, int64_t(1)}) {
    IndexBuilder index(builder, loc, 1);
    DimBuilder &dims = index.uniform();
    Dim numSteps = index.div(dims.sub(count, done), step);
    emitLoop(builder, loc, index.value(0), index.value(numSteps),
             [&](OpBuilder &nested, Value i) {
               IndexBuilder index(nested, loc, 1);
               DimBuilder &dims = index.uniform();
               Dim at = dims.add(done, dims.mul(i, step));
               Value value;
               if (from) {
                 value = emitLoad(nested, loc, from,
                                  index.value(dims.add(fromBegin, at)), step,
                                  element);
               } else {
                 Type type = element;
                 if (step > 1)
                   type = VectorType::get(step, element);
                 value = buildConstant(nested, loc, type, 0);
               }
               emitStore(nested, loc, value, to,
                         index.value(dims.add(toBegin, at)));
             });
    done = dims.add(done, dims.mul(numSteps, step));
  }
}

/// Transposes as many vectors as there are lanes, by interleaving halves.
static SmallVector<Value> emitTranspose(OpBuilder &builder, Location loc,
                                        SmallVector<Value> rows) {
  int64_t lanes = rows.size();
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i != lanes; ++i) {
    low.push_back(i / 2 + i % 2 * lanes);
    high.push_back(low.back() + lanes / 2);
  }
  for (int64_t stage = 1; stage < lanes; stage *= 2) {
    SmallVector<Value> next;
    for (int64_t i = 0; i != lanes / 2; ++i)
      for (ArrayRef<int64_t> mask : {ArrayRef(low), ArrayRef(high)})
        next.push_back(vector::ShuffleOp::create(builder, loc, rows[i],
                                                 rows[i + lanes / 2], mask));
    rows = next;
  }
  return rows;
}

void emitTransposedCopy(OpBuilder &builder, Location loc, int64_t lanes,
                        Value from, Dim fromBegin, Dim fromStride, Value to,
                        Dim toBegin, Dim toStride, Dim rows, Dim columns) {
  Type element = cast<MemRefType>(to.getType()).getElementType();
  // A block of `size` x `size`; a rest goes element by element.
  auto emitBlock = [&](OpBuilder &b, Dim row, Dim column, int64_t size) {
    IndexBuilder index(b, loc, 1);
    DimBuilder &dims = index.uniform();
    SmallVector<Value> vectors;
    for (int64_t i = 0; i != size; ++i) {
      Dim at = dims.add(fromBegin, dims.mul(dims.add(row, i), fromStride));
      vectors.push_back(emitLoad(
          b, loc, from, index.value(dims.add(at, column)), size, element));
    }
    if (size > 1)
      vectors = emitTranspose(b, loc, vectors);
    for (int64_t i = 0; i != size; ++i) {
      Dim at = dims.add(toBegin, dims.mul(dims.add(column, i), toStride));
      emitStore(b, loc, vectors[i], to, index.value(dims.add(at, row)));
    }
  };
  SmallVector<int64_t> sizes = {lanes};
  if (lanes > 1)
    sizes.push_back(1);
  emitDisjointTiles(
      builder, loc, rows, sizes, [&](OpBuilder &b, Dim row, int64_t height) {
        // The rest of the columns next to whole blocks of rows, and all columns
        // of the rest of the rows.
        if (height == 1) {
          emitDisjointTiles(b, loc, columns, ArrayRef<int64_t>{1},
                            [&](OpBuilder &nested, Dim column, int64_t) {
                              emitBlock(nested, row, column, 1);
                            });
          return;
        }
        emitDisjointTiles(
            b, loc, columns, sizes,
            [&](OpBuilder &nested, Dim column, int64_t width) {
              if (width > 1)
                return emitBlock(nested, row, column, width);
              IndexBuilder index(nested, loc, 1);
              emitLoop(nested, loc, index.value(0), index.value(height),
                       [&](OpBuilder &inner, Value i) {
                         emitBlock(inner, DimBuilder(inner, loc).add(row, i),
                                   column, 1);
                       });
            });
      });
}

//===----------------------------------------------------------------------===//
// The tile
//===----------------------------------------------------------------------===//

SmallVector<Value> emitZeroTile(OpBuilder &builder, Location loc,
                                const TileShape &shape, Type accumulator) {
  Type type = accumulator;
  if (shape.lanes > 1)
    type = VectorType::get(shape.lanes, accumulator);
  Value zero = buildConstant(builder, loc, type, 0);
  return SmallVector<Value>(shape.rows * shape.vectors, zero);
}

namespace {

/// Emits the nest of reductions, then the outer product inside.
class TileNest {
public:
  TileNest(Location loc, const TileShape &shape, const TileOperands &operands,
           ArrayRef<ReductionLoop> reductions, Type accumulator)
      : loc(loc), shape(shape), operands(operands), reductions(reductions),
        accumulator(accumulator) {}

  SmallVector<Value> emit(OpBuilder &builder, unsigned level, Dim lhs, Dim rhs,
                          ValueRange sums) {
    if (level == reductions.size())
      return emitProduct(builder, lhs, rhs, sums);
    const ReductionLoop &reduction = reductions[level];
    if (reduction.unroll) {
      SmallVector<Value> current(sums);
      for (int64_t i = reduction.lower.getConstant();
           i < reduction.upper.getConstant(); ++i) {
        DimBuilder dims(builder, loc);
        current = emit(
            builder, level + 1, dims.add(lhs, dims.mul(reduction.lhsStride, i)),
            dims.add(rhs, dims.mul(reduction.rhsStride, i)), current);
      }
      return current;
    }
    IndexBuilder index(builder, loc, 1);
    auto loop = scf::ForOp::create(
        builder, loc, index.value(reduction.lower),
        index.value(reduction.upper), index.value(1), sums,
        [&](OpBuilder &nested, Location, Value i, ValueRange current) {
          DimBuilder dims(nested, loc);
          SmallVector<Value> next =
              emit(nested, level + 1,
                   dims.add(lhs, dims.mul(i, reduction.lhsStride)),
                   dims.add(rhs, dims.mul(i, reduction.rhsStride)), current);
          scf::YieldOp::create(nested, loc, next);
        });
    return SmallVector<Value>(loop.getResults());
  }

  /// The distance of each row from the first, in front of all loops.
  void prepareRows(OpBuilder &builder) {
    DimBuilder dims(builder, loc);
    for (int64_t row = 0; row != shape.rows; ++row)
      rowOffsets.push_back(row == 0 ? Dim(0)
                                    : dims.mul(operands.lhsRowStride, row));
  }

private:
  SmallVector<Value> emitProduct(OpBuilder &builder, Dim lhs, Dim rhs,
                                 ValueRange sums) {
    IndexBuilder index(builder, loc, 1);
    DimBuilder &dims = index.uniform();
    SmallVector<Value> columns;
    for (int64_t v = 0; v != shape.vectors; ++v) {
      Value position = index.value(dims.add(rhs, v * shape.lanes));
      Value mask = operands.rhsMasks.empty() ? Value() : operands.rhsMasks[v];
      columns.push_back(emitLoad(builder, loc, operands.rhs, position,
                                 shape.lanes, accumulator, mask));
    }
    SmallVector<Value> result;
    for (int64_t row = 0; row != shape.rows; ++row) {
      Value position = index.value(dims.add(lhs, rowOffsets[row]));
      Value scalar =
          emitLoad(builder, loc, operands.lhs, position, 1, accumulator);
      Value factor = emitBroadcast(builder, loc, scalar, shape.lanes);
      for (int64_t v = 0; v != shape.vectors; ++v)
        result.push_back(emitMultiplyAdd(builder, loc, factor, columns[v],
                                         sums[row * shape.vectors + v]));
    }
    return result;
  }

  Location loc;
  const TileShape &shape;
  const TileOperands &operands;
  ArrayRef<ReductionLoop> reductions;
  Type accumulator;
  SmallVector<Dim> rowOffsets;
};

} // namespace

SmallVector<Value> emitTile(OpBuilder &builder, Location loc,
                            const TileShape &shape,
                            const TileOperands &operands,
                            ArrayRef<ReductionLoop> reductions,
                            Type accumulator, ValueRange initial) {
  TileNest nest(loc, shape, operands, reductions, accumulator);
  nest.prepareRows(builder);
  return nest.emit(builder, 0, operands.lhsOffset, operands.rhsOffset, initial);
}

} // namespace tenon::cpu

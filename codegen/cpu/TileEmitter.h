//===- TileEmitter.h - The inner loop of contractions ---------------------===//
//
// Matmul, convolution, attention and recurrence all spend their time in one
// loop: a block of accumulators in registers, to which each step adds the outer
// product of a few scalars and a few vectors. This is that loop, on flat
// buffers; what the strides mean is its callers' business.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_TILEEMITTER_H
#define TENON_CODEGEN_CPU_TILEEMITTER_H

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

inline mlir::RankedTensorType getType(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType());
}

/// The most lanes, at most `lanes`, that divide `size`.
inline int64_t getDivisor(int64_t size, int64_t lanes) {
  while (size % lanes != 0)
    lanes /= 2;
  return lanes;
}

/// The size of a block of accumulators: `rows` x `vectors` of `lanes` elements.
struct TileShape {
  int64_t rows = 1;
  int64_t vectors = 1;
  int64_t lanes = 1;

  int64_t getColumns() const { return vectors * lanes; }
};

/// Chooses the tile for `rows` x `columns` accumulators (kDynamic where not
/// known: many) of products of `element`. The tile is never larger than a
/// static size. Tiles may overlap at the ends: the choice is the one that does
/// the least redundant work for the registers there are.
TileShape chooseTileShape(unsigned vectorBits, mlir::Type element, int64_t rows,
                          int64_t columns);

/// The type in which products of `element` are summed.
mlir::Type getAccumulatorType(mlir::Type element);

/// One loop over a dimension of the sum, `lower <= i < upper`, and how far a
/// step moves in either operand.
struct ReductionLoop {
  Dim lower;
  Dim upper;
  Dim lhsStride;
  Dim rhsStride;
  /// Emit the steps one after the other (the bounds are constant).
  bool unroll = false;
};

/// Where a tile's operands stand. Buffers have one dimension.
struct TileOperands {
  mlir::Value lhs;
  /// The position of row 0 at index 0 of all reductions.
  Dim lhsOffset;
  /// How far it is from row to row.
  Dim lhsRowStride;
  mlir::Value rhs;
  /// The position of column 0 at index 0; columns are contiguous.
  Dim rhsOffset;
  /// Which lanes exist, for each vector; empty where all do.
  mlir::ValueRange rhsMasks;
};

/// Emits the loops (the first is the outermost) and returns `rows * vectors`
/// accumulators, row-major: `initial` plus the sum of products.
llvm::SmallVector<mlir::Value>
emitTile(mlir::OpBuilder &builder, mlir::Location loc, const TileShape &shape,
         const TileOperands &operands, llvm::ArrayRef<ReductionLoop> reductions,
         mlir::Type accumulator, mlir::ValueRange initial);

/// `rows * vectors` zeros.
llvm::SmallVector<mlir::Value> emitZeroTile(mlir::OpBuilder &builder,
                                            mlir::Location loc,
                                            const TileShape &shape,
                                            mlir::Type accumulator);

/// Loops `begin <= i < end` in steps of one.
void emitLoop(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value begin,
              mlir::Value end,
              llvm::function_ref<void(mlir::OpBuilder &, mlir::Value)> body);

/// Covers `0 <= i < size` with tiles and calls `emit` with the begin and the
/// size of each, and with the first of its rows that no tile before it has,
/// which is a constant 0 where tiles don't overlap. `tiles` are the sizes that
/// may be used, falling; the last is 1 unless `size` is known to be as large as
/// another. The largest one that fits is taken, and its last tile is moved back
/// over the one before it instead of being shorter: results must not depend on
/// being written once. `minimum` is what is known of `size`.
void emitTiles(
    mlir::OpBuilder &builder, mlir::Location loc, Dim size, int64_t minimum,
    llvm::ArrayRef<int64_t> tiles,
    llvm::function_ref<void(mlir::OpBuilder &, Dim, int64_t, Dim)> emit);

/// As emitTiles, without overlap: what the first size leaves is covered by the
/// next.
void emitDisjointTiles(
    mlir::OpBuilder &builder, mlir::Location loc, Dim size,
    llvm::ArrayRef<int64_t> tiles,
    llvm::function_ref<void(mlir::OpBuilder &, Dim, int64_t)> emit);

/// The tile sizes to cover `size` with when `tile` is the best one.
llvm::SmallVector<int64_t> getTileSizes(int64_t tile, Dim size);

/// Loads `lanes` elements of a flat buffer (a scalar where that is 1), widened
/// to `element`.
mlir::Value emitLoad(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value buffer, mlir::Value position, int64_t lanes,
                     mlir::Type element, mlir::Value mask = {});

/// Stores a vector or scalar in a flat buffer.
void emitStore(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
               mlir::Value buffer, mlir::Value position, mlir::Value mask = {});

/// `a / b` rounded up, or 0 where `a` is negative.
Dim emitCeilDiv(mlir::OpBuilder &builder, mlir::Location loc, Dim a, Dim b);

/// Copies `count` elements between flat buffers of one element type, or fills
/// them with zeros where `from` is null.
void emitCopy(mlir::OpBuilder &builder, mlir::Location loc, int64_t lanes,
              mlir::Value from, Dim fromBegin, mlir::Value to, Dim toBegin,
              Dim count);

/// Writes `rows` x `columns` elements transposed. Rows are `fromStride` apart
/// where they are read and `toStride` where they are written (as columns);
/// elements are widened to those of `to`. `lanes` is a power of two.
void emitTransposedCopy(mlir::OpBuilder &builder, mlir::Location loc,
                        int64_t lanes, mlir::Value from, Dim fromBegin,
                        Dim fromStride, mlir::Value to, Dim toBegin,
                        Dim toStride, Dim rows, Dim columns);

/// `scalar` in `lanes` lanes.
mlir::Value emitBroadcast(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Value scalar, int64_t lanes);

/// `a * b + c`, in one operation where the type has one.
mlir::Value emitMultiplyAdd(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value a, mlir::Value b, mlir::Value c);

/// A buffer of `size` elements on the stack of the range function, made at its
/// entry.
mlir::Value emitScratch(KernelFunction &function, int64_t size,
                        mlir::Type element);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_TILEEMITTER_H

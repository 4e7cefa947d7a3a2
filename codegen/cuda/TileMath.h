//===- TileMath.h - The arithmetic of a block's tile ----------------------===//
//
// A block computes a tile of a product of matrices: rows times columns, summed
// over the depth a few steps at a time. What these steps need of the operands
// is in shared memory, in the order in which it is contiguous in the device's,
// so that it is copied in chunks: either along the depth or across it. Here is
// where what stands there, and what a thread makes of it.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CUDA_TILEMATH_H
#define TENON_CODEGEN_CUDA_TILEMATH_H

#include "codegen/cuda/BlockCode.h"
#include <memory>

namespace tenon::cuda {

/// How a block's work is cut, in elements.
struct TileShape {
  int64_t rows, columns;
  /// Steps of the sum that are in shared memory together.
  int64_t depth;
  int64_t threads;
  /// How many such groups of steps are there: one is worked on, the others are
  /// on their way.
  int64_t stages;
};

/// One operand's part of a stage.
struct OperandTile {
  /// Whether it is contiguous along the depth.
  bool depthInner;
  /// Rows or columns of the tile, and steps.
  int64_t outer, depth;
  int64_t elementBytes;
  /// Whether tensor cores read it.
  bool isForMma;

  int64_t getChunkElements() const { return kChunkBytes / elementBytes; }
  /// What is contiguous is a line.
  int64_t getNumLines() const { return depthInner ? outer : depth; }
  int64_t getLineChunks() const {
    return (depthInner ? depth : outer) / getChunkElements();
  }
  int64_t getBytes() const {
    return getNumLines() * getLineChunks() * kChunkBytes;
  }
  /// Where a chunk of a line stands, in bytes. Where threads read a chunk of
  /// neighbouring lines together, chunks are mixed so that these are in
  /// different banks; eight lines further they are mixed in the same way.
  mlir::Value getOffset(BlockCode &code, mlir::Value line,
                        mlir::Value chunk) const;
};

/// What each thread computes of the tile: sums of f32 in registers. After the
/// last step they go to shared memory as a slab of whole rows of the tile after
/// the other.
class TileMath {
public:
  TileMath(TileShape shape, OperandTile lhs, OperandTile rhs)
      : shape(shape), lhs(lhs), rhs(rhs) {}
  virtual ~TileMath() = default;

  int64_t getNumSums() const {
    return shape.rows * shape.columns / shape.threads;
  }
  /// Where this thread's part is; built once for a tile.
  virtual void begin(BlockCode &code) = 0;
  /// The sums after the steps of a stage, of which the operands stand at two
  /// pointers to shared memory.
  virtual BlockCode::Values addStage(BlockCode &code, mlir::Value lhsStage,
                                     mlir::Value rhsStage,
                                     mlir::ValueRange sums) = 0;

  /// The sums times a float for each row of the tile, which stand at a pointer
  /// to shared memory.
  virtual BlockCode::Values scaleRows(BlockCode &code, mlir::Value factors,
                                      mlir::ValueRange sums) = 0;

  int64_t getNumSlabs() const { return shape.rows > 64 ? 2 : 1; }
  int64_t getSlabRows() const { return shape.rows / getNumSlabs(); }
  /// Floats from one row of a slab to the next: not a multiple of the banks.
  int64_t getSlabStride() const { return shape.columns + 8; }
  int64_t getSlabBytes() const { return getSlabRows() * getSlabStride() * 4; }
  /// The row of the tile that a row of a slab is.
  virtual mlir::Value getTileRow(BlockCode &code, int64_t slab,
                                 mlir::Value slabRow) = 0;
  /// Stores those sums of this thread that are in a slab.
  virtual void storeSlab(BlockCode &code, int64_t slab, mlir::Value memory,
                         mlir::ValueRange sums) = 0;

protected:
  void storeSum(BlockCode &code, mlir::Value memory, mlir::Value slabRow,
                mlir::Value column, mlir::Value sum);
  /// `count` sums from `first` on times the factor of a row.
  void scaleRow(BlockCode &code, mlir::Value factors, mlir::Value row,
                int64_t first, int64_t count, BlockCode::Values &sums);

  TileShape shape;
  OperandTile lhs, rhs;
};

/// Whether products of this type are for tensor cores, in the module of what is
/// built: those of f32 if it allows TF32.
bool isForMma(mlir::OpBuilder &builder, mlir::Type element);

/// That of the two which the operands are for.
std::unique_ptr<TileMath> createMath(TileShape shape, OperandTile lhs,
                                     OperandTile rhs, mlir::Type element);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_TILEMATH_H

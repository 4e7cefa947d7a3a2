//===- TileKernel.h - A block's tile of a product of matrices -------------===//

#ifndef TENON_CODEGEN_CUDA_TILEKERNEL_H
#define TENON_CODEGEN_CUDA_TILEKERNEL_H

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cuda/TileMath.h"
#include <functional>

namespace tenon::cuda {

/// An element of an operand: its position in a flat memref, and whether there
/// is one. Where there isn't it counts as 0.
struct TileElement {
  mlir::Value position, isThere;
};

/// Where an operand's elements are.
struct TileSource {
  mlir::Value memory;
  /// Whether it is contiguous along the depth, else across it.
  bool depthInner;
  /// How many elements are contiguous from each multiple of it on.
  Dim line;
  /// What is computed once of a row or column `outer`, before the sums. May be
  /// null.
  std::function<BlockCode::Values(BlockCode &, mlir::Value outer)> prepare;
  /// Element `outer` (row or column), of which that is known, at step `depth`.
  std::function<TileElement(BlockCode &, mlir::ValueRange known,
                            mlir::Value outer, mlir::Value depth)>
      locate;
};

/// A matrix in the flat memref `memory`: lines of `size` elements, from element
/// `begin` on, `stride` from one to the next. That is a multiple of `size`, and
/// so is `begin`.
TileSource getMatrix(mlir::Value memory, mlir::Value begin, bool depthInner,
                     Dim numLines, Dim size, Dim stride);

/// A product of `rows` times `columns`, summed over `depth` steps.
struct TileProduct {
  TileSource lhs, rhs;
  mlir::Type element;
  Dim rows, columns, depth;
  /// The index of an element of the result, but for its last dimension, which
  /// is the column.
  std::function<llvm::SmallVector<cpu::LaneIndex>(mlir::OpBuilder &,
                                                  mlir::Value row)>
      getRowIndex;
  /// Whether the rows are all dimensions but the last in row-major order.
  bool isOneMatrix = false;
  /// What is added to the sums of `lanes` columns, of f32. May be null.
  std::function<mlir::Value(mlir::OpBuilder &, mlir::Value column,
                            int64_t lanes)>
      getBias;
};

/// Copies an operand's part of a stage to shared memory; it is there after
/// BlockCode::awaitCopies and a barrier.
class TileCopier {
public:
  /// The rows (or columns) of the operand from `outerBegin` on.
  TileCopier(BlockCode &code, const TileSource &source, OperandTile tile,
             int64_t threads, mlir::Value outerBegin);

  /// The steps from `begin` on to `shared`.
  void emit(BlockCode &code, mlir::Value shared, mlir::Value begin);

private:
  /// Elements that are copied to one place in shared memory: where that is, the
  /// first of them, and what is known of that one's row.
  struct Piece {
    mlir::Value to, outer, step;
    mlir::ValueRange known;
  };
  using Body = llvm::function_ref<void(const Piece &piece)>;
  /// Calls `body` for each piece of so many elements that this thread copies.
  void forPieces(BlockCode &code, mlir::Value shared, mlir::Value begin,
                 int64_t elements, bool isLoop, Body body);
  /// By a copy that goes on behind the thread.
  void copyPiece(BlockCode &code, const Piece &piece, int64_t elements);
  /// An element at a time.
  void gatherChunk(BlockCode &code, const Piece &chunk);
  void emitChunks(BlockCode &code, mlir::Value shared, mlir::Value begin);
  /// Where lines are not a multiple of chunks.
  void emitElements(BlockCode &code, mlir::Value shared, mlir::Value begin);
  /// Whether a single element can be copied so.
  bool isCopied() const { return tile.elementBytes >= 4; }

  const TileSource &source;
  OperandTile tile;
  int64_t threads;
  mlir::Value outerBegin;
  /// What the source has prepared for each chunk of this thread.
  llvm::SmallVector<BlockCode::Values> known;
  /// Whether lines are a multiple of chunks, if only the run tells.
  mlir::Value isChunks;
  mlir::Value global;
};

/// The sums of a tile to the kernel's results, through shared memory at
/// `memory`, of which nothing else is read any more. Of `product` only the
/// sizes of the result and its index count.
void emitTail(BlockCode &code, TileMath &math, const TileShape &shape,
              const TileProduct &product, mlir::Value memory,
              mlir::Value rowBegin, mlir::Value columnBegin,
              mlir::ValueRange sums, cpu::AnchorTail &tail);

/// A block of 256 threads for large products, of 128 for small ones.
TileShape getTileShape(mlir::Type element, int64_t threads);

/// Whether `count` products have enough tiles of the large shape for a GPU's
/// multiprocessors.
bool isLarge(double rows, double columns, double count);

/// Builds the tile from `rowBegin` and `columnBegin` on, and what the tail
/// makes of it.
void emitTile(cpu::KernelFunction &function, mlir::OpBuilder &builder,
              const TileShape &shape, const TileProduct &product,
              mlir::Value rowBegin, mlir::Value columnBegin,
              cpu::AnchorTail &tail);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_TILEKERNEL_H

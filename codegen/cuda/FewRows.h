//===- FewRows.h - Products of matrices of which one has few rows ---------===//

#ifndef TENON_CODEGEN_CUDA_FEWROWS_H
#define TENON_CODEGEN_CUDA_FEWROWS_H

#include "codegen/cuda/TileKernel.h"

namespace tenon::cuda {

/// The threads of a block that does some columns of such a product.
inline constexpr int64_t kFewRowsThreads = 128;
/// So many rows are few: what is read of the right operand is used for all.
inline constexpr int64_t kFewRows = 8;

/// Whether a product that a block of `threads` does a tile of may have few
/// rows, and a sum that is long enough to be shared out.
bool mayHaveFewRows(Dim rows, Dim depth, int64_t threads);

/// How the threads of a block share the columns and steps of a product.
struct FewRowsShape {
  /// The rows that there may be.
  int64_t rows;
  /// How many neighbouring threads have neighbouring columns, and how many
  /// columns each has. The others take turns at the steps of the sum.
  int64_t across, columns;

  int64_t getBlockColumns() const { return across * columns; }
};

/// A shape for a product of these sizes. `depthInner` says how the right
/// operand stands in memory.
FewRowsShape getFewRowsShape(mlir::Type element, bool depthInner, Dim rows,
                             Dim columns);

/// Builds the columns of a product from `columnBegin` on for all its rows,
/// which are at least one, and what the tail makes of them. All elements of the
/// operands have to be there. Products are exact whatever the module allows.
void emitFewRows(BlockCode &code, const TileProduct &product,
                 const FewRowsShape &shape, mlir::Value columnBegin,
                 cpu::AnchorTail &tail);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_FEWROWS_H

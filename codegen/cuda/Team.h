//===- Team.h - Threads that do a unit together ---------------------------===//

#ifndef TENON_CODEGEN_CUDA_TEAM_H
#define TENON_CODEGEN_CUDA_TEAM_H

#include "codegen/cuda/BlockCode.h"

namespace tenon::cuda {

/// The threads of a warp, or of a block of several warps. Its members stand in
/// rows of `numColumns`, which is 1 or the number of threads of a warp: those
/// of a column take turns at what is reduced.
class Team {
public:
  using Values = BlockCode::Values;

  /// Builds at the insertion point of `builder`, where all members come.
  Team(mlir::OpBuilder &builder, mlir::Location loc, int64_t size,
       int64_t numColumns);

  int64_t getNumRows() const { return size / numColumns; }
  /// Where this thread stands, of type `index`. Null if all stand there.
  mlir::Value getRow() const { return row; }
  mlir::Value getColumn() const { return column; }

  /// Makes the values that the members of a column have one by `combine`, in
  /// which the sides may be exchanged, and gives them to all of the column. The
  /// order is always the same. All members have to come here.
  Values reduce(
      mlir::ValueRange mine,
      llvm::function_ref<Values(mlir::ValueRange, mlir::ValueRange)> combine);

private:
  BlockCode code;
  int64_t size, numColumns;
  mlir::Value thread, row, column;
};

/// The same for each group of `numLanes` lanes of a warp, a power of two, that
/// stand `stride` apart.
Team::Values
reduceLanes(mlir::OpBuilder &builder, mlir::Location loc, int64_t numLanes,
            mlir::ValueRange mine,
            llvm::function_ref<Team::Values(mlir::ValueRange, mlir::ValueRange)>
                combine,
            int64_t stride = 1);
/// Their sums.
Team::Values addLanes(mlir::OpBuilder &builder, mlir::Location loc,
                      int64_t numLanes, mlir::ValueRange mine,
                      int64_t stride = 1);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_TEAM_H

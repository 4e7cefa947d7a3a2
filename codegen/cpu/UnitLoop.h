//===- UnitLoop.h - The loop over a kernel's units of work ----------------===//

#ifndef TENON_CODEGEN_CPU_UNITLOOP_H
#define TENON_CODEGEN_CPU_UNITLOOP_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// The number of units where each is one index of `shape`.
mlir::Value emitUnitCount(KernelFunction &function, llvm::ArrayRef<Dim> shape);

/// Calls `body` with the index in `shape` of each unit of the function's range.
/// Indices are counted up, which costs no divisions.
void emitUnitLoop(KernelFunction &function, llvm::ArrayRef<Dim> shape,
                  llvm::function_ref<void(mlir::OpBuilder &builder,
                                          llvm::ArrayRef<Dim> index)>
                      body);

/// How elements of a row that is too long for one unit are shared out.
struct Chunks {
  /// Elements in a chunk, and chunks in a row.
  int64_t size;
  Dim count;
  /// Begin and end of chunk `i`.
  std::pair<Dim, Dim> getRange(mlir::OpBuilder &builder, mlir::Location loc,
                               Dim i, Dim rowSize) const;
};
Chunks getChunks(mlir::OpBuilder &builder, mlir::Location loc, Dim rowSize,
                 int64_t chunkSize);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_UNITLOOP_H

//===- RowChunks.h - Neighbouring elements that a thread takes at once ----===//

#ifndef TENON_CODEGEN_CUDA_ROWCHUNKS_H
#define TENON_CODEGEN_CUDA_ROWCHUNKS_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cuda {

/// The chunks of a kernel's results along their last dimension for which all
/// that is read is such a chunk itself, or one element.
struct RowChunks {
  /// Elements of a chunk: 1 if there are no larger ones.
  int64_t width = 1;
  /// What has to be a multiple of `width`, as far as only the run can tell.
  llvm::SmallVector<Dim> multiples;
};

/// Whether a tensor of this shape is one row, whose end may be a part of a
/// chunk.
bool isOneRow(llvm::ArrayRef<Dim> shape);

/// Looks for them in a kernel all of whose results have one shape. Builds at
/// the function's builder.
RowChunks findRowChunks(cpu::KernelFunction &function);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_ROWCHUNKS_H

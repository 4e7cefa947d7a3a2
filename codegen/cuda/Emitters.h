//===- Emitters.h - The kinds of kernels that are generated for a GPU -----===//
//
// An emitter builds one unit of work (codegen/cpu/KernelFunction.h) for one
// thread, or for the threads of a warp or a block that do it together, with
// vectors only of what is loaded and stored at once. So what makes a good unit
// differs from a processor's: there are many, and neighbouring threads access
// neighbouring elements.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CUDA_EMITTERS_H
#define TENON_CODEGEN_CUDA_EMITTERS_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cuda {

/// Any kernel of which each element of a result can be computed by itself; a
/// thread does one, or a few that lie together (RowChunks.h).
extern const cpu::KernelEmitter kElementEmitter;

/// Those of them that read across the rows that they write: a block for each
/// square of the results, by way of shared memory.
extern const cpu::KernelEmitter kTransposeEmitter;

/// Reductions, softmax and layer norm, with pointwise work around them: a warp
/// or a block for each row. Short rows they leave to a thread.
extern const cpu::KernelEmitter kWarpRowEmitter, kBlockRowEmitter;

/// The place of the largest element in each row, in the same way.
extern const cpu::KernelEmitter kWarpArgReduceEmitter, kBlockArgReduceEmitter;

/// Updates at computed places, a block for a piece of the result.
extern const cpu::KernelEmitter kScatterElementsEmitter, kScatterNdEmitter;

/// The largest elements of each line in order, if they are few: a warp or a
/// block for each line.
extern const cpu::KernelEmitter kWarpTopKEmitter, kBlockTopKEmitter;

/// A block that does a row.
inline constexpr int64_t kRowBlockThreads = 256;

/// How many threads do each of about `numRows` rows of `size` elements, which
/// may be unknown.
int64_t chooseRowThreads(int64_t size, double numRows);

/// Kernels around a matrix product, a block for each tile of it: large ones,
/// and small ones where there would be few of those. Few rows are not in tiles
/// (FewRows.h).
extern const cpu::KernelEmitter kLargeMatmulEmitter, kSmallMatmulEmitter;
/// The same for convolutions.
extern const cpu::KernelEmitter kLargeConvEmitter, kSmallConvEmitter;

/// Attention, a block for 64 queries of a head, or for each of a few.
extern const cpu::KernelEmitter kAttentionEmitter;

/// An emitter of the kernels for which `chooseThreads` tells `threads`. A
/// `Body` is made of a function and `threads`, and builds it.
template <typename Body, int64_t (*chooseThreads)(KernelOp), int64_t threads>
constexpr cpu::KernelEmitter makeEmitter(llvm::StringLiteral name,
                                         bool collapses = false) {
  return {
      name,
      [](KernelOp kernel) { return chooseThreads(kernel) == threads; },
      collapses,
      [](cpu::KernelFunction &function) {
        return Body(function, threads).emitUnits();
      },
      [](cpu::KernelFunction &function) { Body(function, threads).emitBody(); },
      /*prepare=*/nullptr,
      threads};
}

/// The emitter that takes `kernel`, or null.
const cpu::KernelEmitter *findEmitter(KernelOp kernel);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_EMITTERS_H

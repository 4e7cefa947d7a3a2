//===- FewQueries.h - Attention of a single query -------------------------===//

#ifndef TENON_CODEGEN_CUDA_FEWQUERIES_H
#define TENON_CODEGEN_CUDA_FEWQUERIES_H

#include "codegen/cuda/BlockCode.h"
#include <functional>

namespace tenon::cuda {

/// Lines of an operand of attention, each of `size` elements.
struct AttentionLines {
  /// A flat memref, where the first line begins in it, and how far it is from
  /// line to line.
  mlir::Value memory, begin, stride;
  int64_t size;
};

/// A query and all keys and values of its head.
struct AttentionQuery {
  AttentionLines query, keys, values;
  Dim numKeys;
  mlir::Type element;
  /// What becomes of the product with a key: a score, of f32.
  std::function<mlir::Value(BlockCode &, mlir::Value product, mlir::Value key)>
      makeScore;
};

/// The shared memory that `threads` need for a query.
int64_t getQueryBytes(mlir::Type element, int64_t threads);

/// Builds the attention of a query, by a block of `threads`; `store` takes each
/// element of the result, of f32, in one of them. `shared` is the memory.
void emitQuery(
    BlockCode &code, const AttentionQuery &attention, int64_t threads,
    mlir::Value shared,
    llvm::function_ref<void(mlir::Value column, mlir::Value element)> store);

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_FEWQUERIES_H

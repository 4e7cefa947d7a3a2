//===- BlockedLayout.h - Tensors in blocks ----------------------*- C++ -*-===//
//
// Libraries keep constants in blocks. Other kernels that pick a few elements of
// such a constant find them by this.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_COMMON_BLOCKEDLAYOUT_H
#define TENON_CODEGEN_COMMON_BLOCKEDLAYOUT_H

#include "mlir/IR/Builders.h"

namespace tenon {

/// Where the elements of a tensor stand: each dimension, filled up to a
/// multiple of its blocks, is parted into blocks and what counts them. Blocks
/// stand innermost, in their order; `strides` are those of the counts, in
/// elements.
struct BlockedLayout {
  struct Block {
    int64_t size;
    int64_t dim;
  };

  llvm::SmallVector<int64_t> dims, paddedDims, strides;
  llvm::SmallVector<Block> blocks;

  /// Whether its blocks stand one behind another, `size` elements in all.
  bool isDense(int64_t size) const;

  /// The tensor in row-major order, as movements of `packed`, which has one
  /// dimension: a reshape, a transpose, a reshape, and a slice without the
  /// filling. It must be dense.
  mlir::Value buildPlain(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value packed) const;

private:
  /// How many blocks there are in each dimension.
  llvm::SmallVector<int64_t> getCounts() const;
  /// The dimensions, that which counts blocks the farthest apart first.
  llvm::SmallVector<int64_t> getOrder() const;
};

} // namespace tenon

#endif // TENON_CODEGEN_COMMON_BLOCKEDLAYOUT_H

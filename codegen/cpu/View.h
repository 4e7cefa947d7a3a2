//===- View.h - Tensors that are parts of others --------------------------===//

#ifndef TENON_CODEGEN_CPU_VIEW_H
#define TENON_CODEGEN_CPU_VIEW_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// Where the elements of a tensor are in the memory of another.
struct View {
  /// A flat memref.
  mlir::Value memory;
  Dim begin = 0;
  /// How far it is from one index to the next, of each dimension; 0 where its
  /// size is 1, so that whoever broadcasts it may use any index.
  llvm::SmallVector<Dim> strides;

  /// The position of what has this index in the first dimensions and 0 in all
  /// others.
  Dim getPosition(DimBuilder &dims, llvm::ArrayRef<Dim> index) const;
};

/// The view of an argument or a constant that `tensor` is by nothing but the
/// operations that `isViewOfLines` names. Built at the function's builder.
View getView(KernelFunction &function, mlir::Value tensor);

/// Where slice `op` begins in the dimension that is its axis `i`.
Dim getSliceStart(KernelFunction &function, DimBuilder &dims, SliceOp op,
                  int64_t i);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_VIEW_H

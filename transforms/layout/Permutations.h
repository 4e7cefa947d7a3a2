//===- Permutations.h - Transposed types, values and constants --*- C++ -*-===//

#ifndef TENON_TRANSFORMS_LAYOUT_PERMUTATIONS_H
#define TENON_TRANSFORMS_LAYOUT_PERMUTATIONS_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// `[0, 2, ..., rank - 1, 1]`: channels from second to last.
llvm::SmallVector<int64_t> getToChannelsLast(int64_t rank);

/// `[0, rank - 1, 1, ..., rank - 2]`: channels from last to second.
llvm::SmallVector<int64_t> getToChannelsFirst(int64_t rank);

/// The type of `tenon.transpose` by `permutation` of a value of type `type`.
mlir::RankedTensorType permuteType(mlir::RankedTensorType type,
                                   llvm::ArrayRef<int64_t> permutation);

/// `tenon.transpose` of `value`; `value` itself if the permutation is the
/// identity.
mlir::Value createTranspose(mlir::OpBuilder &builder, mlir::Location loc,
                            mlir::Value value,
                            llvm::ArrayRef<int64_t> permutation);

/// Whether a transpose of this type moves no element: it changes the place only
/// of dimensions of size 1.
bool movesOnlyUnitDims(mlir::RankedTensorType type,
                       llvm::ArrayRef<int64_t> permutation);

/// The transposed constant, or null if its bytes can't be had. A large one is
/// a new resource.
mlir::ElementsAttr transposeConstant(mlir::ElementsAttr value,
                                     llvm::ArrayRef<int64_t> permutation);

} // namespace tenon

#endif // TENON_TRANSFORMS_LAYOUT_PERMUTATIONS_H

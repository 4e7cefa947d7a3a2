//===- TenonShapeChecks.h - What shape inference asks of operands ---------===//
//
// Inference runs on operations that nothing has verified: an importer hands it
// whatever a model says. These checks come before any use of a size or index.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_DIALECTS_TENON_TENONSHAPECHECKS_H
#define TENON_DIALECTS_TENON_TENONSHAPECHECKS_H

#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// Tensors of more elements are refused: no machine holds them, and sizes in
/// bytes stay far from overflow.
inline constexpr int64_t kMaxElements = int64_t(1) << 46;

/// Whether the dimensions that are static make more elements than that; an
/// empty one doesn't excuse the others. None is negative.
bool hasTooManyElements(llvm::ArrayRef<int64_t> dims);

} // namespace tenon

namespace tenon::detail {

using Shapes = llvm::SmallVectorImpl<TensorShape>;

inline mlir::RankedTensorType tensorType(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType());
}
inline int64_t rankOf(mlir::Value tensor) {
  return tensorType(tensor).getRank();
}

mlir::LogicalResult checkRank(DimBuilder &dims, llvm::StringRef name,
                              mlir::Value tensor, int64_t rank);

/// Checks that `axis` is in `[0, rank)`.
mlir::LogicalResult checkAxis(DimBuilder &dims, int64_t axis, int64_t rank);
/// The same for each of several axes, which must be distinct.
mlir::LogicalResult checkAxes(DimBuilder &dims, llvm::ArrayRef<int64_t> axes,
                              int64_t rank);

/// Checks that an attribute has `count` elements, all in `[min, 2^31)`.
mlir::LogicalResult checkIntegers(DimBuilder &dims, llvm::StringRef name,
                                  llvm::ArrayRef<int64_t> values, size_t count,
                                  int64_t min);

/// Checks that a one-dimensional tensor of dimensions has `count` elements; if
/// `count` is negative, only that their number is known.
mlir::LogicalResult checkCount(DimBuilder &dims, llvm::StringRef name,
                               mlir::Value tensor, int64_t count);

/// Checks that dimension `index` of `tensor` may be `size` (dynamic is fine).
mlir::LogicalResult checkSize(DimBuilder &dims, llvm::StringRef name,
                              mlir::Value tensor, int64_t index, int64_t size);

/// Checks that dimension `index` of `tensor` may be dimension `otherIndex` of
/// `other`, and guards it.
mlir::LogicalResult checkSameSize(DimBuilder &dims, llvm::StringRef name,
                                  mlir::Value tensor, int64_t index,
                                  mlir::Value other, int64_t otherIndex);

/// Whether two sizes may be equal at run time.
inline bool maybeEqual(int64_t a, int64_t b) {
  return mlir::ShapedType::isDynamic(a) || mlir::ShapedType::isDynamic(b) ||
         a == b;
}

/// Checks that the dimensions are not negative and that the elements can be
/// counted, and makes `shape` the next result.
mlir::LogicalResult finishShape(DimBuilder &dims, TensorShape shape,
                                Shapes &shapes);

} // namespace tenon::detail

#endif // TENON_DIALECTS_TENON_TENONSHAPECHECKS_H

//===- Spelling.h - Pieces that operators are spelled with ----------------===//
//
// Operators without an operation of their own are said with several others.
// What many of them need on the way stands here. Each function returns null
// after an error, and takes a null value as one that was reported.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_LIB_IMPORT_ONNX_SPELLING_H
#define TENON_LIB_IMPORT_ONNX_SPELLING_H

#include "lib/import/onnx/NodeContext.h"

namespace tenon::onnx_import {

/// The element type that an attribute names by ONNX's number. What a type that
/// tenon lacks would be for (`what`: "a cast to") begins the message.
mlir::Type getNumberedType(NodeContext &node, llvm::StringRef attribute,
                           int64_t number, llvm::StringRef what);

/// The attribute of integers in [minimum, 2^31), one for each of `count`
/// dimensions; without it all are `defaultValue`.
llvm::SmallVector<int64_t> getPerDimension(NodeContext &node,
                                           llvm::StringRef name, size_t count,
                                           int64_t minimum,
                                           int64_t defaultValue);

/// `[0, 1, ..., limit - 1]` as i64, where `limit` is an integer of rank 0 or of
/// one element.
mlir::Value createRange(NodeContext &node, mlir::Value limit);
/// The indices of dimension `axis` of `value`, as i64 of the rank of `value`:
/// `[1, ..., d, ..., 1]`.
mlir::Value createIndices(NodeContext &node, mlir::Value value, int64_t axis);
/// `vector`, of rank 1, as dimension `axis` of a tensor of rank `rank`.
mlir::Value alongAxis(NodeContext &node, mlir::Value vector, int64_t axis,
                      int64_t rank);

/// A tensor of one element as one of rank 0; reports another shape of `what`.
mlir::Value toScalar(NodeContext &node, mlir::Value value,
                     llvm::StringRef what);
/// Element `i` of a vector, as a tensor of rank 0.
mlir::Value getElement(NodeContext &node, mlir::Value vector, int64_t i);
/// All elements of a tensor in one dimension.
mlir::Value flattenAll(NodeContext &node, mlir::Value value);
/// `value` everywhere in the shape of `like`.
mlir::Value fillLike(NodeContext &node, mlir::Value like, mlir::Type type,
                     double value);

/// An operation on `value` and a number in its element type.
template <typename OpT>
mlir::Value withScalar(NodeContext &node, mlir::Value value, double number) {
  if (node.failed() || !value)
    return {};
  return node.create<OpT>(
      value, node.createScalar(mlir::getElementTypeOrSelf(value), number));
}

/// `a` where `condition` holds, `b` elsewhere; all broadcast.
mlir::Value where(NodeContext &node, mlir::Value condition, mlir::Value a,
                  mlir::Value b);
/// `value` where `condition` holds, 0 elsewhere.
mlir::Value whereOrZero(NodeContext &node, mlir::Value condition,
                        mlir::Value value);

/// A sum, mean, maximum or minimum; with `drops`, without the reduced
/// dimensions.
mlir::Value reduce(NodeContext &node, mlir::Value value, ReduceKind kind,
                   llvm::ArrayRef<int64_t> axes, bool drops = false);
/// The same over all dimensions, to rank 0.
mlir::Value reduceAll(NodeContext &node, mlir::Value value, ReduceKind kind);
/// The axes `[begin, end)`.
llvm::SmallVector<int64_t> getAxes(int64_t begin, int64_t end);

/// A matrix product as numpy has it: a vector on the left is a row, on the
/// right a column, and the dimension that this adds is dropped again.
mlir::Value createMatMul(NodeContext &node, mlir::Value a, mlir::Value b);

/// `value`, if parts of `sizes` (a vector of i64), none of them negative, make
/// up its dimension `axis`; a run in which they don't fails.
mlir::Value requireSizes(NodeContext &node, mlir::Value value, int64_t axis,
                         mlir::Value sizes);
/// `indices` of a dimension of `size` (tensor<1xi64>) with the negative ones
/// out of range, where they do not count from the end.
mlir::Value rejectNegative(NodeContext &node, mlir::Value indices,
                           mlir::Value size);

/// The convolution that the node's attributes tell; `bias` may be null.
mlir::Value createConv(NodeContext &node, mlir::Value input,
                       mlir::Value weights, mlir::Value bias);
/// x / sqrt(mean(x^2) + epsilon) * scale, the mean over `axis` and after.
mlir::Value createRmsNorm(NodeContext &node, mlir::Value input,
                          mlir::Value scale, int64_t axis, double epsilon);

/// `value` in float32 if its type is narrower, so that sums are exact enough.
mlir::Value widen(NodeContext &node, mlir::Value value);
/// Mean and variance over `axes`, of size 1 there, and the input less the mean.
struct Moments {
  mlir::Value mean, variance, centred;
};
Moments getMoments(NodeContext &node, mlir::Value value,
                   llvm::ArrayRef<int64_t> axes);
/// 1 / sqrt(variance + epsilon)
mlir::Value getInverseDeviation(NodeContext &node, mlir::Value variance,
                                double epsilon);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_SPELLING_H

//===- TenonShapeChecks.cpp - What shape inference asks of operands -------===//

#include "dialects/tenon/TenonShapeChecks.h"

#include "llvm/ADT/SmallSet.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

bool tenon::hasTooManyElements(ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    if (!ShapedType::isDynamic(dim) &&
        (llvm::MulOverflow(count, std::max<int64_t>(dim, 1), count) ||
         count > kMaxElements))
      return true;
  return false;
}

namespace tenon::detail {

LogicalResult checkRank(DimBuilder &dims, StringRef name, Value tensor,
                        int64_t rank) {
  if (rankOf(tensor) == rank)
    return success();
  return dims.error("expects " + name + " of rank " + Twine(rank) +
                    ", but it has rank " + Twine(rankOf(tensor)));
}

LogicalResult checkAxis(DimBuilder &dims, int64_t axis, int64_t rank) {
  if (axis >= 0 && axis < rank)
    return success();
  return dims.error("expects an axis from 0 to below " + Twine(rank) +
                    ", but it is " + Twine(axis));
}

LogicalResult checkAxes(DimBuilder &dims, ArrayRef<int64_t> axes,
                        int64_t rank) {
  llvm::SmallSet<int64_t, 8> seen;
  for (int64_t axis : axes) {
    if (failed(checkAxis(dims, axis, rank)))
      return failure();
    if (!seen.insert(axis).second)
      return dims.error("expects distinct axes, but " + Twine(axis) +
                        " is there twice");
  }
  return success();
}

LogicalResult checkIntegers(DimBuilder &dims, StringRef name,
                            ArrayRef<int64_t> values, size_t count,
                            int64_t min) {
  if (values.size() != count)
    return dims.error("expects " + Twine(count) + " elements in '" + name +
                      "', but there are " + Twine(values.size()));
  for (int64_t value : values)
    if (value < min || value > INT32_MAX)
      return dims.error("expects elements from " + Twine(min) + " to " +
                        Twine(INT32_MAX) + " in '" + name + "', but one is " +
                        Twine(value));
  return success();
}

LogicalResult checkCount(DimBuilder &dims, StringRef name, Value tensor,
                         int64_t count) {
  RankedTensorType type = tensorType(tensor);
  if (type.getRank() != 1)
    return dims.error("expects '" + name + "' of rank 1, but it has rank " +
                      Twine(type.getRank()));
  if (type.isDynamicDim(0))
    return dims.error("expects '" + name +
                      "' with a known number of elements: the rank of the "
                      "result follows from it");
  // A model may say anything; nothing with dimensions has that many of them.
  if (type.getDimSize(0) > 1024)
    return dims.error("expects at most 1024 elements in '" + name +
                      "', but there are " + Twine(type.getDimSize(0)));
  if (count >= 0 && type.getDimSize(0) != count)
    return dims.error("expects " + Twine(count) + " elements in '" + name +
                      "', but there are " + Twine(type.getDimSize(0)));
  return success();
}

LogicalResult checkSize(DimBuilder &dims, StringRef name, Value tensor,
                        int64_t index, int64_t size) {
  int64_t actual = tensorType(tensor).getDimSize(index);
  if (maybeEqual(actual, size))
    return success();
  return dims.error("expects dimension " + Twine(index) + " of " + name +
                    " to be " + Twine(size) + ", but it is " + Twine(actual));
}

LogicalResult checkSameSize(DimBuilder &dims, StringRef name, Value tensor,
                            int64_t index, Value other, int64_t otherIndex) {
  if (failed(checkSize(dims, name, tensor, index,
                       tensorType(other).getDimSize(otherIndex))))
    return failure();
  if (!dims.isGuarding())
    return success();
  return dims.requireEqual(dims.dim(tensor, index), dims.dim(other, otherIndex),
                           "dimension " + Twine(index) + " of " + name);
}

LogicalResult finishShape(DimBuilder &dims, TensorShape shape, Shapes &shapes) {
  SmallVector<int64_t> sizes;
  for (auto [i, dim] : llvm::enumerate(shape)) {
    if (dim.isConstant() && dim.getConstant() < 0)
      return dims.error("dimension " + Twine(i) + " of the result would be " +
                        Twine(dim.getConstant()));
    sizes.push_back(dim.getStatic());
  }
  if (hasTooManyElements(sizes))
    return dims.error("the result would have more than 2^46 elements");
  shapes.push_back(std::move(shape));
  return success();
}

} // namespace tenon::detail

//===- Permutations.cpp - Transposed types, values and constants ----------===//

#include "transforms/layout/Permutations.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"

#include <cstring>

using namespace mlir;

namespace tenon {

/// Constants of up to this many elements are printed; larger ones are
/// resources.
static constexpr int64_t kMaxInlineElements = 16;
static constexpr size_t kBlobAlignment = 64;

SmallVector<int64_t> getToChannelsLast(int64_t rank) {
  SmallVector<int64_t> permutation{0};
  for (int64_t i = 2; i < rank; ++i)
    permutation.push_back(i);
  permutation.push_back(1);
  return permutation;
}

SmallVector<int64_t> getToChannelsFirst(int64_t rank) {
  return invertPermutationVector(getToChannelsLast(rank));
}

RankedTensorType permuteType(RankedTensorType type,
                             ArrayRef<int64_t> permutation) {
  return RankedTensorType::get(applyPermutation(type.getShape(), permutation),
                               type.getElementType(), type.getEncoding());
}

Value createTranspose(OpBuilder &builder, Location loc, Value value,
                      ArrayRef<int64_t> permutation) {
  if (isIdentityPermutation(permutation))
    return value;
  auto type = permuteType(cast<RankedTensorType>(value.getType()), permutation);
  return TransposeOp::create(builder, loc, type, value,
                             builder.getDenseI64ArrayAttr(permutation));
}

bool movesOnlyUnitDims(RankedTensorType type, ArrayRef<int64_t> permutation) {
  int64_t last = -1;
  for (int64_t source : permutation) {
    if (type.getDimSize(source) == 1)
      continue;
    if (source < last)
      return false;
    last = source;
  }
  return true;
}

/// Copies `Width` bytes an element from `source` to `target`, which is dense
/// and has dimensions `sizes`; `strides` are those of `source` for these
/// dimensions, in elements.
template <size_t Width>
static void copyStrided(const char *source, char *target,
                        ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  int64_t rank = sizes.size();
  int64_t inner = sizes[rank - 1], innerStride = strides[rank - 1];
  SmallVector<int64_t> index(rank, 0);
  int64_t outer = 1;
  for (int64_t size : sizes.drop_back())
    outer *= size;
  for (int64_t row = 0; row != outer; ++row) {
    const char *from = source;
    for (int64_t i = 0; i + 1 < rank; ++i)
      from += index[i] * strides[i] * int64_t(Width);
    for (int64_t i = 0; i != inner; ++i) {
      std::memcpy(target, from, Width);
      target += Width;
      from += innerStride * int64_t(Width);
    }
    for (int64_t i = rank - 2; i >= 0 && ++index[i] == sizes[i]; --i)
      index[i] = 0;
  }
}

ElementsAttr transposeConstant(ElementsAttr value,
                               ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(value.getShapedType());
  RankedTensorType resultType = permuteType(type, permutation);
  if (isIdentityPermutation(permutation))
    return value;
  if (auto dense = dyn_cast<DenseElementsAttr>(value))
    if (dense.isSplat())
      return dense.resizeSplat(resultType);

  ArrayRef<char> bytes = getRawBytes(value);
  int64_t count = type.getNumElements();
  if (bytes.empty() || count == 0)
    return nullptr;
  size_t width = bytes.size() / count;
  if (bytes.size() != width * count)
    return nullptr;

  // The strides of the source, in the order of the result's dimensions.
  SmallVector<int64_t> strides = applyPermutation(
      ArrayRef<int64_t>(computeSuffixProduct(type.getShape())), permutation);
  AsmResourceBlob blob =
      HeapAsmResourceBlob::allocate(bytes.size(), kBlobAlignment);
  char *target = blob.getMutableData().data();
  ArrayRef<int64_t> sizes = resultType.getShape();
  switch (width) {
  case 1:
    copyStrided<1>(bytes.data(), target, sizes, strides);
    break;
  case 2:
    copyStrided<2>(bytes.data(), target, sizes, strides);
    break;
  case 4:
    copyStrided<4>(bytes.data(), target, sizes, strides);
    break;
  case 8:
    copyStrided<8>(bytes.data(), target, sizes, strides);
    break;
  default:
    return nullptr;
  }
  if (count <= kMaxInlineElements && !type.getElementType().isInteger(1))
    return DenseElementsAttr::getFromRawBuffer(resultType, blob.getData());
  return DenseResourceElementsAttr::get(resultType, "transposed",
                                        std::move(blob));
}

} // namespace tenon

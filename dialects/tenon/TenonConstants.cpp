//===- TenonConstants.cpp - Reading constants -----------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/Endian.h"

using namespace mlir;

namespace tenon {

ArrayRef<char> getRawBytes(ElementsAttr attribute) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    return blob ? blob->getData() : ArrayRef<char>();
  }
  auto dense = dyn_cast<DenseElementsAttr>(attribute);
  if (!dense || dense.getElementType().isInteger(1))
    return {};
  ArrayRef<char> data = dense.getRawData();
  unsigned bits = dense.getElementType().isIntOrFloat()
                      ? dense.getElementType().getIntOrFloatBitWidth()
                      : 0;
  // A splat holds its one element only.
  if (bits % 8 != 0 || data.size() != size_t(dense.getNumElements()) * bits / 8)
    return {};
  return data;
}

ElementsAttr reshapeConstant(ElementsAttr attribute, RankedTensorType type) {
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  return cast<DenseElementsAttr>(attribute).reshape(type);
}

/// Element `index` of integers of `width` bits that stand in memory.
static APInt readInteger(ArrayRef<char> bytes, int64_t index, unsigned width) {
  using namespace llvm::support;
  if (width <= 8)
    return APInt(width, uint8_t(bytes[index]), /*isSigned=*/false,
                 /*implicitTrunc=*/true);
  const char *at = bytes.data() + index * (width / 8);
  switch (width) {
  case 16:
    return APInt(16, endian::read16le(at));
  case 32:
    return APInt(32, endian::read32le(at));
  default:
    return APInt(64, endian::read64le(at));
  }
}

std::optional<SmallVector<int64_t>>
readIntegers(DenseResourceElementsAttr attribute) {
  auto type = dyn_cast<IntegerType>(attribute.getElementType());
  if (!type || !attribute.getType().hasStaticShape() ||
      !llvm::is_contained({1u, 8u, 16u, 32u, 64u}, type.getWidth()))
    return std::nullopt;
  ArrayRef<char> bytes = getRawBytes(attribute);
  int64_t count = attribute.getType().getNumElements();
  int64_t size = std::max(type.getWidth() / 8, 1u);
  if (int64_t(bytes.size()) / size != count)
    return std::nullopt;
  bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
  SmallVector<int64_t> result;
  for (int64_t i = 0; i != count; ++i) {
    APInt value = readInteger(bytes, i, type.getWidth());
    result.push_back(isUnsigned ? value.getZExtValue() : value.getSExtValue());
  }
  return result;
}

std::optional<SmallVector<int64_t>> getConstantInts(Value tensor,
                                                    int64_t limit) {
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!type || !type.hasStaticShape() ||
      !type.getElementType().isIntOrIndex() || type.getNumElements() > limit)
    return std::nullopt;
  SmallVector<int64_t> result;
  if (auto elements = tensor.getDefiningOp<tensor::FromElementsOp>()) {
    for (Value element : elements.getElements()) {
      APInt constant;
      if (!matchPattern(element, m_ConstantInt(&constant)))
        return std::nullopt;
      result.push_back(constant.getSExtValue());
    }
    return result;
  }
  ElementsAttr attribute;
  if (!matchPattern(tensor, m_Constant(&attribute)))
    return std::nullopt;
  bool isUnsigned = type.getElementType().isUnsignedInteger() ||
                    type.getElementType().isInteger(1);
  if (auto values = attribute.tryGetValues<APInt>()) {
    for (APInt value : *values)
      result.push_back(isUnsigned ? value.getZExtValue()
                                  : value.getSExtValue());
    return result;
  }
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attribute))
    if (auto values = readIntegers(resource))
      return values;
  return std::nullopt;
}

std::optional<double> getConstantScalar(Value tensor) {
  ElementsAttr attribute;
  if (!matchPattern(tensor, m_Constant(&attribute)))
    return std::nullopt;
  if (!attribute.isSplat() && attribute.getNumElements() != 1)
    return std::nullopt;
  if (auto dense = dyn_cast<DenseElementsAttr>(attribute)) {
    if (isa<FloatType>(dense.getElementType()))
      return dense.getSplatValue<APFloat>().convertToDouble();
    if (dense.getElementType().isUnsignedInteger() ||
        dense.getElementType().isInteger(1))
      return double(dense.getSplatValue<APInt>().getZExtValue());
    if (dense.getElementType().isInteger())
      return double(dense.getSplatValue<APInt>().getSExtValue());
    return std::nullopt;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(attribute);
  if (!resource)
    return std::nullopt;
  if (std::optional<SmallVector<int64_t>> integers = readIntegers(resource))
    return double(integers->front());
  auto type = dyn_cast<FloatType>(resource.getElementType());
  ArrayRef<char> bytes = getRawBytes(resource);
  if (!type || type.getWidth() % 8 != 0 || type.getWidth() > 64 ||
      bytes.size() != type.getWidth() / 8)
    return std::nullopt;
  return APFloat(type.getFloatSemantics(),
                 readInteger(bytes, 0, type.getWidth()))
      .convertToDouble();
}

Type getSignless(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return IntegerType::get(type.getContext(), integer.getWidth());
  return type;
}

} // namespace tenon

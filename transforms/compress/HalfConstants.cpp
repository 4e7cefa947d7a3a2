//===- HalfConstants.cpp - Constants of 16-bit floats ---------------------===//

#include "transforms/compress/HalfConstants.h"

#include "transforms/simplify/Constants.h"
#include "llvm/ADT/bit.h"

#include <cmath>
#include <cstring>

using namespace mlir;

namespace tenon {

FloatType getHalfType(StringRef precision, MLIRContext *context) {
  if (precision == "bf16")
    return BFloat16Type::get(context);
  if (precision == "fp16")
    return Float16Type::get(context);
  return {};
}

static constexpr uint32_t kSign = 0x80000000, kInfinity = 0x7f800000;

/// The bits of an f32 rounded to bf16, its upper half. What is no number stays
/// none.
static uint16_t roundToBf16(uint32_t bits) {
  if ((bits & ~kSign) > kInfinity)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// The bits of an f32 rounded to f16.
static uint16_t roundToF16(uint32_t bits) {
  uint16_t sign = (bits & kSign) >> 16;
  bits &= ~kSign;
  if (bits > kInfinity)
    return sign | 0x7e00;
  // From 65520 on.
  if (bits >= 0x477ff000)
    return sign | 0x7c00;
  // Below 2^-14 numbers are multiples of 2^-24, which is the last bit of 1/2:
  // the addition rounds.
  if (bits < 0x38800000) {
    float sum = llvm::bit_cast<float>(bits) + 0.5f;
    return sign | (llvm::bit_cast<uint32_t>(sum) - 0x3f000000);
  }
  // The exponent's bias is 112 less, the fraction has 13 bits less.
  return sign | (bits - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13;
}

/// The elements of a constant of f32, one if it is a splat.
static std::optional<ConstantView> getElements(ElementsAttr value) {
  if (!value.getElementType().isF32())
    return std::nullopt;
  return ConstantView::get(value);
}

ElementsAttr convertConstant(ElementsAttr value, FloatType to) {
  std::optional<ConstantView> view = getElements(value);
  if (!view)
    return {};
  auto round = to.isBF16() ? roundToBf16 : roundToF16;
  auto type = view->getType().clone(to);
  ArrayRef<char> from = view->getBytes();
  auto read = [&](int64_t i) {
    uint32_t bits;
    std::memcpy(&bits, from.data() + i * sizeof bits, sizeof bits);
    return bits;
  };
  if (view->isSplat()) {
    uint16_t bits = round(read(0));
    return DenseElementsAttr::getFromRawBuffer(
        cast<RankedTensorType>(type),
        ArrayRef(reinterpret_cast<const char *>(&bits), sizeof bits));
  }
  ConstantBuffer buffer(cast<RankedTensorType>(type));
  for (int64_t i = 0, count = view->getNumElements(); i != count; ++i) {
    uint16_t bits = round(read(i));
    std::memcpy(buffer.getData() + i * sizeof bits, &bits, sizeof bits);
  }
  return buffer.finish();
}

bool fitsHalf(ElementsAttr value, FloatType to) {
  std::optional<ConstantView> view = getElements(value);
  if (!view)
    return true;
  double limit = APFloat::getLargest(to.getFloatSemantics()).convertToDouble();
  int64_t count = view->isSplat() ? 1 : view->getNumElements();
  for (int64_t i = 0; i != count; ++i) {
    float element;
    std::memcpy(&element, view->getBytes().data() + i * sizeof element,
                sizeof element);
    if (std::isfinite(element) && std::abs(element) > limit)
      return false;
  }
  return true;
}

} // namespace tenon

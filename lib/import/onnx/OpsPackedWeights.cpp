//===- OpsPackedWeights.cpp - Weights of few bits -------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// Numbers of `bits` bits, the first in the low bits of a byte.
static uint32_t getPacked(ArrayRef<char> bytes, int64_t i, int64_t bits) {
  int64_t at = i * bits;
  uint32_t value = uint8_t(bytes[at / 8]) >> (at % 8);
  if (at % 8 + bits > 8)
    value |= uint32_t(uint8_t(bytes[at / 8 + 1])) << (8 - at % 8);
  return value & ((1u << bits) - 1);
}

/// Whether a constant is much larger than what the model's file has of it.
static bool isLargeSplat(ElementsAttr value) {
  return value.isSplat() && value.getNumElements() > (1 << 20);
}

/// The elements of a constant of floats.
static std::optional<SmallVector<float>> getFloatElements(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  if (!constant || isLargeSplat(constant.getValue()))
    return std::nullopt;
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<float> result;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  if (dense && isa<FloatType>(type.getElementType())) {
    for (APFloat element : dense.getValues<APFloat>()) {
      bool losesInfo;
      element.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                      &losesInfo);
      result.push_back(element.convertToFloat());
    }
    return result;
  }
  ArrayRef<char> bytes = getRawBytes(constant.getValue());
  auto floatType = dyn_cast<FloatType>(type.getElementType());
  if (!floatType || bytes.empty())
    return std::nullopt;
  unsigned width = floatType.getWidth() / 8;
  for (size_t at = 0; at + width <= bytes.size(); at += width) {
    uint64_t word = 0;
    memcpy(&word, bytes.data() + at, width);
    APFloat element(floatType.getFloatSemantics(), APInt(8 * width, word));
    bool losesInfo;
    element.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                    &losesInfo);
    result.push_back(element.convertToFloat());
  }
  return result;
}

/// com.microsoft.MatMulNBits: the weights are widened when compiling.
static LogicalResult convertMatMulNBits(NodeContext &node) {
  int64_t depth = node.getRequiredInt("K"), columns = node.getRequiredInt("N"),
          bits = node.getInt("bits", 4),
          block = node.getRequiredInt("block_size");
  node.ignoreAttributes({"accuracy_level", "weight_prepacked"});
  Value input = node.getInput(0), packed = node.getInput(1),
        scales = node.getInput(2);
  Value zeros = node.getOptionalInput(3), groups = node.getOptionalInput(4),
        bias = node.getOptionalInput(5);
  if (node.failed())
    return failure();
  if (groups)
    return node.unsupported("input g_idx is not supported");
  if (bits < 2 || bits > 8 || block < 16 || block > (1 << 16) ||
      !llvm::isPowerOf2_64(block) || depth < 1 || columns < 1 ||
      depth > INT32_MAX || columns > INT32_MAX)
    return node.invalid("expected 'bits' from 2 to 8, a 'block_size' that is a "
                        "power of 2 from 16, and 'K' and 'N' of at least 1");
  int64_t blocks = (depth + block - 1) / block;
  int64_t blockBytes = block * bits / 8, total;
  if (MulOverflow(depth, columns, total) || total > (int64_t(1) << 32))
    return node.unsupported("the weights are too large");
  auto constant = packed.getDefiningOp<ConstantOp>();
  std::optional<SmallVector<float>> factors = getFloatElements(scales);
  if (!constant || !factors)
    return node.unsupported("the weights must be constant");
  if (isLargeSplat(constant.getValue()))
    return node.unsupported("the weights are too large");
  SmallVector<char> storage;
  ArrayRef<char> bytes = getRawBytes(constant.getValue());
  auto expand = [](ElementsAttr attribute, SmallVector<char> &storage) {
    auto dense = dyn_cast<DenseElementsAttr>(attribute);
    if (dense && dense.getElementType().isInteger(8))
      for (const APInt &element : dense.getValues<APInt>())
        storage.push_back(char(element.getZExtValue()));
    return ArrayRef<char>(storage);
  };
  if (bytes.empty())
    bytes = expand(constant.getValue(), storage);
  if (int64_t(bytes.size()) != columns * blocks * blockBytes ||
      int64_t(factors->size()) != columns * blocks)
    return node.invalid("expected " + Twine(columns * blocks * blockBytes) +
                        " bytes of weights and " + Twine(columns * blocks) +
                        " scales, found " + Twine(bytes.size()) + " and " +
                        Twine(factors->size()));
  // Points that mean zero: packed like the weights, or numbers.
  SmallVector<float> points(columns * blocks, float(1 << (bits - 1)));
  if (zeros) {
    if (std::optional<SmallVector<float>> given = getFloatElements(zeros)) {
      points = *given;
    } else {
      auto zeroConstant = zeros.getDefiningOp<ConstantOp>();
      if (!zeroConstant || isLargeSplat(zeroConstant.getValue()))
        return node.unsupported("the zero points must be constant");
      SmallVector<char> zeroStorage;
      ArrayRef<char> zeroBytes = getRawBytes(zeroConstant.getValue());
      if (zeroBytes.empty())
        zeroBytes = expand(zeroConstant.getValue(), zeroStorage);
      int64_t rowBytes = (blocks * bits + 7) / 8;
      if (int64_t(zeroBytes.size()) != columns * rowBytes)
        return node.invalid("expected " + Twine(columns * rowBytes) +
                            " bytes of zero points, found " +
                            Twine(zeroBytes.size()));
      for (int64_t row = 0; row != columns; ++row)
        for (int64_t i = 0; i != blocks; ++i)
          points[row * blocks + i] =
              getPacked(zeroBytes.slice(row * rowBytes, rowBytes), i, bits);
    }
  }
  if (int64_t(points.size()) != columns * blocks)
    return node.invalid("expected " + Twine(columns * blocks) +
                        " zero points, found " + Twine(points.size()));
  std::vector<float> weights(total);
  for (int64_t row = 0; row != columns; ++row)
    for (int64_t i = 0; i != depth; ++i) {
      int64_t at = row * blocks + i / block;
      uint32_t number =
          getPacked(bytes.slice(at * blockBytes, blockBytes), i % block, bits);
      weights[row * depth + i] = (float(number) - points[at]) * (*factors)[at];
    }
  auto type =
      RankedTensorType::get({columns, depth}, node.getBuilder().getF32Type());
  Value matrix = node.createConstant(
      DenseElementsAttr::get(type, ArrayRef<float>(weights)));
  matrix = node.cast(matrix, getElementTypeOrSelf(input));
  Value result = node.create<MatMulOp>(input, matrix, /*transposeA=*/false,
                                       /*transposeB=*/true);
  if (bias)
    result = node.binary<AddOp>(result, bias);
  return node.setOutput(result);
}

ArrayRef<OpEntry> getPackedWeightOps() {
  static constexpr int64_t v1[] = {1};
  static const OpEntry entries[] = {
      {"MatMulNBits", v1, convertMatMulNBits, 3, 6, "com.microsoft"},
  };
  return entries;
}

} // namespace tenon::onnx_import

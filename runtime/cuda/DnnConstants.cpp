//===- DnnConstants.cpp - Constants as cuDNN wants them ------------------===//

#include "runtime/cuda/DnnConstants.h"

#include <algorithm>
#include <cstring>

using namespace tenon::cuda;

/// From [steps, columns] to [columns, steps], of elements of so many bytes.
static void transpose(const uint8_t *source, uint8_t *target, uint64_t steps,
                      uint64_t columns, size_t bytes) {
  constexpr uint64_t block = 64; // so that what is read stays near
  for (uint64_t begin = 0; begin < steps; begin += block)
    for (uint64_t column = 0; column < columns; ++column)
      for (uint64_t step = begin; step < std::min(steps, begin + block); ++step)
        memcpy(target + (column * steps + step) * bytes,
               source + (step * columns + column) * bytes, bytes);
}

/// An f32 as f16, halves to even.
static uint16_t roundToF16(uint32_t bits) {
  uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return sign | 0x7e00; // not a number
  if (magnitude >= 0x47800000)
    return sign | 0x7c00; // infinite
  // Below the least normal number the mantissa is shifted further.
  int exponent = int(magnitude >> 23) - 112;
  uint32_t shift = exponent > 0 ? 13 : uint32_t(14 - exponent);
  if (shift > 24)
    return sign;
  uint32_t mantissa = (magnitude & 0x7fffff) | 0x800000;
  uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1);
  uint32_t half = 1u << (shift - 1);
  kept += rest > half || (rest == half && (kept & 1));
  // The leading 1 of a normal number counts as one in its exponent.
  return sign | ((exponent > 0 ? uint32_t(exponent - 1) << 10 : 0) + kept);
}

/// An f32 as bf16, halves to even.
static uint16_t roundToBF16(uint32_t bits) {
  if ((bits & 0x7fffffff) > 0x7f800000)
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

void *tenon::cuda::findOperand(const DnnOperand &operand,
                               DeviceWeights &weights,
                               const std::vector<Tensor> &tensors,
                               void *const *args) {
  void *arg = args[operand.arg];
  const Tensor &tensor = tensors[operand.arg];
  uint64_t count = countElements(tensor);
  size_t size = getElementSize(tensor.type);
  switch (operand.form) {
  case DnnOperand::AsItIs:
    return static_cast<char *>(arg) + operand.offset;
  case DnnOperand::Transposed: {
    uint64_t columns = tensor.dims.back(), steps = count / columns;
    return weights.getPacked(
        arg, count * size,
        {operand.form, int64_t(size), int64_t(steps), int64_t(columns)},
        count * size, [=](const uint8_t *source, uint8_t *target) {
          transpose(source, target, steps, columns, size);
        });
  }
  case DnnOperand::Narrowed: {
    bool isF16 = tensors.back().type == TENON_F16;
    return weights.getPacked(
        arg, count * size, {operand.form, tensors.back().type, int64_t(count)},
        count * 2, [=](const uint8_t *source, uint8_t *target) {
          for (uint64_t i = 0; i < count; ++i) {
            uint32_t bits;
            memcpy(&bits, source + i * 4, sizeof bits);
            uint16_t narrow = isF16 ? roundToF16(bits) : roundToBF16(bits);
            memcpy(target + i * 2, &narrow, sizeof narrow);
          }
        });
  }
  }
  return nullptr;
}

//===- PackWeights.cpp - Constants in the order in which they are read ----===//

#include "codegen/cpu/PackWeights.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include <cstring>

using namespace mlir;

namespace tenon::cpu {

void ConstantPacker::append(int64_t begin, int64_t count, int64_t stride) {
  if (!isSplat && stride == 1) {
    std::memcpy(target, source + begin * bytes, count * bytes);
    target += count * bytes;
    return;
  }
  if (isSplat)
    begin = stride = 0;
  const char *from = source + begin * bytes;
  for (int64_t i = 0; i != count; ++i) {
    // Constant sizes become single moves.
    if (bytes == 4)
      std::memcpy(target, from, 4);
    else
      std::memcpy(target, from, bytes);
    target += bytes;
    from += stride * bytes;
  }
}

/// The constant that is input number `input` of `kernel`, if it may be
/// replaced.
static ConstantOp getPackable(KernelOp kernel, unsigned input) {
  auto constant = kernel.getInputs()[input].getDefiningOp<ConstantOp>();
  // Another use would read it in the old order.
  if (!constant || !kernel.getBody().getArgument(input).hasOneUse())
    return {};
  return constant;
}

/// Whether `raw` has all elements of a constant. IR may name contents that are
/// not there.
static bool isWhole(ConstantOp constant, ArrayRef<char> raw) {
  auto type = cast<RankedTensorType>(constant.getType());
  return !raw.empty() &&
         int64_t(raw.size()) ==
             type.getNumElements() * (type.getElementTypeBitWidth() / 8);
}

/// Replaces an input by a constant of `size` elements.
static void replaceInput(KernelOp kernel, unsigned input, int64_t size,
                         function_ref<void(MutableArrayRef<char>)> fill) {
  Value old = kernel.getInputs()[input];
  Type element = cast<RankedTensorType>(old.getType()).getElementType();
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      size * element.getIntOrFloatBitWidth() / 8, /*align=*/64,
      /*dataIsMutable=*/true);
  fill(blob.getMutableData());
  auto type = RankedTensorType::get({size}, element);
  auto value = DenseResourceElementsAttr::get(type, "packed", std::move(blob));
  OpBuilder builder(kernel);
  kernel.getInputsMutable()[input].set(
      ConstantOp::create(builder, old.getLoc(), value));
}

bool packInput(KernelOp kernel, unsigned input, int64_t size,
               function_ref<void(ConstantPacker &)> pack) {
  ConstantOp constant = getPackable(kernel, input);
  if (!constant || size == 0)
    return false;
  Type element = cast<RankedTensorType>(constant.getType()).getElementType();
  if (element.getIntOrFloatBitWidth() % 8 != 0)
    return false;

  ConstantPacker packer;
  packer.bytes = element.getIntOrFloatBitWidth() / 8;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  ArrayRef<char> raw =
      dense ? dense.getRawData() : getRawBytes(constant.getValue());
  packer.isSplat = dense && dense.isSplat();
  if (!packer.isSplat && !isWhole(constant, raw))
    return false;
  packer.source = raw.data();
  replaceInput(kernel, input, size, [&](MutableArrayRef<char> bytes) {
    packer.target = bytes.data();
    pack(packer);
    assert(packer.target == bytes.end() && "wrong packed size");
  });
  return true;
}

bool packFloats(
    KernelOp kernel, unsigned input, int64_t size,
    function_ref<void(ArrayRef<float>, MutableArrayRef<float>)> pack) {
  ConstantOp constant = getPackable(kernel, input);
  if (!constant || size == 0)
    return false;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  ArrayRef<char> raw =
      dense ? dense.getRawData() : getRawBytes(constant.getValue());
  auto type = cast<RankedTensorType>(constant.getType());
  bool isSplat = dense && dense.isSplat();
  if (!type.getElementType().isF32() || (!isSplat && !isWhole(constant, raw)))
    return false;
  ArrayRef<float> elements(reinterpret_cast<const float *>(raw.data()),
                           raw.size() / sizeof(float));
  std::vector<float> copy;
  if (isSplat) {
    copy.resize(type.getNumElements());
    std::memcpy(copy.data(), raw.data(), sizeof(float));
    llvm::fill(copy, float(copy.front()));
    elements = copy;
  } else if (reinterpret_cast<uintptr_t>(raw.data()) % alignof(float) != 0) {
    // Mapped weights may stand anywhere.
    copy.resize(elements.size());
    std::memcpy(copy.data(), raw.data(), raw.size());
    elements = copy;
  }
  replaceInput(kernel, input, size, [&](MutableArrayRef<char> bytes) {
    pack(elements, {reinterpret_cast<float *>(bytes.data()), size_t(size)});
  });
  return true;
}

bool isPacked(KernelOp kernel, Value argument) {
  auto block = dyn_cast<BlockArgument>(argument);
  return block &&
         kernel.getInputs()[block.getArgNumber()].getType() != block.getType();
}

} // namespace tenon::cpu

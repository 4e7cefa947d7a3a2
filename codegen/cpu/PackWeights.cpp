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

bool packInput(KernelOp kernel, unsigned input, int64_t size,
               function_ref<void(ConstantPacker &)> pack) {
  auto constant = kernel.getInputs()[input].getDefiningOp<ConstantOp>();
  // Another use would read it in the old order.
  if (!constant || size == 0 ||
      !kernel.getBody().getArgument(input).hasOneUse())
    return false;
  auto type = cast<RankedTensorType>(constant.getType());
  Type element = type.getElementType();
  if (element.getIntOrFloatBitWidth() % 8 != 0)
    return false;

  ConstantPacker packer;
  packer.bytes = element.getIntOrFloatBitWidth() / 8;
  auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
  ArrayRef<char> raw =
      dense ? dense.getRawData() : getRawBytes(constant.getValue());
  packer.isSplat = dense && dense.isSplat();
  if (raw.empty())
    return false;
  packer.source = raw.data();
  AsmResourceBlob blob = HeapAsmResourceBlob::allocate(
      size * packer.bytes, /*align=*/64, /*dataIsMutable=*/true);
  packer.target = blob.getMutableData().data();
  pack(packer);
  assert(packer.target == blob.getMutableData().end() && "wrong packed size");

  auto packedType = RankedTensorType::get({size}, element);
  auto value =
      DenseResourceElementsAttr::get(packedType, "packed", std::move(blob));
  OpBuilder builder(kernel);
  auto packed = ConstantOp::create(builder, constant.getLoc(), value);
  kernel.getInputsMutable()[input].set(packed);
  return true;
}

bool isPacked(KernelOp kernel, Value argument) {
  auto block = dyn_cast<BlockArgument>(argument);
  return block &&
         kernel.getInputs()[block.getArgNumber()].getType() != block.getType();
}

} // namespace tenon::cpu

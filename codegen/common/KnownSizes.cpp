//===- KnownSizes.cpp - Sizes that don't depend on data -------------------===//

#include "codegen/common/KnownSizes.h"

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::codegen {

Value stripCasts(Value memref) {
  while (auto cast = memref.getDefiningOp<memref::CastOp>())
    memref = cast.getSource();
  return memref;
}

Value getSizeOperand(Value memref, int64_t index) {
  memref = stripCasts(memref);
  auto type = cast<MemRefType>(memref.getType());
  Operation *op = memref.getDefiningOp();
  if (!op || !type.isDynamicDim(index))
    return nullptr;
  unsigned position = type.getDynamicDimIndex(index);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<rt::BufferOp, rt::AllocateOp, rt::OutputOp, rt::ViewOp>(
          [&](auto op) { return op.getSizes()[position]; })
      .Case([&](memref::AllocOp op) { return op.getDynamicSizes()[position]; })
      .Default([](Operation *) { return Value(); });
}

/// An input, or the memory of a result, which is an argument only where its
/// dimensions are known.
bool KnownSizes::isArgument(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument && argument.getOwner() == &main.front();
}

bool KnownSizes::isKnown(Value value) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  bool result = compute(value);
  return known[value] = result;
}

bool KnownSizes::compute(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !value.getType().isIntOrIndex())
    return false;
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    return dim.getConstantIndex() && isArgument(dim.getSource());
  if (auto dim = dyn_cast<memref::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    Value source = stripCasts(dim.getSource());
    if (!index)
      return false;
    if (isArgument(source) ||
        !cast<MemRefType>(source.getType()).isDynamicDim(*index))
      return true;
    Value size = getSizeOperand(source, *index);
    return size && isKnown(size);
  }
  // Numbers only: an element of a tensor is data.
  return isMemoryEffectFree(op) && op->getNumRegions() == 0 &&
         llvm::all_of(op->getOperandTypes(),
                      [](Type type) { return type.isIntOrIndexOrFloat(); }) &&
         areKnown(op->getOperands());
}

Value cloneSize(OpBuilder &builder, Value size, IRMapping &copies,
                llvm::function_ref<std::optional<Value>(Value)> find) {
  if (Value copy = copies.lookupOrNull(size))
    return copy;
  if (std::optional<Value> found = find(size)) {
    copies.map(size, *found);
    return *found;
  }
  Operation *op = size.getDefiningOp();
  if (!op || !isMemoryEffectFree(op) || op->getNumRegions() != 0)
    return nullptr;
  for (Value operand : op->getOperands())
    if (!cloneSize(builder, operand, copies, find))
      return nullptr;
  builder.clone(*op, copies);
  return copies.lookup(size);
}

} // namespace tenon::codegen

//===- AbiBuilder.cpp - Accesses to memory shared with the runtime --------===//

#include "codegen/common/AbiBuilder.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace tenon::codegen {

Type AbiBuilder::getPointerType() {
  return LLVM::LLVMPointerType::get(getContext());
}

Value AbiBuilder::elementAddress(Value base, Type type, int64_t index) {
  return LLVM::GEPOp::create(*this, getPointerType(), type, base,
                             ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

Value AbiBuilder::loadElement(Value base, Type type, int64_t index) {
  return LLVM::LoadOp::create(*this, type, elementAddress(base, type, index));
}

Value AbiBuilder::loadPointer(Value base, int64_t index) {
  return loadElement(base, getPointerType(), index);
}

Value AbiBuilder::loadIndex(Value base, int64_t index) {
  return arith::IndexCastOp::create(*this, getIndexType(),
                                    loadElement(base, getI64Type(), index));
}

Value AbiBuilder::makeMemRef(MemRefType type, Value pointer, ValueRange sizes) {
  Value data = pointer;
  auto descriptor =
      MemRefDescriptor::poison(*this, getLoc(), types.convertType(type));
  descriptor.setAllocatedPtr(*this, getLoc(), data);
  descriptor.setAlignedPtr(*this, getLoc(), data);
  descriptor.setConstantOffset(*this, getLoc(), 0);
  Value stride = arith::ConstantOp::create(*this, getI64IntegerAttr(1));
  for (int64_t i = type.getRank() - 1; i >= 0; --i) {
    Value size;
    if (type.isDynamicDim(i))
      size = arith::IndexCastOp::create(*this, getI64Type(),
                                        sizes[type.getDynamicDimIndex(i)]);
    else
      size = arith::ConstantOp::create(*this,
                                       getI64IntegerAttr(type.getDimSize(i)));
    descriptor.setSize(*this, getLoc(), i, size);
    descriptor.setStride(*this, getLoc(), i, stride);
    if (i != 0)
      stride = arith::MulIOp::create(*this, stride, size);
  }
  return UnrealizedConversionCastOp::create(*this, type, Value(descriptor))
      .getResult(0);
}

Value AbiBuilder::getPointer(Value memory) {
  Value address = memref::ExtractAlignedPointerAsIndexOp::create(*this, memory);
  address = arith::IndexCastOp::create(*this, getI64Type(), address);
  return LLVM::IntToPtrOp::create(*this, getPointerType(), address);
}

Value AbiBuilder::makeArray(Type type, ArrayRef<Value> values) {
  Value array;
  {
    OpBuilder::InsertionGuard guard(*this);
    Region *body = getInsertionBlock()->getParent();
    while (!isa<func::FuncOp>(body->getParentOp()))
      body = body->getParentOp()->getParentRegion();
    setInsertionPointToStart(&body->front());
    Value count = LLVM::ConstantOp::create(
        *this, getI64Type(),
        getI64IntegerAttr(std::max<size_t>(values.size(), 1)));
    array = LLVM::AllocaOp::create(*this, getPointerType(), type, count);
  }
  for (auto [i, value] : llvm::enumerate(values))
    LLVM::StoreOp::create(*this, value, elementAddress(array, type, i));
  return array;
}

} // namespace tenon::codegen

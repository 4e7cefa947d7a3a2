//===- PackConstants.cpp - Constants in the order of their library --------===//

#include "codegen/assign/Passes.h"

#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "lib/target/Target.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "runtime/core/Provider.h"
#include "llvm/ADT/MapVector.h"

namespace tenon {
#define GEN_PASS_DEF_PACKCONSTANTS
#include "codegen/assign/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

/// A constant as one of its calls wants it.
struct Packed {
  SmallVector<int64_t> descriptor;
  AsmResourceBlob blob;

  static void receive(void *context, const int64_t *descriptor,
                      uint64_t descriptorSize, const uint8_t *data,
                      uint64_t size) {
    auto &packed = *static_cast<Packed *>(context);
    packed.descriptor.assign(descriptor, descriptor + descriptorSize);
    packed.blob = HeapAsmResourceBlob::allocateAndCopyWithAlign(
        ArrayRef(reinterpret_cast<const char *>(data), size), /*align=*/64);
  }
};

struct PackConstants : tenon::impl::PackConstantsBase<PackConstants> {
  void runOnOperation() override {
    auto target = getOperation()->getAttrOfType<TargetAttr>(kTargetAttr);
    if (!target || !isThisMachine(target))
      return;
    // Equal constants are stored once.
    llvm::MapVector<Attribute, SmallVector<OpOperand *>> uses;
    getOperation()->walk([&](ConstantOp constant) {
      for (OpOperand &use : constant.getResult().getUses())
        uses[constant.getValue()].push_back(&use);
    });
    for (auto &[value, operands] : uses)
      pack(cast<ElementsAttr>(value), operands);
  }

private:
  /// Packs a constant if all that use it want the same.
  void pack(ElementsAttr value, ArrayRef<OpOperand *> operands) {
    ShapedType type = value.getShapedType();
    unsigned bits = type.getElementTypeBitWidth();
    ArrayRef<char> bytes = getRawBytes(value);
    if (bits % 8 != 0 || bytes.empty() ||
        bytes.size() != type.getNumElements() * (bits / 8))
      return;
    Packed all;
    SmallVector<SmallVector<int64_t>> descriptors;
    for (OpOperand *operand : operands) {
      Packed packed;
      auto call = dyn_cast<rt::LibraryOp>(operand->getOwner());
      if (!call || !packFor(call, operand->getOperandNumber(), bytes, packed))
        return;
      if (descriptors.empty())
        all.blob = std::move(packed.blob);
      else if (all.blob.getData() != packed.blob.getData())
        return;
      descriptors.push_back(std::move(packed.descriptor));
    }
    ++numPacked;
    numBytes += all.blob.getData().size();
    auto packedType =
        RankedTensorType::get({int64_t(all.blob.getData().size() / (bits / 8))},
                              type.getElementType());
    auto packed = DenseResourceElementsAttr::get(packedType, "packed",
                                                 std::move(all.blob));
    for (auto [operand, descriptor] : llvm::zip_equal(operands, descriptors)) {
      auto call = cast<rt::LibraryOp>(operand->getOwner());
      Value old = operand->get();
      OpBuilder builder(old.getDefiningOp());
      operand->set(ConstantOp::create(builder, old.getLoc(), packed));
      call.setDescriptor(descriptor);
      if (old.use_empty())
        old.getDefiningOp()->erase();
    }
  }

  /// Has the library pack an argument of a call. False if it does not.
  bool packFor(rt::LibraryOp call, unsigned arg, ArrayRef<char> bytes,
               Packed &packed) {
    if (!llvm::is_contained(call.getConstants(), arg))
      return false;
    SmallVector<int64_t> dims;
    for (Value operand : call.getArgs())
      for (int64_t size : cast<RankedTensorType>(operand.getType()).getShape())
        dims.push_back(ShapedType::isDynamic(size) ? -1 : size);
    std::string provider = call.getProvider().str();
    TenonLibraryKernel kernel{};
    kernel.provider = provider.c_str();
    kernel.name = "";
    kernel.numArgs = call.getArgs().size();
    kernel.descriptor = call.getDescriptor().data();
    kernel.descriptorSize = call.getDescriptor().size();
    kernel.numDims = dims.size();
    // What the library can't do with guessed sizes, or as it is not there, is
    // left as it is.
    tenon_error_free(
        tenon_pack_constant(&kernel, dims.data(), arg,
                            reinterpret_cast<const uint8_t *>(bytes.data()),
                            &Packed::receive, &packed));
    return !packed.descriptor.empty();
  }
};

} // namespace

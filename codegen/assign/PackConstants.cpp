//===- PackConstants.cpp - Constants in the order of their library --------===//

#include "codegen/assign/Passes.h"

#include "codegen/assign/Providers.h"
#include "codegen/common/TypicalSizes.h"
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
    // Sizes stay what they are while constants change.
    TypicalSizes sizes;
    for (auto &[value, operands] : uses)
      pack(cast<ElementsAttr>(value), operands, sizes);
  }

private:
  /// Packs a constant if all calls that use it want the same, and all else that
  /// does finds what it wants there.
  void pack(ElementsAttr value, ArrayRef<OpOperand *> operands,
            TypicalSizes &sizes) {
    ShapedType type = value.getShapedType();
    unsigned bits = type.getElementTypeBitWidth();
    ArrayRef<char> bytes = getRawBytes(value);
    if (bits % 8 != 0 || bytes.empty() ||
        int64_t(bytes.size()) != type.getNumElements() * (bits / 8))
      return;
    SmallVector<OpOperand *> calls, pickers;
    for (OpOperand *operand : operands)
      (isa<rt::LibraryOp>(operand->getOwner()) ? calls : pickers)
          .push_back(operand);
    if (calls.empty() || !llvm::all_of(pickers, onlyGathers))
      return;

    Packed all;
    SmallVector<SmallVector<int64_t>> descriptors;
    for (OpOperand *operand : calls) {
      Packed packed;
      if (!packFor(cast<rt::LibraryOp>(operand->getOwner()),
                   operand->getOperandNumber(), bytes, sizes, packed))
        return;
      if (descriptors.empty())
        all.blob = std::move(packed.blob);
      else if (all.blob.getData() != packed.blob.getData())
        return;
      descriptors.push_back(std::move(packed.descriptor));
    }
    int64_t size = all.blob.getData().size() / (bits / 8);
    auto packedType = RankedTensorType::get(size, type.getElementType());
    std::optional<BlockedLayout> layout;
    if (!pickers.empty()) {
      layout = getLayout(*calls.front(), descriptors.front());
      if (!layout || !layout->isDense(size))
        return;
    }

    ++numPacked;
    numBytes += all.blob.getData().size();
    auto packed = DenseResourceElementsAttr::get(packedType, "packed",
                                                 std::move(all.blob));
    for (auto [operand, descriptor] : llvm::zip_equal(calls, descriptors)) {
      replace(*operand, packed);
      cast<rt::LibraryOp>(operand->getOwner()).setDescriptor(descriptor);
    }
    for (OpOperand *operand : pickers) {
      replace(*operand, packed);
      pickFromPacked(*operand, *layout);
    }
  }

  /// Whether a use is a kernel that takes some of a constant's rows.
  static bool onlyGathers(OpOperand *operand) {
    auto kernel = dyn_cast<KernelOp>(operand->getOwner());
    return kernel &&
           llvm::all_of(getArgument(*operand).getUses(), [](OpOperand &use) {
             auto gather = dyn_cast<GatherOp>(use.getOwner());
             return gather && gather.getAxis() == 0 &&
                    use == gather.getInputMutable();
           });
  }

  /// The argument of a kernel's region that an operand is.
  static BlockArgument getArgument(OpOperand &operand) {
    return cast<KernelOp>(operand.getOwner())
        .getBody()
        .getArgument(operand.getOperandNumber());
  }

  static std::optional<BlockedLayout> getLayout(OpOperand &operand,
                                                ArrayRef<int64_t> packed) {
    auto call = cast<rt::LibraryOp>(operand.getOwner());
    ProviderList providers;
    const Provider *provider = providers.find(call.getProvider());
    if (!provider)
      return std::nullopt;
    return provider->getPackedLayout(call.getDescriptor(), packed,
                                     operand.getOperandNumber());
  }

  static void replace(OpOperand &operand, ElementsAttr packed) {
    Value old = operand.get();
    OpBuilder builder(old.getDefiningOp());
    operand.set(ConstantOp::create(builder, old.getLoc(), packed));
    if (old.use_empty())
      old.getDefiningOp()->erase();
  }

  /// Lets a kernel whose operand has become packed find its elements.
  static void pickFromPacked(OpOperand &operand, const BlockedLayout &layout) {
    BlockArgument packed = getArgument(operand);
    packed.setType(operand.get().getType());
    OpBuilder builder = OpBuilder::atBlockBegin(packed.getOwner());
    SmallVector<OpOperand *> uses(llvm::make_pointer_range(packed.getUses()));
    Value plain = layout.buildPlain(builder, packed.getLoc(), packed);
    for (OpOperand *use : uses)
      use->set(plain);
  }

  /// Has the library pack an argument of a call. False if it does not.
  bool packFor(rt::LibraryOp call, unsigned arg, ArrayRef<char> bytes,
               TypicalSizes &sizes, Packed &packed) {
    if (!llvm::is_contained(call.getConstants(), arg))
      return false;
    SmallVector<int64_t> dims;
    for (Value operand : call.getArgs())
      for (int64_t i = 0,
                   rank = cast<RankedTensorType>(operand.getType()).getRank();
           i < rank; ++i)
        dims.push_back(sizes.findDim(operand, i).value_or(-1));
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

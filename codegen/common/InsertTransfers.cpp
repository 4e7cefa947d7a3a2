//===- InsertTransfers.cpp - tenon-insert-transfers -----------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/KnownSizes.h"
#include "codegen/common/LowerLoop.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_INSERTTRANSFERS
#include "codegen/common/Passes.h.inc"

namespace {

bool isView(Operation *op) {
  return isa_and_nonnull<ReshapeOp, SqueezeOp, UnsqueezeOp>(op);
}

/// Whether `value` is made on the device.
bool isOnDevice(Value value) {
  while (isView(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  auto launch = value.getDefiningOp<rt::LaunchOp>();
  return launch && launch.getOnDevice();
}

/// Whether `operand` is read in the device's memory, in the processor's, or, as
/// by a view or a question for a size, in neither.
enum class Reader { Device, Host, None };
Reader getReader(OpOperand &operand) {
  Operation *op = operand.getOwner();
  if (isa<tensor::DimOp>(op) || (isView(op) && operand.getOperandNumber() == 0))
    return Reader::None;
  auto launch = dyn_cast<rt::LaunchOp>(op);
  if (!launch || !launch.getOnDevice())
    return Reader::Host;
  return launch.isDpsInit(&operand) ? Reader::None : Reader::Device;
}

/// The innermost block in which all of `users` read a value of `block` without
/// doing so more often than it is computed: `block`, or a region of a
/// conditional.
Block *getBlockOfUsers(Block *block, ArrayRef<Operation *> users) {
  while (true) {
    auto branch = dyn_cast<IfOp>(block->findAncestorOpInBlock(*users.front()));
    if (!branch)
      return block;
    Block *inner = nullptr;
    for (Region &region : branch->getRegions())
      if (llvm::all_of(users, [&](Operation *user) {
            return region.isAncestor(user->getParentRegion());
          }))
        inner = &region.front();
    if (!inner)
      return block;
    block = inner;
  }
}

class InsertTransfersPass
    : public impl::InsertTransfersBase<InsertTransfersPass> {
public:
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    if (!main)
      return;
    copies.clear();
    readers.clear();
    SmallVector<OpOperand *> crossing;
    main.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands()) {
        if (!isa<RankedTensorType>(operand.get().getType()))
          continue;
        Reader reader = getReader(operand);
        if (reader != Reader::None &&
            (reader == Reader::Device) != isOnDevice(operand.get()))
          crossing.push_back(&operand);
      }
    });
    for (OpOperand *operand : crossing)
      for (Value value = operand->get();;
           value = value.getDefiningOp()->getOperand(0)) {
        readers[value].push_back(operand->getOwner());
        if (!isView(value.getDefiningOp()))
          break;
      }
    for (OpOperand *operand : crossing)
      operand->set(getCopy(operand->get()));
  }

private:
  /// `value` in the other memory, for all that read it or a view of it there.
  Value getCopy(Value value) {
    if (Value copy = copies.lookup(value))
      return copy;
    Operation *op = value.getDefiningOp();
    Value source = isView(op) ? getCopy(op->getOperand(0)) : Value();
    Block *block = getBlockOfUsers(value.getParentBlock(), readers[value]);
    OpBuilder builder(&getContext());
    if (op && block == op->getBlock())
      builder.setInsertionPointAfter(op);
    else if (source && block == source.getParentBlock())
      builder.setInsertionPointAfterValue(source);
    else
      builder.setInsertionPointToStart(block);
    Value copy;
    if (source) {
      Operation *view = builder.clone(*op);
      view->setOperand(0, source);
      copy = view->getResult(0);
    } else {
      copy = makeTransfer(builder, value);
    }
    return copies[value] = copy;
  }

  Value makeTransfer(OpBuilder &builder, Value value) {
    auto type = cast<RankedTensorType>(value.getType());
    SmallVector<Value> sizes;
    for (int64_t i = 0; i != type.getRank(); ++i)
      if (type.isDynamicDim(i))
        sizes.push_back(getSize(builder, value.getLoc(), value, i));
    Value empty = tensor::EmptyOp::create(builder, value.getLoc(), type, sizes);
    bool toDevice = !isOnDevice(value);
    ++(toDevice ? numToDevice : numToHost);
    return rt::TransferOp::create(builder, value.getLoc(), type, value, empty,
                                  toDevice)
        .getResult();
  }

  DenseMap<Value, Value> copies;
  /// The operations that read a value, or a view of it, in the other memory.
  DenseMap<Value, SmallVector<Operation *>> readers;
};

} // namespace
} // namespace tenon::codegen

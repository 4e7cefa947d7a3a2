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

class InsertTransfersPass
    : public impl::InsertTransfersBase<InsertTransfersPass> {
public:
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    if (!main)
      return;
    copies.clear();
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
      operand->set(getCopy(operand->get()));
  }

private:
  /// `value` in the other memory.
  Value getCopy(Value value) {
    if (Value copy = copies.lookup(value))
      return copy;
    Operation *op = value.getDefiningOp();
    OpBuilder builder(&getContext());
    if (op)
      builder.setInsertionPointAfter(op);
    else
      builder.setInsertionPointToStart(cast<BlockArgument>(value).getOwner());
    Value copy;
    if (isView(op)) {
      Value source = getCopy(op->getOperand(0));
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
};

} // namespace
} // namespace tenon::codegen

//===- HostParts.cpp - What is left to the processor in a run ------------===//

#include "codegen/common/HostParts.h"

#include "codegen/common/ModelAttributes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::codegen {

static bool isView(Operation *op) {
  return isa_and_nonnull<rt::ViewOp, rt::RowOp, memref::CastOp>(op);
}

/// What `memory` is a view of.
static Value getRoot(Value memory) {
  while (isView(memory.getDefiningOp()))
    memory = memory.getDefiningOp()->getOperand(0);
  return memory;
}

bool isOnDevice(Value memory) {
  Value root = getRoot(memory);
  Operation *op = root.getDefiningOp();
  // Both branches give memory of one kind.
  if (auto branch = dyn_cast_or_null<scf::IfOp>(op))
    return isOnDevice(
        branch.thenYield().getOperand(cast<OpResult>(root).getResultNumber()));
  // Such a branch that computes nothing.
  if (auto select = dyn_cast_or_null<arith::SelectOp>(op))
    return isOnDevice(select.getTrueValue());
  if (auto buffer = dyn_cast_or_null<rt::BufferOp>(op))
    return buffer.getOnDevice();
  if (auto allocate = dyn_cast_or_null<rt::AllocateOp>(op))
    return allocate.getOnDevice();
  if (auto get = dyn_cast_or_null<rt::GetWeightOp>(op))
    return get.getOnDevice();
  return false;
}

/// Whether only `user` accesses the memory; views and sizes are no accesses.
static bool isOnlyUser(Value memory, Operation *user) {
  return llvm::all_of(memory.getUsers(), [&](Operation *op) {
    return op == user || isa<memref::DimOp>(op) ||
           (isView(op) && isOnlyUser(op->getResult(0), user));
  });
}

bool isStable(rt::TransferOp op) {
  auto main = op->getParentOfType<func::FuncOp>();
  Value memory = getRoot(op.getToDevice() ? op.getSource() : op.getTarget());
  auto argument = dyn_cast<BlockArgument>(memory);
  auto numInputs = main->getAttrOfType<IntegerAttr>(kNumInputsAttr);
  if (!argument || argument.getOwner() != &main.front() || !numInputs)
    return false;
  bool isInput = int64_t(argument.getArgNumber()) < numInputs.getInt();
  return op.getToDevice() ? isInput : !isInput && isOnlyUser(argument, op);
}

/// A view of all of the memory.
static bool isWholeView(Operation *op) {
  return isa_and_nonnull<rt::ViewOp, memref::CastOp>(op);
}

Value stripWholeViews(Value memory) {
  while (isWholeView(memory.getDefiningOp()))
    memory = memory.getDefiningOp()->getOperand(0);
  return memory;
}

int64_t findTensor(Value memory) {
  // 1. One transfer, and kernels of the device.
  rt::TransferOp transfer;
  SmallVector<Operation *> writers;
  SmallVector<Value> views = {memory};
  for (size_t i = 0; i != views.size(); ++i)
    for (OpOperand &use : views[i].getUses()) {
      Operation *op = use.getOwner();
      auto launch = dyn_cast<rt::LaunchOp>(op);
      if (isa<memref::DimOp>(op))
        continue;
      if (isWholeView(op)) {
        views.push_back(op->getResult(0));
      } else if (launch && launch.getOnDevice()) {
        if (launch.isDpsInit(&use))
          writers.push_back(launch);
      } else if (isa<rt::TransferOp>(op) && !transfer) {
        transfer = cast<rt::TransferOp>(op);
      } else {
        return 0;
      }
    }
  auto main = memory.getParentRegion()->getParentOfType<func::FuncOp>();
  if (!transfer || transfer->getParentOp() != main)
    return 0;

  // 2. All of a tensor that nothing else uses.
  bool isInput = transfer.getToDevice();
  auto argument = dyn_cast<BlockArgument>(
      stripWholeViews(isInput ? transfer.getSource() : transfer.getTarget()));
  auto numInputs = main->getAttrOfType<IntegerAttr>(kNumInputsAttr);
  if (!argument || !numInputs || !isOnlyUser(argument, transfer))
    return 0;
  int64_t number = argument.getArgNumber() - numInputs.getInt();
  if (isInput != (number < 0))
    return 0;

  // 3. Nothing writes an input, and an output is what is copied.
  auto isBefore = [&](Operation *op) {
    return main.front().findAncestorOpInBlock(*op)->isBeforeInBlock(transfer);
  };
  if (isInput ? !writers.empty() : !llvm::all_of(writers, isBefore))
    return 0;
  return isInput ? TENON_BUFFER_OF_INPUT(argument.getArgNumber())
                 : TENON_BUFFER_OF_OUTPUT(number);
}

bool isReplayable(func::FuncOp main) {
  bool hasWork = false;
  WalkResult result = main.walk([&](Operation *op) {
    bool isGood = false;
    if (auto launch = dyn_cast<rt::LaunchOp>(op)) {
      hasWork = true;
      isGood = launch.getOnDevice();
    } else if (auto transfer = dyn_cast<rt::TransferOp>(op)) {
      isGood = isStable(transfer);
    } else if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      isGood = isOnDevice(copy.getTarget()) && isOnDevice(copy.getSource());
    } else if (isa<func::FuncOp, func::ReturnOp, rt::RequireEqualOp>(op)) {
      isGood = true;
    } else {
      // Sizes and addresses. A loop or a branch may depend on data.
      isGood = op->getNumRegions() == 0 && isMemoryEffectFree(op);
    }
    return isGood ? WalkResult::advance() : WalkResult::interrupt();
  });
  return hasWork && !result.wasInterrupted();
}

} // namespace tenon::codegen

//===- InsertTransfers.cpp - tenon-insert-transfers -----------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/KnownSizes.h"
#include "codegen/common/LowerLoop.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_INSERTTRANSFERS
#include "codegen/common/Passes.h.inc"

namespace {

/// The value of a region that a result of a branch or a loop is, in the branch
/// or at the end of an iteration.
Value getYielded(Region &region, OpResult result) {
  Operation *yield = region.front().getTerminator();
  bool isLoop = isa<LoopOp>(region.getParentOp());
  return yield->getOperand(result.getResultNumber() + isLoop);
}

/// Tells where values are.
class Spaces {
public:
  explicit Spaces(func::FuncOp main);

  /// Whether `value` is made on the device.
  bool isOnDevice(Value value) const;

  /// Whether `operand` is read in the device's memory, in the processor's, or,
  /// as by a view or a question for a size, in neither.
  enum class Reader { Device, Host, None };
  Reader getReader(OpOperand &operand) const;

private:
  bool canBeOnDevice(OpResult result) const;

  /// Results of branches and loops that are on the device, for a loop with what
  /// it carries.
  DenseSet<Value> results;
};

/// At first all of them are, until something that they are made of is not.
Spaces::Spaces(func::FuncOp main) {
  main.walk([&](Operation *op) {
    if (isa<IfOp, LoopOp>(op))
      results.insert_range(op->getResults());
  });
  bool hasChanged = true;
  while (hasChanged) {
    hasChanged = false;
    main.walk([&](Operation *op) {
      if (!isa<IfOp, LoopOp>(op))
        return;
      for (OpResult result : op->getResults())
        if (results.contains(result) && !canBeOnDevice(result))
          hasChanged |= results.erase(result);
    });
  }
}

/// A branch's result, if both regions make it there. What a loop carries, if
/// it makes the next value there: the first one is copied once.
bool Spaces::canBeOnDevice(OpResult result) const {
  Operation *op = result.getOwner();
  for (Region &region : op->getRegions()) {
    Value value = getYielded(region, result);
    if (!isOnDevice(value))
      return false;
    // Nothing makes it.
    auto loop = dyn_cast<LoopOp>(op);
    unsigned i = result.getResultNumber();
    if (loop && isa<BlockArgument>(value) && i < loop.getNumCarried() &&
        !isOnDevice(loop.getInits()[i]))
      return false;
  }
  return true;
}

bool Spaces::isOnDevice(Value value) const {
  while (auto view = value.getDefiningOp<ReshapeOp>())
    value = view.getInput();
  if (auto argument = dyn_cast<BlockArgument>(value)) {
    auto loop = dyn_cast<LoopOp>(argument.getOwner()->getParentOp());
    return loop && argument != loop.getIteration() &&
           results.contains(loop.getResult(argument.getArgNumber() - 1));
  }
  auto launch = value.getDefiningOp<rt::LaunchOp>();
  return launch ? launch.getOnDevice() : results.contains(value);
}

Spaces::Reader Spaces::getReader(OpOperand &operand) const {
  Operation *op = operand.getOwner();
  unsigned number = operand.getOperandNumber();
  if (isa<tensor::DimOp>(op) || (isa<ReshapeOp>(op) && number == 0))
    return Reader::None;
  auto in = [](bool onDevice) {
    return onDevice ? Reader::Device : Reader::Host;
  };
  if (auto loop = dyn_cast<LoopOp>(op)) {
    unsigned first = loop->getNumOperands() - loop.getNumCarried();
    return in(number >= first &&
              results.contains(loop.getResult(number - first)));
  }
  if (isa<YieldOp>(op)) {
    Operation *parent = op->getParentOp();
    bool isLoop = isa<LoopOp>(parent);
    return in(number >= isLoop &&
              results.contains(parent->getResult(number - isLoop)));
  }
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
    spaces.emplace(main);
    SmallVector<OpOperand *> crossing;
    main.walk([&](Operation *op) {
      for (OpOperand &operand : op->getOpOperands()) {
        if (!isa<RankedTensorType>(operand.get().getType()))
          continue;
        Spaces::Reader reader = spaces->getReader(operand);
        if (reader != Spaces::Reader::None &&
            (reader == Spaces::Reader::Device) !=
                spaces->isOnDevice(operand.get()))
          crossing.push_back(&operand);
      }
      if (auto loop = dyn_cast<LoopOp>(op))
        mark(loop);
    });
    for (OpOperand *operand : crossing)
      for (Value value = operand->get(); value;) {
        readers[value].push_back(operand->getOwner());
        auto view = value.getDefiningOp<ReshapeOp>();
        value = view ? view.getInput() : Value();
      }
    for (OpOperand *operand : crossing)
      operand->set(getCopy(operand->get()));
  }

private:
  /// Says in which memory the loop's results are.
  void mark(LoopOp loop) {
    auto onDevice = llvm::map_to_vector(loop.getResults(), [&](Value result) {
      return spaces->isOnDevice(result);
    });
    if (llvm::is_contained(onDevice, true))
      loop->setAttr(kLoopSpacesAttr,
                    DenseBoolArrayAttr::get(&getContext(), onDevice));
    else
      loop->removeAttr(kLoopSpacesAttr);
  }

  /// `value` in the other memory, for all that read it or a view of it there.
  Value getCopy(Value value) {
    if (Value copy = copies.lookup(value))
      return copy;
    Operation *op = value.getDefiningOp();
    auto view = dyn_cast_or_null<ReshapeOp>(op);
    Value source = view ? getCopy(view.getInput()) : Value();
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
      auto copied = cast<ReshapeOp>(builder.clone(*op));
      copied.getInputMutable().assign(source);
      copy = copied.getOutput();
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
    bool toDevice = !spaces->isOnDevice(value);
    ++(toDevice ? numToDevice : numToHost);
    return rt::TransferOp::create(builder, value.getLoc(), type, value, empty,
                                  toDevice)
        .getResult();
  }

  std::optional<Spaces> spaces;
  DenseMap<Value, Value> copies;
  /// The operations that read a value, or a view of it, in the other memory.
  DenseMap<Value, SmallVector<Operation *>> readers;
};

} // namespace
} // namespace tenon::codegen

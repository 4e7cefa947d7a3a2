//===- FoldConstants.cpp - Evaluate operations on constants ---------------===//

#include "mlir/IR/Matchers.h"
#include "transforms/simplify/Constants.h"
#include "transforms/simplify/Evaluate.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {
struct FoldConstants : tenon::impl::FoldConstantsBase<FoldConstants> {
  using FoldConstantsBase::FoldConstantsBase;

  void runOnOperation() override {
    growth = 0;
    unfreed = 0;
    ConstantTracker tracked(getOperation());
    tracker = &tracked;
    getOperation().walk<WalkOrder::PreOrder>([&](Block *block) {
      for (Operation &op : llvm::make_early_inc_range(*block))
        fold(&op);
    });
    bytesFreed += tracked.freeDead();
    tracker = nullptr;
  }

private:
  /// Freeing looks at the whole module, so it waits until this much is dead.
  static constexpr int64_t kFreeInterval = 32 << 20;
  /// The most elements that are looked at for one result.
  static constexpr int64_t kMaxRead = 1 << 26;

  void fold(Operation *op) {
    // Functions, branches and kernels have regions; their operations come
    // later.
    if (op->getNumResults() != 1 || op->getNumRegions() != 0 ||
        op->getNumOperands() == 0 || !isa<TenonDialect>(op->getDialect()) ||
        !llvm::all_of(op->getOperands(), [](Value operand) {
          return matchPattern(operand, m_Constant());
        }))
      return;
    if (!fitsBudget(op)) {
      ++numOverBudget;
      return;
    }
    ElementsAttr value = evaluate(op);
    if (!value)
      return;
    tracker->note(value);
    llvm::SmallSetVector<Value, 4> operands(op->operand_begin(),
                                            op->operand_end());
    int64_t added = getStoredBytes(value);
    OpBuilder builder(op);
    auto constant = ConstantOp::create(builder, op->getLoc(), value);
    op->getResult(0).replaceAllUsesWith(constant.getOutput());
    op->erase();
    for (Value operand : operands) {
      Operation *source = operand.getDefiningOp();
      if (!source || !source->use_empty())
        continue;
      ElementsAttr dead;
      matchPattern(operand, m_Constant(&dead));
      added -= getStoredBytes(dead);
      unfreed += getStoredBytes(dead);
      source->erase();
    }
    growth += added;
    ++numFolded;
    if (unfreed > kFreeInterval) {
      bytesFreed += tracker->freeDead();
      unfreed = 0;
    }
  }

  /// Whether the memory of the result is worth it; see the description.
  bool fitsBudget(Operation *op) {
    // These look at each element of their operand, which a splat of any size
    // has no memory for.
    if (isa<ReduceOp, NonZeroOp>(op) &&
        cast<RankedTensorType>(op->getOperand(0).getType()).getNumElements() >
            kMaxRead)
      return false;
    int64_t result = getResultBytes(op);
    if (result <= maxResultBytes || isa<ReshapeOp, SqueezeOp, UnsqueezeOp>(op))
      return true;
    int64_t operands = 0, dying = 0;
    bool uniform = true;
    SmallPtrSet<Operation *, 4> seen;
    for (Value operand : op->getOperands()) {
      ElementsAttr value;
      if (!matchPattern(operand, m_Constant(&value)))
        return false;
      uniform &= value.isSplat();
      if (!seen.insert(operand.getDefiningOp()).second)
        continue;
      operands += getStoredBytes(value);
      if (llvm::all_of(operand.getUsers(),
                       [&](Operation *user) { return user == op; }))
        dying += getStoredBytes(value);
    }
    // Splats in, a splat out.
    if (uniform && isa<ElementwiseOpInterface>(op))
      return true;
    if (auto expand = dyn_cast<ExpandOp>(op)) {
      ElementsAttr value;
      if (matchPattern(expand.getInput(), m_Constant(&value)) &&
          value.isSplat())
        return true;
    }
    if (result <= dying)
      return true;
    return result <= 2 * operands && growth + result - dying <= maxGrowthBytes;
  }

  ConstantTracker *tracker = nullptr;
  int64_t growth = 0;
  int64_t unfreed = 0;
};
} // namespace

//===- PlanBuffers.cpp - tenon-plan-buffers -------------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/HostParts.h"
#include "codegen/common/KnownSizes.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_PLANBUFFERS
#include "codegen/common/Passes.h.inc"

namespace {

/// What `memory` is a view of.
/// When memory is in use, in steps; both ends are included.
struct Lifetime {
  int64_t first = std::numeric_limits<int64_t>::max();
  int64_t last = 0;

  void add(int64_t step) {
    first = std::min(first, step);
    last = std::max(last, step);
  }
};

/// Whether `op` has `memory` as memory of the device.
bool usesOnDevice(Operation *op, Value memory) {
  if (auto launch = dyn_cast<rt::LaunchOp>(op))
    return launch.getOnDevice();
  if (auto transfer = dyn_cast<rt::TransferOp>(op))
    return transfer.getToDevice() == (memory == transfer.getTarget());
  return false;
}

/// Whether `op` looks at memory at all, whatever it is in.
bool accessesMemory(Operation *op) {
  return isa<rt::LaunchOp, rt::LibraryOp, rt::TransferOp, memref::LoadOp,
             memref::StoreOp>(op);
}

class PlanBuffersPass : public impl::PlanBuffersBase<PlanBuffersPass> {
public:
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    IRRewriter rewriter(&getContext());

    // 1. A result written in place leaves a copy of it onto itself.
    main.walk([&](memref::CopyOp copy) {
      if (stripWholeViews(copy.getSource()) ==
          stripWholeViews(copy.getTarget()))
        rewriter.eraseOp(copy);
    });

    // 2. Steps are the order of operations in the text.
    SmallVector<memref::AllocOp> allocations;
    int64_t numSlots = 0;
    steps.clear();
    main.walk<WalkOrder::PreOrder>([&](Operation *op) {
      steps.try_emplace(op, steps.size());
      if (auto allocation = dyn_cast<memref::AllocOp>(op))
        allocations.push_back(allocation);
      else if (auto allocate = dyn_cast<rt::AllocateOp>(op))
        numSlots = std::max<int64_t>(numSlots, allocate.getSlot() + 1);
    });

    lastSteps.clear();
    main.walk([&](LoopLikeOpInterface loop) {
      int64_t &last = lastSteps[loop];
      loop->walk(
          [&](Operation *op) { last = std::max(last, steps.lookup(op)); });
    });

    // 3. What has a size that is known before the run is planned; the rest is
    //    allocated when its size is known.
    KnownSizes known(main);
    BufferViewFlowAnalysis views(main);
    if (failed(findSpaces(main, allocations, views)))
      return signalPassFailure();
    SmallVector<int64_t> ranges;
    struct Slot {
      int64_t end;
      bool onDevice;
    };
    SmallVector<Slot> slots;
    for (memref::AllocOp allocation : allocations) {
      if (allocation->use_empty()) {
        rewriter.eraseOp(allocation);
        continue;
      }
      Lifetime life = getLifetime(allocation, views);
      bool isDevice = onDevice.contains(allocation);
      rewriter.setInsertionPoint(allocation);
      if (known.areKnown(allocation.getDynamicSizes())) {
        int64_t tensor = isDevice ? findTensor(allocation) : 0;
        if (tensor > 0) // An input's may be filled before the run.
          life.add(0);
        ranges.append({life.first, life.last,
                       isDevice ? TENON_SPACE_DEVICE : TENON_SPACE_HOST,
                       tensor});
        rewriter.replaceOpWithNewOp<rt::BufferOp>(
            allocation, allocation.getType(), ranges.size() / kBufferWords - 1,
            allocation.getDynamicSizes(), isDevice);
        ++numBuffers;
        continue;
      }
      life.add(steps.lookup(allocation));
      int64_t slot = llvm::find_if(slots,
                                   [&](const Slot &slot) {
                                     return slot.end < life.first &&
                                            slot.onDevice == isDevice;
                                   }) -
                     slots.begin();
      if (slot == int64_t(slots.size()))
        slots.push_back({0, isDevice});
      slots[slot].end = life.last;
      rewriter.replaceOpWithNewOp<rt::AllocateOp>(
          allocation, allocation.getType(), numSlots + slot,
          allocation.getDynamicSizes(), /*keep=*/false, isDevice);
      ++numAllocated;
    }
    main->setAttr(kBuffersAttr, rewriter.getDenseI64ArrayAttr(ranges));
    main->setAttr(kNumSlotsAttr,
                  rewriter.getI64IntegerAttr(numSlots + slots.size()));
  }

private:
  /// Finds the memory that is the device's: all that accesses it says the same.
  /// What is only copied is where it is copied to or from.
  LogicalResult findSpaces(func::FuncOp main,
                           ArrayRef<memref::AllocOp> allocations,
                           BufferViewFlowAnalysis &views) {
    onDevice.clear();
    llvm::SmallPtrSet<Operation *, 16> onHost;
    DenseMap<Value, SmallVector<Operation *>> byAlias;
    for (memref::AllocOp allocation : allocations) {
      for (Value alias : views.resolve(allocation.getMemref())) {
        byAlias[alias].push_back(allocation);
        for (Operation *user : alias.getUsers())
          if (accessesMemory(user))
            (usesOnDevice(user, alias) ? onDevice : onHost).insert(allocation);
      }
      if (onDevice.contains(allocation) && onHost.contains(allocation))
        return allocation.emitError(
            "is memory of the processor and of the device at once");
    }
    bool hasChanged = true;
    auto follow = [&](Value from, Value to) {
      if (!isOnDevice(from) &&
          llvm::none_of(byAlias.lookup(from), [&](Operation *allocation) {
            return onDevice.contains(allocation);
          }))
        return;
      for (Operation *allocation : byAlias.lookup(to))
        if (!onHost.contains(allocation))
          hasChanged |= onDevice.insert(allocation).second;
    };
    while (hasChanged) {
      hasChanged = false;
      main.walk([&](memref::CopyOp copy) {
        follow(copy.getSource(), copy.getTarget());
        follow(copy.getTarget(), copy.getSource());
      });
    }
    return success();
  }

  /// From the first to the last user of the memory, or of a view of it.
  Lifetime getLifetime(memref::AllocOp allocation,
                       BufferViewFlowAnalysis &views) {
    Lifetime life;
    for (Value alias : views.resolve(allocation.getMemref()))
      for (Operation *user : alias.getUsers()) {
        life.add(steps.lookup(user));
        // What a loop uses of around it, it uses each time.
        for (Operation *outer = user->getParentOp();
             outer && !outer->isAncestor(allocation);
             outer = outer->getParentOp())
          if (isa<LoopLikeOpInterface>(outer)) {
            life.add(steps.lookup(outer));
            life.add(lastSteps.lookup(outer));
          }
      }
    return life;
  }

  /// Allocations of the device's memory.
  llvm::SmallPtrSet<Operation *, 16> onDevice;
  DenseMap<Operation *, int64_t> steps;
  /// Of what is in a loop.
  DenseMap<Operation *, int64_t> lastSteps;
};

} // namespace
} // namespace tenon::codegen

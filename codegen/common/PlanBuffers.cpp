//===- PlanBuffers.cpp - tenon-plan-buffers -------------------------------===//

#include "codegen/common/Passes.h"

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_PLANBUFFERS
#include "codegen/common/Passes.h.inc"

namespace {

/// What `memory` is a view of.
Value getRoot(Value memory) {
  while (true) {
    if (auto view = memory.getDefiningOp<rt::ViewOp>())
      memory = view.getSource();
    else if (auto cast = memory.getDefiningOp<memref::CastOp>())
      memory = cast.getSource();
    else
      return memory;
  }
}

class PlanBuffersPass : public impl::PlanBuffersBase<PlanBuffersPass> {
public:
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    IRRewriter rewriter(&getContext());

    // 1. A result written in place leaves a copy of it onto itself.
    main.walk([&](memref::CopyOp copy) {
      if (getRoot(copy.getSource()) == getRoot(copy.getTarget()))
        rewriter.eraseOp(copy);
    });

    // 2. Steps are the order of operations in the text.
    DenseMap<Operation *, int64_t> steps;
    SmallVector<memref::AllocOp> allocations;
    main.walk<WalkOrder::PreOrder>([&](Operation *op) {
      steps.try_emplace(op, steps.size());
      if (auto allocation = dyn_cast<memref::AllocOp>(op))
        allocations.push_back(allocation);
    });

    // 3. A buffer is in use from its first to its last user, or that of a view.
    BufferViewFlowAnalysis views(main);
    SmallVector<int64_t> ranges;
    for (memref::AllocOp allocation : allocations) {
      int64_t first = std::numeric_limits<int64_t>::max(), last = 0;
      for (Value alias : views.resolve(allocation.getMemref()))
        for (Operation *user : alias.getUsers()) {
          first = std::min(first, steps.lookup(user));
          last = std::max(last, steps.lookup(user));
        }
      if (allocation->use_empty()) {
        rewriter.eraseOp(allocation);
        continue;
      }
      ranges.append({first, last});
      rewriter.setInsertionPoint(allocation);
      rewriter.replaceOpWithNewOp<rt::BufferOp>(
          allocation, allocation.getType(), ranges.size() / 2 - 1,
          allocation.getDynamicSizes());
      ++numBuffers;
    }
    main->setAttr(kBuffersAttr, rewriter.getDenseI64ArrayAttr(ranges));
  }
};

} // namespace
} // namespace tenon::codegen

//===- FuseRowGroups.cpp - Reductions with what is around them ------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/KernelBuilder.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FUSEROWGROUPS
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Whether it costs next to nothing to compute `op` several times.
static bool isCheap(Operation *op) {
  return isa<AddOp, SubOp, MulOp, MaxOp, MinOp, NegOp, AbsOp, ReluOp, ClipOp,
             WhereOp, CastOp, NotOp, AndOp, OrOp, EqualOp, LessOp, LessEqualOp,
             GreaterOp, GreaterEqualOp>(op);
}

namespace {

struct FuseRowGroups : tenon::impl::FuseRowGroupsBase<FuseRowGroups> {
  void runOnOperation() override {
    if (failed(forEachGraphBlock(getOperation(),
                                 [&](Block &block) { return fuse(block); })))
      signalPassFailure();
  }

private:
  LogicalResult fuse(Block &block) {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> reductions;
    for (Operation &op : block)
      if (isa<SoftmaxOp, LogSoftmaxOp, LayerNormOp, ReduceOp>(op))
        reductions.push_back(&op);
    for (Operation *reduction : reductions) {
      bool readsOnce = isa<ReduceOp>(reduction);
      Value input = reduction->getOperand(0);
      OpGroup group;
      group.insert(reduction);
      growUpwards(group, [&](Operation *producer, OpOperand &use) {
        if (use.getOwner() == reduction && use.getOperandNumber() != 0)
          return false;
        return isa<ElementwiseOpInterface>(producer) &&
               haveSameShape(producer->getResult(0), input) &&
               (readsOnce || isCheap(producer));
      });
      Value result = reduction->getResult(0);
      while (group.size() < kMaxGroupSize) {
        Operation *next = getPointwiseReader(result);
        if (!next)
          break;
        group.insert(next);
        result = next->getResult(0);
      }
      numPointwiseOps += group.size() - 1;
      ++numKernels;
      if (failed(createKernel(rewriter, group.getArrayRef())))
        return failure();
    }
    return success();
  }
};

} // namespace

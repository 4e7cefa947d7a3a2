//===- FuseAttention.cpp - Attention with the heads' movements ------------===//

#include "dialects/tenon/TenonAttention.h"
#include "dialects/tenon/TenonFloatTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/KernelBuilder.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FUSEATTENTION
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

struct FuseAttention : tenon::impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    TargetAttr target = getTarget(getOperation());
    hasGpu = target && target.getGpus();
    hasCudnn = hasProvider(target, "cudnn");
    if (failed(forEachGraphBlock(getOperation(),
                                 [&](Block &block) { return fuse(block); })))
      signalPassFailure();
  }

private:
  /// The only operation that reads `value`, if it is in the same block.
  static Operation *getOnlyReader(Value value) {
    if (!value.hasOneUse())
      return nullptr;
    Operation *reader = *value.user_begin();
    return reader->getBlock() == value.getParentBlock() ? reader : nullptr;
  }

  /// Whether the kernel reads what `producer` makes for `use` wherever it is.
  /// Of 16 bits it stays one that cuDNN could run.
  bool isReadInPlace(AttentionOp attention, Operation *producer,
                     OpOperand &use) {
    Type element = getElementTypeOrSelf(attention.getQuery());
    if (!hasCudnn || !isHalf(element))
      return isViewOfLines(producer);
    return isFixedViewOfLines(producer) && use.get() != attention.getMask();
  }

  /// What becomes of the result: 16 bits, of what a GPU computes from 16 bits,
  /// and another order of its lines.
  void growDownwards(OpGroup &group, AttentionOp attention) {
    Operation *next = getOnlyReader(attention.getOutput());
    if (next && hasGpu && attention.getWide() && isNarrowingCast(next)) {
      group.insert(next);
      next = getOnlyReader(next->getResult(0));
    }
    if (isa_and_present<TransposeOp>(next) && isViewOfLines(next))
      group.insert(next);
  }

  LogicalResult fuse(Block &block) {
    IRRewriter rewriter(&getContext());
    for (AttentionOp attention : llvm::to_vector(block.getOps<AttentionOp>())) {
      OpGroup group;
      group.insert(attention);
      growUpwards(group, [&](Operation *producer, OpOperand &use) {
        return isReadInPlace(attention, producer, use);
      });
      growDownwards(group, attention);
      numFused += group.size() - 1;
      ++numKernels;
      if (failed(createKernel(rewriter, group.getArrayRef())))
        return failure();
    }
    return success();
  }

  bool hasGpu = false, hasCudnn = false;
};

} // namespace

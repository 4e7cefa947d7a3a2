//===- WrapKernels.cpp - Kernels of one operation -------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/KernelBuilder.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_WRAPKERNELS
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

struct WrapKernels : tenon::impl::WrapKernelsBase<WrapKernels> {
  void runOnOperation() override {
    if (failed(forEachGraphBlock(getOperation(),
                                 [&](Block &block) { return wrap(block); })))
      signalPassFailure();
  }

private:
  LogicalResult wrap(Block &block) {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> ops;
    for (Operation &op : block)
      if (isa_and_present<TenonDialect>(op.getDialect()) &&
          !isa<ConstantOp, ReshapeOp, IfOp, LoopOp, KernelOp, YieldOp>(op))
        ops.push_back(&op);
    for (Operation *op : ops) {
      // Shapes as data are the business of simplification.
      if (isa<ShapeOp, SqueezeOp, UnsqueezeOp>(op))
        return op->emitOpError("is not expected after simplification");
      if (failed(createKernel(rewriter, op)))
        return failure();
      ++numKernels;
    }
    return success();
  }
};

} // namespace

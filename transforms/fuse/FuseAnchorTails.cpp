//===- FuseAnchorTails.cpp - Convolutions and matmuls with their tails ----===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Remarks.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/KernelBuilder.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FUSEANCHORTAILS
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// The most operations behind an anchor; libraries have such a limit, and some
/// operations count double there.
static constexpr size_t kMaxTail = 12;

/// Whether a library's post-operation can compute `op` from `value` and the
/// other operand. What a library lacks here would keep it from running the
/// anchor at all.
static bool isTailOp(Operation *op, Value value) {
  if (isa<ReluOp, LeakyReluOp, EluOp, SigmoidOp, TanhOp, SiluOp, HardSwishOp,
          HardSigmoidOp, MishOp, SoftplusOp, GeluOp, ClipOp, AbsOp, SqrtOp,
          ExpOp, LogOp, NegOp, RoundOp, AddOp, SubOp, MulOp, MaxOp, MinOp>(op))
    return true;
  if (isa<DivOp>(op))
    return op->getOperand(0) == value;
  if (isa<PowOp>(op))
    return op->getOperand(0) == value && getConstantScalar(op->getOperand(1));
  return false;
}

/// Whether a tail may read this beside the value that it continues: a tensor
/// of the same shape, one value for each index of the last dimension, or one.
static bool isTailOperand(Value operand, Value value) {
  if (getConstantScalar(operand))
    return true;
  auto type = cast<RankedTensorType>(operand.getType());
  auto valueType = cast<RankedTensorType>(value.getType());
  if (type.getShape() == valueType.getShape())
    return true;
  if (type.getRank() == 0)
    return true;
  if (type.getRank() != valueType.getRank())
    return false;
  int64_t last = type.getDimSize(type.getRank() - 1);
  return llvm::all_of(type.getShape().drop_back(),
                      [](int64_t size) { return size == 1; }) &&
         (last == 1 || (!ShapedType::isDynamic(last) &&
                        last == valueType.getShape().back()));
}

/// The operation that continues the kernel that ends in `value`, or null.
/// Behind factors of 16 bits, `isWide`, a library rounds to them, too.
static Operation *getNextOfTail(Value value, bool isWide) {
  Operation *op = getPointwiseReader(value);
  if (!op)
    return nullptr;
  StringRef reason;
  if (isWide && isNarrowingCast(op))
    return op;
  if (op->getResult(0).getType() != value.getType())
    reason = "its reader changes the element type";
  else if (!isTailOp(op, value))
    reason = "its reader is not a post-operation";
  else if (!llvm::all_of(op->getOperands(), [&](Value operand) {
             return operand == value || isTailOperand(operand, value);
           }))
    reason = "its reader broadcasts another operand";
  if (reason.empty())
    return op;
  remark::missed(value.getLoc(),
                 remark::RemarkOpts::name("not-fused").category("fuse"))
      << remark::reason("{0}", reason);
  return nullptr;
}

namespace {

struct FuseAnchorTails : tenon::impl::FuseAnchorTailsBase<FuseAnchorTails> {
  void runOnOperation() override {
    if (failed(forEachGraphBlock(getOperation(),
                                 [&](Block &block) { return fuse(block); })))
      signalPassFailure();
  }

private:
  LogicalResult fuse(Block &block) {
    IRRewriter rewriter(&getContext());
    SmallVector<Operation *> anchors;
    for (Operation &op : block)
      if (isa<ConvOp, ConvTransposeOp, MatMulOp>(op))
        anchors.push_back(&op);
    // From the last on, so that the later one of two gets what reads both: by
    // then the other's result is there.
    for (Operation *anchor : llvm::reverse(anchors)) {
      SmallVector<Operation *> ops{anchor};
      while (ops.size() <= kMaxTail) {
        Operation *next =
            getNextOfTail(ops.back()->getResult(0), anchor->hasAttr("wide"));
        if (!next)
          break;
        ops.push_back(next);
        // Sums are f32: what is narrow is the end.
        if (isa<CastOp>(next))
          break;
      }
      numTailOps += ops.size() - 1;
      ++numKernels;
      if (failed(createKernel(rewriter, ops)))
        return failure();
    }
    return success();
  }
};

} // namespace

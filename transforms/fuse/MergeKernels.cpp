//===- MergeKernels.cpp - Two kernels become one --------------------------===//

#include "transforms/fuse/MergeKernels.h"

#include "mlir/IR/IRMapping.h"
#include "transforms/fuse/Groups.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace tenon;

ConvOp tenon::getOnlyConv(KernelOp kernel) {
  auto convs = kernel.getBody().getOps<ConvOp>();
  return llvm::hasSingleElement(convs) ? *convs.begin() : ConvOp();
}

KernelOp tenon::getOwnProducer(KernelOp kernel, Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || !argument.hasOneUse())
    return {};
  Value between = kernel.getInputs()[argument.getArgNumber()];
  auto producer = between.getDefiningOp<KernelOp>();
  if (!producer || producer.getNumResults() != 1 || !between.hasOneUse() ||
      producer->getBlock() != kernel->getBlock())
    return {};
  return producer;
}

KernelOp tenon::mergeKernels(RewriterBase &rewriter, KernelOp first,
                             KernelOp second) {
  llvm::SetVector<Value> inputs, scalars;
  for (KernelOp kernel : {first, second}) {
    inputs.insert_range(kernel.getInputs());
    scalars.insert_range(kernel.getScalars());
  }
  Value between = first.getResult(0);
  inputs.remove(between);
  rewriter.setInsertionPoint(second);
  auto merged = KernelOp::create(
      rewriter, rewriter.getFusedLoc({first.getLoc(), second.getLoc()}),
      second.getResultTypes(), inputs.getArrayRef(), scalars.getArrayRef(),
      second.getDims());

  Block &body = merged.getBody().front();
  IRMapping mapping;
  mapping.map(inputs.getArrayRef(),
              body.getArguments().take_front(inputs.size()));
  mapping.map(scalars.getArrayRef(),
              body.getArguments().drop_front(inputs.size()));
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPointToEnd(&body);
  for (KernelOp kernel : {first, second}) {
    for (auto [argument, operand] : llvm::zip_first(
             kernel.getBody().getArguments(), kernel->getOperands()))
      mapping.map(argument, mapping.lookup(operand));
    for (Operation &op : kernel.getBody().front().without_terminator())
      rewriter.clone(op, mapping);
    if (kernel == first)
      mapping.map(between, mapping.lookup(first.getYield().getOperand(0)));
  }
  rewriter.clone(*second.getYield(), mapping);
  rewriter.replaceOp(second, merged.getResults());
  rewriter.eraseOp(first);
  return merged;
}

bool tenon::hasGeneratedVectors(TargetAttr target, unsigned bits) {
  return target && !target.getGpus() && target.getVectorBits() >= bits &&
         hasProvider(target, "codegen");
}

void tenon::rewriteKernels(Operation *root,
                           const OpRewritePattern<KernelOp> &pattern) {
  SmallVector<KernelOp> kernels;
  root->walk([&](KernelOp kernel) { kernels.push_back(kernel); });
  PatternRewriter rewriter(root->getContext());
  for (KernelOp kernel : kernels)
    (void)pattern.matchAndRewrite(kernel, rewriter);
}

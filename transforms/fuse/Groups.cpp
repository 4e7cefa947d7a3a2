//===- Groups.cpp - Which operations may run together ---------------------===//

#include "transforms/fuse/Groups.h"

#include "dialects/tenon/TenonFloatTypes.h"

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/IR/Remarks.h"

using namespace mlir;

namespace tenon {

LogicalResult
forEachGraphBlock(Operation *root,
                  llvm::function_ref<LogicalResult(Block &)> body) {
  SmallVector<Block *> blocks;
  root->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<KernelOp>(op))
      return WalkResult::skip();
    if (isa<ModuleOp>(op))
      return WalkResult::advance();
    for (Region &region : op->getRegions())
      for (Block &block : region)
        blocks.push_back(&block);
    return WalkResult::advance();
  });
  for (Block *block : blocks)
    if (failed(body(*block)))
      return failure();
  return success();
}

void growUpwards(
    OpGroup &group,
    llvm::function_ref<bool(Operation *producer, OpOperand &use)> canJoin) {
  Block *block = group.front()->getBlock();
  bool changed = true;
  while (changed && group.size() < kMaxGroupSize) {
    changed = false;
    // Indices, because the group grows meanwhile.
    for (size_t i = 0; i != group.size(); ++i)
      for (Value operand : group[i]->getOperands()) {
        Operation *producer = operand.getDefiningOp();
        if (!producer || producer->getBlock() != block ||
            group.contains(producer) || group.size() >= kMaxGroupSize)
          continue;
        // A size that is computed has to be there before the kernel.
        if (llvm::all_of(producer->getUses(), [&](OpOperand &use) {
              return group.contains(use.getOwner()) && !isShapeOperand(use) &&
                     !isa<RangeOp>(use.getOwner()) && canJoin(producer, use);
            })) {
          group.insert(producer);
          changed = true;
        }
      }
  }
}

static Operation *explain(Value value, StringRef reason) {
  remark::missed(value.getLoc(),
                 remark::RemarkOpts::name("not-fused").category("fuse"))
      << remark::reason("{0}", reason);
  return nullptr;
}

Operation *getPointwiseReader(Value value) {
  if (!value.hasOneUse())
    return explain(value, "the result has several readers");
  Operation *user = *value.getUsers().begin();
  if (!isa<ElementwiseOpInterface>(user) || user->getNumResults() != 1)
    return explain(value, "its reader is not elementwise");
  if (user->getBlock() != value.getParentBlock())
    return explain(value, "its reader is in another region");
  if (!haveSameShape(user->getResult(0), value))
    return explain(value, "its reader broadcasts it");
  return user;
}

CastOp getWideningCast(Value value) {
  auto cast = value.getDefiningOp<CastOp>();
  return cast && cast.getTo().isF32() &&
                 isHalf(getElementTypeOrSelf(cast.getInput()))
             ? cast
             : CastOp();
}

TargetAttr getTarget(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  return module ? module->getAttrOfType<TargetAttr>(kTargetAttr) : TargetAttr();
}

bool hasProvider(TargetAttr target, StringRef provider) {
  return target &&
         llvm::is_contained(target.getProviders().getAsValueRange<StringAttr>(),
                            provider);
}

bool isNarrowingCast(Operation *op) {
  auto cast = dyn_cast<CastOp>(op);
  return cast && isHalf(cast.getTo()) &&
         getElementTypeOrSelf(cast.getInput()).isF32();
}

bool haveSameShape(Value a, Value b) {
  return cast<RankedTensorType>(a.getType()).getShape() ==
         cast<RankedTensorType>(b.getType()).getShape();
}

} // namespace tenon

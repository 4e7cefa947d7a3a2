//===- ExpandBroadcasts.cpp - Repeat operands that may be of size 1 -------===//

#include "dialects/tenon/TenonShapeOperands.h"
#include "transforms/simplify/Broadcasts.h"
#include "transforms/simplify/DimResolver.h"
#include "transforms/simplify/Passes.h"
#include "llvm/ADT/MapVector.h"

namespace tenon {
#define GEN_PASS_DEF_EXPANDBROADCASTS
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

static RankedTensorType getTensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

namespace {
struct ExpandBroadcasts : tenon::impl::ExpandBroadcastsBase<ExpandBroadcasts> {
  void runOnOperation() override {
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (llvm::any_of(getBroadcasts(op), isUnsure))
        ops.push_back(op);
    });
    if (ops.empty())
      return markAllAnalysesPreserved();
    DimResolver resolver(getOperation());
    for (Operation *op : ops)
      expandOperands(op, resolver);
  }

private:
  /// Whether the types leave open that the operand is repeated, or by how much.
  static bool isUnsure(const Broadcast &broadcast) {
    return getTensorType(broadcast.operand->get()).isDynamicDim(broadcast.dim);
  }

  /// The size that an operand's dimension has to become, or null if it stays.
  Value getNewSize(const Broadcast &broadcast, DimResolver &resolver) {
    if (!isUnsure(broadcast))
      return nullptr;
    // 1. Both sizes are known in terms of the arguments'.
    Value size = resolver.lookup(broadcast.operand->get(), broadcast.dim);
    Operation *op = broadcast.operand->getOwner();
    bool isStatic =
        !getTensorType(broadcast.target).isDynamicDim(broadcast.targetDim);
    Value target =
        isStatic ? resolver.getDim(broadcast.target, broadcast.targetDim, op)
                 : resolver.lookup(broadcast.target, broadcast.targetDim);
    if (!size || !target)
      return nullptr;
    // 2. They may differ, and no check is enough.
    DimExpressions &expressions = resolver.getExpressions();
    if (expressions.areEqual(size, target) ||
        expressions.areRelated(size, target))
      return nullptr;
    return target;
  }

  void expandOperands(Operation *op, DimResolver &resolver) {
    llvm::MapVector<OpOperand *, SmallVector<Value>> newSizes;
    for (const Broadcast &broadcast : getBroadcasts(op))
      if (Value size = getNewSize(broadcast, resolver)) {
        SmallVector<Value> &sizes = newSizes[broadcast.operand];
        sizes.resize(getTensorType(broadcast.operand->get()).getRank());
        sizes[broadcast.dim] = size;
      }
    OpBuilder builder(op);
    for (auto &[operand, sizes] : newSizes) {
      SmallVector<OpFoldResult> elements;
      for (auto [i, size] : llvm::enumerate(sizes)) {
        if (!size)
          size = resolver.getDim(operand->get(), i, op);
        if (std::optional<int64_t> known = getConstantIntValue(size))
          elements.push_back(builder.getI64IntegerAttr(*known));
        else
          elements.push_back(arith::IndexCastOp::create(builder, op->getLoc(),
                                                        builder.getI64Type(),
                                                        size)
                                 .getResult());
      }
      Value shape = createShapeOperand(builder, op->getLoc(), elements);
      auto expand =
          ExpandOp::create(builder, op->getLoc(), operand->get(), shape);
      operand->set(expand.getOutput());
      ++numExpanded;
    }
  }
};
} // namespace

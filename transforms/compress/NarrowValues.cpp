//===- NarrowValues.cpp - Which tensors may be stored narrow --------------===//

#include "transforms/compress/NarrowValues.h"

#include "dialects/tenon/TenonArrayOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tenon {

bool isContraction(Operation *op) {
  return isa<ConvOp, ConvTransposeOp, MatMulOp, AttentionOp>(op);
}

bool isFactor(OpOperand &use) {
  return use.getOperandNumber() < (isa<AttentionOp>(use.getOwner()) ? 3u : 2u);
}

bool isMovement(Operation *op) {
  return isa<ReshapeOp, TransposeOp, ExpandOp, ConcatOp, SliceOp, PadOp, TileOp,
             GatherOp, ResizeOp, MaxPoolOp, AveragePoolOp>(op);
}

bool isMoved(OpOperand &use) {
  unsigned number = use.getOperandNumber();
  return number == 0 || isa<ConcatOp>(use.getOwner()) ||
         (isa<PadOp>(use.getOwner()) && number == 2);
}

/// A kernel around a reduction takes elementwise operations behind it.
static bool isReduction(Operation *op) {
  return isa<SoftmaxOp, LogSoftmaxOp, LayerNormOp, ReduceOp>(op);
}

/// Whether small errors of its operands become large ones of its result, or
/// another decision.
static bool isSensitive(Operation *op) {
  if (auto cast = dyn_cast<CastOp>(op))
    return !isa<FloatType>(cast.getTo());
  return isa<ExpOp, LogOp, PowOp, SinOp, CosOp, TanOp, EqualOp, LessOp,
             LessEqualOp, GreaterOp, GreaterEqualOp, IsNanOp, FloorOp, CeilOp,
             RoundOp, SignOp, ModOp, FmodOp, EncodeOp>(op);
}

static bool isF32Tensor(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getElementType().isF32() && type.getRank() != 0;
}

/// The one place where a tensor's elements are read, or null.
static OpOperand *getOnlyRead(Value value) {
  OpOperand *read = nullptr;
  for (OpOperand &use : value.getUses()) {
    if (isa<tensor::DimOp>(use.getOwner()))
      continue;
    if (read)
      return nullptr;
    read = &use;
  }
  return read;
}

/// Whether `value` may be computed in the same kernel as `reader`, an
/// elementwise operation behind it.
static bool canPrecede(Value value, Operation *reader) {
  auto type = cast<RankedTensorType>(value.getType());
  auto result = cast<RankedTensorType>(reader->getResult(0).getType());
  return type.getShape() == result.getShape() &&
         value.getParentBlock() == reader->getBlock() &&
         value.getDefiningOp() && getOnlyRead(value);
}

Value getWidened(Value value, FloatType half) {
  auto cast = value.getDefiningOp<CastOp>();
  return cast && isa<BlockArgument>(cast.getInput()) &&
                 getElementTypeOrSelf(cast.getInput()) == half &&
                 getElementTypeOrSelf(value).isF32()
             ? cast.getInput()
             : Value();
}

NarrowValues::NarrowValues(Operation *root,
                           llvm::DenseSet<Operation *> &contractions,
                           FloatType half,
                           function_ref<bool(Operation *)> isKept,
                           function_ref<bool(ConstantOp)> fits)
    : contractions(contractions), half(half), isKept(isKept), fits(fits) {
  root->walk([&](Operation *op) {
    positions[op] = ops.size();
    ops.push_back(op);
  });
  findAllPossible();
  settle();
  findExact();
}

/// Marks what depends on contractions, what they depend on, and what is stored
/// narrow if all of it may be.
void NarrowValues::findAllPossible() {
  for (Operation *op : ops)
    if (isBehind(op))
      behind.insert(op);
  for (Operation *op : llvm::reverse(ops))
    if (isBefore(op))
      before.insert(op);
  // In order, so that none has far to go.
  for (Operation *op : ops)
    for (Value result : op->getResults())
      getAnchor(result);
  for (Operation *op : ops) {
    if (!isa_and_present<TenonDialect>(op->getDialect()) ||
        isa<ConstantOp>(op) || op->getNumRegions() != 0 ||
        op->getNumResults() != 1 || isKept(op))
      continue;
    Value value = op->getResult(0);
    if (isF32Tensor(value) && !getWidened(value, half) &&
        (isMovement(op) || !isContinued(value)))
      chosen.insert(value);
  }
}

/// Each mark may stay if others around it do: those that may not go until none
/// goes.
void NarrowValues::settle() {
  llvm::SetVector<Operation *> pending(ops.begin(), ops.end());
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    if (!update(op))
      continue;
    pending.insert_range(op->getUsers());
    for (Value operand : op->getOperands())
      if (Operation *source = operand.getDefiningOp())
        pending.insert(source);
  }
}

/// Takes the marks of `op` that may not stay; whether there are any.
bool NarrowValues::update(Operation *op) {
  bool changed = false;
  // Each key and value is multiplied as often as there are queries, in a step
  // of a decoder once. That does not pay for a cast of the cache that the model
  // keeps in f32.
  if (auto attention = dyn_cast<AttentionOp>(op))
    if (!isNarrow(attention.getKey()) || !isNarrow(attention.getValue()))
      changed |= contractions.erase(op);
  if (behind.contains(op) && !isBehind(op))
    changed |= behind.erase(op);
  if (before.contains(op) && !isBefore(op))
    changed |= before.erase(op);
  for (Value result : op->getResults())
    if (chosen.contains(result) && !mayStay(result))
      changed |= chosen.erase(result);
  return changed;
}

/// What crosses the border of a region as its argument is not followed: less is
/// narrow then.
bool NarrowValues::isBehind(Operation *op) const {
  return contractions.contains(op) ||
         llvm::any_of(op->getResults(),
                      [&](Value value) { return getWidened(value, half); }) ||
         llvm::any_of(op->getOperands(), [&](Value operand) {
           return behind.contains(operand.getDefiningOp());
         });
}

bool NarrowValues::isBefore(Operation *op) const {
  return contractions.contains(op) ||
         llvm::any_of(op->getUsers(),
                      [&](Operation *user) { return before.contains(user); });
}

void NarrowValues::findExact() {
  auto isExact = [&](Value value) { return exact.contains(value); };
  for (Operation *op : llvm::reverse(ops))
    for (Value value : op->getResults())
      for (OpOperand &use : value.getUses()) {
        Operation *reader = use.getOwner();
        bool isPassedOn =
            isa<ElementwiseOpInterface>(reader) || isMovement(reader);
        if (!isFree(use) ||
            (isPassedOn && llvm::any_of(reader->getResults(), isExact)))
          exact.insert(value);
      }
}

NarrowValues::Anchor NarrowValues::getAnchor(Value value) {
  if (auto known = anchors.find(value); known != anchors.end())
    return known->second;
  Operation *op = value.getDefiningOp();
  Anchor anchor;
  if (op && isContraction(op))
    anchor = {2, positions.lookup(op)};
  else if (op && isReduction(op))
    anchor = {1, positions.lookup(op)};
  else if (isa_and_nonnull<ReshapeOp>(op) && getOnlyRead(op->getOperand(0)))
    anchor = getAnchor(op->getOperand(0));
  else if (isa_and_nonnull<ElementwiseOpInterface>(op))
    for (Value operand : op->getOperands())
      if (canPrecede(operand, op))
        anchor = std::max(anchor, getAnchor(operand));
  return anchors[value] = anchor;
}

/// Whether an elementwise operation reads `value` alone and will be in the same
/// kernel. Reshapes do not stand in the way: they move aside.
bool NarrowValues::isContinued(Value value) {
  OpOperand *read = getOnlyRead(value);
  while (read && isa<ReshapeOp>(read->getOwner()) &&
         read->getOwner()->getBlock() == value.getParentBlock()) {
    value = read->getOwner()->getResult(0);
    read = getOnlyRead(value);
  }
  if (!read)
    return false;
  Operation *reader = read->getOwner();
  if (!isa<ElementwiseOpInterface>(reader) || !canPrecede(value, reader))
    return false;
  Anchor mine = getAnchor(value);
  return llvm::none_of(reader->getOperands(), [&](Value other) {
    return other != value && canPrecede(other, reader) &&
           mine < getAnchor(other);
  });
}

/// Whether it costs the owner of `use` nothing to read a narrow tensor.
bool NarrowValues::isFree(OpOperand &use) const {
  Operation *op = use.getOwner();
  if (isa<tensor::DimOp>(op))
    return true;
  if (isKept(op))
    return false;
  if (isContraction(op))
    return contractions.contains(op) && isFactor(use);
  if (isMovement(op))
    return isMoved(use) && chosen.contains(op->getResult(0));
  if (isa<ElementwiseOpInterface>(op))
    return !isSensitive(op);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() != ReduceKind::LogSum &&
           reduce.getKind() != ReduceKind::LogSumExp;
  return isa<LayerNormOp>(op) && use.getOperandNumber() == 0;
}

bool NarrowValues::mayStay(Value value) const {
  Operation *op = value.getDefiningOp();
  if (!behind.contains(op) ||
      llvm::none_of(value.getUsers(),
                    [&](Operation *user) { return before.contains(user); }))
    return false;
  if (isMovement(op))
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isMoved(operand) || isNarrow(operand.get()))
        continue;
      auto constant = operand.get().getDefiningOp<ConstantOp>();
      if (!constant || !fits(constant))
        return false;
    }
  return llvm::all_of(value.getUses(),
                      [&](OpOperand &use) { return isFree(use); });
}

} // namespace tenon

//===- RowPlan.cpp - The passes of a row kernel ---------------------------===//

#include "codegen/cpu/RowPlan.h"

#include "codegen/cpu/ElementEmitter.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tenon::cpu {

static ArrayRef<int64_t> getShape(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getShape();
}

/// The dimensions along which an operation reduces or normalises.
static std::optional<SmallVector<int64_t>> getReducedAxes(Operation *op) {
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return llvm::to_vector(reduce.getAxes());
  if (auto softmax = dyn_cast<SoftmaxOp>(op))
    return SmallVector<int64_t>{int64_t(softmax.getAxis())};
  if (auto softmax = dyn_cast<LogSoftmaxOp>(op))
    return SmallVector<int64_t>{int64_t(softmax.getAxis())};
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return llvm::to_vector(
        llvm::seq<int64_t>(norm.getAxis(), getShape(norm.getInput()).size()));
  return std::nullopt;
}

std::optional<RowPlan::Rows> RowPlan::find(KernelOp kernel) {
  Rows rows;
  SmallVector<int64_t> reducedShape;
  ArrayRef<int64_t> fullShape;
  // Values that depend on a reduction.
  llvm::DenseSet<Value> after;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (!canEmitElements(&op))
      return std::nullopt;
    bool isAfter = llvm::any_of(
        op.getOperands(), [&](Value value) { return after.contains(value); });
    std::optional<SmallVector<int64_t>> opAxes = getReducedAxes(&op);
    if (opAxes) {
      ArrayRef<int64_t> shape = getShape(op.getOperand(0));
      if (shape.empty())
        return std::nullopt;
      if (!rows.tensor) {
        rows = {op.getOperand(0), *opAxes};
        fullShape = shape;
        reducedShape.assign(shape.begin(), shape.end());
        for (int64_t axis : rows.axes)
          reducedShape[axis] = 1;
      }
      if (rows.axes != *opAxes || fullShape != shape)
        return std::nullopt;
    } else if (isAfter) {
      if (!isa<ElementwiseOpInterface>(op))
        return std::nullopt;
      ArrayRef<int64_t> shape = getShape(op.getResult(0));
      if (shape != fullShape && shape != ArrayRef(reducedShape))
        return std::nullopt;
    }
    if (isAfter || opAxes)
      after.insert(op.getResults().begin(), op.getResults().end());
  }
  bool isRow = rows.tensor &&
               llvm::all_of(kernel.getYield().getOperands(), [&](Value value) {
                 return getShape(value) == fullShape ||
                        getShape(value) == ArrayRef(reducedShape);
               });
  return isRow ? std::optional(rows) : std::nullopt;
}

RowPlan::RowPlan(KernelOp kernel) : kernel(kernel) {
  // The pass in which a value can first be computed.
  llvm::DenseMap<Value, unsigned> levels;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    unsigned level = 0;
    for (Value operand : op.getOperands())
      level = std::max(level, levels.lookup(operand));
    if (auto reduce = dyn_cast<ReduceOp>(op)) {
      fullTensor = reduce.getInput();
      axes.assign(reduce.getAxes().begin(), reduce.getAxes().end());
      if (passes.size() <= level)
        passes.resize(level + 1);
      passes[level].push_back(reduce);
      ++level;
    }
    for (Value result : op.getResults())
      levels[result] = level;
  }
  for (auto [i, pass] : llvm::enumerate(passes))
    for (ReduceOp reduce : pass)
      collectNeeds(reduce.getInput(), i);
  for (Value yielded : kernel.getYield().getOperands())
    if (isFull(yielded))
      collectNeeds(yielded, passes.size());
  chooseKept();
}

bool RowPlan::isFull(Value tensor) const {
  return getShape(tensor) == getShape(fullTensor);
}

bool RowPlan::isWritten(unsigned output) const {
  Value yielded = KernelOp(kernel).getYield().getOperand(output);
  return llvm::any_of(kept, [&](const Kept &k) {
    return k.output == output && k.value == yielded;
  });
}

unsigned RowPlan::getFirstWrite(unsigned output) const {
  unsigned first = getNumPasses();
  for (const Kept &k : kept)
    if (k.output == output)
      first = std::min(first, k.pass);
  return first;
}

unsigned RowPlan::getLastRead(BlockArgument input) const {
  for (unsigned pass = getNumPasses(); pass != 0; --pass) {
    // What the pass computes, and what it computes that from.
    llvm::SetVector<Value> values;
    if (pass == getNumPasses())
      values.insert_range(KernelOp(kernel).getYield().getOperands());
    else
      for (ReduceOp reduce : passes[pass])
        values.insert(reduce.getInput());
    for (const Kept &k : kept)
      if (k.pass == pass)
        values.insert(k.value);
    for (size_t i = 0; i != values.size(); ++i) {
      Value value = values[i];
      bool isLeft = llvm::any_of(kept, [&](const Kept &k) {
        return k.value == value && k.pass < pass;
      });
      Operation *op = value.getDefiningOp();
      if (!isLeft && op && isa<ElementwiseOpInterface>(op))
        values.insert_range(op->getOperands());
    }
    if (values.contains(input))
      return pass;
  }
  return 0;
}

/// Notes what `pass` computes for `value`, as far as only elementwise
/// operations are in between.
void RowPlan::collectNeeds(Value value, unsigned pass) {
  Operation *op = value.getDefiningOp();
  if (!op || !isa<ElementwiseOpInterface>(op))
    return;
  SmallVector<unsigned> &mine = needs[value];
  if (!mine.empty() && mine.back() == pass)
    return;
  mine.push_back(pass);
  for (Value operand : op->getOperands())
    collectNeeds(operand, pass);
}

/// Whether computing an operation again costs more than a load and a store.
static bool isDear(Operation *op) {
  return !isa<AbsOp, NegOp, ReluOp, NotOp, ClipOp, CastOp, AddOp, SubOp, MulOp,
              MaxOp, MinOp, AndOp, OrOp, XorOp, EqualOp, LessOp, LessEqualOp,
              GreaterOp, GreaterEqualOp, WhereOp>(op);
}

void RowPlan::chooseKept() {
  unsigned last = passes.size();
  auto isTaken = [&](unsigned output) {
    return llvm::any_of(kept,
                        [&](const Kept &k) { return k.output == output; });
  };
  auto operands = kernel.getYield().getOperands();
  // What is a result itself is written as soon as it is known.
  for (auto [i, yielded] : llvm::enumerate(operands)) {
    auto need = needs.find(yielded);
    if (need != needs.end() && isFull(yielded) && need->second.front() < last &&
        !llvm::is_contained(operands.take_front(i), yielded))
      kept.push_back({yielded, need->second.front(), unsigned(i)});
  }
  // Of the rest, the last that is dear: it covers what it is computed from.
  for (Operation &op :
       llvm::reverse(kernel.getBody().front().without_terminator())) {
    if (!isa<ElementwiseOpInterface>(op) || !isDear(&op) ||
        !isFull(op.getResult(0)))
      continue;
    Value value = op.getResult(0);
    ArrayRef<unsigned> need = needs[value];
    if (need.size() < 2)
      continue;
    for (auto [i, yielded] : llvm::enumerate(operands))
      if (!isTaken(i) && yielded.getType() == value.getType()) {
        kept.push_back({value, need.front(), unsigned(i)});
        break;
      }
  }
}

} // namespace tenon::cpu

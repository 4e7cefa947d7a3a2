//===- AnchorTail.cpp - What a kernel does with its contraction -----------===//

#include "codegen/cpu/AnchorTail.h"

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cpu/KernelShape.h"
#include "dialects/tenon/TenonAttention.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace tenon::cpu {

/// The views through which `anchor`, if it is attention, reads what is in
/// memory.
static llvm::SmallPtrSet<Operation *, 8> getViews(Operation *anchor) {
  llvm::SmallPtrSet<Operation *, 8> views;
  if (isa<AttentionOp>(anchor))
    for (Value operand : anchor->getOperands())
      for (Operation *op = operand.getDefiningOp(); isViewOfLines(op);
           op = op->getOperand(0).getDefiningOp())
        views.insert(op);
  return views;
}

/// Whether `op` puts a result of the kernel around `anchor` in another order.
static bool isFinalTranspose(Operation *op, Operation *anchor) {
  return isa<AttentionOp>(anchor) && isa_and_present<TransposeOp>(op) &&
         isViewOfLines(op) &&
         llvm::all_of(op->getUsers(), llvm::IsaPred<YieldOp>);
}

bool isAnchorKernel(KernelOp kernel, Operation *anchor, bool hasPrologue) {
  llvm::SmallPtrSet<Operation *, 8> views = getViews(anchor);
  // What is computed from the anchor's result.
  llvm::SmallPtrSet<Value, 8> tail = {anchor->getResult(0)};
  for (Operation &op : kernel.getBody().front()) {
    // Views may begin where a scalar says.
    if (isa<ConstantOp, YieldOp, tensor::FromElementsOp>(op) || &op == anchor ||
        views.contains(&op) || isFinalTranspose(&op, anchor))
      continue;
    // What computes shapes or scalars is none of the tail's business.
    if (llvm::all_of(op.getResultTypes(),
                     [](Type t) { return !isa<RankedTensorType>(t); }))
      continue;
    if (!isa<ElementwiseOpInterface>(op) || !canEmitElements(&op))
      return false;
    if (llvm::any_of(op.getOperands(),
                     [&](Value value) { return tail.contains(value); }))
      tail.insert_range(op.getResults());
  }
  for (Value operand : anchor->getOperands().drop_front(hasPrologue)) {
    while (views.contains(operand.getDefiningOp()))
      operand = operand.getDefiningOp()->getOperand(0);
    if (!isa<BlockArgument>(operand) && !operand.getDefiningOp<ConstantOp>())
      return false;
  }
  auto type = cast<RankedTensorType>(anchor->getResult(0).getType());
  return llvm::all_of(kernel.getYield().getOperands(), [&](Value yielded) {
    if (Operation *op = yielded.getDefiningOp(); isFinalTranspose(op, anchor))
      yielded = op->getOperand(0);
    return tail.contains(yielded) &&
           succeeded(verifyCompatibleShape(type, yielded.getType()));
  });
}

bool mayTailOverwrite(KernelOp kernel, BlockArgument input) {
  return kernel.getNumResults() == 1 &&
         input.getType() == kernel.getYield().getOperand(0).getType() &&
         isReadInPlace(input);
}

bool mayTailOverwriteAny(KernelOp kernel) {
  return llvm::any_of(kernel.getBody().getArguments(), [&](BlockArgument arg) {
    return mayTailOverwrite(kernel, arg);
  });
}

/// Roughly, how many instructions an operation is.
static int64_t getCost(Operation &op) {
  if (isa<AddOp, SubOp, MulOp, MaxOp, MinOp, ReluOp, NegOp, AbsOp, SqrtOp,
          CastOp>(op))
    return 1;
  if (isa<ClipOp, LeakyReluOp, PreluOp, DivOp, WhereOp>(op))
    return 2;
  if (isa<HardSigmoidOp, HardSwishOp>(op))
    return 4;
  return isa<ElementwiseOpInterface>(op) ? 30 : 0;
}

/// The same of all that computes `results` from what `anchor` gives.
static int64_t getCost(Operation *anchor, ValueRange results) {
  llvm::SetVector<Operation *> ops;
  auto add = [&](Value value) {
    Operation *op = value.getDefiningOp();
    if (op && op != anchor)
      ops.insert(op);
  };
  llvm::for_each(results, add);
  int64_t cost = 0;
  for (size_t i = 0; i != ops.size(); ++i) {
    cost += getCost(*ops[i]);
    llvm::for_each(ops[i]->getOperands(), add);
  }
  return cost;
}

AnchorTail::AnchorTail(KernelFunction &function, Operation *anchor)
    : function(function), anchor(anchor),
      cost(getCost(anchor, function.getKernel().getYield().getOperands())) {}

AnchorTail::AnchorTail(KernelFunction &function, Operation *anchor, Value end,
                       Store store)
    : function(function), anchor(anchor), end(end), store(std::move(store)),
      cost(getCost(anchor, end)) {}

void AnchorTail::emit(ElementEmitter &elements, ArrayRef<LaneIndex> index,
                      Value sum) {
  Value result = anchor->getResult(0);
  Type element = getSignless(function.getElementType(result));
  elements.bind(result, convertFloat(elements.getBuilder(), function.getLoc(),
                                     sum, element));
  if (end)
    return store(elements.getBuilder(), index, elements.getVector(end, index));
  for (unsigned i = 0, e = function.getKernel().getNumResults(); i != e; ++i) {
    Value yielded = function.getYielded(i);
    SmallVector<LaneIndex> at(index);
    if (auto transpose = yielded.getDefiningOp<TransposeOp>())
      for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
        at[to] = index[from];
    elements.storeOutput(i, at, elements.get(yielded, at));
  }
}

void AnchorTail::emit(OpBuilder &builder, ArrayRef<LaneIndex> index, Value sum,
                      int64_t lanes, Value mask) {
  ElementEmitter elements(function, builder, lanes, mask);
  emit(elements, index, sum);
}

void AnchorTail::emitAligned(OpBuilder &builder, ArrayRef<LaneIndex> index,
                             std::optional<LaneIndex> position, Value sum,
                             int64_t lanes) {
  ElementEmitter elements(function, builder, lanes);
  elements.alignVectors();
  if (position)
    elements.setPosition(anchor->getResult(0), index, *position);
  emit(elements, index, sum);
}

void AnchorTail::emitTile(OpBuilder &builder, const TileShape &shape,
                          ValueRange sums, IndexOf indexOf,
                          PositionOf positionOf, Dim firstRow) {
  constexpr int64_t kMaxUnrolled = 128;
  Location loc = function.getLoc();
  int64_t count = shape.rows * shape.vectors;
  auto emitAt = [&](OpBuilder &b, Dim row, Dim column, Value sum) {
    ElementEmitter elements(function, b, shape.lanes);
    SmallVector<LaneIndex> index = indexOf(b, row, column);
    if (positionOf)
      elements.setPosition(anchor->getResult(0), index,
                           LaneIndex(positionOf(b, row, column), 1));
    emit(elements, index, sum);
  };
  auto emitIfNew = [&](OpBuilder &b, Dim row,
                       function_ref<void(OpBuilder &)> emit) {
    if (firstRow.isConstant())
      return emit(b);
    scf::IfOp::create(b, loc, IndexBuilder(b, loc, 1).lessEqual(firstRow, row),
                      [&](OpBuilder &nested, Location) {
                        emit(nested);
                        scf::YieldOp::create(nested, loc);
                      });
  };
  if (count == 1 || count * (cost + 1) <= kMaxUnrolled) {
    for (int64_t row = 0; row != shape.rows; ++row)
      emitIfNew(builder, row, [&](OpBuilder &nested) {
        for (int64_t v = 0; v != shape.vectors; ++v)
          emitAt(nested, row, v * shape.lanes, sums[row * shape.vectors + v]);
      });
    return;
  }
  // Through memory, which stays in the nearest cache.
  Type accumulator = getElementTypeOrSelf(sums.front().getType());
  int64_t size = count * shape.lanes;
  if (size > scratchSize) {
    scratch = emitScratch(function, size, accumulator);
    scratchSize = size;
  }
  IndexBuilder indices(builder, loc, 1);
  for (auto [i, sum] : llvm::enumerate(sums))
    emitStore(builder, loc, sum, scratch,
              indices.value(int64_t(i) * shape.lanes));
  emitLoop(
      builder, loc, indices.value(0), indices.value(count),
      [&](OpBuilder &nested, Value i) {
        IndexBuilder indices(nested, loc, 1);
        DimBuilder &dims = indices.uniform();
        Dim row = indices.div(Dim(i), shape.vectors);
        Dim column = dims.mul(indices.rem(Dim(i), shape.vectors), shape.lanes);
        Value position = indices.value(dims.mul(i, shape.lanes));
        Value sum =
            emitLoad(nested, loc, scratch, position, shape.lanes, accumulator);
        emitIfNew(nested, row,
                  [&](OpBuilder &inner) { emitAt(inner, row, column, sum); });
      });
}

} // namespace tenon::cpu

//===- RowKernel.cpp - Reductions by threads that work together -----------===//
//
// What codegen/cpu/RowKernel.cpp does in a thread is done by a warp or a block
// here. A unit is one index of the dimensions that are not reduced:
// neighbouring threads read and write neighbouring elements of its row. Where
// the last dimension is not reduced, a unit has as many of it as a warp has
// threads, and the warps of a block take turns at the others.
//
// The order of additions depends on shapes alone.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/TypicalSizes.h"
#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Reduction.h"
#include "codegen/cpu/RowPlan.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/Team.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cuda {

/// Where the last dimension is not reduced, a thread does a column of up to so
/// many elements: neighbouring ones have neighbouring columns anyway.
static constexpr int64_t kMaxThreadColumn = 32;

/// How many elements a thread takes at a time.
static constexpr int64_t kRounds = 4;

int64_t chooseRowThreads(int64_t size, double numRows) {
  // A long row would keep its warp busy while the rest of the GPU is idle:
  // where there are fewer rows than multiprocessors, each may have a block.
  constexpr double kManyRows = 128;
  if (ShapedType::isDynamic(size))
    return numRows < kManyRows ? kRowBlockThreads : TENON_WARP_SIZE;
  return size <= 16 ? 1 : size <= 1024 ? TENON_WARP_SIZE : kRowBlockThreads;
}

/// How many threads do a unit of the kernel; 0 if it is no row kernel.
static int64_t chooseThreads(KernelOp kernel) {
  std::optional<cpu::RowPlan::Rows> rows = cpu::RowPlan::find(kernel);
  if (!rows)
    return 0;
  TypicalSizes sizes;
  // Sizes beyond memory's don't matter.
  uint64_t size = 1;
  double numRows = 1;
  bool isKnown = true;
  auto type = cast<RankedTensorType>(rows->tensor.getType());
  for (auto [i, dim] : llvm::enumerate(type.getShape())) {
    if (!llvm::is_contained(rows->axes, int64_t(i))) {
      numRows *= sizes.getDim(rows->tensor, i);
      continue;
    }
    isKnown &= !ShapedType::isDynamic(dim);
    size = llvm::SaturatingMultiply<uint64_t>(size, dim);
  }
  int64_t known = isKnown ? int64_t(std::min<uint64_t>(size, INT64_MAX))
                          : ShapedType::kDynamic;
  if (llvm::is_contained(rows->axes, type.getRank() - 1))
    return chooseRowThreads(known, numRows);
  return isKnown && known <= kMaxThreadColumn ? 1 : kRowBlockThreads;
}

namespace {

class RowKernel {
public:
  RowKernel(cpu::KernelFunction &function, int64_t numThreads)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()), plan(function.getKernel()),
        numThreads(numThreads) {
    shape = function.getShape(plan.getFullTensor());
    int64_t last = shape.size() - 1;
    numColumns = plan.isReduced(last) ? 1 : TENON_WARP_SIZE;
    for (auto [i, size] : llvm::enumerate(shape)) {
      if (plan.isReduced(i)) {
        reducedDims.push_back(i);
        reducedSizes.push_back(size);
        continue;
      }
      unitDims.push_back(i);
      units.push_back(int64_t(i) == last
                          ? DimBuilder(builder, loc).ceilDiv(size, numColumns)
                          : size);
    }
  }

  Value emitUnits() { return cpu::emitUnitCount(function, units); }
  void emitBody();

private:
  cpu::Reduction getReduction(ReduceOp op) {
    return cpu::Reduction(op.getKind(), function.getElementType(op.getInput()),
                          builder, loc);
  }
  using Index = SmallVector<cpu::LaneIndex>;
  void bindResults(cpu::ElementEmitter &emitter, unsigned pass);
  SmallVector<Value>
  forEachReduced(ValueRange carried,
                 llvm::function_ref<SmallVector<Value>(const Index &at,
                                                       ValueRange carried)>
                     body);
  void emitPass(unsigned pass, Team &team);
  void emitOutputs(const Index &at, bool isFullShape);
  void emitLastPass(Team &team);
  void emitUnit(ArrayRef<Dim> unit);

  cpu::KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  cpu::RowPlan plan;
  int64_t numThreads, numColumns;
  SmallVector<Dim> shape, units, reducedSizes;
  SmallVector<int64_t> unitDims, reducedDims;

  // Of the unit that is being built.
  /// With 0 in the reduced dimensions.
  Index index;
  /// Whether the thread's column is there; null if all are.
  Value isThere;
  /// Of the elements that are reduced, those that this thread takes.
  Value first, end;
  int64_t step;
  Value numReduced;
  /// What the reductions have come to.
  llvm::DenseMap<Value, Value> results;
};

} // namespace

/// Makes known to `emitter` what passes before `pass` have found.
void RowKernel::bindResults(cpu::ElementEmitter &emitter, unsigned pass) {
  for (auto &[tensor, value] : results)
    emitter.bind(tensor, value);
  // A thread reads what it has written itself.
  for (const cpu::RowPlan::Kept &kept : plan.getKept()) {
    if (kept.pass >= pass)
      continue;
    unsigned output = kept.output;
    emitter.bind(kept.value, [this, output](cpu::ElementEmitter &emitter,
                                            cpu::ElementEmitter::Index at) {
      return emitter.load(function.getFlatOutput(output),
                          emitter.getIndices().linearize(at, shape),
                          function.getElementType(function.getYielded(output)));
    });
  }
}

/// Loops over the elements of the row that the thread takes: several at a time,
/// whose loads don't wait for each other, then one by one.
SmallVector<Value> RowKernel::forEachReduced(
    ValueRange carried,
    llvm::function_ref<SmallVector<Value>(const Index &at, ValueRange carried)>
        body) {
  // Carries the element from which the next loop goes on, too.
  auto emitLoop = [&](Value begin, Value bound, int64_t rounds,
                      ValueRange carried) {
    cpu::IndexBuilder indices(builder, loc, 1);
    DimBuilder &dims = indices.uniform();
    int64_t stride = step * rounds;
    BlockCode::Values values{begin};
    llvm::append_range(values, carried);
    return BlockCode(builder, loc)
        .loop(begin, bound, indices.value(stride), values,
              [&](Value i, ValueRange carried) {
                BlockCode::Values values(carried.drop_front());
                for (int64_t round = 0; round != rounds; ++round) {
                  Index at = index;
                  SmallVector<Dim> reduced = indices.delinearize(
                      dims.add(Dim(i), round * step), reducedSizes);
                  for (auto [dim, i] : llvm::zip(reducedDims, reduced))
                    at[dim] = cpu::LaneIndex(i);
                  values = body(at, values);
                }
                values.insert(values.begin(),
                              indices.value(dims.add(Dim(i), stride)));
                return values;
              });
  };
  Dim size = cpu::IndexBuilder(builder, loc, 1).product(reducedSizes);
  SmallVector<Value> values(carried.begin(), carried.end());
  Value begin = first;
  if (!size.isConstant() || size.getConstant() >= kRounds * step) {
    DimBuilder dims(builder, loc);
    cpu::IndexBuilder indices(builder, loc, 1);
    Value bound = indices.value(dims.sub(Dim(end), (kRounds - 1) * step));
    values = emitLoop(begin, bound, kRounds, values);
    begin = values.front();
    values.erase(values.begin());
  }
  values = emitLoop(begin, end, 1, values);
  values.erase(values.begin());
  return values;
}

void RowKernel::emitPass(unsigned pass, Team &team) {
  ArrayRef<ReduceOp> ops = plan.getPass(pass);
  SmallVector<Value> accumulators;
  for (ReduceOp op : ops) {
    cpu::Reduction reduction = getReduction(op);
    accumulators.push_back(reduction.identity(reduction.getAccumulatorType()));
  }
  accumulators = forEachReduced(
      accumulators,
      [&](const Index &at, ValueRange carried) -> SmallVector<Value> {
        cpu::ElementEmitter emitter(function, builder, /*width=*/1);
        bindResults(emitter, pass);
        SmallVector<Value> next;
        for (auto [op, accumulator] : llvm::zip(ops, carried))
          next.push_back(getReduction(op).add(
              accumulator, emitter.get(op->getOperand(0), at)));
        for (const cpu::RowPlan::Kept &kept : plan.getKept())
          if (kept.pass == pass)
            emitter.store(function.getFlatOutput(kept.output),
                          emitter.getIndices().linearize(at, shape),
                          emitter.get(kept.value, at));
        return next;
      });
  accumulators = team.reduce(accumulators, [&](ValueRange a, ValueRange b) {
    SmallVector<Value> both;
    for (auto [op, x, y] : llvm::zip(ops, a, b))
      both.push_back(getReduction(op).combine(x, y));
    return both;
  });
  for (auto [op, accumulator] : llvm::zip(ops, accumulators))
    results[op->getResult(0)] =
        getReduction(op).finish(accumulator, numReduced);
}

/// Computes and stores the results of the full shape, or the reduced ones.
void RowKernel::emitOutputs(const Index &at, bool isFullShape) {
  cpu::ElementEmitter emitter(function, builder, /*width=*/1);
  bindResults(emitter, plan.getNumPasses());
  SmallVector<std::pair<unsigned, Value>> elements;
  for (unsigned i = 0, e = function.getKernel().getNumResults(); i != e; ++i)
    if (plan.isFull(function.getYielded(i)) == isFullShape &&
        !plan.isWritten(i))
      elements.push_back({i, emitter.get(function.getYielded(i), at)});
  for (auto [i, element] : elements)
    emitter.storeOutput(i, at, element);
}

void RowKernel::emitLastPass(Team &team) {
  bool hasFull = false, hasReduced = false;
  for (unsigned i = 0, e = function.getKernel().getNumResults(); i != e; ++i)
    if (!plan.isWritten(i))
      (plan.isFull(function.getYielded(i)) ? hasFull : hasReduced) = true;
  if (hasReduced) {
    // The first thread of a column writes what all know.
    Value writes = isThere;
    if (Value row = team.getRow()) {
      cpu::IndexBuilder indices(builder, loc, 1);
      Value isFirst = indices.less(Dim(row), 1);
      writes = writes
                   ? Value(arith::AndIOp::create(builder, loc, isFirst, writes))
                   : isFirst;
    }
    auto branch =
        scf::IfOp::create(builder, loc, writes, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(branch.thenYield());
    emitOutputs(index, /*isFullShape=*/false);
  }
  if (hasFull)
    forEachReduced({}, [&](const Index &at, ValueRange) -> SmallVector<Value> {
      emitOutputs(at, /*isFullShape=*/true);
      return {};
    });
}

void RowKernel::emitUnit(ArrayRef<Dim> unit) {
  results.clear();
  cpu::IndexBuilder indices(builder, loc, 1);
  DimBuilder &dims = indices.uniform();
  Team team(builder, loc, numThreads, numColumns);
  index.assign(shape.size(), cpu::LaneIndex(0));
  for (auto [dim, i] : llvm::zip(unitDims, unit))
    index[dim] = cpu::LaneIndex(i);
  numReduced = indices.value(indices.product(reducedSizes));
  first = team.getRow() ? team.getRow() : indices.value(0);
  end = numReduced;
  step = team.getNumRows();
  if (Value column = team.getColumn()) {
    Dim at = dims.add(dims.mul(unit.back(), numColumns), Dim(column));
    index.back() = cpu::LaneIndex(at);
    isThere = indices.less(at, shape.back());
    // Threads without a column have nothing to do, but are waited for.
    end = arith::SelectOp::create(builder, loc, isThere, numReduced,
                                  indices.value(0));
  }
  for (unsigned pass = 0; pass != plan.getNumPasses(); ++pass)
    emitPass(pass, team);
  emitLastPass(team);
}

void RowKernel::emitBody() {
  cpu::emitUnitLoop(function, units,
                    [&](OpBuilder &, ArrayRef<Dim> unit) { emitUnit(unit); });
}

const cpu::KernelEmitter kWarpRowEmitter =
    makeEmitter<RowKernel, chooseThreads, TENON_WARP_SIZE>("warp_row",
                                                           /*collapses=*/true);
const cpu::KernelEmitter kBlockRowEmitter =
    makeEmitter<RowKernel, chooseThreads, kRowBlockThreads>("block_row",
                                                            /*collapses=*/true);

} // namespace tenon::cuda

//===- RowKernel.cpp - Reductions with pointwise work around them ---------===//
//
// A unit is one index of the dimensions that are not reduced (or a few vectors
// of them, where the last dimension is not reduced and lanes lie along it).
// Reductions that need no other's result share a pass over the unit; the last
// pass writes the results. What a pass needs of an earlier one and what is dear
// to compute is kept in the row of a result that is written later anyway.
//
// The order of additions depends on shapes alone, never on threads.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/Reduction.h"
#include "codegen/cpu/RowPlan.h"
#include "codegen/cpu/UnitLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

/// Vectors that are accumulated side by side, which hides the latency of the
/// additions.
static constexpr int64_t kUnroll = 4;

namespace {

class RowKernel {
public:
  explicit RowKernel(KernelFunction &function)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()), plan(function.getKernel()) {
    shape = function.getShape(plan.getFullTensor());
    width = getKernelWidth(function, shape.back());
    for (auto [i, size] : llvm::enumerate(shape))
      if (!plan.isReduced(i) && (i + 1 != shape.size() || isHorizontal())) {
        unitDims.push_back(i);
        units.push_back(size);
      }
    if (!isHorizontal()) {
      chunks = getChunks(builder, loc, shape.back(), kUnroll * width);
      units.push_back(chunks.count);
    }
  }

  Value emitUnits() { return emitUnitCount(function, units); }
  void emitBody();

private:
  /// Whether lanes lie along a reduced dimension.
  bool isHorizontal() const { return plan.isReduced(shape.size() - 1); }

  Reduction getReduction(ReduceOp op) {
    return Reduction(op.getKind(), function.getElementType(op.getInput()),
                     builder, loc);
  }

  /// Which elements of a row are computed together: one vector or several side
  /// by side, from `lane` on in the last dimension.
  struct Columns {
    Value lane;
    int64_t count;
    Value mask;
  };

  SmallVector<LaneIndex> getIndex(ArrayRef<Dim> index, const Columns &columns,
                                  int64_t column);
  void bindResults(ElementEmitter &emitter, int64_t column);
  /// Loops over the reduced dimensions in front of the last.
  SmallVector<Value> forEachReduced(
      size_t dim, SmallVector<Dim> index, ValueRange carried,
      llvm::function_ref<SmallVector<Value>(ArrayRef<Dim>, ValueRange)> body);
  SmallVector<Value> accumulate(unsigned pass, ArrayRef<Dim> index,
                                const Columns &columns, ValueRange carried);
  SmallVector<Value> accumulateRow(unsigned pass, ArrayRef<Dim> index,
                                   ValueRange carried);
  SmallVector<Value> getIdentities(unsigned pass, int64_t count);
  void emitPass(unsigned pass, ArrayRef<Dim> index, const Columns &columns);
  void emitLastPass(ArrayRef<Dim> index, const Columns &columns);
  void emitResults(ArrayRef<Dim> index, const Columns &columns,
                   bool isFullShape);
  void emitRow(ArrayRef<Dim> index, const Columns &columns);

  KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  RowPlan plan;
  SmallVector<Dim> shape;
  int64_t width;
  SmallVector<int64_t> unitDims;
  SmallVector<Dim> units;
  Chunks chunks;
  /// What the reductions have come to in this unit, for each column.
  llvm::DenseMap<Value, SmallVector<Value>> results;
  unsigned currentPass = 0;
};

} // namespace

SmallVector<LaneIndex> RowKernel::getIndex(ArrayRef<Dim> index,
                                           const Columns &columns,
                                           int64_t column) {
  SmallVector<LaneIndex> result(index.begin(), index.end());
  Dim lane = DimBuilder(builder, loc).add(Dim(columns.lane), column * width);
  result.back() = LaneIndex(lane, width == 1 ? Dim(0) : Dim(1));
  return result;
}

/// Makes known to `emitter` what earlier passes have found.
void RowKernel::bindResults(ElementEmitter &emitter, int64_t column) {
  for (auto &[tensor, values] : results)
    emitter.bind(tensor, values[isHorizontal() ? 0 : column]);
  for (const RowPlan::Kept &kept : plan.getKept()) {
    if (kept.pass >= currentPass)
      continue;
    unsigned output = kept.output;
    emitter.bind(kept.value, [this, output](ElementEmitter &emitter,
                                            ElementEmitter::Index index) {
      return emitter.load(function.getFlatOutput(output),
                          emitter.getIndices().linearize(index, shape),
                          function.getElementType(function.getYielded(output)));
    });
  }
}

SmallVector<Value> RowKernel::forEachReduced(
    size_t dim, SmallVector<Dim> index, ValueRange carried,
    llvm::function_ref<SmallVector<Value>(ArrayRef<Dim>, ValueRange)> body) {
  while (dim + 1 < shape.size() && !plan.isReduced(dim))
    ++dim;
  if (dim + 1 >= shape.size())
    return body(index, carried);
  IndexBuilder indices(builder, loc, 1);
  auto loop =
      scf::ForOp::create(builder, loc, indices.value(0),
                         indices.value(shape[dim]), indices.value(1), carried);
  Block *block = loop.getBody();
  if (!block->empty())
    block->back().erase();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(block);
  index[dim] = Dim(Value(loop.getInductionVar()));
  SmallVector<Value> next =
      forEachReduced(dim + 1, index, loop.getRegionIterArgs(), body);
  builder.setInsertionPointToEnd(block);
  scf::YieldOp::create(builder, loc, next);
  return SmallVector<Value>(loop.getResults().begin(), loop.getResults().end());
}

//===----------------------------------------------------------------------===//
// Passes that reduce
//===----------------------------------------------------------------------===//

SmallVector<Value> RowKernel::getIdentities(unsigned pass, int64_t count) {
  SmallVector<Value> identities;
  for (ReduceOp op : plan.getPass(pass)) {
    Reduction reduction = getReduction(op);
    Type type = reduction.getAccumulatorType();
    if (width != 1)
      type = VectorType::get({width}, type);
    identities.append(count, reduction.identity(type));
  }
  return identities;
}

/// Takes the columns' elements at `index` into the accumulators: for each
/// reduction, one a column.
SmallVector<Value> RowKernel::accumulate(unsigned pass, ArrayRef<Dim> index,
                                         const Columns &columns,
                                         ValueRange carried) {
  SmallVector<Value> next(carried.begin(), carried.end());
  for (int64_t column = 0; column != columns.count; ++column) {
    ElementEmitter emitter(function, builder, width, columns.mask);
    bindResults(emitter, column);
    SmallVector<LaneIndex> at = getIndex(index, columns, column);
    for (auto [i, op] : llvm::enumerate(plan.getPass(pass))) {
      Reduction reduction = getReduction(op);
      Value &accumulator = next[i * columns.count + column];
      Value sum =
          reduction.add(accumulator, emitter.getVector(op->getOperand(0), at));
      // Lanes along the reduced dimension must not add what isn't there.
      if (columns.mask && isHorizontal())
        sum = arith::SelectOp::create(builder, loc, columns.mask, sum,
                                      accumulator);
      accumulator = sum;
    }
    // All are computed first: what is stored may be in an input's memory.
    SmallVector<std::pair<unsigned, Value>> elements;
    for (const RowPlan::Kept &kept : plan.getKept())
      if (kept.pass == pass)
        elements.push_back({kept.output, emitter.get(kept.value, at)});
    for (auto [output, element] : elements)
      emitter.store(function.getFlatOutput(output),
                    emitter.getIndices().linearize(at, shape), element);
  }
  return next;
}

/// Goes along the last dimension, which is reduced: first several vectors at a
/// time, then one by one, then the rest.
SmallVector<Value> RowKernel::accumulateRow(unsigned pass, ArrayRef<Dim> index,
                                            ValueRange carried) {
  IndexBuilder indices(builder, loc, width);
  DimBuilder &dims = indices.uniform();
  Dim size = shape.back();
  size_t numReductions = plan.getPass(pass).size();

  auto emitLoop = [&](Dim begin, Dim end, int64_t count, ValueRange carried) {
    auto loop = scf::ForOp::create(builder, loc, indices.value(begin),
                                   indices.value(end),
                                   indices.value(count * width), carried);
    Block *block = loop.getBody();
    if (!block->empty())
      block->back().erase();
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(block);
    Columns columns{loop.getInductionVar(), count, Value()};
    SmallVector<Value> next =
        accumulate(pass, index, columns, loop.getRegionIterArgs());
    scf::YieldOp::create(builder, loc, next);
    return SmallVector<Value>(loop.getResults().begin(),
                              loop.getResults().end());
  };
  auto isAtLeast = [&](int64_t least) {
    return !size.isConstant() || size.getConstant() >= least;
  };
  // `carried` has kUnroll accumulators a reduction.
  SmallVector<Value> all(carried.begin(), carried.end());
  Dim wide = 0;
  if (isAtLeast(kUnroll * width)) {
    wide = dims.sub(size, indices.rem(size, kUnroll * width));
    all = emitLoop(0, wide, kUnroll, all);
  }
  SmallVector<Value> single;
  for (size_t i = 0; i != numReductions; ++i)
    single.push_back(all[i * kUnroll]);
  Dim rest = indices.rem(size, width);
  Dim whole = dims.sub(size, rest);
  bool hasSingles =
      !size.isConstant() || whole.getConstant() != wide.getConstant();
  if (hasSingles)
    single = emitLoop(wide, whole, 1, single);
  if (width != 1 && !(rest.isConstant() && rest.getConstant() == 0)) {
    auto emitRest = [&] {
      Value mask = vector::CreateMaskOp::create(
          builder, loc, VectorType::get({width}, builder.getI1Type()),
          ValueRange(indices.value(rest)));
      return accumulate(pass, index, {indices.value(whole), 1, mask}, single);
    };
    if (rest.isConstant()) {
      single = emitRest();
    } else {
      auto branch = scf::IfOp::create(
          builder, loc, TypeRange(ValueRange(single)), indices.less(0, rest),
          /*addThenBlock=*/true, /*addElseBlock=*/true);
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(branch.elseBlock());
      scf::YieldOp::create(builder, loc, single);
      builder.setInsertionPointToEnd(branch.thenBlock());
      SmallVector<Value> next = emitRest();
      scf::YieldOp::create(builder, loc, next);
      single.assign(branch.getResults().begin(), branch.getResults().end());
    }
  }
  for (size_t i = 0; i != numReductions; ++i)
    all[i * kUnroll] = single[i];
  return all;
}

void RowKernel::emitPass(unsigned pass, ArrayRef<Dim> index,
                         const Columns &columns) {
  currentPass = pass;
  int64_t count = isHorizontal() ? kUnroll : columns.count;
  SmallVector<Value> accumulators =
      forEachReduced(0, SmallVector<Dim>(index), getIdentities(pass, count),
                     [&](ArrayRef<Dim> index, ValueRange carried) {
                       return isHorizontal()
                                  ? accumulateRow(pass, index, carried)
                                  : accumulate(pass, index, columns, carried);
                     });
  IndexBuilder indices(builder, loc, width);
  SmallVector<Dim> reducedSizes;
  for (auto [i, size] : llvm::enumerate(shape))
    if (plan.isReduced(i))
      reducedSizes.push_back(size);
  Value numElements = indices.value(indices.product(reducedSizes));
  for (auto [i, op] : llvm::enumerate(plan.getPass(pass))) {
    Reduction reduction = getReduction(op);
    auto mine = ArrayRef(accumulators).slice(i * count, count);
    SmallVector<Value> &values = results[op->getResult(0)];
    values.clear();
    if (!isHorizontal()) {
      for (Value accumulator : mine)
        values.push_back(reduction.finish(accumulator, numElements));
      continue;
    }
    Value low = reduction.combine(mine[0], mine[1]);
    Value high = reduction.combine(mine[2], mine[3]);
    Value sum = reduction.reduceLanes(reduction.combine(low, high));
    values.push_back(reduction.finish(sum, numElements));
  }
}

//===----------------------------------------------------------------------===//
// The pass that writes the results
//===----------------------------------------------------------------------===//

/// Computes and stores the results of the full shape, or the reduced ones.
void RowKernel::emitResults(ArrayRef<Dim> index, const Columns &columns,
                            bool isFullShape) {
  for (int64_t column = 0; column != columns.count; ++column) {
    int64_t lanes = !isFullShape && isHorizontal() ? 1 : width;
    ElementEmitter emitter(function, builder, lanes, columns.mask);
    bindResults(emitter, column);
    SmallVector<LaneIndex> at = getIndex(index, columns, column);
    SmallVector<std::pair<unsigned, Value>> elements;
    if (!isFullShape)
      for (int64_t i = 0, e = shape.size(); i != e; ++i)
        if (plan.isReduced(i))
          at[i] = LaneIndex(0);
    for (unsigned i = 0, e = function.getKernel().getNumResults(); i != e; ++i)
      if (plan.isFull(function.getYielded(i)) == isFullShape &&
          !plan.isWritten(i))
        elements.push_back({i, emitter.get(function.getYielded(i), at)});
    for (auto [i, element] : elements)
      emitter.storeOutput(i, at, element);
  }
}

void RowKernel::emitLastPass(ArrayRef<Dim> index, const Columns &columns) {
  currentPass = plan.getNumPasses();
  bool hasFull = false, hasReduced = false;
  for (unsigned i = 0, e = function.getKernel().getNumResults(); i != e; ++i)
    if (!plan.isWritten(i))
      (plan.isFull(function.getYielded(i)) ? hasFull : hasReduced) = true;
  if (hasReduced) {
    Columns one = columns;
    if (isHorizontal())
      one = {IndexBuilder(builder, loc, 1).value(0), 1, Value()};
    emitResults(index, one, /*isFullShape=*/false);
  }
  if (!hasFull)
    return;
  forEachReduced(0, SmallVector<Dim>(index), {},
                 [&](ArrayRef<Dim> index, ValueRange) -> SmallVector<Value> {
                   if (isHorizontal())
                     emitVectorLoop(builder, loc, 0, shape.back(), width,
                                    [&](OpBuilder &, Value i, Value mask) {
                                      emitResults(index, {i, 1, mask},
                                                  /*isFullShape=*/true);
                                    });
                   else
                     emitResults(index, columns, /*isFullShape=*/true);
                   return {};
                 });
}

void RowKernel::emitRow(ArrayRef<Dim> index, const Columns &columns) {
  results.clear();
  for (unsigned pass = 0; pass != plan.getNumPasses(); ++pass)
    emitPass(pass, index, columns);
  emitLastPass(index, columns);
}

void RowKernel::emitBody() {
  emitUnitLoop(function, units, [&](OpBuilder &, ArrayRef<Dim> unit) {
    SmallVector<Dim> index(shape.size(), Dim(0));
    for (auto [i, dim] : llvm::enumerate(unitDims))
      index[dim] = unit[i];
    if (isHorizontal())
      return emitRow(index, Columns{Value(), 1, Value()});
    std::pair<Dim, Dim> range =
        chunks.getRange(builder, loc, unit.back(), shape.back());
    Dim begin = range.first, end = range.second;
    IndexBuilder indices(builder, loc, width);
    Dim size = indices.uniform().sub(end, begin);
    auto emitAll = [&] {
      emitRow(index, Columns{indices.value(begin), kUnroll, Value()});
    };
    auto emitRest = [&] {
      emitVectorLoop(builder, loc, begin, end, width,
                     [&](OpBuilder &, Value i, Value mask) {
                       emitRow(index, Columns{i, 1, mask});
                     });
    };
    if (size.isConstant()) {
      if (size.getConstant() == kUnroll * width)
        emitAll();
      else
        emitRest();
      return;
    }
    auto branch = scf::IfOp::create(builder, loc,
                                    indices.lessEqual(kUnroll * width, size),
                                    /*withElseRegion=*/true);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(branch.thenBlock()->getTerminator());
    emitAll();
    builder.setInsertionPoint(branch.elseBlock()->getTerminator());
    emitRest();
  });
}

/// A unit alone reads and writes its row. What of the row is read in a pass is
/// read, vector by vector, before results are stored there.
static bool mayOverwrite(KernelOp kernel, unsigned output, BlockArgument input,
                         unsigned) {
  RowPlan plan(kernel);
  return plan.isFull(input) && isReadInPlace(input, /*isReduced=*/true) &&
         plan.getLastRead(input) <= plan.getFirstWrite(output);
}

const KernelEmitter kRowEmitter = {"row",
                                   RowPlan::matches,
                                   /*collapses=*/true,
                                   emitUnitsOf<RowKernel>,
                                   emitBodyOf<RowKernel>,
                                   /*prepare=*/nullptr,
                                   /*unitThreads=*/1,
                                   mayOverwrite};

} // namespace tenon::cpu

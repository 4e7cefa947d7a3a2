//===- LowerLoop.cpp - Loops over memory ----------------------------------===//

#include "codegen/common/LowerLoop.h"

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "runtime/core/ModelAbi.h"

using namespace mlir;

namespace tenon::codegen {

namespace {

/// A tensor that goes through the loop, or what is joined of one.
struct LoopTensor {
  /// Of the whole: for what is joined, with the first dimension.
  RankedTensorType type;
  /// For each dimension: a size that is known before the loop, or null.
  SmallVector<Value> sizes;
  /// Where a size is null: its place among the numbers that the loop carries.
  SmallVector<int64_t> places;
  /// The memory, if all sizes are known before the loop; else its slot.
  Value memory;
  int64_t slot = -1;
  bool onDevice = false;

  bool isFixed() const {
    return llvm::all_of(sizes, [](Value v) { return v; });
  }
};

class LoopLowering {
public:
  LoopLowering(LoopOp op, IRRewriter &rewriter, int64_t &nextSlot)
      : op(op), loc(op.getLoc()), rewriter(rewriter), nextSlot(nextSlot) {}

  void run();

private:
  Value readCondition(Value tensor);
  void readBounds();
  void findFixedSizes();
  void hoistArithmetic();
  LoopTensor planScan(unsigned i);
  void makeMemory(LoopTensor &tensor);
  Value getMemory(const LoopTensor &tensor, ValueRange numbers,
                  bool keep = false);
  void store(Value tensor, Value memory);
  Value read(Value memory, RankedTensorType type) {
    return bufferization::ToTensorOp::create(rewriter, loc, type, memory,
                                             /*restrict=*/true);
  }
  scf::WhileOp makeLoop();
  void fillBody(scf::WhileOp loop);
  Value placeRow(LoopTensor &scan, Value slice, Value iteration);
  Value growRow(LoopTensor &scan, Value slice, Value iteration,
                ValueRange before, MutableArrayRef<Value> next);
  bool isOnDevice(unsigned result) {
    auto spaces = op->getAttrOfType<DenseBoolArrayAttr>(kLoopSpacesAttr);
    return spaces && spaces[result];
  }
  bool isOutside(Value value) {
    return !op->isAncestor(value.getParentRegion()->getParentOp());
  }
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(rewriter, loc, value);
  }

  LoopOp op;
  Location loc;
  IRRewriter &rewriter;
  int64_t &nextSlot;
  /// How many times at most, or null; and whether at all, or null.
  Value limit, condition;
  SmallVector<LoopTensor> carried, scans;
  /// The numbers that the loop carries besides the iteration and the condition,
  /// at first.
  SmallVector<Value> numbers;
};

} // namespace

/// A condition as a number; a constant where it is known.
Value LoopLowering::readCondition(Value tensor) {
  if (std::optional<double> known = getConstantScalar(tensor))
    return arith::ConstantIntOp::create(rewriter, loc, *known != 0, 1);
  return tensor::ExtractOp::create(rewriter, loc, tensor, ValueRange());
}

void LoopLowering::readBounds() {
  if (Value count = op.getTripCount()) {
    DimBuilder dims(rewriter, loc);
    Dim size = dims.max(dims.element(count, 0), 0);
    limit = size.isConstant() ? constant(size.getConstant()) : size.getValue();
  }
  condition = op.getCondition()
                  ? readCondition(op.getCondition())
                  : Value(arith::ConstantIntOp::create(rewriter, loc, 1, 1));
}

/// Finds the dimensions of carried values that each time become what they were,
/// or what they were at first. Where the body asks for them it gets these, and
/// what it computes of them moves out of the loop.
void LoopLowering::findFixedSizes() {
  unsigned numCarried = op.getNumCarried();
  carried.resize(numCarried);
  SmallVector<SmallVector<Value>> first(numCarried);
  for (unsigned i = 0; i != numCarried; ++i) {
    LoopTensor &tensor = carried[i];
    tensor.type = cast<RankedTensorType>(op.getCarried()[i].getType());
    tensor.onDevice = isOnDevice(i);
    for (int64_t d = 0; d != tensor.type.getRank(); ++d) {
      first[i].push_back(getSize(rewriter, loc, op.getInits()[i], d));
      tensor.sizes.push_back(tensor.type.isDynamicDim(d) ? Value()
                                                         : first[i][d]);
      tensor.places.push_back(-1);
    }
  }
  OpBuilder inside(op.getYield());
  auto isFixed = [&](unsigned i, int64_t d) {
    Value next = getSize(inside, loc, op.getYieldedCarried()[i], d);
    auto dim = next.getDefiningOp<tensor::DimOp>();
    std::optional<int64_t> known = getConstantIntValue(first[i][d]);
    return next == first[i][d] ||
           (known && known == getConstantIntValue(next)) ||
           (dim && dim.getSource() == op.getCarried()[i] &&
            dim.getConstantIndex() == d);
  };
  // What one value keeps may be what another is made of.
  bool hasChanged = true;
  while (hasChanged) {
    hasChanged = false;
    for (auto [i, tensor] : llvm::enumerate(carried))
      for (auto [d, size] : llvm::enumerate(tensor.sizes)) {
        if (size || !isFixed(i, d))
          continue;
        size = first[i][d];
        for (Operation *user : op.getCarried()[i].getUsers())
          if (auto dim = dyn_cast<tensor::DimOp>(user);
              dim && dim.getConstantIndex() == int64_t(d))
            dim.getResult().replaceAllUsesWith(size);
        hasChanged = true;
      }
    hoistArithmetic();
  }
  for (auto [i, tensor] : llvm::enumerate(carried)) {
    for (auto [d, size, place] : llvm::enumerate(tensor.sizes, tensor.places)) {
      if (size)
        continue;
      place = numbers.size();
      numbers.push_back(first[i][d]);
    }
    makeMemory(tensor);
  }
}

void LoopLowering::hoistArithmetic() {
  for (Operation &inner :
       llvm::make_early_inc_range(op.getBody().front().without_terminator()))
    if (isa<arith::ArithDialect>(inner.getDialect()) && isPure(&inner) &&
        llvm::all_of(inner.getOperands(),
                     [&](Value operand) { return isOutside(operand); }))
      inner.moveBefore(op);
}

LoopTensor LoopLowering::planScan(unsigned i) {
  LoopTensor tensor;
  Value slice = op.getYieldedScans()[i];
  tensor.onDevice = isOnDevice(op.getNumCarried() + i);
  auto type = cast<RankedTensorType>(slice.getType());
  SmallVector<int64_t> shape = {ShapedType::kDynamic};
  llvm::append_range(shape, type.getShape());
  tensor.type = RankedTensorType::get(shape, type.getElementType());
  OpBuilder inside(op.getYield());
  for (int64_t d = 0; d != tensor.type.getRank(); ++d) {
    tensor.places.push_back(-1);
    if (d == 0 && op.isCounted()) {
      tensor.sizes.push_back(limit);
      continue;
    }
    Value size = d == 0 ? Value() : getSize(inside, loc, slice, d - 1);
    std::optional<int64_t> known =
        size ? getConstantIntValue(size) : std::nullopt;
    if (known)
      size = constant(*known);
    if (size && isOutside(size)) {
      tensor.sizes.push_back(size);
      continue;
    }
    // How many there are, or what the first one has.
    tensor.sizes.push_back(nullptr);
    tensor.places.back() = numbers.size();
    numbers.push_back(constant(0));
  }
  makeMemory(tensor);
  return tensor;
}

void LoopLowering::makeMemory(LoopTensor &tensor) {
  if (!tensor.isFixed()) {
    tensor.slot = nextSlot++;
    return;
  }
  SmallVector<Value> sizes;
  for (auto [d, size] : llvm::enumerate(tensor.sizes))
    if (tensor.type.isDynamicDim(d))
      sizes.push_back(size);
  tensor.memory = memref::AllocOp::create(
      rewriter, loc,
      MemRefType::get(tensor.type.getShape(), tensor.type.getElementType()),
      sizes);
}

/// The memory of a tensor where the loop's numbers are `numbers`.
Value LoopLowering::getMemory(const LoopTensor &tensor, ValueRange numbers,
                              bool keep) {
  if (tensor.memory)
    return tensor.memory;
  SmallVector<Value> sizes;
  for (auto [d, size, place] : llvm::enumerate(tensor.sizes, tensor.places))
    if (tensor.type.isDynamicDim(d))
      sizes.push_back(size ? size : numbers[place]);
  return rt::AllocateOp::create(
      rewriter, loc,
      MemRefType::get(tensor.type.getShape(), tensor.type.getElementType()),
      tensor.slot, sizes, keep, tensor.onDevice);
}

void LoopLowering::store(Value tensor, Value memory) {
  auto type = RankedTensorType::get(
      cast<MemRefType>(memory.getType()).getShape(),
      cast<MemRefType>(memory.getType()).getElementType());
  if (tensor.getType() != type)
    tensor = tensor::CastOp::create(rewriter, loc, type, tensor);
  bufferization::MaterializeInDestinationOp::create(
      rewriter, loc, /*result=*/Type(), tensor, memory, /*restrict=*/true,
      /*writable=*/true);
}

/// while (!failed && i < limit && condition), with the body still empty.
scf::WhileOp LoopLowering::makeLoop() {
  SmallVector<Value> first = {constant(0), condition};
  llvm::append_range(first, numbers);
  TypeRange types = ValueRange(first).getTypes();
  SmallVector<Location> locs(first.size(), loc);
  auto loop = scf::WhileOp::create(rewriter, loc, types, first);
  OpBuilder::InsertionGuard guard(rewriter);
  Block *before = rewriter.createBlock(&loop.getBefore(), {}, types, locs);
  Value failed = rt::FailedOp::create(rewriter, loc, rewriter.getI1Type());
  Value one = arith::ConstantIntOp::create(rewriter, loc, 1, 1);
  Value goesOn =
      arith::AndIOp::create(rewriter, loc, before->getArgument(1),
                            arith::XOrIOp::create(rewriter, loc, failed, one));
  if (limit)
    goesOn = arith::AndIOp::create(
        rewriter, loc, goesOn,
        arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::slt,
                              before->getArgument(0), limit));
  scf::ConditionOp::create(rewriter, loc, goesOn, before->getArguments());
  rewriter.createBlock(&loop.getAfter(), {}, types, locs);
  return loop;
}

/// The row of `iteration` in memory that is there for all; `slice` is computed
/// there if it can be.
Value LoopLowering::placeRow(LoopTensor &scan, Value slice, Value iteration) {
  OpBuilder::InsertionGuard guard(rewriter);
  auto type = cast<RankedTensorType>(slice.getType());
  // A kernel of the device wants its tensors aligned, which not all rows are.
  bool isAligned =
      !scan.onDevice ||
      (type.hasStaticShape() &&
       rt::getNumBytes(type).value_or(1) % TENON_BUFFER_ALIGNMENT == 0);
  // The row is not known before the iteration, in which not all is computed
  // that is joined.
  Block *body = iteration.getParentBlock();
  OpOperand *destination = isAligned ? findDestination(slice, body) : nullptr;
  tensor::EmptyOp empty;
  if (destination) {
    empty = destination->get().getDefiningOp<tensor::EmptyOp>();
    if (empty && empty->getBlock() != body)
      empty = {};
    if (empty)
      rewriter.setInsertionPoint(empty);
  }
  Value row = rt::RowOp::create(
      rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
      scan.memory, iteration);
  if (!empty || empty.getType() != type)
    return row;
  rewriter.replaceOpWithNewOp<bufferization::ToTensorOp>(
      empty, type, row, /*restrict=*/true, /*writable=*/true);
  return row;
}

/// The row of `iteration` in memory that grows by it. Sets in `next` how many
/// there are, and what dimensions the first one has, which all have to have.
Value LoopLowering::growRow(LoopTensor &scan, Value slice, Value iteration,
                            ValueRange before, MutableArrayRef<Value> next) {
  Value isFirst = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                        iteration, constant(0));
  for (auto [d, place] : llvm::enumerate(scan.places)) {
    if (place < 0)
      continue;
    if (d == 0) {
      next[place] =
          arith::AddIOp::create(rewriter, loc, iteration, constant(1));
      continue;
    }
    Value size = getSize(rewriter, loc, slice, d - 1);
    next[place] =
        arith::SelectOp::create(rewriter, loc, isFirst, size, before[place]);
    rt::RequireEqualOp::create(
        rewriter, loc, next[place], size,
        rewriter.getStringAttr("dimension " + Twine(d - 1) +
                               " of what the loop joins"));
  }
  auto type = cast<RankedTensorType>(slice.getType());
  return rt::RowOp::create(
      rewriter, loc, MemRefType::get(type.getShape(), type.getElementType()),
      getMemory(scan, next, /*keep=*/true), iteration);
}

/// Whether `value` is computed each time, into memory of its own, so that it is
/// there even when carried values have been replaced.
static bool isComputed(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<rt::ViewOp, tensor::CastOp>(op))
      return isa<DestinationStyleOpInterface>(op);
    value = op->getOperand(0);
  }
  return false;
}

void LoopLowering::fillBody(scf::WhileOp loop) {
  Block *block = &loop.getAfter().front();
  Value iteration = block->getArgument(0);
  ValueRange before = block->getArguments().drop_front(2);

  // 1. What the region is given.
  rewriter.setInsertionPointToEnd(block);
  Value number = arith::IndexCastOp::create(rewriter, loc,
                                            rewriter.getI64Type(), iteration);
  SmallVector<Value> arguments = {tensor::FromElementsOp::create(
      rewriter, loc, cast<RankedTensorType>(op.getIteration().getType()),
      number)};
  for (LoopTensor &tensor : carried)
    arguments.push_back(read(getMemory(tensor, before), tensor.type));
  YieldOp yield = op.getYield();
  unsigned numCarried = op.getNumCarried();
  rewriter.mergeBlocks(&op.getBody().front(), block, arguments);
  rewriter.setInsertionPoint(yield);
  ValueRange yielded = yield.getOperands();

  // 2. Values that stand in the memory of carried ones go elsewhere before that
  //    is written.
  SmallVector<Value> values(yielded.drop_front());
  for (auto [i, value] : llvm::enumerate(values)) {
    if (isComputed(value) || i >= numCarried || value == arguments[1 + i])
      continue;
    value = bufferization::AllocTensorOp::create(
        rewriter, loc, cast<RankedTensorType>(value.getType()),
        /*dynamicSizes=*/ValueRange(), /*copy=*/value);
  }

  // The condition may stand there, too.
  Value goesOn = readCondition(yielded[0]);

  // 3. What is joined, before carried values change.
  SmallVector<Value> next(before);
  for (auto [scan, slice] :
       llvm::zip_equal(scans, ArrayRef(values).drop_front(numCarried)))
    store(slice, scan.isFixed()
                     ? placeRow(scan, slice, iteration)
                     : growRow(scan, slice, iteration, before, next));

  // 4. The next carried values.
  for (auto [i, tensor] : llvm::enumerate(carried)) {
    if (values[i] == arguments[1 + i])
      continue;
    for (auto [d, place] : llvm::enumerate(tensor.places))
      if (place >= 0)
        next[place] = getSize(rewriter, loc, values[i], d);
    store(values[i], getMemory(tensor, next));
  }
  SmallVector<Value> numbers = {
      arith::AddIOp::create(rewriter, loc, iteration, constant(1)), goesOn};
  llvm::append_range(numbers, next);
  rewriter.replaceOpWithNewOp<scf::YieldOp>(yield, numbers);
}

void LoopLowering::run() {
  rewriter.setInsertionPoint(op);
  readBounds();
  findFixedSizes();
  for (unsigned i = 0, e = op.getYieldedScans().size(); i != e; ++i)
    scans.push_back(planScan(i));
  for (auto [tensor, init] : llvm::zip_equal(carried, op.getInits()))
    store(init, getMemory(tensor, numbers));
  scf::WhileOp loop = makeLoop();
  fillBody(loop);

  rewriter.setInsertionPointAfter(loop);
  ValueRange last = loop.getResults().drop_front(2);
  SmallVector<Value> results;
  for (ArrayRef<LoopTensor> tensors : {ArrayRef(carried), ArrayRef(scans)})
    for (const LoopTensor &tensor : tensors) {
      Value result = read(getMemory(tensor, last), tensor.type);
      Type type = op.getResult(results.size()).getType();
      if (result.getType() != type)
        result = tensor::CastOp::create(rewriter, loc, type, result);
      results.push_back(result);
    }
  rewriter.replaceOp(op, results);
}

void lowerLoop(LoopOp op, IRRewriter &rewriter, int64_t &nextSlot) {
  LoopLowering(op, rewriter, nextSlot).run();
}

} // namespace tenon::codegen

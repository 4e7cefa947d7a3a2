//===- TopKKernel.cpp - The largest elements of a line in order -----------===//
//
// A warp or a block does a line. In each round its threads look for the first
// of the elements, in the order of the result, that come behind the one that
// the last round has found. So nothing has to be kept but that one, and rounds
// cost as much as the line is long: a large k is left to the processor.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/TypicalSizes.h"
#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/Team.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <cmath>

using namespace mlir;

namespace tenon::cuda {

/// Each round reads the whole line: for many, to sort it where it would have to
/// be copied to is less work.
static constexpr int64_t kMaxRounds = 256;

namespace {

class TopKKernel {
public:
  TopKKernel(cpu::KernelFunction &function, int64_t numThreads)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()), code(builder, loc),
        op(cpu::getOnlyOp<TopKOp>(function.getKernel())),
        inputShape(function.getShape(op.getInput())), outputShape(inputShape),
        axis(op.getAxis()), numThreads(numThreads) {
    outputShape[axis] = function.getShapeElement(op.getK(), 0);
  }

  Value emitUnits() { return cpu::emitUnitCount(function, getUnitShape()); }
  void emitBody();

private:
  SmallVector<Dim> getUnitShape() {
    SmallVector<Dim> outer(inputShape);
    outer.erase(outer.begin() + axis);
    return outer;
  }
  void emitLine(ArrayRef<Dim> unit);
  cpu::FoundElement emitRound(Team &team, Dim begin, Value size,
                              cpu::FoundElement last);
  cpu::FoundElement choose(Value condition, cpu::FoundElement a,
                           cpu::FoundElement b) {
    return {code.choose(condition, a.element, b.element),
            code.choose(condition, a.place, b.place)};
  }
  Value isFound(cpu::FoundElement a);
  /// Whether there is an `a`, and it comes before `b` or there is no `b`.
  Value wins(cpu::FoundElement a, cpu::FoundElement b);
  void store(Dim position, cpu::FoundElement found);

  cpu::KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  BlockCode code;
  TopKOp op;
  SmallVector<Dim> inputShape, outputShape;
  int64_t axis, numThreads;
  /// How far elements of a line are apart.
  Dim stride;
};

} // namespace

/// Where none is found yet, the place is negative.
Value TopKKernel::isFound(cpu::FoundElement a) {
  return arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::sge, a.place,
      arith::ConstantIntOp::create(builder, loc, a.place.getType(), 0));
}

Value TopKKernel::wins(cpu::FoundElement a, cpu::FoundElement b) {
  Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
  Value isFirst = cpu::buildIsBefore(builder, loc, op, a, b);
  return code.both(isFound(a), code.choose(isFound(b), isFirst, yes));
}

void TopKKernel::store(Dim position, cpu::FoundElement found) {
  cpu::ElementEmitter emitter(function, builder, /*width=*/1);
  for (auto [i, yielded] :
       llvm::enumerate(function.getKernel().getYield().getOperands())) {
    bool isValues = cast<OpResult>(yielded).getResultNumber() == 0;
    emitter.store(function.getFlatOutput(i), cpu::LaneIndex(position),
                  isValues ? found.element : found.place);
  }
}

/// The first element behind `last` of the line that begins at `begin`.
cpu::FoundElement TopKKernel::emitRound(Team &team, Dim begin, Value size,
                                        cpu::FoundElement last) {
  Type i64 = builder.getI64Type();
  Value none = arith::ConstantIntOp::create(builder, loc, i64, -1);
  Team::Values mine = code.loop(
      team.getRow(), size, code.constant(team.getNumRows()),
      {last.element, none}, [&](Value i, ValueRange carried) -> Team::Values {
        DimBuilder dims(builder, loc);
        cpu::ElementEmitter emitter(function, builder, /*width=*/1);
        cpu::LaneIndex position(dims.add(begin, dims.mul(Dim(i), stride)));
        cpu::FoundElement best = {carried[0], carried[1]};
        cpu::FoundElement here = {
            emitter.load(function.getFlat(op.getInput()), position,
                         function.getElementType(op.getInput())),
            arith::IndexCastOp::create(builder, loc, i64, i)};
        Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
        Value isBehind =
            code.choose(isFound(last),
                        cpu::buildIsBefore(builder, loc, op, last, here), yes);
        best = choose(code.both(isBehind, wins(here, best)), here, best);
        return {best.element, best.place};
      });
  Team::Values found =
      team.reduce(mine, [&](ValueRange a, ValueRange b) -> Team::Values {
        cpu::FoundElement one = {a[0], a[1]}, other = {b[0], b[1]};
        one = choose(wins(other, one), other, one);
        return {one.element, one.place};
      });
  return {found[0], found[1]};
}

void TopKKernel::emitLine(ArrayRef<Dim> unit) {
  cpu::ElementEmitter emitter(function, builder, /*width=*/1);
  cpu::IndexBuilder &indices = emitter.getIndices();
  SmallVector<cpu::LaneIndex> index(unit.begin(), unit.end());
  index.insert(index.begin() + axis, cpu::LaneIndex(0));
  Dim begin = indices.linearize(index, inputShape).base;
  Dim outputBegin = indices.linearize(index, outputShape).base;
  stride = indices.product(ArrayRef(inputShape).drop_front(axis + 1));

  // More elements than there are can't be had.
  Value size = code.value(inputShape[axis]);
  Value wanted = code.value(outputShape[axis]);
  function.failIf(builder, code.less(size, wanted),
                  TENON_KERNEL_SIZE_OUT_OF_RANGE, [&](OpBuilder &) {
                    return cpu::KernelFunction::WrongNumber{wanted, size};
                  });
  Team team(builder, loc, numThreads, /*numColumns=*/1);
  Value none =
      arith::ConstantIntOp::create(builder, loc, builder.getI64Type(), -1);
  code.loop(code.constant(0), code.min(wanted, size), code.constant(1),
            {emitter.zeroOf(op.getInput()), none},
            [&](Value round, ValueRange last) -> Team::Values {
              cpu::FoundElement found =
                  emitRound(team, begin, size, {last[0], last[1]});
              code.branch(code.isZero(team.getRow()), [&] {
                DimBuilder dims(builder, loc);
                store(dims.add(outputBegin, dims.mul(Dim(round), stride)),
                      found);
              });
              // What the warps have left for each other has been read.
              if (numThreads != TENON_WARP_SIZE)
                code.barrier();
              return {found.element, found.place};
            });
}

void TopKKernel::emitBody() {
  cpu::emitUnitLoop(function, getUnitShape(),
                    [&](OpBuilder &, ArrayRef<Dim> unit) { emitLine(unit); });
}

/// Nor are there to be so many steps, each of which waits for the last: some
/// 0.1 ms.
static constexpr double kMaxSteps = 2000;

static int64_t chooseThreads(KernelOp kernel) {
  auto op = cpu::getOnlyOp<TopKOp>(kernel);
  if (!op)
    return 0;
  int64_t axis = op.getAxis();
  int64_t k = op.getValues().getType().getDimSize(axis);
  if (ShapedType::isDynamic(k) || k > kMaxRounds)
    return 0;
  RankedTensorType type = op.getInput().getType();
  TypicalSizes sizes;
  double numLines = 1;
  for (int64_t i = 0; i != type.getRank(); ++i)
    if (i != axis)
      numLines *= sizes.getDim(op.getInput(), i);
  int64_t threads = std::max<int64_t>(
      TENON_WARP_SIZE, chooseRowThreads(type.getDimSize(axis), numLines));
  double steps = k * std::ceil(sizes.getDim(op.getInput(), axis) / threads);
  return steps <= kMaxSteps ? threads : 0;
}

const cpu::KernelEmitter kWarpTopKEmitter =
    makeEmitter<TopKKernel, chooseThreads, TENON_WARP_SIZE>("warp_top_k");
const cpu::KernelEmitter kBlockTopKEmitter =
    makeEmitter<TopKKernel, chooseThreads, kRowBlockThreads>("block_top_k");

} // namespace tenon::cuda

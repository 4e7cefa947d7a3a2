//===- ArgReduceKernel.cpp - The place of the largest element in a row ----===//
//
// The threads of a warp or a block take the row's elements in turns, remember
// the best that they have seen with its place, and compare in the end.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/TypicalSizes.h"
#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/Team.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

class ArgReduceKernel {
public:
  ArgReduceKernel(cpu::KernelFunction &function, int64_t numThreads)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()),
        op(cpu::getOnlyOp<ArgReduceOp>(function.getKernel())),
        type(function.getElementType(op.getInput())), numThreads(numThreads) {
    SmallVector<Dim> shape = function.getShape(op.getInput());
    size = shape.pop_back_val();
    rows = cpu::IndexBuilder(builder, loc, 1).product(shape);
  }

  Value emitUnits() { return cpu::emitUnitCount(function, {rows}); }
  void emitBody();

private:
  Value emitRow(Team &team, Dim begin);
  Value load(Dim at) {
    cpu::ElementEmitter emitter(function, builder, /*width=*/1);
    return emitter.load(function.getFlat(op.getInput()), cpu::LaneIndex(at),
                        type);
  }

  cpu::KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  ArgReduceOp op;
  Type type;
  int64_t numThreads;
  Dim rows, size;
};

} // namespace

/// The place in the row that stands from `begin` on, which has elements. All
/// threads begin with the first one.
Value ArgReduceKernel::emitRow(Team &team, Dim begin) {
  cpu::IndexBuilder indices(builder, loc, 1);
  Type i64 = builder.getI64Type();
  Value none = arith::ConstantIntOp::create(builder, loc, i64, 0);
  auto loop = scf::ForOp::create(
      builder, loc, team.getRow(), indices.value(size),
      indices.value(team.getNumRows()), ValueRange{load(begin), none},
      [&](OpBuilder &nested, Location, Value i, ValueRange best) {
        OpBuilder::InsertionGuard guard(builder);
        builder.restoreInsertionPoint(nested.saveInsertionPoint());
        Value element = load(DimBuilder(builder, loc).add(begin, Dim(i)));
        Value wins = cpu::buildIsFound(builder, loc, op, element, best[0]);
        Value place = arith::IndexCastOp::create(builder, loc, i64, i);
        auto choose = [&](Value a, Value b) -> Value {
          return arith::SelectOp::create(builder, loc, wins, a, b);
        };
        scf::YieldOp::create(
            builder, loc,
            ValueRange{choose(element, best[0]), choose(place, best[1])});
      });
  Team::Values found = team.reduce(
      loop.getResults(), [&](ValueRange a, ValueRange b) -> Team::Values {
        cpu::FoundElement one =
            cpu::buildFound(builder, loc, op, {a[0], a[1]}, {b[0], b[1]});
        return {one.element, one.place};
      });
  return found[1];
}

void ArgReduceKernel::emitBody() {
  cpu::emitUnitLoop(function, {rows}, [&](OpBuilder &, ArrayRef<Dim> unit) {
    cpu::ElementEmitter emitter(function, builder, /*width=*/1);
    cpu::IndexBuilder &indices = emitter.getIndices();
    Dim begin = indices.uniform().mul(unit[0], size);
    Team team(builder, loc, numThreads, /*numColumns=*/1);
    // An empty row has no first element; its result is 0. All threads agree.
    Type i64 = builder.getI64Type();
    Value place = size.isConstant()
                      ? emitRow(team, begin)
                      : emitter.branch(
                            indices.less(size, 1), i64,
                            [&] { return emitter.constant(i64, 0); },
                            [&] { return emitRow(team, begin); });
    auto branch =
        scf::IfOp::create(builder, loc, indices.less(Dim(team.getRow()), 1),
                          /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(branch.thenYield());
    emitter.store(function.getFlatOutput(0), cpu::LaneIndex(unit[0]), place);
  });
}

static int64_t chooseThreads(KernelOp kernel) {
  if (!cpu::kArgReduceEmitter.matches(kernel))
    return 0;
  auto op = cpu::getOnlyOp<ArgReduceOp>(kernel);
  RankedTensorType type = op.getInput().getType();
  TypicalSizes sizes;
  double numRows = 1;
  for (int64_t i = 0; i != type.getRank() - 1; ++i)
    numRows *= sizes.getDim(op.getInput(), i);
  return chooseRowThreads(type.getDimSize(op.getAxis()), numRows);
}

const cpu::KernelEmitter kWarpArgReduceEmitter =
    makeEmitter<ArgReduceKernel, chooseThreads, TENON_WARP_SIZE>(
        "warp_arg_reduce");
const cpu::KernelEmitter kBlockArgReduceEmitter =
    makeEmitter<ArgReduceKernel, chooseThreads, kRowBlockThreads>(
        "block_arg_reduce");

} // namespace tenon::cuda

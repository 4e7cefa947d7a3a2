//===- ElementIndexed.cpp - Elements that computed indices name -----------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace tenon::cpu {

using Index = ElementEmitter::Index;

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

static Value buildGatherElements(ElementEmitter &emitter, GatherElementsOp op,
                                 Index index) {
  int64_t axis = op.getAxis();
  Dim size = emitter.getFunction().getShape(op.getInput())[axis];
  auto [at, isGood] =
      buildCheckedIndex(emitter, emitter.get(op.getIndices(), index), size);
  SmallVector<LaneIndex> inputIndex(index);
  inputIndex[axis] = at;
  auto getInput = [&] { return emitter.get(op.getInput(), inputIndex); };
  Value zero = emitter.zeroOf(op.getOutput());
  if (at.isUniform())
    return emitter.branch(isGood, zero.getType(), getInput,
                          [&] { return zero; });
  return emitter.inLanes(isGood, getInput, zero);
}

static Value buildGatherNd(ElementEmitter &emitter, GatherNdOp op,
                           Index index) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  SmallVector<Dim> shape = emitter.getFunction().getShape(op.getInput());
  auto type = cast<RankedTensorType>(op.getIndices().getType());
  int64_t outer = type.getRank() - 1, depth = type.getDimSize(outer);
  int64_t batch = op.getBatchDims();

  SmallVector<LaneIndex> inputIndex(index.take_front(batch));
  SmallVector<LaneIndex> row(index.take_front(outer));
  row.push_back(LaneIndex(0));
  Value areUniformGood, areLanesGood;
  for (int64_t i = 0; i != depth; ++i) {
    row.back() = LaneIndex(i);
    auto [at, isGood] = buildCheckedIndex(
        emitter, emitter.get(op.getIndices(), row), shape[batch + i]);
    Value &all = at.isUniform() ? areUniformGood : areLanesGood;
    all = all ? arith::AndIOp::create(builder, loc, all, isGood).getResult()
              : isGood;
    inputIndex.push_back(at);
  }
  llvm::append_range(inputIndex, index.drop_front(outer));
  Value zero = emitter.zeroOf(op.getOutput());
  auto getInput = [&] { return emitter.get(op.getInput(), inputIndex); };
  return emitter.where(areUniformGood, areLanesGood, getInput, zero);
}

//===----------------------------------------------------------------------===//
// The place of the largest
//===----------------------------------------------------------------------===//

Value buildIsFound(OpBuilder &builder, Location loc, ArgReduceOp op,
                   Value element, Value best) {
  bool isUnsigned = getElementTypeOrSelf(op.getInput()).isUnsignedInteger();
  auto isBetter =
      op.getKind() == ReduceKind::Max ? buildIsGreater : buildIsSmallerOrNan;
  if (!op.getSelectLast())
    return isBetter(builder, loc, element, best, isUnsigned);
  Value isWorse = isBetter(builder, loc, best, element, isUnsigned);
  return arith::XOrIOp::create(builder, loc, isWorse,
                               buildConstant(builder, loc, isWorse.getType(),
                                             builder.getBoolAttr(true)));
}

FoundElement buildFound(OpBuilder &builder, Location loc, ArgReduceOp op,
                        FoundElement a, FoundElement b) {
  // Each is told by its place where neither element is better.
  Value isEarlier = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::slt, a.place, b.place);
  Value keeps = buildIsFound(builder, loc, op, a.element, b.element);
  Value wins = arith::SelectOp::create(
      builder, loc, isEarlier,
      buildIsFound(builder, loc, op, b.element, a.element),
      arith::XOrIOp::create(builder, loc, keeps,
                            buildConstant(builder, loc, keeps.getType(),
                                          builder.getBoolAttr(true))));
  auto choose = [&](Value a, Value b) -> Value {
    return arith::SelectOp::create(builder, loc, wins, b, a);
  };
  return {choose(a.element, b.element), choose(a.place, b.place)};
}

static Value buildArgReduce(ElementEmitter &emitter, ArgReduceOp op,
                            Index index) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  int64_t axis = op.getAxis();
  Dim size = emitter.getFunction().getShape(op.getInput())[axis];
  SmallVector<LaneIndex> inputIndex(index);
  inputIndex[axis] = LaneIndex(0);
  Type i64 = builder.getI64Type();
  // An empty dimension has no first element; its result is 0.
  Value isEmpty = emitter.getIndices().less(size, 1);
  return emitter.branch(
      isEmpty, i64, [&] { return emitter.constant(i64, 0); },
      [&] {
        Value first = emitter.getVector(op.getInput(), inputIndex);
        Value place = emitter.broadcast(emitter.constant(i64, 0));
        return emitter.loop(
            1, size, {first, place},
            [&](Value k, ValueRange best) -> SmallVector<Value> {
              inputIndex[axis] = LaneIndex(k);
              Value element = emitter.getVector(op.getInput(), inputIndex);
              Value wins = buildIsFound(builder, loc, op, element, best[0]);
              Value here = emitter.broadcast(
                  arith::IndexCastOp::create(builder, loc, i64, k));
              return {
                  arith::SelectOp::create(builder, loc, wins, element, best[0]),
                  arith::SelectOp::create(builder, loc, wins, here, best[1])};
            })[1];
      });
}

//===----------------------------------------------------------------------===//
// Chance
//===----------------------------------------------------------------------===//

/// SplitMix64 (Steele, Lea and Flood, 2014), which is a function of the number
/// of steps: the state is a sum, and each output a hash of it.
static Value buildRandom(ElementEmitter &emitter, RandomOp op, Index index) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  IndexBuilder &indices = emitter.getIndices();
  Type i64 = emitter.getVectorType(builder.getI64Type());
  auto constant = [&](uint64_t value) {
    return emitter.broadcast(arith::ConstantOp::create(
        builder, loc, builder.getI64IntegerAttr(int64_t(value))));
  };
  auto mul = [&](Value a, uint64_t b) -> Value {
    return arith::MulIOp::create(builder, loc, a, constant(b));
  };
  auto mix = [&](Value a, uint64_t shift) -> Value {
    Value high = arith::ShRUIOp::create(builder, loc, a, constant(shift));
    return arith::XOrIOp::create(builder, loc, a, high);
  };
  constexpr uint64_t step = 0x9e3779b97f4a7c15;
  Value position = indices.vector(
      indices.linearize(index, emitter.getFunction().getShape(op.getOutput())));
  position = arith::IndexCastOp::create(builder, loc, i64, position);
  Value state = arith::AddIOp::create(builder, loc, mul(position, step),
                                      constant(op.getSeed() + step));
  state = mul(mix(state, 30), 0xbf58476d1ce4e5b9);
  state = mul(mix(state, 27), 0x94d049bb133111eb);
  state = mix(state, 31);
  Type type = op.getOutput().getType().getElementType();
  int bits = type.isF64() ? 53 : 24;
  Value integer =
      arith::ShRUIOp::create(builder, loc, state, constant(64 - bits));
  Value number = arith::SIToFPOp::create(builder, loc,
                                         emitter.getVectorType(type), integer);
  Value unit =
      emitter.broadcast(emitter.constant(type, std::ldexp(1.0, -bits)));
  return arith::MulFOp::create(builder, loc, number, unit);
}

bool isIndexed(Operation *op) {
  return isa<GatherElementsOp, GatherNdOp, ArgReduceOp, RandomOp>(op);
}

Value buildIndexed(ElementEmitter &emitter, Operation *op, Index index) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](GatherElementsOp op) {
        return buildGatherElements(emitter, op, index);
      })
      .Case([&](GatherNdOp op) { return buildGatherNd(emitter, op, index); })
      .Case([&](ArgReduceOp op) { return buildArgReduce(emitter, op, index); })
      .Case([&](RandomOp op) { return buildRandom(emitter, op, index); });
}

} // namespace tenon::cpu

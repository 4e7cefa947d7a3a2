//===- ArgReduceKernel.cpp - The place of the largest element in a row ----===//
//
// Each lane remembers the best of the elements that it has seen, and its place;
// in the end the lanes are compared with each other. Along any other dimension
// than the last one, lanes lie across, and the loop kernel does as well.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

static constexpr int64_t kMaxWidth = 16;
/// Shorter rows don't pay for comparing lanes.
static constexpr int64_t kMinRow = 8;

namespace {

class ArgReduceKernel {
public:
  explicit ArgReduceKernel(KernelFunction &function)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()),
        op(getOnlyOp<ArgReduceOp>(function.getKernel())),
        type(function.getElementType(op.getInput())) {
    SmallVector<Dim> shape = function.getShape(op.getInput());
    size = shape.pop_back_val();
    rows = IndexBuilder(builder, loc, 1).product(shape);
    // Places are wider than most elements.
    width = std::min(function.getWidth(getMemoryType(type)), kMaxWidth);
    while (size.isConstant() && width > 1 && width / 2 >= size.getConstant())
      width /= 2;
  }

  Value emitUnits() { return emitUnitCount(function, {rows}); }
  void emitBody();

private:
  /// One or one a lane.
  using Found = FoundElement;

  Value emitRow(Dim begin);
  /// The better one of `found` and the elements from `i` on.
  Found visit(Found found, Dim begin, Value i, Value mask);
  Found reduceLanes(Found found);
  SmallVector<Value> list(Found found) { return {found.element, found.place}; }
  Value choose(Value condition, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }

  KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  ArgReduceOp op;
  Type type;
  Dim rows, size;
  int64_t width;
};

} // namespace

ArgReduceKernel::Found ArgReduceKernel::visit(Found found, Dim begin, Value i,
                                              Value mask) {
  ElementEmitter emitter(function, builder, width, mask);
  IndexBuilder &indices = emitter.getIndices();
  LaneIndex place(Dim(i), width == 1 ? 0 : 1);
  Value element = emitter.load(function.getFlat(op.getInput()),
                               indices.add(place, LaneIndex(begin)), type);
  Value wins = buildIsFound(builder, loc, op, element, found.element);
  if (mask)
    wins = arith::AndIOp::create(builder, loc, wins, mask);
  Value here = arith::IndexCastOp::create(builder, loc, found.place.getType(),
                                          indices.vector(place));
  return {choose(wins, element, found.element),
          choose(wins, here, found.place)};
}

ArgReduceKernel::Found ArgReduceKernel::reduceLanes(Found found) {
  for (int64_t half = width / 2; half != 0; half /= 2) {
    auto take = [&](int64_t first) -> Found {
      auto lanes = llvm::to_vector(llvm::seq<int64_t>(first, first + half));
      auto shuffle = [&](Value value) -> Value {
        return vector::ShuffleOp::create(builder, loc, value, value, lanes);
      };
      return {shuffle(found.element), shuffle(found.place)};
    };
    found = buildFound(builder, loc, op, take(0), take(half));
  }
  if (width == 1)
    return found;
  return {vector::ExtractOp::create(builder, loc, found.element, 0),
          vector::ExtractOp::create(builder, loc, found.place, 0)};
}

/// The place in the row that stands from `begin` on, which has elements.
Value ArgReduceKernel::emitRow(Dim begin) {
  ElementEmitter emitter(function, builder, width);
  IndexBuilder &indices = emitter.getIndices();
  DimBuilder &dims = indices.uniform();
  Type i64 = builder.getI64Type();
  // All lanes begin with the first element.
  Found found = {emitter.broadcast(emitter.load(function.getFlat(op.getInput()),
                                                LaneIndex(begin), type)),
                 emitter.broadcast(emitter.constant(i64, 0))};
  Dim rest = indices.rem(size, width), whole = dims.sub(size, rest);
  auto loop = scf::ForOp::create(
      builder, loc, indices.value(0), indices.value(whole),
      indices.value(width), list(found),
      [&](OpBuilder &nested, Location, Value i, ValueRange carried) {
        OpBuilder::InsertionGuard guard(builder);
        builder.restoreInsertionPoint(nested.saveInsertionPoint());
        scf::YieldOp::create(
            builder, loc,
            list(visit({carried[0], carried[1]}, begin, i, Value())));
      });
  found = {loop.getResult(0), loop.getResult(1)};
  if (width != 1 && !(rest.isConstant() && rest.getConstant() == 0)) {
    Value mask = vector::CreateMaskOp::create(
        builder, loc, VectorType::get({width}, builder.getI1Type()),
        ValueRange(indices.value(rest)));
    found = visit(found, begin, indices.value(whole), mask);
  }
  return reduceLanes(found).place;
}

void ArgReduceKernel::emitBody() {
  emitUnitLoop(function, {rows}, [&](OpBuilder &, ArrayRef<Dim> unit) {
    ElementEmitter emitter(function, builder, 1);
    IndexBuilder &indices = emitter.getIndices();
    Dim begin = indices.uniform().mul(unit[0], size);
    // An empty row has no first element; its result is 0.
    Type i64 = builder.getI64Type();
    Value place = size.isConstant()
                      ? emitRow(begin)
                      : emitter.branch(
                            indices.less(size, 1), i64,
                            [&] { return emitter.constant(i64, 0); },
                            [&] { return emitRow(begin); });
    emitter.store(function.getFlatOutput(0), LaneIndex(unit[0]), place);
  });
}

static bool matchesArgReduce(KernelOp kernel) {
  auto op = getOnlyOp<ArgReduceOp>(kernel);
  if (!op || !isa<BlockArgument>(op.getInput()))
    return false;
  RankedTensorType type = op.getInput().getType();
  int64_t size = type.getDimSize(op.getAxis());
  return int64_t(op.getAxis()) + 1 == type.getRank() &&
         (ShapedType::isDynamic(size) || size >= kMinRow);
}

const KernelEmitter kArgReduceEmitter = {
    "arg_reduce", matchesArgReduce, /*collapses=*/false,
    emitUnitsOf<ArgReduceKernel>, emitBodyOf<ArgReduceKernel>};

} // namespace tenon::cpu

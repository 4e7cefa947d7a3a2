//===- TopKKernel.cpp - Kernels of the largest elements in order ----------===//
//
// A unit is a line along the axis. The best elements so far are a heap in the
// line of the result, with the worst of them at its root: an element that is
// better takes the root's place and sinks. In the end the roots, taken off one
// after another, fill the line from its end.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/TileEmitter.h"
#include "codegen/cpu/UnitLoop.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {
namespace {

class TopKEmitter {
public:
  explicit TopKEmitter(KernelFunction &function);
  Value emitUnits() { return emitUnitCount(function, outer); }
  void emitBody();

private:
  /// An element and where it stands in the line, if indices are a result.
  using Entry = FoundElement;

  void emitLine(OpBuilder &builder, ArrayRef<Dim> position);
  void sink(OpBuilder &builder, Entry entry, Value root, Value size);
  Entry loadInput(OpBuilder &builder, Value i);
  Entry loadHeap(OpBuilder &builder, Value i);
  void storeHeap(OpBuilder &builder, Entry entry, Value i);
  Value isBefore(OpBuilder &builder, Entry a, Entry b) {
    return buildIsBefore(builder, loc, op, a, b);
  }

  Value load(OpBuilder &builder, Value flat, Dim begin, Dim stride, Value i,
             Type type) {
    ElementEmitter emitter(function, builder, 1);
    DimBuilder &dims = emitter.getIndices().uniform();
    return emitter.load(flat, LaneIndex(dims.add(begin, dims.mul(i, stride))),
                        type);
  }
  void store(OpBuilder &builder, Value flat, Value i, Value element) {
    ElementEmitter emitter(function, builder, 1);
    DimBuilder &dims = emitter.getIndices().uniform();
    emitter.store(flat,
                  LaneIndex(dims.add(outputBegin, dims.mul(i, outputStride))),
                  element);
  }
  Value constant(OpBuilder &builder, int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }

  KernelFunction &function;
  TopKOp op;
  Location loc;
  Type type;
  SmallVector<Dim> inputShape, outputShape, outer;
  int64_t axis;
  /// The results that are wanted, as flat memory.
  Value values, places;
  /// Of the line that is being emitted.
  Dim inputBegin, inputStride, outputBegin, outputStride;
};

} // namespace

Value buildIsBefore(OpBuilder &builder, Location loc, TopKOp op, FoundElement a,
                    FoundElement b) {
  bool isUnsigned = getElementTypeOrSelf(op.getInput()).isUnsignedInteger();
  if (!op.getLargest())
    std::swap(a.element, b.element);
  Value isFirst =
      buildIsGreater(builder, loc, a.element, b.element, isUnsigned);
  if (!a.place)
    return isFirst;
  Value isOther =
      buildIsGreater(builder, loc, b.element, a.element, isUnsigned);
  Value isEarlier = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::slt, a.place, b.place);
  Value no = arith::ConstantIntOp::create(builder, loc, 0, 1);
  Value ifNotFirst =
      arith::SelectOp::create(builder, loc, isOther, no, isEarlier);
  Value yes = arith::ConstantIntOp::create(builder, loc, 1, 1);
  return arith::SelectOp::create(builder, loc, isFirst, yes, ifNotFirst);
}

TopKEmitter::TopKEmitter(KernelFunction &function)
    : function(function), op(getOnlyOp<TopKOp>(function.getKernel())),
      loc(function.getLoc()), type(function.getElementType(op.getInput())),
      inputShape(function.getShape(op.getInput())), axis(op.getAxis()) {
  outputShape = inputShape;
  outputShape[axis] = function.getShapeElement(op.getK(), 0);
  outer = inputShape;
  outer.erase(outer.begin() + axis);
}

TopKEmitter::Entry TopKEmitter::loadInput(OpBuilder &builder, Value i) {
  Value element = load(builder, function.getFlat(op.getInput()), inputBegin,
                       inputStride, i, type);
  Value index =
      places ? arith::IndexCastOp::create(builder, loc, builder.getI64Type(), i)
                   .getResult()
             : Value();
  return {element, index};
}

TopKEmitter::Entry TopKEmitter::loadHeap(OpBuilder &builder, Value i) {
  if (!places)
    return {load(builder, values, outputBegin, outputStride, i, type), {}};
  Value index =
      load(builder, places, outputBegin, outputStride, i, builder.getI64Type());
  Value position =
      arith::IndexCastOp::create(builder, loc, builder.getIndexType(), index);
  return {loadInput(builder, position).element, index};
}

void TopKEmitter::storeHeap(OpBuilder &builder, Entry entry, Value i) {
  if (places)
    store(builder, places, i, entry.place);
  if (values)
    store(builder, values, i, entry.element);
}

/// Puts `entry` at `root` or below it, in a heap of `size` entries.
void TopKEmitter::sink(OpBuilder &builder, Entry entry, Value root,
                       Value size) {
  Type indexType = builder.getIndexType();
  Value one = constant(builder, 1), two = constant(builder, 2);
  Value last = arith::SubIOp::create(builder, loc, size, one);
  auto loop = scf::WhileOp::create(
      builder, loc, TypeRange{indexType, indexType}, ValueRange(root),
      [&](OpBuilder &nested, Location, ValueRange hole) {
        Value twice = arith::MulIOp::create(nested, loc, hole[0], two);
        Value child = arith::AddIOp::create(nested, loc, twice, one);
        Value hasChild = arith::CmpIOp::create(
            nested, loc, arith::CmpIPredicate::slt, child, size);
        auto found = scf::IfOp::create(
            nested, loc, hasChild,
            [&](OpBuilder &inner, Location) {
              Value next = arith::AddIOp::create(inner, loc, child, one);
              Value right = arith::MinSIOp::create(inner, loc, next, last);
              Entry first = loadHeap(inner, child);
              Entry second = loadHeap(inner, right);
              Value isFirstBetter = isBefore(inner, first, second);
              auto select = [&](Value a, Value b) {
                return a ? arith::SelectOp::create(inner, loc, isFirstBetter, a,
                                                   b)
                               .getResult()
                         : Value();
              };
              Entry worst = {select(second.element, first.element),
                             select(second.place, first.place)};
              Value sinks = isBefore(inner, entry, worst);
              scf::YieldOp::create(inner, loc,
                                   ValueRange{sinks, select(right, child)});
            },
            [&](OpBuilder &inner, Location) {
              Value no = arith::ConstantIntOp::create(inner, loc, 0, 1);
              scf::YieldOp::create(inner, loc, ValueRange{no, hole[0]});
            });
        scf::ConditionOp::create(nested, loc, found.getResult(0),
                                 ValueRange{hole[0], found.getResult(1)});
      },
      [&](OpBuilder &nested, Location, ValueRange move) {
        storeHeap(nested, loadHeap(nested, move[1]), move[0]);
        scf::YieldOp::create(nested, loc, move[1]);
      });
  storeHeap(builder, entry, loop.getResult(0));
}

void TopKEmitter::emitLine(OpBuilder &builder, ArrayRef<Dim> position) {
  IndexBuilder indices(builder, loc, 1);
  DimBuilder &dims = indices.uniform();
  SmallVector<LaneIndex> index(position.begin(), position.end());
  index.insert(index.begin() + axis, LaneIndex(0));
  inputBegin = indices.linearize(index, inputShape).base;
  outputBegin = indices.linearize(index, outputShape).base;
  inputStride = indices.product(ArrayRef(inputShape).drop_front(axis + 1));
  outputStride = inputStride;

  Value zero = indices.value(0), one = indices.value(1);
  Value size = indices.value(inputShape[axis]);
  // More elements than there are can't be had; none is right where k is wrong.
  Value wanted = indices.value(outputShape[axis]);
  function.failIf(builder, indices.less(Dim(size), Dim(wanted)),
                  TENON_KERNEL_SIZE_OUT_OF_RANGE, [&](OpBuilder &) {
                    return KernelFunction::WrongNumber{wanted, size};
                  });
  Value k = indices.value(dims.max(dims.min(Dim(wanted), Dim(size)), 0));
  emitLoop(builder, loc, zero, k, [&](OpBuilder &nested, Value i) {
    storeHeap(nested, loadInput(nested, i), i);
  });
  // The first elements become a heap from its last parent on.
  Value half = indices.value(indices.div(Dim(k), 2));
  emitLoop(builder, loc, zero, half, [&](OpBuilder &nested, Value i) {
    DimBuilder dims(nested, loc);
    Value parent = dims.sub(dims.sub(Dim(half), 1), i).getValue();
    sink(nested, loadHeap(nested, parent), parent, k);
  });
  Value rest = indices.value(dims.selectEqual(Dim(k), 0, Dim(size), Dim(k)));
  emitLoop(builder, loc, rest, size, [&](OpBuilder &nested, Value i) {
    Entry entry = loadInput(nested, i);
    Value isBetter = isBefore(nested, entry, loadHeap(nested, zero));
    scf::IfOp::create(nested, loc, isBetter, [&](OpBuilder &inner, Location) {
      sink(inner, entry, zero, k);
      scf::YieldOp::create(inner, loc);
    });
  });
  emitLoop(builder, loc, one, k, [&](OpBuilder &nested, Value i) {
    DimBuilder dims(nested, loc);
    Value last = dims.sub(Dim(k), i).getValue();
    Entry root = loadHeap(nested, zero), entry = loadHeap(nested, last);
    storeHeap(nested, root, last);
    sink(nested, entry, zero, last);
  });
}

void TopKEmitter::emitBody() {
  for (auto [i, yielded] :
       llvm::enumerate(function.getKernel().getYield().getOperands())) {
    bool isValues = cast<OpResult>(yielded).getResultNumber() == 0;
    (isValues ? values : places) = function.getFlatOutput(i);
  }
  emitUnitLoop(function, outer, [&](OpBuilder &builder, ArrayRef<Dim> index) {
    emitLine(builder, index);
  });
}

const KernelEmitter kTopKEmitter = {
    "top-k", [](KernelOp kernel) { return bool(getOnlyOp<TopKOp>(kernel)); },
    /*collapses=*/false, emitUnitsOf<TopKEmitter>, emitBodyOf<TopKEmitter>};

} // namespace tenon::cpu

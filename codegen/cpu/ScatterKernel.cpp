//===- ScatterKernel.cpp - Kernels of updates at computed places ----------===//
//
// Updates of one element follow each other in their order, whatever the number
// of threads. So a unit owns elements of the result: of `scatter_elements` the
// slabs from the axis on, of `scatter_nd` a part of every slice. It copies the
// input there, then goes over the updates that may hit it.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/TileEmitter.h"
#include "codegen/cpu/UnitLoop.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {

/// Elements of a slice in one unit.
static constexpr int64_t kChunkSize = 4096;

Value buildUpdated(OpBuilder &builder, Location loc, ScatterReduction kind,
                   Value old, Value update, bool isUnsigned) {
  Type type = getElementTypeOrSelf(old);
  bool isFloat = isa<FloatType>(type), isBool = type.isInteger(1);
  switch (kind) {
  case ScatterReduction::None:
    return update;
  case ScatterReduction::Add:
    if (isFloat)
      return arith::AddFOp::create(builder, loc, old, update);
    if (isBool)
      return arith::OrIOp::create(builder, loc, old, update);
    return arith::AddIOp::create(builder, loc, old, update);
  case ScatterReduction::Mul:
    if (isFloat)
      return arith::MulFOp::create(builder, loc, old, update);
    return arith::MulIOp::create(builder, loc, old, update);
  case ScatterReduction::Max:
    if (isFloat)
      return arith::MaximumFOp::create(builder, loc, old, update);
    if (isUnsigned || isBool)
      return arith::MaxUIOp::create(builder, loc, old, update);
    return arith::MaxSIOp::create(builder, loc, old, update);
  case ScatterReduction::Min:
    if (isFloat)
      return arith::MinimumFOp::create(builder, loc, old, update);
    if (isUnsigned || isBool)
      return arith::MinUIOp::create(builder, loc, old, update);
    return arith::MinSIOp::create(builder, loc, old, update);
  }
  llvm_unreachable("unknown reduction");
}

namespace {

/// Both operations: memory and types that they have in common.
template <typename OpT> class ScatterEmitter {
public:
  explicit ScatterEmitter(KernelFunction &function)
      : function(function), op(getOnlyOp<OpT>(function.getKernel())),
        loc(function.getLoc()), shape(function.getShape(op.getInput())),
        indexShape(function.getShape(op.getIndices())),
        updateShape(function.getShape(op.getUpdates())),
        type(function.getElementType(op.getInput())) {}

  Value emitUnits() { return emitUnitCount(function, getUnitShape()); }
  void emitBody();

private:
  SmallVector<Dim> getUnitShape();
  void emitUnit(OpBuilder &builder, ArrayRef<Dim> unit);
  void copy(OpBuilder &builder, Dim begin, Dim count) {
    emitCopy(builder, loc, function.getWidth(getMemoryType(type)),
             function.getFlat(op.getInput()), begin, function.getFlatOutput(0),
             begin, count);
  }
  /// Updates the elements at `position` with those at `from`.
  void update(ElementEmitter &emitter, LaneIndex from, LaneIndex position) {
    OpBuilder &builder = emitter.getBuilder();
    Value element = emitter.load(function.getFlat(op.getUpdates()), from, type);
    if (op.getReduction() != ScatterReduction::None) {
      Value old = emitter.load(function.getFlatOutput(0), position, type);
      element = buildUpdated(builder, loc, op.getReduction(), old, element,
                             type.isUnsignedInteger());
    }
    emitter.store(function.getFlatOutput(0), position, element);
  }
  /// Calls `body` with every index in the dimensions of `sizes` from `first`
  /// on, behind those that `index` has.
  void emitLoops(OpBuilder &builder, ArrayRef<Dim> sizes, size_t first,
                 SmallVector<LaneIndex> index,
                 function_ref<void(OpBuilder &, ArrayRef<LaneIndex>)> body) {
    if (first == sizes.size())
      return body(builder, index);
    IndexBuilder indices(builder, loc, 1);
    emitLoop(builder, loc, indices.value(0), indices.value(sizes[first]),
             [&](OpBuilder &nested, Value i) {
               SmallVector<LaneIndex> next(index);
               next.push_back(LaneIndex(i));
               emitLoops(nested, sizes, first + 1, next, body);
             });
  }
  void ifTrue(OpBuilder &builder, Value condition,
              function_ref<void(OpBuilder &)> body) {
    if (!condition)
      return body(builder);
    scf::IfOp::create(builder, loc, condition,
                      [&](OpBuilder &nested, Location) {
                        body(nested);
                        scf::YieldOp::create(nested, loc);
                      });
  }

  KernelFunction &function;
  OpT op;
  Location loc;
  SmallVector<Dim> shape, indexShape, updateShape;
  Type type;
};

} // namespace

template <typename OpT> void ScatterEmitter<OpT>::emitBody() {
  emitUnitLoop(
      function, getUnitShape(),
      [&](OpBuilder &builder, ArrayRef<Dim> unit) { emitUnit(builder, unit); });
}

template <> SmallVector<Dim> ScatterEmitter<ScatterElementsOp>::getUnitShape() {
  return SmallVector<Dim>(ArrayRef(shape).take_front(op.getAxis()));
}

template <>
void ScatterEmitter<ScatterElementsOp>::emitUnit(OpBuilder &builder,
                                                 ArrayRef<Dim> unit) {
  int64_t axis = op.getAxis();
  IndexBuilder indices(builder, loc, 1);
  Dim slab = indices.product(ArrayRef(shape).drop_front(axis));
  SmallVector<LaneIndex> index(unit.begin(), unit.end());
  Dim begin = indices.uniform().mul(
      indices.linearize(index, ArrayRef(shape).take_front(axis)).base, slab);
  copy(builder, begin, slab);
  // Indices may end before the input does.
  Value isThere;
  for (int64_t i = 0; i != axis; ++i) {
    Value isInside = indices.less(unit[i], indexShape[i]);
    isThere =
        isThere
            ? arith::AndIOp::create(builder, loc, isThere, isInside).getResult()
            : isInside;
  }
  // Nor do they go on where it ends: sizes are checked, but by another part of
  // the model.
  SmallVector<Dim> sizes(indexShape);
  for (int64_t i = axis + 1, e = sizes.size(); i != e; ++i)
    sizes[i] = indices.uniform().min(sizes[i], shape[i]);
  ifTrue(builder, isThere, [&](OpBuilder &nested) {
    emitLoops(nested, sizes, axis, index,
              [&](OpBuilder &inner, ArrayRef<LaneIndex> index) {
                ElementEmitter emitter(function, inner, 1);
                IndexBuilder &indices = emitter.getIndices();
                LaneIndex from = indices.linearize(index, indexShape);
                Value element =
                    emitter.load(function.getFlat(op.getIndices()), from,
                                 function.getElementType(op.getIndices()));
                auto [at, isGood] =
                    buildCheckedIndex(emitter, element, shape[axis]);
                SmallVector<LaneIndex> target(index);
                target[axis] = at;
                ifTrue(inner, isGood, [&](OpBuilder &innermost) {
                  ElementEmitter emitter(function, innermost, 1);
                  update(emitter, from,
                         emitter.getIndices().linearize(target, shape));
                });
              });
  });
}

template <> SmallVector<Dim> ScatterEmitter<ScatterNdOp>::getUnitShape() {
  OpBuilder &builder = function.getBuilder();
  int64_t depth = indexShape.back().getConstant();
  Dim slice =
      IndexBuilder(builder, loc, 1).product(ArrayRef(shape).drop_front(depth));
  return {getChunks(builder, loc, slice, kChunkSize).count};
}

template <>
void ScatterEmitter<ScatterNdOp>::emitUnit(OpBuilder &builder,
                                           ArrayRef<Dim> unit) {
  int64_t depth = indexShape.back().getConstant();
  IndexBuilder indices(builder, loc, 1);
  Dim slice = indices.product(ArrayRef(shape).drop_front(depth));
  Dim numSlices = indices.product(ArrayRef(shape).take_front(depth));
  Dim numUpdates = indices.product(ArrayRef(indexShape).drop_back());
  Chunks chunks = getChunks(builder, loc, slice, kChunkSize);
  auto [begin, end] = chunks.getRange(builder, loc, unit[0], slice);
  if (chunks.count.isConstant() && chunks.count.getConstant() <= 1) {
    copy(builder, 0, indices.uniform().mul(slice, numSlices));
  } else {
    Dim first = begin, count = indices.uniform().sub(end, begin);
    emitLoop(builder, loc, indices.value(0), indices.value(numSlices),
             [&](OpBuilder &nested, Value i) {
               DimBuilder dims(nested, loc);
               copy(nested, dims.add(dims.mul(i, slice), first), count);
             });
  }
  Dim chunkBegin = begin, chunkEnd = end;
  emitLoop(
      builder, loc, indices.value(0), indices.value(numUpdates),
      [&](OpBuilder &nested, Value i) {
        ElementEmitter emitter(function, nested, 1);
        IndexBuilder &indices = emitter.getIndices();
        DimBuilder &dims = indices.uniform();
        Dim row = dims.mul(i, depth), target = 0;
        Value isGood;
        for (int64_t k = 0; k != depth; ++k) {
          Value element = emitter.load(
              function.getFlat(op.getIndices()), LaneIndex(dims.add(row, k)),
              function.getElementType(op.getIndices()));
          CheckedIndex checked = buildCheckedIndex(emitter, element, shape[k]);
          target = dims.add(dims.mul(target, shape[k]), checked.index.base);
          isGood = isGood ? arith::AndIOp::create(nested, loc, isGood,
                                                  checked.isGood)
                                .getResult()
                          : checked.isGood;
        }
        ifTrue(nested, isGood, [&](OpBuilder &inner) {
          DimBuilder dims(inner, loc);
          Dim from = dims.mul(i, slice), to = dims.mul(target, slice);
          int64_t width = function.getWidth(getMemoryType(type));
          if (slice.isConstant() && slice.getConstant() < width)
            width = 1;
          emitVectorLoop(inner, loc, chunkBegin, chunkEnd, width,
                         [&](OpBuilder &innermost, Value at, Value mask) {
                           ElementEmitter emitter(function, innermost, width,
                                                  mask);
                           DimBuilder &dims = emitter.getIndices().uniform();
                           Dim step = width == 1 ? 0 : 1;
                           update(emitter, LaneIndex(dims.add(from, at), step),
                                  LaneIndex(dims.add(to, at), step));
                         });
        });
      });
}

template <typename OpT>
static constexpr KernelEmitter makeEmitter(StringLiteral name) {
  return {name, [](KernelOp kernel) { return bool(getOnlyOp<OpT>(kernel)); },
          /*collapses=*/false, emitUnitsOf<ScatterEmitter<OpT>>,
          emitBodyOf<ScatterEmitter<OpT>>};
}

const KernelEmitter kScatterElementsEmitter =
    makeEmitter<ScatterElementsOp>("scatter-elements");
const KernelEmitter kScatterNdEmitter = makeEmitter<ScatterNdOp>("scatter-nd");

} // namespace tenon::cpu

//===- ScatterKernel.cpp - Updates at computed places ---------------------===//
//
// Updates of one element follow each other in their order, as on a processor
// (codegen/cpu/ScatterKernel.cpp). A unit is a piece of the result, which a
// block owns, and of which each of its threads owns some elements. They copy
// the input there. Then they look at all updates that may hit the piece, one
// each at a time: where it begins in the piece, and whether it hits it. All
// threads go over those that do, and each updates the elements that it owns.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/Team.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cuda {

static constexpr int64_t kBlockThreads = 256;

/// Elements in a piece. Each piece looks at all updates that may hit it, so it
/// should not be small; nor may there be few of them.
static constexpr int64_t kPieceSize = 4 * kBlockThreads;

namespace {

/// What both operations have in common.
class ScatterKernel {
public:
  Value emitUnits() { return cpu::emitUnitCount(function, getUnitShape()); }
  void emitBody();

protected:
  template <typename OpT>
  ScatterKernel(cpu::KernelFunction &function, OpT op)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()), code(builder, loc), dims(builder, loc),
        indices(builder, loc, 1), input(op.getInput()),
        indexTensor(op.getIndices()), updates(op.getUpdates()),
        reduction(op.getReduction()), shape(function.getShape(input)),
        indexShape(function.getShape(indexTensor)),
        type(function.getElementType(input)) {}
  ~ScatterKernel() = default;

  virtual SmallVector<Dim> getUnitShape() = 0;
  /// Sets what follows it for the piece that is `unit`.
  virtual void enterPiece(ArrayRef<Dim> unit) = 0;
  Dim size, numUpdates;
  /// How many elements that follow each other an update changes.
  Dim length = 1;

  /// Where element `i` of the piece is in the result.
  virtual Dim getPosition(Value i) = 0;
  /// The element of the piece with which `update` begins. It may be before the
  /// piece; where the update hits nothing in it, it is `size` or beyond.
  virtual Value findBegin(Value update) = 0;
  /// Where element `i` of `update` is in the updates.
  virtual Dim getSource(Value update, Value i) = 0;

  /// The index at `position`, in a dimension of `limit`.
  cpu::CheckedIndex loadIndex(Dim position, Dim limit) {
    cpu::ElementEmitter emitter(function, builder, /*width=*/1);
    Value element =
        emitter.load(function.getFlat(indexTensor), cpu::LaneIndex(position),
                     function.getElementType(indexTensor));
    return cpu::buildCheckedIndex(emitter, element, limit);
  }

  cpu::KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  BlockCode code;
  DimBuilder dims;
  cpu::IndexBuilder indices;
  Value input, indexTensor, updates;
  ScatterReduction reduction;
  SmallVector<Dim> shape, indexShape;
  Type type;

private:
  void emitRound(Value first);
  void emitUpdate(Value update, Value begin);
  Value getMark(Value lane);

  Value thread;
  /// Of a round: where each update begins, and for those of each warp a word,
  /// whose highest bit is for the first lane's.
  Value begins, marks;
};

/// A piece is some rows of `numColumns` columns in the dimensions from the axis
/// on: rows lie along the axis, columns in the dimensions behind it.
class ScatterElementsKernel final : public ScatterKernel {
public:
  ScatterElementsKernel(cpu::KernelFunction &function, int64_t);

private:
  SmallVector<Dim> getUnitShape() override;
  void enterPiece(ArrayRef<Dim> unit) override;
  Dim getPosition(Value i) override;
  Value findBegin(Value update) override;
  Dim getSource(Value update, Value i) override;
  Dim getIndexPosition(Dim row, ArrayRef<Dim> columns);
  SmallVector<Dim> getColumns(Dim column);

  /// In all columns one after the other a thread of a warp would be alone.
  static constexpr int64_t kMaxColumns = TENON_WARP_SIZE;
  int64_t axis;
  SmallVector<Dim> innerShape;
  Dim innerSize, maxColumns, maxRows;
  /// Of the piece.
  SmallVector<Dim> outer;
  Dim firstRow, numRows, firstColumn, numColumns;
};

/// A piece is a part of the result in row-major order.
class ScatterNdKernel final : public ScatterKernel {
public:
  ScatterNdKernel(cpu::KernelFunction &function, int64_t);

private:
  SmallVector<Dim> getUnitShape() override;
  void enterPiece(ArrayRef<Dim> unit) override;
  Dim getPosition(Value i) override { return dims.add(first, Dim(i)); }
  Value findBegin(Value update) override;
  Dim getSource(Value update, Value i) override {
    return dims.add(dims.mul(Dim(update), length), Dim(i));
  }

  int64_t depth;
  Dim total;
  /// Of the piece.
  Dim first;
};

} // namespace

//===----------------------------------------------------------------------===//
// Both
//===----------------------------------------------------------------------===//

void ScatterKernel::emitBody() {
  thread = code.thread();
  begins = allocateShared(builder, loc, kBlockThreads, builder.getI64Type());
  marks = allocateShared(builder, loc, kBlockThreads / TENON_WARP_SIZE,
                         builder.getI32Type());
  cpu::emitUnitLoop(
      function, getUnitShape(), [&](OpBuilder &, ArrayRef<Dim> unit) {
        enterPiece(unit);
        Value step = code.constant(kBlockThreads);
        code.loop(thread, code.value(size), step, [&](Value i) {
          cpu::ElementEmitter emitter(function, builder, /*width=*/1);
          cpu::LaneIndex position(getPosition(i));
          emitter.store(function.getFlatOutput(0), position,
                        emitter.load(function.getFlat(input), position, type));
        });
        code.loop(code.constant(0), code.value(numUpdates), step,
                  [&](Value first) { emitRound(first); });
      });
}

/// The bit of a word that is for `lane`.
Value ScatterKernel::getMark(Value lane) {
  Type word = builder.getI32Type();
  Value highest = arith::ConstantIntOp::create(builder, loc, word, INT32_MIN);
  return arith::ShRUIOp::create(
      builder, loc, highest,
      arith::IndexCastOp::create(builder, loc, word, lane));
}

/// The updates from `first` on, one for each thread.
void ScatterKernel::emitRound(Value first) {
  Type word = builder.getI32Type(), i64 = builder.getI64Type();
  Type index = builder.getIndexType();
  Value update = code.add(first, thread), end = code.value(size);
  Value begin = code.choose(
      code.less(update, code.value(numUpdates)), index,
      [&] { return findBegin(update); }, [&] { return end; });
  memref::StoreOp::create(builder, loc,
                          arith::IndexCastOp::create(builder, loc, i64, begin),
                          begins, thread);
  Value hits = code.both(
      code.less(begin, end),
      code.less(code.constant(0), code.add(begin, code.value(length))));
  Value lane = code.rem(thread, TENON_WARP_SIZE);
  Value none = arith::ConstantIntOp::create(builder, loc, word, 0);
  Team::Values mark = reduceLanes(
      builder, loc, TENON_WARP_SIZE, code.choose(hits, getMark(lane), none),
      [&](ValueRange a, ValueRange b) -> Team::Values {
        return {arith::OrIOp::create(builder, loc, a[0], b[0])};
      });
  code.branch(code.isZero(lane), [&] {
    memref::StoreOp::create(builder, loc, mark[0], marks,
                            code.div(thread, TENON_WARP_SIZE));
  });
  code.barrier();
  code.smallLoop(
      code.constant(0), code.constant(kBlockThreads / TENON_WARP_SIZE),
      code.constant(1), [&](Value warp) {
        Value left = memref::LoadOp::create(builder, loc, marks, warp);
        auto loop = scf::WhileOp::create(
            builder, loc, TypeRange(word), ValueRange(left),
            [&](OpBuilder &nested, Location, ValueRange left) {
              Value isLeft = arith::CmpIOp::create(
                  nested, loc, arith::CmpIPredicate::ne, left[0], none);
              scf::ConditionOp::create(nested, loc, isLeft, left);
            },
            [](OpBuilder &, Location, ValueRange) {});
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToEnd(loop.getAfterBody());
        left = loop.getAfterArguments()[0];
        Value lane = arith::IndexCastOp::create(
            builder, loc, index,
            LLVM::CountLeadingZerosOp::create(builder, loc, word, left,
                                              /*is_zero_poison=*/true));
        Value slot = code.add(code.mul(warp, TENON_WARP_SIZE), lane);
        emitUpdate(code.add(first, slot),
                   arith::IndexCastOp::create(
                       builder, loc, index,
                       memref::LoadOp::create(builder, loc, begins, slot)));
        Value rest = arith::XOrIOp::create(builder, loc, left, getMark(lane));
        scf::YieldOp::create(builder, loc, rest);
      });
  code.barrier();
}

/// Updates what the thread owns of the elements from `begin` on.
void ScatterKernel::emitUpdate(Value update, Value begin) {
  Value lower = code.value(dims.max(Dim(begin), 0));
  Value upper = code.value(dims.min(dims.add(Dim(begin), length), size));
  // Each thread owns the elements that come kBlockThreads after its first.
  Value distance = arith::AndIOp::create(
      builder, loc, arith::SubIOp::create(builder, loc, thread, lower),
      code.constant(kBlockThreads - 1));
  code.smallLoop(
      code.add(lower, distance), upper, code.constant(kBlockThreads),
      [&](Value i) {
        cpu::ElementEmitter emitter(function, builder, /*width=*/1);
        cpu::LaneIndex position(getPosition(i));
        Value offset = code.value(dims.sub(Dim(i), Dim(begin)));
        Value element =
            emitter.load(function.getFlat(updates),
                         cpu::LaneIndex(getSource(update, offset)), type);
        if (reduction != ScatterReduction::None) {
          Value old = emitter.load(function.getFlatOutput(0), position, type);
          element = cpu::buildUpdated(builder, loc, reduction, old, element,
                                      type.isUnsignedInteger());
        }
        emitter.store(function.getFlatOutput(0), position, element);
      });
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

ScatterElementsKernel::ScatterElementsKernel(cpu::KernelFunction &function,
                                             int64_t)
    : ScatterKernel(function,
                    cpu::getOnlyOp<ScatterElementsOp>(function.getKernel())),
      axis(cpu::getOnlyOp<ScatterElementsOp>(function.getKernel()).getAxis()),
      innerShape(ArrayRef(shape).drop_front(axis + 1)),
      innerSize(indices.product(innerShape)),
      maxColumns(dims.max(dims.min(innerSize, kMaxColumns), 1)),
      maxRows(dims.floorDiv(kPieceSize, maxColumns)) {}

/// Indices are checked even where the axis is empty.
SmallVector<Dim> ScatterElementsKernel::getUnitShape() {
  SmallVector<Dim> units(ArrayRef(shape).take_front(axis));
  units.push_back(dims.max(dims.ceilDiv(shape[axis], maxRows), 1));
  units.push_back(dims.ceilDiv(innerSize, maxColumns));
  return units;
}

void ScatterElementsKernel::enterPiece(ArrayRef<Dim> unit) {
  outer.assign(unit.begin(), unit.begin() + axis);
  firstRow = dims.mul(unit[axis], maxRows);
  numRows = dims.min(maxRows, dims.sub(shape[axis], firstRow));
  firstColumn = dims.mul(unit[axis + 1], maxColumns);
  bool isFull = innerSize.isConstant() &&
                innerSize.getConstant() % maxColumns.getConstant() == 0;
  numColumns = isFull ? maxColumns
                      : dims.min(maxColumns, dims.sub(innerSize, firstColumn));
  size = dims.mul(numRows, numColumns);
  numUpdates = dims.mul(indexShape[axis], numColumns);
  // Indices may end before the input does.
  for (int64_t i = 0; i != axis; ++i)
    numUpdates = dims.selectLess(unit[i], indexShape[i], numUpdates, 0);
}

Dim ScatterElementsKernel::getPosition(Value i) {
  Dim row = dims.add(firstRow, indices.div(Dim(i), numColumns));
  Dim column = dims.add(firstColumn, indices.rem(Dim(i), numColumns));
  SmallVector<cpu::LaneIndex> index(outer.begin(), outer.end());
  index.push_back(cpu::LaneIndex(row));
  Dim line =
      indices.linearize(index, ArrayRef(shape).take_front(axis + 1)).base;
  return dims.add(dims.mul(line, innerSize), column);
}

Dim ScatterElementsKernel::getSource(Value update, Value) {
  SmallVector<Dim> index(outer);
  index.push_back(indices.div(Dim(update), numColumns));
  Dim column = dims.add(firstColumn, indices.rem(Dim(update), numColumns));
  llvm::append_range(index, indices.delinearize(column, innerShape));
  SmallVector<cpu::LaneIndex> lanes(index.begin(), index.end());
  return indices.linearize(lanes, indexShape).base;
}

Value ScatterElementsKernel::findBegin(Value update) {
  Value end = code.value(size);
  Dim column = indices.rem(Dim(update), numColumns);
  // Indices may end before the input does in these dimensions, too.
  Value isThere;
  SmallVector<Dim> inner =
      indices.delinearize(dims.add(firstColumn, column), innerShape);
  for (auto [i, at] : llvm::enumerate(inner)) {
    Value isInside = indices.less(at, indexShape[axis + 1 + i]);
    isThere = isThere ? code.both(isThere, isInside) : isInside;
  }
  auto find = [&]() -> Value {
    auto [at, isGood] = loadIndex(getSource(update, {}), shape[axis]);
    Dim row = dims.sub(at.base, firstRow);
    Value isHit =
        code.both(isGood, code.isWithin(code.value(row), code.value(numRows)));
    Value begin = code.value(dims.add(dims.mul(row, numColumns), column));
    return code.choose(isHit, begin, end);
  };
  return isThere ? code.choose(isThere, builder.getIndexType(), find,
                               [&] { return end; })
                 : find();
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

ScatterNdKernel::ScatterNdKernel(cpu::KernelFunction &function, int64_t)
    : ScatterKernel(function,
                    cpu::getOnlyOp<ScatterNdOp>(function.getKernel())),
      depth(indexShape.back().getConstant()), total(indices.product(shape)) {
  length = indices.product(ArrayRef(shape).drop_front(depth));
}

/// Indices are checked even where there are no slices.
SmallVector<Dim> ScatterNdKernel::getUnitShape() {
  return {dims.max(dims.ceilDiv(total, kPieceSize), dims.min(length, 1))};
}

void ScatterNdKernel::enterPiece(ArrayRef<Dim> unit) {
  first = dims.mul(unit[0], kPieceSize);
  size = dims.min(kPieceSize, dims.sub(total, first));
  numUpdates = indices.product(ArrayRef(indexShape).drop_back());
}

Value ScatterNdKernel::findBegin(Value update) {
  Dim row = dims.mul(Dim(update), depth), slice = 0;
  Value areGood;
  for (int64_t k = 0; k != depth; ++k) {
    auto [at, isGood] = loadIndex(dims.add(row, k), shape[k]);
    slice = dims.add(dims.mul(slice, shape[k]), at.base);
    areGood = areGood ? code.both(areGood, isGood) : isGood;
  }
  Value begin = code.value(dims.sub(dims.mul(slice, length), first));
  return areGood ? code.choose(areGood, begin, code.value(size)) : begin;
}

//===----------------------------------------------------------------------===//

template <typename OpT> static int64_t chooseThreads(KernelOp kernel) {
  return cpu::getOnlyOp<OpT>(kernel) ? kBlockThreads : 0;
}

const cpu::KernelEmitter kScatterElementsEmitter =
    makeEmitter<ScatterElementsKernel, chooseThreads<ScatterElementsOp>,
                kBlockThreads>("block_scatter_elements");
const cpu::KernelEmitter kScatterNdEmitter =
    makeEmitter<ScatterNdKernel, chooseThreads<ScatterNdOp>, kBlockThreads>(
        "block_scatter_nd");

} // namespace tenon::cuda

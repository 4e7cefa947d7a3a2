//===- ElementSampling.cpp - Elements between elements, anywhere ----------===//
//
// Positions come from data, so that nothing is taken for granted of them: what
// is no number, or too large for an index, is limited before it becomes one.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

using Index = ElementEmitter::Index;

namespace {

/// Arithmetic on floats in lanes.
class LaneFloats {
public:
  LaneFloats(ElementEmitter &emitter, Type type)
      : emitter(emitter), builder(emitter.getBuilder()), loc(emitter.getLoc()),
        indices(emitter.getIndices()), type(type) {}

  Value constant(double value) {
    return emitter.broadcast(emitter.constant(type, value));
  }
  Value add(Value a, Value b) { return create<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return create<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return create<arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return create<arith::DivFOp>(a, b); }
  /// Of a number and none, the number.
  Value min(Value a, Value b) { return create<arith::MinNumFOp>(a, b); }
  Value max(Value a, Value b) { return create<arith::MaxNumFOp>(a, b); }
  Value floor(Value a) { return math::FloorOp::create(builder, loc, a); }
  Value ceil(Value a) { return math::CeilOp::create(builder, loc, a); }
  Value round(Value a) { return math::RoundEvenOp::create(builder, loc, a); }
  Value less(Value a, Value b) {
    return arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
  }
  Value both(Value a, Value b) { return create<arith::AndIOp>(a, b); }
  Value either(Value a, Value b) { return create<arith::OrIOp>(a, b); }
  Value select(Value condition, Value a, Value b) {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  }
  /// A size or index that is the same in all lanes.
  Value fromDim(Dim dim) {
    Value value = arith::IndexCastOp::create(builder, loc, builder.getI64Type(),
                                             indices.value(dim));
    return emitter.broadcast(
        arith::SIToFPOp::create(builder, loc, type, value));
  }
  Value fromIndex(const LaneIndex &at) {
    Value value = arith::IndexCastOp::create(
        builder, loc, emitter.getVectorType(builder.getI64Type()),
        indices.vector(at));
    return arith::SIToFPOp::create(builder, loc, emitter.getVectorType(type),
                                   value);
  }
  /// An element of a float tensor.
  Value load(Value tensor, Index index) {
    return convertFloat(builder, loc, emitter.getVector(tensor, index), type);
  }
  /// The integer below a number that fits into 32 bits.
  LaneIndex toIndex(Value a) {
    Value value = arith::FPToSIOp::create(
        builder, loc, emitter.getVectorType(builder.getI32Type()), floor(a));
    value = arith::IndexCastOp::create(
        builder, loc, emitter.getVectorType(builder.getIndexType()), value);
    return emitter.getWidth() == 1 ? LaneIndex(value)
                                   : LaneIndex::general(value);
  }
  /// The same of one that is the same in all lanes.
  Dim toDim(Value a) {
    LaneIndex at = toIndex(a);
    return at.lanes ? Dim(vector::ExtractOp::create(builder, loc, at.lanes, 0)
                              .getResult())
                    : at.base;
  }
  Value isInside(const LaneIndex &at, Dim size) {
    return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                 indices.vector(at),
                                 indices.vector(LaneIndex(size)));
  }

  ElementEmitter &emitter;
  OpBuilder &builder;
  Location loc;
  IndexBuilder &indices;
  Type type;

private:
  template <typename Op> Value create(Value a, Value b) {
    return Op::create(builder, loc, a, b);
  }
};

//===----------------------------------------------------------------------===//
// Samples at positions
//===----------------------------------------------------------------------===//

class SampleEmitter {
public:
  SampleEmitter(ElementEmitter &emitter, SampleOp op, Index index)
      : emitter(emitter), op(op), index(index),
        floats(emitter, getComputeType(emitter, op)) {}

  Value build();

private:
  struct Tap {
    LaneIndex index;
    Value isInside;
    Value weight; // null: 1
  };

  static Type getComputeType(ElementEmitter &emitter, SampleOp op) {
    Type input = emitter.getFunction().getElementType(op.getInput());
    Type position = emitter.getFunction().getElementType(op.getPositions());
    return input.isF64() || position.isF64()
               ? Type(emitter.getBuilder().getF64Type())
               : Type(emitter.getBuilder().getF32Type());
  }

  Value reflect(Value x, Value low, Value high);
  Value fold(Value x, Dim size);
  Tap getTap(Value x, Dim size, Value weight);
  SmallVector<Tap> getTaps(Value x, Dim size);
  Value buildFrom(size_t i, SmallVector<LaneIndex> inputIndex, Value isInside);

  ElementEmitter &emitter;
  SampleOp op;
  Index index;
  LaneFloats floats;
  SmallVector<SmallVector<Tap>> taps;
};

} // namespace

/// `x` mirrored at both ends until it lies between them.
Value SampleEmitter::reflect(Value x, Value low, Value high) {
  LaneFloats &f = floats;
  // How far it is from the begin, in a period of there and back. A range
  // without extent has one position.
  Value extent = f.max(f.sub(high, low), f.constant(1e-20));
  Value period = f.add(extent, extent);
  Value offset = f.sub(x, low);
  Value rounds = f.floor(f.div(offset, period));
  Value rest = f.sub(offset, f.mul(rounds, period));
  Value back = f.sub(period, rest);
  return f.add(low, f.min(rest, back));
}

/// A coordinate outside of the input as the padding has it.
Value SampleEmitter::fold(Value x, Dim size) {
  LaneFloats &f = floats;
  if (op.getPadding() == SamplePadding::Zeros)
    return x;
  Value last = f.fromDim(emitter.getIndices().uniform().sub(size, 1));
  bool aligned = op.getAlignCorners();
  Value low = f.constant(aligned ? 0 : -0.5);
  Value high = aligned ? last : f.add(last, f.constant(0.5));
  // Between the edges of the outer elements a coordinate stays as it is.
  Value isOutside = f.either(f.less(x, low), f.less(high, x));
  Value inside = op.getPadding() == SamplePadding::Border
                     ? f.max(f.min(x, last), f.constant(0))
                     : reflect(x, low, high);
  return f.select(isOutside, inside, x);
}

/// The element at a coordinate without fraction.
SampleEmitter::Tap SampleEmitter::getTap(Value x, Dim size, Value weight) {
  LaneFloats &f = floats;
  IndexBuilder &indices = emitter.getIndices();
  Value folded = fold(x, size);
  // The elements next to the outer ones stand for all that are farther away.
  Value limit = f.fromDim(size);
  LaneIndex at = f.toIndex(f.max(f.min(folded, limit), f.constant(-1)));
  if (op.getPadding() != SamplePadding::Zeros)
    at = indices.max(indices.min(at, indices.uniform().sub(size, 1)), 0);
  return {at, f.isInside(at, size), weight};
}

SmallVector<SampleEmitter::Tap> SampleEmitter::getTaps(Value x, Dim size) {
  LaneFloats &f = floats;
  if (op.getMode() == ResizeMode::Nearest)
    return {getTap(fold(f.round(x), size), size, Value())};
  x = fold(x, size);
  Value low = f.floor(x);
  Value t = f.sub(x, low);
  Value one = f.constant(1);
  Value rest = f.sub(one, t);
  if (op.getMode() == ResizeMode::Linear)
    return {getTap(low, size, rest), getTap(f.add(low, one), size, t)};
  auto weights = buildCubicWeights(emitter.getBuilder(), emitter.getLoc(), t,
                                   op.getCubicCoefficient().convertToDouble());
  SmallVector<Tap> result;
  for (auto [i, weight] : llvm::enumerate(weights))
    result.push_back(
        getTap(f.add(low, f.constant(double(i) - 1)), size, weight));
  return result;
}

Value SampleEmitter::buildFrom(size_t i, SmallVector<LaneIndex> inputIndex,
                               Value isInside) {
  LaneFloats &f = floats;
  bool isNearest = op.getMode() == ResizeMode::Nearest;
  if (i == taps.size()) {
    Type type = getSignless(op.getOutput().getType().getElementType());
    Value element = emitter.inLanes(
        isInside, [&] { return emitter.getVector(op.getInput(), inputIndex); },
        emitter.broadcast(emitter.constant(type, 0)));
    return isNearest ? element
                     : convertFloat(f.builder, f.loc, element, f.type);
  }
  Value sum;
  for (Tap &tap : taps[i]) {
    inputIndex[i + 2] = tap.index;
    Value element =
        buildFrom(i + 1, inputIndex,
                  isInside ? f.both(isInside, tap.isInside) : tap.isInside);
    if (!tap.weight)
      return element;
    Value product = f.mul(element, tap.weight);
    sum = sum ? f.add(sum, product) : product;
  }
  return sum;
}

Value SampleEmitter::build() {
  KernelFunction &function = emitter.getFunction();
  SmallVector<Dim> shape = function.getShape(op.getInput());
  int64_t spatial = shape.size() - 2;
  SmallVector<LaneIndex> positionIndex{index[0]};
  llvm::append_range(positionIndex, index.drop_front(2));
  positionIndex.push_back(LaneIndex(0));
  for (int64_t i = 0; i != spatial; ++i) {
    positionIndex.back() = LaneIndex(spatial - 1 - i);
    Value x = floats.load(op.getPositions(), positionIndex);
    // What is no number is the end; infinities don't survive a reflection.
    x = floats.max(floats.min(x, floats.constant(1e9)), floats.constant(-1e9));
    taps.push_back(getTaps(x, shape[i + 2]));
  }
  SmallVector<LaneIndex> inputIndex(shape.size(), LaneIndex(0));
  inputIndex[0] = index[0];
  inputIndex[1] = index[1];
  Value result = buildFrom(0, inputIndex, Value());
  if (op.getMode() == ResizeMode::Nearest)
    return result;
  return convertFloat(emitter.getBuilder(), emitter.getLoc(), result,
                      op.getOutput().getType().getElementType());
}

//===----------------------------------------------------------------------===//
// Regions
//===----------------------------------------------------------------------===//

/// What is computed in, for elements of `input`.
static Type getComputeType(ElementEmitter &emitter, Value input) {
  Type type = emitter.getFunction().getElementType(input);
  return type.isF64() ? type : Type(emitter.getBuilder().getF32Type());
}

namespace {

class RoiAlignEmitter {
public:
  RoiAlignEmitter(ElementEmitter &emitter, RoiAlignOp op, Index index)
      : emitter(emitter), op(op), index(index),
        floats(emitter, getComputeType(emitter, op.getInput())) {}

  Value build();

private:
  /// One dimension of a region. All lanes are of one region.
  struct Side {
    Value start, binSize;
    /// Of samples in a bin; as a number and as an index.
    Value count;
    Dim countIndex;
    Dim size;
  };
  struct Tap {
    LaneIndex low, high;
    Value lowWeight, highWeight, isInside;
  };

  Value getCorner(int64_t i);
  Side getSide(int64_t axis);
  Tap getTap(const Side &side, const LaneIndex &bin, Value k);

  ElementEmitter &emitter;
  RoiAlignOp op;
  Index index;
  LaneFloats floats;
};

} // namespace

/// Element `i` of the region, in elements of the input.
Value RoiAlignEmitter::getCorner(int64_t i) {
  Value corner = floats.load(op.getRois(), {index[0], LaneIndex(i)});
  corner = floats.mul(corner,
                      floats.constant(op.getSpatialScale().convertToDouble()));
  // Far beyond all images, but within what an index holds.
  corner = floats.max(floats.min(corner, floats.constant(1e8)),
                      floats.constant(-1e8));
  return op.getHalfPixel() ? floats.sub(corner, floats.constant(0.5)) : corner;
}

RoiAlignEmitter::Side RoiAlignEmitter::getSide(int64_t axis) {
  LaneFloats &f = floats;
  Side side;
  side.start = getCorner(axis == 2 ? 1 : 0);
  Value extent = f.sub(getCorner(axis == 2 ? 3 : 2), side.start);
  if (!op.getHalfPixel())
    extent = f.max(extent, f.constant(1));
  side.binSize = f.div(extent, f.constant(op.getOutputSize()[axis - 2]));
  side.size = emitter.getFunction().getShape(op.getInput())[axis];
  if (int64_t ratio = op.getSamplingRatio()) {
    side.count = f.constant(ratio);
    side.countIndex = ratio;
    return side;
  }
  // One sample for each element; but not ever more of them outside of the
  // image.
  Value most =
      f.add(f.mul(f.fromDim(side.size), f.constant(4)), f.constant(16));
  side.count = f.max(f.min(f.ceil(side.binSize), most), f.constant(0));
  side.countIndex = f.toDim(side.count);
  return side;
}

/// The elements around sample `k` of a bin.
RoiAlignEmitter::Tap RoiAlignEmitter::getTap(const Side &side,
                                             const LaneIndex &bin, Value k) {
  LaneFloats &f = floats;
  IndexBuilder &indices = emitter.getIndices();
  Value binNumber = f.fromIndex(bin);
  Value sample = f.add(f.fromDim(Dim(k)), f.constant(0.5));
  Value x = f.add(side.start, f.mul(binNumber, side.binSize));
  x = f.add(x, f.div(f.mul(sample, side.binSize), side.count));
  Value size = f.fromDim(side.size);
  Value isOutside = f.either(f.less(x, f.constant(-1)), f.less(size, x));
  Value isInside = arith::XOrIOp::create(
      f.builder, f.loc, isOutside,
      emitter.broadcast(arith::ConstantIntOp::create(f.builder, f.loc, 1, 1)));
  Value last = f.sub(size, f.constant(1));
  x = f.max(f.min(x, last), f.constant(0));
  Value low = f.floor(x);
  Tap tap;
  tap.highWeight = f.sub(x, low);
  tap.lowWeight = f.sub(f.constant(1), tap.highWeight);
  tap.low = f.toIndex(low);
  tap.high =
      indices.min(indices.add(tap.low, 1), indices.uniform().sub(side.size, 1));
  // An empty image has nothing inside.
  tap.isInside = f.both(isInside, f.isInside(tap.low, side.size));
  return tap;
}

Value RoiAlignEmitter::build() {
  LaneFloats &f = floats;
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Type type = op.getOutput().getType().getElementType();
  CheckedIndex checked =
      buildCheckedIndex(emitter, emitter.get(op.getBatchIndices(), {index[0]}),
                        emitter.getFunction().getShape(op.getInput())[0]);
  bool isMax = op.getKind() == ReduceKind::Max;
  Value zero = f.constant(0);
  Value result = emitter.branch(
      checked.isGood, f.type,
      [&]() -> Value {
        Side rows = getSide(2), columns = getSide(3);
        Value first = isMax ? f.constant(-INFINITY) : zero;
        Value sum = emitter.loop(
            0, rows.countIndex, first,
            [&](Value i, ValueRange carried) -> SmallVector<Value> {
              Tap y = getTap(rows, index[2], i);
              return emitter.loop(
                  0, columns.countIndex, carried,
                  [&](Value j, ValueRange carried) -> SmallVector<Value> {
                    Tap x = getTap(columns, index[3], j);
                    Value inside = f.both(y.isInside, x.isInside);
                    auto product = [&](const LaneIndex &row, Value rowWeight,
                                       const LaneIndex &column,
                                       Value columnWeight) {
                      Value element =
                          f.load(op.getInput(),
                                 {checked.index, index[1], row, column});
                      return f.mul(f.mul(rowWeight, columnWeight), element);
                    };
                    Value sample = emitter.inLanes(
                        inside,
                        [&] {
                          Value products[] = {
                              product(y.low, y.lowWeight, x.low, x.lowWeight),
                              product(y.low, y.lowWeight, x.high, x.highWeight),
                              product(y.high, y.highWeight, x.low, x.lowWeight),
                              product(y.high, y.highWeight, x.high,
                                      x.highWeight)};
                          Value all = products[0];
                          for (Value p : ArrayRef(products).drop_front())
                            all = isMax ? f.max(all, p) : f.add(all, p);
                          return all;
                        },
                        zero);
                    return {isMax ? f.max(carried[0], sample)
                                  : f.add(carried[0], sample)};
                  });
            })[0];
        Value count = f.mul(rows.count, columns.count);
        if (!isMax)
          return f.div(sum, f.max(count, f.constant(1)));
        return f.select(f.less(zero, count), sum, zero);
      },
      [&] { return zero; });
  return convertFloat(builder, loc, result, type);
}

//===----------------------------------------------------------------------===//
// The largest elements of regions
//===----------------------------------------------------------------------===//

namespace {

class MaxRoiPoolEmitter {
public:
  MaxRoiPoolEmitter(ElementEmitter &emitter, MaxRoiPoolOp op, Index index)
      : emitter(emitter), op(op), index(index),
        floats(emitter, getComputeType(emitter, op.getInput())) {}

  Value build();

private:
  /// One dimension of a part of a region. All lanes are of one region.
  struct Side {
    Value begin, end; // within the image
    Dim count;        // of elements of the largest part
    Dim size;
  };

  Value getCorner(int64_t i);
  Side getSide(int64_t axis);

  ElementEmitter &emitter;
  MaxRoiPoolOp op;
  Index index;
  LaneFloats floats;
};

} // namespace

/// Element `i` of the region, rounded to an element of the input, halves away
/// from 0.
Value MaxRoiPoolEmitter::getCorner(int64_t i) {
  LaneFloats &f = floats;
  Value corner = f.load(op.getRois(), {index[0], LaneIndex(i)});
  corner = f.mul(corner, f.constant(op.getSpatialScale().convertToDouble()));
  corner = f.max(f.min(corner, f.constant(1e8)), f.constant(-1e8));
  Value magnitude = f.max(corner, f.sub(f.constant(0), corner));
  // Adding a half would round the number below it up.
  Value below = f.floor(magnitude);
  Value isUp = f.less(f.sub(magnitude, below), f.constant(0.5));
  magnitude = f.select(isUp, below, f.add(below, f.constant(1)));
  return f.select(f.less(corner, f.constant(0)),
                  f.sub(f.constant(0), magnitude), magnitude);
}

MaxRoiPoolEmitter::Side MaxRoiPoolEmitter::getSide(int64_t axis) {
  LaneFloats &f = floats;
  Side side;
  Value start = getCorner(axis == 2 ? 1 : 0);
  Value extent = f.sub(getCorner(axis == 2 ? 3 : 2), start);
  extent = f.max(f.add(extent, f.constant(1)), f.constant(1));
  Value part = f.div(extent, f.constant(op.getOutputSize()[axis - 2]));
  Value number = f.fromIndex(index[axis]);
  side.size = emitter.getFunction().getShape(op.getInput())[axis];
  Value size = f.fromDim(side.size);
  auto clip = [&](Value x) {
    return f.max(f.min(f.add(x, start), size), f.constant(0));
  };
  side.begin = clip(f.floor(f.mul(number, part)));
  side.end = clip(f.ceil(f.mul(f.add(number, f.constant(1)), part)));
  side.count = f.toDim(f.min(f.add(f.ceil(part), f.constant(1)), size));
  return side;
}

Value MaxRoiPoolEmitter::build() {
  LaneFloats &f = floats;
  CheckedIndex checked =
      buildCheckedIndex(emitter, emitter.get(op.getBatchIndices(), {index[0]}),
                        emitter.getFunction().getShape(op.getInput())[0]);
  Value zero = f.constant(0), lowest = f.constant(-INFINITY);
  Value result = emitter.branch(
      checked.isGood, f.type,
      [&]() -> Value {
        Side rows = getSide(2), columns = getSide(3);
        Value largest = emitter.loop(
            0, rows.count, lowest,
            [&](Value i, ValueRange carried) -> SmallVector<Value> {
              Value y = f.add(rows.begin, f.fromDim(Dim(i)));
              return emitter.loop(
                  0, columns.count, carried,
                  [&](Value j, ValueRange carried) -> SmallVector<Value> {
                    Value x = f.add(columns.begin, f.fromDim(Dim(j)));
                    Value isInside =
                        f.both(f.less(y, rows.end), f.less(x, columns.end));
                    Value element = emitter.inLanes(
                        isInside,
                        [&] {
                          return f.load(op.getInput(),
                                        {checked.index, index[1], f.toIndex(y),
                                         f.toIndex(x)});
                        },
                        lowest);
                    return {f.max(carried[0], element)};
                  });
            })[0];
        Value isThere = f.both(f.less(rows.begin, rows.end),
                               f.less(columns.begin, columns.end));
        return f.select(isThere, largest, zero);
      },
      [&] { return zero; });
  return convertFloat(emitter.getBuilder(), emitter.getLoc(), result,
                      op.getOutput().getType().getElementType());
}

bool isSampling(Operation *op) {
  return isa<SampleOp, RoiAlignOp, MaxRoiPoolOp>(op);
}

Value buildSampling(ElementEmitter &emitter, Operation *op, Index index) {
  if (auto sample = dyn_cast<SampleOp>(op))
    return SampleEmitter(emitter, sample, index).build();
  if (auto pool = dyn_cast<MaxRoiPoolOp>(op))
    return MaxRoiPoolEmitter(emitter, pool, index).build();
  return RoiAlignEmitter(emitter, cast<RoiAlignOp>(op), index).build();
}

} // namespace tenon::cpu

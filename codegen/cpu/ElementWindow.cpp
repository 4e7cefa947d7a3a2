//===- ElementWindow.cpp - Elements from windows of the input -------------===//
//
// Pools and reductions where they stand among other operations: each element
// loops over its window. Where lanes lie along the channels, as in nhwc, each
// step is one vector; kernels that are nothing but a reduction have faster
// ways.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Reduction.h"
#include "dialects/tenon/TenonArrayOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cpu {

using Index = ElementEmitter::Index;

namespace {

/// Reduces the window of a pool.
template <typename PoolOp> class PoolEmitter {
public:
  PoolEmitter(ElementEmitter &emitter, PoolOp op, Index index)
      : emitter(emitter), op(op), index(index), indices(emitter.getIndices()),
        dims(indices.uniform()),
        reduction(kIsMax ? ReduceKind::Max : ReduceKind::Sum,
                  emitter.getFunction().getElementType(op.getOutput()),
                  emitter.getBuilder(), emitter.getLoc()) {}

  Value build();

private:
  static constexpr bool kIsMax = std::is_same_v<PoolOp, MaxPoolOp>;

  int64_t numSpatial() { return op.getKernel().size(); }
  int64_t getDim(int64_t spatial) {
    return spatial + (op.getLayout() == Layout::NCHW ? 2 : 1);
  }
  /// `ceil(a / b)` of an index that isn't negative.
  LaneIndex ceilDiv(const LaneIndex &a, int64_t b) {
    return indices.div(indices.add(a, b - 1), b);
  }
  Value buildFrom(int64_t spatial, SmallVector<LaneIndex> inputIndex,
                  Value accumulator);
  Value buildCount(Type type);

  ElementEmitter &emitter;
  PoolOp op;
  Index index;
  IndexBuilder &indices;
  DimBuilder &dims;
  Reduction reduction;
  SmallVector<Dim> shape;
  /// Where the window begins, before the input's begin included.
  SmallVector<LaneIndex> starts;
};

} // namespace

template <typename PoolOp>
Value PoolEmitter<PoolOp>::buildFrom(int64_t spatial,
                                     SmallVector<LaneIndex> inputIndex,
                                     Value accumulator) {
  if (spatial == numSpatial())
    return reduction.add(
        accumulator, emitter.broadcast(emitter.get(op.getInput(), inputIndex)));
  int64_t dim = getDim(spatial);
  int64_t dilation = op.getDilations()[spatial];
  LaneIndex start = starts[spatial];
  Dim lower = 0, upper = op.getKernel()[spatial];
  bool mayBeOutside = op.getPads()[spatial] != 0 ||
                      op.getPads()[spatial + numSpatial()] != 0 ||
                      op.getCeilMode();
  if (start.isUniform() && mayBeOutside) {
    // Only the part inside is visited.
    LaneIndex before = indices.max(indices.sub(LaneIndex(0), start), 0);
    LaneIndex left = indices.max(indices.sub(LaneIndex(shape[dim]), start), 0);
    lower = ceilDiv(before, dilation).base;
    upper = dims.min(ceilDiv(left, dilation).base, upper);
  }
  return emitter.loop(
      lower, upper, accumulator,
      [&](Value k, ValueRange carried) -> SmallVector<Value> {
        LaneIndex at =
            indices.add(start, LaneIndex(dims.mul(Dim(k), dilation)));
        inputIndex[dim] = at;
        if (start.isUniform() || !mayBeOutside)
          return {buildFrom(spatial + 1, inputIndex, carried[0])};
        Value isInside = arith::CmpIOp::create(
            emitter.getBuilder(), emitter.getLoc(), arith::CmpIPredicate::ult,
            indices.vector(at), indices.vector(LaneIndex(shape[dim])));
        return {emitter.inLanes(
            isInside,
            [&] { return buildFrom(spatial + 1, inputIndex, carried[0]); },
            carried[0])};
      })[0];
}

/// How many elements an average divides by, as an accumulator.
template <typename PoolOp> Value PoolEmitter<PoolOp>::buildCount(Type type) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Value count;
  for (int64_t spatial = 0; spatial != numSpatial(); ++spatial) {
    int64_t dilation = op.getDilations()[spatial];
    LaneIndex start = starts[spatial];
    Dim limit = shape[getDim(spatial)];
    LaneIndex before(0);
    if constexpr (!kIsMax) {
      if (op.getCountIncludePad())
        // Of what ceil_mode adds beyond the padding nothing counts.
        limit = dims.add(limit, op.getPads()[spatial + numSpatial()]);
      else
        before =
            ceilDiv(indices.max(indices.sub(LaneIndex(0), start), 0), dilation);
    }
    LaneIndex left = indices.max(indices.sub(LaneIndex(limit), start), 0);
    LaneIndex end =
        indices.min(ceilDiv(left, dilation), op.getKernel()[spatial]);
    LaneIndex size = indices.sub(end, before);
    Value value = indices.vector(size);
    value = arith::IndexCastOp::create(
        builder, loc, emitter.getVectorType(builder.getI32Type()), value);
    value = arith::SIToFPOp::create(builder, loc, type, value);
    count = count
                ? arith::MulFOp::create(builder, loc, count, value).getResult()
                : value;
  }
  return count;
}

template <typename PoolOp> Value PoolEmitter<PoolOp>::build() {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  shape = emitter.getFunction().getShape(op.getInput());
  for (int64_t i = 0; i != numSpatial(); ++i)
    starts.push_back(
        indices.sub(indices.mul(index[getDim(i)], op.getStrides()[i]),
                    LaneIndex(op.getPads()[i])));
  Type type = emitter.getVectorType(reduction.getAccumulatorType());
  Value accumulator =
      buildFrom(0, SmallVector<LaneIndex>(index), reduction.identity(type));
  if constexpr (!kIsMax)
    accumulator =
        arith::DivFOp::create(builder, loc, accumulator, buildCount(type));
  return reduction.finish(accumulator, Value());
}

/// Where the first of the largest elements in the window of a pool stands.
static Value buildMaxIndex(ElementEmitter &emitter, MaxPoolIndicesOp op,
                           Index index) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  IndexBuilder &indices = emitter.getIndices();
  DimBuilder &dims = indices.uniform();
  Value input = op.getInput();
  SmallVector<Dim> shape = emitter.getFunction().getShape(input);
  Type elementType = emitter.getFunction().getElementType(input);
  Reduction reduction(ReduceKind::Max, elementType, builder, loc);
  size_t numSpatial = op.getKernel().size();
  auto both = [&](Value a, Value b) -> Value {
    return a ? arith::AndIOp::create(builder, loc, a, b).getResult() : b;
  };
  Value lowest =
      reduction.identity(emitter.getVectorType(reduction.getAccumulatorType()));
  Value lowestElement = convertFloat(builder, loc, lowest, elementType);
  Value none = emitter.broadcast(emitter.constant(builder.getI64Type(), -1));
  // The largest so far and its position, which is negative before the first.
  std::function<SmallVector<Value>(size_t, SmallVector<LaneIndex>, Value,
                                   ValueRange)>
      visit = [&](size_t spatial, SmallVector<LaneIndex> at, Value isInside,
                  ValueRange best) -> SmallVector<Value> {
    if (spatial == numSpatial) {
      Value element = emitter.inLanes(
          isInside, [&] { return emitter.broadcast(emitter.get(input, at)); },
          lowestElement);
      element =
          convertFloat(builder, loc, element, reduction.getAccumulatorType());
      Value position = arith::IndexCastOp::create(
          builder, loc, none.getType(),
          indices.vector(indices.linearize(at, shape)));
      Value isFirst = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::eq, best[1], none);
      // What is no number is never the largest, but it may be all there is.
      Value isLarger = buildIsSmallerOrNan(builder, loc, best[0], element,
                                           elementType.isUnsignedInteger());
      Value isNew =
          both(isInside, arith::OrIOp::create(builder, loc, isLarger, isFirst));
      return {arith::SelectOp::create(builder, loc, isNew, element, best[0]),
              arith::SelectOp::create(builder, loc, isNew, position, best[1])};
    }
    int64_t dim = spatial + 2;
    LaneIndex start =
        indices.sub(indices.mul(index[dim], op.getStrides()[spatial]),
                    LaneIndex(op.getPads()[spatial]));
    return emitter.loop(
        0, op.getKernel()[spatial], best,
        [&](Value k, ValueRange carried) -> SmallVector<Value> {
          at[dim] = indices.add(
              start, LaneIndex(dims.mul(Dim(k), op.getDilations()[spatial])));
          Value isHere = arith::CmpIOp::create(
              builder, loc, arith::CmpIPredicate::ult, indices.vector(at[dim]),
              indices.vector(LaneIndex(shape[dim])));
          return visit(spatial + 1, at, both(isInside, isHere), carried);
        });
  };
  return visit(0, SmallVector<LaneIndex>(index), Value(), {lowest, none})[1];
}

/// Loops over the reduced dimensions.
static Value buildReduce(ElementEmitter &emitter, ReduceOp op, Index index) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  IndexBuilder &indices = emitter.getIndices();
  SmallVector<Dim> shape = emitter.getFunction().getShape(op.getInput());
  Type elementType = emitter.getFunction().getElementType(op.getInput());
  SmallVector<Dim> sizes;
  for (int64_t axis : op.getAxes())
    sizes.push_back(shape[axis]);

  auto reduce = [&](ReduceKind kind, llvm::function_ref<Value(Value)> map) {
    Reduction reduction(kind, elementType, builder, loc);
    Type type = emitter.getVectorType(reduction.getAccumulatorType());
    std::function<Value(size_t, SmallVector<LaneIndex>, Value)> reduceFrom =
        [&](size_t i, SmallVector<LaneIndex> inputIndex, Value accumulator) {
          if (i == sizes.size()) {
            Value element = convertFloat(
                builder, loc, emitter.getVector(op.getInput(), inputIndex),
                reduction.getAccumulatorType());
            return reduction.add(accumulator, map(element));
          }
          return emitter.loop(
              0, sizes[i], accumulator,
              [&](Value k, ValueRange carried) -> SmallVector<Value> {
                inputIndex[op.getAxes()[i]] = LaneIndex(k);
                return {reduceFrom(i + 1, inputIndex, carried[0])};
              })[0];
        };
    return reduceFrom(0, SmallVector<LaneIndex>(index),
                      reduction.identity(type));
  };
  Reduction reduction(op.getKind(), elementType, builder, loc);
  Value count = indices.value(indices.product(sizes));
  if (op.getKind() != ReduceKind::LogSumExp)
    return reduction.finish(
        reduce(op.getKind(), [](Value element) { return element; }), count);
  // Shifted by the largest, so that nothing overflows, and by a finite number:
  // see DecomposeOps.cpp.
  Value max = reduce(ReduceKind::Max, [](Value element) { return element; });
  double limit =
      getLargest(getElementTypeOrSelf(max.getType())).convertToDouble();
  max = buildMax(builder, loc, max,
                 buildConstant(builder, loc, max.getType(), -limit));
  max = buildMin(builder, loc, max,
                 buildConstant(builder, loc, max.getType(), limit));
  Value sum = reduce(ReduceKind::LogSumExp, [&](Value element) -> Value {
    Value shifted = arith::SubFOp::create(builder, loc, element, max);
    return math::ExpOp::create(builder, loc, shifted);
  });
  Value log = math::LogOp::create(builder, loc, sum);
  Value result = arith::AddFOp::create(builder, loc, log, max);
  return convertFloat(builder, loc, result, elementType);
}

bool isWindow(Operation *op) {
  return isa<MaxPoolOp, MaxPoolIndicesOp, AveragePoolOp, ReduceOp>(op);
}

Value buildWindow(ElementEmitter &emitter, Operation *op, Index index) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<MaxPoolOp, AveragePoolOp>([&](auto op) {
        return PoolEmitter<decltype(op)>(emitter, op, index).build();
      })
      .Case([&](MaxPoolIndicesOp op) {
        return buildMaxIndex(emitter, op, index);
      })
      .Case([&](ReduceOp op) { return buildReduce(emitter, op, index); });
}

} // namespace tenon::cpu

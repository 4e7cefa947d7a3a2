//===- ElementConv.cpp - Elements of convolutions -------------------------===//
//
// Each element by itself, from its window. It is what remains where a
// convolution's own kernels don't fit: transposed ones whose weights only the
// run tells.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cpu {

using Index = ElementEmitter::Index;

namespace {

template <typename ConvLikeOp> class ConvElement {
public:
  ConvElement(ElementEmitter &emitter, ConvLikeOp op, Index index)
      : emitter(emitter), op(op), index(index), builder(emitter.getBuilder()),
        loc(emitter.getLoc()), indices(emitter.getIndices()),
        isNchw(op.getLayout() == Layout::NCHW),
        numSpatial(op.getStrides().size()) {}

  Value build();

private:
  static constexpr bool kIsTransposed =
      std::is_same_v<ConvLikeOp, ConvTransposeOp>;
  using Indices = SmallVector<LaneIndex>;

  Value visit(int64_t spatial, Indices input, Indices weights, Value isInside,
              Value sum);
  Value multiplyAdd(Value a, Value b, Value sum);
  /// The input that tap `k` reads; where there is none, `isInside` says so.
  LaneIndex getInput(int64_t spatial, Dim k, Value &isInside);
  void require(Value &isInside, Value condition) {
    isInside = isInside
                   ? arith::AndIOp::create(builder, loc, isInside, condition)
                         .getResult()
                   : condition;
  }
  Value load(Value tensor, Index at) {
    return emitter.broadcast(
        convertFloat(builder, loc, emitter.get(tensor, at), accumulatorType));
  }

  ElementEmitter &emitter;
  ConvLikeOp op;
  Index index;
  OpBuilder &builder;
  Location loc;
  IndexBuilder &indices;
  bool isNchw;
  int64_t numSpatial;
  Type accumulatorType;
  SmallVector<Dim> inputShape, weightsShape;
};

} // namespace

template <typename ConvLikeOp>
Value ConvElement<ConvLikeOp>::multiplyAdd(Value a, Value b, Value sum) {
  if (isa<FloatType>(accumulatorType))
    return arith::AddFOp::create(builder, loc, sum,
                                 arith::MulFOp::create(builder, loc, a, b));
  return arith::AddIOp::create(builder, loc, sum,
                               arith::MulIOp::create(builder, loc, a, b));
}

template <typename ConvLikeOp>
LaneIndex ConvElement<ConvLikeOp>::getInput(int64_t spatial, Dim k,
                                            Value &isInside) {
  DimBuilder &dims = indices.uniform();
  int64_t dim = spatial + (isNchw ? 2 : 1);
  int64_t stride = op.getStrides()[spatial];
  Dim tap = dims.mul(k, op.getDilations()[spatial]);
  LaneIndex at = index[dim];
  if constexpr (kIsTransposed) {
    at = indices.add(at, dims.sub(op.getPads()[spatial], tap));
    require(isInside, indices.less(LaneIndex(-1), at));
    at = indices.max(at, 0);
    if (stride != 1) {
      require(isInside, indices.less(indices.rem(at, stride), LaneIndex(1)));
      at = indices.div(at, stride);
    }
  } else {
    at = indices.add(indices.mul(at, stride),
                     dims.sub(tap, op.getPads()[spatial]));
    require(isInside, indices.less(LaneIndex(-1), at));
  }
  require(isInside, indices.less(at, LaneIndex(inputShape[dim])));
  return at;
}

template <typename ConvLikeOp>
Value ConvElement<ConvLikeOp>::visit(int64_t spatial, Indices input,
                                     Indices weights, Value isInside,
                                     Value sum) {
  if (spatial == numSpatial) {
    // The channels of the group, which all are where the first is.
    int64_t inputDim = isNchw ? 1 : input.size() - 1;
    int64_t weightsDim;
    if (kIsTransposed)
      weightsDim = isNchw ? 0 : weights.size() - 1;
    else
      weightsDim = isNchw ? 1 : weights.size() - 2;
    LaneIndex firstInput = input[inputDim], firstWeight = weights[weightsDim];
    Dim count = inputShape[inputDim];
    if (op.getGroups() != 1)
      count = indices.div(count, op.getGroups());
    return emitter.inLanes(
        isInside,
        [&] {
          return emitter.loop(
              0, count, sum,
              [&](Value c, ValueRange carried) -> SmallVector<Value> {
                input[inputDim] = indices.add(firstInput, LaneIndex(c));
                weights[weightsDim] = indices.add(firstWeight, LaneIndex(c));
                return {multiplyAdd(load(op.getInput(), input),
                                    load(op.getWeights(), weights),
                                    carried[0])};
              })[0];
        },
        sum);
  }
  int64_t inputDim = spatial + (isNchw ? 2 : 1);
  int64_t weightsDim = spatial + (isNchw ? 2 : 0);
  return emitter.loop(
      0, weightsShape[weightsDim], sum,
      [&](Value k, ValueRange carried) -> SmallVector<Value> {
        Value isHere = isInside;
        input[inputDim] = getInput(spatial, Dim(k), isHere);
        weights[weightsDim] = LaneIndex(k);
        return {visit(spatial + 1, input, weights, isHere, carried[0])};
      })[0];
}

template <typename ConvLikeOp> Value ConvElement<ConvLikeOp>::build() {
  KernelFunction &function = emitter.getFunction();
  inputShape = function.getShape(op.getInput());
  weightsShape = function.getShape(op.getWeights());
  Type type = function.getElementType(op.getOutput());
  Reduction reduction(ReduceKind::Sum, type, builder, loc);
  accumulatorType = reduction.getAccumulatorType();

  Indices input(index), weights(index.size(), LaneIndex(0));
  int64_t rank = index.size(), channelDim = isNchw ? 1 : rank - 1;
  LaneIndex channel = index[channelDim], group(0), inGroup = channel;
  int64_t groups = op.getGroups();
  Dim outputs = kIsTransposed
                    ? weightsShape[isNchw ? 1 : rank - 2]
                    : indices.div(weightsShape[isNchw ? 0 : rank - 1], groups);
  if (groups != 1) {
    group = indices.div(channel, indices.uniform().max(outputs, 1));
    inGroup = indices.sub(channel, indices.mul(group, outputs));
  }
  LaneIndex firstInput =
      indices.mul(group, indices.div(inputShape[channelDim], groups));
  input[channelDim] = firstInput;
  if (kIsTransposed) {
    weights[isNchw ? 0 : rank - 1] = firstInput;
    weights[isNchw ? 1 : rank - 2] = inGroup;
  } else {
    weights[isNchw ? 0 : rank - 1] = channel;
  }
  Value sum = reduction.identity(emitter.getVectorType(accumulatorType));
  if (op.getBias()) {
    Value bias = load(op.getBias(), channel);
    sum = isa<FloatType>(accumulatorType)
              ? arith::AddFOp::create(builder, loc, sum, bias).getResult()
              : arith::AddIOp::create(builder, loc, sum, bias).getResult();
  }
  sum = visit(0, input, weights, Value(), sum);
  return convertFloat(builder, loc, sum, type);
}

bool isConvolution(Operation *op) { return isa<ConvOp, ConvTransposeOp>(op); }

Value buildConvolution(ElementEmitter &emitter, Operation *op, Index index) {
  return llvm::TypeSwitch<Operation *, Value>(op).Case<ConvOp, ConvTransposeOp>(
      [&](auto conv) {
        return ConvElement<decltype(conv)>(emitter, conv, index).build();
      });
}

} // namespace tenon::cpu

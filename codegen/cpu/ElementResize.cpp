//===- ElementResize.cpp - Elements between elements ----------------------===//
//
// Coordinates are computed in f32 and with the formulas of the ONNX operator
// Resize, so that a tie rounds as it does elsewhere.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace tenon::cpu {

using Index = ElementEmitter::Index;

namespace {

/// An input position and what its element counts.
struct Tap {
  LaneIndex index;
  Value weight; // null: 1
};

class ResizeEmitter {
public:
  ResizeEmitter(ElementEmitter &emitter, ResizeOp op, Index index)
      : emitter(emitter), op(op), index(index), builder(emitter.getBuilder()),
        loc(emitter.getLoc()), indices(emitter.getIndices()),
        f32(builder.getF32Type()) {}

  Value build();

private:
  Value constant(Value like, double value) {
    return buildConstant(builder, loc, like.getType(), value);
  }
  Value add(Value a, Value b) { return binary<arith::AddFOp>(a, b); }
  Value sub(Value a, Value b) { return binary<arith::SubFOp>(a, b); }
  Value mul(Value a, Value b) { return binary<arith::MulFOp>(a, b); }
  Value div(Value a, Value b) { return binary<arith::DivFOp>(a, b); }
  template <typename Op> Value binary(Value a, Value b) {
    Value operands[] = {a, b};
    emitter.unify(operands);
    return Op::create(builder, loc, operands[0], operands[1]);
  }
  /// An index as f32: a scalar if all lanes have the same.
  Value toFloat(const LaneIndex &i);
  /// A float without fraction as an index.
  LaneIndex toIndex(Value x);
  LaneIndex clamp(const LaneIndex &i, Dim size) {
    return indices.max(indices.min(i, indices.uniform().sub(size, 1)), 0);
  }
  Value toFloat(Dim size) { return toFloat(LaneIndex(size)); }

  Value getCoordinate(unsigned i, Dim inputSize, Dim outputSize);
  SmallVector<Tap> getNearestTaps(Value x, Dim size);
  SmallVector<Tap> getLinearTaps(Value x, Dim size);
  SmallVector<Tap> getCubicTaps(Value x, Dim size);
  Value buildFrom(unsigned i, SmallVector<LaneIndex> inputIndex);

  ElementEmitter &emitter;
  ResizeOp op;
  Index index;
  OpBuilder &builder;
  Location loc;
  IndexBuilder &indices;
  Type f32;
  SmallVector<SmallVector<Tap>> taps;
  Type computeType;
};

} // namespace

Value ResizeEmitter::toFloat(const LaneIndex &i) {
  bool isVector = !i.isUniform() && emitter.getWidth() != 1;
  auto type = [&](Type scalar) {
    return isVector ? emitter.getVectorType(scalar) : scalar;
  };
  Value value = isVector || i.lanes ? indices.vector(i) : indices.value(i.base);
  value = arith::IndexCastOp::create(builder, loc, type(builder.getI32Type()),
                                     value);
  return arith::SIToFPOp::create(builder, loc, type(f32), value);
}

LaneIndex ResizeEmitter::toIndex(Value x) {
  bool isVector = isa<VectorType>(x.getType());
  auto type = [&](Type scalar) {
    return isVector ? emitter.getVectorType(scalar) : scalar;
  };
  Value value =
      arith::FPToSIOp::create(builder, loc, type(builder.getI32Type()), x);
  value = arith::IndexCastOp::create(builder, loc, type(builder.getIndexType()),
                                     value);
  return isVector ? LaneIndex::general(value) : LaneIndex(value);
}

/// The input coordinate of the output's index in dimension `axes[i]`.
Value ResizeEmitter::getCoordinate(unsigned i, Dim inputSize, Dim outputSize) {
  Value o = toFloat(index[op.getAxes()[i]]);
  Value scale;
  if (std::optional<ArrayRef<double>> scales = op.getScales())
    scale = buildConstant(builder, loc, f32, (*scales)[i]);
  else
    scale = div(toFloat(outputSize), toFloat(inputSize));
  auto halfPixel = [&] {
    return sub(div(add(o, constant(o, 0.5)), scale), constant(o, 0.5));
  };
  // `x` where the output has more than one element, else 0.
  auto unlessOne = [&](Value x) -> Value {
    if (outputSize.isConstant())
      return outputSize.getConstant() > 1 ? x : constant(x, 0);
    return arith::SelectOp::create(builder, loc, indices.less(1, outputSize), x,
                                   constant(x, 0));
  };
  switch (op.getCoordinateMode()) {
  case CoordinateMode::HalfPixel:
    return halfPixel();
  case CoordinateMode::PytorchHalfPixel:
    return unlessOne(halfPixel());
  case CoordinateMode::AlignCorners: {
    Value in = toFloat(indices.uniform().sub(inputSize, 1));
    Value out =
        toFloat(indices.uniform().max(indices.uniform().sub(outputSize, 1), 1));
    return unlessOne(div(mul(o, in), out));
  }
  case CoordinateMode::Asymmetric:
    return div(o, scale);
  }
  llvm_unreachable("unknown coordinate mode");
}

SmallVector<Tap> ResizeEmitter::getNearestTaps(Value x, Dim size) {
  auto floor = [&](Value v) -> Value {
    return math::FloorOp::create(builder, loc, v);
  };
  auto ceil = [&](Value v) -> Value {
    return math::CeilOp::create(builder, loc, v);
  };
  Value rounded;
  switch (op.getNearestMode()) {
  case NearestMode::RoundPreferFloor:
    rounded = ceil(sub(x, constant(x, 0.5)));
    break;
  case NearestMode::RoundPreferCeil:
    rounded = floor(add(x, constant(x, 0.5)));
    break;
  case NearestMode::Floor:
    rounded = floor(x);
    break;
  case NearestMode::Ceil:
    rounded = ceil(x);
    break;
  }
  return {{clamp(toIndex(rounded), size), Value()}};
}

SmallVector<Tap> ResizeEmitter::getLinearTaps(Value x, Dim size) {
  Value last = toFloat(indices.uniform().sub(size, 1));
  last = broadcastTo(builder, loc, last, x.getType());
  x = buildMax(builder, loc, buildMin(builder, loc, x, last), constant(x, 0));
  Value low = math::FloorOp::create(builder, loc, x);
  Value fraction = sub(x, low);
  LaneIndex at = toIndex(low);
  LaneIndex next =
      indices.min(indices.add(at, 1), indices.uniform().sub(size, 1));
  return {{at, sub(constant(x, 1), fraction)}, {next, fraction}};
}

SmallVector<Tap> ResizeEmitter::getCubicTaps(Value x, Dim size) {
  Value low = math::FloorOp::create(builder, loc, x);
  Value s = sub(x, low);
  LaneIndex at = toIndex(low);
  auto weights = buildCubicWeights(builder, loc, s,
                                   op.getCubicCoefficient().convertToDouble());
  SmallVector<Tap> taps;
  for (auto [i, weight] : llvm::enumerate(weights))
    taps.push_back({clamp(indices.add(at, int64_t(i) - 1), size), weight});
  return taps;
}

Value ResizeEmitter::buildFrom(unsigned i, SmallVector<LaneIndex> inputIndex) {
  if (i == taps.size()) {
    Value element = emitter.get(op.getInput(), inputIndex);
    return op.getMode() == ResizeMode::Nearest
               ? element
               : convertFloat(builder, loc, element, computeType);
  }
  Value sum;
  for (Tap &tap : taps[i]) {
    inputIndex[op.getAxes()[i]] = tap.index;
    Value element = buildFrom(i + 1, inputIndex);
    if (!tap.weight)
      return element;
    Value weight = convertFloat(builder, loc, tap.weight, computeType);
    if (!sum) {
      sum = mul(element, weight);
      continue;
    }
    Value operands[] = {element, weight, sum};
    emitter.unify(operands);
    sum = math::FmaOp::create(builder, loc, operands[0], operands[1],
                              operands[2]);
  }
  return sum;
}

Value ResizeEmitter::build() {
  KernelFunction &function = emitter.getFunction();
  SmallVector<Dim> inputShape = function.getShape(op.getInput());
  SmallVector<Dim> outputShape = function.getShape(op.getOutput());
  Type elementType = function.getElementType(op.getInput());
  computeType = elementType.isF64() ? elementType : f32;
  for (auto [i, axis] : llvm::enumerate(op.getAxes())) {
    Value x = getCoordinate(i, inputShape[axis], outputShape[axis]);
    switch (op.getMode()) {
    case ResizeMode::Nearest:
      taps.push_back(getNearestTaps(x, inputShape[axis]));
      break;
    case ResizeMode::Linear:
      taps.push_back(getLinearTaps(x, inputShape[axis]));
      break;
    case ResizeMode::Cubic:
      taps.push_back(getCubicTaps(x, inputShape[axis]));
      break;
    }
  }
  Value result = buildFrom(0, SmallVector<LaneIndex>(index));
  if (op.getMode() == ResizeMode::Nearest)
    return result;
  return convertFloat(builder, loc, result, elementType);
}

Value buildResize(ElementEmitter &emitter, ResizeOp op, Index index) {
  return ResizeEmitter(emitter, op, index).build();
}

} // namespace tenon::cpu

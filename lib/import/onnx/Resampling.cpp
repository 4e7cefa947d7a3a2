//===- Resampling.cpp - Resizes that are spelled out ----------------------===//

#include "lib/import/onnx/Resampling.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// Filters that reach further are refused.
static constexpr int64_t kMaxTaps = 4096;

namespace {

/// Resamples along one dimension.
class AxisResampler {
public:
  AxisResampler(NodeContext &node, Value input, const ResampleMethod &method,
                const ResampleAxis &axis);

  Value resample();
  /// Whether a coordinate is outside of the input, in the rank of the result.
  Value getOutside();

private:
  Value real(double value) { return node.createScalar(f64, value); }
  Value integer(double value) { return node.createScalar(i64, value); }
  Value getCoordinates();
  Value chooseNearest();
  Value applyFilter(Value value, double factor);
  Value clamp(Value places) {
    return node.create<MinOp>(withScalar<MaxOp>(node, places, 0), lastPlace);
  }
  Value resampleNearest();
  Value resampleFiltered();

  NodeContext &node;
  Value input;
  const ResampleMethod &method;
  const ResampleAxis &axis;
  Type f64, i64;
  /// Of rank 0: sizes as f64, the last index as i64.
  Value inputSize, outputSize, lastPlace;
  /// [out], f64
  Value coordinates;
};

} // namespace

AxisResampler::AxisResampler(NodeContext &node, Value input,
                             const ResampleMethod &method,
                             const ResampleAxis &axis)
    : node(node), input(input), method(method), axis(axis),
      f64(node.getBuilder().getF64Type()), i64(node.getBuilder().getI64Type()) {
  Value size = node.squeeze(node.getDim(input, axis.axis), {int64_t(0)});
  inputSize = node.cast(size, f64);
  outputSize = node.cast(axis.outputSize, f64);
  lastPlace = withScalar<SubOp>(node, size, 1);
  coordinates = getCoordinates();
}

/// As the operator's documentation has them, by mode.
Value AxisResampler::getCoordinates() {
  Value x = node.cast(createRange(node, axis.outputSize), f64);
  auto last = [&](Value size) { return withScalar<SubOp>(node, size, 1); };
  auto isSingle = [&] { return withScalar<LessEqualOp>(node, outputSize, 1); };
  // The divisor of what only counts where there are several outputs.
  auto lastOutput = [&] {
    return withScalar<MaxOp>(node, last(outputSize), 1);
  };
  auto divideMiddle = [&] {
    return node.create<DivOp>(withScalar<AddOp>(node, x, 0.5), axis.scale);
  };
  switch (method.coordinates) {
  case Coordinates::HalfPixel:
    return withScalar<SubOp>(node, divideMiddle(), 0.5);
  case Coordinates::HalfPixelSymmetric: {
    // A size that was rounded leaves as much at both ends.
    Value adjustment = node.create<DivOp>(
        outputSize, node.create<MulOp>(axis.scale, inputSize));
    Value middle = withScalar<MulOp>(node, inputSize, 0.5);
    Value offset =
        node.create<MulOp>(middle, node.create<SubOp>(real(1), adjustment));
    return node.create<AddOp>(withScalar<SubOp>(node, divideMiddle(), 0.5),
                              offset);
  }
  case Coordinates::PytorchHalfPixel:
    return where(node, isSingle(), real(0),
                 withScalar<SubOp>(node, divideMiddle(), 0.5));
  case Coordinates::AlignCorners:
    return where(node, isSingle(), real(0),
                 node.create<DivOp>(node.create<MulOp>(x, last(inputSize)),
                                    lastOutput()));
  case Coordinates::Asymmetric:
    return node.create<DivOp>(x, axis.scale);
  case Coordinates::TfHalfPixelForNn:
    // What keeps its size stays as it is.
    return where(node, node.create<EqualOp>(axis.scale, real(1)), x,
                 divideMiddle());
  case Coordinates::TfCropAndResize: {
    Value size = last(inputSize);
    Value begin = node.create<MulOp>(axis.roiBegin, size);
    Value extent = node.create<MulOp>(
        node.create<SubOp>(axis.roiEnd, axis.roiBegin), size);
    Value along = node.create<AddOp>(
        node.create<DivOp>(node.create<MulOp>(x, extent), lastOutput()), begin);
    Value middle =
        node.create<AddOp>(begin, withScalar<MulOp>(node, extent, 0.5));
    return where(node, isSingle(), middle, along);
  }
  }
  return {};
}

Value AxisResampler::getOutside() {
  Value isBefore = withScalar<LessOp>(node, coordinates, 0);
  Value isBehind = node.create<GreaterOp>(
      coordinates, withScalar<SubOp>(node, inputSize, 1));
  if (node.failed())
    return {};
  return alongAxis(node, node.create<OrOp>(isBefore, isBehind), axis.axis,
                   getType(input).getRank());
}

Value AxisResampler::chooseNearest() {
  if (method.prefersCeilWhereShrinking)
    return where(node, withScalar<LessOp>(node, axis.scale, 1),
                 node.create<CeilOp>(coordinates),
                 node.create<FloorOp>(coordinates));
  switch (method.nearest) {
  case NearestMode::RoundPreferFloor:
    return node.create<CeilOp>(withScalar<SubOp>(node, coordinates, 0.5));
  case NearestMode::RoundPreferCeil:
    return node.create<FloorOp>(withScalar<AddOp>(node, coordinates, 0.5));
  case NearestMode::Floor:
    return node.create<FloorOp>(coordinates);
  case NearestMode::Ceil:
    return node.create<CeilOp>(coordinates);
  }
  return {};
}

Value AxisResampler::resampleNearest() {
  Value places = clamp(node.cast(chooseNearest(), i64));
  return node.create<GatherOp>(input, places, uint64_t(axis.axis));
}

/// The weight of an element that is `distance` away, where the filter is
/// stretched by 1 / `factor`.
Value AxisResampler::applyFilter(Value distance, double factor) {
  Value x = node.create<AbsOp>(distance);
  if (factor != 1)
    x = withScalar<MulOp>(node, x, factor);
  if (method.mode == ResizeMode::Linear)
    return withScalar<MaxOp>(node, node.create<SubOp>(real(1), x), 0);
  // Keys' cubic: two polynomials, for a distance up to 1 and up to 2.
  double a = method.cubicCoefficient;
  auto horner = [&](std::initializer_list<double> factors) {
    Value sum;
    for (double f : factors)
      sum = sum ? withScalar<AddOp>(node, node.create<MulOp>(sum, x), f)
                : real(f);
    return sum;
  };
  Value near = horner({a + 2, -(a + 3), 0, 1});
  Value far = horner({a, -5 * a, 8 * a, -4 * a});
  Value isNear = withScalar<LessEqualOp>(node, x, 1);
  Value isFar = withScalar<LessOp>(node, x, 2);
  return where(node, isNear, near, whereOrZero(node, isFar, far));
}

Value AxisResampler::resampleFiltered() {
  double factor = 1;
  if (method.antialiases) {
    if (!axis.knownScale) {
      node.unsupported("antialias = 1 needs scales that are known; give the "
                       "input a shape");
      return {};
    }
    factor = std::min(*axis.knownScale, 1.0);
  }
  double reach = method.mode == ResizeMode::Linear ? 1 : 2;
  double first = std::floor(-reach / factor) + 1;
  if (!(2 - 2 * first <= double(kMaxTaps))) {
    node.unsupported("a filter of more than " + Twine(kMaxTaps) + " elements");
    return {};
  }
  int64_t taps = int64_t(2 - 2 * first);
  // [out, taps]
  SmallVector<int64_t> offsets = getAxes(int64_t(first), int64_t(first) + taps);
  Value base = node.create<FloorOp>(coordinates);
  Value places = node.create<AddOp>(
      node.unsqueeze(node.cast(base, i64), {int64_t(1)}),
      node.unsqueeze(node.createInts(offsets), {int64_t(0)}));
  Value distances = node.create<SubOp>(
      node.cast(places, f64), node.unsqueeze(coordinates, {int64_t(1)}));
  Value weights = applyFilter(distances, factor);
  Value inside = clamp(places);
  if (method.excludesOutside)
    weights = whereOrZero(node, node.create<EqualOp>(inside, places), weights);
  if (method.excludesOutside || method.antialiases)
    weights = node.create<DivOp>(
        weights, reduce(node, weights, ReduceKind::Sum, {int64_t(1)}));
  if (node.failed())
    return {};

  // The input's dimension becomes two, of which the second is summed over.
  int64_t rank = getType(input).getRank();
  Value gathered =
      widen(node, node.create<GatherOp>(input, inside, uint64_t(axis.axis)));
  if (node.failed())
    return {};
  SmallVector<int64_t> around = getAxes(0, rank + 1);
  around.erase(around.begin() + axis.axis, around.begin() + axis.axis + 2);
  weights = node.cast(node.unsqueeze(weights, around),
                      getElementTypeOrSelf(gathered));
  Value sum = reduce(node, node.create<MulOp>(gathered, weights),
                     ReduceKind::Sum, {axis.axis + 1}, /*drops=*/true);
  return node.failed() ? Value() : node.cast(sum, getElementTypeOrSelf(input));
}

Value AxisResampler::resample() {
  if (node.failed())
    return {};
  if (method.mode == ResizeMode::Nearest)
    return resampleNearest();
  if (isa<FloatType>(getElementTypeOrSelf(input)))
    return resampleFiltered();
  node.unsupported("interpolation of integers is not supported");
  return {};
}

Value resample(NodeContext &node, Value input, const ResampleMethod &method,
               ArrayRef<ResampleAxis> axes) {
  Value result = input, isOutside;
  for (const ResampleAxis &axis : axes) {
    if (node.failed())
      return {};
    AxisResampler resampler(node, result, method, axis);
    result = resampler.resample();
    if (method.coordinates != Coordinates::TfCropAndResize || node.failed())
      continue;
    Value here = resampler.getOutside();
    isOutside = isOutside ? node.create<OrOp>(isOutside, here) : here;
  }
  if (!isOutside || node.failed())
    return result;
  return where(
      node, isOutside,
      node.createScalar(getElementTypeOrSelf(input), method.extrapolation),
      result);
}

} // namespace tenon::onnx_import

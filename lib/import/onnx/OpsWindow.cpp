//===- OpsWindow.cpp - Windows and filters of signal processing -----------===//
//
// Computed in float64: the arguments grow with the size, and small tensors of
// constant size are computed by the compiler.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The type that attribute 'output_datatype' names, float32 by default.
static Type getOutputType(NodeContext &node) {
  return getNumberedType(
      node, "output_datatype",
      node.getInt("output_datatype", onnx::TensorProto::FLOAT), "a result of");
}

/// A sum of cosines: `terms[k] * cos(2 * pi * k * i / n)`, where `n` is the
/// size for a periodic window, and one less for a symmetric one.
static LogicalResult convertWindow(NodeContext &node, ArrayRef<double> terms) {
  bool isPeriodic = node.getBool("periodic", true);
  Type type = getOutputType(node);
  Value size = toScalar(node, node.getInput(0), "a size");
  if (node.failed() || !size)
    return failure();
  if (!getElementTypeOrSelf(size).isInteger())
    return node.invalid("expected a size that is an integer, found " +
                        getTypeName(getElementTypeOrSelf(size)));
  Type f64 = node.getBuilder().getF64Type();
  Value period = node.cast(size, f64);
  // A window of one element has no period.
  if (!isPeriodic)
    period = withScalar<MaxOp>(node, withScalar<SubOp>(node, period, 1), 1);
  Value phase = node.create<DivOp>(
      withScalar<MulOp>(node, node.cast(createRange(node, size), f64),
                        2 * M_PI),
      period);
  Value sum;
  for (auto [k, factor] : llvm::enumerate(terms)) {
    if (k == 0)
      continue;
    Value cosine = node.create<CosOp>(withScalar<MulOp>(node, phase, k));
    Value term = withScalar<MulOp>(node, cosine, factor);
    sum = sum ? node.create<AddOp>(sum, term) : term;
  }
  sum = withScalar<AddOp>(node, sum, terms[0]);
  return node.setOutput(node.failed() ? Value() : node.cast(sum, type));
}

static LogicalResult convertHannWindow(NodeContext &node) {
  return convertWindow(node, {0.5, -0.5});
}

static LogicalResult convertHammingWindow(NodeContext &node) {
  return convertWindow(node, {25.0 / 46, -21.0 / 46});
}

static LogicalResult convertBlackmanWindow(NodeContext &node) {
  return convertWindow(node, {0.42, -0.5, 0.08});
}

/// Triangles over the bins of a spectrum, whose corners are evenly spaced on
/// the mel scale, mel = 2595 * log10(1 + hertz / 700).
static LogicalResult convertMelWeightMatrix(NodeContext &node) {
  Type type = getOutputType(node);
  Type f64 = node.getBuilder().getF64Type();
  static constexpr StringLiteral names[] = {"a number of mel bins", "a length",
                                            "a sample rate", "a lower edge",
                                            "an upper edge"};
  SmallVector<Value> scalars, reals;
  for (auto [i, name] : llvm::enumerate(names)) {
    scalars.push_back(toScalar(node, node.getInput(i), name));
    reals.push_back(node.failed() ? Value() : node.cast(scalars[i], f64));
  }
  if (node.failed())
    return failure();
  for (unsigned i : {0, 1})
    if (!getElementTypeOrSelf(scalars[i]).isInteger())
      return node.invalid("expected " + names[i] + " that is an integer");
  Value numBins = reals[0], length = reals[1], rate = reals[2];

  const double perMel = 2595 / std::log(10.0);
  auto toMel = [&](Value hertz) {
    Value ratio =
        withScalar<AddOp>(node, withScalar<DivOp>(node, hertz, 700), 1);
    return withScalar<MulOp>(node, node.create<LogOp>(ratio), perMel);
  };
  Value low = toMel(reals[3]), high = toMel(reals[4]);
  Value step = node.create<DivOp>(node.create<SubOp>(high, low),
                                  withScalar<AddOp>(node, numBins, 2));
  // Corner `offset` of each triangle, as a bin of the spectrum: [1, mel].
  Value number = node.cast(
      node.unsqueeze(createRange(node, scalars[0]), {int64_t(0)}), f64);
  auto getCorner = [&](double offset) {
    Value mel = node.create<AddOp>(
        node.create<MulOp>(withScalar<AddOp>(node, number, offset), step), low);
    Value ratio = node.create<PowOp>(node.createScalar(f64, 10),
                                     withScalar<DivOp>(node, mel, 2595));
    Value hertz =
        withScalar<MulOp>(node, withScalar<SubOp>(node, ratio, 1), 700);
    Value place = node.create<DivOp>(
        node.create<MulOp>(hertz, withScalar<AddOp>(node, length, 1)), rate);
    return node.create<FloorOp>(place);
  };
  Value lower = getCorner(0), centre = getCorner(1), upper = getCorner(2);
  Value half = withScalar<DivOp>(node, scalars[1], 2);
  if (node.failed())
    return failure();
  Value bins = node.cast(
      node.unsqueeze(createRange(node, withScalar<AddOp>(node, half, 1)),
                     {int64_t(1)}),
      f64);

  auto isIn = [&](Value low, Value high) {
    return node.create<AndOp>(node.create<GreaterEqualOp>(bins, low),
                              node.create<LessEqualOp>(bins, high));
  };
  // Where a side has no width, the corner itself is 1.
  Value rise = node.create<SubOp>(centre, lower);
  Value fall = node.create<SubOp>(upper, centre);
  Value up = node.create<DivOp>(node.create<SubOp>(bins, lower),
                                withScalar<MaxOp>(node, rise, 1));
  Value down = node.create<DivOp>(node.create<SubOp>(upper, bins),
                                  withScalar<MaxOp>(node, fall, 1));
  Value isCentre = node.create<EqualOp>(bins, centre);
  Value weight = whereOrZero(node, isIn(centre, upper), down);
  weight = where(node, isIn(lower, centre), up, weight);
  weight = where(node, isCentre, node.createScalar(f64, 1), weight);
  return node.setOutput(node.failed() ? Value() : node.cast(weight, type));
}

ArrayRef<OpEntry> getWindowOps() {
  static constexpr int64_t v17[] = {17};
  static const OpEntry entries[] = {
      {"HannWindow", v17, convertHannWindow},
      {"HammingWindow", v17, convertHammingWindow},
      {"BlackmanWindow", v17, convertBlackmanWindow},
      {"MelWeightMatrix", v17, convertMelWeightMatrix, 5, 5},
  };
  return entries;
}

} // namespace tenon::onnx_import

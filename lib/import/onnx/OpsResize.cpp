//===- OpsResize.cpp - Resampling -----------------------------------------===//

#include "lib/import/onnx/OpTable.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

struct Method {
  ResizeMode mode = ResizeMode::Nearest;
  CoordinateMode coordinates = CoordinateMode::Asymmetric;
  NearestMode nearest = NearestMode::Floor;
  double cubicCoefficient = -0.75;
};

} // namespace

/// The elements of a constant float tensor of rank 1.
static std::optional<SmallVector<double>> getConstantFloats(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto dense = constant ? dyn_cast<DenseElementsAttr>(constant.getValue())
                        : DenseElementsAttr();
  if (!dense || !isa<FloatType>(dense.getElementType()) ||
      dense.getType().getRank() != 1)
    return std::nullopt;
  SmallVector<double> values;
  for (const APFloat &element : dense.getValues<APFloat>())
    values.push_back(element.convertToDouble());
  return values;
}

/// `scale` times dimension `axis`, rounded down, as a tensor<1xi64>.
static Value scaleDim(NodeContext &node, Value input, int64_t axis,
                      double scale) {
  int64_t size = getType(input).getDimSize(axis);
  if (!ShapedType::isDynamic(size)) {
    // In single precision, as the operator's scales are.
    float scaled = std::floor(float(size) * float(scale));
    if (!(scaled <= float(kMaxElements))) {
      node.invalid("the result is larger than any tensor");
      return {};
    }
    return node.createInts(int64_t(scaled));
  }
  Value dim = node.getDim(input, axis);
  if (scale == std::floor(scale) && scale < 1e9)
    return node.create<MulOp>(dim, node.createInts(int64_t(scale)));
  OpBuilder &builder = node.getBuilder();
  Value scaled =
      node.create<MulOp>(node.cast(dim, builder.getF32Type()),
                         node.createScalar(builder.getF32Type(), scale));
  return node.cast(node.create<FloorOp>(scaled), builder.getIntegerType(64));
}

/// The operation itself; of the result, those sizes are static that are known.
static LogicalResult createResize(NodeContext &node, Value input,
                                  ArrayRef<int64_t> axes, Value sizes,
                                  DenseF64ArrayAttr scales,
                                  const Method &method) {
  Value result = node.create<ResizeOp>(input, sizes, axes, scales, method.mode,
                                       method.coordinates, method.nearest,
                                       APFloat(method.cubicCoefficient));
  if (!result)
    return failure();
  SmallVector<int64_t> dims(getType(result).getShape());
  if (std::optional<Elements> elements =
          node.getKnownValues().getElements(sizes))
    for (auto [axis, element] : llvm::zip_equal(axes, *elements))
      if (element.constant)
        dims[axis] = *element.constant;
  return node.setOutput(node.refineType(result, dims));
}

static LogicalResult resizeByScales(NodeContext &node, Value input,
                                    ArrayRef<int64_t> axes,
                                    ArrayRef<double> scales,
                                    const Method &method) {
  if (node.failed())
    return failure();
  if (scales.size() != axes.size())
    return node.invalid("expected " + Twine(axes.size()) + " scales, found " +
                        Twine(scales.size()));
  SmallVector<int64_t> usedAxes;
  SmallVector<double> usedScales;
  SmallVector<Value> sizes;
  for (auto [axis, scale] : llvm::zip_equal(axes, scales)) {
    if (!std::isfinite(scale) || scale <= 0)
      return node.invalid("expected scales above 0");
    if (scale == 1)
      continue;
    usedAxes.push_back(axis);
    usedScales.push_back(scale);
    sizes.push_back(scaleDim(node, input, axis, scale));
  }
  if (usedAxes.empty())
    return node.setOutput(input);
  return createResize(node, input, usedAxes, node.joinShape(sizes),
                      node.getBuilder().getDenseF64ArrayAttr(usedScales),
                      method);
}

static LogicalResult resizeToSizes(NodeContext &node, Value input,
                                   ArrayRef<int64_t> axes, Value sizes,
                                   const Method &method) {
  sizes = node.toShapeOperand(sizes);
  if (node.failed() || !sizes)
    return failure();
  if (getType(sizes).getDimSize(0) != int64_t(axes.size()))
    return node.invalid("expected " + Twine(axes.size()) + " sizes");
  const std::optional<Elements> elements =
      node.getKnownValues().getElements(sizes);
  SmallVector<int64_t> usedAxes;
  SmallVector<Value> parts;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Element element = elements ? (*elements)[i] : Element::unknown();
    bool isSame = element.constant
                      ? *element.constant == getType(input).getDimSize(axis)
                      : element.tensor == input && element.dim == axis;
    if (isSame)
      continue;
    if (element.constant && *element.constant < 0)
      return node.invalid("a size is " + Twine(*element.constant) +
                          ", expected no negative one");
    usedAxes.push_back(axis);
    int64_t index = i;
    parts.push_back(element.constant
                        ? node.createInts(*element.constant)
                        : node.sliceAxis(sizes, 0, node.createInts(index),
                                         node.createInts(index + 1)));
  }
  if (usedAxes.empty())
    return node.setOutput(input);
  return createResize(node, input, usedAxes, node.joinShape(parts),
                      DenseF64ArrayAttr(), method);
}

static SmallVector<int64_t> getAllAxes(Value input) {
  return llvm::to_vector(llvm::seq<int64_t>(0, getType(input).getRank()));
}

/// An input that is there and not an empty tensor.
static Value getNonEmptyInput(NodeContext &node, unsigned i) {
  Value value = node.getOptionalInput(i);
  if (value && getType(value).getRank() == 1 &&
      getType(value).getDimSize(0) == 0)
    return {};
  return value;
}

/// Upsample, and Resize at version 10: coordinates are divided by the scale.
static LogicalResult convertUpsample(NodeContext &node) {
  std::string mode = node.getString("mode", "nearest");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Method method;
  if (mode == "linear" || mode == "bilinear")
    method.mode = ResizeMode::Linear;
  else if (mode != "nearest")
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected nearest or linear");
  std::optional<SmallVector<double>> scales;
  if (node.getVersion() < 7) {
    // Of images alone.
    for (StringRef name : {"height_scale", "width_scale"})
      if (!node.hasAttribute(name))
        return node.invalid("attribute '" + name + "' is missing");
    scales = {1, 1, node.getFloat("height_scale", 1),
              node.getFloat("width_scale", 1)};
    if (node.getNumInputs() != 1)
      return node.invalid("expected 1 input, found " +
                          Twine(node.getNumInputs()));
  } else if (node.getVersion() < 9) {
    scales = node.getFloats("scales");
    if (!scales)
      return node.invalid("attribute 'scales' is missing");
    if (node.getNumInputs() != 1)
      return node.invalid("expected 1 input, found " +
                          Twine(node.getNumInputs()));
  } else {
    if (node.getNumInputs() != 2)
      return node.invalid("expected 2 inputs, found " +
                          Twine(node.getNumInputs()));
    Value given = node.getInput(1);
    if (!given)
      return failure();
    scales = getConstantFloats(given);
    if (!scales)
      return node.unsupported("the scales must be constant");
  }
  // The nearest element is the one before, or behind where an axis shrinks.
  if (llvm::any_of(*scales, [](double scale) { return scale < 1; })) {
    method.nearest = NearestMode::Ceil;
    if (method.mode == ResizeMode::Nearest &&
        llvm::any_of(*scales, [](double scale) { return scale > 1; }))
      return node.unsupported(
          "scales below 1 together with others above 1 are not supported");
  }
  return resizeByScales(node, input, getAllAxes(input), *scales, method);
}

static std::optional<Method> getMethod(NodeContext &node) {
  Method method;
  std::string mode = node.getString("mode", "nearest");
  std::string coordinates =
      node.getString("coordinate_transformation_mode", "half_pixel");
  std::string nearest = node.getString("nearest_mode", "round_prefer_floor");
  method.cubicCoefficient = node.getFloat("cubic_coeff_a", -0.75);
  bool excludesOutside = node.getBool("exclude_outside", false);
  node.ignoreAttributes({"extrapolation_value"}); // Of tf_crop_and_resize.
  std::string policy = "stretch";
  bool antialias = false;
  if (node.getVersion() >= 18) {
    antialias = node.getBool("antialias", false);
    policy = node.getString("keep_aspect_ratio_policy", policy);
  }
  if (node.failed())
    return std::nullopt;

  std::optional<ResizeMode> resizeMode = symbolizeResizeMode(mode);
  std::optional<NearestMode> nearestMode =
      nearest == "floor"               ? NearestMode::Floor
      : nearest == "ceil"              ? NearestMode::Ceil
      : nearest == "round_prefer_ceil" ? NearestMode::RoundPreferCeil
      : nearest == "round_prefer_floor"
          ? std::optional(NearestMode::RoundPreferFloor)
          : std::nullopt;
  std::optional<CoordinateMode> coordinateMode =
      symbolizeCoordinateMode(coordinates);
  // The two differ only where a scale gives a size that had to be rounded.
  if (coordinates == "half_pixel_symmetric" && !getNonEmptyInput(node, 2))
    coordinateMode = CoordinateMode::HalfPixel;
  bool isKnown = coordinates == "tf_crop_and_resize" ||
                 coordinates == "half_pixel_symmetric" ||
                 coordinates == "tf_half_pixel_for_nn";
  if (!resizeMode)
    node.invalid("attribute 'mode' is " + quote(mode) +
                 ", expected nearest, linear or cubic");
  else if (!nearestMode)
    node.invalid("attribute 'nearest_mode' is " + quote(nearest) +
                 ", expected round_prefer_floor, round_prefer_ceil, floor or "
                 "ceil");
  else if (!coordinateMode && isKnown)
    node.unsupported("coordinate_transformation_mode = " + coordinates +
                     " is not supported");
  else if (!coordinateMode)
    node.invalid("attribute 'coordinate_transformation_mode' is " +
                 quote(coordinates) + ", expected one that ONNX defines");
  else if (*resizeMode == ResizeMode::Cubic && excludesOutside)
    node.unsupported("exclude_outside = 1 is not supported");
  else if (antialias && *resizeMode != ResizeMode::Nearest)
    node.unsupported("antialias = 1 is not supported");
  else if (policy != "stretch" && getNonEmptyInput(node, 3))
    node.unsupported("keep_aspect_ratio_policy = " + policy +
                     " is not supported");
  if (node.failed())
    return std::nullopt;
  method.mode = *resizeMode;
  method.nearest = *nearestMode;
  method.coordinates = *coordinateMode;
  return method;
}

static LogicalResult convertResize(NodeContext &node) {
  if (node.getVersion() < 11)
    return convertUpsample(node);
  Value input = node.getInput(0);
  std::optional<Method> method = getMethod(node);
  if (!method || node.failed())
    return failure();
  SmallVector<int64_t> axes = getAllAxes(input);
  if (node.getVersion() >= 18)
    if (std::optional<SmallVector<int64_t>> given = node.getInts("axes"))
      axes = node.normalizeAxes(*given, getType(input).getRank());
  Value scales = getNonEmptyInput(node, 2), sizes = getNonEmptyInput(node, 3);
  if (node.failed())
    return failure();
  if (!scales == !sizes)
    return node.invalid(scales ? "scales and sizes are both given, expected one"
                               : "expected scales or sizes, found neither");
  if (sizes)
    return resizeToSizes(node, input, axes, sizes, *method);
  std::optional<SmallVector<double>> constants = getConstantFloats(scales);
  if (!constants)
    return node.unsupported("the scales must be constant");
  return resizeByScales(node, input, axes, *constants, *method);
}

ArrayRef<OpEntry> getResizeOps() {
  static constexpr int64_t resize[] = {10, 11, 13, 18, 19},
                           upsample[] = {1, 7, 9};
  static const OpEntry entries[] = {
      {"Resize", resize, convertResize, 1, 4},
      {"Upsample", upsample, convertUpsample, 1, 2},
  };
  return entries;
}

} // namespace tenon::onnx_import

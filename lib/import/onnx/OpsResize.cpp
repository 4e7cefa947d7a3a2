//===- OpsResize.cpp - Resampling -----------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Resampling.h"

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
static Value createResize(NodeContext &node, Value input,
                          ArrayRef<int64_t> axes, Value sizes,
                          DenseF64ArrayAttr scales, const Method &method) {
  Value result = node.create<ResizeOp>(input, sizes, axes, scales, method.mode,
                                       method.coordinates, method.nearest,
                                       APFloat(method.cubicCoefficient));
  if (!result)
    return {};
  SmallVector<int64_t> dims(getType(result).getShape());
  if (std::optional<Elements> elements =
          node.getKnownValues().getElements(sizes))
    for (auto [axis, element] : llvm::zip_equal(axes, *elements))
      if (element.constant)
        dims[axis] = *element.constant;
  return node.refineType(result, dims);
}

static Value resizeByScales(NodeContext &node, Value input,
                            ArrayRef<int64_t> axes, ArrayRef<double> scales,
                            const Method &method) {
  if (node.failed())
    return {};
  if (scales.size() != axes.size()) {
    node.invalid("expected " + Twine(axes.size()) + " scales, found " +
                 Twine(scales.size()));
    return {};
  }
  SmallVector<int64_t> usedAxes;
  SmallVector<double> usedScales;
  SmallVector<Value> sizes;
  for (auto [axis, scale] : llvm::zip_equal(axes, scales)) {
    if (!std::isfinite(scale) || scale <= 0) {
      node.invalid("expected scales above 0");
      return {};
    }
    if (scale == 1)
      continue;
    usedAxes.push_back(axis);
    usedScales.push_back(scale);
    sizes.push_back(scaleDim(node, input, axis, scale));
  }
  if (usedAxes.empty())
    return input;
  return createResize(node, input, usedAxes, node.joinShape(sizes),
                      node.getBuilder().getDenseF64ArrayAttr(usedScales),
                      method);
}

static Value resizeToSizes(NodeContext &node, Value input,
                           ArrayRef<int64_t> axes, Value sizes,
                           const Method &method) {
  sizes = node.toShapeOperand(sizes);
  if (node.failed() || !sizes)
    return {};
  if (getType(sizes).getDimSize(0) != int64_t(axes.size())) {
    node.invalid("expected " + Twine(axes.size()) + " sizes");
    return {};
  }
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
    if (element.constant && *element.constant < 0) {
      node.invalid("a size is " + Twine(*element.constant) +
                   ", expected no negative one");
      return {};
    }
    usedAxes.push_back(axis);
    int64_t index = i;
    parts.push_back(element.constant
                        ? node.createInts(*element.constant)
                        : node.sliceAxis(sizes, 0, node.createInts(index),
                                         node.createInts(index + 1)));
  }
  if (usedAxes.empty())
    return input;
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

/// What Resize does, whether `tenon.resize` can or not.
struct ResizeRequest {
  ResampleMethod method;
  std::string policy = "stretch";

  /// The method of `tenon.resize`, if it has it.
  std::optional<Method> getNative() const {
    if (method.mode != ResizeMode::Nearest && method.antialiases)
      return std::nullopt;
    if (method.mode == ResizeMode::Cubic && method.excludesOutside)
      return std::nullopt;
    std::optional<CoordinateMode> coordinates;
    switch (method.coordinates) {
    case Coordinates::HalfPixel:
      coordinates = CoordinateMode::HalfPixel;
      break;
    case Coordinates::PytorchHalfPixel:
      coordinates = CoordinateMode::PytorchHalfPixel;
      break;
    case Coordinates::AlignCorners:
      coordinates = CoordinateMode::AlignCorners;
      break;
    case Coordinates::Asymmetric:
      coordinates = CoordinateMode::Asymmetric;
      break;
    default:
      return std::nullopt;
    }
    return Method{method.mode, *coordinates, method.nearest,
                  method.cubicCoefficient};
  }
};

/// The value of a string attribute as one of an enumeration.
template <typename T>
static T getChoice(NodeContext &node, StringRef name, StringRef defaultValue,
                   ArrayRef<std::pair<StringLiteral, T>> choices) {
  std::string value = node.getString(name, defaultValue);
  std::string expected;
  for (auto [choice, result] : choices) {
    if (choice == value)
      return result;
    expected += (expected.empty() ? "" : ", ") + choice.str();
  }
  node.invalid("attribute '" + name + "' is " + quote(value) +
               ", expected one of " + expected);
  return choices.front().second;
}

static std::optional<ResizeRequest> getRequest(NodeContext &node) {
  ResizeRequest request;
  ResampleMethod &method = request.method;
  method.mode = getChoice<ResizeMode>(node, "mode", "nearest",
                                      {{"nearest", ResizeMode::Nearest},
                                       {"linear", ResizeMode::Linear},
                                       {"cubic", ResizeMode::Cubic}});
  method.coordinates = getChoice<Coordinates>(
      node, "coordinate_transformation_mode", "half_pixel",
      {{"half_pixel", Coordinates::HalfPixel},
       {"half_pixel_symmetric", Coordinates::HalfPixelSymmetric},
       {"pytorch_half_pixel", Coordinates::PytorchHalfPixel},
       {"align_corners", Coordinates::AlignCorners},
       {"asymmetric", Coordinates::Asymmetric},
       {"tf_half_pixel_for_nn", Coordinates::TfHalfPixelForNn},
       {"tf_crop_and_resize", Coordinates::TfCropAndResize}});
  method.nearest = getChoice<NearestMode>(
      node, "nearest_mode", "round_prefer_floor",
      {{"round_prefer_floor", NearestMode::RoundPreferFloor},
       {"round_prefer_ceil", NearestMode::RoundPreferCeil},
       {"floor", NearestMode::Floor},
       {"ceil", NearestMode::Ceil}});
  method.cubicCoefficient = node.getFloat("cubic_coeff_a", -0.75);
  method.excludesOutside = node.getBool("exclude_outside", false);
  method.extrapolation = node.getFloat("extrapolation_value", 0);
  if (node.getVersion() >= 18) {
    method.antialiases = node.getBool("antialias", false);
    request.policy =
        getChoice<StringRef>(node, "keep_aspect_ratio_policy", "stretch",
                             {{"stretch", "stretch"},
                              {"not_larger", "not_larger"},
                              {"not_smaller", "not_smaller"}})
            .str();
  }
  // The two differ only where a scale gives a size that had to be rounded.
  if (method.coordinates == Coordinates::HalfPixelSymmetric &&
      !getNonEmptyInput(node, 2) && request.policy == "stretch")
    method.coordinates = Coordinates::HalfPixel;
  return node.failed() ? std::nullopt : std::optional(request);
}

/// Sizes and scales of the axes: one of each.
struct Target {
  /// i64 of rank 0.
  SmallVector<Value> sizes;
  /// f64 of rank 0, and where they are known.
  SmallVector<Value> scales;
  SmallVector<std::optional<double>> known;
};

static Target getScaledTarget(NodeContext &node, Value input,
                              ArrayRef<int64_t> axes, ArrayRef<double> scales) {
  Target target;
  Type f64 = node.getBuilder().getF64Type();
  for (auto [axis, scale] : llvm::zip_equal(axes, scales)) {
    target.sizes.push_back(
        node.squeeze(scaleDim(node, input, axis, scale), {int64_t(0)}));
    target.scales.push_back(node.createScalar(f64, scale));
    target.known.push_back(scale);
  }
  return target;
}

/// The same with scales that are data: f32 of rank 1.
static Target getComputedTarget(NodeContext &node, Value input,
                                ArrayRef<int64_t> axes, Value scales) {
  Target target;
  OpBuilder &builder = node.getBuilder();
  RankedTensorType type = getType(scales);
  if (type.getRank() != 1 ||
      (!type.isDynamicDim(0) && type.getDimSize(0) != int64_t(axes.size()))) {
    node.invalid("expected " + Twine(axes.size()) + " scales");
    return {};
  }
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Value scale = getElement(node, scales, i);
    Value dim = node.squeeze(node.getDim(input, axis), {int64_t(0)});
    Value size = node.create<FloorOp>(
        node.create<MulOp>(node.cast(dim, builder.getF32Type()),
                           node.cast(scale, builder.getF32Type())));
    target.sizes.push_back(node.cast(size, builder.getI64Type()));
    target.scales.push_back(node.cast(scale, builder.getF64Type()));
    target.known.push_back(std::nullopt);
  }
  return target;
}

/// The sizes that were asked for, or by a policy the largest that are not
/// larger, or the smallest that are not smaller, of the input's proportions.
static Target getSizedTarget(NodeContext &node, Value input,
                             ArrayRef<int64_t> axes, Value sizes,
                             StringRef policy) {
  Target target;
  Type f64 = node.getBuilder().getF64Type(),
       i64 = node.getBuilder().getI64Type();
  std::optional<SmallVector<int64_t>> known =
      node.getKnownValues().getConstants(sizes);
  SmallVector<Value> dims;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t dim = getType(input).getDimSize(axis);
    dims.push_back(
        node.cast(node.squeeze(node.getDim(input, axis), {int64_t(0)}), f64));
    target.sizes.push_back(getElement(node, sizes, i));
    if (known && !ShapedType::isDynamic(dim) && dim > 0) {
      target.known.push_back(double((*known)[i]) / double(dim));
      target.scales.push_back(node.createScalar(f64, *target.known.back()));
    } else {
      target.known.push_back(std::nullopt);
      target.scales.push_back(
          node.create<DivOp>(node.cast(target.sizes.back(), f64), dims.back()));
    }
  }
  if (policy == "stretch" || axes.empty() || node.failed())
    return target;
  bool isSmallest = policy == "not_larger";
  Value scale = target.scales[0];
  std::optional<double> knownScale = target.known[0];
  for (auto [other, knownOther] :
       llvm::zip_equal(ArrayRef<Value>(target.scales).drop_front(),
                       ArrayRef(target.known).drop_front())) {
    scale = isSmallest ? node.create<MinOp>(scale, other)
                       : node.create<MaxOp>(scale, other);
    if (knownScale && knownOther)
      knownScale = isSmallest ? std::min(*knownScale, *knownOther)
                              : std::max(*knownScale, *knownOther);
    else
      knownScale.reset();
  }
  for (size_t i = 0; i != axes.size(); ++i) {
    target.scales[i] = knownScale ? node.createScalar(f64, *knownScale) : scale;
    target.known[i] = knownScale;
    int64_t dim = getType(input).getDimSize(axes[i]);
    if (knownScale && !ShapedType::isDynamic(dim)) {
      target.sizes[i] =
          node.createScalar(i64, std::floor(*knownScale * double(dim) + 0.5));
      continue;
    }
    Value size = node.create<MulOp>(target.scales[i], dims[i]);
    target.sizes[i] = node.cast(
        node.create<FloorOp>(withScalar<AddOp>(node, size, 0.5)), i64);
  }
  return target;
}

/// The resizes that `tenon.resize` has not.
static LogicalResult resampleTo(NodeContext &node, Value input,
                                ArrayRef<int64_t> axes, const Target &target,
                                const ResampleMethod &method) {
  if (node.failed())
    return failure();
  SmallVector<ResampleAxis> resampled;
  bool isCrop = method.coordinates == Coordinates::TfCropAndResize;
  Value roi;
  if (isCrop) {
    roi = node.cast(node.getInput(1), node.getBuilder().getF64Type());
    if (node.failed())
      return failure();
    if (getType(roi).getRank() != 1 ||
        (!getType(roi).isDynamicDim(0) &&
         getType(roi).getDimSize(0) != int64_t(2 * axes.size())))
      return node.invalid("expected a region of " + Twine(2 * axes.size()) +
                          " elements");
  }
  for (auto [i, axis] : llvm::enumerate(axes)) {
    std::optional<SmallVector<int64_t>> size =
        node.getKnownValues().getConstants(target.sizes[i]);
    if (node.failed())
      return failure();
    if (size && ((*size)[0] < 0 || (*size)[0] > kMaxElements))
      return node.invalid("a size is " + Twine((*size)[0]));
    // What stays as it is needs no work.
    if (!isCrop && target.known[i] == 1.0)
      continue;
    ResampleAxis &added = resampled.emplace_back(ResampleAxis{
        axis, target.sizes[i], target.scales[i], {}, {}, target.known[i]});
    if (isCrop) {
      added.roiBegin = getElement(node, roi, i);
      added.roiEnd = getElement(node, roi, axes.size() + i);
    }
  }
  return node.setOutput(resample(node, input, method, resampled));
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
    if (!scales) {
      ResampleMethod computed;
      computed.mode = method.mode;
      computed.coordinates = Coordinates::Asymmetric;
      computed.nearest = NearestMode::Floor;
      computed.prefersCeilWhereShrinking = true;
      return resampleTo(
          node, input, getAllAxes(input),
          getComputedTarget(node, input, getAllAxes(input), given), computed);
    }
  }
  SmallVector<int64_t> axes = getAllAxes(input);
  if (method.mode != ResizeMode::Nearest)
    return node.setOutput(resizeByScales(node, input, axes, *scales, method));
  // The nearest element is the one before, or behind where an axis shrinks.
  SmallVector<double> growing, shrinking;
  for (double scale : *scales) {
    growing.push_back(scale < 1 ? 1 : scale);
    shrinking.push_back(scale < 1 ? scale : 1);
  }
  // What is no scale at all is reported by the second.
  Value result = input;
  if (llvm::any_of(growing, [](double scale) { return scale != 1; }))
    result = resizeByScales(node, result, axes, growing, method);
  method.nearest = NearestMode::Ceil;
  return node.setOutput(resizeByScales(node, result, axes, shrinking, method));
}

static LogicalResult convertResize(NodeContext &node) {
  if (node.getVersion() < 11)
    return convertUpsample(node);
  Value input = node.getInput(0);
  std::optional<ResizeRequest> request = getRequest(node);
  if (!request || node.failed())
    return failure();
  SmallVector<int64_t> axes = getAllAxes(input);
  if (node.getVersion() >= 18)
    if (std::optional<SmallVector<int64_t>> given = node.getInts("axes"))
      axes = node.normalizeAxes(*given, getType(input).getRank());
  Value scales = getNonEmptyInput(node, 2), sizes = getNonEmptyInput(node, 3);
  if (node.failed())
    return failure();
  if (scales && getType(scales).getRank() == 1)
    scales = node.requireDim(scales, 0, axes.size());
  if (sizes && getType(sizes).getRank() == 1)
    sizes = node.requireDim(sizes, 0, axes.size());
  if (!scales == !sizes)
    return node.invalid(scales ? "scales and sizes are both given, expected one"
                               : "expected scales or sizes, found neither");
  std::optional<Method> native = request->getNative();
  if (sizes) {
    if (native && request->policy == "stretch")
      return node.setOutput(resizeToSizes(node, input, axes, sizes, *native));
    sizes = node.toShapeOperand(sizes);
    if (node.failed() || !sizes)
      return failure();
    if (getType(sizes).getDimSize(0) != int64_t(axes.size()))
      return node.invalid("expected " + Twine(axes.size()) + " sizes");
    return resampleTo(node, input, axes,
                      getSizedTarget(node, input, axes, sizes, request->policy),
                      request->method);
  }
  std::optional<SmallVector<double>> constants = getConstantFloats(scales);
  if (!constants)
    return resampleTo(node, input, axes,
                      getComputedTarget(node, input, axes, scales),
                      request->method);
  if (native)
    return node.setOutput(
        resizeByScales(node, input, axes, *constants, *native));
  if (constants->size() != axes.size())
    return node.invalid("expected " + Twine(axes.size()) + " scales, found " +
                        Twine(constants->size()));
  for (double scale : *constants)
    if (!std::isfinite(scale) || scale <= 0)
      return node.invalid("expected scales above 0");
  return resampleTo(node, input, axes,
                    getScaledTarget(node, input, axes, *constants),
                    request->method);
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

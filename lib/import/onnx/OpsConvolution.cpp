//===- OpsConvolution.cpp - Convolutions and pools ------------------------===//

#include "dialects/tenon/TenonArrayOps.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

enum class AutoPad { NotSet, Valid, SameUpper, SameLower };

/// The attributes of everything that moves a window, with defaults filled in.
struct Window {
  SmallVector<int64_t> kernel, strides, dilations, pads;
  AutoPad autoPad = AutoPad::NotSet;
};

} // namespace

static std::string formatInts(ArrayRef<int64_t> values) {
  std::string text;
  for (int64_t value : values)
    text += (text.empty() ? "" : "x") +
            (ShapedType::isDynamic(value) ? "?" : std::to_string(value));
  return text;
}

static AutoPad getAutoPad(NodeContext &node) {
  std::string name = node.getString("auto_pad", "NOTSET");
  if (name == "NOTSET" || node.failed())
    return AutoPad::NotSet;
  if (name == "VALID")
    return AutoPad::Valid;
  if (name == "SAME_UPPER")
    return AutoPad::SameUpper;
  if (name == "SAME_LOWER")
    return AutoPad::SameLower;
  node.invalid("attribute 'auto_pad' is " + quote(name) +
               ", expected NOTSET, VALID, SAME_UPPER or SAME_LOWER");
  return AutoPad::NotSet;
}

/// Reads a window over the dimensions of `input` after the second; `kernel` is
/// that of the weights, or empty for a pool.
static std::optional<Window> getWindow(NodeContext &node, Value input,
                                       ArrayRef<int64_t> kernel,
                                       bool hasDilations = true) {
  if (node.failed())
    return std::nullopt;
  int64_t rank = getType(input).getRank(), spatial = rank - 2;
  if (spatial < 1 || spatial > 3) {
    if (spatial < 1)
      node.invalid("expected an input of rank 3 or more, found rank " +
                   Twine(rank));
    else
      node.unsupported("windows of more than three dimensions are not "
                       "supported");
    return std::nullopt;
  }
  Window window;
  if (node.hasAttribute("kernel_shape") || kernel.empty()) {
    if (!node.hasAttribute("kernel_shape"))
      node.invalid("attribute 'kernel_shape' is missing");
    window.kernel = getPerDimension(node, "kernel_shape", spatial, 1, 1);
    for (auto [size, given] : llvm::zip(window.kernel, kernel))
      if (!node.failed() && !ShapedType::isDynamic(given) && size != given)
        node.invalid("attribute 'kernel_shape' is " +
                     formatInts(window.kernel) + ", but the weights have " +
                     formatInts(kernel));
  } else {
    window.kernel = llvm::to_vector(kernel);
  }
  window.strides = getPerDimension(node, "strides", spatial, 1, 1);
  window.dilations = hasDilations
                         ? getPerDimension(node, "dilations", spatial, 1, 1)
                         : SmallVector<int64_t>(spatial, 1);
  window.autoPad = getAutoPad(node);
  window.pads = getPerDimension(node, "pads", 2 * spatial, 0, 0);
  if (window.autoPad != AutoPad::NotSet &&
      llvm::any_of(window.pads, [](int64_t pad) { return pad != 0; }))
    node.invalid("attributes 'pads' and 'auto_pad' are both given, expected "
                 "one");
  return node.failed() ? std::nullopt : std::optional(window);
}

static bool isSame(const Window &window) {
  return window.autoPad == AutoPad::SameUpper ||
         window.autoPad == AutoPad::SameLower;
}

/// `total` elements of padding at the begin and at the end of a dimension.
static std::pair<Value, Value> sharePadding(NodeContext &node, Value total,
                                            const Window &window) {
  Value smaller = node.create<DivOp>(total, node.createInts(int64_t(2)));
  Value larger = node.create<SubOp>(total, smaller);
  return window.autoPad == AutoPad::SameUpper ? std::pair(smaller, larger)
                                              : std::pair(larger, smaller);
}

/// The elements that a window covers along its dimension `i`.
static Value getExtent(NodeContext &node, const Window &window, size_t i,
                       Value weights) {
  Value one = node.createInts(int64_t(1));
  Value size = ShapedType::isDynamic(window.kernel[i])
                   ? node.getDim(weights, i + 2)
                   : node.createInts(window.kernel[i]);
  Value steps = node.create<MulOp>(node.create<SubOp>(size, one),
                                   node.createInts(window.dilations[i]));
  return node.create<AddOp>(steps, one);
}

/// Makes SAME_UPPER and SAME_LOWER explicit: an output dimension is the input's
/// divided by the stride, rounded up. Where the padding depends on dynamic
/// dimensions the input is padded instead, with `fill` or zeros. `weights` are
/// null for a pool.
static LogicalResult resolveAutoPad(NodeContext &node, Value &input,
                                    Window &window, Value weights = {},
                                    Value fill = {}) {
  if (!isSame(window))
    return success();
  size_t spatial = window.kernel.size();
  SmallVector<Value> pads(2 * (spatial + 2), node.createInts(int64_t(0)));
  bool isComputed = false;
  for (size_t i = 0; i != spatial; ++i) {
    int64_t size = getType(input).getDimSize(i + 2), stride = window.strides[i];
    if (ShapedType::isDynamic(window.kernel[i]) ||
        (stride != 1 && ShapedType::isDynamic(size))) {
      isComputed = true;
      Value step = node.createInts(stride), one = node.createInts(int64_t(1));
      Value dim = node.getDim(input, i + 2);
      // (ceil(size / stride) - 1) * stride = floor((size - 1) / stride) *
      // stride
      Value before = node.create<MulOp>(
          node.create<DivOp>(node.create<SubOp>(dim, one), step), step);
      Value total = node.create<SubOp>(
          node.create<AddOp>(before, getExtent(node, window, i, weights)), dim);
      total = node.create<MaxOp>(total, node.createInts(int64_t(0)));
      std::tie(pads[i + 2], pads[spatial + 4 + i]) =
          sharePadding(node, total, window);
      continue;
    }
    int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1;
    int64_t out = size / stride + (size % stride != 0);
    int64_t total =
        stride == 1 ? extent - 1
                    : std::max<int64_t>((out - 1) * stride + extent - size, 0);
    int64_t smaller = total / 2, larger = total - smaller;
    bool isUpper = window.autoPad == AutoPad::SameUpper;
    window.pads[i] = isUpper ? smaller : larger;
    window.pads[spatial + i] = isUpper ? larger : smaller;
  }
  if (isComputed)
    input = node.create<PadOp>(input, node.joinShape(pads), fill,
                               PadMode::Constant);
  return success(!node.failed());
}

/// The weights' dimensions after the second.
static std::optional<SmallVector<int64_t>>
getKernel(NodeContext &node, Value input, Value weights) {
  if (node.failed())
    return std::nullopt;
  RankedTensorType type = getType(weights);
  if (type.getRank() != getType(input).getRank() || type.getRank() < 3) {
    node.invalid("expected weights of the input's rank " +
                 Twine(getType(input).getRank()) + ", found rank " +
                 Twine(type.getRank()));
    return std::nullopt;
  }
  return llvm::to_vector(type.getShape().drop_front(2));
}

static int64_t getGroups(NodeContext &node) {
  int64_t groups = node.getInt("group", 1);
  if (!node.failed() && (groups < 1 || groups > INT32_MAX))
    node.invalid("attribute 'group' is " + Twine(groups) +
                 ", expected at least 1");
  return groups;
}

Value createConv(NodeContext &node, Value input, Value weights, Value bias) {
  int64_t groups = getGroups(node);
  std::optional<SmallVector<int64_t>> kernel = getKernel(node, input, weights);
  if (!kernel)
    return {};
  int64_t channels = getType(input).getDimSize(1);
  int64_t perGroup = getType(weights).getDimSize(1), product;
  if (!ShapedType::isDynamic(channels) && !ShapedType::isDynamic(perGroup) &&
      (MulOverflow(perGroup, groups, product) || product != channels))
    node.invalid("the weights are for " + Twine(groups) + " groups of " +
                 Twine(perGroup) + " channels, but the input has " +
                 Twine(channels));
  std::optional<Window> window = getWindow(node, input, *kernel);
  if (!window || failed(resolveAutoPad(node, input, *window, weights)))
    return {};
  return node.create<ConvOp>(input, weights, bias, window->strides,
                             window->pads, window->dilations, uint64_t(groups));
}

static LogicalResult convertConv(NodeContext &node) {
  return node.setOutput(createConv(node, node.getInput(0), node.getInput(1),
                                   node.getOptionalInput(2)));
}

/// A transposed convolution whose padding depends on dynamic dimensions: all
/// that the windows reach, cut to `shape`, or to the input times the strides.
static Value fitConvTranspose(NodeContext &node, Value input, Value weights,
                              Value bias, const Window &window,
                              ArrayRef<int64_t> extra, int64_t groups,
                              std::optional<ArrayRef<int64_t>> shape) {
  Value result = node.create<ConvTransposeOp>(
      input, weights, Value(), window.strides, window.pads, window.dilations,
      extra, uint64_t(groups));
  if (node.failed())
    return {};
  Value zero = node.createInts(int64_t(0));
  int64_t spatial = window.kernel.size();
  for (int64_t i = 0; i != spatial; ++i) {
    Value wanted = shape
                       ? node.createInts((*shape)[i])
                       : node.create<MulOp>(node.getDim(input, i + 2),
                                            node.createInts(window.strides[i]));
    Value total = node.create<SubOp>(node.getDim(result, i + 2), wanted);
    // An output that is larger than the windows reach is padded at its end.
    SmallVector<Value> pads(2 * (spatial + 2), zero);
    pads[spatial + 4 + i] =
        node.create<MaxOp>(node.create<SubOp>(zero, total), zero);
    Value begin =
        sharePadding(node, node.create<MaxOp>(total, zero), window).first;
    if (node.failed())
      return {};
    result = node.create<PadOp>(result, node.joinShape(pads), Value(),
                                PadMode::Constant);
    result =
        node.sliceAxis(result, i + 2, begin, node.create<AddOp>(begin, wanted));
  }
  if (!bias || node.failed())
    return result;
  return node.create<AddOp>(
      result, alongAxis(node, bias, /*axis=*/1, getType(input).getRank()));
}

static LogicalResult convertConvTranspose(NodeContext &node) {
  Value input = node.getInput(0), weights = node.getInput(1);
  Value bias = node.getOptionalInput(2);
  int64_t groups = getGroups(node);
  std::optional<SmallVector<int64_t>> kernel = getKernel(node, input, weights);
  std::optional<Window> window;
  if (kernel)
    window = getWindow(node, input, *kernel);
  if (!window)
    return failure();
  size_t spatial = window->kernel.size();
  SmallVector<int64_t> extra =
      getPerDimension(node, "output_padding", spatial, 0, 0);
  std::optional<SmallVector<int64_t>> shape = node.getInts("output_shape");
  if (node.failed())
    return failure();
  if (shape) {
    // Some exporters give the batch and the channels, too.
    if (shape->size() == spatial + 2)
      shape->erase(shape->begin(), shape->begin() + 2);
    if (shape->size() != spatial)
      return node.invalid("attribute 'output_shape' has " +
                          Twine(shape->size()) + " elements, expected " +
                          Twine(spatial));
  }
  bool isFitted = shape || isSame(*window);
  if (isFitted &&
      (llvm::any_of(window->kernel, ShapedType::isDynamic) ||
       (shape && llvm::any_of(getType(input).getShape().drop_front(2),
                              ShapedType::isDynamic)))) {
    // A given shape decides the padding.
    if (shape)
      window->pads.assign(2 * spatial, 0);
    return node.setOutput(fitConvTranspose(node, input, weights, bias, *window,
                                           extra, groups, shape));
  }
  for (size_t i = 0; i != spatial && isFitted; ++i) {
    int64_t stride = window->strides[i];
    int64_t extent = (window->kernel[i] - 1) * window->dilations[i] + 1;
    // total = stride * (in - 1) + extra + extent - out, with out = stride * in
    // where it is not given.
    int64_t total = extra[i] + extent - stride;
    if (shape) {
      int64_t size = getType(input).getDimSize(i + 2);
      if ((*shape)[i] < 0 || (*shape)[i] > INT32_MAX || size > INT32_MAX)
        return node.invalid("attribute 'output_shape' has the element " +
                            Twine((*shape)[i]) + ", expected a size");
      total = stride * (size - 1) + extra[i] + extent - (*shape)[i];
    }
    // An output that is larger than the windows reach is padded at its end.
    if (total < 0) {
      extra[i] -= total;
      total = 0;
    }
    int64_t smaller = total / 2, larger = total - smaller;
    bool isUpper = window->autoPad == AutoPad::SameUpper;
    window->pads[i] = isUpper ? smaller : larger;
    window->pads[spatial + i] = isUpper ? larger : smaller;
  }
  return node.setOutput(node.create<ConvTransposeOp>(
      input, weights, bias, window->strides, window->pads, window->dilations,
      extra, uint64_t(groups)));
}

/// Positions in the row-major order of a tensor like `input` as those of an
/// order in which the first spatial dimension runs fastest.
static Value toColumnMajor(NodeContext &node, Value positions, Value input) {
  if (node.failed() || !positions)
    return {};
  int64_t rank = getType(input).getRank();
  auto getSize = [&](int64_t dim) {
    return node.squeeze(node.getDim(input, dim), {int64_t(0)});
  };
  Value rest = positions, place;
  SmallVector<Value> indices(rank);
  for (int64_t dim = rank - 1; dim >= 2; --dim) {
    indices[dim] = node.create<ModOp>(rest, getSize(dim));
    rest = node.create<DivOp>(rest, getSize(dim));
  }
  // The last dimension is the slowest but for the images and channels before.
  place = rest;
  for (int64_t dim = rank - 1; dim >= 2; --dim)
    place = node.create<AddOp>(node.create<MulOp>(place, getSize(dim)),
                               indices[dim]);
  return place;
}

/// What no maximum is.
static Value createLowest(NodeContext &node, Type type) {
  if (auto floats = dyn_cast<FloatType>(type))
    return node.createScalar(type, -std::numeric_limits<double>::infinity());
  unsigned width = type.getIntOrFloatBitWidth();
  return node.createScalar(
      type, type.isUnsignedInteger() ? 0 : -std::ldexp(1.0, width - 1));
}

static LogicalResult convertMaxPool(NodeContext &node) {
  Value input = node.getInput(0);
  bool ceilMode =
      node.getVersion() >= 10 ? node.getBool("ceil_mode", false) : false;
  bool isColumnMajor =
      node.getVersion() >= 8 && node.getBool("storage_order", false);
  std::optional<Window> window =
      getWindow(node, input, {}, /*hasDilations=*/node.getVersion() >= 10);
  if (!window || node.failed())
    return failure();
  Value padded = input;
  if (failed(resolveAutoPad(node, padded, *window, /*weights=*/{},
                            createLowest(node, getElementTypeOrSelf(input)))))
    return failure();
  if (padded != input && node.hasOutput(1))
    return node.unsupported(
        "indices where padding to the same size with a stride needs static "
        "dimensions; give the input a shape");
  ceilMode &= window->autoPad == AutoPad::NotSet;
  if (node.hasOutput(1)) {
    Value indices = node.create<MaxPoolIndicesOp>(input, window->kernel,
                                                  window->strides, window->pads,
                                                  window->dilations, ceilMode);
    if (isColumnMajor)
      indices = toColumnMajor(node, indices, input);
    if (failed(node.setOutput(1, indices)))
      return failure();
  }
  return node.setOutput(node.create<MaxPoolOp>(padded, window->kernel,
                                               window->strides, window->pads,
                                               window->dilations, ceilMode));
}

static LogicalResult convertAveragePool(NodeContext &node) {
  Value input = node.getInput(0);
  bool ceilMode =
      node.getVersion() >= 10 ? node.getBool("ceil_mode", false) : false;
  bool countsPadding =
      node.getVersion() >= 7 ? node.getBool("count_include_pad", false) : false;
  std::optional<Window> window =
      getWindow(node, input, {}, /*hasDilations=*/node.getVersion() >= 19);
  if (!window || node.failed())
    return failure();
  ceilMode &= window->autoPad == AutoPad::NotSet;
  auto pool = [&](Value value, const Window &window, bool counts) -> Value {
    return node.create<AveragePoolOp>(value, window.kernel, window.strides,
                                      window.pads, window.dilations, ceilMode,
                                      counts);
  };
  Window resolved = *window;
  Value padded = input;
  if (failed(resolveAutoPad(node, padded, resolved)))
    return failure();
  Value result = pool(padded, resolved, countsPadding);
  if (padded == input || countsPadding)
    return node.setOutput(result);
  // The part of each window that is not padding.
  Value ones = fillLike(node, input, getElementTypeOrSelf(input), 1);
  resolved = *window;
  if (node.failed() || failed(resolveAutoPad(node, ones, resolved)))
    return failure();
  return node.setOutput(
      node.create<DivOp>(result, pool(ones, resolved, false)));
}

/// (|x|^p)
static Value raise(NodeContext &node, Value x, int64_t p) {
  if (p == 2)
    return node.create<MulOp>(x, x);
  Value magnitude = node.create<AbsOp>(x);
  return p == 1 ? magnitude : withScalar<PowOp>(node, magnitude, p);
}

/// x^(1/p)
static Value takeRoot(NodeContext &node, Value x, int64_t p) {
  if (p == 1)
    return x;
  return p == 2 ? node.create<SqrtOp>(x) : withScalar<PowOp>(node, x, 1.0 / p);
}

static std::optional<int64_t> getNorm(NodeContext &node) {
  int64_t p = node.getInt("p", 2);
  if (!node.failed() && p < 1)
    node.invalid("attribute 'p' is " + Twine(p) + ", expected at least 1");
  return node.failed() ? std::nullopt : std::optional(p);
}

/// Replaces ceil_mode by more padding at the end: to where the last window
/// ends.
static LogicalResult resolveCeilMode(NodeContext &node, Value input,
                                     Window &window) {
  size_t spatial = window.kernel.size();
  for (size_t i = 0; i != spatial; ++i) {
    int64_t stride = window.strides[i];
    if (stride == 1)
      continue;
    int64_t size = getType(input).getDimSize(i + 2);
    if (ShapedType::isDynamic(size))
      return node.unsupported("ceil_mode = 1 with a stride needs static "
                              "dimensions; give the input a shape");
    int64_t extent = (window.kernel[i] - 1) * window.dilations[i] + 1;
    int64_t begin = window.pads[i], &end = window.pads[spatial + i];
    int64_t room = size + begin + end - extent;
    if (room < 0)
      continue; // Nothing fits, which inference tells.
    int64_t last = divideCeil(room, stride);
    if (last * stride >= size + begin)
      --last;
    end = std::max<int64_t>(last * stride + extent - size - begin, 0);
  }
  return success();
}

/// The p-norm of each window: the root of a mean times the number of elements.
static LogicalResult convertLpPool(NodeContext &node) {
  Value input = node.getInput(0);
  bool ceilMode =
      node.getVersion() >= 18 ? node.getBool("ceil_mode", false) : false;
  std::optional<int64_t> p = getNorm(node);
  std::optional<Window> window =
      getWindow(node, input, {}, /*hasDilations=*/node.getVersion() >= 18);
  if (!p || !window || failed(resolveAutoPad(node, input, *window)))
    return failure();
  if (ceilMode && window->autoPad == AutoPad::NotSet &&
      failed(resolveCeilMode(node, input, *window)))
    return failure();
  double count = 1;
  for (int64_t size : window->kernel)
    count *= double(size);
  Value mean = node.create<AveragePoolOp>(
      raise(node, widen(node, input), *p), window->kernel, window->strides,
      window->pads, window->dilations, /*ceil_mode=*/false,
      /*count_include_pad=*/true);
  Value result = takeRoot(node, withScalar<MulOp>(node, mean, count), *p);
  return node.setOutput(
      node.failed() ? Value() : node.cast(result, getElementTypeOrSelf(input)));
}

static LogicalResult convertGlobalLpPool(NodeContext &node) {
  std::optional<int64_t> p = getNorm(node);
  Value input = node.getInput(0);
  if (!p || node.failed())
    return failure();
  int64_t rank = getType(input).getRank();
  if (rank < 3)
    return node.invalid("expected an input of rank 3 or more, found rank " +
                        Twine(rank));
  Value sum = reduce(node, raise(node, widen(node, input), *p), ReduceKind::Sum,
                     getAxes(2, rank));
  Value result = takeRoot(node, sum, *p);
  return node.setOutput(
      node.failed() ? Value() : node.cast(result, getElementTypeOrSelf(input)));
}

/// A pool over all of an image is a reduction.
template <ReduceKind kind>
static LogicalResult convertGlobalPool(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  int64_t rank = getType(input).getRank();
  if (rank < 3)
    return node.invalid("expected an input of rank 3 or more, found rank " +
                        Twine(rank));
  return node.setOutput(node.create<ReduceOp>(
      input, kind, llvm::to_vector(llvm::seq<int64_t>(2, rank))));
}

ArrayRef<OpEntry> getConvolutionOps() {
  static constexpr int64_t conv[] = {1, 11, 22},
                           maxPool[] = {1, 8, 10, 11, 12, 22},
                           averagePool[] = {1, 7, 10, 11, 19, 22},
                           globalPool[] = {1, 22}, lpPool[] = {2, 11, 18, 22},
                           globalLpPool[] = {2, 22};
  static const OpEntry entries[] = {
      {"Conv", conv, convertConv, 2, 3},
      {"ConvTranspose", conv, convertConvTranspose, 2, 3},
      {"MaxPool", maxPool, convertMaxPool},
      {"AveragePool", averagePool, convertAveragePool},
      {"LpPool", lpPool, convertLpPool},
      {"GlobalLpPool", globalLpPool, convertGlobalLpPool},
      {"GlobalAveragePool", globalPool, convertGlobalPool<ReduceKind::Mean>},
      {"GlobalMaxPool", globalPool, convertGlobalPool<ReduceKind::Max>},
  };
  return entries;
}

} // namespace tenon::onnx_import

//===- OpsSampling.cpp - Elements between elements ------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>
#include <cstring>
#include <vector>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Grids
//===----------------------------------------------------------------------===//

static std::optional<ResizeMode> getSampleMode(NodeContext &node) {
  bool isOld = node.getVersion() < 20;
  std::string name = node.getString("mode", isOld ? "bilinear" : "linear");
  if (name == "nearest")
    return ResizeMode::Nearest;
  if (name == (isOld ? "bilinear" : "linear"))
    return ResizeMode::Linear;
  if (name == (isOld ? "bicubic" : "cubic"))
    return ResizeMode::Cubic;
  if (!node.failed())
    node.invalid("attribute 'mode' is " + quote(name) +
                 (isOld ? ", expected bilinear, nearest or bicubic"
                        : ", expected linear, nearest or cubic"));
  return std::nullopt;
}

/// A grid holds positions from -1 to 1; the operation counts elements.
static LogicalResult convertGridSample(NodeContext &node) {
  std::optional<ResizeMode> mode = getSampleMode(node);
  std::string paddingName = node.getString("padding_mode", "zeros");
  std::optional<SamplePadding> padding = symbolizeSamplePadding(paddingName);
  bool alignCorners = node.getBool("align_corners", false);
  Value input = node.getInput(0), grid = node.getInput(1);
  if (node.failed() || !mode)
    return failure();
  if (!padding)
    return node.invalid("attribute 'padding_mode' is " + quote(paddingName) +
                        ", expected zeros, border or reflection");
  int64_t rank = getType(input).getRank();
  if (getType(grid).getRank() != rank)
    return node.invalid("expected a grid of the input's rank " + Twine(rank) +
                        ", found rank " + Twine(getType(grid).getRank()));
  if (rank < 3 || rank > 5)
    return node.unsupported("an input of rank " + Twine(rank) +
                            " is not supported");
  Type type = getElementTypeOrSelf(grid);
  if (!isa<FloatType>(type))
    return node.invalid("expected a grid of floats, found " +
                        getTypeName(type));
  if (type.getIntOrFloatBitWidth() < 32)
    type = node.getBuilder().getF32Type();
  grid = node.cast(grid, type);
  // The last dimension's size comes first.
  SmallVector<Value> dims;
  for (int64_t i = rank - 1; i != 1; --i)
    dims.push_back(node.getDim(input, i));
  Value sizes = node.cast(node.joinShape(dims), type);
  Value one = node.createScalar(type, 1), half = node.createScalar(type, 0.5);
  Value shifted = node.create<AddOp>(grid, one), positions;
  if (alignCorners) {
    Value last = node.create<SubOp>(sizes, one);
    positions = node.binary<MulOp>(node.create<MulOp>(shifted, half), last);
  } else {
    Value doubled = node.create<SubOp>(node.binary<MulOp>(shifted, sizes), one);
    positions = node.create<MulOp>(doubled, half);
  }
  return node.setOutput(node.create<SampleOp>(input, positions, *mode, *padding,
                                              alignCorners, APFloat(-0.75)));
}

/// The positions of `count` elements on [-1, 1], along dimension `dim` of a
/// tensor of rank `rank`.
static Value createAxis(NodeContext &node, Value count, Type type,
                        bool alignCorners, int64_t dim, int64_t rank) {
  Value ramp = node.cast(createRange(node, count), type);
  Value number = node.cast(count, type);
  Value one = node.createScalar(type, 1), two = node.createScalar(type, 2);
  Value doubled = node.create<MulOp>(ramp, two), axis;
  if (alignCorners) {
    // A single element stands at the begin.
    Value gaps = node.create<MaxOp>(node.create<SubOp>(number, one), one);
    axis = node.create<SubOp>(node.create<DivOp>(doubled, gaps), one);
  } else {
    Value centres = node.create<AddOp>(doubled, one);
    axis = node.create<SubOp>(node.create<DivOp>(centres, number), one);
  }
  SmallVector<int64_t> around;
  for (int64_t i = 0; i != rank; ++i)
    if (i != dim)
      around.push_back(i);
  return node.unsqueeze(axis, around);
}

static LogicalResult convertAffineGrid(NodeContext &node) {
  bool alignCorners = node.getBool("align_corners", false);
  Value theta = node.getInput(0);
  Value size = node.toShapeOperand(node.getInput(1));
  if (node.failed() || !size)
    return failure();
  RankedTensorType type = getType(theta);
  int64_t count = getType(size).getDimSize(0), spatial = count - 2;
  if (spatial != 2 && spatial != 3)
    return node.invalid("expected a size of 4 or 5 elements");
  auto canBe = [&](int64_t dim, int64_t size) {
    return type.isDynamicDim(dim) || type.getDimSize(dim) == size;
  };
  if (type.getRank() != 3 || !canBe(1, spatial) || !canBe(2, spatial + 1))
    return node.invalid("expected a theta of shape [N, " + Twine(spatial) +
                        ", " + Twine(spatial + 1) + "]");
  Type elementType = type.getElementType();
  int64_t rank = spatial + 2;
  // theta[n, :, j], as a part of the grid's last dimension.
  auto getColumn = [&](int64_t j) {
    Value column =
        node.sliceAxis(theta, 2, node.createInts(j), node.createInts(j + 1));
    column = node.squeeze(column, {int64_t(2)});
    return node.unsqueeze(column,
                          llvm::to_vector(llvm::seq<int64_t>(1, rank - 1)));
  };
  Value grid;
  for (int64_t j = 0; j != spatial; ++j) {
    // x, the first coordinate, belongs to the last dimension.
    int64_t dim = spatial - 1 - j;
    Value length = node.sliceAxis(size, 0, node.createInts(dim + 2),
                                  node.createInts(dim + 3));
    if (auto constants = node.getKnownValues().getElements(size);
        constants && (*constants)[dim + 2].constant)
      length = node.createInts(*(*constants)[dim + 2].constant);
    Value axis =
        createAxis(node, length, elementType, alignCorners, dim + 1, rank);
    Value term = node.binary<MulOp>(axis, getColumn(j));
    grid = grid ? node.binary<AddOp>(grid, term) : term;
  }
  return node.setOutput(node.binary<AddOp>(grid, getColumn(spatial)));
}

//===----------------------------------------------------------------------===//
// Regions and deformations
//===----------------------------------------------------------------------===//

static LogicalResult convertRoiAlign(NodeContext &node) {
  std::string mode = node.getString("mode", "avg");
  std::string coordinates =
      node.getVersion() < 16
          ? std::string("output_half_pixel")
          : node.getString("coordinate_transformation_mode", "half_pixel");
  int64_t height = node.getInt("output_height", 1),
          width = node.getInt("output_width", 1),
          ratio = node.getInt("sampling_ratio", 0);
  double scale = node.getFloat("spatial_scale", 1);
  Value input = node.getInput(0), rois = node.getInput(1),
        batchIndices = node.getInput(2);
  if (node.failed())
    return failure();
  if (mode != "avg" && mode != "max")
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected avg or max");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return node.invalid("attribute 'coordinate_transformation_mode' is " +
                        quote(coordinates) +
                        ", expected half_pixel or output_half_pixel");
  batchIndices = rejectNegative(node, batchIndices, node.getDim(input, 0));
  return node.setOutput(node.create<RoiAlignOp>(
      input, rois, batchIndices, ArrayRef<int64_t>{height, width},
      mode == "avg" ? ReduceKind::Mean : ReduceKind::Max, APFloat(scale),
      uint64_t(ratio), coordinates == "half_pixel"));
}

static LogicalResult convertMaxRoiPool(NodeContext &node) {
  SmallVector<int64_t> size =
      node.getInts("pooled_shape").value_or(SmallVector<int64_t>());
  double scale = node.getFloat("spatial_scale", 1);
  Value input = node.getInput(0), rois = node.getInput(1);
  if (node.failed())
    return failure();
  if (size.size() != 2)
    return node.invalid("attribute 'pooled_shape' has " + Twine(size.size()) +
                        " elements, expected 2");
  if (getType(rois).getRank() != 2)
    return node.invalid("expected regions of rank 2, found " +
                        Twine(getType(rois).getRank()));
  auto columns = [&](int64_t begin, int64_t end) {
    return node.sliceAxis(rois, 1, node.createInts(begin),
                          node.createInts(end));
  };
  // A row is the image and two corners.
  rois = node.requireDim(rois, 1, 5);
  Value batchIndices = node.cast(node.squeeze(columns(0, 1), {int64_t(1)}),
                                 node.getBuilder().getI64Type());
  return node.setOutput(node.create<MaxRoiPoolOp>(
      input, columns(1, 5), batchIndices, size, APFloat(scale)));
}

namespace {

/// The attributes of a deformable convolution of images.
struct DeformWindow {
  SmallVector<int64_t> kernel, strides, dilations, pads;
  int64_t groups, offsetGroups;
};

} // namespace

static std::optional<DeformWindow> getDeformWindow(NodeContext &node,
                                                   Value weights) {
  DeformWindow window;
  window.strides = getPerDimension(node, "strides", 2, 1, 1);
  window.dilations = getPerDimension(node, "dilations", 2, 1, 1);
  window.pads = getPerDimension(node, "pads", 4, 0, 0);
  window.groups = node.getInt("group", 1);
  window.offsetGroups = node.getInt("offset_group", 1);
  if (window.groups < 1 || window.offsetGroups < 1 ||
      window.groups > INT32_MAX || window.offsetGroups > INT32_MAX)
    node.invalid("expected attributes 'group' and 'offset_group' of at least "
                 "1");
  if (node.hasAttribute("kernel_shape"))
    window.kernel = getPerDimension(node, "kernel_shape", 2, 1, 1);
  if (node.failed())
    return std::nullopt;
  SmallVector<int64_t> own(getType(weights).getShape().drop_front(2));
  if (llvm::any_of(own, ShapedType::isDynamic)) {
    node.unsupported("the weights must have a static kernel");
    return std::nullopt;
  }
  if (!window.kernel.empty() && window.kernel != own) {
    node.invalid("attribute 'kernel_shape' is not that of the weights");
    return std::nullopt;
  }
  if (own[0] * own[1] > (1 << 16)) {
    node.unsupported("a kernel of " + Twine(own[0] * own[1]) +
                     " elements is not supported");
    return std::nullopt;
  }
  window.kernel = own;
  return window;
}

/// Checks that there are offsets for each place of the window, or makes a check
/// when the model runs of it.
static Value checkOffsets(NodeContext &node, const DeformWindow &window,
                          Value input, Value offsets) {
  for (int64_t i : {0, 1}) {
    int64_t around = window.pads[i] + window.pads[2 + i] -
                     (window.kernel[i] - 1) * window.dilations[i] - 1;
    Value room =
        node.create<AddOp>(node.getDim(input, 2 + i), node.createInts(around));
    Value stride = node.createInts(window.strides[i]);
    Value places = node.create<DivOp>(node.create<AddOp>(room, stride), stride);
    offsets = node.requireSize(offsets, 2 + i, places);
  }
  return offsets;
}

/// Where the windows' elements stand without offsets: [1, K, oH, oW, 2], with x
/// first, as parts that broadcast.
static Value createWindowPositions(NodeContext &node,
                                   const DeformWindow &window, Value offsets,
                                   Type type) {
  SmallVector<double> kernel;
  for (int64_t y = 0; y != window.kernel[0]; ++y)
    for (int64_t x = 0; x != window.kernel[1]; ++x) {
      kernel.push_back(x * window.dilations[1] - window.pads[1]);
      kernel.push_back(y * window.dilations[0] - window.pads[0]);
    }
  int64_t count = window.kernel[0] * window.kernel[1];
  auto createFloats = [&](ArrayRef<int64_t> shape, ArrayRef<double> values) {
    SmallVector<Attribute> attributes;
    for (double value : values)
      attributes.push_back(FloatAttr::get(type, value));
    return node.createConstant(
        DenseElementsAttr::get(RankedTensorType::get(shape, type), attributes));
  };
  Value positions = createFloats({1, count, 1, 1, 2}, kernel);
  for (int64_t i : {0, 1}) {
    Value ramp =
        node.cast(createRange(node, node.getDim(offsets, 2 + i)), type);
    SmallVector<int64_t> around{0, 1, 3 - i, 4};
    double stride = window.strides[i];
    Value steps = createFloats({1, 1, 1, 1, 2},
                               {i == 0 ? 0 : stride, i == 0 ? stride : 0});
    positions = node.binary<AddOp>(
        positions, node.binary<MulOp>(node.unsqueeze(ramp, around), steps));
  }
  return positions;
}

/// Samples the input at the windows' elements, each moved by an offset, and
/// multiplies these columns with the weights.
static LogicalResult convertDeformConv(NodeContext &node) {
  Value input = node.getInput(0), weights = node.getInput(1),
        offsets = node.getInput(2);
  Value bias = node.getOptionalInput(3), mask = node.getOptionalInput(4);
  if (node.failed())
    return failure();
  for (Value operand : {input, weights, offsets})
    if (getType(operand).getRank() != 4)
      return getType(operand).getRank() > 4
                 ? node.unsupported("only images (rank 4) are supported")
                 : node.invalid("expected inputs of rank 4, found rank " +
                                Twine(getType(operand).getRank()));
  std::optional<DeformWindow> window = getDeformWindow(node, weights);
  if (!window)
    return failure();
  int64_t channels = getType(input).getDimSize(1),
          outChannels = getType(weights).getDimSize(0),
          perGroup = getType(weights).getDimSize(1), product;
  if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(outChannels))
    return node.unsupported("the numbers of channels must be static");
  int64_t groups = window->groups, offsetGroups = window->offsetGroups;
  if (MulOverflow(perGroup, groups, product) || product != channels ||
      channels % offsetGroups != 0 || outChannels % groups != 0)
    return node.invalid("the numbers of channels, " + Twine(channels) +
                        " and " + Twine(outChannels) +
                        ", don't fit the weights and the groups");
  int64_t count = window->kernel[0] * window->kernel[1];
  if (!ShapedType::isDynamic(getType(offsets).getDimSize(1)) &&
      getType(offsets).getDimSize(1) != 2 * count * offsetGroups)
    return node.invalid("expected offsets with " +
                        Twine(2 * count * offsetGroups) + " channels, found " +
                        Twine(getType(offsets).getDimSize(1)));

  offsets = checkOffsets(node, *window, input, offsets);
  if (!offsets)
    return failure();
  Type type = getElementTypeOrSelf(input);
  Type positionType = type.isF64() ? type : node.getBuilder().getF32Type();
  Value height = node.getDim(offsets, 2), width = node.getDim(offsets, 3);
  Value batch = node.getDim(input, 0);
  Value images = node.create<MulOp>(batch, node.createInts(offsetGroups));
  auto ints = [&](ArrayRef<int64_t> values) { return node.createInts(values); };
  // [N * G, K, 2, oH, oW], y first, to [N * G, K, oH, oW, 2], x first.
  Value moved =
      node.reshape(node.cast(offsets, positionType),
                   node.joinShape({images, ints({count, 2}), height, width}));
  moved = node.transpose(moved, {0, 1, 3, 4, 2});
  moved = node.sliceAxis(moved, 4, ints({1}), ints({-INT32_MAX}), -1);
  Value positions = node.binary<AddOp>(
      moved, createWindowPositions(node, *window, offsets, positionType));
  Value grouped = node.reshape(
      input, node.joinShape({images, ints({channels / offsetGroups}),
                             node.getDim(input, 2), node.getDim(input, 3)}));
  Value columns = node.create<SampleOp>(grouped, positions, ResizeMode::Linear,
                                        SamplePadding::Zeros,
                                        /*alignCorners=*/true, APFloat(-0.75));
  if (mask)
    columns = node.binary<MulOp>(
        columns, node.reshape(mask, node.joinShape({images, ints({1, count}),
                                                    height, width})));
  Value area = node.create<MulOp>(height, width);
  columns = node.reshape(
      columns, node.joinShape({batch, ints({groups, perGroup * count}), area}));
  Value matrix = node.reshape(
      weights, ints({1, groups, outChannels / groups, perGroup * count}));
  Value result =
      node.reshape(node.create<MatMulOp>(matrix, columns),
                   node.joinShape({batch, ints({outChannels}), height, width}));
  if (bias)
    result = node.binary<AddOp>(result,
                                node.unsqueeze(bias, {int64_t(1), int64_t(2)}));
  return node.setOutput(result);
}

//===----------------------------------------------------------------------===//
// Crops and columns
//===----------------------------------------------------------------------===//

/// Half of the difference is added (or dropped) before, the rest behind.
static LogicalResult convertCenterCropPad(NodeContext &node) {
  Value input = node.getInput(0);
  Value shape = node.toShapeOperand(node.getInput(1));
  std::optional<SmallVector<int64_t>> given = node.getInts("axes");
  if (node.failed() || !shape)
    return failure();
  int64_t rank = getType(input).getRank();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (given)
    axes = node.normalizeAxes(*given, rank);
  if (node.failed())
    return failure();
  if (getType(shape).getDimSize(0) != int64_t(axes.size()))
    return node.invalid("expected a shape of " + Twine(axes.size()) +
                        " elements");
  SmallVector<Value> begins(rank, node.createInts(int64_t(0)));
  SmallVector<Value> ends = begins;
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t index = i;
    Value size = node.sliceAxis(shape, 0, node.createInts(index),
                                node.createInts(index + 1));
    // Integers are divided towards zero: a crop has its smaller half in front,
    // as a pad has.
    Value more = node.create<SubOp>(size, node.getDim(input, axis));
    begins[axis] = node.create<DivOp>(more, node.createInts(int64_t(2)));
    ends[axis] = node.create<SubOp>(more, begins[axis]);
  }
  llvm::append_range(begins, ends);
  Value result = node.create<PadOp>(input, node.joinShape(begins), Value(),
                                    PadMode::Constant);
  if (!result)
    return failure();
  SmallVector<int64_t> dims(getType(result).getShape());
  if (const std::optional<Elements> elements =
          node.getKnownValues().getElements(shape))
    for (auto [axis, element] : llvm::zip_equal(axes, *elements)) {
      if (element.constant && *element.constant < 0)
        return node.invalid("the shape has the element " +
                            Twine(*element.constant) +
                            ", expected no negative one");
      if (element.constant)
        dims[axis] = *element.constant;
    }
  return node.setOutput(node.refineType(result, dims));
}

/// Adds the columns of blocks up in their places: a transposed convolution
/// whose weights put each element of a column where it belongs.
static LogicalResult convertCol2Im(NodeContext &node) {
  Value input = node.getInput(0);
  std::optional<SmallVector<int64_t>> image =
      node.getConstantInput(1, "the image shape");
  std::optional<SmallVector<int64_t>> block =
      node.getConstantInput(2, "the block shape");
  if (node.failed() || !image || !block)
    return failure();
  size_t spatial = image->size();
  if (block->size() != spatial || spatial < 1)
    return node.invalid("expected an image and a block of the same rank");
  if (spatial > 3)
    return node.unsupported("blocks of more than three dimensions are not "
                            "supported");
  SmallVector<int64_t> strides =
                           getPerDimension(node, "strides", spatial, 1, 1),
                       dilations =
                           getPerDimension(node, "dilations", spatial, 1, 1),
                       pads = getPerDimension(node, "pads", 2 * spatial, 0, 0);
  if (node.failed())
    return failure();
  RankedTensorType type = getType(input);
  if (type.getRank() != 3 || type.isDynamicDim(1))
    return node.invalid("expected an input of rank 3 with a static second "
                        "dimension");
  int64_t volume = 1;
  SmallVector<int64_t> counts, extra;
  for (size_t i = 0; i != spatial; ++i) {
    for (int64_t value : {(*image)[i], (*block)[i]})
      if (value < 1 || value > INT32_MAX)
        return node.invalid("a size is " + Twine(value) +
                            ", expected at least 1");
    int64_t extent = ((*block)[i] - 1) * dilations[i] + 1;
    int64_t room = (*image)[i] + pads[i] + pads[spatial + i] - extent;
    if (room < 0)
      return node.invalid("a block of " + Twine(extent) +
                          " elements does not fit into the padded image");
    counts.push_back(room / strides[i] + 1);
    extra.push_back(room % strides[i]);
    if (MulOverflow(volume, (*block)[i], volume))
      return node.invalid("the block has too many elements");
  }
  int64_t columns = type.getDimSize(1);
  if (columns % volume != 0)
    return node.invalid("can't divide " + Twine(columns) +
                        " rows into blocks of " + Twine(volume));
  int64_t channels = columns / volume, size;
  if (MulOverflow(columns, volume, size) || size > (1 << 24))
    return node.unsupported("the blocks are too large");
  // One weight in each: element k of a block stands at position k.
  Type elementType = type.getElementType();
  if (!isa<FloatType>(elementType))
    return node.unsupported("element type " + getTypeName(elementType) +
                            " is not supported");
  SmallVector<int64_t> weightShape{columns, 1};
  llvm::append_range(weightShape, *block);
  APInt one = APFloat(cast<FloatType>(elementType).getFloatSemantics(), 1)
                  .bitcastToAPInt();
  size_t width = one.getBitWidth() / 8;
  std::vector<char> weights(size * width);
  for (int64_t row = 0; row != columns; ++row)
    std::memcpy(weights.data() + (row * volume + row % volume) * width,
                one.getRawData(), width);
  Value kernel = node.createConstant(DenseElementsAttr::getFromRawBuffer(
      RankedTensorType::get(weightShape, elementType), weights));
  SmallVector<int64_t> blocks{columns};
  llvm::append_range(blocks, counts);
  Value positions = node.reshape(
      input, node.joinShape({node.getDim(input, 0), node.createInts(blocks)}));
  return node.setOutput(
      node.create<ConvTransposeOp>(positions, kernel, Value(), strides, pads,
                                   dilations, extra, uint64_t(channels)));
}

ArrayRef<OpEntry> getSamplingOps() {
  static constexpr int64_t gridSample[] = {16, 20, 22}, affineGrid[] = {20},
                           roiAlign[] = {10, 16, 22}, maxRoiPool[] = {1, 22},
                           deformConv[] = {19, 22}, v18[] = {18};
  static const OpEntry entries[] = {
      {"GridSample", gridSample, convertGridSample, 2, 2},
      {"AffineGrid", affineGrid, convertAffineGrid, 2, 2},
      {"RoiAlign", roiAlign, convertRoiAlign, 3, 3},
      {"MaxRoiPool", maxRoiPool, convertMaxRoiPool, 2, 2},
      {"DeformConv", deformConv, convertDeformConv, 3, 5},
      {"CenterCropPad", v18, convertCenterCropPad, 2, 2},
      {"Col2Im", v18, convertCol2Im, 3, 3},
  };
  return entries;
}

} // namespace tenon::onnx_import

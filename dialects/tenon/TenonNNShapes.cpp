//===- TenonNNShapes.cpp - Result shapes of neural network ops ------------===//

#include "dialects/tenon/TenonArrayOps.h"
#include "dialects/tenon/TenonShapeChecks.h"

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

namespace {

/// The attributes that convolutions and pools have in common.
struct Window {
  ArrayRef<int64_t> strides, pads, dilations;
  Layout layout;

  /// Where dimensions of the input stand.
  int64_t getSpatial(int64_t i) const {
    return layout == Layout::NCHW ? i + 2 : i + 1;
  }
  int64_t getChannel(int64_t rank) const {
    return layout == Layout::NCHW ? 1 : rank - 1;
  }
};

} // namespace

/// Checks the input's rank and the attributes; returns how many dimensions the
/// window moves over.
static FailureOr<int64_t> checkWindow(DimBuilder &dims, Value input,
                                      const Window &window) {
  int64_t rank = rankOf(input), spatial = rank - 2;
  if (spatial < 1 || spatial > 3)
    return dims.error("expects an input of rank 3 to 5, but it has rank " +
                      Twine(rank));
  if (failed(checkIntegers(dims, "strides", window.strides, spatial, 1)) ||
      failed(checkIntegers(dims, "dilations", window.dilations, spatial, 1)) ||
      failed(checkIntegers(dims, "pads", window.pads, 2 * spatial, 0)))
    return failure();
  return spatial;
}

/// How many positions a window of `kernel` elements has along one dimension.
static FailureOr<Dim> countWindows(DimBuilder &dims, Dim in, Dim kernel,
                                   int64_t stride, int64_t dilation,
                                   int64_t padBegin, int64_t padEnd,
                                   bool ceilMode) {
  Dim padded = dims.add(in, padBegin + padEnd);
  Dim extent = dims.add(dims.mul(dims.sub(kernel, 1), dilation), 1);
  Dim room = dims.sub(padded, extent);
  if (room.isConstant() && room.getConstant() < 0)
    return dims.error("a window of " + Twine(extent.getConstant()) +
                      " elements does not fit into the padded input of " +
                      Twine(padded.getConstant()));
  if (!ceilMode)
    return dims.add(dims.floorDiv(room, stride), 1);
  // The last window must start in the input or in the padding before it.
  Dim last = dims.ceilDiv(room, stride);
  return dims.selectLess(dims.mul(last, stride), dims.add(in, padBegin),
                         dims.add(last, 1), last);
}

/// Checks the channels of a convolution's weights and bias.
static LogicalResult checkChannels(DimBuilder &dims, Value bias, Dim channels,
                                   StringRef what, int64_t groups) {
  if (channels.isConstant() && channels.getConstant() % groups != 0)
    return dims.error("expects " + what + " channels in " + Twine(groups) +
                      " equal groups, but there are " +
                      Twine(channels.getConstant()));
  if (!bias)
    return success();
  if (failed(checkRank(dims, "a bias", bias, 1)) ||
      failed(checkSize(dims, "the bias", bias, 0, channels.getStatic())))
    return failure();
  if (!dims.isGuarding())
    return success();
  return dims.requireEqual(dims.dim(bias, 0), channels, "the size of the bias");
}

LogicalResult ConvOp::inferShapes(Adaptor op, DimBuilder &dims,
                                  Shapes &shapes) {
  Value input = op.getInput(), weights = op.getWeights();
  int64_t rank = rankOf(input), groups = op.getGroups();
  Window window = {op.getStrides(), op.getPads(), op.getDilations(),
                   op.getLayout()};
  FailureOr<int64_t> spatial = checkWindow(dims, input, window);
  if (failed(spatial) || failed(checkIntegers(dims, "groups", groups, 1, 1)) ||
      failed(checkRank(dims, "weights", weights, rank)))
    return failure();
  bool isNchw = op.getLayout() == Layout::NCHW;
  int64_t channel = window.getChannel(rank);
  int64_t perGroup = isNchw ? 1 : rank - 2, kernel = isNchw ? 2 : 0;
  Dim in = dims.mul(tensorType(weights).isDynamicDim(perGroup)
                        ? Dim::unknown()
                        : Dim(tensorType(weights).getDimSize(perGroup)),
                    groups);
  if (in.isConstant() &&
      failed(checkSize(dims, "the input (channels of the weights times groups)",
                       input, channel, in.getConstant())))
    return failure();
  if (dims.isGuarding() &&
      failed(dims.requireEqual(dims.mul(dims.dim(weights, perGroup), groups),
                               dims.dim(input, channel),
                               "the number of input channels")))
    return failure();
  Dim out = dims.dim(weights, isNchw ? 0 : rank - 1);
  if (failed(checkChannels(dims, op.getBias(), out, "output", groups)))
    return failure();

  TensorShape shape(rank);
  shape[0] = dims.dim(input, 0);
  shape[channel] = out;
  for (int64_t i = 0; i != *spatial; ++i) {
    FailureOr<Dim> size = countWindows(
        dims, dims.dim(input, window.getSpatial(i)),
        dims.dim(weights, kernel + i), window.strides[i], window.dilations[i],
        window.pads[i], window.pads[*spatial + i], /*ceilMode=*/false);
    if (failed(size))
      return failure();
    shape[window.getSpatial(i)] = *size;
  }
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult ConvTransposeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                           Shapes &shapes) {
  Value input = op.getInput(), weights = op.getWeights();
  int64_t rank = rankOf(input), groups = op.getGroups();
  Window window = {op.getStrides(), op.getPads(), op.getDilations(),
                   op.getLayout()};
  FailureOr<int64_t> spatial = checkWindow(dims, input, window);
  if (failed(spatial) || failed(checkIntegers(dims, "groups", groups, 1, 1)) ||
      failed(checkIntegers(dims, "output_padding", op.getOutputPadding(),
                           *spatial, 0)) ||
      failed(checkRank(dims, "weights", weights, rank)))
    return failure();
  bool isNchw = op.getLayout() == Layout::NCHW;
  int64_t channel = window.getChannel(rank), kernel = isNchw ? 2 : 0;
  int64_t perInput = isNchw ? 0 : rank - 1;
  int64_t in = tensorType(weights).getDimSize(perInput);
  if (failed(checkSameSize(dims, "the input (channels of the weights)", input,
                           channel, weights, perInput)))
    return failure();
  if (!ShapedType::isDynamic(in) && in % groups != 0)
    return dims.error("expects input channels in " + Twine(groups) +
                      " equal groups, but there are " + Twine(in));
  Dim out = dims.mul(dims.dim(weights, isNchw ? 1 : rank - 2), groups);
  if (failed(checkChannels(dims, op.getBias(), out, "output", groups)))
    return failure();

  TensorShape shape(rank);
  shape[0] = dims.dim(input, 0);
  shape[channel] = out;
  for (int64_t i = 0; i != *spatial; ++i) {
    int64_t extra = op.getOutputPadding()[i], stride = window.strides[i];
    if (extra >= std::max(stride, window.dilations[i]))
      return dims.error("expects an 'output_padding' below the stride or the "
                        "dilation, but it is " +
                        Twine(extra) + " for a stride of " + Twine(stride));
    Dim spread =
        dims.mul(dims.sub(dims.dim(input, window.getSpatial(i)), 1), stride);
    Dim extent = dims.mul(dims.sub(dims.dim(weights, kernel + i), 1),
                          window.dilations[i]);
    shape[window.getSpatial(i)] =
        dims.add(dims.add(spread, extent),
                 extra + 1 - window.pads[i] - window.pads[*spatial + i]);
  }
  return finishShape(dims, std::move(shape), shapes);
}

/// Both pools: each channel by itself.
template <typename Adaptor>
static LogicalResult inferPoolShape(Adaptor op, Layout layout, DimBuilder &dims,
                                    Shapes &shapes) {
  Value input = op.getInput();
  int64_t rank = rankOf(input);
  Window window = {op.getStrides(), op.getPads(), op.getDilations(), layout};
  FailureOr<int64_t> spatial = checkWindow(dims, input, window);
  if (failed(spatial) ||
      failed(checkIntegers(dims, "kernel", op.getKernel(), *spatial, 1)))
    return failure();
  TensorShape shape(rank);
  shape[0] = dims.dim(input, 0);
  shape[window.getChannel(rank)] = dims.dim(input, window.getChannel(rank));
  for (int64_t i = 0; i != *spatial; ++i) {
    int64_t kernel = op.getKernel()[i];
    int64_t extent = (kernel - 1) * window.dilations[i] + 1;
    for (int64_t pad : {window.pads[i], window.pads[*spatial + i]})
      if (pad >= extent)
        return dims.error("expects padding smaller than the window of " +
                          Twine(extent) + " elements, but it is " + Twine(pad));
    FailureOr<Dim> size =
        countWindows(dims, dims.dim(input, window.getSpatial(i)), kernel,
                     window.strides[i], window.dilations[i], window.pads[i],
                     window.pads[*spatial + i], op.getCeilMode());
    if (failed(size))
      return failure();
    shape[window.getSpatial(i)] = *size;
  }
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult MaxPoolOp::inferShapes(Adaptor op, DimBuilder &dims,
                                     Shapes &shapes) {
  return inferPoolShape(op, op.getLayout(), dims, shapes);
}

LogicalResult AveragePoolOp::inferShapes(Adaptor op, DimBuilder &dims,
                                         Shapes &shapes) {
  return inferPoolShape(op, op.getLayout(), dims, shapes);
}

LogicalResult MaxPoolIndicesOp::inferShapes(Adaptor op, DimBuilder &dims,
                                            Shapes &shapes) {
  return inferPoolShape(op, Layout::NCHW, dims, shapes);
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

LogicalResult MatMulOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  Value lhs = op.getLhs(), rhs = op.getRhs();
  RankedTensorType lhsType = tensorType(lhs), rhsType = tensorType(rhs);
  int64_t lhsRank = lhsType.getRank(), rhsRank = rhsType.getRank();
  if (lhsRank < 2 || rhsRank < 2)
    return dims.error(
        "expects operands of rank 2 or more, but they have ranks " +
        Twine(lhsRank) + " and " + Twine(rhsRank));
  int64_t m = lhsRank - 2, lhsK = lhsRank - 1;
  int64_t rhsK = rhsRank - 2, n = rhsRank - 1;
  if (op.getTransposeA())
    std::swap(m, lhsK);
  if (op.getTransposeB())
    std::swap(rhsK, n);
  if (!maybeEqual(lhsType.getDimSize(lhsK), rhsType.getDimSize(rhsK)))
    return dims.error("expects one size for the dimension that is summed over, "
                      "but it is " +
                      Twine(lhsType.getDimSize(lhsK)) + " in lhs and " +
                      Twine(rhsType.getDimSize(rhsK)) + " in rhs");
  if (dims.isGuarding() &&
      failed(dims.requireEqual(dims.dim(lhs, lhsK), dims.dim(rhs, rhsK),
                               "the dimension that is summed over")))
    return failure();
  int64_t rank = std::max(lhsRank, rhsRank);
  TensorShape shape(rank);
  for (int64_t i = 0; i != rank - 2; ++i) {
    int64_t a = i - (rank - lhsRank), b = i - (rank - rhsRank);
    int64_t aSize = a < 0 ? 1 : lhsType.getDimSize(a);
    int64_t bSize = b < 0 ? 1 : rhsType.getDimSize(b);
    if (aSize != 1 && bSize != 1 && !maybeEqual(aSize, bSize))
      return dims.error("expects leading dimensions that broadcast, but they "
                        "are " +
                        Twine(aSize) + " in lhs and " + Twine(bSize) +
                        " in rhs");
    if (dims.isGuarding() && aSize != 1 && bSize != 1 &&
        failed(dims.requireEqual(dims.dim(lhs, a), dims.dim(rhs, b),
                                 "dimension " + Twine(i) + " of the operands")))
      return failure();
    if (aSize == 1 && bSize == 1)
      shape[i] = 1;
    else if (aSize == 1 || (ShapedType::isDynamic(aSize) && bSize != 1 &&
                            !ShapedType::isDynamic(bSize)))
      shape[i] = dims.dim(rhs, b);
    else
      shape[i] = dims.dim(lhs, a);
  }
  shape[rank - 2] = dims.dim(lhs, m);
  shape[rank - 1] = dims.dim(rhs, n);
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult AttentionOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value query = op.getQuery(), key = op.getKey(), value = op.getValue();
  if (failed(checkRank(dims, "query", query, 4)) ||
      failed(checkRank(dims, "key", key, 4)) ||
      failed(checkRank(dims, "value", value, 4)))
    return failure();
  if (failed(checkSameSize(dims, "key", key, 0, query, 0)) ||
      failed(checkSameSize(dims, "key", key, 1, query, 1)) ||
      failed(checkSameSize(dims, "key", key, 3, query, 3)) ||
      failed(checkSameSize(dims, "value", value, 0, query, 0)) ||
      failed(checkSameSize(dims, "value", value, 1, query, 1)) ||
      failed(checkSameSize(dims, "value", value, 2, key, 2)))
    return failure();
  if (Value mask = op.getMask()) {
    int64_t rank = rankOf(mask);
    if (rank > 4)
      return dims.error("expects a mask of rank 4 or less, but it has rank " +
                        Twine(rank));
    for (int64_t i = 0; i != rank; ++i) {
      int64_t score = 4 - rank + i;
      if (tensorType(mask).getDimSize(i) != 1 &&
          failed(checkSameSize(dims, "mask", mask, i, score == 3 ? key : query,
                               score == 3 ? 2 : score)))
        return failure();
    }
  }
  TensorShape shape = dims.shape(query);
  shape[3] = dims.dim(value, 3);
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult LstmOp::inferShapes(Adaptor op, DimBuilder &dims,
                                  Shapes &shapes) {
  Value input = op.getInput(), weights = op.getWeights();
  Value recurrence = op.getRecurrence(), bias = op.getBias();
  if (failed(checkRank(dims, "input", input, 3)) ||
      failed(checkRank(dims, "weights", weights, 3)) ||
      failed(checkRank(dims, "recurrence", recurrence, 3)) ||
      failed(checkRank(dims, "bias", bias, 2)) ||
      failed(checkRank(dims, "initial_state", op.getInitialState(), 3)) ||
      failed(checkRank(dims, "initial_cell", op.getInitialCell(), 3)))
    return failure();
  int64_t directions = op.getDirection() == Direction::Bidirectional ? 2 : 1;
  int64_t hidden = tensorType(recurrence).getDimSize(2);
  if (ShapedType::isDynamic(hidden) || hidden < 1 || hidden > INT32_MAX)
    return dims.error("expects a static hidden size (dimension 2 of "
                      "recurrence)");
  int64_t batch = tensorType(input).getDimSize(1);
  auto check = [&](StringRef name, Value tensor, ArrayRef<int64_t> sizes) {
    for (auto [i, size] : llvm::enumerate(sizes))
      if (failed(checkSize(dims, name, tensor, i, size)))
        return failure();
    return success();
  };
  if (failed(check("weights", weights, {directions, 4 * hidden})) ||
      failed(checkSameSize(dims, "weights", weights, 2, input, 2)) ||
      failed(
          check("recurrence", recurrence, {directions, 4 * hidden, hidden})) ||
      failed(check("bias", bias, {directions, 8 * hidden})) ||
      failed(check("initial_state", op.getInitialState(),
                   {directions, batch, hidden})) ||
      failed(check("initial_cell", op.getInitialCell(),
                   {directions, batch, hidden})))
    return failure();
  for (auto [name, state] : {std::pair("initial_state", op.getInitialState()),
                             std::pair("initial_cell", op.getInitialCell())})
    if (failed(checkSameSize(dims, name, state, 1, input, 1)))
      return failure();
  Dim steps = dims.dim(input, 0), size = dims.dim(input, 1);
  if (failed(finishShape(dims, {steps, directions, size, hidden}, shapes)) ||
      failed(finishShape(dims, {directions, size, hidden}, shapes)))
    return failure();
  return finishShape(dims, {directions, size, hidden}, shapes);
}

//===----------------------------------------------------------------------===//
// Normalisation and reduction
//===----------------------------------------------------------------------===//

LogicalResult BatchNormOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value input = op.getInput();
  int64_t axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rankOf(input))))
    return failure();
  for (auto [name, value] :
       {std::pair("scale", op.getScale()), std::pair("bias", op.getBias()),
        std::pair("mean", op.getMean()),
        std::pair("variance", op.getVariance())})
    if (failed(checkRank(dims, name, value, 1)) ||
        failed(checkSameSize(dims, name, value, 0, input, axis)))
      return failure();
  return finishShape(dims, dims.shape(input), shapes);
}

LogicalResult LayerNormOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value input = op.getInput();
  int64_t axis = op.getAxis(), rank = rankOf(input);
  if (failed(checkAxis(dims, axis, rank)))
    return failure();
  for (auto [name, value] :
       {std::pair("scale", op.getScale()), std::pair("bias", op.getBias())}) {
    if (!value)
      continue;
    if (failed(checkRank(dims, name, value, rank - axis)))
      return failure();
    for (int64_t i = axis; i != rank; ++i)
      if (failed(checkSameSize(dims, name, value, i - axis, input, i)))
        return failure();
  }
  return finishShape(dims, dims.shape(input), shapes);
}

LogicalResult SoftmaxOp::inferShapes(Adaptor op, DimBuilder &dims,
                                     Shapes &shapes) {
  if (failed(checkAxis(dims, op.getAxis(), rankOf(op.getInput()))))
    return failure();
  return finishShape(dims, dims.shape(op.getInput()), shapes);
}

LogicalResult LogSoftmaxOp::inferShapes(Adaptor op, DimBuilder &dims,
                                        Shapes &shapes) {
  if (failed(checkAxis(dims, op.getAxis(), rankOf(op.getInput()))))
    return failure();
  return finishShape(dims, dims.shape(op.getInput()), shapes);
}

LogicalResult ReduceOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  Value input = op.getInput();
  ArrayRef<int64_t> axes = op.getAxes();
  if (failed(checkAxes(dims, axes, rankOf(input))))
    return failure();
  if (!llvm::is_sorted(axes))
    return dims.error("expects axes in rising order");
  TensorShape shape;
  for (int64_t i = 0, e = rankOf(input); i != e; ++i)
    shape.push_back(llvm::is_contained(axes, i) ? Dim(1) : dims.dim(input, i));
  return finishShape(dims, std::move(shape), shapes);
}

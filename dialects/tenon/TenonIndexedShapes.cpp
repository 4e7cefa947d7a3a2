//===- TenonIndexedShapes.cpp - Result shapes of ops with indices ---------===//

#include "dialects/tenon/TenonShapeChecks.h"

#include <cmath>

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

/// Checks that dimension `index` of the indices is not larger than that of the
/// input, and guards it.
static LogicalResult checkAtMost(DimBuilder &dims, Value indices, Value input,
                                 int64_t index) {
  Dim size = dims.dim(indices, index), limit = dims.dim(input, index);
  if (!size.isConstant() || !limit.isConstant())
    return dims.isGuarding()
               ? dims.requireEqual(size, dims.min(size, limit),
                                   "dimension " + Twine(index) +
                                       " of the indices and the most that the "
                                       "input allows")
               : success();
  if (size.getConstant() <= limit.getConstant())
    return success();
  return dims.error("expects dimension " + Twine(index) +
                    " of indices to be at most " + Twine(limit.getConstant()) +
                    ", but it is " + Twine(size.getConstant()));
}

static LogicalResult checkFloatOf(Operation *op, StringRef name, Value value,
                                  Type expected) {
  if (!value || getElementTypeOrSelf(value) == expected)
    return success();
  return op->emitOpError() << "expects " << name << " to have element type "
                           << expected << ", but it has "
                           << getElementTypeOrSelf(value);
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

LogicalResult GatherElementsOp::inferShapes(Adaptor op, DimBuilder &dims,
                                            Shapes &shapes) {
  Value input = op.getInput(), indices = op.getIndices();
  int64_t rank = rankOf(input), axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rank)) ||
      failed(checkRank(dims, "indices", indices, rank)))
    return failure();
  for (int64_t i = 0; i != rank; ++i)
    if (i != axis && failed(checkAtMost(dims, indices, input, i)))
      return failure();
  return finishShape(dims, dims.shape(indices), shapes);
}

/// How many dimensions the rows of `indices` name; checks that there are as
/// many from `begin` on.
static FailureOr<int64_t> getDepth(DimBuilder &dims, Value indices, Value input,
                                   int64_t begin) {
  int64_t rank = rankOf(indices);
  if (rank < 1)
    return dims.error("expects indices of rank 1 or more, but they are scalar");
  int64_t depth = tensorType(indices).getDimSize(rank - 1);
  if (ShapedType::isDynamic(depth))
    return dims.error("expects a static last dimension of indices");
  if (depth < 1 || begin + depth > rankOf(input))
    return dims.error("expects 1 to " + Twine(rankOf(input) - begin) +
                      " indices in a row, but there are " + Twine(depth));
  return depth;
}

LogicalResult GatherNdOp::inferShapes(Adaptor op, DimBuilder &dims,
                                      Shapes &shapes) {
  Value input = op.getInput(), indices = op.getIndices();
  int64_t batch = op.getBatchDims(), rank = rankOf(indices);
  if (batch < 0 || batch >= std::min(rankOf(input), rank))
    return dims.error("expects batch_dims in [0, " +
                      Twine(std::min(rankOf(input), rank)) + "), but it is " +
                      Twine(batch));
  FailureOr<int64_t> depth = getDepth(dims, indices, input, batch);
  if (failed(depth))
    return failure();
  for (int64_t i = 0; i != batch; ++i)
    if (failed(checkSameSize(dims, "indices", indices, i, input, i)))
      return failure();
  TensorShape shape = dims.shape(indices);
  shape.pop_back();
  for (int64_t i = batch + *depth, e = rankOf(input); i != e; ++i)
    shape.push_back(dims.dim(input, i));
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult ArgReduceOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value input = op.getInput();
  int64_t axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rankOf(input))))
    return failure();
  if (tensorType(input).getDimSize(axis) == 0)
    return dims.error("expects elements along the axis, but there are none");
  TensorShape shape = dims.shape(input);
  shape[axis] = 1;
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult ArgReduceOp::verify() {
  if (getKind() == ReduceKind::Max || getKind() == ReduceKind::Min)
    return success();
  return emitOpError("expects kind max or min");
}

LogicalResult TopKOp::inferShapes(Adaptor op, DimBuilder &dims,
                                  Shapes &shapes) {
  Value input = op.getInput();
  int64_t axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rankOf(input))) ||
      failed(checkCount(dims, "k", op.getK(), 1)))
    return failure();
  TensorShape shape = dims.shape(input);
  Dim k = dims.element(op.getK(), 0);
  if (k.isConstant() && k.getConstant() < 0)
    return dims.error("expects a k that is not negative, but it is " +
                      Twine(k.getConstant()));
  if (k.isConstant() && shape[axis].isConstant() &&
      k.getConstant() > shape[axis].getConstant())
    return dims.error(
        "expects k to be at most " + Twine(shape[axis].getConstant()) +
        ", the size of the dimension, but it is " + Twine(k.getConstant()));
  shape[axis] = k;
  if (failed(finishShape(dims, shape, shapes)))
    return failure();
  return finishShape(dims, std::move(shape), shapes);
}

//===----------------------------------------------------------------------===//
// Scattering
//===----------------------------------------------------------------------===//

LogicalResult ScatterElementsOp::inferShapes(Adaptor op, DimBuilder &dims,
                                             Shapes &shapes) {
  Value input = op.getInput(), indices = op.getIndices();
  int64_t rank = rankOf(input), axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rank)) ||
      failed(checkRank(dims, "indices", indices, rank)) ||
      failed(checkRank(dims, "updates", op.getUpdates(), rank)))
    return failure();
  for (int64_t i = 0; i != rank; ++i)
    if ((i != axis && failed(checkAtMost(dims, indices, input, i))) ||
        failed(checkSameSize(dims, "updates", op.getUpdates(), i, indices, i)))
      return failure();
  return finishShape(dims, dims.shape(input), shapes);
}

LogicalResult ScatterElementsOp::verify() {
  return checkFloatOf(*this, "updates", getUpdates(),
                      getElementTypeOrSelf(getInput()));
}

LogicalResult ScatterNdOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value input = op.getInput(), indices = op.getIndices();
  Value updates = op.getUpdates();
  FailureOr<int64_t> depth = getDepth(dims, indices, input, 0);
  if (failed(depth))
    return failure();
  int64_t outer = rankOf(indices) - 1, rank = rankOf(input);
  if (failed(checkRank(dims, "updates", updates, outer + rank - *depth)))
    return failure();
  for (int64_t i = 0; i != outer; ++i)
    if (failed(checkSameSize(dims, "updates", updates, i, indices, i)))
      return failure();
  for (int64_t i = *depth; i != rank; ++i)
    if (failed(checkSameSize(dims, "updates", updates, outer + i - *depth,
                             input, i)))
      return failure();
  return finishShape(dims, dims.shape(input), shapes);
}

LogicalResult ScatterNdOp::verify() {
  return checkFloatOf(*this, "updates", getUpdates(),
                      getElementTypeOrSelf(getInput()));
}

//===----------------------------------------------------------------------===//
// Sampling
//===----------------------------------------------------------------------===//

LogicalResult SampleOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  Value input = op.getInput(), positions = op.getPositions();
  int64_t rank = rankOf(input), outRank = rankOf(positions);
  if (rank < 3 || rank > 5)
    return dims.error("expects an input of rank 3 to 5, but it has rank " +
                      Twine(rank));
  if (outRank < 2)
    return dims.error("expects positions of rank 2 or more, but they have "
                      "rank " +
                      Twine(outRank));
  if (tensorType(positions).getDimSize(outRank - 1) != rank - 2)
    return dims.error("expects a last dimension of " + Twine(rank - 2) +
                      " in positions");
  if (failed(checkSameSize(dims, "positions", positions, 0, input, 0)))
    return failure();
  TensorShape shape{dims.dim(input, 0), dims.dim(input, 1)};
  for (int64_t i = 1; i + 1 != outRank; ++i)
    shape.push_back(dims.dim(positions, i));
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult SampleOp::verify() {
  Type type = getElementTypeOrSelf(getInput());
  if (getMode() != ResizeMode::Nearest && !isa<FloatType>(type))
    return emitOpError() << "expects floats to interpolate, but the input has "
                            "element type "
                         << type;
  return success();
}

/// The shape of regions of images.
template <typename Adaptor>
static LogicalResult inferRegions(Adaptor op, DimBuilder &dims,
                                  SmallVectorImpl<TensorShape> &shapes) {
  Value input = op.getInput(), rois = op.getRois();
  if (failed(checkRank(dims, "input", input, 4)) ||
      failed(checkRank(dims, "rois", rois, 2)) ||
      failed(checkSize(dims, "rois", rois, 1, 4)) ||
      failed(checkRank(dims, "batch_indices", op.getBatchIndices(), 1)) ||
      failed(checkSameSize(dims, "batch_indices", op.getBatchIndices(), 0, rois,
                           0)) ||
      failed(checkIntegers(dims, "output_size", op.getOutputSize(), 2, 1)))
    return failure();
  return finishShape(dims,
                     {dims.dim(rois, 0), dims.dim(input, 1),
                      Dim(op.getOutputSize()[0]), Dim(op.getOutputSize()[1])},
                     shapes);
}

template <typename OpT> static LogicalResult checkRegions(OpT op) {
  if (!std::isfinite(op.getSpatialScale().convertToDouble()))
    return op.emitOpError("expects a finite spatial_scale");
  return checkFloatOf(op, "rois", op.getRois(),
                      getElementTypeOrSelf(op.getInput()));
}

LogicalResult RoiAlignOp::inferShapes(Adaptor op, DimBuilder &dims,
                                      Shapes &shapes) {
  int64_t ratio = op.getSamplingRatio();
  return success(
      succeeded(checkIntegers(dims, "sampling_ratio", ratio, 1, 0)) &&
      succeeded(inferRegions(op, dims, shapes)));
}

LogicalResult RoiAlignOp::verify() {
  if (getKind() != ReduceKind::Max && getKind() != ReduceKind::Mean)
    return emitOpError("expects kind mean or max");
  return checkRegions(*this);
}

LogicalResult MaxRoiPoolOp::inferShapes(Adaptor op, DimBuilder &dims,
                                        Shapes &shapes) {
  return inferRegions(op, dims, shapes);
}

LogicalResult MaxRoiPoolOp::verify() { return checkRegions(*this); }

//===----------------------------------------------------------------------===//
// Chance
//===----------------------------------------------------------------------===//

LogicalResult RandomOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  if (failed(checkCount(dims, "shape", op.getShape(), -1)))
    return failure();
  TensorShape shape;
  for (int64_t i = 0, e = tensorType(op.getShape()).getDimSize(0); i != e; ++i)
    shape.push_back(dims.element(op.getShape(), i));
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult RandomOp::verify() {
  if (getElementType().isF32() || getElementType().isF64())
    return success();
  return emitOpError() << "expects element type f32 or f64, but it is "
                       << getElementType();
}

//===----------------------------------------------------------------------===//
// Recurrence
//===----------------------------------------------------------------------===//

static int64_t getNumGates(CellKind cell) {
  return cell == CellKind::Rnn ? 1 : cell == CellKind::Gru ? 3 : 4;
}

LogicalResult RecurrentOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value gates = op.getGates(), recurrence = op.getRecurrence();
  Value state = op.getInitialState();
  if (failed(checkRank(dims, "gates", gates, 4)) ||
      failed(checkRank(dims, "recurrence", recurrence, 3)) ||
      failed(checkRank(dims, "bias", op.getBias(), 2)) ||
      failed(checkRank(dims, "initial_state", state, 3)))
    return failure();
  int64_t directions = op.getDirection() == Direction::Bidirectional ? 2 : 1;
  int64_t hidden = tensorType(recurrence).getDimSize(2);
  if (ShapedType::isDynamic(hidden) || hidden < 1 || hidden > (1 << 20))
    return dims.error("expects a static hidden size (dimension 2 of "
                      "recurrence)");
  int64_t width = getNumGates(op.getCell()) * hidden;
  auto check = [&](StringRef name, Value tensor, ArrayRef<int64_t> sizes) {
    for (auto [i, size] : llvm::enumerate(sizes))
      if (!ShapedType::isDynamic(size) &&
          failed(checkSize(dims, name, tensor, i, size)))
        return failure();
    return success();
  };
  constexpr int64_t any = ShapedType::kDynamic;
  if (failed(check("gates", gates, {directions, any, any, width})) ||
      failed(check("recurrence", recurrence, {directions, width})) ||
      failed(check("bias", op.getBias(), {directions, width})) ||
      failed(check("initial_state", state, {directions, any, hidden})) ||
      failed(checkSameSize(dims, "initial_state", state, 1, gates, 2)))
    return failure();
  if (Value cell = op.getInitialCell())
    if (failed(checkRank(dims, "initial_cell", cell, 3)) ||
        failed(check("initial_cell", cell, {directions, any, hidden})) ||
        failed(checkSameSize(dims, "initial_cell", cell, 1, gates, 2)))
      return failure();
  if (Value peepholes = op.getPeepholes())
    if (failed(checkRank(dims, "peepholes", peepholes, 2)) ||
        failed(check("peepholes", peepholes, {directions, 3 * hidden})))
      return failure();
  if (Value lengths = op.getLengths())
    if (failed(checkRank(dims, "lengths", lengths, 1)) ||
        failed(checkSameSize(dims, "lengths", lengths, 0, gates, 2)))
      return failure();
  Dim steps = dims.dim(gates, 1), batch = dims.dim(gates, 2);
  if (failed(finishShape(dims, {steps, directions, batch, hidden}, shapes)) ||
      failed(finishShape(dims, {directions, batch, hidden}, shapes)))
    return failure();
  return finishShape(dims, {directions, batch, hidden}, shapes);
}

LogicalResult RecurrentOp::verify() {
  Type type = getElementTypeOrSelf(getGates());
  for (auto [name, value] :
       {std::pair("recurrence", Value(getRecurrence())),
        std::pair("bias", Value(getBias())),
        std::pair("initial_state", Value(getInitialState())),
        std::pair("initial_cell", Value(getInitialCell())),
        std::pair("peepholes", Value(getPeepholes()))})
    if (failed(checkFloatOf(*this, name, value, type)))
      return failure();
  bool isLstm = getCell() == CellKind::Lstm;
  if (isLstm != bool(getInitialCell()) || (getPeepholes() && !isLstm))
    return emitOpError("expects initial_cell and peepholes with cell lstm, and "
                       "with it alone");
  size_t directions = getDirection() == Direction::Bidirectional ? 2 : 1;
  size_t count = directions * (isLstm ? 3 : getCell() == CellKind::Gru ? 2 : 1);
  if (getActivations().size() != count || getAlpha().size() != count ||
      getBeta().size() != count)
    return emitOpError() << "expects " << count
                         << " activations, each with alpha and beta";
  static constexpr StringLiteral names[] = {
      "relu",        "tanh",         "sigmoid",
      "affine",      "leaky_relu",   "thresholded_relu",
      "scaled_tanh", "hard_sigmoid", "elu",
      "softsign",    "softplus"};
  for (StringAttr name : getActivations().getAsRange<StringAttr>())
    if (!llvm::is_contained(names, name.getValue()))
      return emitOpError() << "expects an activation that exists, but it is "
                           << name;
  double clip = getClip().convertToDouble();
  if (!(clip >= 0) || !std::isfinite(clip))
    return emitOpError("expects a clip of 0 or more");
  return success();
}

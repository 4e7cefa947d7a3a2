//===- TenonOpShapes.cpp - Result shapes of views, movement, selection ----===//

#include "dialects/tenon/TenonShapeChecks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

/// If element `index` of `shape` is dimension d of `input`, returns d. This
/// lets a -1 beside a copied dynamic dimension be static.
static std::optional<int64_t> getCopiedDim(Value input, Value shape,
                                           int64_t index) {
  auto elements = shape.getDefiningOp<tensor::FromElementsOp>();
  if (!elements)
    return std::nullopt;
  auto indexCast =
      elements.getElements()[index].getDefiningOp<arith::IndexCastOp>();
  if (!indexCast)
    return std::nullopt;
  auto dim = indexCast.getIn().getDefiningOp<tensor::DimOp>();
  if (!dim || dim.getSource() != input)
    return std::nullopt;
  std::optional<int64_t> d = dim.getConstantIndex();
  if (!d || *d < 0 || *d >= rankOf(input))
    return std::nullopt;
  return d;
}

LogicalResult ReshapeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                     Shapes &shapes) {
  Value input = op.getInput(), target = op.getShape();
  if (failed(checkCount(dims, "shape", target, -1)))
    return failure();
  TensorShape shape;
  std::optional<int64_t> inferred;
  // What is left of the input's dimensions when the known ones of the result
  // are taken out: the static ones by division, the copied ones by name.
  SmallVector<bool> isCopied(rankOf(input), false);
  Dim known = 1;
  SmallVector<int64_t> unknowns;
  for (int64_t i = 0, e = tensorType(target).getDimSize(0); i != e; ++i) {
    Dim dim = dims.element(target, i);
    if (dim.isConstant() && dim.getConstant() == -1) {
      if (inferred)
        return dims.error("expects at most one -1 in 'shape', but elements " +
                          Twine(*inferred) + " and " + Twine(i) + " are");
      inferred = i;
      shape.push_back(Dim::unknown());
      continue;
    }
    if (dim.isConstant() && dim.getConstant() < -1)
      return dims.error("expects dimensions or -1 in 'shape', but element " +
                        Twine(i) + " is " + Twine(dim.getConstant()));
    shape.push_back(dim);
    std::optional<int64_t> copied =
        dim.isConstant() ? std::nullopt : getCopiedDim(input, target, i);
    if (copied && !isCopied[*copied]) {
      isCopied[*copied] = true;
      continue;
    }
    if (dim.isUnknown())
      unknowns.push_back(i);
    known = dims.mul(known, dim);
  }
  Dim total = 1;
  for (int64_t i = 0, e = rankOf(input); i != e; ++i)
    if (!isCopied[i])
      total = dims.mul(total, dims.dim(input, i));
  if (dims.isGuarding()) {
    // With all dimensions, as one that is 0 makes the others meaningless.
    Dim before = 1, after = 1;
    for (const Dim &dim : dims.shape(input))
      before = dims.mul(before, dim);
    for (auto [i, dim] : llvm::enumerate(shape))
      after = dims.mul(after, int64_t(i) == inferred
                                  ? dims.floorDiv(total, dims.max(known, 1))
                                  : dim);
    if (failed(dims.requireEqual(before, after, "the number of elements")))
      return failure();
  }

  if (inferred) {
    if (known.isConstant() && known.getConstant() == 0)
      return dims.error("can't infer a dimension beside one that is 0");
    if (known.isConstant() && total.isConstant() &&
        total.getConstant() % known.getConstant() != 0)
      return dims.error("can't divide " + Twine(total.getConstant()) +
                        " elements into rows of " + Twine(known.getConstant()));
    shape[*inferred] = dims.floorDiv(total, known);
    return finishShape(dims, std::move(shape), shapes);
  }
  if (known.isConstant() && total.isConstant() &&
      known.getConstant() != total.getConstant() &&
      llvm::none_of(isCopied, [](bool copied) { return copied; }))
    return dims.error("expects a shape of " + Twine(total.getConstant()) +
                      " elements, but it has " + Twine(known.getConstant()));
  // A single dimension that is not known follows from the others.
  if (unknowns.size() == 1 && total.isConstant()) {
    int64_t rest = 1;
    bool isKnown = true;
    for (auto [i, dim] : llvm::enumerate(shape))
      if (int64_t(i) != unknowns[0] && dim.isConstant())
        isKnown &= !llvm::MulOverflow(rest, dim.getConstant(), rest);
      else if (int64_t(i) != unknowns[0])
        isKnown &= getCopiedDim(input, target, i).has_value();
    if (isKnown && rest > 0 && total.getConstant() % rest == 0)
      shape[unknowns[0]] = total.getConstant() / rest;
  }
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult SqueezeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                     Shapes &shapes) {
  Value input = op.getInput();
  if (failed(checkAxes(dims, op.getAxes(), rankOf(input))))
    return failure();
  TensorShape shape;
  for (int64_t i = 0, e = rankOf(input); i != e; ++i)
    if (!llvm::is_contained(op.getAxes(), i))
      shape.push_back(dims.dim(input, i));
    else if (failed(checkSize(dims, "the input", input, i, 1)) ||
             (dims.isGuarding() &&
              failed(dims.requireEqual(dims.dim(input, i), 1,
                                       "dimension " + Twine(i) +
                                           " and 1, as it is squeezed"))))
      return failure();
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult UnsqueezeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value input = op.getInput();
  int64_t rank = rankOf(input) + int64_t(op.getAxes().size());
  if (failed(checkAxes(dims, op.getAxes(), rank)))
    return failure();
  TensorShape shape;
  int64_t next = 0;
  for (int64_t i = 0; i != rank; ++i)
    shape.push_back(
        llvm::is_contained(op.getAxes(), i) ? Dim(1) : dims.dim(input, next++));
  return finishShape(dims, std::move(shape), shapes);
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

LogicalResult TransposeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  Value input = op.getInput();
  ArrayRef<int64_t> permutation = op.getPermutation();
  if (int64_t(permutation.size()) != rankOf(input))
    return dims.error("expects " + Twine(rankOf(input)) +
                      " elements in 'permutation', but there are " +
                      Twine(permutation.size()));
  if (failed(checkAxes(dims, permutation, rankOf(input))))
    return failure();
  TensorShape shape;
  for (int64_t axis : permutation)
    shape.push_back(dims.dim(input, axis));
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult ExpandOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  Value input = op.getInput(), target = op.getShape();
  if (failed(checkCount(dims, "shape", target, -1)))
    return failure();
  int64_t rank = tensorType(target).getDimSize(0);
  if (rankOf(input) != 0 && failed(checkRank(dims, "an input", input, rank)))
    return failure();
  TensorShape shape;
  for (int64_t i = 0; i != rank; ++i) {
    Dim dim = dims.element(target, i);
    int64_t size = rankOf(input) == 0 ? 1 : tensorType(input).getDimSize(i);
    if (size != 1 && dim.isConstant() && !maybeEqual(size, dim.getConstant()))
      return dims.error("can't expand dimension " + Twine(i) + " of size " +
                        Twine(size) + " to " + Twine(dim.getConstant()));
    // An input dimension that is not 1 is the result's.
    bool isFixed =
        !dim.isConstant() && size != 1 && !ShapedType::isDynamic(size);
    if (dims.isGuarding() && size != 1) {
      Dim from = dims.dim(input, i);
      Dim reached = isFixed ? from : dims.selectEqual(from, 1, dim, from);
      if (failed(dims.requireEqual(reached, dim,
                                   "dimension " + Twine(i) +
                                       " and what it is expanded to")))
        return failure();
    }
    if (isFixed)
      dim = size;
    shape.push_back(dim);
  }
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult ConcatOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  ValueRange inputs = op.getInputs();
  if (inputs.empty())
    return dims.error("expects at least one input");
  int64_t rank = rankOf(inputs[0]), axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rank)))
    return failure();
  TensorShape shape;
  for (int64_t i = 0; i != rank; ++i)
    shape.push_back(i == axis ? Dim(0) : dims.dim(inputs[0], i));
  for (Value input : inputs) {
    if (failed(checkRank(dims, "every input", input, rank)))
      return failure();
    for (int64_t i = 0; i != rank; ++i) {
      if (i == axis)
        shape[i] = dims.add(shape[i], dims.dim(input, i));
      else if (failed(checkSize(dims, "every input", input, i,
                                shape[i].getStatic())))
        return failure();
      else if (dims.isGuarding() &&
               failed(dims.requireEqual(shape[i], dims.dim(input, i),
                                        "dimension " + Twine(i) +
                                            " of the inputs")))
        return failure();
      else if (!tensorType(input).isDynamicDim(i))
        shape[i] = tensorType(input).getDimSize(i);
    }
  }
  return finishShape(dims, std::move(shape), shapes);
}

/// `index` as ONNX Slice means it: counted from the end if negative, then
/// limited to `[low, high]`, both of which are `dim` plus or minus a constant.
static Dim clampIndex(DimBuilder &dims, Dim index, Dim dim, Dim low, Dim high) {
  if (index.isConstant() && !dim.isConstant()) {
    // 2^31 - 1 and more, and its negative, are how models say "all".
    if (index.getConstant() >= INT32_MAX)
      return high;
    if (index.getConstant() <= -INT32_MAX)
      return low;
    // A dimension is never negative: one of the two limits is enough.
    if (index.getConstant() >= 0)
      return index.getConstant() == 0 && low.isConstant() &&
                     low.getConstant() == 0
                 ? Dim(0)
                 : dims.min(index, high);
    return dims.max(dims.add(dim, index), low);
  }
  Dim fromEnd = index.isConstant() && index.getConstant() >= 0
                    ? index
                    : dims.add(index, dim);
  index = dims.selectLess(index, 0, fromEnd, index);
  return dims.max(dims.min(index, high), low);
}

SliceBounds tenon::inferSliceBounds(DimBuilder &dims, Dim start, Dim end,
                                    Dim dim, int64_t step) {
  SliceBounds bounds;
  if (step > 0) {
    bounds.start = clampIndex(dims, start, dim, 0, dim);
    Dim last = clampIndex(dims, end, dim, 0, dim);
    bounds.size = dims.max(dims.ceilDiv(dims.sub(last, bounds.start), step), 0);
    // The whole of a dimension is that dimension.
    if (bounds.start.isConstant() && bounds.start.getConstant() == 0 &&
        step == 1 && end.isConstant() && end.getConstant() >= INT32_MAX)
      bounds.size = dim;
    return bounds;
  }
  int64_t magnitude = step == INT64_MIN ? INT64_MAX : -step;
  Dim high = dims.sub(dim, 1);
  bounds.start = clampIndex(dims, start, dim, 0, high);
  Dim last = clampIndex(dims, end, dim, -1, high);
  Dim size = dims.max(dims.ceilDiv(dims.sub(bounds.start, last), magnitude), 0);
  // Of an empty dimension there is nothing to take.
  bounds.size = dims.min(size, dim);
  return bounds;
}

LogicalResult SliceOp::inferShapes(Adaptor op, DimBuilder &dims,
                                   Shapes &shapes) {
  Value input = op.getInput();
  ArrayRef<int64_t> axes = op.getAxes(), steps = op.getSteps();
  if (failed(checkAxes(dims, axes, rankOf(input))) ||
      failed(checkCount(dims, "starts", op.getStarts(), axes.size())) ||
      failed(checkCount(dims, "ends", op.getEnds(), axes.size())))
    return failure();
  if (steps.size() != axes.size())
    return dims.error("expects " + Twine(axes.size()) +
                      " elements in 'steps', but there are " +
                      Twine(steps.size()));
  TensorShape shape = dims.shape(input);
  for (auto [i, axis, step] : llvm::enumerate(axes, steps)) {
    if (step == 0)
      return dims.error("expects steps that are not 0");
    shape[axis] =
        inferSliceBounds(dims, dims.element(op.getStarts(), i),
                         dims.element(op.getEnds(), i), shape[axis], step)
            .size;
  }
  return finishShape(dims, std::move(shape), shapes);
}

/// The same as a guard, where the padding or the size is not constant.
static LogicalResult guardPad(DimBuilder &dims, PadMode mode, int64_t index,
                              Dim size, Dim pad) {
  if ((pad.isConstant() && pad.getConstant() <= 0) ||
      (pad.isConstant() && size.isConstant()) ||
      (mode != PadMode::Reflect && size.isConstant() && size.getConstant() > 0))
    return success();
  Dim limit = mode == PadMode::Reflect ? dims.max(dims.sub(size, 1), 0)
                                       : dims.selectLess(0, size, pad, 0);
  return dims.requireEqual(dims.max(pad, 0), dims.max(dims.min(pad, limit), 0),
                           "the padding of dimension " + Twine(index) +
                               " and the most there can be in mode " +
                               stringifyPadMode(mode));
}

LogicalResult PadOp::inferShapes(Adaptor op, DimBuilder &dims, Shapes &shapes) {
  Value input = op.getInput();
  int64_t rank = rankOf(input);
  if (failed(checkCount(dims, "pads", op.getPads(), 2 * rank)))
    return failure();
  TensorShape shape;
  for (int64_t i = 0; i != rank; ++i) {
    Dim size = dims.dim(input, i);
    Dim begin = dims.element(op.getPads(), i);
    Dim end = dims.element(op.getPads(), rank + i);
    for (Dim pad : {begin, end}) {
      if (op.getMode() == PadMode::Constant || !pad.isConstant() ||
          !size.isConstant() || pad.getConstant() <= 0)
        continue;
      // There is nothing to repeat in an empty dimension, and a reflection
      // does not repeat the element at the end.
      int64_t limit = op.getMode() == PadMode::Reflect ? size.getConstant() - 1
                      : size.getConstant() == 0        ? 0
                                                       : INT64_MAX;
      if (pad.getConstant() > limit)
        return dims.error("can't pad dimension " + Twine(i) + " of size " +
                          Twine(size.getConstant()) + " by " +
                          Twine(pad.getConstant()) + " in mode " +
                          stringifyPadMode(op.getMode()));
    }
    if (dims.isGuarding() && op.getMode() != PadMode::Constant)
      for (Dim pad : {begin, end})
        if (failed(guardPad(dims, op.getMode(), i, size, pad)))
          return failure();
    shape.push_back(dims.add(dims.add(size, begin), end));
  }
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult TileOp::inferShapes(Adaptor op, DimBuilder &dims,
                                  Shapes &shapes) {
  Value input = op.getInput();
  if (failed(checkCount(dims, "repeats", op.getRepeats(), rankOf(input))))
    return failure();
  TensorShape shape;
  for (int64_t i = 0, e = rankOf(input); i != e; ++i) {
    Dim repeat = dims.element(op.getRepeats(), i);
    if (repeat.isConstant() && repeat.getConstant() < 0)
      return dims.error("expects repeats that are not negative, but element " +
                        Twine(i) + " is " + Twine(repeat.getConstant()));
    shape.push_back(dims.mul(dims.dim(input, i), repeat));
  }
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult GatherOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  Value input = op.getInput(), indices = op.getIndices();
  int64_t axis = op.getAxis();
  if (failed(checkAxis(dims, axis, rankOf(input))))
    return failure();
  TensorShape shape;
  for (int64_t i = 0; i != axis; ++i)
    shape.push_back(dims.dim(input, i));
  llvm::append_range(shape, dims.shape(indices));
  for (int64_t i = axis + 1, e = rankOf(input); i != e; ++i)
    shape.push_back(dims.dim(input, i));
  return finishShape(dims, std::move(shape), shapes);
}

LogicalResult ResizeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  Value input = op.getInput();
  ArrayRef<int64_t> axes = op.getAxes();
  if (failed(checkAxes(dims, axes, rankOf(input))) ||
      failed(checkCount(dims, "sizes", op.getSizes(), axes.size())))
    return failure();
  if (std::optional<ArrayRef<double>> scales = op.getScales()) {
    if (scales->size() != axes.size())
      return dims.error("expects " + Twine(axes.size()) +
                        " elements in 'scales', but there are " +
                        Twine(scales->size()));
    for (double scale : *scales)
      if (!std::isfinite(scale) || scale <= 0)
        return dims.error("expects scales above 0");
  }
  TensorShape shape = dims.shape(input);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    Dim size = dims.element(op.getSizes(), i);
    if (size.isConstant() && size.getConstant() > 0 &&
        shape[axis].isConstant() && shape[axis].getConstant() == 0)
      return dims.error("can't resize dimension " + Twine(axis) +
                        ", which is empty, to " + Twine(size.getConstant()));
    // The nearest of no elements would be read from other memory.
    if (dims.isGuarding() &&
        failed(dims.requireEqual(dims.selectEqual(shape[axis], 0, size, 0), 0,
                                 "dimension " + Twine(axis) +
                                     " of the result and of an empty input")))
      return failure();
    shape[axis] = size;
  }
  return finishShape(dims, std::move(shape), shapes);
}

//===----------------------------------------------------------------------===//
// Shapes as data
//===----------------------------------------------------------------------===//

LogicalResult ShapeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                   Shapes &shapes) {
  shapes.push_back({Dim(rankOf(op.getInput()))});
  return success();
}

/// The number of elements in `tenon.range` over floats.
static FailureOr<Dim> countFloatRange(DimBuilder &dims, Value start,
                                      Value limit, Value step) {
  std::optional<double> a = getConstantScalar(start);
  std::optional<double> b = getConstantScalar(limit);
  std::optional<double> s = getConstantScalar(step);
  if (s && !(std::isfinite(*s) && *s != 0))
    return dims.error("expects a finite step that is not 0");
  if (!a || !b || !s)
    return Dim::unknown();
  double count = std::ceil((*b - *a) / *s);
  if (!(count <= double(kMaxElements)))
    return dims.error("expects at most 2^46 elements");
  return Dim(std::max<int64_t>(int64_t(std::max(count, 0.0)), 0));
}

LogicalResult RangeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                   Shapes &shapes) {
  Value start = op.getStart(), limit = op.getLimit(), step = op.getStep();
  for (Value operand : {start, limit, step})
    if (failed(checkRank(dims, "scalars", operand, 0)))
      return failure();
  Type type = getElementTypeOrSelf(start);
  if (isa<FloatType>(type)) {
    FailureOr<Dim> count = countFloatRange(dims, start, limit, step);
    if (failed(count))
      return failure();
    return finishShape(dims, {*count}, shapes);
  }
  if (!type.isSignlessInteger() || type.isInteger(1))
    return dims.error("expects floats or signed integers");
  Dim a = dims.element(start, 0), b = dims.element(limit, 0);
  Dim s = dims.element(step, 0);
  if (s.isConstant() && (s.getConstant() == 0 || s.getConstant() == INT64_MIN))
    return dims.error("expects a step that is not " + Twine(s.getConstant()));
  if (dims.isGuarding() && !s.isConstant() &&
      failed(dims.requireEqual(s, dims.selectEqual(s, 0, 1, s),
                               "the step, which is not 0")))
    return failure();
  // The way in the direction of the step, in steps. A step of 0 that is only
  // known at run time counts as 1 here: no division by it.
  Dim first = dims.selectLess(s, 0, b, a), last = dims.selectLess(s, 0, a, b);
  Dim way = dims.sub(last, first);
  Dim magnitude = s.isConstant() ? Dim(std::abs(s.getConstant()))
                                 : dims.max(dims.max(s, dims.sub(0, s)), 1);
  Dim count = dims.ceilDiv(way, magnitude);
  if (a.isConstant() && a.getConstant() == 0)
    return finishShape(dims, {dims.max(count, 0)}, shapes);
  // From one end of all integers to the other the way has no number. It is
  // certainly too long.
  Dim exact = dims.selectLess(way, 0, INT64_MAX, count);
  if (first.isConstant() && last.isConstant() && !way.isConstant())
    exact = INT64_MAX;
  return finishShape(dims, {dims.selectLess(first, last, exact, 0)}, shapes);
}

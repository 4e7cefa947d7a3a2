//===- ComputedAxes.cpp - Axes that are not constant ----------------------===//

#include "lib/import/onnx/ComputedAxes.h"
#include "lib/import/onnx/Sequences.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

bool isComputed(NodeContext &node, unsigned i) {
  return node.hasInput(i) &&
         !node.getKnownValues().getConstants(node.getInput(i));
}

/// The number of elements of a one-dimensional tensor; -1, after an error, if
/// it is not known.
static int64_t getCount(NodeContext &node, Value value, const Twine &what) {
  if (!value || node.failed())
    return -1;
  int64_t count = getType(value).getDimSize(0);
  if (!ShapedType::isDynamic(count) && count <= kMaxRank)
    return count;
  if (ShapedType::isDynamic(count))
    node.unsupported("the number of " + what + " is unknown");
  else
    node.invalid("expected at most " + Twine(kMaxRank) + " " + what +
                 ", found " + Twine(count));
  return -1;
}

static Value number(NodeContext &node, int64_t value) {
  return node.createInts(value);
}

/// The sum of a one-dimensional tensor, as a tensor<1xi64>.
static Value sum(NodeContext &node, Value value) {
  return node.create<ReduceOp>(value, ReduceKind::Sum, ArrayRef<int64_t>{0});
}

/// `axes` counted from the first dimension.
static Value countFromFront(NodeContext &node, Value axes, int64_t rank) {
  return node.create<WhereOp>(node.create<LessOp>(axes, number(node, 0)),
                              node.create<AddOp>(axes, number(node, rank)),
                              axes);
}

/// For each dimension of `rank`: 1 or 0 as `axes` has it, tensor<1xi64>.
static SmallVector<Value> findAxes(NodeContext &node, Value axes,
                                   int64_t rank) {
  axes = countFromFront(node, axes, rank);
  SmallVector<Value> found;
  for (int64_t dim = 0; dim != rank; ++dim) {
    Value isMeant = node.create<EqualOp>(axes, number(node, dim));
    isMeant = node.cast(isMeant, node.getBuilder().getI64Type());
    found.push_back(
        node.create<ReduceOp>(isMeant, ReduceKind::Max, ArrayRef<int64_t>{0}));
  }
  return found;
}

/// 0 (tensor<1xi64>), if all `axes` are different dimensions: `numFound` of
/// them are. If not, an error when the model runs.
static Value checkAxes(NodeContext &node, Value axes, Value numFound) {
  if (node.failed())
    return {};
  return require(node, number(node, 0),
                 node.create<EqualOp>(node.getDim(axes, 0), numFound));
}

//===----------------------------------------------------------------------===//
// Slice
//===----------------------------------------------------------------------===//

/// `bound` counted from the front, and not outside of [low, high].
static Value clampBound(NodeContext &node, Value bound, Value size, Value low,
                        Value high) {
  bound = node.create<WhereOp>(node.create<LessOp>(bound, number(node, 0)),
                               node.create<AddOp>(bound, size), bound);
  return node.create<MinOp>(node.create<MaxOp>(bound, low), high);
}

/// The indices that a slice takes of a dimension; all are tensor<1xi64>.
static Value getIndices(NodeContext &node, Value start, Value end, Value step,
                        Value size) {
  Value zero = number(node, 0),
        last = node.create<SubOp>(size, number(node, 1));
  Value isBackwards = node.create<LessOp>(step, zero);
  auto choose = [&](Value backwards, Value forwards) {
    return node.create<WhereOp>(isBackwards, backwards, forwards);
  };
  Value high = choose(last, size);
  Value bounds[] = {
      clampBound(node, start, size, zero, high),
      clampBound(node, end, size, choose(number(node, -1), zero), high), step};
  for (Value &bound : bounds)
    bound = node.squeeze(bound, {int64_t(0)});
  return node.failed() ? Value()
                       : node.create<RangeOp>(bounds[0], bounds[1], bounds[2]);
}

Value sliceComputed(NodeContext &node, Value input, Value starts, Value ends,
                    Value axes, Value steps) {
  if (node.failed() || !input || !starts || !ends)
    return {};
  int64_t rank = getType(input).getRank();
  int64_t count = getType(starts).getDimSize(0);
  bool isCounted = !ShapedType::isDynamic(count);
  for (auto [what, value] : {std::pair("ends", ends), std::pair("axes", axes),
                             std::pair("steps", steps)})
    if (isCounted && value && !getType(value).isDynamicDim(0) &&
        getType(value).getDimSize(0) != count) {
      node.invalid("expected " + Twine(count) + " " + what + ", found " +
                   Twine(getType(value).getDimSize(0)));
      return {};
    }
  if (axes) {
    axes = countFromFront(node, axes, rank);
  } else if (isCounted && count > rank) {
    node.invalid("expected at most " + Twine(rank) + " starts, found " +
                 Twine(count));
    return {};
  } else {
    axes = createRange(node, node.getDim(starts, 0));
  }
  SmallVector<Value> isNamed, counts;
  Value numFound = number(node, 0);
  for (int64_t dim = 0; dim != rank; ++dim) {
    isNamed.push_back(node.create<EqualOp>(axes, number(node, dim)));
    counts.push_back(
        sum(node, node.cast(isNamed.back(), node.getBuilder().getI64Type())));
    numFound = node.create<AddOp>(
        numFound, node.create<MinOp>(counts.back(), number(node, 1)));
  }
  starts = node.create<AddOp>(starts, checkAxes(node, axes, numFound));
  for (int64_t dim = 0; dim != rank && !node.failed(); ++dim) {
    Value isMeant = isNamed[dim];
    auto pick = [&](Value values) {
      return sum(node, node.create<WhereOp>(isMeant, values, number(node, 0)));
    };
    Value size = node.getDim(input, dim);
    Value isThere =
        sum(node, node.cast(isMeant, node.getBuilder().getI64Type()));
    numFound = node.create<AddOp>(numFound,
                                  node.create<MinOp>(isThere, number(node, 1)));
    // What is not meant is taken as it is.
    Value isAll = node.create<EqualOp>(isThere, number(node, 0));
    Value end = node.create<WhereOp>(isAll, size, pick(ends));
    Value step = steps
                     ? node.create<WhereOp>(isAll, number(node, 1), pick(steps))
                     : number(node, 1);
    Value indices = getIndices(node, pick(starts), end, step, size);
    if (!indices)
      return {};
    input = node.create<GatherOp>(input, indices, uint64_t(dim));
  }
  return input;
}

//===----------------------------------------------------------------------===//
// Squeeze and Unsqueeze
//===----------------------------------------------------------------------===//

Value squeezeComputed(NodeContext &node, Value input, Value axes) {
  if (node.failed() || !input)
    return {};
  int64_t rank = getType(input).getRank();
  if (std::optional<int64_t> declared = node.getDeclaredRank();
      declared && *declared <= rank)
    axes = node.requireDim(axes, 0, rank - *declared);
  int64_t count = getCount(node, axes, "axes");
  if (count < 0)
    return {};
  if (count > rank) {
    node.invalid("expected at most " + Twine(rank) + " axes, found " +
                 Twine(count));
    return {};
  }
  if (count == rank)
    return node.reshape(input, node.createInts({}));
  Value dropped = node.joinShape(findAxes(node, axes, rank));
  Value kept = node.create<SubOp>(number(node, 1), dropped);
  Value indices = node.squeeze(
      node.create<NonZeroOp>(kept, number(node, rank - count)), {int64_t(0)});
  return node.reshape(
      input, node.create<GatherOp>(node.getShape(input), indices, uint64_t(0)));
}

Value unsqueezeComputed(NodeContext &node, Value input, Value axes) {
  if (node.failed() || !input)
    return {};
  int64_t rank = getType(input).getRank();
  if (std::optional<int64_t> declared = node.getDeclaredRank();
      declared && *declared >= rank)
    axes = node.requireDim(axes, 0, *declared - rank);
  int64_t count = getCount(node, axes, "axes");
  if (count < 0)
    return {};
  if (rank + count > kMaxRank) {
    node.invalid("the result has rank " + Twine(rank + count) +
                 ", expected at most " + Twine(kMaxRank));
    return {};
  }
  SmallVector<Value> sizes;
  Value next = number(node, 0);
  for (Value isNew : findAxes(node, axes, rank + count)) {
    Value one = number(node, 1);
    if (rank == 0) {
      sizes.push_back(one);
      continue;
    }
    // A wrong axis makes too many elements, which the reshape finds.
    Value place = node.create<MinOp>(next, number(node, rank - 1));
    Value size =
        node.create<GatherOp>(node.getShape(input), place, uint64_t(0));
    Value isOne = node.create<EqualOp>(isNew, one);
    sizes.push_back(node.create<WhereOp>(isOne, one, size));
    next = node.create<SubOp>(node.create<AddOp>(next, one), isNew);
  }
  return node.failed() ? Value() : node.reshape(input, node.joinShape(sizes));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

Value reduceComputed(NodeContext &node, Value input, Value axes,
                     ReduceKind kind, bool isIdentity) {
  if (node.failed() || !input || !axes)
    return {};
  // What is not done over one dimension after another is done once.
  if (kind == ReduceKind::SumSquare)
    input = node.create<MulOp>(input, input);
  else if (kind == ReduceKind::L1 || kind == ReduceKind::L2)
    input = node.create<AbsOp>(input);
  bool isSum = kind == ReduceKind::SumSquare || kind == ReduceKind::LogSum;
  ReduceKind each = isSum ? ReduceKind::Sum : kind;

  int64_t rank = getType(input).getRank();
  Value zero = number(node, 0), one = number(node, 1);
  Value isEmpty = node.create<EqualOp>(node.getDim(axes, 0), zero);
  Value byDefault =
      isIdentity ? zero : node.cast(isEmpty, node.getBuilder().getI64Type());
  SmallVector<Value> named = findAxes(node, axes, rank);
  Value numFound = zero;
  for (Value isNamed : named)
    numFound = node.create<AddOp>(numFound, node.create<MaxOp>(isNamed, zero));
  Value checked = checkAxes(node, axes, numFound);
  for (auto [dim, isNamed] : llvm::enumerate(named)) {
    // Of no axes the largest is less than 0.
    Value numReduced =
        node.create<AddOp>(node.create<MaxOp>(isNamed, byDefault), checked);
    Value numKept = node.create<MulOp>(node.getDim(input, dim),
                                       node.create<SubOp>(one, numReduced));
    Value reduced =
        node.create<ReduceOp>(input, each, ArrayRef<int64_t>{int64_t(dim)});
    // One of the two is empty.
    Value parts[] = {node.sliceAxis(reduced, dim, zero, numReduced),
                     node.sliceAxis(input, dim, zero, numKept)};
    if (node.failed())
      return {};
    input = node.create<ConcatOp>(ArrayRef<Value>(parts), uint64_t(dim));
  }
  return kind == ReduceKind::LogSum ? node.create<LogOp>(input) : input;
}

} // namespace tenon::onnx_import

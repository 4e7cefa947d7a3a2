//===- ElementCopies.cpp - Operations that only move elements -------------===//

#include "transforms/simplify/ElementCopies.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon {

/// No operation is described by more copies than this.
static constexpr int64_t kMaxCopies = 4096;

SmallVector<int64_t> getRowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

static RankedTensorType getType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// The whole result, read from operand 0 with the given strides.
static ElementMovement readAll(RankedTensorType result, int64_t offset,
                               ArrayRef<int64_t> sourceStrides) {
  ElementMovement movement;
  movement.copies.push_back({/*operand=*/0, offset, /*targetOffset=*/0,
                             SmallVector<int64_t>(result.getShape()),
                             SmallVector<int64_t>(sourceStrides),
                             getRowMajorStrides(result.getShape())});
  return movement;
}

/// The same elements in the same order.
static FailureOr<ElementMovement> moveView(Operation *op) {
  RankedTensorType result = getType(op->getResult(0));
  if (result.getNumElements() != getType(op->getOperand(0)).getNumElements())
    return failure();
  return readAll(result, 0, getRowMajorStrides(result.getShape()));
}

static ElementMovement moveTranspose(TransposeOp op) {
  SmallVector<int64_t> input =
      getRowMajorStrides(getType(op.getInput()).getShape());
  SmallVector<int64_t> strides;
  for (int64_t dim : op.getPermutation())
    strides.push_back(input[dim]);
  return readAll(getType(op.getOutput()), 0, strides);
}

static ElementMovement moveExpand(ExpandOp op) {
  RankedTensorType input = getType(op.getInput());
  RankedTensorType result = getType(op.getOutput());
  SmallVector<int64_t> strides(result.getRank(), 0);
  if (input.getRank() == result.getRank()) {
    strides = getRowMajorStrides(input.getShape());
    for (auto [stride, size] : llvm::zip_equal(strides, input.getShape()))
      if (size == 1)
        stride = 0;
  }
  return readAll(result, 0, strides);
}

static ElementMovement moveConcat(ConcatOp op) {
  SmallVector<int64_t> target =
      getRowMajorStrides(getType(op.getOutput()).getShape());
  ElementMovement movement;
  int64_t position = 0;
  for (auto [i, input] : llvm::enumerate(op.getInputs())) {
    ArrayRef<int64_t> shape = getType(input).getShape();
    movement.copies.push_back({unsigned(i), 0, position * target[op.getAxis()],
                               SmallVector<int64_t>(shape),
                               getRowMajorStrides(shape), target});
    position += shape[op.getAxis()];
  }
  return movement;
}

static FailureOr<ElementMovement> moveSlice(SliceOp op) {
  std::optional<SmallVector<int64_t>> starts = getConstantInts(op.getStarts());
  if (!starts)
    return failure();
  ArrayRef<int64_t> shape = getType(op.getInput()).getShape();
  SmallVector<int64_t> strides = getRowMajorStrides(shape);
  int64_t offset = 0;
  for (auto [axis, start, step] :
       llvm::zip_equal(op.getAxes(), *starts, op.getSteps())) {
    int64_t size = shape[axis];
    int64_t first = start < 0 ? start + size : start;
    first = std::min(first, step < 0 ? size - 1 : size);
    offset += std::max<int64_t>(first, 0) * strides[axis];
    // The step of a single element may be any number.
    if (getType(op.getOutput()).getDimSize(axis) > 1)
      strides[axis] *= step;
  }
  return readAll(getType(op.getOutput()), offset, strides);
}

static FailureOr<ElementMovement> moveTile(TileOp op) {
  RankedTensorType input = getType(op.getInput());
  RankedTensorType result = getType(op.getOutput());
  if (input.getNumElements() == 0 ||
      result.getNumElements() / input.getNumElements() > kMaxCopies)
    return failure();
  // One copy for each repetition, dimension by dimension.
  SmallVector<int64_t> target = getRowMajorStrides(result.getShape());
  SmallVector<int64_t> offsets = {0};
  for (int64_t dim = 0; dim != result.getRank(); ++dim) {
    SmallVector<int64_t> next;
    int64_t size = input.getDimSize(dim);
    for (int64_t offset : offsets)
      for (int64_t at = 0; at + size <= result.getDimSize(dim); at += size)
        next.push_back(offset + at * target[dim]);
    offsets = std::move(next);
  }
  ElementMovement movement;
  for (int64_t offset : offsets)
    movement.copies.push_back({0, 0, offset,
                               SmallVector<int64_t>(input.getShape()),
                               getRowMajorStrides(input.getShape()), target});
  return movement;
}

static FailureOr<ElementMovement> movePad(PadOp op) {
  std::optional<SmallVector<int64_t>> pads = getConstantInts(op.getPads());
  if (!pads || op.getMode() != PadMode::Constant)
    return failure();
  RankedTensorType input = getType(op.getInput());
  int64_t rank = input.getRank();
  SmallVector<int64_t> source = getRowMajorStrides(input.getShape());
  SmallVector<int64_t> target =
      getRowMajorStrides(getType(op.getOutput()).getShape());
  ElementMovement movement;
  movement.isFilled = true;
  if (op.getValue())
    movement.fill = 2;
  int64_t sourceOffset = 0, targetOffset = 0;
  SmallVector<int64_t> sizes;
  for (int64_t i = 0; i != rank; ++i) {
    int64_t before = (*pads)[i], after = (*pads)[rank + i];
    sourceOffset += std::max<int64_t>(-before, 0) * source[i];
    targetOffset += std::max<int64_t>(before, 0) * target[i];
    sizes.push_back(input.getDimSize(i) + std::min<int64_t>(before, 0) +
                    std::min<int64_t>(after, 0));
    if (sizes.back() <= 0)
      return movement;
  }
  movement.copies.push_back(
      {0, sourceOffset, targetOffset, sizes, source, target});
  return movement;
}

static FailureOr<ElementMovement> moveGather(GatherOp op) {
  std::optional<SmallVector<int64_t>> indices =
      getConstantInts(op.getIndices(), kMaxCopies);
  if (!indices)
    return failure();
  ArrayRef<int64_t> shape = getType(op.getInput()).getShape();
  int64_t axis = op.getAxis(), outer = 1, inner = 1;
  for (int64_t size : shape.take_front(axis))
    outer *= size;
  for (int64_t size : shape.drop_front(axis + 1))
    inner *= size;
  int64_t count = indices->size();
  ElementMovement movement;
  for (auto [i, index] : llvm::enumerate(*indices)) {
    int64_t at = index < 0 ? index + shape[axis] : index;
    if (at < 0 || at >= shape[axis])
      return failure();
    movement.copies.push_back({0,
                               at * inner,
                               int64_t(i) * inner,
                               {outer, inner},
                               {shape[axis] * inner, 1},
                               {count * inner, 1}});
  }
  return movement;
}

/// Whether a tensor of `type` has all elements that a copy reads or writes.
static bool isInside(RankedTensorType type, int64_t offset,
                     ArrayRef<int64_t> sizes, ArrayRef<int64_t> strides) {
  int64_t first = offset, last = offset;
  for (auto [size, stride] : llvm::zip_equal(sizes, strides)) {
    if (size == 0)
      return true;
    (stride < 0 ? first : last) += (size - 1) * stride;
  }
  return first >= 0 && last < type.getNumElements();
}

/// Whether all copies stay inside of their tensors. They do, unless a type
/// says more than shape inference knows, and says it wrong.
static bool isInside(Operation *op, const ElementMovement &movement) {
  return llvm::all_of(movement.copies, [&](const ElementCopy &copy) {
    return isInside(getType(op->getOperand(copy.operand)), copy.sourceOffset,
                    copy.sizes, copy.sourceStrides) &&
           isInside(getType(op->getResult(0)), copy.targetOffset, copy.sizes,
                    copy.targetStrides);
  });
}

FailureOr<ElementMovement> getElementMovement(Operation *op) {
  auto isStatic = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.hasStaticShape();
  };
  if (op->getNumResults() != 1 ||
      !llvm::all_of(op->getResultTypes(), isStatic) ||
      !llvm::all_of(op->getOperandTypes(), isStatic))
    return failure();
  using Result = FailureOr<ElementMovement>;
  Result movement =
      llvm::TypeSwitch<Operation *, Result>(op)
          .Case<ReshapeOp, SqueezeOp, UnsqueezeOp>(
              [](Operation *op) { return moveView(op); })
          .Case([](TransposeOp op) -> Result { return moveTranspose(op); })
          .Case([](ExpandOp op) -> Result { return moveExpand(op); })
          .Case([](ConcatOp op) -> Result { return moveConcat(op); })
          .Case([](SliceOp op) { return moveSlice(op); })
          .Case([](TileOp op) { return moveTile(op); })
          .Case([](PadOp op) { return movePad(op); })
          .Case([](GatherOp op) { return moveGather(op); })
          .Default([](Operation *) -> Result { return failure(); });
  if (succeeded(movement) && !isInside(op, *movement))
    return failure();
  return movement;
}

void forEachRun(
    const ElementCopy &copy,
    llvm::function_ref<void(int64_t, int64_t, int64_t, int64_t, int64_t)>
        body) {
  // Dimensions that follow each other in both tensors become one.
  SmallVector<int64_t> sizes, source, target;
  for (auto [size, from, to] :
       llvm::zip_equal(copy.sizes, copy.sourceStrides, copy.targetStrides)) {
    if (size == 0)
      return;
    if (size == 1)
      continue;
    if (!sizes.empty() && source.back() == from * size &&
        target.back() == to * size) {
      sizes.back() *= size;
      source.back() = from;
      target.back() = to;
      continue;
    }
    sizes.push_back(size);
    source.push_back(from);
    target.push_back(to);
  }
  if (sizes.empty())
    return body(copy.sourceOffset, 1, copy.targetOffset, 1, 1);

  int64_t inner = sizes.size() - 1;
  SmallVector<int64_t> at(sizes.size(), 0);
  int64_t from = copy.sourceOffset, to = copy.targetOffset;
  while (true) {
    body(from, source[inner], to, target[inner], sizes[inner]);
    int64_t dim = inner - 1;
    for (; dim >= 0; --dim) {
      from += source[dim];
      to += target[dim];
      if (++at[dim] != sizes[dim])
        break;
      from -= source[dim] * sizes[dim];
      to -= target[dim] * sizes[dim];
      at[dim] = 0;
    }
    if (dim < 0)
      return;
  }
}

} // namespace tenon

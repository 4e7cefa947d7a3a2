//===- TenonLayout.cpp - How attributes change under a permutation --------===//
//
// Dimension i of a permuted tensor is dimension permutation[i] of the original,
// so what stood at axis a stands where permutation holds a.
//
//===----------------------------------------------------------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace tenon;

/// Where dimension `axis` is after the permutation.
static int64_t permuteAxis(int64_t axis, ArrayRef<int64_t> permutation) {
  return llvm::find(permutation, axis) - permutation.begin();
}

static SmallVector<int64_t> permuteAxes(ArrayRef<int64_t> axes,
                                        ArrayRef<int64_t> permutation) {
  return llvm::map_to_vector(
      axes, [&](int64_t axis) { return permuteAxis(axis, permutation); });
}

using PermutedOperands = FailureOr<SmallVector<OpOperand *>>;

PermutedOperands SoftmaxOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  return SmallVector<OpOperand *>{&getInputMutable()};
}

void SoftmaxOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  setAxis(permuteAxis(getAxis(), permutation));
}

PermutedOperands
LogSoftmaxOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  return SmallVector<OpOperand *>{&getInputMutable()};
}

void LogSoftmaxOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  setAxis(permuteAxis(getAxis(), permutation));
}

PermutedOperands ReduceOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  return SmallVector<OpOperand *>{&getInputMutable()};
}

void ReduceOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> axes = permuteAxes(getAxes(), permutation);
  llvm::sort(axes);
  setAxes(axes);
}

PermutedOperands ConcatOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  return llvm::map_to_vector((*this)->getOpOperands(),
                             [](OpOperand &operand) { return &operand; });
}

void ConcatOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  setAxis(permuteAxis(getAxis(), permutation));
}

// Starts and ends belong to the axes in their order: only the axes change.
PermutedOperands SliceOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  return SmallVector<OpOperand *>{&getInputMutable()};
}

void SliceOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  setAxes(permuteAxes(getAxes(), permutation));
}

PermutedOperands ResizeOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  return SmallVector<OpOperand *>{&getInputMutable()};
}

void ResizeOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  setAxes(permuteAxes(getAxes(), permutation));
}

// The pads are an operand in the order of the dimensions: it can be rewritten
// where its elements are in sight.
PermutedOperands PadOp::getPermutedOperands(ArrayRef<int64_t> permutation) {
  if (!getConstantInts(getPads()) &&
      !getPads().getDefiningOp<tensor::FromElementsOp>())
    return failure();
  return SmallVector<OpOperand *>{&getInputMutable()};
}

void PadOp::permuteAttributes(ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> order(permutation);
  for (int64_t axis : permutation)
    order.push_back(axis + permutation.size());
  OpBuilder builder(getOperation());
  if (std::optional<SmallVector<int64_t>> pads = getConstantInts(getPads())) {
    auto permuted = llvm::map_to_vector(
        order, [&](int64_t index) { return (*pads)[index]; });
    getPadsMutable().assign(ConstantOp::create(
        builder, getLoc(),
        DenseElementsAttr::get(cast<RankedTensorType>(getPads().getType()),
                               ArrayRef<int64_t>(permuted))));
    return;
  }
  auto elements = getPads().getDefiningOp<tensor::FromElementsOp>();
  auto permuted = llvm::map_to_vector(
      order, [&](int64_t index) { return elements.getElements()[index]; });
  getPadsMutable().assign(tensor::FromElementsOp::create(
      builder, getLoc(), cast<RankedTensorType>(getPads().getType()),
      permuted));
}

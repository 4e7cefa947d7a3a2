//===- View.cpp - Tensors that are parts of others ------------------------===//

#include "codegen/cpu/View.h"

using namespace mlir;

namespace tenon::cpu {

Dim View::getPosition(DimBuilder &dims, ArrayRef<Dim> index) const {
  Dim position = begin;
  for (auto [i, stride] : llvm::zip_first(index, strides))
    position = dims.add(position, dims.mul(i, stride));
  return position;
}

Dim getSliceStart(KernelFunction &function, DimBuilder &dims, SliceOp op,
                  int64_t i) {
  Dim size = function.getShape(op.getInput())[op.getAxes()[i]];
  Dim start = function.getShapeElement(op.getStarts(), i);
  start = dims.selectLess(start, 0, dims.add(start, size), start);
  Dim last = op.getSteps()[i] > 0 ? size : dims.sub(size, 1);
  return dims.min(dims.max(start, 0), last);
}

/// What `tensor` is a view of in one step, or else itself.
static View getStrides(KernelFunction &function, Value tensor,
                       DimBuilder &dims) {
  Operation *op = tensor.getDefiningOp();
  if (auto transpose = dyn_cast_if_present<TransposeOp>(op)) {
    View input = getView(function, transpose.getInput()), view = input;
    for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
      view.strides[to] = input.strides[from];
    return view;
  }
  if (auto slice = dyn_cast_if_present<SliceOp>(op)) {
    View view = getView(function, slice.getInput());
    for (auto [i, axis, step] :
         llvm::enumerate(slice.getAxes(), slice.getSteps())) {
      Dim start = getSliceStart(function, dims, slice, i);
      Dim &stride = view.strides[axis];
      view.begin = dims.add(view.begin, dims.mul(start, stride));
      stride = dims.mul(stride, step);
    }
    return view;
  }
  SmallVector<Dim> shape = function.getShape(tensor);
  View view{function.getFlat(tensor), 0, SmallVector<Dim>(shape.size())};
  Dim stride = 1;
  for (int64_t i = shape.size(); i-- != 0; stride = dims.mul(stride, shape[i]))
    view.strides[i] = stride;
  return view;
}

View getView(KernelFunction &function, Value tensor) {
  DimBuilder dims(function.getBuilder(), function.getLoc());
  View view = getStrides(function, tensor, dims);
  auto type = cast<RankedTensorType>(tensor.getType());
  for (auto [size, stride] : llvm::zip_equal(type.getShape(), view.strides))
    if (size == 1)
      stride = 0;
  return view;
}

} // namespace tenon::cpu

//===- TenonDepthwise.h - What is made as it is read ------------*- C++ -*-===//

#ifndef TENON_DIALECTS_TENON_TENONDEPTHWISE_H
#define TENON_DIALECTS_TENON_TENONDEPTHWISE_H

#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// Whether `op` is a matrix product of all pixels with weights of known size.
inline bool isPointwise(ConvOp op) {
  auto weights = llvm::cast<mlir::RankedTensorType>(op.getWeights().getType());
  auto isAll = [](llvm::ArrayRef<int64_t> values, int64_t expected) {
    return llvm::all_of(values, [&](int64_t v) { return v == expected; });
  };
  return op.getLayout() == Layout::NHWC && weights.hasStaticShape() &&
         op.getGroups() == 1 && isAll(weights.getShape().drop_back(2), 1) &&
         isAll(op.getStrides(), 1) && isAll(op.getPads(), 0);
}

/// Whether generated code of a processor can compute the input of a pointwise
/// convolution where it reads it: a few pixels stand on a thread's stack, of
/// which there is not much.
inline bool canComputeInput(ConvOp pointwise) {
  constexpr int64_t kMaxChannels = 1024;
  return isPointwise(pointwise) &&
         llvm::cast<mlir::RankedTensorType>(pointwise.getWeights().getType())
                 .getShape()
                 .end()[-2] <= kMaxChannels;
}

/// Whether generated code of a processor can make the result of `pointwise` row
/// by row, as the window of `depthwise`, which reads it, comes down: one is a
/// matrix product in each pixel, the other a small window in each channel, and
/// rows of the window stand in a buffer of known size meanwhile.
inline bool isMadeRowByRow(ConvOp pointwise, ConvOp depthwise) {
  constexpr int64_t maxKernel = 7;
  auto getType = [](mlir::Value value) {
    return llvm::cast<mlir::RankedTensorType>(value.getType());
  };
  auto isPicture = [&](ConvOp op) {
    mlir::RankedTensorType weights = getType(op.getWeights());
    return op.getLayout() == Layout::NHWC && weights.getRank() == 4 &&
           weights.hasStaticShape() && weights.getElementType().isF32() &&
           llvm::all_of(op.getPads(), [](int64_t pad) { return pad >= 0; }) &&
           llvm::all_of(op.getDilations(), [](int64_t d) { return d == 1; });
  };
  if (!isPicture(pointwise) || !isPicture(depthwise) ||
      depthwise.getInput().getType() != pointwise.getOutput().getType())
    return false;
  llvm::ArrayRef<int64_t> wide = getType(pointwise.getWeights()).getShape();
  llvm::ArrayRef<int64_t> window = getType(depthwise.getWeights()).getShape();
  llvm::ArrayRef<int64_t> strides = depthwise.getStrides();
  return isPointwise(pointwise) &&
         int64_t(depthwise.getGroups()) == window[3] && window[2] == 1 &&
         window[3] == wide[3] && window[0] == window[1] &&
         window[0] <= maxKernel && strides[0] == strides[1] &&
         strides[0] <= window[0];
}

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONDEPTHWISE_H

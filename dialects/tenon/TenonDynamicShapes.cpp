//===- TenonDynamicShapes.cpp - Shapes that depend on data ----------------===//

#include "dialects/tenon/TenonShapeChecks.h"

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

LogicalResult RequireOp::inferShapes(Adaptor op, DimBuilder &dims,
                                     Shapes &shapes) {
  if (failed(checkCount(dims, "lhs", op.getLhs(), -1)))
    return failure();
  int64_t count = tensorType(op.getLhs()).getDimSize(0);
  if (failed(checkCount(dims, "rhs", op.getRhs(), count)))
    return failure();
  for (int64_t i = 0; i != count && dims.isGuarding(); ++i)
    if (failed(dims.requireEqual(dims.element(op.getLhs(), i),
                                 dims.element(op.getRhs(), i), op.getWhat())))
      return failure();
  return finishShape(dims, dims.shape(op.getInput()), shapes);
}

LogicalResult NonZeroOp::inferShapes(Adaptor op, DimBuilder &dims,
                                     Shapes &shapes) {
  if (failed(checkCount(dims, "count", op.getCount(), 1)))
    return failure();
  return finishShape(
      dims, {Dim(rankOf(op.getInput())), dims.element(op.getCount(), 0)},
      shapes);
}

LogicalResult UniqueOp::inferShapes(Adaptor op, DimBuilder &dims,
                                    Shapes &shapes) {
  if (failed(checkRank(dims, "an input", op.getInput(), 2)))
    return failure();
  Dim rows = dims.dim(op.getInput(), 0);
  for (int i = 0; i != 3; ++i)
    if (failed(finishShape(dims, {rows}, shapes)))
      return failure();
  return finishShape(dims, {Dim(1)}, shapes);
}

LogicalResult NonMaxSuppressionOp::inferShapes(Adaptor op, DimBuilder &dims,
                                               Shapes &shapes) {
  Value boxes = op.getBoxes(), scores = op.getScores();
  if (failed(checkRank(dims, "boxes", boxes, 3)) ||
      failed(checkRank(dims, "scores", scores, 3)) ||
      failed(checkSize(dims, "boxes", boxes, 2, 4)) ||
      failed(checkSameSize(dims, "scores", scores, 0, boxes, 0)) ||
      failed(checkSameSize(dims, "scores", scores, 2, boxes, 1)) ||
      failed(checkCount(dims, "limit", op.getLimit(), 1)))
    return failure();
  if (dims.isGuarding() &&
      failed(dims.requireEqual(dims.dim(boxes, 2), 4, "dimension 2 of boxes")))
    return failure();
  Dim count = dims.dim(boxes, 1);
  Dim limit = dims.max(dims.min(dims.element(op.getLimit(), 0), count), 0);
  Dim classes = dims.mul(dims.dim(scores, 0), dims.dim(scores, 1));
  return success(succeeded(finishShape(dims, {dims.mul(classes, limit), Dim(3)},
                                       shapes)) &&
                 succeeded(finishShape(dims, {Dim(1)}, shapes)) &&
                 succeeded(finishShape(dims, {Dim(2), count}, shapes)));
}

LogicalResult ImageSizeOp::inferShapes(Adaptor op, DimBuilder &dims,
                                       Shapes &shapes) {
  return finishShape(dims, {Dim(2)}, shapes);
}

LogicalResult DecodeImageOp::inferShapes(Adaptor op, DimBuilder &dims,
                                         Shapes &shapes) {
  if (failed(checkCount(dims, "size", op.getSize(), 2)))
    return failure();
  int64_t channels = op.getFormat() == PixelFormat::Gray ? 1 : 3;
  return finishShape(dims,
                     {dims.element(op.getSize(), 0),
                      dims.element(op.getSize(), 1), Dim(channels)},
                     shapes);
}

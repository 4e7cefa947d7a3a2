//===- TenonArrayOps.cpp - Bits, work along a dimension, matrices ---------===//

#include "dialects/tenon/TenonArrayOps.h"

#include "dialects/tenon/TenonElementBody.h"
#include "dialects/tenon/TenonShapeChecks.h"

using namespace mlir;
using namespace tenon;
using namespace tenon::detail;

#define GET_OP_CLASSES
#include "dialects/tenon/TenonArrayOps.cpp.inc"

//===----------------------------------------------------------------------===//
// Bits
//===----------------------------------------------------------------------===//

/// A shift by as many bits as there are, or more, is undefined in `arith`.
template <typename ShiftOp>
static Value buildShift(OpBuilder &builder, Location loc, ValueRange operands) {
  Body body(builder, loc);
  Value a = operands[0], b = operands[1], zero = body.integer(a, 0);
  int64_t width = getElementTypeOrSelf(a).getIntOrFloatBitWidth();
  Value isIn =
      body.compare(arith::CmpIPredicate::ule, b, body.integer(b, width - 1));
  Value shift = body.select(isIn, b, zero);
  return body.select(isIn, body.make<ShiftOp>(a, shift), zero);
}

Value ShiftLeftOp::buildBody(OpBuilder &builder, Location loc,
                             ValueRange operands) {
  return buildShift<arith::ShLIOp>(builder, loc, operands);
}

Value ShiftRightOp::buildBody(OpBuilder &builder, Location loc,
                              ValueRange operands) {
  return buildShift<arith::ShRUIOp>(builder, loc, operands);
}

//===----------------------------------------------------------------------===//
// Work along a dimension
//===----------------------------------------------------------------------===//

LogicalResult CumulateOp::inferShapes(Adaptor op, DimBuilder &dims,
                                      Shapes &shapes) {
  Value input = op.getInput();
  if (failed(checkAxis(dims, op.getAxis(), rankOf(input))))
    return failure();
  return finishShape(dims, dims.shape(input), shapes);
}

LogicalResult CumulateOp::verify() {
  if (getKind() == ReduceKind::Sum || getKind() == ReduceKind::Prod)
    return success();
  return emitOpError("expects the kind sum or prod, but it is ")
         << stringifyReduceKind(getKind());
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

LogicalResult DetOp::inferShapes(Adaptor op, DimBuilder &dims, Shapes &shapes) {
  Value input = op.getInput();
  int64_t rank = rankOf(input);
  if (rank < 2)
    return dims.error("expects an input of rank 2 or more, but it has rank " +
                      Twine(rank));
  if (failed(
          checkSameSize(dims, "the input", input, rank - 1, input, rank - 2)))
    return failure();
  TensorShape shape = dims.shape(input);
  shape.resize(rank - 2);
  return finishShape(dims, std::move(shape), shapes);
}

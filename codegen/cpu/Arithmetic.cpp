//===- Arithmetic.cpp - Operations on scalars and vectors alike -----------===//

#include "codegen/cpu/Arithmetic.h"

#include "dialects/tenon/TenonElementBody.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

Value buildConstant(OpBuilder &builder, Location loc, Type type,
                    Attribute scalar) {
  if (auto vector = dyn_cast<VectorType>(type))
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(vector, scalar));
  return arith::ConstantOp::create(builder, loc, cast<TypedAttr>(scalar));
}

Value buildConstant(OpBuilder &builder, Location loc, Type type, double value) {
  Type elementType = getElementTypeOrSelf(type);
  Attribute scalar =
      isa<FloatType>(elementType)
          ? Attribute(builder.getFloatAttr(elementType, value))
          : Attribute(builder.getIntegerAttr(elementType, int64_t(value)));
  return buildConstant(builder, loc, type, scalar);
}

Value broadcastTo(OpBuilder &builder, Location loc, Value value, Type like) {
  auto vector = dyn_cast<VectorType>(like);
  if (!vector || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(builder, loc,
                                     vector.clone(value.getType()), value);
}

Value convertFloat(OpBuilder &builder, Location loc, Value value,
                   Type elementType) {
  auto to = dyn_cast<FloatType>(elementType);
  return to && isFloat(value) ? detail::Body(builder, loc).toFloat(value, to)
                              : value;
}

Value buildMax(OpBuilder &builder, Location loc, Value a, Value b,
               bool isUnsigned) {
  if (isFloat(a)) {
    Value isLarger =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OGT, a, b);
    return arith::SelectOp::create(builder, loc, isLarger, a, b);
  }
  if (isUnsigned || getElementTypeOrSelf(a).isInteger(1))
    return arith::MaxUIOp::create(builder, loc, a, b);
  return arith::MaxSIOp::create(builder, loc, a, b);
}

Value buildMin(OpBuilder &builder, Location loc, Value a, Value b,
               bool isUnsigned) {
  if (isFloat(a)) {
    Value isSmaller =
        arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::OLT, a, b);
    return arith::SelectOp::create(builder, loc, isSmaller, a, b);
  }
  if (isUnsigned || getElementTypeOrSelf(a).isInteger(1))
    return arith::MinUIOp::create(builder, loc, a, b);
  return arith::MinSIOp::create(builder, loc, a, b);
}

/// Whether `predicate` holds for floats, or they don't compare and `b` is a
/// number.
static Value compareFloats(OpBuilder &builder, Location loc,
                           arith::CmpFPredicate predicate, Value a, Value b) {
  Value holds = arith::CmpFOp::create(builder, loc, predicate, a, b);
  Value isNumber =
      arith::CmpFOp::create(builder, loc, arith::CmpFPredicate::ORD, b, b);
  return arith::AndIOp::create(builder, loc, holds, isNumber);
}

Value buildIsGreater(OpBuilder &builder, Location loc, Value a, Value b,
                     bool isUnsigned) {
  if (isFloat(a))
    return compareFloats(builder, loc, arith::CmpFPredicate::UGT, a, b);
  isUnsigned |= getElementTypeOrSelf(a).isInteger(1);
  return arith::CmpIOp::create(
      builder, loc,
      isUnsigned ? arith::CmpIPredicate::ugt : arith::CmpIPredicate::sgt, a, b);
}

Value buildIsSmallerOrNan(OpBuilder &builder, Location loc, Value a, Value b,
                          bool isUnsigned) {
  if (isFloat(a))
    return compareFloats(builder, loc, arith::CmpFPredicate::ULT, a, b);
  return buildIsGreater(builder, loc, b, a, isUnsigned);
}

std::array<Value, 4> buildCubicWeights(OpBuilder &builder, Location loc,
                                       Value t, double a) {
  auto c = [&](double value) {
    return buildConstant(builder, loc, t.getType(), value);
  };
  auto add = [&](Value x, Value y) -> Value {
    return arith::AddFOp::create(builder, loc, x, y);
  };
  auto sub = [&](Value x, Value y) -> Value {
    return arith::SubFOp::create(builder, loc, x, y);
  };
  auto mul = [&](Value x, Value y) -> Value {
    return arith::MulFOp::create(builder, loc, x, y);
  };
  // At a distance of at most 1, and of at most 2.
  auto near = [&](Value x) {
    return add(mul(mul(sub(mul(c(a + 2), x), c(a + 3)), x), x), c(1));
  };
  auto far = [&](Value x) {
    return sub(mul(add(mul(sub(mul(c(a), x), c(5 * a)), x), c(8 * a)), x),
               c(4 * a));
  };
  Value rest = sub(c(1), t);
  return {far(add(t, c(1))), near(t), near(rest), far(add(rest, c(1)))};
}

} // namespace tenon::cpu

//===- Reduction.cpp - Steps of a reduction -------------------------------===//

#include "codegen/cpu/Reduction.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>

using namespace mlir;

namespace tenon::cpu {

static bool isFloat(Value value) {
  return isa<FloatType>(getElementTypeOrSelf(value));
}

Type Reduction::getAccumulatorType() {
  if (auto floatType = dyn_cast<FloatType>(type))
    return floatType.getWidth() < 32 ? builder.getF32Type() : Type(floatType);
  return getSignless(type);
}

Value Reduction::identity(Type accumulatorType) {
  if (kind == ReduceKind::Prod)
    return buildConstant(builder, loc, accumulatorType, 1.0);
  if (kind != ReduceKind::Max && kind != ReduceKind::Min)
    return buildConstant(builder, loc, accumulatorType, 0.0);
  bool isMax = kind == ReduceKind::Max;
  Type elementType = getElementTypeOrSelf(accumulatorType);
  if (isa<FloatType>(elementType))
    return buildConstant(builder, loc, accumulatorType,
                         isMax ? -std::numeric_limits<double>::infinity()
                               : std::numeric_limits<double>::infinity());
  unsigned bits = elementType.getIntOrFloatBitWidth();
  bool isUnsigned = type.isUnsignedInteger() || bits == 1;
  APInt limit = isMax        ? isUnsigned ? APInt::getMinValue(bits)
                                          : APInt::getSignedMinValue(bits)
                : isUnsigned ? APInt::getMaxValue(bits)
                             : APInt::getSignedMaxValue(bits);
  return buildConstant(builder, loc, accumulatorType,
                       builder.getIntegerAttr(elementType, limit));
}

Value Reduction::add(Value accumulator, Value element) {
  element = convertFloat(builder, loc, element, getAccumulatorType());
  switch (kind) {
  case ReduceKind::L1:
    if (isFloat(element))
      element = math::AbsFOp::create(builder, loc, element);
    else if (!type.isUnsignedInteger())
      element = math::AbsIOp::create(builder, loc, element);
    break;
  case ReduceKind::L2:
  case ReduceKind::SumSquare:
    if (isFloat(element))
      return math::FmaOp::create(builder, loc, element, element, accumulator);
    element = arith::MulIOp::create(builder, loc, element, element);
    break;
  default:
    break;
  }
  return combine(element, accumulator);
}

Value Reduction::combine(Value a, Value b) {
  bool isUnsigned = type.isUnsignedInteger();
  switch (kind) {
  case ReduceKind::Max:
    return buildMax(builder, loc, a, b, isUnsigned);
  case ReduceKind::Min:
    return buildMin(builder, loc, a, b, isUnsigned);
  case ReduceKind::Prod:
    if (isFloat(a))
      return arith::MulFOp::create(builder, loc, a, b);
    return arith::MulIOp::create(builder, loc, a, b);
  default:
    if (isFloat(a))
      return arith::AddFOp::create(builder, loc, a, b);
    return arith::AddIOp::create(builder, loc, a, b);
  }
}

Value Reduction::reduceLanes(Value accumulator) {
  auto vectorType = dyn_cast<VectorType>(accumulator.getType());
  if (!vectorType)
    return accumulator;
  // Halves upon halves: a fixed order, and a few instructions.
  int64_t width = vectorType.getNumElements();
  while (width > 1) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i != width / 2; ++i) {
      low.push_back(i);
      high.push_back(i + width / 2);
    }
    Value a =
        vector::ShuffleOp::create(builder, loc, accumulator, accumulator, low);
    Value b =
        vector::ShuffleOp::create(builder, loc, accumulator, accumulator, high);
    accumulator = combine(a, b);
    width /= 2;
  }
  return vector::ExtractOp::create(builder, loc, accumulator, 0);
}

APFloat getLargest(Type type) {
  return APFloat::getLargest(cast<FloatType>(type).getFloatSemantics());
}

Value Reduction::finish(Value accumulator, Value count) {
  Type accumulatorType = accumulator.getType();
  switch (kind) {
  case ReduceKind::Mean: {
    Type elementType = getElementTypeOrSelf(accumulatorType);
    Type wide = builder.getI64Type();
    if (isFloat(accumulator)) {
      Value n = arith::IndexCastOp::create(builder, loc, wide, count);
      n = arith::SIToFPOp::create(builder, loc, elementType, n);
      accumulator =
          arith::DivFOp::create(builder, loc, accumulator,
                                broadcastTo(builder, loc, n, accumulatorType));
      break;
    }
    // The mean of nothing is 0, not a trap.
    Value n = arith::IndexCastOp::create(builder, loc, elementType, count);
    n = arith::MaxUIOp::create(builder, loc, n,
                               buildConstant(builder, loc, elementType, 1.0));
    n = broadcastTo(builder, loc, n, accumulatorType);
    if (type.isUnsignedInteger())
      accumulator = arith::DivUIOp::create(builder, loc, accumulator, n);
    else
      accumulator = arith::DivSIOp::create(builder, loc, accumulator, n);
    break;
  }
  case ReduceKind::L2:
    if (isFloat(accumulator))
      accumulator = math::SqrtOp::create(builder, loc, accumulator);
    break;
  case ReduceKind::LogSum:
  case ReduceKind::LogSumExp:
    if (isFloat(accumulator))
      accumulator = math::LogOp::create(builder, loc, accumulator);
    break;
  default:
    break;
  }
  return convertFloat(builder, loc, accumulator, type);
}

} // namespace tenon::cpu

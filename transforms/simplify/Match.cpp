//===- Match.cpp - What the recognisers share -----------------------------===//

#include "transforms/simplify/Match.h"

#include "transforms/simplify/Constants.h"
#include <cmath>

using namespace mlir;

namespace tenon {

std::optional<double> getUniformConstant(Value value) {
  std::optional<ConstantView> view = ConstantView::get(value);
  if (!view || (!view->isSplat() && view->getNumElements() != 1))
    return std::nullopt;
  return view->getDouble(0);
}

bool isClose(double a, double b, double tolerance) {
  return std::fabs(a - b) <= tolerance * std::fabs(b);
}

bool isUniform(Value value, double expected, double tolerance) {
  std::optional<double> constant = getUniformConstant(value);
  return constant && isClose(*constant, expected, tolerance);
}

WithConstant matchScaled(Value value) {
  if (WithConstant product = matchWithConstant<MulOp>(value))
    return product;
  WithConstant quotient = matchWithConstant<DivOp>(value);
  if (quotient && quotient.constant != 0 &&
      isa<FloatType>(getElementTypeOrSelf(value)))
    return {quotient.tensor, 1 / quotient.constant};
  return {};
}

WithConstant matchShifted(Value value) {
  if (WithConstant sum = matchWithConstant<AddOp>(value))
    return sum;
  if (WithConstant difference = matchWithConstant<SubOp>(value))
    return {difference.tensor, -difference.constant};
  return {};
}

/// How many factors `getFactors` takes apart at most.
static constexpr size_t kMaxFactors = 8;

Factors getFactors(Value value) {
  Factors factors;
  SmallVector<Value> pending = {value};
  while (!pending.empty()) {
    Value factor = pending.pop_back_val();
    bool isRoot = factor == value;
    if (std::optional<double> constant = getUniformConstant(factor)) {
      factors.constant *= *constant;
      continue;
    }
    bool takeApart = (isRoot || factor.hasOneUse()) &&
                     factor.getType() == value.getType() &&
                     pending.size() + factors.tensors.size() < kMaxFactors;
    if (takeApart) {
      if (WithConstant scaled = matchScaled(factor)) {
        factors.constant *= scaled.constant;
        pending.push_back(scaled.tensor);
        continue;
      }
      if (auto product = factor.getDefiningOp<MulOp>()) {
        pending.push_back(product.getLhs());
        pending.push_back(product.getRhs());
        continue;
      }
    }
    factors.tensors.push_back(factor);
  }
  return factors;
}

} // namespace tenon

//===- Match.h - What the recognisers share -------------------------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_MATCH_H
#define TENON_TRANSFORMS_SIMPLIFY_MATCH_H

#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// The value of a constant whose elements are all the same.
std::optional<double> getUniformConstant(mlir::Value value);

/// Whether `a` is `b` up to `tolerance` times its size. Exporters write
/// constants with more or fewer digits.
bool isClose(double a, double b, double tolerance = 1e-4);

/// Whether `value` is a uniform constant close to `expected`.
bool isUniform(mlir::Value value, double expected, double tolerance = 1e-6);

/// An operation on a tensor and a uniform constant that changes no shape.
struct WithConstant {
  mlir::Value tensor;
  double constant = 0;
  explicit operator bool() const { return bool(tensor); }
};

/// Matches `OpT(x, c)` or, where `OpT` commutes, `OpT(c, x)`, with a result of
/// the type of `x`.
template <typename OpT> WithConstant matchWithConstant(mlir::Value value) {
  auto op = value.getDefiningOp<OpT>();
  if (!op)
    return {};
  if (op.getLhs().getType() == value.getType())
    if (std::optional<double> constant = getUniformConstant(op.getRhs()))
      return {op.getLhs(), *constant};
  if (OpT::template hasTrait<mlir::OpTrait::IsCommutative>() &&
      op.getRhs().getType() == value.getType())
    if (std::optional<double> constant = getUniformConstant(op.getLhs()))
      return {op.getRhs(), *constant};
  return {};
}

/// `x * c`, also written as `x / (1 / c)`.
WithConstant matchScaled(mlir::Value value);

/// `x + c`, also written as `x - (-c)`.
WithConstant matchShifted(mlir::Value value);

/// The factors of a product of tensors, taken apart as long as partial products
/// have no other use and the type of the whole. Constant factors, and constant
/// divisors as their reciprocals, are multiplied together.
struct Factors {
  double constant = 1;
  llvm::SmallVector<mlir::Value> tensors;
};
Factors getFactors(mlir::Value value);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_MATCH_H

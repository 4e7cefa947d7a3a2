//===- RecognizeGelu.cpp - GELU in its erf and tanh forms -----------------===//

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/simplify/Match.h"
#include "transforms/simplify/Passes.h"
#include <cmath>

namespace tenon {
#define GEN_PASS_DEF_RECOGNIZEGELU
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

static const double kSqrtHalf = std::sqrt(0.5);
static const double kSqrtTwoOverPi = std::sqrt(2 / std::acos(-1.0));
static constexpr double kCubic = 0.044715;

/// Whether `value` is 0.044715 * x^3.
static bool isCubic(Value value, Value x) {
  Factors factors = getFactors(value);
  if (!isClose(factors.constant, kCubic))
    return false;
  if (factors.tensors.size() == 1) {
    WithConstant power = matchWithConstant<PowOp>(factors.tensors[0]);
    return power && power.tensor == x && power.constant == 3;
  }
  return factors.tensors.size() == 3 && llvm::all_equal(factors.tensors) &&
         factors.tensors[0] == x;
}

/// Whether `value` is 1 + 0.044715 * x^2.
static bool isQuadratic(Value value, Value x) {
  WithConstant shifted = matchShifted(value);
  if (!shifted || !isClose(shifted.constant, 1))
    return false;
  Factors factors = getFactors(shifted.tensor);
  return isClose(factors.constant, kCubic) && factors.tensors.size() == 2 &&
         factors.tensors[0] == x && factors.tensors[1] == x;
}

/// Whether `value` is sqrt(2 / pi) * (x + 0.044715 * x^3).
static bool isTanhArgument(Value value, Value x) {
  Factors factors = getFactors(value);
  if (!isClose(factors.constant, kSqrtTwoOverPi))
    return false;
  if (factors.tensors.size() == 2)
    return (factors.tensors[0] == x && isQuadratic(factors.tensors[1], x)) ||
           (factors.tensors[1] == x && isQuadratic(factors.tensors[0], x));
  if (factors.tensors.size() != 1)
    return false;
  auto sum = factors.tensors[0].getDefiningOp<AddOp>();
  return sum && ((sum.getLhs() == x && isCubic(sum.getRhs(), x)) ||
                 (sum.getRhs() == x && isCubic(sum.getLhs(), x)));
}

namespace {
/// x * (a * f(u) + b) * c -> gelu(x), where a * c = b * c = 1/2, and f is erf
/// with u = x / sqrt(2), or tanh with u = sqrt(2 / pi) * (x + 0.044715 * x^3)
///
/// Preconditions: f(u) and the sum have no other use.
template <typename OpT> struct ToGelu : OpRewritePattern<OpT> {
  ToGelu(MLIRContext *context, Pass::Statistic &numErf,
         Pass::Statistic &numTanh)
      : OpRewritePattern<OpT>(context), numErf(numErf), numTanh(numTanh) {}

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    Factors factors = getFactors(op.getOutput());
    if (factors.tensors.size() != 2)
      return failure();
    for (unsigned i : {0u, 1u}) {
      Value x = factors.tensors[i];
      if (x.getType() != op.getType())
        continue;
      std::optional<GeluKind> kind =
          matchGate(factors.tensors[1 - i], x, factors.constant);
      if (!kind)
        continue;
      rewriter.replaceOpWithNewOp<GeluOp>(op, op.getType(), x, *kind);
      ++(*kind == GeluKind::Erf ? numErf : numTanh);
      return success();
    }
    return failure();
  }

  /// Whether `gate` is a * f(u) + b with the constants that make it a GELU.
  static std::optional<GeluKind> matchGate(Value gate, Value x, double c) {
    WithConstant shifted = matchShifted(gate);
    if (!shifted || !gate.hasOneUse() || !isClose(shifted.constant * c, 0.5))
      return std::nullopt;
    Value function = shifted.tensor;
    double a = 1;
    if (WithConstant scaled = matchScaled(function)) {
      if (!function.hasOneUse())
        return std::nullopt;
      a = scaled.constant;
      function = scaled.tensor;
    }
    if (!isClose(a * c, 0.5) || !function.hasOneUse())
      return std::nullopt;
    if (auto erf = function.getDefiningOp<ErfOp>()) {
      WithConstant argument = matchScaled(erf.getInput());
      if (argument && argument.tensor == x &&
          isClose(argument.constant, kSqrtHalf))
        return GeluKind::Erf;
    }
    if (auto tanh = function.getDefiningOp<TanhOp>())
      if (isTanhArgument(tanh.getInput(), x))
        return GeluKind::Tanh;
    return std::nullopt;
  }

  Pass::Statistic &numErf, &numTanh;
};

struct RecognizeGelu : tenon::impl::RecognizeGeluBase<RecognizeGelu> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ToGelu<MulOp>, ToGelu<DivOp>>(&getContext(), numErf, numTanh);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

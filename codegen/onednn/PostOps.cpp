//===- PostOps.cpp - Tails of a kernel as post-operations -----------------===//

#include "codegen/onednn/PostOps.h"

#include "runtime/cpu/OneDnnAbi.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace tenon::onednn {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();

static PostOp makeEltwise(TenonOneDnnEltwise algorithm, double alpha = 0,
                          double beta = 0) {
  return {TENON_ONEDNN_ELTWISE, algorithm, alpha, beta, Value()};
}

static PostOp makeLinear(double alpha, double beta) {
  return makeEltwise(TENON_ONEDNN_LINEAR, alpha, beta);
}

static PostOp makeBinary(TenonOneDnnBinary algorithm, Value operand) {
  return {TENON_ONEDNN_BINARY, algorithm, 0, 0, operand};
}

/// An operation of the running value alone.
static std::optional<SmallVector<PostOp, 2>> getUnary(Operation *op) {
  using Result = std::optional<SmallVector<PostOp, 2>>;
  auto one = [](TenonOneDnnEltwise algorithm, double alpha = 0,
                double beta = 0) -> Result {
    return SmallVector<PostOp, 2>{makeEltwise(algorithm, alpha, beta)};
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](ReluOp) { return one(TENON_ONEDNN_RELU); })
      .Case([&](LeakyReluOp op) {
        return one(TENON_ONEDNN_RELU, op.getAlpha().convertToDouble());
      })
      .Case([&](EluOp op) {
        return one(TENON_ONEDNN_ELU, op.getAlpha().convertToDouble());
      })
      .Case([&](SigmoidOp) { return one(TENON_ONEDNN_LOGISTIC); })
      .Case([&](TanhOp) { return one(TENON_ONEDNN_TANH); })
      .Case([&](SiluOp) { return one(TENON_ONEDNN_SWISH, 1); })
      .Case([&](HardSwishOp) { return one(TENON_ONEDNN_HARD_SWISH); })
      .Case([&](HardSigmoidOp op) -> Result {
        return SmallVector<PostOp, 2>{
            makeLinear(op.getAlpha().convertToDouble(),
                       op.getBeta().convertToDouble()),
            makeEltwise(TENON_ONEDNN_CLIP, 0, 1)};
      })
      .Case([&](MishOp) { return one(TENON_ONEDNN_MISH); })
      .Case([&](SoftplusOp) { return one(TENON_ONEDNN_SOFT_RELU); })
      .Case([&](GeluOp op) {
        return one(op.getKind() == GeluKind::Erf ? TENON_ONEDNN_GELU_ERF
                                                 : TENON_ONEDNN_GELU_TANH);
      })
      .Case([&](ClipOp op) {
        return one(TENON_ONEDNN_CLIP,
                   op.getMin() ? op.getMin()->convertToDouble() : -kInfinity,
                   op.getMax() ? op.getMax()->convertToDouble() : kInfinity);
      })
      .Case([&](AbsOp) { return one(TENON_ONEDNN_ABS); })
      .Case([&](SqrtOp) { return one(TENON_ONEDNN_SQRT); })
      .Case([&](ExpOp) { return one(TENON_ONEDNN_EXP); })
      .Case([&](LogOp) { return one(TENON_ONEDNN_LOG); })
      .Case([&](RoundOp) { return one(TENON_ONEDNN_ROUND); })
      .Case([&](NegOp) { return one(TENON_ONEDNN_LINEAR, -1); })
      .Default(Result());
}

/// `value op constant`, or `constant op value` where `isReversed`.
static std::optional<PostOp> getWithConstant(Operation *op, double constant,
                                             bool isReversed) {
  using Result = std::optional<PostOp>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](AddOp) { return makeLinear(1, constant); })
      .Case([&](SubOp) {
        return isReversed ? makeLinear(-1, constant) : makeLinear(1, -constant);
      })
      .Case([&](MulOp) { return makeLinear(constant, 0); })
      .Case([&](DivOp) -> Result {
        // The factor is a float: that of a tiny divisor would be infinite.
        if (isReversed || !std::isnormal(static_cast<float>(1 / constant)))
          return std::nullopt;
        return makeLinear(1 / constant, 0);
      })
      .Case([&](MaxOp) {
        return makeEltwise(TENON_ONEDNN_CLIP, constant, kInfinity);
      })
      .Case([&](MinOp) {
        return makeEltwise(TENON_ONEDNN_CLIP, -kInfinity, constant);
      })
      .Case([&](PowOp) -> Result {
        if (isReversed)
          return std::nullopt;
        if (constant == 2)
          return makeEltwise(TENON_ONEDNN_SQUARE);
        if (constant == 0.5)
          return makeEltwise(TENON_ONEDNN_SQRT);
        return makeEltwise(TENON_ONEDNN_POW, 1, constant);
      })
      .Default(Result());
}

static std::optional<TenonOneDnnBinary> getBinary(Operation *op) {
  using Result = std::optional<TenonOneDnnBinary>;
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([](AddOp) { return TENON_ONEDNN_ADD; })
      .Case([](SubOp) { return TENON_ONEDNN_SUB; })
      .Case([](MulOp) { return TENON_ONEDNN_MUL; })
      .Case([](DivOp) { return TENON_ONEDNN_DIV; })
      .Case([](MaxOp) { return TENON_ONEDNN_MAX; })
      .Case([](MinOp) { return TENON_ONEDNN_MIN; })
      .Default(Result());
}

/// Appends one post-operation to a chain.
///
///   (alpha1 * x + beta1), (alpha2 * x + beta2)
///     -> (alpha1 * alpha2 * x + alpha2 * beta1 + beta2)
///
/// Returns false where oneDNN 2.6 would compute something else: it mixes up the
/// parameters of two eltwise post-operations of one algorithm.
static bool append(PostOp next, SmallVectorImpl<PostOp> &postOps,
                   std::string &reason) {
  auto isEltwise = [](const PostOp &postOp, int64_t algorithm) {
    return postOp.kind == TENON_ONEDNN_ELTWISE && postOp.algorithm == algorithm;
  };
  if (!postOps.empty() && isEltwise(next, TENON_ONEDNN_LINEAR) &&
      isEltwise(postOps.back(), TENON_ONEDNN_LINEAR)) {
    PostOp &last = postOps.back();
    last.beta = next.alpha * last.beta + next.beta;
    last.alpha *= next.alpha;
    return true;
  }
  if (next.kind == TENON_ONEDNN_ELTWISE)
    for (const PostOp &other : postOps)
      if (isEltwise(other, next.algorithm) &&
          (other.alpha != next.alpha || other.beta != next.beta)) {
        reason = "oneDNN mixes up two post-operations of one algorithm with "
                 "different parameters";
        return false;
      }
  postOps.push_back(next);
  return true;
}

bool appendPostOps(Operation *op, Value value, SmallVectorImpl<PostOp> &postOps,
                   std::string &reason) {
  auto fail = [&] {
    reason = (op->getName().getStringRef() + " is not a post-operation").str();
    return false;
  };
  if (op->getNumOperands() == 1) {
    auto unary = getUnary(op);
    if (!unary)
      return fail();
    return llvm::all_of(*unary, [&](const PostOp &postOp) {
      return append(postOp, postOps, reason);
    });
  }
  if (op->getNumOperands() != 2 || op->getOperand(0) == op->getOperand(1))
    return fail();
  bool isReversed = op->getOperand(1) == value;
  Value operand = op->getOperand(isReversed ? 0 : 1);
  if (std::optional<double> constant = getConstantScalar(operand)) {
    std::optional<PostOp> postOp = getWithConstant(op, *constant, isReversed);
    if (!postOp)
      return fail();
    return append(*postOp, postOps, reason);
  }
  std::optional<TenonOneDnnBinary> binary = getBinary(op);
  if (!binary)
    return fail();
  if (isReversed && *binary == TENON_ONEDNN_DIV)
    return fail();
  if (isReversed && *binary == TENON_ONEDNN_SUB) {
    if (!append(makeLinear(-1, 0), postOps, reason))
      return false;
    binary = TENON_ONEDNN_ADD;
  }
  return append(makeBinary(*binary, operand), postOps, reason);
}

} // namespace tenon::onednn

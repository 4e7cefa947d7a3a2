//===- OpsTraining.cpp - Steps of optimisers ------------------------------===//
//
// ai.onnx.preview.training: each takes a rate R, a count T of updates, and any
// number of tensors X with their gradients G and what the optimiser remembers
// of them. Formulas are those of the operators' documentation.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

/// What a step is made from; the functions below compute in the tensors' type.
struct Step {
  NodeContext &node;
  Value rate, count;

  Value scaled(Value value, double factor) {
    return withScalar<MulOp>(node, value, factor);
  }
  Value add(Value a, Value b) { return node.create<AddOp>(a, b); }
  Value sub(Value a, Value b) { return node.create<SubOp>(a, b); }
  Value mul(Value a, Value b) { return node.create<MulOp>(a, b); }
  Value div(Value a, Value b) { return node.create<DivOp>(a, b); }
  Value as(Value scalar, Value like) {
    return node.cast(scalar, getElementTypeOrSelf(like));
  }
  /// `updated` if this is not the first update, else `first`.
  Value unlessFirst(Value updated, Value first) {
    return where(node,
                 node.create<GreaterOp>(
                     count, node.createScalar(getElementTypeOrSelf(count), 0)),
                 updated, first);
  }
  /// The gradient with that of the norm's square.
  Value regularise(Value x, Value gradient, double coefficient) {
    return add(scaled(x, coefficient), gradient);
  }
};

using Tensors = SmallVector<Value, 4>;

} // namespace

/// Applies `update` to each tensor with its gradient and memory; what it
/// returns, in the same order without the gradient, are the results.
static LogicalResult
convertStep(NodeContext &node, unsigned numMemories,
            llvm::function_ref<Tensors(Step &, ArrayRef<Value>)> update) {
  unsigned numGroups = 2 + numMemories, numTensors = node.getNumInputs() - 2;
  if (numTensors == 0 || numTensors % numGroups != 0)
    return node.invalid("expected 2 inputs and " + Twine(numGroups) +
                        " for each tensor, found " +
                        Twine(node.getNumInputs()));
  unsigned count = numTensors / numGroups;
  Step step{node, toScalar(node, node.getInput(0), "a rate"),
            toScalar(node, node.getInput(1), "a count")};
  for (unsigned i = 0; i != count; ++i) {
    Tensors tensors;
    for (unsigned group = 0; group != numGroups; ++group)
      tensors.push_back(node.getInput(2 + group * count + i));
    if (node.failed())
      return failure();
    Tensors results = update(step, tensors);
    for (auto [group, result] : llvm::enumerate(results))
      if (node.hasOutput(group * count + i) &&
          failed(node.setOutput(group * count + i, result)))
        return failure();
  }
  return node.failed() ? failure() : success();
}

static LogicalResult convertAdagrad(NodeContext &node) {
  double decay = node.getFloat("decay_factor", 0),
         epsilon = node.getFloat("epsilon", 1e-6f),
         norm = node.getFloat("norm_coefficient", 0);
  return convertStep(node, 1, [&](Step &step, ArrayRef<Value> in) -> Tensors {
    Value x = in[0];
    Value rate = step.div(
        step.as(step.rate, x),
        withScalar<AddOp>(node, step.scaled(step.as(step.count, x), decay), 1));
    Value gradient = step.regularise(x, in[1], norm);
    Value squares = step.add(in[2], step.mul(gradient, gradient));
    Value divisor =
        withScalar<AddOp>(node, node.create<SqrtOp>(squares), epsilon);
    return {step.sub(x, step.div(step.mul(rate, gradient), divisor)), squares};
  });
}

static LogicalResult convertAdam(NodeContext &node) {
  double alpha = node.getFloat("alpha", 0.9f),
         beta = node.getFloat("beta", 0.999f),
         epsilon = node.getFloat("epsilon", 0),
         norm = node.getFloat("norm_coefficient", 0),
         normAfter = node.getFloat("norm_coefficient_post", 0);
  return convertStep(node, 2, [&](Step &step, ArrayRef<Value> in) -> Tensors {
    Value x = in[0];
    Type type = getElementTypeOrSelf(x);
    Value gradient = step.regularise(x, in[1], norm);
    Value mean =
        step.add(step.scaled(in[2], alpha), step.scaled(gradient, 1 - alpha));
    Value squares =
        step.add(step.scaled(in[3], beta),
                 step.scaled(step.mul(gradient, gradient), 1 - beta));
    Value divisor =
        withScalar<AddOp>(node, node.create<SqrtOp>(squares), epsilon);
    Value rate = step.as(step.rate, x), count = step.as(step.count, x);
    auto missing = [&](double base) {
      Value power = node.create<PowOp>(node.createScalar(type, base), count);
      return step.sub(node.createScalar(type, 1), power);
    };
    Value adjusted = step.div(
        step.mul(rate, node.create<SqrtOp>(missing(beta))), missing(alpha));
    rate = step.unlessFirst(adjusted, rate);
    Value updated = step.sub(x, step.div(step.mul(rate, mean), divisor));
    return {step.scaled(updated, 1 - normAfter), mean, squares};
  });
}

static LogicalResult convertMomentum(NodeContext &node) {
  double alpha = node.getFloat("alpha", 0), beta = node.getFloat("beta", 0),
         norm = node.getFloat("norm_coefficient", 0);
  std::string mode = node.getString("mode", "");
  if (!node.failed() && mode != "standard" && mode != "nesterov")
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected standard or nesterov");
  return convertStep(node, 1, [&](Step &step, ArrayRef<Value> in) -> Tensors {
    Value x = in[0];
    Type type = getElementTypeOrSelf(x);
    Value gradient = step.regularise(x, in[1], norm);
    Value factor = step.unlessFirst(node.createScalar(type, beta),
                                    node.createScalar(type, 1));
    Value velocity =
        step.add(step.scaled(in[2], alpha), step.mul(factor, gradient));
    Value direction = mode == "standard"
                          ? velocity
                          : step.add(gradient, step.scaled(velocity, alpha));
    return {step.sub(x, step.mul(step.as(step.rate, x), direction)), velocity};
  });
}

ArrayRef<OpEntry> getTrainingOps() {
  static constexpr StringLiteral domain = "ai.onnx.preview.training";
  static constexpr int64_t v1[] = {1};
  static const OpEntry entries[] = {
      {"Adagrad", v1, convertAdagrad, 3, kVariadic, domain},
      {"Adam", v1, convertAdam, 3, kVariadic, domain},
      {"Momentum", v1, convertMomentum, 3, kVariadic, domain},
  };
  return entries;
}

} // namespace tenon::onnx_import

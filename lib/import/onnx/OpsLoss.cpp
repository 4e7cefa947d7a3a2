//===- OpsLoss.cpp - Losses of classifiers --------------------------------===//
//
// What belongs to an element's class is picked by comparing the class with each
// index and adding up: the input is read once, in order, and a class that is
// none picks 0.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The loss of log-probabilities `[N, C, d...]` for the classes `[N, d...]`.
static Value getLoss(NodeContext &node, Value logs, Value target,
                     Value weights) {
  std::string reduction = node.getString("reduction", "mean");
  std::optional<int64_t> ignored;
  if (node.hasAttribute("ignore_index"))
    ignored = node.getInt("ignore_index", 0);
  if (node.failed())
    return {};
  if (reduction != "none" && reduction != "sum" && reduction != "mean") {
    node.invalid("attribute 'reduction' is " + quote(reduction) +
                 ", expected none, sum or mean");
    return {};
  }
  int64_t rank = getType(logs).getRank();
  if (rank < 2 || getType(target).getRank() != rank - 1) {
    node.invalid("expected scores of rank 2 or more and labels of one "
                 "dimension less, found ranks " +
                 Twine(rank) + " and " + Twine(getType(target).getRank()));
    return {};
  }
  if (weights && getType(weights).getRank() != 1) {
    node.invalid("expected weights of rank 1, found rank " +
                 Twine(getType(weights).getRank()));
    return {};
  }
  target = node.cast(target, node.getBuilder().getI64Type());
  Value isClass = node.create<EqualOp>(node.unsqueeze(target, {int64_t(1)}),
                                       createIndices(node, logs, 1));
  auto pick = [&](Value values) {
    return reduce(node, whereOrZero(node, isClass, values), ReduceKind::Sum,
                  {int64_t(1)}, /*drops=*/true);
  };
  Value loss = node.create<NegOp>(pick(logs));
  Value weight;
  if (weights)
    weight = pick(alongAxis(node, weights, 1, rank));
  if (ignored) {
    Value counts =
        node.create<NotOp>(withScalar<EqualOp>(node, target, *ignored));
    loss = whereOrZero(node, counts, loss);
    weight = weight ? whereOrZero(node, counts, weight)
                    : node.cast(counts, getElementTypeOrSelf(logs));
  }
  if (weight)
    loss = node.create<MulOp>(loss, weight);
  if (reduction == "none")
    return loss;
  if (reduction == "sum" || weight)
    loss = reduceAll(node, loss, ReduceKind::Sum);
  else
    loss = reduceAll(node, loss, ReduceKind::Mean);
  if (reduction == "mean" && weight)
    loss = node.create<DivOp>(loss, reduceAll(node, weight, ReduceKind::Sum));
  return loss;
}

static LogicalResult convertNegativeLogLikelihoodLoss(NodeContext &node) {
  Value logs = node.getInput(0), target = node.getInput(1);
  if (node.failed())
    return failure();
  return node.setOutput(getLoss(node, logs, target, node.getOptionalInput(2)));
}

static LogicalResult convertSoftmaxCrossEntropyLoss(NodeContext &node) {
  Value scores = node.getInput(0), labels = node.getInput(1);
  if (node.failed())
    return failure();
  if (getType(scores).getRank() < 2)
    return node.invalid("expected scores of rank 2 or more, found rank " +
                        Twine(getType(scores).getRank()));
  Value logs = node.create<LogSoftmaxOp>(scores, uint64_t(1));
  Value loss = getLoss(node, logs, labels, node.getOptionalInput(2));
  if (node.hasOutput(1) && failed(node.setOutput(1, logs)))
    return failure();
  return node.setOutput(loss);
}

ArrayRef<OpEntry> getLossOps() {
  static constexpr int64_t negativeLog[] = {12, 13, 22}, entropy[] = {12, 13};
  static const OpEntry entries[] = {
      {"NegativeLogLikelihoodLoss", negativeLog,
       convertNegativeLogLikelihoodLoss, 2, 3},
      {"SoftmaxCrossEntropyLoss", entropy, convertSoftmaxCrossEntropyLoss, 2,
       3},
  };
  return entries;
}

} // namespace tenon::onnx_import

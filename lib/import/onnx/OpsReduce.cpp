//===- OpsReduce.cpp - Reductions -----------------------------------------===//

#include "lib/import/onnx/ComputedAxes.h"
#include "lib/import/onnx/OpTable.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// A reduction of no dimension: the function of each element.
static Value applyToElements(NodeContext &node, Value input, ReduceKind kind) {
  switch (kind) {
  case ReduceKind::L1:
  case ReduceKind::L2:
    return node.create<AbsOp>(input);
  case ReduceKind::SumSquare:
    return node.create<MulOp>(input, input);
  case ReduceKind::LogSum:
    return node.create<LogOp>(input);
  default:
    return input;
  }
}

/// `inputVersion` is the one at which the axes became an input.
template <ReduceKind kind, int64_t inputVersion>
static LogicalResult convertReduce(NodeContext &node) {
  bool keepDims = node.getBool("keepdims", true);
  bool axesAreInput = node.getVersion() >= inputVersion;
  bool isIdentity = axesAreInput && node.getBool("noop_with_empty_axes", false);
  if (!axesAreInput && node.hasInput(1))
    return node.invalid("expected 1 input, found 2");
  Value input = node.getInput(0);
  if (!input)
    return failure();
  if (axesAreInput && isComputed(node, 1)) {
    Value computed = node.toShapeOperand(node.getInput(1));
    Value result = reduceComputed(node, input, computed, kind, isIdentity);
    if (!keepDims)
      result = squeezeComputed(node, result, computed);
    return node.setOutput(result);
  }
  std::optional<SmallVector<int64_t>> axes;
  if (!axesAreInput)
    axes = node.getInts("axes");
  else if (node.hasInput(1))
    axes = node.getConstantInput(1, "the axes");
  if (node.failed())
    return failure();

  int64_t rank = getType(input).getRank();
  SmallVector<int64_t> sorted;
  if (axes && !axes->empty())
    sorted = node.normalizeAxes(*axes, rank);
  else if (isIdentity)
    return node.setOutput(applyToElements(node, input, kind));
  else
    sorted = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  llvm::sort(sorted);
  Value result = node.create<ReduceOp>(input, kind, sorted);
  if (!keepDims)
    result = node.squeeze(result, sorted);
  return node.setOutput(result);
}

ArrayRef<OpEntry> getReduceOps() {
  static constexpr int64_t common[] = {1, 11, 13, 18}, sum[] = {1, 11, 13},
                           max[] = {1, 11, 12, 13, 18, 20};
  static const OpEntry entries[] = {
      {"ReduceSum", sum, convertReduce<ReduceKind::Sum, 13>, 1, 2},
      {"ReduceMean", common, convertReduce<ReduceKind::Mean, 18>, 1, 2},
      {"ReduceMax", max, convertReduce<ReduceKind::Max, 18>, 1, 2},
      {"ReduceMin", max, convertReduce<ReduceKind::Min, 18>, 1, 2},
      {"ReduceProd", common, convertReduce<ReduceKind::Prod, 18>, 1, 2},
      {"ReduceL1", common, convertReduce<ReduceKind::L1, 18>, 1, 2},
      {"ReduceL2", common, convertReduce<ReduceKind::L2, 18>, 1, 2},
      {"ReduceSumSquare", common, convertReduce<ReduceKind::SumSquare, 18>, 1,
       2},
      {"ReduceLogSum", common, convertReduce<ReduceKind::LogSum, 18>, 1, 2},
      {"ReduceLogSumExp", common, convertReduce<ReduceKind::LogSumExp, 18>, 1,
       2},
  };
  return entries;
}

} // namespace tenon::onnx_import

//===- OpsArray.cpp - Work in order along a dimension, matrices -----------===//

#include "dialects/tenon/TenonArrayOps.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// Where only the run tells the axis, the results for all of them are made, and
/// one is chosen.
template <ReduceKind kind>
static LogicalResult convertCumulate(NodeContext &node) {
  bool isExclusive = node.getBool("exclusive", false);
  bool isReverse = node.getBool("reverse", false);
  Value input = node.getInput(0);
  Value axis = toScalar(node, node.getInput(1), "an axis");
  if (node.failed() || !axis)
    return failure();
  if (!getElementTypeOrSelf(axis).isInteger())
    return node.invalid("expected an axis that is an integer, found " +
                        getTypeName(getElementTypeOrSelf(axis)));
  int64_t rank = getType(input).getRank();
  auto cumulate = [&](int64_t dim) {
    return node.create<CumulateOp>(input, kind, uint64_t(dim), isExclusive,
                                   isReverse);
  };
  if (std::optional<SmallVector<int64_t>> known =
          node.getKnownValues().getConstants(axis)) {
    int64_t dim = node.normalizeAxis((*known)[0], rank);
    return node.setOutput(node.failed() ? Value() : cumulate(dim));
  }
  if (rank == 0)
    return node.invalid("expected an input of rank 1 or more, found rank 0");
  Value result = cumulate(0);
  for (int64_t dim = 1; dim != rank; ++dim) {
    Value isIt = node.create<OrOp>(withScalar<EqualOp>(node, axis, dim),
                                   withScalar<EqualOp>(node, axis, dim - rank));
    result = where(node, isIt, cumulate(dim), result);
  }
  return node.setOutput(result);
}

static LogicalResult convertDet(NodeContext &node) {
  return node.setOutput(node.create<DetOp>(node.getInput(0)));
}

ArrayRef<OpEntry> getArrayOps() {
  static constexpr int64_t cumSum[] = {11, 14}, cumProd[] = {26},
                           det[] = {11, 22};
  static const OpEntry entries[] = {
      {"CumSum", cumSum, convertCumulate<ReduceKind::Sum>, 2, 2},
      {"CumProd", cumProd, convertCumulate<ReduceKind::Prod>, 2, 2},
      {"Det", det, convertDet},
  };
  return entries;
}

} // namespace tenon::onnx_import

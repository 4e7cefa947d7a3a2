//===- OpsMatMul.cpp - Matrix products ------------------------------------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

static LogicalResult convertMatMul(NodeContext &node) {
  return node.setOutput(createMatMul(node, node.getInput(0), node.getInput(1)));
}

/// alpha * A' * B' + beta * C
static LogicalResult convertGemm(NodeContext &node) {
  Value a = node.getInput(0), b = node.getInput(1);
  Value c = node.getOptionalInput(2);
  double alpha = node.getFloat("alpha", 1), beta = node.getFloat("beta", 1);
  if (node.getVersion() < 7)
    node.ignoreAttributes({"broadcast"}); // C broadcasts where it has to.
  bool transposeA = node.getInt("transA", 0) != 0;
  bool transposeB = node.getInt("transB", 0) != 0;
  if (node.failed())
    return failure();
  if (!c && node.getVersion() < 11)
    return node.invalid("input 2 is missing");
  for (Value operand : {a, b})
    if (getType(operand).getRank() != 2)
      return node.invalid("expected operands of rank 2, found rank " +
                          Twine(getType(operand).getRank()));
  Value result = node.create<MatMulOp>(a, b, transposeA, transposeB);
  if (!result)
    return failure();
  Type type = getElementTypeOrSelf(result);
  auto checkFactor = [&](double factor) {
    return isa<FloatType>(type) ||
           (std::trunc(factor) == factor && std::fabs(factor) < 1e9);
  };
  if (!checkFactor(alpha) || !checkFactor(beta))
    return node.unsupported("fractions as factors of integers");
  if (alpha != 1)
    result = node.create<MulOp>(result, node.createScalar(type, alpha));
  if (!c || beta == 0)
    return node.setOutput(result);
  if (getType(c).getRank() > 2)
    return node.invalid("expected an input C of rank 2 or less, found rank " +
                        Twine(getType(c).getRank()));
  if (beta != 1)
    c = node.create<MulOp>(c, node.createScalar(type, beta));
  // C broadcasts to the product, never the other way round.
  if (!node.failed())
    for (int64_t i = 0, rank = getType(c).getRank(); i != rank; ++i) {
      int64_t size = getType(c).getDimSize(i);
      int64_t full = getType(result).getDimSize(2 - rank + i);
      if (size != 1 && !ShapedType::isDynamic(size) &&
          !ShapedType::isDynamic(full) && size != full)
        return node.invalid("input C has size " + Twine(size) +
                            ", expected 1 or " + Twine(full));
    }
  return node.setOutput(node.binary<AddOp>(result, c));
}

ArrayRef<OpEntry> getMatMulOps() {
  static constexpr int64_t matMul[] = {1, 9, 13}, gemm[] = {1, 6, 7, 9, 11, 13};
  static const OpEntry entries[] = {
      {"MatMul", matMul, convertMatMul, 2, 2},
      {"Gemm", gemm, convertGemm, 2, 3},
  };
  return entries;
}

} // namespace tenon::onnx_import

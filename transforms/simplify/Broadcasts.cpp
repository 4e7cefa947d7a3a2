//===- Broadcasts.cpp - Which dimensions meet in an operation -------------===//

#include "transforms/simplify/Broadcasts.h"

#include "dialects/tenon/TenonOps.h"

using namespace mlir;

namespace tenon {

static int64_t getRank(Value tensor) {
  return cast<RankedTensorType>(tensor.getType()).getRank();
}

SmallVector<Broadcast> getBroadcasts(Operation *op) {
  SmallVector<Broadcast> broadcasts;
  if (isa<ElementwiseOpInterface>(op)) {
    Value result = op->getResult(0);
    for (OpOperand &operand : op->getOpOperands())
      for (int64_t i = 0, e = getRank(operand.get()); i != e; ++i)
        broadcasts.push_back({&operand, i, result, i});
  } else if (auto matmul = dyn_cast<MatMulOp>(op)) {
    int64_t rank = getRank(matmul.getOutput());
    for (OpOperand &operand : op->getOpOperands()) {
      int64_t operandRank = getRank(operand.get());
      for (int64_t i = 0; i != operandRank - 2; ++i)
        broadcasts.push_back(
            {&operand, i, matmul.getOutput(), rank - operandRank + i});
    }
  } else if (auto attention = dyn_cast<AttentionOp>(op)) {
    if (!attention.getMask())
      return broadcasts;
    OpOperand &mask = attention.getMaskMutable()[0];
    int64_t rank = getRank(mask.get());
    for (int64_t i = 0; i != rank; ++i) {
      int64_t score = 4 - rank + i;
      if (score == 3)
        broadcasts.push_back({&mask, i, attention.getKey(), 2});
      else
        broadcasts.push_back({&mask, i, attention.getQuery(), score});
    }
  }
  return broadcasts;
}

} // namespace tenon

//===- KernelShape.cpp - What the body of a kernel looks like -------------===//

#include "codegen/cpu/KernelShape.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::cpu {

bool haveResultsOneShape(KernelOp kernel) {
  auto getShape = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  auto values = kernel.getYield().getOperands();
  return !values.empty() && llvm::all_of(values, [&](Value value) {
    return getShape(value) == getShape(values[0]);
  });
}

Operation *getOnlyOp(KernelOp kernel) {
  Operation *only = nullptr;
  for (Operation &op : kernel.getBody().front()) {
    if (!isa<TenonDialect>(op.getDialect()) || isa<ConstantOp, YieldOp>(op))
      continue;
    if (only)
      return nullptr;
    only = &op;
  }
  for (Value yielded : kernel.getYield().getOperands())
    if (yielded.getDefiningOp() != only)
      return nullptr;
  return only;
}

int64_t getKernelWidth(KernelFunction &function, Dim rowSize,
                       int64_t vectorBits) {
  KernelOp kernel = function.getKernel();
  int64_t width = 64;
  auto limit = [&](Value value) {
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (!type || type.getRank() == 0)
      return;
    // Indices and shapes are read one at a time, and for sizes nothing is.
    if (llvm::all_of(value.getUses(), [](OpOperand &use) {
          Operation *user = use.getOwner();
          return !isa<TenonDialect>(user->getDialect()) ||
                 (!isa<YieldOp, ElementwiseOpInterface, ConcatOp>(user) &&
                  use.getOperandNumber() != 0);
        }))
      return;
    width = std::min(width, getVectorWidth(type.getElementType(), vectorBits));
  };
  for (BlockArgument argument : function.getRegion().getArguments())
    limit(argument);
  for (Operation &op : function.getRegion())
    for (Value result : op.getResults())
      limit(result);
  for (Value yielded : kernel.getYield().getOperands())
    width = std::min(
        width, getVectorWidth(function.getElementType(yielded), vectorBits));
  if (rowSize.isConstant())
    width = std::min<int64_t>(
        width, llvm::PowerOf2Ceil(std::max<int64_t>(1, rowSize.getConstant())));
  return width;
}

ConcatOp getRootConcat(KernelOp kernel) {
  if (kernel.getNumResults() != 1)
    return {};
  Value value = kernel.getYield().getOperand(0);
  while (true) {
    Operation *op = value.getDefiningOp();
    if (auto concat = dyn_cast_or_null<ConcatOp>(op))
      return concat;
    if (!op || !isa<ElementwiseOpInterface>(op))
      return {};
    // Follow the one operand that is computed here and has all elements.
    Value next;
    for (Value operand : op->getOperands()) {
      auto type = cast<RankedTensorType>(operand.getType());
      Operation *definition = operand.getDefiningOp();
      if (!definition || isa<ConstantOp>(definition) ||
          type.getShape() != cast<RankedTensorType>(value.getType()).getShape())
        continue;
      if (next && next != operand)
        return {};
      next = operand;
    }
    if (!next)
      return {};
    value = next;
  }
}

bool isReadInPlace(BlockArgument argument, bool isReduced) {
  auto getShape = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  llvm::SetVector<Value> values;
  values.insert(argument);
  bool isRead = false;
  for (size_t i = 0; i != values.size(); ++i)
    for (Operation *user : values[i].getUsers()) {
      if (isa<YieldOp>(user) || (isReduced && isa<ReduceOp>(user))) {
        isRead = true;
      } else if (isa<ElementwiseOpInterface>(user) &&
                 getShape(user->getResult(0)) == getShape(argument)) {
        values.insert(user->getResult(0));
      } else if (!isa<tensor::DimOp>(user)) {
        return false;
      }
    }
  return isRead;
}

TransposedArguments getTransposedArguments(KernelOp kernel) {
  TransposedArguments result;
  bool isSimple = true;
  int64_t rank =
      cast<RankedTensorType>(kernel.getYield().getOperand(0).getType())
          .getRank();
  llvm::DenseMap<Value, SmallVector<int64_t>> seen;
  // `dims[i]` is the result's dimension that dimension i is, or -1 where it has
  // size 1.
  std::function<void(Value, SmallVector<int64_t>)> visit =
      [&](Value value, SmallVector<int64_t> dims) {
        auto [known, isNew] = seen.try_emplace(value, dims);
        if (!isNew) {
          isSimple &= known->second == dims;
          return;
        }
        Operation *op = value.getDefiningOp();
        auto shape = cast<RankedTensorType>(value.getType()).getShape();
        if (!op) {
          if (dims.size() < 2 || dims.back() == rank - 1 ||
              !llvm::is_contained(dims, rank - 1))
            return;
          if (dims.back() < 0 ||
              (result.rows >= 0 && result.rows != dims.back())) {
            isSimple = false;
            return;
          }
          result.rows = dims.back();
          result.arguments.push_back({cast<BlockArgument>(value), dims});
        } else if (isa<ConstantOp, tensor::FromElementsOp>(op)) {
          return;
        } else if (isa<ElementwiseOpInterface>(op)) {
          for (Value operand : op->getOperands()) {
            auto type = cast<RankedTensorType>(operand.getType());
            SmallVector<int64_t> operandDims;
            if (type.getRank() != 0)
              for (auto [size, resultSize, dim] :
                   llvm::zip_equal(type.getShape(), shape, dims))
                operandDims.push_back(size == 1 ? -1 : dim);
            visit(operand, operandDims);
          }
        } else if (auto transpose = dyn_cast<TransposeOp>(op)) {
          SmallVector<int64_t> operandDims(dims.size());
          for (auto [i, dim] : llvm::enumerate(transpose.getPermutation()))
            operandDims[dim] = dims[i];
          visit(transpose.getInput(), operandDims);
        } else {
          isSimple = false;
        }
      };
  SmallVector<int64_t> identity = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  for (Value yielded : kernel.getYield().getOperands())
    visit(yielded, identity);
  return isSimple ? result : TransposedArguments();
}

} // namespace tenon::cpu

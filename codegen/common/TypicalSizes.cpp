//===- TypicalSizes.cpp - Sizes that estimates of work are made for -------===//

#include "codegen/common/TypicalSizes.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"

using namespace mlir;

namespace tenon {

/// The side of a picture, and any other dimension.
static constexpr int64_t kTypicalSide = 224;
static constexpr int64_t kTypicalDim = 64;

/// Whether a tensor looks like pictures: four dimensions, of which the second
/// or last is a few colours.
static bool isPicture(RankedTensorType type) {
  auto isColours = [&](int64_t index) {
    int64_t size = type.getDimSize(index);
    return !ShapedType::isDynamic(size) && size >= 1 && size <= 4;
  };
  return type.getRank() == 4 && (isColours(1) || isColours(3));
}

/// The tensor outside of kernels that has the sizes of `tensor`, or null.
static Value getOuter(Value tensor) {
  auto kernel = dyn_cast<KernelOp>(tensor.getParentBlock()->getParentOp());
  if (!kernel)
    return tensor;
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return kernel.getInputs()[argument.getArgNumber()];
  // What is before the second of two convolutions is behind a pointwise one,
  // which keeps the sizes of its input.
  auto convs = llvm::to_vector(kernel.getBody().getOps<ConvOp>());
  if (convs.size() == 2 && tensor.getDefiningOp()->isBeforeInBlock(convs[1]))
    return getOuter(convs[0].getInput());
  // A tail keeps the sizes of what it is behind.
  for (auto [yielded, output] :
       llvm::zip(kernel.getYield().getOperands(), kernel.getOutputs()))
    if (yielded == tensor || (yielded.getType() == tensor.getType() &&
                              tensor.getDefiningOp<ConvOp>()))
      return output;
  return {};
}

/// The size of a dynamic dimension of the result of a kernel, or of the call
/// that it is lowered to; null for another tensor.
static OpFoldResult getResultSize(Value tensor, int64_t index) {
  if (auto kernel = tensor.getDefiningOp<KernelOp>())
    return kernel.getResultSizes(
        cast<OpResult>(tensor).getResultNumber())[index];
  if (auto call = tensor.getDefiningOp<DestinationStyleOpInterface>())
    tensor = call.getTiedOpOperand(cast<OpResult>(tensor))->get();
  if (auto empty = tensor.getDefiningOp<tensor::EmptyOp>())
    return empty.getMixedSizes()[index];
  return {};
}

/// What `value`, a size, is computed from.
static SmallVector<Value> getSources(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return {};
  auto dim = dyn_cast<tensor::DimOp>(op);
  if (!dim)
    return op->getOperands();
  std::optional<int64_t> index = dim.getConstantIndex();
  OpFoldResult size =
      index ? getResultSize(dim.getSource(), *index) : OpFoldResult();
  if (auto source = dyn_cast_if_present<Value>(size))
    return {source};
  return {};
}

double TypicalSizes::getDim(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return type.getDimSize(index);
  if (Value outer = getOuter(tensor))
    if (std::optional<int64_t> size = findDim(outer, index))
      return *size;
  return index == 0 && type.getRank() > 1 ? 1 : kTypicalDim;
}

std::optional<int64_t> TypicalSizes::findDim(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return type.getDimSize(index);
  if (OpFoldResult size = getResultSize(tensor, index))
    return get(size);
  if (!isa<BlockArgument>(tensor) || !isPicture(type))
    return std::nullopt;
  return index == 0 ? 1 : kTypicalSide;
}

std::optional<int64_t> TypicalSizes::get(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return constant;
  // Not by recursion: a chain is as long as the model is deep.
  SmallVector<Value> pending{cast<Value>(size)};
  while (!pending.empty()) {
    Value next = pending.back();
    if (known.try_emplace(next, std::nullopt).second) {
      for (Value source : getSources(next))
        if (!known.contains(source))
          pending.push_back(source);
      continue;
    }
    pending.pop_back();
    std::optional<int64_t> result = evaluate(next);
    known[next] = result;
  }
  return known.lookup(cast<Value>(size));
}

/// The value of a size whose sources are known.
std::optional<int64_t> TypicalSizes::evaluate(Value value) {
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return constant;
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    if (!index)
      return std::nullopt;
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    return type && *index >= 0 && *index < type.getRank()
               ? findDim(dim.getSource(), *index)
               : std::nullopt;
  }
  // Anything else that folds once its operands are known.
  if (op->getNumRegions() != 0 || op->getNumResults() != 1)
    return std::nullopt;
  SmallVector<Attribute> operands;
  for (Value operand : op->getOperands()) {
    std::optional<int64_t> size = known.lookup(operand);
    if (!size || !operand.getType().isIntOrIndex())
      return std::nullopt;
    unsigned bits = operand.getType().isIndex()
                        ? IndexType::kInternalStorageBitWidth
                        : operand.getType().getIntOrFloatBitWidth();
    operands.push_back(IntegerAttr::get(operand.getType(),
                                        APInt(bits, *size, /*isSigned=*/true,
                                              /*implicitTrunc=*/true)));
  }
  // Of a copy, as it may change by that.
  Operation *copy = op->clone();
  std::optional<int64_t> size;
  SmallVector<OpFoldResult> results;
  if (succeeded(copy->fold(operands, results)) && !results.empty()) {
    auto folded = dyn_cast<Value>(results.front());
    size = folded ? known.lookup(folded) : getConstantIntValue(results.front());
  }
  copy->erase();
  return size;
}

} // namespace tenon

//===- TypicalSizes.cpp - Sizes that estimates of work are made for -------===//
//
// Estimates need sizes where a model has none. A side of a picture that is not
// known is taken to be of a usual length, and what follows from it by the
// model's own arithmetic has the right proportion: in a network that halves a
// picture five times, the last convolutions see few pixels.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/KernelWork.h"
#include "codegen/common/Provider.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;

namespace tenon {

namespace {

/// Sizes outside of kernels, for typical pictures. What follows from anything
/// else is not known.
class TypicalSizes {
public:
  std::optional<int64_t> getDim(Value tensor, int64_t index);
  std::optional<int64_t> get(OpFoldResult size);

private:
  std::optional<int64_t> evaluate(Value value);

  /// Sizes that depend on more than this many steps are not worth the walk.
  static constexpr unsigned kMaxDepth = 256;
  unsigned depth = 0;
  llvm::DenseMap<Value, std::optional<int64_t>> known;
};

} // namespace

/// Whether a tensor looks like pictures: four dimensions, of which the second
/// or last is a few colours.
static bool isPicture(RankedTensorType type) {
  auto isColours = [&](int64_t index) {
    int64_t size = type.getDimSize(index);
    return !ShapedType::isDynamic(size) && size >= 1 && size <= 4;
  };
  return type.getRank() == 4 && (isColours(1) || isColours(3));
}

std::optional<int64_t> TypicalSizes::getDim(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return type.getDimSize(index);
  if (auto kernel = tensor.getDefiningOp<KernelOp>())
    return get(
        kernel.getResultSizes(cast<OpResult>(tensor).getResultNumber())[index]);
  if (!isa<BlockArgument>(tensor) || !isPicture(type))
    return std::nullopt;
  return index == 0 ? 1 : kTypicalSide;
}

std::optional<int64_t> TypicalSizes::get(OpFoldResult size) {
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return constant;
  auto value = cast<Value>(size);
  if (auto found = known.find(value); found != known.end())
    return found->second;
  if (depth == kMaxDepth)
    return std::nullopt;
  ++depth;
  std::optional<int64_t> result = evaluate(value);
  --depth;
  known[value] = result;
  return result;
}

std::optional<int64_t> TypicalSizes::evaluate(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op)
    return std::nullopt;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    return index ? getDim(dim.getSource(), *index) : std::nullopt;
  }
  // Anything else that folds once its operands are known.
  if (op->getNumRegions() != 0 || op->getNumResults() != 1)
    return std::nullopt;
  SmallVector<Attribute> operands;
  for (Value operand : op->getOperands()) {
    if (!operand.getType().isIntOrIndex())
      return std::nullopt;
    std::optional<int64_t> size = get(operand);
    if (!size)
      return std::nullopt;
    operands.push_back(IntegerAttr::get(operand.getType(), *size));
  }
  SmallVector<OpFoldResult> results;
  if (failed(op->fold(operands, results)) || results.empty())
    return std::nullopt;
  if (auto folded = dyn_cast<Value>(results.front()))
    return folded == value ? std::nullopt : get(folded);
  return getConstantIntValue(results.front());
}

/// The tensor outside of kernels that has the sizes of `tensor`, or null.
static Value getOuter(Value tensor) {
  auto kernel = dyn_cast<KernelOp>(tensor.getParentBlock()->getParentOp());
  if (!kernel)
    return tensor;
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return kernel.getInputs()[argument.getArgNumber()];
  // A tail keeps the sizes of what it is behind.
  for (auto [yielded, output] :
       llvm::zip(kernel.getYield().getOperands(), kernel.getOutputs()))
    if (yielded == tensor || (yielded.getType() == tensor.getType() &&
                              tensor.getDefiningOp<ConvOp>()))
      return output;
  return {};
}

double getTypicalDim(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return type.getDimSize(index);
  if (Value outer = getOuter(tensor))
    if (std::optional<int64_t> size = TypicalSizes().getDim(outer, index))
      return *size;
  return index == 0 && type.getRank() > 1 ? 1 : Provider::kTypicalDim;
}

} // namespace tenon

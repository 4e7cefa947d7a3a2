//===- VerifySimplified.cpp - What the simplify phase promises ------------===//

#include "mlir/IR/Matchers.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_VERIFYSIMPLIFIED
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Checks that no dimension is left to be inferred.
static LogicalResult checkReshape(ReshapeOp op) {
  auto report = [&](int64_t index, int64_t value) -> LogicalResult {
    int64_t size = op.getType().getDimSize(index);
    if (value == size || (ShapedType::isDynamic(size) && value >= 0))
      return success();
    return op.emitOpError() << "has " << value << " as element " << index
                            << " of 'shape' after simplification, in a result "
                               "of type "
                            << op.getType();
  };
  if (std::optional<SmallVector<int64_t>> constants =
          getConstantInts(op.getShape())) {
    for (auto [i, value] : llvm::enumerate(*constants))
      if (failed(report(i, value)))
        return failure();
    return success();
  }
  if (auto elements = op.getShape().getDefiningOp<tensor::FromElementsOp>())
    for (auto [i, element] : llvm::enumerate(elements.getElements()))
      if (std::optional<int64_t> value = getConstantIntValue(element))
        if (failed(report(i, *value)))
          return failure();
  return success();
}

/// Checks that a dimension is one of an input, if it can be.
static LogicalResult checkDim(tensor::DimOp op) {
  Operation *source = op.getSource().getDefiningOp();
  // What an if or a loop decides and how long a range of floats is depends on
  // data.
  if (!source || isa<IfOp, LoopOp, RangeOp>(source) ||
      !isa<TenonDialect>(source->getDialect()))
    return success();
  return op.emitOpError() << "of the result of '" << source->getName()
                          << "' is left after simplification";
}

static LogicalResult check(Operation *op) {
  if (isa<ShapeOp, SqueezeOp, UnsqueezeOp, BatchNormOp>(op))
    return op->emitOpError() << "is left after simplification";
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    if (isa<TensorType>(constant.getType()))
      return op->emitOpError()
             << "of a tensor is left after simplification: expected '"
             << ConstantOp::getOperationName() << "'";
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return checkReshape(reshape);
  if (auto dim = dyn_cast<tensor::DimOp>(op))
    return checkDim(dim);
  return success();
}

namespace {
struct VerifySimplified : tenon::impl::VerifySimplifiedBase<VerifySimplified> {
  void runOnOperation() override {
    bool isValid = true;
    getOperation().walk(
        [&](Operation *op) { isValid &= succeeded(check(op)); });
    if (!isValid)
      signalPassFailure();
  }
};
} // namespace

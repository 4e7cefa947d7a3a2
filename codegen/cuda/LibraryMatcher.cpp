//===- LibraryMatcher.cpp - Reads a kernel for a library ------------------===//

#include "codegen/cuda/LibraryMatcher.h"

#include "dialects/tenon/TenonFloatTypes.h"
#include "mlir/IR/BuiltinOps.h"
#include "transforms/compress/Passes.h"

using namespace mlir;

namespace tenon::cuda {

Type getElement(Value value) { return getElementTypeOrSelf(value.getType()); }

int64_t getArg(Value value) {
  auto argument = dyn_cast<BlockArgument>(value);
  return argument ? int64_t(argument.getArgNumber()) : -1;
}

/// What stands in memory of an operand that is widened when it is read.
static Value getSource(Value operand) {
  auto cast = operand.getDefiningOp<CastOp>();
  return cast && isa<BlockArgument>(cast.getInput()) ? cast.getInput()
                                                     : operand;
}

/// One element for each column of `result`.
static bool isRow(Value value, Value result) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(value.getType()).getShape();
  ArrayRef<int64_t> whole = cast<RankedTensorType>(result.getType()).getShape();
  return !shape.empty() && shape.size() <= whole.size() &&
         ShapedType::isStatic(shape.back()) && shape.back() == whole.back() &&
         llvm::all_of(shape.drop_back(),
                      [](int64_t size) { return size == 1; });
}

bool LibraryMatcher::checkFactor(Type element) {
  factor = element;
  return isFloatFactor(element) ||
         fail("its factors are no floats that " + library + " has");
}

bool LibraryMatcher::isTf32(Type factor) const {
  return factor.isF32() &&
         kernel->getParentOfType<ModuleOp>()->hasAttr(kTf32Attr);
}

bool LibraryMatcher::matchScale(MulOp op) {
  return fail(op->getName().getStringRef() + " is not what " + library +
              " has");
}

bool LibraryMatcher::matchSum(AddOp op) {
  Value operand = op.getLhs() == value ? op.getRhs() : op.getLhs();
  int64_t arg = getArg(getSource(operand));
  if (arg < 0)
    return fail("it adds what it computes");
  if (bias < 0 && isRow(operand, value)) {
    bias = arg;
    return true;
  }
  if (residual < 0 && operand.getType() == value.getType()) {
    residual = arg;
    return true;
  }
  return fail("it adds more than a bias of columns and a residual");
}

bool LibraryMatcher::matchTail(Operation &op) {
  if (isDone || !llvm::is_contained(op.getOperands(), value) ||
      op.getNumResults() != 1)
    return fail(op.getName().getStringRef() + " doesn't continue " +
                describeAnchor());
  if (activation && !isa<CastOp>(op))
    return fail(op.getName().getStringRef() + " is behind the activation");
  bool isFirst = bias < 0 && residual < 0;
  if (auto product = dyn_cast<MulOp>(op); product && isFirst) {
    if (!matchScale(product))
      return false;
  } else if (auto sum = dyn_cast<AddOp>(op);
             sum && sum.getLhs() != sum.getRhs()) {
    if (!matchSum(sum))
      return false;
  } else if (TenonLibraryActivation found = getActivation(op)) {
    activation = found;
  } else if (auto cast = dyn_cast<CastOp>(op); cast && isHalf(cast.getTo())) {
    isDone = true;
  } else {
    return fail(op.getName().getStringRef() + " is not what " + library +
                " has");
  }
  if (cast<RankedTensorType>(op.getResult(0).getType()).getShape() !=
      cast<RankedTensorType>(value.getType()).getShape())
    return fail("its tail has another shape");
  value = op.getResult(0);
  return true;
}

/// Libraries add what has the result's type.
bool LibraryMatcher::checkTypes() {
  Type result = getElement(value);
  Block &body = kernel.getBody().front();
  if (result != factor && !result.isF32())
    return fail("its result is of another type than its factors");
  if (residual >= 0 && getElement(body.getArgument(residual)) != result)
    return fail("its residual is of another type than its result");
  if (bias < 0 || getElement(body.getArgument(bias)) == result)
    return true;
  Value argument = body.getArgument(bias);
  if (!getElement(argument).isF32() ||
      !kernel.getInputs()[bias].getDefiningOp<ConstantOp>() ||
      !argument.hasOneUse())
    return fail("its bias is of another type than its result");
  wideBias = bias;
  return true;
}

bool LibraryMatcher::match() {
  if (kernel.getNumResults() != 1)
    return fail("it has several results");
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    // Numbers, and operands that are widened.
    if (isa<ConstantOp>(op) ||
        (isa<CastOp>(op) && isa<BlockArgument>(op.getOperand(0)) &&
         getElement(op.getResult(0)).isF32()))
      continue;
    if (value ? !matchTail(op) : !matchAnchor(op))
      return false;
  }
  if (!value || kernel.getYield().getOperand(0) != value)
    return fail(("it is not " + describeAnchor()).str());
  return checkTypes();
}

} // namespace tenon::cuda

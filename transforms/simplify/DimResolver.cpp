//===- DimResolver.cpp - Following dimensions to a function's arguments ---===//

#include "transforms/simplify/DimResolver.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace tenon {

/// How many operations `areEqualDims` looks through.
static constexpr int kMaxEqualityDepth = 6;

static bool areEqualDims(Value a, Value b, int depth) {
  if (a == b)
    return true;
  std::optional<int64_t> first = getConstantIntValue(a),
                         second = getConstantIntValue(b);
  if (first || second)
    return first == second;
  Operation *one = a.getDefiningOp(), *two = b.getDefiningOp();
  if (!one || !two || depth == 0 || one->getName() != two->getName() ||
      !isa<arith::ArithDialect, tensor::TensorDialect>(one->getDialect()) ||
      one->getAttrDictionary() != two->getAttrDictionary() ||
      one->getResultTypes() != two->getResultTypes() ||
      one->getNumOperands() != two->getNumOperands() ||
      cast<OpResult>(a).getResultNumber() !=
          cast<OpResult>(b).getResultNumber())
    return false;
  return llvm::all_of_zip(
      one->getOperands(), two->getOperands(),
      [&](Value x, Value y) { return areEqualDims(x, y, depth - 1); });
}

bool areEqualDims(Value a, Value b) {
  return areEqualDims(a, b, kMaxEqualityDepth);
}

bool hoistScalars(IfOp op) {
  bool moved = false;
  for (Region &region : op->getRegions())
    for (Operation &inner :
         llvm::make_early_inc_range(region.front().without_terminator())) {
      if (!isa<arith::ArithDialect, tensor::TensorDialect>(
              inner.getDialect()) &&
          !isa<ConstantOp>(inner))
        continue;
      if (!isPure(&inner) || inner.getNumRegions() != 0)
        continue;
      if (llvm::any_of(inner.getOperands(), [&](Value operand) {
            return operand.getParentRegion() == &region;
          }))
        continue;
      inner.moveBefore(op);
      moved = true;
    }
  return moved;
}

DimResolver::DimResolver(func::FuncOp function) : function(function) {
  for (BlockArgument argument : function.getArguments()) {
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    auto dims = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                     kDimsAttr);
    if (!type || !dims || int64_t(dims.size()) != type.getRank())
      continue;
    for (auto [i, dim] : llvm::enumerate(dims)) {
      auto name = dyn_cast<StringAttr>(dim);
      if (name && !name.empty() && type.isDynamicDim(i))
        symbols.try_emplace(name.getValue(), argument, i);
    }
  }
}

Value DimResolver::getLatest(Value value) const {
  while (Value next = replaced.lookup(value))
    value = next;
  return value;
}

int64_t DimResolver::resolveAll() {
  function.walk([&](DimOp dim) { worklist.push_back(dim); });
  // In program order, so that what is followed first is what others need.
  std::reverse(worklist.begin(), worklist.end());
  drain();
  return numResolved;
}

Value DimResolver::getDim(Value tensor, int64_t index, Operation *user) {
  OpBuilder builder(user);
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return arith::ConstantIndexOp::create(builder, user->getLoc(),
                                          type.getDimSize(index));
  auto dim = DimOp::create(builder, user->getLoc(), tensor, index);
  worklist.push_back(dim);
  drain();
  return getLatest(dim);
}

void DimResolver::drain() {
  while (!worklist.empty()) {
    DimOp dim = worklist.pop_back_val();
    if (replaced.count(dim))
      continue;
    Value value = follow(dim);
    if (!value || value == dim)
      continue;
    if (isa<OpResult>(dim.getSource()))
      ++numResolved;
    replaced[dim] = value;
    dim.getResult().replaceAllUsesWith(value);
  }
}

Value DimResolver::follow(DimOp dim) {
  std::optional<int64_t> index = dim.getConstantIndex();
  Value tensor = dim.getSource();
  auto type = dyn_cast<RankedTensorType>(tensor.getType());
  if (!index || !type || *index < 0 || *index >= type.getRank())
    return nullptr;
  if (!type.isDynamicDim(*index)) {
    OpBuilder builder(dim);
    return arith::ConstantIndexOp::create(builder, dim.getLoc(),
                                          type.getDimSize(*index));
  }
  if (auto argument = dyn_cast<BlockArgument>(tensor))
    return followArgument(argument, *index);

  auto result = cast<OpResult>(tensor);
  if (auto ifOp = dyn_cast<IfOp>(result.getOwner())) {
    auto [entry, isNew] =
        sizes.try_emplace(tensor, SmallVector<Value>(type.getRank(), nullptr));
    if (Value known = entry->second[*index])
      return getLatest(known);
    Value value = followIf(ifOp, result, *index);
    sizes[tensor][*index] = value;
    return value;
  }
  if (!sizes.count(tensor))
    reify(result.getOwner());
  Value value = sizes[tensor].empty() ? nullptr : sizes[tensor][*index];
  return value ? getLatest(value) : nullptr;
}

Value DimResolver::followArgument(BlockArgument argument, int64_t index) {
  if (argument.getOwner() != &function.getBody().front())
    return nullptr;
  auto dims =
      function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), kDimsAttr);
  if (dims && size_t(index) < dims.size())
    if (auto name = dyn_cast<StringAttr>(dims[index])) {
      auto symbol = symbols.find(name.getValue());
      if (symbol != symbols.end())
        std::tie(argument, index) = symbol->second;
    }
  Value &value = argumentDims[{argument, index}];
  if (!value) {
    OpBuilder builder = OpBuilder::atBlockBegin(&function.getBody().front());
    auto dim = DimOp::create(builder, argument.getLoc(), argument, index);
    value = dim;
  }
  return value;
}

/// The two branches' sizes are one value, or a choice between two values that
/// are known outside.
Value DimResolver::followIf(IfOp op, OpResult result, int64_t index) {
  SmallVector<Value, 2> values;
  for (Region &region : op->getRegions()) {
    Operation *yield = region.front().getTerminator();
    Value yielded = yield->getOperand(result.getResultNumber());
    if (index >= cast<RankedTensorType>(yielded.getType()).getRank())
      return nullptr;
    // Follow this one before what waits on the worklist.
    SmallVector<DimOp> waiting;
    std::swap(waiting, worklist);
    values.push_back(getDim(yielded, index, yield));
    std::swap(waiting, worklist);
  }
  while (hoistScalars(op)) {
  }
  auto isOutside = [&](Value value) {
    return !op->isAncestor(value.getParentRegion()->getParentOp());
  };
  if (!isOutside(values[0]) || !isOutside(values[1]))
    return nullptr;
  if (areEqualDims(values[0], values[1]))
    return values[0];
  OpBuilder builder(op);
  Value condition = tensor::ExtractOp::create(builder, op.getLoc(),
                                              op.getCondition(), ValueRange());
  return arith::SelectOp::create(builder, op.getLoc(), condition, values[0],
                                 values[1]);
}

void DimResolver::reify(Operation *op) {
  for (Value result : op->getResults())
    sizes[result];
  auto shaped = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  if (!shaped)
    return;
  Operation *before = op->getPrevNode();
  OpBuilder builder(op);
  ReifiedRankedShapedTypeDims reified;
  if (failed(shaped.reifyResultShapes(builder, reified)))
    return;
  for (auto [result, resultSizes] :
       llvm::zip_equal(op->getResults(), reified)) {
    SmallVector<Value> &values = sizes[result];
    for (OpFoldResult size : resultSizes) {
      auto value = dyn_cast<Value>(size);
      if (!value)
        value = arith::ConstantIndexOp::create(builder, op->getLoc(),
                                               *getConstantIntValue(size));
      values.push_back(value);
    }
  }
  // What reification asks of the operands is followed in turn.
  Operation *added = before ? before->getNextNode() : &op->getBlock()->front();
  for (; added != op; added = added->getNextNode())
    if (auto dim = dyn_cast<DimOp>(added))
      worklist.push_back(dim);
}

} // namespace tenon

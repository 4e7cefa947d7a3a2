//===- DimResolver.cpp - Following dimensions to a function's arguments ---===//

#include "transforms/simplify/DimResolver.h"

#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonShapes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "transforms/simplify/Broadcasts.h"

using namespace mlir;

namespace tenon {

/// How many operations `areEqualDims` looks through.
static constexpr int kMaxEqualityDepth = 6;
/// A size that takes a longer chain of operations than this is dear.
static constexpr int kMaxCostDepth = 512;

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

bool hoistScalars(Operation *op) {
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

//===----------------------------------------------------------------------===//
// DimResolver
//===----------------------------------------------------------------------===//

static RankedTensorType getTensorType(Value value) {
  return dyn_cast<RankedTensorType>(value.getType());
}

DimResolver::DimResolver(func::FuncOp function) : function(function) {
  for (BlockArgument argument : function.getArguments())
    computeArgumentSizes(argument);
  computeSizes(function.getBody().front());
}

void DimResolver::computeArgumentSizes(BlockArgument argument) {
  auto type = getTensorType(argument);
  if (!type)
    return;
  auto names =
      function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(), kDimsAttr);
  OpBuilder builder = OpBuilder::atBlockBegin(argument.getOwner());
  Sizes known(type.getRank());
  for (int64_t i = 0, e = type.getRank(); i != e; ++i) {
    if (!type.isDynamicDim(i))
      continue;
    StringAttr name;
    if (names && int64_t(names.size()) == e)
      name = dyn_cast<StringAttr>(names[i]);
    Value *symbol = name && !name.empty() ? &symbols[name.getValue()] : nullptr;
    if (symbol && *symbol) {
      known[i] = *symbol;
      continue;
    }
    known[i] = DimOp::create(builder, argument.getLoc(), argument, i);
    if (symbol)
      *symbol = known[i];
  }
  sizes[argument] = std::move(known);
}

void DimResolver::computeSizes(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    // Here, so that no size is expressed by one that goes away.
    if (auto dim = dyn_cast<DimOp>(op)) {
      resolve(dim);
      continue;
    }
    if (auto guard = dyn_cast<rt::RequireEqualOp>(op)) {
      isNewGuard(guard.getLhs(), guard.getRhs(), &block);
      continue;
    }
    if (auto loop = dyn_cast<LoopOp>(op))
      declareCarriedSizes(loop);
    if (isa<IfOp, LoopOp>(op))
      for (Region &region : op.getRegions())
        computeSizes(region.front());
    computeSizes(&op);
  }
}

void DimResolver::computeSizes(Operation *op) {
  if (llvm::none_of(op->getResults(), [](Value result) {
        auto type = getTensorType(result);
        return type && !type.hasStaticShape();
      }))
    return;
  if (auto ifOp = dyn_cast<IfOp>(op))
    return computeIfSizes(ifOp);
  if (auto loop = dyn_cast<LoopOp>(op))
    return computeLoopSizes(loop);
  for (Value result : op->getResults())
    if (auto type = getTensorType(result))
      sizes[result].assign(type.getRank(), nullptr);
  auto shaped = dyn_cast<ReifyRankedShapedTypeOpInterface>(op);
  if (!shaped || !isa<TenonDialect>(op->getDialect()))
    return;

  Operation *before = op->getPrevNode();
  OpBuilder builder(op);
  ReifiedRankedShapedTypeDims reified;
  LogicalResult result = shaped.reifyResultShapes(builder, reified);
  // What reification asks of the operands is known by now.
  Operation *added = before ? before->getNextNode() : &op->getBlock()->front();
  while (added != op) {
    Operation *next = added->getNextNode();
    auto dim = dyn_cast<DimOp>(added);
    std::optional<int64_t> index = dim ? dim.getConstantIndex() : std::nullopt;
    if (Value known = index ? lookup(dim.getSource(), *index) : Value()) {
      for (SmallVector<OpFoldResult> &shape : reified)
        for (OpFoldResult &size : shape)
          if (size == OpFoldResult(dim.getResult()))
            size = known;
      dim.getResult().replaceAllUsesWith(known);
      dim.erase();
    }
    added = next;
  }
  if (failed(result))
    return;
  for (auto [value, shape] : llvm::zip_equal(op->getResults(), reified)) {
    auto type = cast<RankedTensorType>(value.getType());
    for (auto [i, size] : llvm::enumerate(shape))
      if (type.isDynamicDim(i))
        sizes[value][i] = dyn_cast<Value>(size);
  }
  meetOperands(op);
}

bool DimResolver::isNewGuard(Value a, Value b, Block *block) {
  DimPolynomial first = expressions.get(a), second = expressions.get(b);
  if (second < first)
    std::swap(first, second);
  return guarded[block].insert({first, second}).second;
}

void DimResolver::meetOperands(Operation *op) {
  // By result dimension, as the reified one is of any of them.
  std::map<int64_t, SmallVector<Value>> meeting;
  for (const Broadcast &broadcast : getBroadcasts(op)) {
    if (broadcast.target != op->getResult(0))
      continue;
    auto type = cast<RankedTensorType>(broadcast.operand->get().getType());
    if (type.isDynamicDim(broadcast.dim))
      meeting[broadcast.targetDim].push_back(
          lookup(broadcast.operand->get(), broadcast.dim));
  }
  for (auto &[index, operandSizes] : meeting) {
    Value &size = sizes[op->getResult(0)][index];
    // A static operand's size is the result's.
    if (!size || getConstantIntValue(size))
      continue;
    Value met;
    for (Value other : operandSizes) {
      bool isTold = !met || !other || expressions.areEqual(met, other);
      if (isTold || expressions.areRelated(met, other)) {
        // The operation may go, once its result's size is known. What depends
        // on data is checked where that is there, by the operation itself.
        if (!isTold && expressions.isFromArguments(met) &&
            expressions.isFromArguments(other) &&
            isNewGuard(met, other, op->getBlock())) {
          OpBuilder builder(op);
          rt::RequireEqualOp::create(builder, op->getLoc(), met, other,
                                     builder.getStringAttr("dimension " +
                                                           Twine(index) +
                                                           " of the operands"));
        }
        if (!met || (other && getCost(other) < getCost(met)))
          met = other;
        continue;
      }
      OpBuilder builder(op);
      DimBuilder dims(builder, op->getLoc());
      met = dims.selectEqual(met, 1, other, met).getValue();
    }
    if (met)
      size = met;
  }
}

/// The two branches' sizes are one value, or a choice between two values that
/// are known outside.
void DimResolver::computeIfSizes(IfOp op) {
  while (hoistScalars(op)) {
  }
  auto isOutside = [&](Value value) {
    return value && !op->isAncestor(value.getParentRegion()->getParentOp());
  };
  OpBuilder builder(op);
  Value condition;
  for (OpResult result : op->getResults()) {
    auto type = cast<RankedTensorType>(result.getType());
    Sizes known(type.getRank());
    for (int64_t i = 0, e = type.getRank(); i != e; ++i) {
      if (!type.isDynamicDim(i))
        continue;
      Value choices[2];
      for (auto [choice, region] : llvm::zip_equal(choices, op->getRegions())) {
        Value yielded = region.front().getTerminator()->getOperand(
            result.getResultNumber());
        auto yieldedType = cast<RankedTensorType>(yielded.getType());
        choice = yieldedType.isDynamicDim(i)
                     ? lookup(yielded, i)
                     : arith::ConstantIndexOp::create(
                           builder, op.getLoc(), yieldedType.getDimSize(i));
      }
      if (!isOutside(choices[0]) || !isOutside(choices[1]))
        continue;
      if (areEqualDims(choices[0], choices[1])) {
        known[i] = choices[0];
        continue;
      }
      if (!condition)
        condition = tensor::ExtractOp::create(builder, op.getLoc(),
                                              op.getCondition(), ValueRange());
      known[i] = arith::SelectOp::create(builder, op.getLoc(), condition,
                                         choices[0], choices[1]);
    }
    sizes[result] = std::move(known);
  }
}

/// Within the loop the size of a carried value is just that.
void DimResolver::declareCarriedSizes(LoopOp op) {
  OpBuilder builder = OpBuilder::atBlockBegin(&op.getBody().front());
  for (Value carried : op.getCarried()) {
    auto type = cast<RankedTensorType>(carried.getType());
    Sizes &known = sizes[carried];
    known.assign(type.getRank(), nullptr);
    for (auto [i, size] : llvm::enumerate(known))
      if (type.isDynamicDim(i))
        size = DimOp::create(builder, op.getLoc(), carried, i);
  }
}

/// A size that each time is what it was before is the one of the beginning. A
/// loop that only counts joins as many values as it counts to.
void DimResolver::computeLoopSizes(LoopOp op) {
  while (hoistScalars(op)) {
  }
  auto isOutside = [&](Value value) {
    return value && !op->isAncestor(value.getParentRegion()->getParentOp());
  };
  for (auto [carried, init, yielded, result] :
       llvm::zip(op.getCarried(), op.getInits(), op.getYieldedCarried(),
                 op.getOutputs())) {
    auto type = cast<RankedTensorType>(carried.getType());
    Sizes known(type.getRank());
    for (int64_t i = 0, e = type.getRank(); i != e; ++i) {
      if (!type.isDynamicDim(i))
        continue;
      Value before = lookup(carried, i);
      Value first = getDim(init, i, op);
      auto yieldedType = cast<RankedTensorType>(yielded.getType());
      Value after = lookup(yielded, i);
      std::optional<int64_t> constant = getConstantIntValue(first);
      bool isSame = after ? after == before || areEqualDims(after, first) ||
                                expressions.areEqual(after, first)
                          : !yieldedType.isDynamicDim(i) &&
                                constant == yieldedType.getDimSize(i);
      if (!isSame)
        continue;
      known[i] = first;
      before.replaceAllUsesWith(first);
      sizes[carried][i] = first;
    }
    sizes[result] = std::move(known);
  }
  OpBuilder builder(op);
  for (auto [slice, result] :
       llvm::zip_equal(op.getYieldedScans(),
                       op.getOutputs().drop_front(op.getNumCarried()))) {
    auto type = cast<RankedTensorType>(result.getType());
    Sizes known(type.getRank());
    if (type.isDynamicDim(0) && op.isCounted()) {
      DimBuilder dims(builder, op.getLoc());
      known[0] = dims.max(dims.element(op.getTripCount(), 0), 0).getValue();
    }
    for (int64_t i = 1, e = type.getRank(); i != e; ++i)
      if (Value size = type.isDynamicDim(i) ? lookup(slice, i - 1) : Value();
          isOutside(size))
        known[i] = size;
    sizes[result] = std::move(known);
  }
}

Value DimResolver::lookup(Value tensor, int64_t index) {
  auto known = sizes.find(tensor);
  if (known == sizes.end() || index < 0 ||
      index >= int64_t(known->second.size()))
    return nullptr;
  return known->second[index];
}

int64_t DimResolver::getCost(Value value, int depth) {
  auto known = costs.find(value);
  if (known != costs.end())
    return known->second;
  if (depth == kMaxCostDepth)
    return INT32_MAX;
  int64_t cost = 0;
  Operation *op = value.getDefiningOp();
  if (op && isa<arith::ArithDialect>(op->getDialect()) &&
      !isa<arith::ConstantOp>(op)) {
    cost = 1;
    for (Value operand : op->getOperands())
      cost = std::min<int64_t>(cost + getCost(operand, depth + 1), INT32_MAX);
  } else if (op && !isa<DimOp, arith::ConstantOp>(op)) {
    // A number that is read from data.
    cost = INT32_MAX;
  }
  return costs[value] = cost;
}

void DimResolver::resolve(DimOp dim) {
  std::optional<int64_t> index = dim.getConstantIndex();
  auto type = getTensorType(dim.getSource());
  if (!index || !type || *index < 0 || *index >= type.getRank())
    return;
  Value known;
  if (type.isDynamicDim(*index)) {
    known = lookup(dim.getSource(), *index);
  } else {
    OpBuilder builder(dim);
    known = arith::ConstantIndexOp::create(builder, dim.getLoc(),
                                           type.getDimSize(*index));
  }
  if (!known || known == dim)
    return;
  if (isa<OpResult>(dim.getSource()))
    ++numResolved;
  dim.getResult().replaceAllUsesWith(known);
  dim.erase();
}

Value DimResolver::getDim(Value tensor, int64_t index, Operation *user) {
  OpBuilder builder(user);
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return arith::ConstantIndexOp::create(builder, user->getLoc(),
                                          type.getDimSize(index));
  // What was made since is computed now.
  if (Operation *op = tensor.getDefiningOp())
    if (!sizes.count(tensor))
      computeSizes(op);
  if (Value known = lookup(tensor, index))
    return known;
  return DimOp::create(builder, user->getLoc(), tensor, index);
}

} // namespace tenon

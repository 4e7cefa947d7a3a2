//===- ShapeInference.cpp - Refining types through a function -------------===//

#include "transforms/simplify/ShapeInference.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

using namespace mlir;

namespace tenon {

/// `type` with the static dimensions of `known` where its own are dynamic. A
/// contradiction keeps `type`: the operation's verifier tells of it.
static Type refine(Type type, Type known) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  auto other = dyn_cast<RankedTensorType>(known);
  if (!tensor || !other || tensor.getRank() != other.getRank() ||
      tensor.getElementType() != other.getElementType())
    return type;
  SmallVector<int64_t> shape(tensor.getShape());
  for (auto [size, otherSize] : llvm::zip_equal(shape, other.getShape()))
    if (ShapedType::isDynamic(size))
      size = otherSize;
  return RankedTensorType::get(shape, tensor.getElementType(),
                               tensor.getEncoding());
}

/// What both branches of `op` agree on.
static void inferIf(IfOp op, SmallVectorImpl<Type> &types) {
  auto getYielded = [](Region &region) {
    return region.front().getTerminator()->getOperandTypes();
  };
  for (auto [first, second] : llvm::zip_equal(getYielded(op.getThenRegion()),
                                              getYielded(op.getElseRegion()))) {
    auto a = cast<RankedTensorType>(first), b = cast<RankedTensorType>(second);
    if (a.getRank() != b.getRank()) {
      types.push_back(a);
      continue;
    }
    SmallVector<int64_t> shape(a.getShape());
    for (auto [size, other] : llvm::zip_equal(shape, b.getShape()))
      if (size != other)
        size = ShapedType::kDynamic;
    types.push_back(RankedTensorType::get(shape, a.getElementType()));
  }
}

/// What a dimension is if it is one of two.
static int64_t join(int64_t size, int64_t other) {
  return size == other ? size : ShapedType::kDynamic;
}

/// Carried values are what they are at first and after each time; their types
/// in the loop are refined here. Others are joined.
static void inferLoop(LoopOp op, SmallVectorImpl<Type> &types,
                      int64_t &changed) {
  for (auto [carried, init, yielded] : llvm::zip_equal(
           op.getCarried(), op.getInits(), op.getYieldedCarried())) {
    auto first = cast<RankedTensorType>(init.getType());
    auto next = cast<RankedTensorType>(yielded.getType());
    SmallVector<int64_t> shape;
    if (first.getRank() == next.getRank())
      for (auto [size, other] :
           llvm::zip_equal(first.getShape(), next.getShape()))
        shape.push_back(join(size, other));
    Type refined = refine(carried.getType(),
                          RankedTensorType::get(shape, first.getElementType()));
    changed += refined != carried.getType();
    carried.setType(refined);
    types.push_back(refined);
  }
  int64_t count = ShapedType::kDynamic;
  if (op.isCounted())
    if (std::optional<SmallVector<int64_t>> known =
            getConstantInts(op.getTripCount()))
      count = std::max<int64_t>(known->front(), 0);
  for (Value slice : op.getYieldedScans()) {
    auto type = cast<RankedTensorType>(slice.getType());
    SmallVector<int64_t> shape = {count};
    llvm::append_range(shape, type.getShape());
    types.push_back(RankedTensorType::get(shape, type.getElementType()));
  }
}

/// A dimension of a result that has become static has no name any more.
static void forgetStaticSymbols(func::FuncOp function) {
  for (auto [index, type] : llvm::enumerate(function.getResultTypes())) {
    auto names = function.getResultAttrOfType<ArrayAttr>(index, kDimsAttr);
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!names || !tensor || int64_t(names.size()) != tensor.getRank())
      continue;
    SmallVector<Attribute> kept(names.begin(), names.end());
    for (auto [i, name] : llvm::enumerate(kept))
      if (!tensor.isDynamicDim(i))
        name = StringAttr::get(function.getContext(), "");
    function.setResultAttr(index, kDimsAttr,
                           ArrayAttr::get(function.getContext(), kept));
  }
}

FailureOr<int64_t> inferShapes(func::FuncOp function) {
  int64_t changed = 0;
  WalkResult result = function.walk([&](Operation *op) {
    SmallVector<Type> types;
    if (auto ifOp = dyn_cast<IfOp>(op)) {
      inferIf(ifOp, types);
    } else if (auto loop = dyn_cast<LoopOp>(op)) {
      inferLoop(loop, types, changed);
    } else if (auto inference = dyn_cast<InferTypeOpInterface>(op)) {
      // Other dialects' types are exact.
      if (!isa<TenonDialect>(op->getDialect()) || isa<ConstantOp>(op))
        return WalkResult::advance();
      if (failed(inference.inferReturnTypes(
              op->getContext(), op->getLoc(), op->getOperands(),
              op->getDiscardableAttrDictionary(), op->getPropertiesStorage(),
              op->getRegions(), types)))
        return WalkResult::interrupt();
    } else {
      return WalkResult::advance();
    }
    for (auto [value, known] : llvm::zip_equal(op->getResults(), types)) {
      Type refined = refine(value.getType(), known);
      if (refined == value.getType())
        continue;
      value.setType(refined);
      ++changed;
    }
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  if (function.isExternal())
    return changed;
  Operation *terminator = function.getBody().front().getTerminator();
  SmallVector<Type> results(terminator->getOperandTypes());
  if (ArrayRef<Type>(results) != function.getFunctionType().getResults())
    function.setType(FunctionType::get(function.getContext(),
                                       function.getArgumentTypes(), results));
  forgetStaticSymbols(function);
  return changed;
}

} // namespace tenon

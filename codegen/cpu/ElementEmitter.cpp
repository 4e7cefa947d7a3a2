//===- ElementEmitter.cpp - Elements of a kernel's tensors ----------------===//

#include "codegen/cpu/ElementEmitter.h"

#include "codegen/cpu/Arithmetic.h"

#include "codegen/cpu/ElementOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

ElementEmitter::ElementEmitter(KernelFunction &function, OpBuilder &builder,
                               int64_t width, Value mask)
    : function(function), builder(builder), width(width), mask(mask),
      indices(builder, function.getLoc(), width) {}

//===----------------------------------------------------------------------===//
// Scalars and vectors
//===----------------------------------------------------------------------===//

Type ElementEmitter::getVectorType(Type type) {
  return width == 1 ? type : VectorType::get({width}, type);
}

Value ElementEmitter::broadcast(Value element) {
  if (width == 1 || isa<VectorType>(element.getType()))
    return element;
  return vector::BroadcastOp::create(builder, getLoc(),
                                     getVectorType(element.getType()), element);
}

void ElementEmitter::unify(MutableArrayRef<Value> elements) {
  if (llvm::any_of(elements,
                   [](Value e) { return isa<VectorType>(e.getType()); }))
    for (Value &element : elements)
      element = broadcast(element);
}

Value ElementEmitter::constant(Type type, double value) {
  return cpu::buildConstant(builder, getLoc(), type, value);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void ElementEmitter::setPosition(Value like, Index index, const LaneIndex &at) {
  positionLike = like;
  positionIndex.assign(index.begin(), index.end());
  position = at;
}

static bool areSame(const LaneIndex &a, const LaneIndex &b) {
  auto same = [](Dim i, Dim j) {
    return i.isConstant() || j.isConstant() ? i.getStatic() == j.getStatic()
                                            : i.getValue() == j.getValue();
  };
  return same(a.base, b.base) && same(a.step, b.step) && a.lanes == b.lanes;
}

/// Whether two tensors that meet in elementwise operations have one shape.
static bool haveOneShape(Value a, Value b) {
  ArrayRef<int64_t> left = cast<RankedTensorType>(a.getType()).getShape();
  ArrayRef<int64_t> right = cast<RankedTensorType>(b.getType()).getShape();
  return left.size() == right.size() &&
         llvm::all_of(llvm::zip_equal(left, right), [](auto sizes) {
           auto [i, j] = sizes;
           // Where one is dynamic, they are equal but if one is broadcast.
           return i == j ||
                  (i != 1 && j != 1 &&
                   (ShapedType::isDynamic(i) || ShapedType::isDynamic(j)));
         });
}

LaneIndex ElementEmitter::linearize(Value tensor, Index index) {
  if (positionLike && haveOneShape(tensor, positionLike) &&
      llvm::equal(index, positionIndex, areSame))
    return position;
  return indices.linearize(index, function.getShape(tensor));
}

llvm::MaybeAlign ElementEmitter::getAlignment(VectorType type) {
  if (!isAligned)
    return {};
  return llvm::Align(type.getNumElements() *
                     (type.getElementTypeBitWidth() / 8));
}

Value ElementEmitter::load(Value flat, const LaneIndex &position, Type type) {
  Type memoryType = cast<MemRefType>(flat.getType()).getElementType();
  Value element;
  if (width == 1 || position.isUniform()) {
    Value at =
        width == 1 ? indices.vector(position) : indices.value(position.base);
    element = memref::LoadOp::create(builder, getLoc(), flat, at);
  } else {
    auto vectorType = cast<VectorType>(getVectorType(memoryType));
    Value passThrough;
    if (mask || !position.isContiguous())
      passThrough = arith::ConstantOp::create(builder, getLoc(),
                                              builder.getZeroAttr(vectorType));
    if (position.isContiguous()) {
      Value at = indices.value(position.base);
      element = mask ? vector::MaskedLoadOp::create(
                           builder, getLoc(), vectorType, flat, ValueRange(at),
                           mask, passThrough)
                           .getResult()
                     : vector::LoadOp::create(
                           builder, getLoc(), vectorType, flat, ValueRange(at),
                           /*nontemporal=*/false, getAlignment(vectorType))
                           .getResult();
    } else {
      Value all = mask;
      if (!all)
        all = arith::ConstantOp::create(
            builder, getLoc(),
            DenseElementsAttr::get(
                cast<VectorType>(getVectorType(builder.getI1Type())), true));
      Value zero = indices.value(0);
      element = vector::GatherOp::create(
          builder, getLoc(), vectorType, flat, ValueRange(zero),
          indices.vector(position), all, passThrough);
    }
  }
  if (!type.isInteger(1))
    return element;
  Value zero = arith::ConstantOp::create(
      builder, getLoc(), builder.getZeroAttr(element.getType()));
  return arith::CmpIOp::create(builder, getLoc(), arith::CmpIPredicate::ne,
                               element, zero);
}

void ElementEmitter::store(Value flat, const LaneIndex &position,
                           Value element) {
  element = broadcast(element);
  Type memoryType = cast<MemRefType>(flat.getType()).getElementType();
  if (getElementTypeOrSelf(element).isInteger(1))
    element = arith::ExtUIOp::create(builder, getLoc(),
                                     getVectorType(memoryType), element);
  if (width == 1) {
    memref::StoreOp::create(builder, getLoc(), element, flat,
                            indices.vector(position));
    return;
  }
  if (position.isContiguous()) {
    Value at = indices.value(position.base);
    if (mask)
      vector::MaskedStoreOp::create(builder, getLoc(), flat, ValueRange(at),
                                    mask, element);
    else
      vector::StoreOp::create(
          builder, getLoc(), element, flat, ValueRange(at),
          /*nontemporal=*/false,
          getAlignment(cast<VectorType>(element.getType())));
    return;
  }
  Value all = mask;
  if (!all)
    all = broadcast(arith::ConstantIntOp::create(builder, getLoc(), 1, 1));
  vector::ScatterOp::create(builder, getLoc(), /*result=*/Type(), flat,
                            ValueRange(indices.value(0)),
                            indices.vector(position), all, element);
}

void ElementEmitter::storeOutput(unsigned i, Index index, Value element) {
  Value yielded = function.getYielded(i);
  store(function.getFlatOutput(i), linearize(yielded, index), element);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void ElementEmitter::inBlock(Block *block, llvm::function_ref<void()> body) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToEnd(block);
  std::map<Key, Value> saved = known;
  body();
  known = std::move(saved);
}

Value ElementEmitter::branch(Value condition, Type elementType,
                             llvm::function_ref<Value()> then,
                             llvm::function_ref<Value()> otherwise) {
  auto branch = scf::IfOp::create(builder, getLoc(),
                                  TypeRange(getVectorType(elementType)),
                                  condition, /*addThenBlock=*/true,
                                  /*addElseBlock=*/true);
  inBlock(branch.thenBlock(),
          [&] { scf::YieldOp::create(builder, getLoc(), broadcast(then())); });
  inBlock(branch.elseBlock(), [&] {
    scf::YieldOp::create(builder, getLoc(), broadcast(otherwise()));
  });
  return branch.getResult(0);
}

Value ElementEmitter::where(Value condition, Value laneCondition,
                            llvm::function_ref<Value()> then, Value otherwise) {
  auto thenInLanes = [&] {
    return laneCondition ? inLanes(laneCondition, then, otherwise) : then();
  };
  if (!condition)
    return thenInLanes();
  return branch(condition, otherwise.getType(), thenInLanes,
                [&] { return otherwise; });
}

Value ElementEmitter::zeroOf(Value tensor) {
  return constant(getSignless(function.getElementType(tensor)), 0);
}

Value ElementEmitter::inLanes(Value condition, llvm::function_ref<Value()> then,
                              Value otherwise) {
  if (width == 1)
    return branch(condition, otherwise.getType(), then,
                  [&] { return otherwise; });
  Value saved = mask;
  mask = mask ? arith::AndIOp::create(builder, getLoc(), mask, condition)
                    .getResult()
              : condition;
  Value inside = broadcast(then());
  mask = saved;
  return arith::SelectOp::create(builder, getLoc(), condition, inside,
                                 broadcast(otherwise));
}

SmallVector<Value> ElementEmitter::loop(
    Dim lower, Dim upper, ValueRange carried,
    llvm::function_ref<SmallVector<Value>(Value, ValueRange)> body) {
  auto loop =
      scf::ForOp::create(builder, getLoc(), indices.value(lower),
                         indices.value(upper), indices.value(1), carried);
  Block *block = loop.getBody();
  // Without carried values the loop already has its terminator.
  if (!block->empty())
    block->back().erase();
  inBlock(block, [&] {
    scf::YieldOp::create(
        builder, getLoc(),
        body(loop.getInductionVar(), loop.getRegionIterArgs()));
  });
  return SmallVector<Value>(loop.getResults().begin(), loop.getResults().end());
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

Value ElementEmitter::get(Value tensor, Index index) {
  Key key{{tensor.getAsOpaquePointer(), 0}, {mask.getAsOpaquePointer(), 0}};
  auto addDim = [&](Dim dim) {
    key.push_back({dim.getValue().getAsOpaquePointer(),
                   dim.isConstant() ? dim.getConstant() : 0});
  };
  for (const LaneIndex &i : index) {
    addDim(i.base);
    addDim(i.step);
    key.push_back({i.lanes.getAsOpaquePointer(), 0});
  }
  if (auto found = known.find(key); found != known.end())
    return found->second;
  Value element;
  if (auto make = bound.find(tensor); make != bound.end())
    element = make->second(*this, index);
  else
    element = build(tensor, index);
  known[key] = element;
  return element;
}

Value ElementEmitter::build(Value tensor, Index index) {
  Operation *op = tensor.getDefiningOp();
  if (!op)
    return load(function.getFlat(tensor), linearize(tensor, index),
                function.getElementType(tensor));
  if (auto constantOp = dyn_cast<ConstantOp>(op))
    return buildConstant(constantOp, index);
  if (isa<ElementwiseOpInterface>(op))
    return buildElementwise(op, index);
  if (isMovement(op))
    return buildMovement(*this, op, index);
  if (isWindow(op))
    return buildWindow(*this, op, index);
  if (isConvolution(op))
    return buildConvolution(*this, op, index);
  if (isIndexed(op))
    return buildIndexed(*this, op, index);
  if (isSampling(op))
    return buildSampling(*this, op, index);
  if (auto resize = dyn_cast<ResizeOp>(op))
    return buildResize(*this, resize, index);
  if (auto elements = dyn_cast<tensor::FromElementsOp>(op)) {
    // Few and known early: choose among them.
    Value element = function.getScalar(elements.getElements()[0]);
    int64_t count = elements.getElements().size();
    if (count > 1 && index.size() > 1)
      function.emitError(op, "it has more than one dimension");
    for (int64_t i = 1; i != count && index.size() == 1; ++i) {
      Value isIt = arith::CmpIOp::create(
          builder, getLoc(), arith::CmpIPredicate::eq, indices.vector(index[0]),
          indices.vector(LaneIndex(i)));
      element = arith::SelectOp::create(
          builder, getLoc(), isIt,
          broadcast(function.getScalar(elements.getElements()[i])),
          broadcast(element));
    }
    return element;
  }
  function.emitError(op, "no generated code for this operation");
  return constant(getSignless(function.getElementType(tensor)), 0);
}

Value ElementEmitter::buildConstant(ConstantOp op, Index index) {
  Type type = getSignless(function.getElementType(op));
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense || !dense.isSplat())
    return load(function.getFlat(op), linearize(op, index), type);
  auto value = dense.getSplatValue<Attribute>();
  if (auto integer = dyn_cast<IntegerAttr>(value))
    value = builder.getIntegerAttr(type, integer.getValue());
  return arith::ConstantOp::create(builder, getLoc(), cast<TypedAttr>(value));
}

Value ElementEmitter::buildElementwise(Operation *op, Index index) {
  SmallVector<Value> elements;
  auto resultType = cast<RankedTensorType>(op->getResult(0).getType());
  for (Value operand : op->getOperands()) {
    auto type = cast<RankedTensorType>(operand.getType());
    SmallVector<LaneIndex> operandIndex;
    if (type.getRank() != 0)
      for (auto [i, size, resultSize] :
           llvm::zip_equal(index, type.getShape(), resultType.getShape()))
        operandIndex.push_back(size == 1 ? LaneIndex(0) : i);
    elements.push_back(get(operand, operandIndex));
  }
  unify(elements);
  return cast<ElementwiseOpInterface>(op).buildBody(builder, op->getLoc(),
                                                    elements);
}

bool canEmitElements(Operation *op) {
  if (auto resize = dyn_cast<ResizeOp>(op))
    return resize.getMode() == ResizeMode::Nearest ||
           isa<FloatType>(resize.getOutput().getType().getElementType());
  // Normalisations are decomposed before anybody asks for their elements.
  return isa<ElementwiseOpInterface, ConstantOp, YieldOp, SoftmaxOp,
             LogSoftmaxOp, LayerNormOp, tensor::FromElementsOp, tensor::DimOp,
             tensor::ExtractOp>(op) ||
         isMovement(op) || isWindow(op) || isConvolution(op) || isIndexed(op) ||
         isSampling(op) || isa<arith::ArithDialect>(op->getDialect());
}

//===----------------------------------------------------------------------===//
// Loops of vectors
//===----------------------------------------------------------------------===//

void emitVectorLoop(OpBuilder &builder, Location loc, Dim lower, Dim upper,
                    int64_t width,
                    llvm::function_ref<void(OpBuilder &, Value, Value)> body) {
  IndexBuilder indices(builder, loc, width);
  DimBuilder &dims = indices.uniform();
  Dim count = dims.sub(upper, lower);
  Dim rest = indices.rem(count, width);
  Dim whole = dims.sub(upper, rest);
  bool hasWhole = !count.isConstant() || count.getConstant() >= width;
  if (hasWhole) {
    auto loop = scf::ForOp::create(builder, loc, indices.value(lower),
                                   indices.value(whole), indices.value(width));
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(loop.getBody());
    body(builder, loop.getInductionVar(), Value());
  }
  if (width == 1 || (rest.isConstant() && rest.getConstant() == 0))
    return;
  auto emitRest = [&] {
    Value at = indices.value(whole);
    auto type = VectorType::get({width}, builder.getI1Type());
    Value mask = vector::CreateMaskOp::create(builder, loc, type,
                                              ValueRange(indices.value(rest)));
    body(builder, at, mask);
  };
  if (rest.isConstant())
    return emitRest();
  Value hasRest = indices.less(0, rest);
  auto branch = scf::IfOp::create(builder, loc, hasRest, /*withElse=*/false);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(branch.thenBlock()->getTerminator());
  emitRest();
}

} // namespace tenon::cpu

//===- ElementMovement.cpp - Elements that stand elsewhere ----------------===//

#include "codegen/cpu/ElementOps.h"
#include "codegen/cpu/View.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cpu {

using Index = ElementEmitter::Index;

static bool isOne(Dim dim) {
  return dim.isConstant() && dim.getConstant() == 1;
}

//===----------------------------------------------------------------------===//
// Views and permutations
//===----------------------------------------------------------------------===//

/// The same position in row-major order.
static Value buildReshape(ElementEmitter &emitter, Value input, Value output,
                          Index index) {
  KernelFunction &function = emitter.getFunction();
  LaneIndex position =
      emitter.getIndices().linearize(index, function.getShape(output));
  if (isa<BlockArgument>(input))
    return emitter.load(function.getFlat(input), position,
                        function.getElementType(input));
  return emitter.get(input, emitter.getIndices().delinearize(
                                position, function.getShape(input)));
}

static Value buildTranspose(ElementEmitter &emitter, TransposeOp op,
                            Index index) {
  SmallVector<LaneIndex> inputIndex(index.size());
  for (auto [i, dim] : llvm::enumerate(op.getPermutation()))
    inputIndex[dim] = index[i];
  return emitter.get(op.getInput(), inputIndex);
}

static Value buildSlice(ElementEmitter &emitter, SliceOp op, Index index) {
  KernelFunction &function = emitter.getFunction();
  IndexBuilder &indices = emitter.getIndices();
  DimBuilder &dims = indices.uniform();
  SmallVector<LaneIndex> inputIndex(index);
  for (auto [i, axis, step] : llvm::enumerate(op.getAxes(), op.getSteps())) {
    Dim start = getSliceStart(function, dims, op, i);
    inputIndex[axis] = indices.add(indices.mul(index[axis], step), start);
  }
  return emitter.get(op.getInput(), inputIndex);
}

static Value buildExpand(ElementEmitter &emitter, ExpandOp op, Index index) {
  KernelFunction &function = emitter.getFunction();
  auto type = cast<RankedTensorType>(op.getInput().getType());
  if (type.getRank() == 0)
    return emitter.get(op.getInput(), {});
  IndexBuilder &indices = emitter.getIndices();
  SmallVector<Dim> shape = function.getShape(op.getInput());
  SmallVector<LaneIndex> inputIndex(index);
  // Where only the run can tell whether a dimension is repeated, lanes want a
  // branch (a load or a broadcast), and for one index a select will do.
  int64_t laneDim = -1;
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    if (size == 1) {
      inputIndex[i] = LaneIndex(0);
    } else if (ShapedType::isDynamic(size)) {
      if (index[i].isUniform())
        inputIndex[i] =
            indices.uniform().selectLess(1, shape[i], index[i].base, 0);
      else if (laneDim < 0)
        laneDim = i;
      else
        inputIndex[i] =
            indices.min(index[i], indices.uniform().sub(shape[i], 1));
    }
  }
  if (laneDim < 0)
    return emitter.get(op.getInput(), inputIndex);
  return emitter.branch(
      indices.less(1, shape[laneDim]), getSignless(type.getElementType()),
      [&] { return emitter.get(op.getInput(), inputIndex); },
      [&] {
        inputIndex[laneDim] = LaneIndex(0);
        return emitter.get(op.getInput(), inputIndex);
      });
}

static Value buildTile(ElementEmitter &emitter, TileOp op, Index index) {
  KernelFunction &function = emitter.getFunction();
  IndexBuilder &indices = emitter.getIndices();
  SmallVector<Dim> shape = function.getShape(op.getInput());
  SmallVector<LaneIndex> inputIndex(index);
  for (auto [i, size] : llvm::enumerate(shape)) {
    Dim repeats = function.getShapeElement(op.getRepeats(), i);
    if (!isOne(repeats))
      inputIndex[i] =
          isOne(size) ? LaneIndex(0)
                      : indices.rem(index[i], indices.uniform().max(size, 1));
  }
  return emitter.get(op.getInput(), inputIndex);
}

//===----------------------------------------------------------------------===//
// Several sources
//===----------------------------------------------------------------------===//

/// The operands from `first` on, of which the first begins at `begin`.
static Value buildConcatFrom(ElementEmitter &emitter, ConcatOp op, Index index,
                             unsigned first, Dim begin) {
  IndexBuilder &indices = emitter.getIndices();
  int64_t axis = op.getAxis();
  Value operand = op.getInputs()[first];
  auto getFirst = [&] {
    SmallVector<LaneIndex> inputIndex(index);
    inputIndex[axis] = indices.sub(index[axis], begin);
    return emitter.get(operand, inputIndex);
  };
  if (first + 1 == op.getInputs().size())
    return getFirst();
  Dim end = indices.uniform().add(
      begin, emitter.getFunction().getShape(operand)[axis]);
  Type type = getSignless(op.getOutput().getType().getElementType());
  auto getRest = [&] {
    return buildConcatFrom(emitter, op, index, first + 1, end);
  };
  if (index[axis].isUniform() || emitter.areKeptInOperands())
    return emitter.branch(indices.less(index[axis].base, end), type, getFirst,
                          getRest);
  Value isFirst = indices.less(index[axis], LaneIndex(end));
  Value isRest =
      indices.less(LaneIndex(indices.uniform().sub(end, 1)), index[axis]);
  Value rest = emitter.inLanes(isRest, getRest, emitter.constant(type, 0));
  return emitter.inLanes(isFirst, getFirst, rest);
}

static Value buildPad(ElementEmitter &emitter, PadOp op, Index index) {
  KernelFunction &function = emitter.getFunction();
  OpBuilder &builder = emitter.getBuilder();
  IndexBuilder &indices = emitter.getIndices();
  DimBuilder &dims = indices.uniform();
  Location loc = emitter.getLoc();
  SmallVector<Dim> shape = function.getShape(op.getInput());
  SmallVector<LaneIndex> inputIndex(index);
  Value isInside;       // i1, for dimensions with one index
  Value areLanesInside; // vector<Wxi1>
  auto require = [&](Value &all, Value condition) {
    all = all ? arith::AndIOp::create(builder, loc, all, condition).getResult()
              : condition;
  };
  for (auto [i, size] : llvm::enumerate(shape)) {
    Dim low = function.getShapeElement(op.getPads(), i);
    Dim high = function.getShapeElement(op.getPads(), i + shape.size());
    auto isZero = [](Dim dim) {
      return dim.isConstant() && dim.getConstant() == 0;
    };
    if (isZero(low) && isZero(high))
      continue;
    LaneIndex at = indices.sub(index[i], low);
    Dim last = dims.sub(size, 1);
    // The other modes repeat elements, of which there may be none.
    if (op.getMode() != PadMode::Constant && !size.isConstant())
      require(isInside, indices.less(Dim(0), size));
    switch (op.getMode()) {
    case PadMode::Constant: {
      bool isUniform = at.isUniform();
      Value &all = isUniform ? isInside : areLanesInside;
      // Unsigned comparison tests both ends.
      Value condition = arith::CmpIOp::create(
          builder, loc, arith::CmpIPredicate::ult,
          isUniform ? indices.value(at.base) : indices.vector(at),
          isUniform ? indices.value(size) : indices.vector(size));
      require(all, condition);
      break;
    }
    case PadMode::Edge:
      at = indices.min(indices.max(at, 0), last);
      break;
    case PadMode::Reflect: {
      // |x| mirrors at the begin, last - |last - x| at the end; a pad longer
      // than the input stays inside.
      auto absolute = [&](const LaneIndex &x) {
        LaneIndex negative = indices.sub(LaneIndex(0), x);
        if (x.isUniform())
          return LaneIndex(dims.max(x.base, negative.base));
        return LaneIndex::general(arith::MaxSIOp::create(
            builder, loc, indices.vector(x), indices.vector(negative)));
      };
      at = indices.sub(LaneIndex(last),
                       absolute(indices.sub(LaneIndex(last), absolute(at))));
      at = indices.min(indices.max(at, 0), last);
      break;
    }
    case PadMode::Wrap: {
      // The remainder of unsigned numbers wants one that isn't negative.
      Dim period = dims.max(size, 1);
      Dim rounds =
          indices.div(dims.add(dims.max(low, 0), dims.sub(period, 1)), period);
      at = indices.rem(indices.add(at, dims.mul(rounds, period)), period);
      break;
    }
    }
    inputIndex[i] = at;
  }
  auto getInput = [&] { return emitter.get(op.getInput(), inputIndex); };
  Value outside = op.getValue() ? emitter.get(op.getValue(), {})
                                : emitter.zeroOf(op.getOutput());
  return emitter.where(isInside, areLanesInside, getInput, outside);
}

//===----------------------------------------------------------------------===//
// Computed positions
//===----------------------------------------------------------------------===//

CheckedIndex buildCheckedIndex(ElementEmitter &emitter, Value element,
                               Dim size) {
  OpBuilder &builder = emitter.getBuilder();
  IndexBuilder &indices = emitter.getIndices();
  Location loc = emitter.getLoc();
  bool isUniform = !isa<VectorType>(element.getType());
  Type indexType = builder.getIndexType();
  Value at = arith::IndexCastOp::create(
      builder, loc, isUniform ? indexType : emitter.getVectorType(indexType),
      element);
  auto spread = [&](Value scalar) {
    return isUniform ? scalar : emitter.broadcast(scalar);
  };
  Value limit = indices.value(size);
  Value sizeValue = spread(limit);
  Value isNegative = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::slt, at, spread(indices.value(0)));
  Value fromEnd = arith::AddIOp::create(builder, loc, at, sizeValue);
  at = arith::SelectOp::create(builder, loc, isNegative, fromEnd, at);
  Value isGood = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ult,
                                       at, sizeValue);
  Value isBad = arith::XOrIOp::create(
      builder, loc, isGood,
      spread(arith::ConstantIntOp::create(builder, loc, 1, 1)));
  if (!isUniform && emitter.getMask())
    isBad = arith::AndIOp::create(builder, loc, isBad, emitter.getMask());
  Value isAnyBad =
      isUniform ? isBad
                : vector::ReductionOp::create(builder, loc,
                                              vector::CombiningKind::OR, isBad);
  // Of several in the lanes of a vector, the largest is told.
  auto getNumber = [&](OpBuilder &nested) -> KernelFunction::WrongNumber {
    Value number = element;
    if (!isUniform) {
      auto type = cast<VectorType>(element.getType());
      auto lowest = APInt::getSignedMinValue(type.getElementTypeBitWidth());
      Value none = arith::ConstantOp::create(
          nested, loc, DenseElementsAttr::get(type, lowest));
      number = arith::SelectOp::create(nested, loc, isBad, element, none);
      number = vector::ReductionOp::create(
          nested, loc, vector::CombiningKind::MAXSI, number);
    }
    return {arith::IndexCastOp::create(nested, loc, indexType, number), limit};
  };
  emitter.getFunction().failIf(builder, isAnyBad,
                               TENON_KERNEL_INDEX_OUT_OF_RANGE, getNumber);
  return {isUniform ? LaneIndex(at) : LaneIndex::general(at), isGood};
}

static Value buildGather(ElementEmitter &emitter, GatherOp op, Index index) {
  KernelFunction &function = emitter.getFunction();
  int64_t axis = op.getAxis();
  int64_t rank = cast<RankedTensorType>(op.getIndices().getType()).getRank();
  Dim size = function.getShape(op.getInput())[axis];

  auto [at, isGood] = buildCheckedIndex(
      emitter, emitter.get(op.getIndices(), index.slice(axis, rank)), size);
  SmallVector<LaneIndex> inputIndex(index.take_front(axis));
  inputIndex.push_back(at);
  llvm::append_range(inputIndex, index.drop_front(axis + rank));
  auto getInput = [&] { return emitter.get(op.getInput(), inputIndex); };
  Value zero = emitter.zeroOf(op.getOutput());
  // Nothing is read where the index is bad.
  return at.isUniform() ? emitter.where(isGood, Value(), getInput, zero)
                        : emitter.where(Value(), isGood, getInput, zero);
}

static Value buildRange(ElementEmitter &emitter, RangeOp op, Index index) {
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Type type = getSignless(op.getOutput().getType().getElementType());
  Type vectorType = emitter.getVectorType(type);
  Value start = emitter.getVector(op.getStart(), {});
  Value step = emitter.getVector(op.getStep(), {});
  Value i = emitter.getIndices().vector(index[0]);
  if (isa<FloatType>(type)) {
    i = arith::IndexCastOp::create(
        builder, loc, emitter.getVectorType(builder.getI64Type()), i);
    i = arith::SIToFPOp::create(builder, loc, vectorType, i);
    Value offset = arith::MulFOp::create(builder, loc, i, step);
    return arith::AddFOp::create(builder, loc, start, offset);
  }
  i = arith::IndexCastOp::create(builder, loc, vectorType, i);
  Value offset = arith::MulIOp::create(builder, loc, i, step);
  return arith::AddIOp::create(builder, loc, start, offset);
}

bool isMovement(Operation *op) {
  return isa<ReshapeOp, SqueezeOp, UnsqueezeOp, TransposeOp, ExpandOp, ConcatOp,
             SliceOp, PadOp, TileOp, GatherOp, RangeOp>(op);
}

Value buildMovement(ElementEmitter &emitter, Operation *op, Index index) {
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case<ReshapeOp, SqueezeOp, UnsqueezeOp>([&](auto op) {
        return buildReshape(emitter, op.getInput(), op.getOutput(), index);
      })
      .Case([&](TransposeOp op) { return buildTranspose(emitter, op, index); })
      .Case([&](SliceOp op) { return buildSlice(emitter, op, index); })
      .Case([&](ExpandOp op) { return buildExpand(emitter, op, index); })
      .Case([&](TileOp op) { return buildTile(emitter, op, index); })
      .Case([&](ConcatOp op) {
        return buildConcatFrom(emitter, op, index, 0, Dim(0));
      })
      .Case([&](PadOp op) { return buildPad(emitter, op, index); })
      .Case([&](GatherOp op) { return buildGather(emitter, op, index); })
      .Case([&](RangeOp op) { return buildRange(emitter, op, index); });
}

} // namespace tenon::cpu

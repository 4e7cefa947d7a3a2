//===- LaneIndex.cpp - Indices of the elements in a vector ----------------===//

#include "codegen/cpu/LaneIndex.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

//===----------------------------------------------------------------------===//
// The same in all lanes
//===----------------------------------------------------------------------===//

Value IndexBuilder::value(Dim dim) {
  if (dim.isConstant())
    return arith::ConstantIndexOp::create(builder, loc, dim.getConstant());
  return dim.getValue();
}

Dim IndexBuilder::div(Dim a, Dim b) {
  if (b.isConstant() && b.getConstant() == 1)
    return a;
  if (a.isConstant() && (b.isConstant() || a.getConstant() == 0))
    return a.getConstant() ? a.getConstant() / b.getConstant() : 0;
  return Dim(arith::DivUIOp::create(builder, loc, value(a), value(b)));
}

Dim IndexBuilder::rem(Dim a, Dim b) {
  if (b.isConstant() && b.getConstant() == 1)
    return 0;
  if (a.isConstant() && (b.isConstant() || a.getConstant() == 0))
    return a.getConstant() ? a.getConstant() % b.getConstant() : 0;
  return Dim(arith::RemUIOp::create(builder, loc, value(a), value(b)));
}

Dim IndexBuilder::product(ArrayRef<Dim> factors) {
  Dim result = 1;
  for (Dim factor : factors)
    result = dims.mul(result, factor);
  return result;
}

Value IndexBuilder::less(Dim a, Dim b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt,
                               value(a), value(b));
}

Value IndexBuilder::lessEqual(Dim a, Dim b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::sle,
                               value(a), value(b));
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

Value IndexBuilder::vector(const LaneIndex &index) {
  if (index.lanes)
    return index.lanes;
  Value base = value(index.base);
  if (width == 1)
    return base;
  auto type = VectorType::get({width}, builder.getIndexType());
  if (index.step.isConstant() && index.base.isConstant()) {
    SmallVector<int64_t> values;
    for (int64_t lane = 0; lane != width; ++lane)
      values.push_back(index.base.getConstant() +
                       lane * index.step.getConstant());
    SmallVector<Attribute> attributes;
    for (int64_t lane : values)
      attributes.push_back(builder.getIndexAttr(lane));
    return arith::ConstantOp::create(builder, loc,
                                     DenseElementsAttr::get(type, attributes));
  }
  Value result = vector::BroadcastOp::create(builder, loc, type, base);
  if (index.isUniform())
    return result;
  Value steps = vector(LaneIndex(Dim(0), Dim(1)));
  if (!index.isContiguous()) {
    Value step =
        vector::BroadcastOp::create(builder, loc, type, value(index.step));
    steps = arith::MulIOp::create(builder, loc, steps, step);
  }
  return arith::AddIOp::create(builder, loc, result, steps);
}

LaneIndex IndexBuilder::add(const LaneIndex &a, const LaneIndex &b) {
  if (a.isRamp() && b.isRamp())
    return LaneIndex(dims.add(a.base, b.base), dims.add(a.step, b.step));
  return LaneIndex::general(
      arith::AddIOp::create(builder, loc, vector(a), vector(b)));
}

LaneIndex IndexBuilder::sub(const LaneIndex &a, const LaneIndex &b) {
  if (a.isRamp() && b.isRamp())
    return LaneIndex(dims.sub(a.base, b.base), dims.sub(a.step, b.step));
  return LaneIndex::general(
      arith::SubIOp::create(builder, loc, vector(a), vector(b)));
}

LaneIndex IndexBuilder::mul(const LaneIndex &a, Dim b) {
  auto isZero = [](Dim dim) {
    return dim.isConstant() && dim.getConstant() == 0;
  };
  if (a.isRamp())
    return LaneIndex(isZero(a.base) ? Dim(0) : dims.mul(a.base, b),
                     isZero(a.step) ? Dim(0) : dims.mul(a.step, b));
  return LaneIndex::general(
      arith::MulIOp::create(builder, loc, a.lanes, vector(b)));
}

LaneIndex IndexBuilder::div(const LaneIndex &a, Dim b) {
  if (b.isConstant() && b.getConstant() == 1)
    return a;
  if (a.isUniform())
    return LaneIndex(div(a.base, b));
  return LaneIndex::general(
      arith::DivUIOp::create(builder, loc, vector(a), vector(b)));
}

LaneIndex IndexBuilder::rem(const LaneIndex &a, Dim b) {
  if (b.isConstant() && b.getConstant() == 1)
    return LaneIndex(0);
  if (a.isUniform())
    return LaneIndex(rem(a.base, b));
  return LaneIndex::general(
      arith::RemUIOp::create(builder, loc, vector(a), vector(b)));
}

LaneIndex IndexBuilder::min(const LaneIndex &a, Dim b) {
  if (a.isUniform())
    return LaneIndex(dims.min(a.base, b));
  return LaneIndex::general(
      arith::MinSIOp::create(builder, loc, vector(a), vector(b)));
}

LaneIndex IndexBuilder::max(const LaneIndex &a, Dim b) {
  if (a.isUniform())
    return LaneIndex(dims.max(a.base, b));
  return LaneIndex::general(
      arith::MaxSIOp::create(builder, loc, vector(a), vector(b)));
}

Value IndexBuilder::less(const LaneIndex &a, const LaneIndex &b) {
  return arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::slt,
                               vector(a), vector(b));
}

//===----------------------------------------------------------------------===//
// Row-major order
//===----------------------------------------------------------------------===//

LaneIndex IndexBuilder::linearize(ArrayRef<LaneIndex> index,
                                  ArrayRef<Dim> shape) {
  // Horner's scheme keeps what belongs to outer loops in front, where it can be
  // hoisted.
  LaneIndex position(0);
  for (auto [i, size] : llvm::zip_equal(index, shape))
    position = add(mul(position, size), i);
  return position;
}

SmallVector<LaneIndex> IndexBuilder::delinearize(const LaneIndex &position,
                                                 ArrayRef<Dim> shape) {
  SmallVector<LaneIndex> index(shape.size(), LaneIndex(0));
  LaneIndex rest = position;
  for (int64_t i = shape.size() - 1; i >= 0; --i) {
    if (shape[i].isConstant() && shape[i].getConstant() == 1)
      continue;
    // Nothing but ones stand in front: the rest is the index.
    bool isOutermost = llvm::all_of(shape.take_front(i), [](Dim dim) {
      return dim.isConstant() && dim.getConstant() == 1;
    });
    if (isOutermost) {
      index[i] = rest;
      break;
    }
    // An empty tensor has no elements to find, but must not divide by zero.
    Dim size = dims.max(shape[i], 1);
    index[i] = rem(rest, size);
    rest = div(rest, size);
  }
  return index;
}

SmallVector<Dim> IndexBuilder::delinearize(Dim position, ArrayRef<Dim> shape) {
  SmallVector<Dim> index;
  for (LaneIndex &i : delinearize(LaneIndex(position), shape))
    index.push_back(i.base);
  return index;
}

} // namespace tenon::cpu

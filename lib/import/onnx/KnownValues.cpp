//===- KnownValues.cpp - Elements of integer tensors, where known ---------===//

#include "lib/import/onnx/KnownValues.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {
namespace {

/// Larger tensors are data, not shapes. Of a model of very many nodes, all that
/// are smaller are kept.
constexpr int64_t kMaxKnownElements = 64;
/// The same for a constant, whose elements are only looked at.
constexpr int64_t kMaxConstants = 1024;

} // namespace

static std::optional<ArrayRef<int64_t>> getSmallShape(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (!type.getElementType().isInteger() || !type.hasStaticShape() ||
      type.getNumElements() > kMaxKnownElements)
    return std::nullopt;
  return type.getShape();
}

static SmallVector<int64_t> getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Makes the elements of a tensor of `shape` from the position of each.
static Elements
generate(ArrayRef<int64_t> shape,
         llvm::function_ref<Element(ArrayRef<int64_t>)> makeElement) {
  Elements elements;
  int64_t count = ShapedType::getNumElements(shape);
  SmallVector<int64_t> strides = getStrides(shape), index(shape.size());
  for (int64_t i = 0; i != count; ++i) {
    for (auto [d, stride] : llvm::enumerate(strides))
      index[d] = i / stride % shape[d];
    elements.push_back(makeElement(index));
  }
  return elements;
}

/// The place of `index` in a tensor of `shape` that broadcasts.
static int64_t linearize(ArrayRef<int64_t> index, ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides = getStrides(shape);
  int64_t place = 0, offset = index.size() - shape.size();
  for (size_t d = 0; d != shape.size(); ++d)
    place += shape[d] == 1 ? 0 : index[offset + d] * strides[d];
  return place;
}

/// `value` as an element of `type` holds it: in as many bits, which have a sign
/// or not. Of 64 bits without a sign these are the bits.
static int64_t wrap(uint64_t value, Type type) {
  unsigned width = type.getIntOrFloatBitWidth();
  if (width >= 64)
    return int64_t(value);
  return type.isUnsignedInteger() || width == 1
             ? int64_t(value & maskTrailingOnes<uint64_t>(width))
             : SignExtend64(value, width);
}

/// The element type of the operands.
static Type getOperandType(Operation *op) {
  return getElementTypeOrSelf(op->getOperand(0));
}

/// Whether `a` is less than `b`, as elements of `type`.
static bool isLess(int64_t a, int64_t b, Type type) {
  return type.isUnsignedInteger() ? uint64_t(a) < uint64_t(b) : a < b;
}

/// Constants are computed; what is neutral for a dimension keeps it.
static Element applyArithmetic(Operation *op, const Element &a,
                               const Element &b) {
  Type type = getOperandType(op);
  if (!a.constant || !b.constant) {
    bool isOneA = a.constant == 1, isOneB = b.constant == 1;
    bool isZeroA = a.constant == 0, isZeroB = b.constant == 0;
    if (isa<MulOp>(op) && (isOneA || isOneB))
      return isOneA ? b : a;
    if (isa<AddOp>(op) && (isZeroA || isZeroB))
      return isZeroA ? b : a;
    if ((isa<SubOp>(op) && isZeroB) || (isa<DivOp>(op) && isOneB))
      return a;
    if (isa<MaxOp, MinOp>(op) && a.isSame(b))
      return a;
    // A dimension is not negative.
    if (isa<MaxOp>(op) && !type.isUnsignedInteger() &&
        ((a.isDim() && b.constant && *b.constant <= 0) ||
         (b.isDim() && a.constant && *a.constant <= 0)))
      return a.isDim() ? a : b;
    return Element::unknown();
  }
  int64_t x = *a.constant, y = *b.constant;
  uint64_t ux = x, uy = y, result;
  if (isa<AddOp>(op))
    result = ux + uy;
  else if (isa<SubOp>(op))
    result = ux - uy;
  else if (isa<MulOp>(op))
    result = ux * uy;
  else if (isa<DivOp>(op) && y != 0 && type.isUnsignedInteger())
    result = ux / uy;
  else if (isa<DivOp>(op) && y != 0)
    result = y == -1 ? 0 - ux : uint64_t(x / y);
  else if (isa<MaxOp>(op))
    result = isLess(x, y, type) ? y : x;
  else if (isa<MinOp>(op))
    result = isLess(x, y, type) ? x : y;
  else if (isa<AndOp>(op))
    result = ux & uy;
  else if (isa<OrOp>(op))
    result = ux | uy;
  else
    return Element::unknown();
  return Element::get(wrap(result, type));
}

/// -1, 0 or 1 as `a` is less than, equal to or greater than `b`, if known.
static std::optional<int> compare(const Element &a, const Element &b,
                                  Type type) {
  if (a.isSame(b))
    return 0;
  if (a.constant && b.constant)
    return isLess(*a.constant, *b.constant, type) ? -1 : 1;
  if (type.isUnsignedInteger())
    return std::nullopt;
  if (a.isDim() && b.constant && *b.constant < 0)
    return 1;
  if (b.isDim() && a.constant && *a.constant < 0)
    return -1;
  return std::nullopt;
}

static Element applyComparison(Operation *op, const Element &a,
                               const Element &b) {
  std::optional<int> order = compare(a, b, getOperandType(op));
  if (!order)
    return Element::unknown();
  return Element::get(llvm::TypeSwitch<Operation *, bool>(op)
                          .Case<EqualOp>([&](auto) { return *order == 0; })
                          .Case<LessOp>([&](auto) { return *order < 0; })
                          .Case<LessEqualOp>([&](auto) { return *order <= 0; })
                          .Case<GreaterOp>([&](auto) { return *order > 0; })
                          .Default([&](auto) { return *order >= 0; }));
}

static Element applyUnary(Operation *op, const Element &a) {
  if (auto cast = dyn_cast<CastOp>(op)) {
    if (a.isDim()) // A dimension fits every type that shapes are kept in.
      return cast.getTo().getIntOrFloatBitWidth() >= 32 ? a
                                                        : Element::unknown();
    if (!a.constant)
      return Element::unknown();
    if (cast.getTo().isInteger(1))
      return Element::get(*a.constant != 0);
    return Element::get(wrap(*a.constant, cast.getTo()));
  }
  if (!a.constant)
    return Element::unknown();
  // Of a bool, the one bit.
  uint64_t x = *a.constant;
  return Element::get(wrap(isa<NotOp>(op) ? ~x : 0 - x, getOperandType(op)));
}

const std::optional<Elements> &KnownValues::getElements(Value value) {
  if (auto it = cache.find(value); it != cache.end())
    return it->second;
  // The importer asks for every value as soon as it is there, so that only
  // after a clear() this goes deep.
  constexpr unsigned maxDepth = 64;
  std::optional<Elements> elements;
  if (++depth <= maxDepth)
    elements = compute(value);
  --depth;
  if (std::optional<ArrayRef<int64_t>> shape = getSmallShape(value);
      shape && !elements)
    elements.emplace(ShapedType::getNumElements(*shape));
  return cache[value] = std::move(elements);
}

std::optional<SmallVector<int64_t>> KnownValues::getConstants(Value value) {
  if (value.getDefiningOp<ConstantOp>())
    return getConstantInts(value, kMaxConstants);
  const std::optional<Elements> &elements = getElements(value);
  if (!elements)
    return std::nullopt;
  SmallVector<int64_t> constants;
  for (const Element &element : *elements) {
    if (!element.constant)
      return std::nullopt;
    constants.push_back(*element.constant);
  }
  return constants;
}

std::optional<Elements> KnownValues::compute(Value value) {
  std::optional<ArrayRef<int64_t>> small = getSmallShape(value);
  Operation *op = value.getDefiningOp();
  if (!small || !op)
    return std::nullopt;
  ArrayRef<int64_t> shape = *small;
  auto getOperand = [&](unsigned i) { return getElements(op->getOperand(i)); };
  auto getShape = [&](unsigned i) {
    return cast<RankedTensorType>(op->getOperand(i).getType()).getShape();
  };

  if (isa<ConstantOp>(op)) {
    std::optional<SmallVector<int64_t>> constants =
        getConstantInts(value, kMaxKnownElements);
    if (!constants)
      return std::nullopt;
    return llvm::map_to_vector(*constants, Element::get);
  }
  if (auto shapeOp = dyn_cast<ShapeOp>(op)) {
    auto type = cast<RankedTensorType>(shapeOp.getInput().getType());
    Elements elements;
    for (auto [i, size] : llvm::enumerate(type.getShape()))
      elements.push_back(
          ShapedType::isDynamic(size)
              ? Element{std::nullopt, shapeOp.getInput(), int64_t(i)}
              : Element::get(size));
    return elements;
  }
  if (isa<SqueezeOp, UnsqueezeOp, ReshapeOp>(op))
    return getOperand(0);
  if (isa<CastOp, NotOp, NegOp>(op)) {
    std::optional<Elements> elements = getOperand(0);
    if (elements)
      for (Element &element : *elements)
        element = applyUnary(op, element);
    return elements;
  }
  if (isa<AddOp, SubOp, MulOp, DivOp, MaxOp, MinOp, AndOp, OrOp, EqualOp,
          LessOp, LessEqualOp, GreaterOp, GreaterEqualOp>(op)) {
    std::optional<Elements> a = getOperand(0), b = getOperand(1);
    if (!a || !b)
      return std::nullopt;
    bool isComparison =
        isa<EqualOp, LessOp, LessEqualOp, GreaterOp, GreaterEqualOp>(op);
    return generate(shape, [&](ArrayRef<int64_t> index) {
      const Element &x = (*a)[linearize(index, getShape(0))];
      const Element &y = (*b)[linearize(index, getShape(1))];
      return isComparison ? applyComparison(op, x, y)
                          : applyArithmetic(op, x, y);
    });
  }
  if (isa<WhereOp>(op)) {
    std::optional<Elements> c = getOperand(0), a = getOperand(1),
                            b = getOperand(2);
    if (!c || !a || !b)
      return std::nullopt;
    return generate(shape, [&](ArrayRef<int64_t> index) {
      const Element &condition = (*c)[linearize(index, getShape(0))];
      const Element &x = (*a)[linearize(index, getShape(1))];
      const Element &y = (*b)[linearize(index, getShape(2))];
      if (condition.constant)
        return *condition.constant ? x : y;
      return x.isSame(y) ? x : Element::unknown();
    });
  }
  if (auto concat = dyn_cast<ConcatOp>(op)) {
    SmallVector<Elements> parts;
    for (unsigned i = 0; i != op->getNumOperands(); ++i) {
      std::optional<Elements> part = getOperand(i);
      // A part that is not known leaves the others known.
      if (!part && getSmallShape(op->getOperand(i)))
        part = Elements(ShapedType::getNumElements(getShape(i)));
      if (!part)
        return std::nullopt;
      parts.push_back(std::move(*part));
    }
    int64_t axis = concat.getAxis();
    return generate(shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> place(index);
      unsigned i = 0;
      for (; place[axis] >= getShape(i)[axis]; ++i)
        place[axis] -= getShape(i)[axis];
      SmallVector<int64_t> strides = getStrides(getShape(i));
      int64_t linear = 0;
      for (auto [p, stride] : llvm::zip_equal(place, strides))
        linear += p * stride;
      return parts[i][linear];
    });
  }
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    std::optional<Elements> input = getOperand(0);
    if (!input)
      return std::nullopt;
    return generate(shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> place(index.size());
      for (auto [i, p] : llvm::enumerate(transpose.getPermutation()))
        place[p] = index[i];
      return (*input)[linearize(place, getShape(0))];
    });
  }
  if (auto slice = dyn_cast<SliceOp>(op)) {
    std::optional<Elements> input = getOperand(0);
    std::optional<SmallVector<int64_t>> starts =
        getConstants(slice.getStarts());
    if (!input || !starts)
      return std::nullopt;
    SmallVector<int64_t> first(shape.size(), 0), step(shape.size(), 1);
    for (auto [i, axis] : llvm::enumerate(slice.getAxes())) {
      int64_t size = getShape(0)[axis], start = (*starts)[i];
      step[axis] = slice.getSteps()[i];
      if (start < 0)
        start += size;
      int64_t most = step[axis] > 0 ? size : size - 1;
      first[axis] = std::clamp<int64_t>(start, 0, std::max<int64_t>(most, 0));
    }
    SmallVector<int64_t> strides = getStrides(getShape(0));
    return generate(shape, [&](ArrayRef<int64_t> index) {
      int64_t linear = 0;
      for (size_t d = 0; d != index.size(); ++d)
        linear += (first[d] + index[d] * step[d]) * strides[d];
      return linear < 0 || linear >= int64_t(input->size()) ? Element::unknown()
                                                            : (*input)[linear];
    });
  }
  if (auto gather = dyn_cast<GatherOp>(op)) {
    std::optional<Elements> input = getOperand(0);
    std::optional<SmallVector<int64_t>> indices =
        getConstants(gather.getIndices());
    if (!input || !indices || getShape(0).size() != 1)
      return std::nullopt;
    Elements elements;
    for (int64_t index : *indices) {
      int64_t place = index < 0 ? index + int64_t(input->size()) : index;
      if (place < 0 || place >= int64_t(input->size()))
        return std::nullopt;
      elements.push_back((*input)[place]);
    }
    return elements;
  }
  if (isa<ExpandOp>(op)) {
    std::optional<Elements> input = getOperand(0);
    if (!input)
      return std::nullopt;
    return generate(shape, [&](ArrayRef<int64_t> index) {
      return (*input)[linearize(index, getShape(0))];
    });
  }
  if (auto reduce = dyn_cast<ReduceOp>(op)) {
    std::optional<Elements> input = getOperand(0);
    bool isProduct = reduce.getKind() == ReduceKind::Prod;
    if (!input || getShape(0).size() != 1 || reduce.getAxes().size() != 1 ||
        (!isProduct && reduce.getKind() != ReduceKind::Sum))
      return std::nullopt;
    uint64_t result = isProduct ? 1 : 0;
    for (const Element &element : *input) {
      if (!element.constant)
        return std::nullopt;
      if (isProduct)
        result *= uint64_t(*element.constant);
      else
        result += uint64_t(*element.constant);
    }
    return Elements{Element::get(wrap(result, getOperandType(op)))};
  }
  return std::nullopt;
}

} // namespace tenon::onnx_import

//===- Spelling.cpp - Pieces that operators are spelled with --------------===//

#include "lib/import/onnx/Spelling.h"

#include "lib/import/onnx/NarrowTypes.h"

#include <numeric>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

Type getNumberedType(NodeContext &node, StringRef attribute, int64_t number,
                     StringRef what) {
  if (node.failed())
    return {};
  if (number <= 0 || number > onnx::TensorProto::INT2) {
    node.invalid("attribute '" + attribute + "' is " + Twine(number) +
                 ", expected an element type");
    return {};
  }
  Type type = getElementType(node.getContext(), number);
  if (type && !isNarrow(type))
    return type;
  node.unsupported(what + " " + getTypeName(int32_t(number)) +
                   " is not supported");
  return {};
}

/// Ranges of no more elements are constants at once.
static constexpr int64_t kMaxConstantRange = 1 << 16;

static Value createConstantRange(NodeContext &node, int64_t size) {
  SmallVector<int64_t> values(size);
  std::iota(values.begin(), values.end(), 0);
  return node.createInts(values);
}

Value createRange(NodeContext &node, Value limit) {
  limit = toScalar(node, limit, "a size");
  if (node.failed() || !limit)
    return {};
  std::optional<SmallVector<int64_t>> known =
      node.getKnownValues().getConstants(limit);
  if (known && (*known)[0] <= kMaxConstantRange)
    return createConstantRange(node, std::max<int64_t>((*known)[0], 0));
  Type type = node.getBuilder().getI64Type();
  Value range =
      node.create<RangeOp>(node.createScalar(type, 0), node.cast(limit, type),
                           node.createScalar(type, 1));
  if (known && range)
    return node.refineType(range, {(*known)[0]});
  return range;
}

Value flattenAll(NodeContext &node, Value value) {
  return value && getType(value).getRank() == 1
             ? value
             : node.reshape(value, node.createInts(-1));
}

Value createIndices(NodeContext &node, Value value, int64_t axis) {
  if (node.failed() || !value)
    return {};
  return alongAxis(node, createRange(node, node.getDim(value, axis)), axis,
                   getType(value).getRank());
}

Value alongAxis(NodeContext &node, Value vector, int64_t axis, int64_t rank) {
  SmallVector<int64_t> others = getAxes(0, rank);
  others.erase(others.begin() + axis);
  return node.unsqueeze(vector, others);
}

Value toScalar(NodeContext &node, Value value, StringRef what) {
  if (node.failed() || !value)
    return {};
  RankedTensorType type = getType(value);
  for (int64_t size : type.getShape())
    if (size != 1) {
      node.invalid("expected " + what + " of one element, found " +
                   (ShapedType::isDynamic(size) ? "a dynamic number of them"
                                                : Twine(size).str()));
      return {};
    }
  return node.squeeze(value, getAxes(0, type.getRank()));
}

Value getElement(NodeContext &node, Value vector, int64_t i) {
  return node.squeeze(
      node.sliceAxis(vector, 0, node.createInts(i), node.createInts(i + 1)),
      {int64_t(0)});
}

SmallVector<int64_t> getPerDimension(NodeContext &node, StringRef name,
                                     size_t count, int64_t minimum,
                                     int64_t defaultValue) {
  std::optional<SmallVector<int64_t>> values = node.getInts(name);
  if (!values)
    return SmallVector<int64_t>(count, defaultValue);
  if (values->size() != count) {
    node.invalid("attribute '" + name + "' has " + Twine(values->size()) +
                 " elements, expected " + Twine(count));
    return SmallVector<int64_t>(count, defaultValue);
  }
  for (int64_t value : *values)
    if (value < minimum || value > INT32_MAX)
      node.invalid("attribute '" + name + "' has the element " + Twine(value) +
                   ", expected one of at least " + Twine(minimum) +
                   " and below 2^31");
  return *values;
}

Value requireSizes(NodeContext &node, Value value, int64_t axis, Value sizes) {
  auto sum = [&](Value parts) {
    return node.create<ReduceOp>(parts, ReduceKind::Sum, ArrayRef<int64_t>{0});
  };
  Value total = sum(sizes);
  value = node.requireSize(value, axis, total);
  // Where the sum is the same without the negative ones, there are none.
  Value positive = node.create<MaxOp>(sizes, node.createInts(int64_t(0)));
  return node.require(
      value, total, sum(positive),
      "the sum of the sizes and of those that are not negative");
}

Value rejectNegative(NodeContext &node, Value indices, Value size) {
  if (node.failed() || !indices || !size)
    return {};
  size = node.cast(node.squeeze(size, {int64_t(0)}),
                   getElementTypeOrSelf(indices));
  return where(node, withScalar<LessOp>(node, indices, 0),
               node.create<SubOp>(indices, size), indices);
}

Value fillLike(NodeContext &node, Value like, Type type, double value) {
  return node.expand(node.createScalar(type, value), node.getShape(like));
}

Value where(NodeContext &node, Value condition, Value a, Value b) {
  if (node.failed() || !condition || !a || !b)
    return {};
  SmallVector<Value> operands = node.broadcast({condition, a, b});
  return node.failed()
             ? Value()
             : node.create<WhereOp>(operands[0], operands[1], operands[2]);
}

Value whereOrZero(NodeContext &node, Value condition, Value value) {
  if (node.failed() || !value)
    return {};
  return where(node, condition, value,
               node.createScalar(getElementTypeOrSelf(value), 0));
}

Value reduce(NodeContext &node, Value value, ReduceKind kind,
             ArrayRef<int64_t> axes, bool drops) {
  // Kinds that leave a single element as it is.
  if (axes.empty())
    return value;
  Value result = node.create<ReduceOp>(value, kind, axes);
  return drops ? node.squeeze(result, axes) : result;
}

Value reduceAll(NodeContext &node, Value value, ReduceKind kind) {
  if (node.failed() || !value)
    return {};
  return reduce(node, value, kind, getAxes(0, getType(value).getRank()),
                /*drops=*/true);
}

SmallVector<int64_t> getAxes(int64_t begin, int64_t end) {
  return llvm::to_vector(llvm::seq<int64_t>(begin, end));
}

Value createMatMul(NodeContext &node, Value a, Value b) {
  if (node.failed() || !a || !b)
    return {};
  int64_t rankA = getType(a).getRank(), rankB = getType(b).getRank();
  if (rankA == 0 || rankB == 0) {
    node.invalid("expected operands of rank 1 or more, found ranks " +
                 Twine(rankA) + " and " + Twine(rankB));
    return {};
  }
  if (rankA == 1)
    a = node.unsqueeze(a, {int64_t(0)});
  if (rankB == 1)
    b = node.unsqueeze(b, {int64_t(1)});
  Value product = node.create<MatMulOp>(a, b);
  if (!product)
    return {};
  int64_t rank = getType(product).getRank();
  SmallVector<int64_t> dropped;
  if (rankA == 1)
    dropped.push_back(rank - 2);
  if (rankB == 1)
    dropped.push_back(rank - 1);
  return node.squeeze(product, dropped);
}

Value widen(NodeContext &node, Value value) {
  if (node.failed() || !value)
    return {};
  auto type = dyn_cast<FloatType>(getElementTypeOrSelf(value));
  if (!type || type.getWidth() >= 32)
    return value;
  return node.cast(value, node.getBuilder().getF32Type());
}

Moments getMoments(NodeContext &node, Value value, ArrayRef<int64_t> axes) {
  Moments moments;
  moments.mean = reduce(node, value, ReduceKind::Mean, axes);
  moments.centred = node.create<SubOp>(value, moments.mean);
  moments.variance =
      reduce(node, node.create<MulOp>(moments.centred, moments.centred),
             ReduceKind::Mean, axes);
  return moments;
}

Value getInverseDeviation(NodeContext &node, Value variance, double epsilon) {
  return node.create<RsqrtOp>(withScalar<AddOp>(node, variance, epsilon));
}

} // namespace tenon::onnx_import

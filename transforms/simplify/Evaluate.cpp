//===- Evaluate.cpp - Results of operations whose operands are constant ---===//

#include "transforms/simplify/Evaluate.h"

#include "transforms/simplify/Constants.h"
#include "transforms/simplify/ElementCopies.h"
#include "transforms/simplify/ScalarProgram.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>
#include <cstring>
#include <numeric>

using namespace mlir;

namespace tenon {

using Views = SmallVector<ConstantView, 3>;

static RankedTensorType getResultType(Operation *op) {
  return cast<RankedTensorType>(op->getResult(0).getType());
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// Copies `count` elements of `T`, with strides counted in elements.
template <typename T>
static void copyRun(const char *from, int64_t fromStride, char *to,
                    int64_t toStride, int64_t count) {
  for (int64_t i = 0; i != count; ++i)
    std::memcpy(to + i * toStride * sizeof(T),
                from + i * fromStride * sizeof(T), sizeof(T));
}

static void copyRun(int64_t elementBytes, const char *from, int64_t fromStride,
                    char *to, int64_t toStride, int64_t count) {
  if (fromStride == 1 && toStride == 1) {
    std::memcpy(to, from, count * elementBytes);
    return;
  }
  switch (elementBytes) {
  case 1:
    return copyRun<uint8_t>(from, fromStride, to, toStride, count);
  case 2:
    return copyRun<uint16_t>(from, fromStride, to, toStride, count);
  case 4:
    return copyRun<uint32_t>(from, fromStride, to, toStride, count);
  default:
    return copyRun<uint64_t>(from, fromStride, to, toStride, count);
  }
}

/// Whether each element of the result is the same, as the operands are splats
/// of one value.
static bool isUniformMovement(const ElementMovement &movement,
                              ArrayRef<ConstantView> views) {
  if (movement.copies.empty())
    return false;
  ArrayRef<char> bytes = views[movement.copies.front().operand].getBytes();
  for (const ElementCopy &copy : movement.copies)
    if (!views[copy.operand].isSplat() ||
        views[copy.operand].getBytes() != bytes)
      return false;
  if (!movement.isFilled)
    return true;
  if (movement.fill)
    return views[*movement.fill].getBytes() == bytes;
  return llvm::all_of(bytes, [](char byte) { return byte == 0; });
}

static ElementsAttr evaluateMovement(Operation *op,
                                     const ElementMovement &movement,
                                     ArrayRef<ConstantView> views) {
  RankedTensorType type = getResultType(op);
  if (isUniformMovement(movement, views))
    return cast<DenseElementsAttr>(
               views[movement.copies.front().operand].getAttribute())
        .resizeSplat(type);
  if (isa<ReshapeOp, SqueezeOp, UnsqueezeOp>(op))
    return reshapeConstant(views[0].getAttribute(), type);

  int64_t size = *getElementBytes(type.getElementType());
  ConstantBuffer buffer(type);
  if (movement.isFilled) {
    if (movement.fill)
      copyRun(size, views[*movement.fill].getBytes().data(), 0,
              buffer.getData(), 1, type.getNumElements());
    else
      std::memset(buffer.getData(), 0, buffer.getSize());
  }
  for (const ElementCopy &copy : movement.copies) {
    const ConstantView &view = views[copy.operand];
    forEachRun(copy, [&](int64_t from, int64_t fromStride, int64_t to,
                         int64_t toStride, int64_t count) {
      if (view.isSplat())
        from = fromStride = 0;
      copyRun(size, view.getBytes().data() + from * size, fromStride,
              buffer.getData() + to * size, toStride, count);
    });
  }
  return buffer.finish();
}

//===----------------------------------------------------------------------===//
// Elementwise operations
//===----------------------------------------------------------------------===//

namespace {
/// Reads an operand in the order of the result, repeating it along the
/// dimensions that broadcast.
class BroadcastReader {
public:
  BroadcastReader(const ConstantView &view, ArrayRef<int64_t> resultShape)
      : view(view), shape(resultShape), at(resultShape.size(), 0) {
    ArrayRef<int64_t> operandShape = view.getType().getShape();
    isWhole = operandShape == resultShape && !view.isSplat();
    strides.assign(shape.size(), 0);
    if (view.isSplat() || operandShape.empty())
      return;
    strides = getRowMajorStrides(operandShape);
    for (auto [stride, size] : llvm::zip_equal(strides, operandShape))
      if (size == 1)
        stride = 0;
  }

  /// Fills the next `count` lanes.
  void read(ScalarProgram::Lanes &lanes, int64_t count) {
    const char *data = view.getBytes().data();
    Type type = view.getElementType();
    bool isFloat = isa<FloatType>(type);
    for (int64_t i = 0; i != count; ++i) {
      if (isFloat)
        lanes.floats[i] = loadDouble(type, data, position);
      else
        lanes.integers[i] = loadInteger(type, data, position);
      advance();
    }
  }

private:
  void advance() {
    if (isWhole) {
      ++position;
      return;
    }
    for (int64_t dim = int64_t(shape.size()) - 1; dim >= 0; --dim) {
      position += strides[dim];
      if (++at[dim] != shape[dim])
        return;
      position -= strides[dim] * shape[dim];
      at[dim] = 0;
    }
  }

  const ConstantView &view;
  ArrayRef<int64_t> shape;
  SmallVector<int64_t> strides, at;
  int64_t position = 0;
  bool isWhole;
};
} // namespace

static ElementsAttr evaluateElementwise(ElementwiseOpInterface op,
                                        ArrayRef<ConstantView> views) {
  RankedTensorType type = getResultType(op);
  std::unique_ptr<ScalarProgram> program = ScalarProgram::compile(op);
  if (!program)
    return nullptr;
  bool uniform = llvm::all_of(
      views, [](const ConstantView &view) { return view.isSplat(); });
  SmallVector<int64_t> shape(type.getShape());
  RankedTensorType computed =
      uniform ? RankedTensorType::get({}, type.getElementType()) : type;
  if (uniform)
    shape.clear();
  SmallVector<BroadcastReader, 3> readers;
  for (const ConstantView &view : views)
    readers.emplace_back(view, shape);

  ConstantBuffer buffer(computed);
  bool isFloat = isa<FloatType>(type.getElementType());
  for (int64_t begin = 0, end = computed.getNumElements(); begin < end;
       begin += ScalarProgram::kBatch) {
    int64_t count = std::min(end - begin, ScalarProgram::kBatch);
    for (auto [i, reader] : llvm::enumerate(readers))
      reader.read(program->getInput(i), count);
    if (failed(program->run(count)))
      return nullptr;
    const ScalarProgram::Lanes &result = program->getResult();
    for (int64_t i = 0; i != count; ++i) {
      if (isFloat)
        storeDouble(type.getElementType(), buffer.getData(), begin + i,
                    result.floats[i]);
      else
        storeInteger(type.getElementType(), buffer.getData(), begin + i,
                     result.integers[i]);
    }
  }
  ElementsAttr value = buffer.finish();
  return uniform ? cast<DenseElementsAttr>(value).resizeSplat(type) : value;
}

//===----------------------------------------------------------------------===//
// Reductions and ranges
//===----------------------------------------------------------------------===//

/// Arithmetic that wraps for integers.
static double add(double a, double b) { return a + b; }
static double multiply(double a, double b) { return a * b; }
static int64_t add(int64_t a, int64_t b) {
  return int64_t(uint64_t(a) + uint64_t(b));
}
static int64_t multiply(int64_t a, int64_t b) {
  return int64_t(uint64_t(a) * uint64_t(b));
}

/// Sums, means, products and extremes. Floats add up as doubles.
static ElementsAttr evaluateReduce(ReduceOp op, const ConstantView &input) {
  RankedTensorType type = getResultType(op), inputType = input.getType();
  Type element = type.getElementType();
  bool isFloat = isa<FloatType>(element);
  ReduceKind kind = op.getKind();
  if (!llvm::is_contained({ReduceKind::Sum, ReduceKind::Mean, ReduceKind::Max,
                           ReduceKind::Min, ReduceKind::Prod},
                          kind) ||
      element.isUnsignedInteger(64))
    return nullptr;

  SmallVector<int64_t> strides = getRowMajorStrides(type.getShape());
  for (int64_t axis : op.getAxes())
    strides[axis] = 0;
  int64_t outputs = type.getNumElements();
  int64_t reduced = inputType.getNumElements() / outputs;
  std::vector<double> floats(isFloat ? outputs : 0);
  std::vector<int64_t> integers(isFloat ? 0 : outputs);
  std::vector<bool> seen(outputs);
  bool isMax = kind == ReduceKind::Max;
  auto combine = [&](auto &into, auto value, bool first) {
    // As in kernels, what is not a number is never the extreme.
    if (value != value && (isMax || kind == ReduceKind::Min)) {
      if (first)
        into = isMax ? -INFINITY : INFINITY;
      return;
    }
    bool wins = isMax ? into < value : value < into;
    if (first)
      into = value;
    else if (isMax || kind == ReduceKind::Min)
      into = wins ? value : into;
    else if (kind == ReduceKind::Prod)
      into = multiply(into, value);
    else
      into = add(into, value);
  };
  SmallVector<int64_t> at(inputType.getRank(), 0);
  int64_t target = 0;
  for (int64_t i = 0, e = inputType.getNumElements(); i != e; ++i) {
    if (isFloat)
      combine(floats[target], input.getDouble(i), !seen[target]);
    else
      combine(integers[target], input.getInteger(i), !seen[target]);
    seen[target] = true;
    for (int64_t dim = inputType.getRank() - 1; dim >= 0; --dim) {
      target += strides[dim];
      if (++at[dim] != inputType.getDimSize(dim))
        break;
      target -= strides[dim] * inputType.getDimSize(dim);
      at[dim] = 0;
    }
  }
  ConstantBuffer buffer(type);
  for (int64_t i = 0; i != outputs; ++i) {
    if (isFloat)
      storeDouble(element, buffer.getData(), i,
                  kind == ReduceKind::Mean ? floats[i] / reduced : floats[i]);
    else
      storeInteger(element, buffer.getData(), i,
                   kind == ReduceKind::Mean ? integers[i] / reduced
                                            : integers[i]);
  }
  return buffer.finish();
}

/// start + i * step. The result's type may be dynamic still.
static ElementsAttr evaluateRange(RangeOp op, ArrayRef<ConstantView> views) {
  RankedTensorType type = getResultType(op);
  if (!type.hasStaticShape() || type.getNumElements() == 0)
    return nullptr;
  Type element = type.getElementType();
  ConstantBuffer buffer(type);
  for (int64_t i = 0, e = type.getNumElements(); i != e; ++i) {
    if (isa<FloatType>(element))
      storeDouble(element, buffer.getData(), i,
                  views[0].getDouble(0) + i * views[2].getDouble(0));
    else
      storeInteger(
          element, buffer.getData(), i,
          add(views[0].getInteger(0), multiply(i, views[2].getInteger(0))));
  }
  return buffer.finish();
}

/// The indices of elements that are not 0, unless there is another number of
/// them than the type says.
static ElementsAttr evaluateNonZero(NonZeroOp op, const ConstantView &input) {
  RankedTensorType type = getResultType(op);
  auto inputType = cast<RankedTensorType>(op.getInput().getType());
  bool isFloat = isa<FloatType>(inputType.getElementType());
  ConstantBuffer buffer(type);
  int64_t count = type.getDimSize(1), found = 0;
  for (int64_t i = 0, e = inputType.getNumElements(); i != e; ++i) {
    if (isFloat ? input.getDouble(i) == 0 : input.getInteger(i) == 0)
      continue;
    if (found == count)
      return nullptr;
    int64_t rest = i;
    for (int64_t dim = inputType.getRank() - 1; dim >= 0; --dim) {
      int64_t size = inputType.getDimSize(dim);
      storeInteger(type.getElementType(), buffer.getData(), dim * count + found,
                   rest % size);
      rest /= size;
    }
    ++found;
  }
  return found == count ? buffer.finish() : nullptr;
}

//===----------------------------------------------------------------------===//
// Entry
//===----------------------------------------------------------------------===//

int64_t getResultBytes(Operation *op) {
  auto type = getResultType(op);
  std::optional<int64_t> size = getElementBytes(type.getElementType());
  if (!size || !type.hasStaticShape())
    return 0;
  return type.getNumElements() * *size;
}

ElementsAttr evaluate(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0)
    return nullptr;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() == 0 ||
      !getElementBytes(type.getElementType()))
    return nullptr;
  Views views;
  for (Value operand : op->getOperands()) {
    std::optional<ConstantView> view = ConstantView::get(operand);
    if (!view)
      return nullptr;
    views.push_back(std::move(*view));
  }
  if (auto elementwise = dyn_cast<ElementwiseOpInterface>(op))
    return evaluateElementwise(elementwise, views);
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return evaluateReduce(reduce, views[0]);
  if (auto range = dyn_cast<RangeOp>(op))
    return evaluateRange(range, views);
  if (auto nonZero = dyn_cast<NonZeroOp>(op))
    return evaluateNonZero(nonZero, views[0]);
  FailureOr<ElementMovement> movement = getElementMovement(op);
  if (failed(movement))
    return nullptr;
  return evaluateMovement(op, *movement, views);
}

} // namespace tenon

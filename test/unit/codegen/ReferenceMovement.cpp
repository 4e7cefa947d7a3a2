//===- ReferenceMovement.cpp - Movements by their definitions -------------===//

#include "Reference.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace tenon::test {

static int64_t clampIndex(int64_t i, int64_t low, int64_t high) {
  return std::min(std::max(i, low), high);
}

static double interpolate(const Tensor &input, ResizeOp op,
                          ArrayRef<int64_t> sizes, ArrayRef<int64_t> index,
                          size_t axis, SmallVector<int64_t> inputIndex) {
  if (axis == sizes.size())
    return input.at(inputIndex);
  int64_t dim = op.getAxes()[axis];
  float in = input.shape[dim], out = sizes[axis], o = index[dim];
  float scale = op.getScales() ? float((*op.getScales())[axis]) : out / in;
  float x = 0;
  switch (op.getCoordinateMode()) {
  case CoordinateMode::HalfPixel:
    x = (o + 0.5f) / scale - 0.5f;
    break;
  case CoordinateMode::PytorchHalfPixel:
    x = out > 1 ? (o + 0.5f) / scale - 0.5f : 0;
    break;
  case CoordinateMode::AlignCorners:
    x = out > 1 ? o * (in - 1) / (out - 1) : 0;
    break;
  case CoordinateMode::Asymmetric:
    x = o / scale;
    break;
  }
  auto tap = [&](int64_t i) {
    inputIndex[dim] = clampIndex(i, 0, input.shape[dim] - 1);
    return interpolate(input, op, sizes, index, axis + 1, inputIndex);
  };
  if (op.getMode() == ResizeMode::Nearest) {
    switch (op.getNearestMode()) {
    case NearestMode::RoundPreferFloor:
      return tap(std::ceil(x - 0.5f));
    case NearestMode::RoundPreferCeil:
      return tap(std::floor(x + 0.5f));
    case NearestMode::Floor:
      return tap(std::floor(x));
    case NearestMode::Ceil:
      return tap(std::ceil(x));
    }
  }
  if (op.getMode() == ResizeMode::Linear) {
    x = std::min(std::max(x, 0.0f), in - 1);
    double low = std::floor(x), s = x - low;
    return (1 - s) * tap(low) + s * tap(low + 1);
  }
  double low = std::floor(x), s = x - low;
  double a = op.getCubicCoefficient().convertToDouble();
  auto weight = [&](double d) {
    d = std::abs(d);
    if (d <= 1)
      return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a;
  };
  return weight(1 + s) * tap(low - 1) + weight(s) * tap(low) +
         weight(1 - s) * tap(low + 1) + weight(2 - s) * tap(low + 2);
}

static int64_t padIndex(PadMode mode, int64_t i, int64_t size) {
  switch (mode) {
  case PadMode::Constant:
    return i;
  case PadMode::Edge:
    return clampIndex(i, 0, size - 1);
  case PadMode::Reflect:
    while (i < 0 || i >= size)
      i = i < 0 ? -i : 2 * (size - 1) - i;
    return i;
  case PadMode::Wrap:
    return ((i % size) + size) % size;
  }
  return i;
}

bool Evaluator::runMovement(Operation &operation) {
  return llvm::TypeSwitch<Operation *, bool>(&operation)
      .Case<ReshapeOp>([&](auto op) {
        Tensor result = get(op.getInput());
        std::vector<int64_t> shape = getIntegers(op.getShape());
        int64_t known = 1;
        for (int64_t size : shape)
          known *= size < 0 ? 1 : size;
        for (int64_t &size : shape)
          size = size < 0 ? result.size() / known : size;
        result.shape.assign(shape.begin(), shape.end());
        set(op, result);
        return true;
      })
      .Case<SqueezeOp>([&](auto op) {
        Tensor result = get(op.getInput());
        SmallVector<int64_t> shape;
        for (auto [i, size] : llvm::enumerate(result.shape))
          if (!llvm::is_contained(op.getAxes(), int64_t(i)))
            shape.push_back(size);
        result.shape = shape;
        set(op, result);
        return true;
      })
      .Case<UnsqueezeOp>([&](auto op) {
        Tensor result = get(op.getInput());
        for (int64_t axis : op.getAxes())
          result.shape.insert(result.shape.begin() + axis, 1);
        set(op, result);
        return true;
      })
      .Case<TransposeOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        SmallVector<int64_t> shape;
        for (int64_t dim : op.getPermutation())
          shape.push_back(input.shape[dim]);
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          SmallVector<int64_t> from(index.size());
          for (auto [i, dim] : llvm::enumerate(op.getPermutation()))
            from[dim] = index[i];
          result.ref(index) = input.at(from);
        });
        set(op, result);
        return true;
      })
      .Case<ExpandOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        std::vector<int64_t> shape = getIntegers(op.getShape());
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          result.ref(index) = input.at(index);
        });
        set(op, result);
        return true;
      })
      .Case<TileOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        std::vector<int64_t> shape = getIntegers(op.getRepeats());
        for (size_t i = 0; i != shape.size(); ++i)
          shape[i] *= input.shape[i];
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          SmallVector<int64_t> from(index);
          for (size_t i = 0; i != shape.size(); ++i)
            from[i] %= input.shape[i];
          result.ref(index) = input.at(from);
        });
        set(op, result);
        return true;
      })
      .Case<ConcatOp>([&](auto op) {
        int64_t axis = op.getAxis();
        SmallVector<int64_t> shape = get(op.getInputs()[0]).shape;
        shape[axis] = 0;
        for (Value input : op.getInputs())
          shape[axis] += get(input).shape[axis];
        Tensor result = makeResult(operation, shape);
        int64_t offset = 0;
        for (Value input : op.getInputs()) {
          Tensor::forEach(get(input).shape, [&](ArrayRef<int64_t> index) {
            SmallVector<int64_t> to(index);
            to[axis] += offset;
            result.ref(to) = get(input).at(index);
          });
          offset += get(input).shape[axis];
        }
        set(op, result);
        return true;
      })
      .Case<SliceOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        SmallVector<int64_t> shape = input.shape, starts(shape.size(), 0),
                             steps(shape.size(), 1);
        std::vector<int64_t> begin = getIntegers(op.getStarts());
        std::vector<int64_t> end = getIntegers(op.getEnds());
        for (auto [i, axis, step] :
             llvm::enumerate(op.getAxes(), op.getSteps())) {
          int64_t size = input.shape[axis];
          auto normalise = [&](int64_t x) { return x < 0 ? x + size : x; };
          int64_t from =
              clampIndex(normalise(begin[i]), 0, step > 0 ? size : size - 1);
          int64_t to = step > 0 ? clampIndex(normalise(end[i]), 0, size)
                                : clampIndex(normalise(end[i]), -1, size - 1);
          starts[axis] = from;
          steps[axis] = step;
          shape[axis] = std::max<int64_t>(
              0, (to - from + step + (step > 0 ? -1 : 1)) / step);
        }
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          SmallVector<int64_t> from(index);
          for (size_t i = 0; i != shape.size(); ++i)
            from[i] = starts[i] + steps[i] * index[i];
          result.ref(index) = input.at(from);
        });
        set(op, result);
        return true;
      })
      .Case<PadOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        std::vector<int64_t> pads = getIntegers(op.getPads());
        SmallVector<int64_t> shape = input.shape;
        for (size_t i = 0; i != shape.size(); ++i)
          shape[i] += pads[i] + pads[i + shape.size()];
        double value = op.getValue() ? get(op.getValue()).elements[0] : 0;
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          SmallVector<int64_t> from(index);
          bool isInside = true;
          for (size_t i = 0; i != shape.size(); ++i) {
            from[i] =
                padIndex(op.getMode(), index[i] - pads[i], input.shape[i]);
            isInside &= from[i] >= 0 && from[i] < input.shape[i];
          }
          result.ref(index) = isInside ? input.at(from) : value;
        });
        set(op, result);
        return true;
      })
      .Case<GatherOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        const Tensor &indices = get(op.getIndices());
        int64_t axis = op.getAxis();
        SmallVector<int64_t> shape(input.shape.begin(),
                                   input.shape.begin() + axis);
        llvm::append_range(shape, indices.shape);
        shape.append(input.shape.begin() + axis + 1, input.shape.end());
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          int64_t i = indices.at(index.slice(axis, indices.rank()));
          SmallVector<int64_t> from(index.take_front(axis));
          from.push_back(i < 0 ? i + input.shape[axis] : i);
          llvm::append_range(from, index.drop_front(axis + indices.rank()));
          // An index out of range is the test's business.
          bool isGood = from[axis] >= 0 && from[axis] < input.shape[axis];
          result.ref(index) = isGood ? input.at(from) : 0;
        });
        set(op, result);
        return true;
      })
      .Case<RangeOp>([&](auto op) {
        double start = get(op.getStart()).elements[0];
        double limit = get(op.getLimit()).elements[0];
        double step = get(op.getStep()).elements[0];
        int64_t size = std::max<int64_t>(0, std::ceil((limit - start) / step));
        Tensor result = makeResult(operation, size);
        for (int64_t i = 0; i != size; ++i)
          result.elements[i] = start + i * step;
        set(op, result);
        return true;
      })
      .Case<ResizeOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        std::vector<int64_t> sizes = getIntegers(op.getSizes());
        SmallVector<int64_t> shape = input.shape;
        for (auto [i, axis] : llvm::enumerate(op.getAxes()))
          shape[axis] = sizes[i];
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          result.ref(index) = interpolate(input, op, sizes, index, 0,
                                          SmallVector<int64_t>(index));
        });
        set(op, result);
        return true;
      })
      .Default([](Operation *) { return false; });
}

} // namespace tenon::test

//===- ReferenceReduction.cpp - Reductions by their definitions -----------===//

#include "Reference.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace tenon::test {

static double reduce(ReduceKind kind, ArrayRef<double> x, bool isFloat) {
  double sum = 0, max = -INFINITY, min = INFINITY, product = 1, absolute = 0,
         square = 0;
  for (double v : x) {
    sum += v;
    max = std::max(max, v);
    min = std::min(min, v);
    product *= v;
    absolute += std::abs(v);
    square += v * v;
  }
  switch (kind) {
  case ReduceKind::Sum:
    return sum;
  case ReduceKind::Mean:
    return isFloat ? sum / x.size() : std::trunc(sum / x.size());
  case ReduceKind::Max:
    return max;
  case ReduceKind::Min:
    return min;
  case ReduceKind::Prod:
    return product;
  case ReduceKind::L1:
    return absolute;
  case ReduceKind::L2:
    return std::sqrt(square);
  case ReduceKind::SumSquare:
    return square;
  case ReduceKind::LogSum:
    return std::log(sum);
  case ReduceKind::LogSumExp: {
    double scaled = 0;
    for (double v : x)
      scaled += std::exp(v - max);
    return std::log(scaled) + max;
  }
  }
  return 0;
}

/// Calls `body` with the index (0 in `axes`) and the elements of each group of
/// elements that differ only in `axes`.
static void forEachGroup(
    const Tensor &input, ArrayRef<int64_t> axes,
    llvm::function_ref<void(ArrayRef<int64_t>, ArrayRef<SmallVector<int64_t>>,
                            ArrayRef<double>)>
        body) {
  SmallVector<int64_t> outer = input.shape, inner(input.rank(), 1);
  for (int64_t axis : axes) {
    outer[axis] = 1;
    inner[axis] = input.shape[axis];
  }
  Tensor::forEach(outer, [&](ArrayRef<int64_t> index) {
    SmallVector<SmallVector<int64_t>> indices;
    std::vector<double> elements;
    Tensor::forEach(inner, [&](ArrayRef<int64_t> offset) {
      SmallVector<int64_t> at(index);
      for (size_t i = 0; i != at.size(); ++i)
        at[i] += offset[i];
      elements.push_back(input.at(at));
      indices.push_back(at);
    });
    body(index, indices, elements);
  });
}

template <typename PoolOp>
static void runPool(const Tensor &input, PoolOp op, Tensor &result) {
  int64_t spatial = op.getKernel().size();
  int64_t first = op.getLayout() == Layout::NCHW ? 2 : 1;
  Tensor::forEach(result.shape, [&](ArrayRef<int64_t> index) {
    double sum = 0, max = -INFINITY;
    int64_t count = 0;
    Tensor::forEach(op.getKernel(), [&](ArrayRef<int64_t> k) {
      SmallVector<int64_t> at(index);
      bool isInside = true, isPadding = true;
      for (int64_t i = 0; i != spatial; ++i) {
        int64_t size = input.shape[first + i];
        int64_t x = index[first + i] * op.getStrides()[i] - op.getPads()[i] +
                    k[i] * op.getDilations()[i];
        at[first + i] = x;
        isInside &= x >= 0 && x < size;
        isPadding &= x < size + op.getPads()[i + spatial];
      }
      if (isInside) {
        sum += input.at(at);
        max = std::max(max, input.at(at));
      }
      if constexpr (std::is_same_v<PoolOp, AveragePoolOp>)
        count += op.getCountIncludePad() ? isPadding : isInside;
    });
    result.ref(index) = std::is_same_v<PoolOp, MaxPoolOp> ? max : sum / count;
  });
}

bool Evaluator::runReduction(Operation &operation) {
  auto getResultShape = [&] {
    // Only pools use this, whose tests are static.
    return SmallVector<int64_t>(
        cast<RankedTensorType>(operation.getResult(0).getType()).getShape());
  };
  auto runSoftmax = [&](auto op, bool isLog) {
    Tensor result = makeResult(operation, get(op.getInput()).shape);
    forEachGroup(
        get(op.getInput()), int64_t(op.getAxis()),
        [&](auto, ArrayRef<SmallVector<int64_t>> indices, ArrayRef<double> x) {
          double all = reduce(ReduceKind::LogSumExp, x, true);
          for (auto [index, v] : llvm::zip(indices, x))
            result.ref(index) = isLog ? v - all : std::exp(v - all);
        });
    set(op, result);
    return true;
  };
  return llvm::TypeSwitch<Operation *, bool>(&operation)
      .Case<ReduceOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        SmallVector<int64_t> shape = input.shape;
        for (int64_t axis : op.getAxes())
          shape[axis] = 1;
        Tensor result = makeResult(operation, shape);
        forEachGroup(input, op.getAxes(),
                     [&](ArrayRef<int64_t> index, auto, ArrayRef<double> x) {
                       result.ref(index) = reduce(
                           op.getKind(), x, isa<FloatType>(input.elementType));
                     });
        set(op, result);
        return true;
      })
      .Case<SoftmaxOp>([&](auto op) { return runSoftmax(op, false); })
      .Case<LogSoftmaxOp>([&](auto op) { return runSoftmax(op, true); })
      .Case<LayerNormOp>([&](auto op) {
        const Tensor &input = get(op.getInput());
        auto axes =
            llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), input.rank()));
        Tensor result = makeResult(operation, input.shape);
        forEachGroup(input, axes,
                     [&](auto, ArrayRef<SmallVector<int64_t>> indices,
                         ArrayRef<double> x) {
                       double mean = reduce(ReduceKind::Mean, x, true),
                              variance = 0;
                       for (double v : x)
                         variance += (v - mean) * (v - mean) / x.size();
                       for (auto [index, v] : llvm::zip(indices, x)) {
                         ArrayRef<int64_t> inner =
                             ArrayRef<int64_t>(index).drop_front(op.getAxis());
                         result.ref(index) =
                             (v - mean) /
                                 std::sqrt(variance +
                                           op.getEpsilon().convertToDouble()) *
                                 get(op.getScale()).at(inner) +
                             (op.getBias() ? get(op.getBias()).at(inner) : 0);
                       }
                     });
        set(op, result);
        return true;
      })
      .Case<MaxPoolOp, AveragePoolOp>([&](auto op) {
        Tensor result = makeResult(operation, getResultShape());
        runPool(get(op.getInput()), op, result);
        set(op, result);
        return true;
      })
      .Default([](Operation *) { return false; });
}

} // namespace tenon::test

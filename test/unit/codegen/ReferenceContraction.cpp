//===- ReferenceContraction.cpp - Sums of products by their definitions ---===//

#include "Reference.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

namespace tenon::test {

namespace {

/// What a convolution and its transpose have in common: which pixels of the
/// image with more of them each pixel of the other meets, through which
/// weights.
template <typename OpTy> struct Taps {
  Taps(OpTy op, const Tensor &weights) : op(op), rank(weights.rank()) {
    bool isNhwc = op.getLayout() == Layout::NHWC;
    spatial = rank - 2;
    first = isNhwc ? 1 : 2;
    channel = isNhwc ? rank - 1 : 1;
    kernel = isNhwc ? 0 : 2;
    inner = isNhwc ? rank - 2 : 1;
    outer = isNhwc ? rank - 1 : 0;
    for (int64_t i = 0; i != spatial; ++i)
      window.push_back(weights.shape[kernel + i]);
  }

  int64_t getPads(int64_t i) {
    return op.getPads()[i] + op.getPads()[i + spatial];
  }
  int64_t getExtent(int64_t i) {
    return op.getDilations()[i] * (window[i] - 1) + 1;
  }

  /// Calls `visit` with the index of each pixel below `limits` that the pixel
  /// at `index` meets, and that of the weights. Their channels are to be set.
  template <typename Visit>
  void forEach(ArrayRef<int64_t> index, ArrayRef<int64_t> limits, Visit visit) {
    Tensor::forEach(window, [&](ArrayRef<int64_t> k) {
      SmallVector<int64_t> other(index), weights(rank);
      for (int64_t i = 0; i != spatial; ++i) {
        int64_t at = index[first + i] * op.getStrides()[i] - op.getPads()[i] +
                     k[i] * op.getDilations()[i];
        if (at < 0 || at >= limits[first + i])
          return;
        other[first + i] = at;
        weights[kernel + i] = k[i];
      }
      visit(other, weights);
    });
  }

  OpTy op;
  int64_t rank, spatial;
  /// Dimensions of the images: the first of the spatial ones, and the channels.
  int64_t first, channel;
  /// Dimensions of the weights: the first of the window, the channels of a
  /// group, and those of all groups.
  int64_t kernel, inner, outer;
  SmallVector<int64_t> window;
};

} // namespace

bool Evaluator::runContraction(Operation &operation) {
  return llvm::TypeSwitch<Operation *, bool>(&operation)
      .Case<MatMulOp>([&](auto op) {
        const Tensor &a = get(op.getLhs()), &b = get(op.getRhs());
        int64_t rank = std::max(a.rank(), b.rank());
        SmallVector<int64_t> shape(rank, 1);
        for (const Tensor *x : {&a, &b})
          for (int64_t i = 0; i + 2 < x->rank(); ++i) {
            int64_t &size = shape[rank - x->rank() + i];
            size = x->shape[i] == 1 ? size : x->shape[i];
          }
        bool ta = op.getTransposeA(), tb = op.getTransposeB();
        int64_t depth = a.shape[a.rank() - (ta ? 2 : 1)];
        shape[rank - 2] = a.shape[a.rank() - (ta ? 1 : 2)];
        shape[rank - 1] = b.shape[b.rank() - (tb ? 2 : 1)];
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          SmallVector<int64_t> ia(index), ib(index);
          double sum = 0;
          for (int64_t k = 0; k != depth; ++k) {
            ia[rank - 2] = ta ? k : index[rank - 2];
            ia[rank - 1] = ta ? index[rank - 2] : k;
            ib[rank - 2] = tb ? index[rank - 1] : k;
            ib[rank - 1] = tb ? k : index[rank - 1];
            sum += a.at(ia) * b.at(ib);
          }
          result.ref(index) = sum;
        });
        set(op, result);
        return true;
      })
      .Case<ConvOp>([&](auto op) {
        const Tensor &x = get(op.getInput()), &w = get(op.getWeights());
        Taps<ConvOp> taps(op, w);
        int64_t outputs = w.shape[taps.outer], depth = w.shape[taps.inner];
        SmallVector<int64_t> shape = x.shape;
        shape[taps.channel] = outputs;
        for (int64_t i = 0; i != taps.spatial; ++i)
          shape[taps.first + i] =
              (x.shape[taps.first + i] + taps.getPads(i) - taps.getExtent(i)) /
                  op.getStrides()[i] +
              1;
        int64_t perGroup = outputs / op.getGroups();
        Tensor result = makeResult(operation, shape);
        Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
          int64_t m = index[taps.channel];
          double sum = op.getBias() ? get(op.getBias()).elements[m] : 0;
          taps.forEach(index, x.shape, [&](auto &ix, auto &iw) {
            iw[taps.outer] = m;
            for (int64_t c = 0; c != depth; ++c) {
              ix[taps.channel] = m / perGroup * depth + c;
              iw[taps.inner] = c;
              sum += x.at(ix) * w.at(iw);
            }
          });
          result.ref(index) = sum;
        });
        set(op, result);
        return true;
      })
      .Case<ConvTransposeOp>([&](auto op) {
        const Tensor &x = get(op.getInput()), &w = get(op.getWeights());
        Taps<ConvTransposeOp> taps(op, w);
        int64_t perGroup = w.shape[taps.inner];
        int64_t inputsPerGroup = x.shape[taps.channel] / op.getGroups();
        SmallVector<int64_t> shape = x.shape;
        shape[taps.channel] = perGroup * op.getGroups();
        for (int64_t i = 0; i != taps.spatial; ++i)
          shape[taps.first + i] =
              op.getStrides()[i] * (x.shape[taps.first + i] - 1) +
              op.getOutputPadding()[i] + taps.getExtent(i) - taps.getPads(i);
        Tensor result = makeResult(operation, shape);
        if (op.getBias())
          Tensor::forEach(shape, [&](ArrayRef<int64_t> index) {
            result.ref(index) = get(op.getBias()).elements[index[taps.channel]];
          });
        // By its name: what a convolution reads, this writes.
        Tensor::forEach(x.shape, [&](ArrayRef<int64_t> ix) {
          int64_t c = ix[taps.channel];
          taps.forEach(ix, shape, [&](auto &index, auto &iw) {
            iw[taps.outer] = c;
            for (int64_t m = 0; m != perGroup; ++m) {
              index[taps.channel] = c / inputsPerGroup * perGroup + m;
              iw[taps.inner] = m;
              result.ref(index) += x.at(ix) * w.at(iw);
            }
          });
        });
        set(op, result);
        return true;
      })
      .Case<LstmOp>([&](auto op) {
        const Tensor &x = get(op.getInput()), &w = get(op.getWeights()),
                     &r = get(op.getRecurrence()), &b = get(op.getBias());
        int64_t steps = x.shape[0], batches = x.shape[1];
        int64_t directions = w.shape[0], hidden = r.shape[2];
        Tensor output =
            makeResult(operation, {steps, directions, batches, hidden});
        Tensor state = get(op.getInitialState()),
               cell = get(op.getInitialCell());
        auto sigmoid = [](double z) { return 1 / (1 + std::exp(-z)); };
        Tensor::forEach({directions, batches}, [&](ArrayRef<int64_t> at) {
          int64_t d = at[0], n = at[1];
          bool isReverse = op.getDirection() == Direction::Reverse || d == 1;
          for (int64_t step = 0; step != steps; ++step) {
            int64_t t = isReverse ? steps - 1 - step : step;
            std::vector<double> gates(4 * hidden);
            for (int64_t g = 0; g != 4 * hidden; ++g) {
              gates[g] = b.at({d, g}) + b.at({d, 4 * hidden + g});
              for (int64_t i = 0; i != x.shape[2]; ++i)
                gates[g] += x.at({t, n, i}) * w.at({d, g, i});
              for (int64_t i = 0; i != hidden; ++i)
                gates[g] += state.at({d, n, i}) * r.at({d, g, i});
            }
            for (int64_t i = 0; i != hidden; ++i) {
              double &c = cell.ref({d, n, i});
              c = sigmoid(gates[2 * hidden + i]) * c +
                  sigmoid(gates[i]) * std::tanh(gates[3 * hidden + i]);
              double h = sigmoid(gates[hidden + i]) * std::tanh(c);
              state.ref({d, n, i}) = output.ref({t, d, n, i}) = h;
            }
          }
        });
        set(op.getOutput(), output);
        set(op.getLastState(), state);
        set(op.getLastCell(), cell);
        return true;
      })
      .Case<AttentionOp>([&](auto op) {
        const Tensor &q = get(op.getQuery()), &k = get(op.getKey()),
                     &v = get(op.getValue());
        SmallVector<int64_t> shape = q.shape;
        shape[3] = v.shape[3];
        Tensor result = makeResult(operation, shape);
        int64_t keys = k.shape[2];
        double scale = op.getScale().convertToDouble();
        Tensor::forEach(
            {shape[0], shape[1], shape[2]}, [&](ArrayRef<int64_t> row) {
              std::vector<double> scores(keys);
              double max = -INFINITY, sum = 0;
              for (int64_t t = 0; t != keys; ++t) {
                for (int64_t d = 0; d != q.shape[3]; ++d)
                  scores[t] += q.at({row[0], row[1], row[2], d}) *
                               k.at({row[0], row[1], t, d});
                scores[t] *= scale;
                if (op.getMask())
                  scores[t] +=
                      get(op.getMask()).at({row[0], row[1], row[2], t});
                max = std::max(max, scores[t]);
              }
              for (double &score : scores)
                sum += score = std::exp(score - max);
              for (int64_t e = 0; e != shape[3]; ++e) {
                double total = 0;
                for (int64_t t = 0; t != keys; ++t)
                  total += scores[t] / sum * v.at({row[0], row[1], t, e});
                result.ref({row[0], row[1], row[2], e}) = total;
              }
            });
        set(op, result);
        return true;
      })
      .Default([](Operation *) { return false; });
}

} // namespace tenon::test

//===- OneDnnReference.cpp - oneDNN's kernels by definition --------------===//

#include "test/unit/runtime/OneDnnKernel.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace tenon::test;

static double applyEltwise(const TestPostOp &op, double x) {
  auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
  switch (op.algorithm) {
  case TENON_ONEDNN_RELU:
    return x > 0 ? x : op.alpha * x;
  case TENON_ONEDNN_TANH:
    return std::tanh(x);
  case TENON_ONEDNN_ELU:
    return x > 0 ? x : op.alpha * std::expm1(x);
  case TENON_ONEDNN_SQUARE:
    return x * x;
  case TENON_ONEDNN_ABS:
    return std::abs(x);
  case TENON_ONEDNN_SQRT:
    return std::sqrt(x);
  case TENON_ONEDNN_LINEAR:
    return op.alpha * x + op.beta;
  case TENON_ONEDNN_CLIP:
    return std::min(std::max(x, op.alpha), op.beta);
  case TENON_ONEDNN_LOGISTIC:
    return sigmoid(x);
  case TENON_ONEDNN_EXP:
    return std::exp(x);
  case TENON_ONEDNN_LOG:
    return std::log(x);
  case TENON_ONEDNN_POW:
    return op.alpha * std::pow(x, op.beta);
  case TENON_ONEDNN_GELU_ERF:
    return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
  case TENON_ONEDNN_GELU_TANH:
    return 0.5 * x *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case TENON_ONEDNN_SWISH:
    return x * sigmoid(op.alpha * x);
  case TENON_ONEDNN_HARD_SWISH:
    return x * std::min(std::max(x / 6 + 0.5, 0.0), 1.0);
  case TENON_ONEDNN_SOFT_RELU:
    return std::log1p(std::exp(x));
  case TENON_ONEDNN_MISH:
    return x * std::tanh(std::log1p(std::exp(x)));
  case TENON_ONEDNN_ROUND:
    return std::nearbyint(x);
  }
  return NAN;
}

static double applyBinary(int algorithm, double x, double y) {
  switch (algorithm) {
  case TENON_ONEDNN_ADD:
    return x + y;
  case TENON_ONEDNN_SUB:
    return x - y;
  case TENON_ONEDNN_MUL:
    return x * y;
  case TENON_ONEDNN_DIV:
    return x / y;
  case TENON_ONEDNN_MAX:
    return std::max(x, y);
  case TENON_ONEDNN_MIN:
    return std::min(x, y);
  }
  return NAN;
}

namespace {

/// Attributes of convolutions and pools, by name.
struct Window {
  int64_t groups = 1;
  Dims size, strides, begins, dilations;
  bool countsPadding = false;

  explicit Window(const TestKernel &kernel) {
    auto word = kernel.attributes.begin();
    int64_t rank = *word++;
    bool isPool = kernel.kind == TENON_ONEDNN_AVERAGE_POOL;
    auto take = [&] {
      Dims values(word, word + rank);
      word += rank;
      return values;
    };
    if (isPool) {
      size = take();
    } else {
      groups = *word++;
      const Dims &weights = kernel.args[1].dims;
      size.assign(weights.begin() + 2, weights.end());
    }
    strides = take();
    begins = take();
    take(); // pads at the end follow from the result
    dilations = take();
    if (kernel.kind == TENON_ONEDNN_AVERAGE_POOL)
      countsPadding = *word;
  }
};

} // namespace

static double convolve(const TestKernel &kernel, const Window &window,
                       const Dims &out) {
  const TestArg &src = kernel.args[0], &weights = kernel.args[1];
  int64_t perGroup = weights.dims[1];
  int64_t group = out[1] / (weights.dims[0] / window.groups);
  double sum = 0;
  Dims in(out), w(out);
  in[0] = out[0];
  w[0] = out[1];
  for (int64_t c = 0; c < perGroup; ++c)
    forEachIndex(window.size, [&](const Dims &k) {
      in[1] = group * perGroup + c;
      w[1] = c;
      for (size_t i = 0; i < k.size(); ++i) {
        in[2 + i] = out[2 + i] * window.strides[i] - window.begins[i] +
                    k[i] * window.dilations[i];
        w[2 + i] = k[i];
        if (in[2 + i] < 0 || in[2 + i] >= src.dims[2 + i])
          return;
      }
      sum += double(src.at(in)) * weights.at(w);
    });
  return sum;
}

static double convolveTransposed(const TestKernel &kernel, const Window &window,
                                 const Dims &out) {
  const TestArg &src = kernel.args[0], &weights = kernel.args[1];
  int64_t outPerGroup = weights.dims[1];
  int64_t inPerGroup = src.dims[1] / window.groups;
  int64_t group = out[1] / outPerGroup;
  double sum = 0;
  Dims in(out), w(out);
  for (int64_t c = 0; c < inPerGroup; ++c)
    forEachIndex(window.size, [&](const Dims &k) {
      in[1] = w[0] = group * inPerGroup + c;
      w[1] = out[1] % outPerGroup;
      for (size_t i = 0; i < k.size(); ++i) {
        int64_t at = out[2 + i] + window.begins[i] - k[i] * window.dilations[i];
        if (at < 0 || at % window.strides[i])
          return;
        in[2 + i] = at / window.strides[i];
        w[2 + i] = k[i];
        if (in[2 + i] >= src.dims[2 + i])
          return;
      }
      sum += double(src.at(in)) * weights.at(w);
    });
  return sum;
}

static double pool(const TestKernel &kernel, const Window &window,
                   const Dims &out) {
  const TestArg &src = kernel.args[0];
  double sum = 0;
  int64_t seen = 0, all = 0;
  Dims in(out);
  forEachIndex(window.size, [&](const Dims &k) {
    ++all;
    for (size_t i = 0; i < k.size(); ++i) {
      in[2 + i] = out[2 + i] * window.strides[i] - window.begins[i] +
                  k[i] * window.dilations[i];
      if (in[2 + i] < 0 || in[2 + i] >= src.dims[2 + i])
        return;
    }
    ++seen;
    sum += src.at(in);
  });
  return sum / (window.countsPadding ? all : seen);
}

static double multiply(const TestKernel &kernel, const Dims &out) {
  const TestArg &lhs = kernel.args[0], &rhs = kernel.args[1];
  Dims a(out), b(out);
  double sum = 0;
  for (int64_t k = 0; k < lhs.dims.back(); ++k) {
    a.back() = k;
    b[b.size() - 2] = k;
    sum += double(lhs.at(a)) * rhs.at(b);
  }
  return sum;
}

static double softmax(const TestKernel &kernel, const Dims &out) {
  const TestArg &src = kernel.args[0];
  int64_t axis = kernel.attributes[0];
  Dims in(out);
  double sum = 0;
  for (in[axis] = 0; in[axis] < src.dims[axis]; ++in[axis])
    sum += std::exp(double(src.at(in)));
  double value = std::exp(double(src.at(out))) / sum;
  return kernel.attributes[1] ? std::log(value) : value;
}

static double attend(const TestKernel &kernel, const Dims &out) {
  const TestArg &query = kernel.args[0], &key = kernel.args[1];
  const TestArg &value = kernel.args[2];
  double scale;
  static_assert(sizeof scale == sizeof kernel.attributes[0]);
  memcpy(&scale, &kernel.attributes[0], sizeof scale);
  double sum = 0, weighted = 0;
  for (int64_t t = 0; t < key.dims[2]; ++t) {
    double score = 0;
    for (int64_t d = 0; d < key.dims[3]; ++d)
      score += double(query.at({out[0], out[1], out[2], d})) *
               key.at({out[0], out[1], t, d});
    score *= scale;
    if (kernel.attributes[1] >= 0)
      score +=
          kernel.args[kernel.attributes[1]].at({out[0], out[1], out[2], t});
    sum += std::exp(score);
    weighted += std::exp(score) * value.at({out[0], out[1], t, out[3]});
  }
  return weighted / sum;
}

std::vector<double> TestKernel::computeReference() const {
  const TestArg &dst = args.back();
  std::vector<double> result(dst.data.size());
  bool isWindow = kind != TENON_ONEDNN_MATMUL && kind != TENON_ONEDNN_SOFTMAX &&
                  kind != TENON_ONEDNN_ATTENTION;
  Window window = isWindow
                      ? Window(*this)
                      : Window({TENON_ONEDNN_AVERAGE_POOL, {}, -1, {0}, {}});
  forEachIndex(dst.dims, [&](const Dims &out) {
    double x = 0;
    switch (kind) {
    case TENON_ONEDNN_CONV:
      x = convolve(*this, window, out);
      break;
    case TENON_ONEDNN_DECONV:
      x = convolveTransposed(*this, window, out);
      break;
    case TENON_ONEDNN_AVERAGE_POOL:
      x = pool(*this, window, out);
      break;
    case TENON_ONEDNN_MATMUL:
      x = multiply(*this, out);
      break;
    case TENON_ONEDNN_SOFTMAX:
      x = softmax(*this, out);
      break;
    case TENON_ONEDNN_ATTENTION:
      x = attend(*this, out);
      break;
    }
    if (bias >= 0)
      x += args[bias].data[kind == TENON_ONEDNN_MATMUL ? out.back() : out[1]];
    for (const TestPostOp &op : postOps)
      x = op.kind == TENON_ONEDNN_ELTWISE
              ? applyEltwise(op, x)
              : applyBinary(op.algorithm, x, args[op.arg].at(out));
    result[dst.offset(out)] = x;
  });
  return result;
}

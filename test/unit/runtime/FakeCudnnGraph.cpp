//===- FakeCudnnGraph.cpp - Graphs of cuDNN without a device -------------===//

#include "test/unit/runtime/FakeCudnn.h"

#include "test/unit/runtime/FakeCuda.h"
#include "test/unit/runtime/FakeLibrary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

using namespace tenon::cuda;
using namespace tenon::test::cuda;

size_t tenon::test::cuda::getSizeOfType(int type) {
  switch (type) {
  case CUDNN_TYPE_BOOLEAN:
  case CUDNN_TYPE_CHAR:
    return 1;
  case CUDNN_TYPE_DATA_TYPE:
  case CUDNN_TYPE_FLOAT:
  case CUDNN_TYPE_CONVOLUTION_MODE:
  case CUDNN_TYPE_HEUR_MODE:
  case CUDNN_TYPE_POINTWISE_MODE:
  case CUDNN_TYPE_REDUCTION_OPERATOR_TYPE:
    return 4;
  default:
    return 8;
  }
}

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

static bool hasAll(const Descriptor &descriptor,
                   std::initializer_list<std::pair<int, int>> attributes) {
  return std::all_of(attributes.begin(), attributes.end(), [&](auto pair) {
    auto found = descriptor.attributes.find(pair.first);
    return found != descriptor.attributes.end() &&
           found->second.type == pair.second;
  });
}

static bool isTensor(const Descriptor &tensor) {
  if (!hasAll(tensor, {{CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64},
                       {CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE},
                       {CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64},
                       {CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64},
                       {CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64}}))
    return false;
  auto dims = tensor.getInts(CUDNN_ATTR_TENSOR_DIMENSIONS);
  auto strides = tensor.getInts(CUDNN_ATTR_TENSOR_STRIDES);
  auto isPositive = [](int64_t n) { return n > 0; };
  int64_t alignment = tensor.get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
  return dims.size() >= 4 && dims.size() <= 8 &&
         dims.size() == strides.size() &&
         std::all_of(dims.begin(), dims.end(), isPositive) &&
         std::all_of(strides.begin(), strides.end(), isPositive) &&
         alignment > 0 && !(alignment & (alignment - 1));
}

static bool isConvolution(const Descriptor &operation) {
  constexpr int reference = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  if (!hasAll(
          operation,
          {{CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, reference},
           {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, reference},
           {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, reference},
           {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, reference},
           {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT},
           {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT}}))
    return false;
  auto getDims = [&](int attribute) {
    return operation.getDescriptor(attribute)->getInts(
        CUDNN_ATTR_TENSOR_DIMENSIONS);
  };
  auto x = getDims(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X);
  auto w = getDims(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W);
  auto y = getDims(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y);
  const Descriptor &window = *operation.getDescriptor(
      CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC);
  auto strides = window.getInts(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
  auto dilations = window.getInts(CUDNN_ATTR_CONVOLUTION_DILATIONS);
  auto before = window.getInts(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
  auto after = window.getInts(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS);
  if (x.size() != w.size() || x.size() != y.size() ||
      x.size() != strides.size() + 2 || x[0] != y[0] || y[1] != w[0] ||
      x[1] % w[1] || y[1] % (x[1] / w[1]))
    return false;
  for (size_t i = 0; i < strides.size(); ++i)
    if ((x[i + 2] + before[i] + after[i] - dilations[i] * (w[i + 2] - 1) - 1) /
                strides[i] +
            1 !=
        y[i + 2])
      return false;
  return true;
}

static bool isBinary(int mode) {
  return mode == CUDNN_POINTWISE_ADD || mode == CUDNN_POINTWISE_MUL ||
         mode == CUDNN_POINTWISE_SUB || mode == CUDNN_POINTWISE_DIV;
}

/// Whether dimensions are those of the whole, or 1.
static bool isRepeated(const std::vector<int64_t> &dims,
                       const std::vector<int64_t> &whole) {
  return std::equal(
      dims.begin(), dims.end(), whole.begin(), whole.end(),
      [](int64_t dim, int64_t all) { return dim == all || dim == 1; });
}

static bool isPointwise(const Descriptor &operation) {
  constexpr int reference = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  if (!hasAll(operation,
              {{CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, reference},
               {CUDNN_ATTR_OPERATION_POINTWISE_XDESC, reference},
               {CUDNN_ATTR_OPERATION_POINTWISE_YDESC, reference}}))
    return false;
  auto getDims = [&](int attribute) {
    return operation.getDescriptor(attribute)->getInts(
        CUDNN_ATTR_TENSOR_DIMENSIONS);
  };
  auto y = getDims(CUDNN_ATTR_OPERATION_POINTWISE_YDESC);
  bool hasTwo = isBinary(
      operation.getDescriptor(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)
          ->getInt(CUDNN_ATTR_POINTWISE_MODE));
  if (getDims(CUDNN_ATTR_OPERATION_POINTWISE_XDESC) != y ||
      hasTwo != operation.has(CUDNN_ATTR_OPERATION_POINTWISE_BDESC))
    return false;
  return !hasTwo ||
         isRepeated(getDims(CUDNN_ATTR_OPERATION_POINTWISE_BDESC), y);
}

static bool isProduct(const Descriptor &operation) {
  constexpr int reference = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  if (!hasAll(operation, {{CUDNN_ATTR_OPERATION_MATMUL_ADESC, reference},
                          {CUDNN_ATTR_OPERATION_MATMUL_BDESC, reference},
                          {CUDNN_ATTR_OPERATION_MATMUL_CDESC, reference},
                          {CUDNN_ATTR_OPERATION_MATMUL_DESC, reference}}))
    return false;
  auto getDims = [&](int attribute) {
    return operation.getDescriptor(attribute)->getInts(
        CUDNN_ATTR_TENSOR_DIMENSIONS);
  };
  auto a = getDims(CUDNN_ATTR_OPERATION_MATMUL_ADESC);
  auto b = getDims(CUDNN_ATTR_OPERATION_MATMUL_BDESC);
  auto c = getDims(CUDNN_ATTR_OPERATION_MATMUL_CDESC);
  size_t rank = c.size();
  return a.size() == rank && b.size() == rank && a[rank - 1] == b[rank - 2] &&
         a[rank - 2] == c[rank - 2] && b[rank - 1] == c[rank - 1] &&
         std::equal(c.begin(), c.end() - 2, a.begin()) &&
         std::equal(c.begin(), c.end() - 2, b.begin());
}

static bool isReduction(const Descriptor &operation) {
  constexpr int reference = CUDNN_TYPE_BACKEND_DESCRIPTOR;
  if (!hasAll(operation, {{CUDNN_ATTR_OPERATION_REDUCTION_XDESC, reference},
                          {CUDNN_ATTR_OPERATION_REDUCTION_YDESC, reference},
                          {CUDNN_ATTR_OPERATION_REDUCTION_DESC, reference}}))
    return false;
  auto getDims = [&](int attribute) {
    return operation.getDescriptor(attribute)->getInts(
        CUDNN_ATTR_TENSOR_DIMENSIONS);
  };
  return isRepeated(getDims(CUDNN_ATTR_OPERATION_REDUCTION_YDESC),
                    getDims(CUDNN_ATTR_OPERATION_REDUCTION_XDESC));
}

/// The tensors of an operation: what it reads, then what it writes.
static std::vector<const Descriptor *> getTensors(const Descriptor &operation) {
  std::vector<const Descriptor *> tensors;
  for (int attribute :
       {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
        CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
        CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
        CUDNN_ATTR_OPERATION_POINTWISE_YDESC, CUDNN_ATTR_OPERATION_MATMUL_ADESC,
        CUDNN_ATTR_OPERATION_MATMUL_BDESC, CUDNN_ATTR_OPERATION_MATMUL_CDESC,
        CUDNN_ATTR_OPERATION_REDUCTION_XDESC,
        CUDNN_ATTR_OPERATION_REDUCTION_YDESC})
    if (operation.has(attribute))
      tensors.push_back(operation.getDescriptor(attribute));
  return tensors;
}

/// Each id is one tensor; what is virtual is written before it is read.
static bool isGraph(const Descriptor &graph) {
  if (!hasAll(graph,
              {{CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR},
               {CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE}}))
    return false;
  std::map<int64_t, const Descriptor *> known;
  std::set<const Descriptor *> written;
  for (const Descriptor *operation :
       graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).getDescriptors()) {
    std::vector<const Descriptor *> tensors = getTensors(*operation);
    for (const Descriptor *tensor : tensors) {
      int64_t id = tensor->get<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
      if (known.emplace(id, tensor).first->second != tensor)
        return false;
      if (tensor->isVirtual() && tensor != tensors.back() &&
          !written.count(tensor))
        return false;
    }
    written.insert(tensors.back());
  }
  return true;
}

bool tenon::test::cuda::isComplete(const Descriptor &descriptor) {
  switch (descriptor.type) {
  case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
    return isTensor(descriptor);
  case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
    for (int attribute : {CUDNN_ATTR_CONVOLUTION_DILATIONS,
                          CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES,
                          CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS,
                          CUDNN_ATTR_CONVOLUTION_POST_PADDINGS})
      if (int64_t(descriptor.getInts(attribute).size()) !=
          descriptor.get<int64_t>(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS))
        return false;
    return hasAll(descriptor,
                  {{CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE},
                   {CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                    CUDNN_TYPE_CONVOLUTION_MODE}}) &&
           descriptor.getInt(CUDNN_ATTR_CONVOLUTION_COMP_TYPE) ==
               CUDNN_DATA_FLOAT &&
           descriptor.getInt(CUDNN_ATTR_CONVOLUTION_CONV_MODE) ==
               CUDNN_CROSS_CORRELATION;
  case CUDNN_BACKEND_POINTWISE_DESCRIPTOR:
    return hasAll(descriptor,
                  {{CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE},
                   {CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE}});
  case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
    return isConvolution(descriptor);
  case CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR:
    return isPointwise(descriptor);
  case CUDNN_BACKEND_MATMUL_DESCRIPTOR:
    return hasAll(descriptor,
                  {{CUDNN_ATTR_MATMUL_COMP_TYPE, CUDNN_TYPE_DATA_TYPE}}) &&
           descriptor.getInt(CUDNN_ATTR_MATMUL_COMP_TYPE) == CUDNN_DATA_FLOAT;
  case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
    return isProduct(descriptor);
  case CUDNN_BACKEND_REDUCTION_DESCRIPTOR:
    return hasAll(descriptor,
                  {{CUDNN_ATTR_REDUCTION_OPERATOR,
                    CUDNN_TYPE_REDUCTION_OPERATOR_TYPE},
                   {CUDNN_ATTR_REDUCTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE}}) &&
           descriptor.getInt(CUDNN_ATTR_REDUCTION_COMP_TYPE) ==
               CUDNN_DATA_FLOAT;
  case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR:
    return isReduction(descriptor);
  case CUDNN_BACKEND_KERNEL_CACHE_DESCRIPTOR:
    return hasAll(descriptor, {{CUDNN_ATTR_KERNEL_CACHE_OPERATION_GRAPH,
                                CUDNN_TYPE_BACKEND_DESCRIPTOR}});
  case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
    return isGraph(descriptor);
  case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
    return hasAll(
        descriptor,
        {{CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR},
         {CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE}});
  case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
    return hasAll(descriptor,
                  {{CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE},
                   {CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG,
                    CUDNN_TYPE_BACKEND_DESCRIPTOR}});
  case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
    return hasAll(descriptor,
                  {{CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64},
                   {CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR},
                   {CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR}});
  default:
    return false;
  }
}

std::string tenon::test::cuda::describeGraph(const Descriptor &graph) {
  auto describe = [](const Descriptor *tensor) {
    std::string text;
    for (int64_t dim : tensor->getInts(CUDNN_ATTR_TENSOR_DIMENSIONS))
      text += (text.empty() ? "" : "x") + std::to_string(dim);
    return text;
  };
  std::string text;
  for (const Descriptor *operation :
       graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).getDescriptors()) {
    std::vector<const Descriptor *> tensors = getTensors(*operation);
    if (text.empty()) {
      int type = tensors[0]->getInt(CUDNN_ATTR_TENSOR_DATA_TYPE);
      text = type == CUDNN_DATA_FLOAT  ? "f32 "
             : type == CUDNN_DATA_HALF ? "f16 "
                                       : "bf16 ";
      text += describe(tensors[0]) + " * " + describe(tensors[1]);
    } else if (operation->type == CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR) {
      text += " * " + describe(tensors[1]);
    } else if (operation->type ==
               CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR) {
      text += ", reduction to " + describe(tensors[1]);
    } else {
      int mode =
          operation->getDescriptor(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)
              ->getInt(CUDNN_ATTR_POINTWISE_MODE);
      text += mode == CUDNN_POINTWISE_ADD ? " + " + describe(tensors[1])
                                          : ", mode " + std::to_string(mode);
    }
  }
  return text;
}

//===----------------------------------------------------------------------===//
// Numbers
//===----------------------------------------------------------------------===//

static int64_t count(const std::vector<int64_t> &dims) {
  int64_t product = 1;
  for (int64_t dim : dims)
    product *= dim;
  return product;
}

/// Where element `i`, counted with the last dimension inside, is.
static int64_t locate(int64_t i, const std::vector<int64_t> &dims,
                      const std::vector<int64_t> &strides) {
  int64_t place = 0;
  for (size_t axis = dims.size(); axis--; i /= dims[axis])
    place += i % dims[axis] * strides[axis];
  return place;
}

size_t GraphRun::addTensor(const Descriptor &tensor) {
  int64_t id = tensor.get<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
  for (size_t i = 0; i < tensors.size(); ++i)
    if (tensors[i].id == id)
      return i;
  int type = tensor.getInt(CUDNN_ATTR_TENSOR_DATA_TYPE);
  auto place = places.find(id);
  tensors.push_back(
      {id,
       type == CUDNN_DATA_FLOAT  ? TENON_F32
       : type == CUDNN_DATA_HALF ? TENON_F16
                                 : TENON_BF16,
       tensor.getInts(CUDNN_ATTR_TENSOR_DIMENSIONS),
       tensor.getInts(CUDNN_ATTR_TENSOR_STRIDES),
       place == places.end() || tensor.isByValue() ? 0 : place->second,
       place != places.end() && tensor.isByValue()
           ? *reinterpret_cast<const float *>(place->second)
           : 0});
  return tensors.size() - 1;
}

bool GraphRun::read(const Descriptor &graph, const Descriptor &pack) {
  auto ids = pack.getInts(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS);
  auto data = pack.getInts(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS);
  if (ids.size() != data.size())
    return false;
  for (size_t i = 0; i < ids.size(); ++i)
    places[ids[i]] = data[i];
  for (const Descriptor *operation :
       graph.attributes.at(CUDNN_ATTR_OPERATIONGRAPH_OPS).getDescriptors()) {
    std::vector<const Descriptor *> used = getTensors(*operation);
    for (const Descriptor *tensor : used) {
      bool isVirtual = tensor->isVirtual();
      int64_t id = tensor->get<int64_t>(CUDNN_ATTR_TENSOR_UNIQUE_ID);
      int64_t alignment =
          tensor->get<int64_t>(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT);
      if (isVirtual == bool(places.count(id)) ||
          (!isVirtual && (!places[id] || places[id] % alignment)))
        return false;
    }
    Step step{};
    step.type = operation->type;
    step.input = addTensor(*used.front());
    step.hasSecond = used.size() == 3;
    step.second = step.hasSecond ? addTensor(*used[1]) : step.input;
    step.result = addTensor(*used.back());
    if (const Descriptor *window = operation->getDescriptor(
            CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC)) {
      step.strides = window->getInts(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES);
      step.dilations = window->getInts(CUDNN_ATTR_CONVOLUTION_DILATIONS);
      step.pads = window->getInts(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS);
    } else if (const Descriptor *what = operation->getDescriptor(
                   CUDNN_ATTR_OPERATION_REDUCTION_DESC)) {
      step.mode = what->getInt(CUDNN_ATTR_REDUCTION_OPERATOR);
    } else if (const Descriptor *what = operation->getDescriptor(
                   CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR)) {
      step.mode = what->getInt(CUDNN_ATTR_POINTWISE_MODE);
      step.limit = what->has(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP)
                       ? what->get<double>(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP)
                       : std::numeric_limits<double>::infinity();
    }
    steps.push_back(step);
  }
  return true;
}

std::vector<uint64_t> GraphRun::getAddresses() const {
  std::vector<uint64_t> addresses;
  for (const Tensor &tensor : tensors)
    if (tensor.address)
      addresses.push_back(tensor.address);
  return addresses;
}

void GraphRun::convolve(const Step &step, const Values &input,
                        const Values &weights, Values &result) const {
  const std::vector<int64_t> &x = tensors[step.input].dims;
  const std::vector<int64_t> &w = tensors[step.second].dims;
  const std::vector<int64_t> &y = tensors[step.result].dims;
  int64_t numAxes = x.size() - 2, channels = w[1];
  int64_t perGroup = y[1] / (x[1] / channels);
  std::vector<int64_t> kernel(w.begin() + 2, w.end());
  std::vector<int64_t> outputs(y.begin() + 2, y.end());
  int64_t taps = count(kernel), pixels = count(outputs);
  int64_t inputPixels = count(x) / (x[0] * x[1]);
  for (int64_t at = 0; at < count(y); ++at) {
    int64_t pixel = at % pixels, column = at / pixels % y[1];
    int64_t image = at / pixels / y[1];
    double sum = 0;
    for (int64_t tap = 0; tap < taps; ++tap) {
      int64_t restOfTap = tap, restOfPixel = pixel, place = 0, stride = 1;
      bool isInside = true;
      for (int64_t axis = numAxes; axis--;) {
        int64_t i = restOfPixel % outputs[axis] * step.strides[axis] -
                    step.pads[axis] +
                    restOfTap % kernel[axis] * step.dilations[axis];
        isInside = isInside && i >= 0 && i < x[axis + 2];
        place += i * stride;
        stride *= x[axis + 2];
        restOfTap /= kernel[axis];
        restOfPixel /= outputs[axis];
      }
      for (int64_t c = 0; isInside && c < channels; ++c) {
        int64_t channel = column / perGroup * channels + c;
        sum += input[(image * x[1] + channel) * inputPixels + place] *
               weights[(column * channels + c) * taps + tap];
      }
    }
    result[at] = sum;
  }
}

static double activate(int mode, double x, double limit) {
  switch (mode) {
  case CUDNN_POINTWISE_EXP:
    return std::exp(x);
  case CUDNN_POINTWISE_LOG:
    return std::log(x);
  case CUDNN_POINTWISE_RELU_FWD:
    return std::fmin(std::fmax(x, 0), limit);
  case CUDNN_POINTWISE_TANH_FWD:
    return std::tanh(x);
  case CUDNN_POINTWISE_SIGMOID_FWD:
    return 1 / (1 + std::exp(-x));
  case CUDNN_POINTWISE_SWISH_FWD:
    return x / (1 + std::exp(-x));
  case CUDNN_POINTWISE_GELU_FWD:
    return x / 2 * (1 + std::erf(x / std::sqrt(2)));
  case CUDNN_POINTWISE_GELU_APPROX_TANH_FWD:
    return x / 2 *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  default:
    return std::numeric_limits<double>::quiet_NaN();
  }
}

static double combine(int mode, double a, double b) {
  switch (mode) {
  case CUDNN_POINTWISE_ADD:
    return a + b;
  case CUDNN_POINTWISE_MUL:
    return a * b;
  case CUDNN_POINTWISE_SUB:
    return a - b;
  default:
    return a / b;
  }
}

/// How far the elements of what is repeated are apart: what is 1 in its
/// dimensions is the same for all.
static std::vector<int64_t> getSharedStrides(const std::vector<int64_t> &dims) {
  std::vector<int64_t> strides(dims.size());
  int64_t stride = 1;
  for (size_t axis = strides.size(); axis--; stride *= dims[axis])
    strides[axis] = dims[axis] == 1 ? 0 : stride;
  return strides;
}

void GraphRun::multiply(const Step &step, const Values &lhs, const Values &rhs,
                        Values &result) const {
  const std::vector<int64_t> &dims = tensors[step.result].dims;
  int64_t rows = dims.end()[-2], columns = dims.back();
  int64_t depth = tensors[step.input].dims.back();
  for (int64_t at = 0; at < count(dims); ++at) {
    int64_t row = at / columns, column = at % columns;
    int64_t batch = row / rows;
    double sum = 0;
    for (int64_t i = 0; i < depth; ++i)
      sum += lhs[row * depth + i] * rhs[(batch * depth + i) * columns + column];
    result[at] = sum;
  }
}

void GraphRun::reduce(const Step &step, const Values &input,
                      Values &result) const {
  bool isMax = step.mode == CUDNN_REDUCE_TENSOR_MAX;
  std::fill(result.begin(), result.end(),
            isMax ? -std::numeric_limits<double>::infinity() : 0);
  std::vector<int64_t> strides = getSharedStrides(tensors[step.result].dims);
  for (size_t at = 0; at < input.size(); ++at) {
    double &kept = result[locate(at, tensors[step.input].dims, strides)];
    kept = isMax ? std::fmax(kept, input[at]) : kept + input[at];
  }
}

void GraphRun::apply(const Step &step, const Values &input,
                     const Values &second, Values &result) const {
  std::vector<int64_t> strides = getSharedStrides(tensors[step.second].dims);
  for (size_t at = 0; at < result.size(); ++at)
    result[at] =
        isBinary(step.mode)
            ? combine(step.mode, input[at],
                      second[locate(at, tensors[step.result].dims, strides)])
            : activate(step.mode, input[at], step.limit);
}

void GraphRun::compute() const {
  std::vector<Values> values(tensors.size());
  auto getData = [&](const Tensor &tensor) {
    int64_t last = locate(count(tensor.dims) - 1, tensor.dims, tensor.strides);
    return static_cast<char *>(
        getMemory(tensor.address, (last + 1) * getSize(tensor.type)));
  };
  auto get = [&](size_t i) -> const Values & {
    const Tensor &tensor = tensors[i];
    if (!values[i].empty())
      return values[i];
    values[i].resize(count(tensor.dims), tensor.number);
    const char *data = tensor.address ? getData(tensor) : nullptr;
    for (size_t at = 0; data && at < values[i].size(); ++at)
      values[i][at] = tenon::test::cuda::read(
          data, locate(at, tensor.dims, tensor.strides), tensor.type);
    return values[i];
  };
  for (const Step &step : steps) {
    const Values &input = get(step.input), &second = get(step.second);
    const Tensor &result = tensors[step.result];
    Values computed(count(result.dims));
    switch (step.type) {
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
      convolve(step, input, second, computed);
      break;
    case CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
      multiply(step, input, second, computed);
      break;
    case CUDNN_BACKEND_OPERATION_REDUCTION_DESCRIPTOR:
      reduce(step, input, computed);
      break;
    default:
      apply(step, input, second, computed);
    }
    // Also what is virtual is of its type.
    std::vector<char> memory(count(result.dims) * getSize(result.type));
    for (size_t at = 0; at < computed.size(); ++at) {
      write(memory.data(), at, result.type, computed[at]);
      computed[at] = tenon::test::cuda::read(memory.data(), at, result.type);
    }
    values[step.result] = std::move(computed);
    if (char *data = result.address ? getData(result) : nullptr)
      for (size_t at = 0; at < values[step.result].size(); ++at)
        write(data, locate(at, result.dims, result.strides), result.type,
              values[step.result][at]);
  }
}

//===- ConvGraph.cpp - A convolution as a graph of cuDNN -----------------===//

#include "runtime/cuda/ConvGraph.h"

using namespace tenon::cuda;

namespace {

/// The sizes of a convolution with all dimensions known, with two axes at
/// least. Channels are last.
struct ConvShape {
  /// False if the tensors of a run don't fit together.
  bool find(const TenonLibraryConv &conv, const std::vector<Tensor> &tensors);

  std::vector<int64_t> input, weights, result; // [N, C, axes...], as cuDNN's
  std::vector<int64_t> strides, dilations, padsBefore, padsAfter;
};

} // namespace

bool ConvShape::find(const TenonLibraryConv &conv,
                     const std::vector<Tensor> &tensors) {
  const std::vector<int64_t> &x = tensors[conv.input].dims;
  const std::vector<int64_t> &w = tensors[conv.weights].dims;
  const std::vector<int64_t> &y = tensors.back().dims;
  size_t numAxes = y.size() - 2;
  int64_t channels = x.back(), columns = y.back();
  int64_t grouped = 0;
  if (x[0] != y[0] || w[numAxes + 1] != columns ||
      __builtin_mul_overflow(w[numAxes], conv.groups, &grouped) ||
      grouped != channels || columns % conv.groups != 0)
    return false;
  for (const std::vector<int64_t> *dims : {&x, &w, &y}) {
    int64_t count = multiply(dims->data(), dims->data() + dims->size());
    if (count < 1 || count > INT32_MAX)
      return false;
  }
  input = {x[0], channels};
  weights = {columns, w[numAxes]};
  result = {y[0], columns};
  auto add = [&](int64_t in, int64_t taps, int64_t out, int64_t stride,
                 int64_t dilation, int64_t before, int64_t after) {
    input.push_back(in);
    weights.push_back(taps);
    result.push_back(out);
    strides.push_back(stride);
    dilations.push_back(dilation);
    padsBefore.push_back(before);
    padsAfter.push_back(after);
  };
  // The library has no convolutions of one axis.
  if (numAxes == 1)
    add(1, 1, 1, 1, 1, 0, 0);
  for (size_t axis = 0; axis < numAxes; ++axis) {
    int64_t window = 0;
    // All are numbers of 32 bits.
    if (__builtin_mul_overflow(conv.dilations[axis], w[axis] - 1, &window))
      return false;
    int64_t room =
        x[axis + 1] + conv.padsBefore[axis] + conv.padsAfter[axis] - window - 1;
    if (room < 0 || room / conv.strides[axis] + 1 != y[axis + 1])
      return false;
    add(x[axis + 1], w[axis], y[axis + 1], conv.strides[axis],
        conv.dilations[axis], conv.padsBefore[axis], conv.padsAfter[axis]);
  }
  if (conv.bias != -1 && countElements(tensors[conv.bias]) != columns)
    return false;
  return conv.residual == -1 || tensors[conv.residual].dims == y;
}

/// How far the elements of a tensor with channels last are apart.
static std::vector<int64_t> getStrides(const std::vector<int64_t> &dims) {
  std::vector<int64_t> strides(dims.size());
  strides[1] = 1;
  int64_t stride = dims[1];
  for (size_t i = dims.size() - 1; i > 1; --i) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[0] = stride;
  return strides;
}

static void addConvolution(DnnGraphBuilder &builder, const ConvShape &shape,
                           DnnDescriptor input, DnnDescriptor weights,
                           DnnDescriptor result) {
  DnnDescriptors &descriptors = builder.getDescriptors();
  DnnDescriptor window = descriptors.make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  int64_t numAxes = shape.strides.size();
  descriptors.set(window, CUDNN_ATTR_CONVOLUTION_COMP_TYPE,
                  CUDNN_TYPE_DATA_TYPE, int(CUDNN_DATA_FLOAT));
  descriptors.set(window, CUDNN_ATTR_CONVOLUTION_CONV_MODE,
                  CUDNN_TYPE_CONVOLUTION_MODE, int(CUDNN_CROSS_CORRELATION));
  descriptors.set(window, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64,
                  numAxes);
  auto setAxes = [&](int attribute, const std::vector<int64_t> &values) {
    descriptors.set(window, attribute, CUDNN_TYPE_INT64, numAxes,
                    values.data());
  };
  setAxes(CUDNN_ATTR_CONVOLUTION_DILATIONS, shape.dilations);
  setAxes(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, shape.strides);
  setAxes(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, shape.padsBefore);
  setAxes(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, shape.padsAfter);
  descriptors.finalize(window);

  DnnDescriptor operation =
      descriptors.make(CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                         input);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                         weights);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                         result);
  descriptors.setOperand(
      operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window);
  descriptors.set(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                  CUDNN_TYPE_FLOAT, 1.0f);
  descriptors.set(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                  CUDNN_TYPE_FLOAT, 0.0f);
  builder.add(operation);
}

/// Whether the library has engines with the activation only if it compiles
/// them.
static bool isCompiled(int64_t activation) {
  return activation == TENON_LIBRARY_SILU || activation == TENON_LIBRARY_GELU ||
         activation == TENON_LIBRARY_GELU_TANH;
}

static int getMode(int64_t activation) {
  switch (activation) {
  case TENON_LIBRARY_GELU_TANH:
    return CUDNN_POINTWISE_GELU_APPROX_TANH_FWD;
  case TENON_LIBRARY_GELU:
    return CUDNN_POINTWISE_GELU_FWD;
  case TENON_LIBRARY_SIGMOID:
    return CUDNN_POINTWISE_SIGMOID_FWD;
  case TENON_LIBRARY_TANH:
    return CUDNN_POINTWISE_TANH_FWD;
  case TENON_LIBRARY_SILU:
    return CUDNN_POINTWISE_SWISH_FWD;
  default:
    return CUDNN_POINTWISE_RELU_FWD;
  }
}

bool tenon::cuda::makeConvGraph(DnnGraphBuilder &builder,
                                const TenonLibraryConv &conv) {
  const std::vector<Tensor> &tensors = builder.getTensors();
  ConvShape shape;
  if (!shape.find(conv, tensors))
    return false;
  if (tensors[conv.input].type == TENON_F32 && !conv.tf32)
    builder.setExact();
  else if (isCompiled(conv.activation))
    builder.setForAllSizes({shape.weights.begin() + 2, shape.weights.end()});
  auto makeOperand = [&](int64_t arg, const std::vector<int64_t> &dims,
                         DnnOperand::Form form = DnnOperand::AsItIs) {
    return builder.makeOperand(arg, dims, getStrides(dims), form);
  };
  DnnDescriptor input = makeOperand(conv.input, shape.input);
  DnnDescriptor weights =
      makeOperand(conv.weights, shape.weights, DnnOperand::Transposed);
  int numSteps = 1 + (conv.residual != -1) + (conv.bias != -1) +
                 (conv.activation != TENON_LIBRARY_NO_ACTIVATION);
  auto makeResult = [&] {
    return --numSteps
               ? builder.makeVirtual(shape.result, getStrides(shape.result))
               : makeOperand(builder.getResult(), shape.result);
  };
  DnnDescriptor value = makeResult();
  addConvolution(builder, shape, input, weights, value);
  auto addStep = [&](int mode, DnnDescriptor second, const double *limit) {
    DnnDescriptor result = makeResult();
    builder.addPointwise(mode, value, result, second, limit);
    value = result;
  };
  if (conv.residual != -1)
    addStep(CUDNN_POINTWISE_ADD, makeOperand(conv.residual, shape.result),
            nullptr);
  if (conv.bias != -1) {
    std::vector<int64_t> dims(shape.result.size(), 1);
    dims[1] = shape.result[1];
    bool isWide = tensors[conv.bias].type != tensors.back().type;
    addStep(CUDNN_POINTWISE_ADD,
            makeOperand(conv.bias, dims,
                        isWide ? DnnOperand::Narrowed : DnnOperand::AsItIs),
            nullptr);
  }
  if (conv.activation != TENON_LIBRARY_NO_ACTIVATION)
    addStep(getMode(conv.activation), nullptr,
            conv.activation == TENON_LIBRARY_CLIP ? &conv.high : nullptr);
  return true;
}

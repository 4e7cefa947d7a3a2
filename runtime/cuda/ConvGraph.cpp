//===- ConvGraph.cpp - A convolution as a graph of cuDNN -----------------===//
//
// As the graph API of "NVIDIA cuDNN Backend API" describes it: operations on
// tensors, of which those between two operations are virtual, that is, not in
// memory.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/ConvGraph.h"

#include <algorithm>

using namespace tenon::cuda;

/// What the library counts on at most, in bytes.
static constexpr int64_t maxAlignment = 16;

//===----------------------------------------------------------------------===//
// Descriptors
//===----------------------------------------------------------------------===//

DnnDescriptors::~DnnDescriptors() {
  while (!made.empty()) {
    library.descriptorDestroy(made.back());
    made.pop_back();
  }
}

DnnDescriptor DnnDescriptors::make(int type) {
  DnnDescriptor descriptor = nullptr;
  if (status != CUDNN_STATUS_SUCCESS)
    return nullptr;
  if (made.size() == made.capacity())
    made.reserve(2 * made.size() + 8);
  status = library.descriptorCreate(type, &descriptor);
  if (status == CUDNN_STATUS_SUCCESS)
    made.push_back(descriptor);
  return descriptor;
}

void DnnDescriptors::set(DnnDescriptor descriptor, int attribute, int type,
                         int64_t count, const void *values) {
  if (status == CUDNN_STATUS_SUCCESS)
    status = library.descriptorSet(descriptor, attribute, type, count, values);
}

void DnnDescriptors::finalize(DnnDescriptor descriptor) {
  if (status == CUDNN_STATUS_SUCCESS)
    status = library.descriptorFinalize(descriptor);
}

void DnnDescriptors::take(DnnDescriptors &other) {
  made.insert(made.end(), other.made.begin(), other.made.end());
  other.made.clear();
}

DnnDescriptor DnnDescriptors::release() {
  DnnDescriptor last = made.back();
  made.pop_back();
  return last;
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

int tenon::cuda::getDnnType(int64_t type) {
  return type == TENON_F32   ? CUDNN_DATA_FLOAT
         : type == TENON_F16 ? CUDNN_DATA_HALF
                             : CUDNN_DATA_BFLOAT16;
}

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

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

namespace {

class GraphBuilder {
public:
  GraphBuilder(DnnDescriptors &descriptors, std::vector<ConvOperand> &operands)
      : descriptors(descriptors), operands(operands) {}

  /// A tensor with channels last that is an arg, or virtual if that is -1.
  DnnDescriptor makeTensor(const std::vector<int64_t> &dims, int type,
                           int64_t arg, int64_t alignment);
  DnnDescriptor makeConvolution(const ConvShape &shape, DnnDescriptor input,
                                DnnDescriptor weights, DnnDescriptor result);
  /// The last two are the second operand, null if there is none, and the upper
  /// limit of CUDNN_POINTWISE_RELU_FWD.
  DnnDescriptor makePointwise(int mode, DnnDescriptor input,
                              DnnDescriptor result, DnnDescriptor second,
                              const double *limit);

private:
  DnnDescriptors &descriptors;
  std::vector<ConvOperand> &operands;
  int64_t nextId = 1;
};

} // namespace

DnnDescriptor GraphBuilder::makeTensor(const std::vector<int64_t> &dims,
                                       int type, int64_t arg,
                                       int64_t alignment) {
  std::vector<int64_t> strides(dims.size());
  strides[1] = 1;
  int64_t stride = dims[1];
  for (size_t i = dims.size() - 1; i > 1; --i) {
    strides[i] = stride;
    stride *= dims[i];
  }
  strides[0] = stride;
  int64_t id = nextId++;
  if (arg != -1)
    operands.push_back({arg, id});
  bool isVirtual = arg == -1;
  alignment = std::min(alignment, maxAlignment);
  DnnDescriptor tensor = descriptors.make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE,
                  type);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64,
                  alignment);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64,
                  dims.size(), dims.data());
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
                  strides.size(), strides.data());
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN,
                  isVirtual);
  descriptors.finalize(tensor);
  return tensor;
}

DnnDescriptor GraphBuilder::makeConvolution(const ConvShape &shape,
                                            DnnDescriptor input,
                                            DnnDescriptor weights,
                                            DnnDescriptor result) {
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
  auto setOperand = [&](int attribute, DnnDescriptor operand) {
    descriptors.set(operation, attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                    operand);
  };
  setOperand(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, input);
  setOperand(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W, weights);
  setOperand(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y, result);
  setOperand(CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, window);
  descriptors.set(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                  CUDNN_TYPE_FLOAT, 1.0f);
  descriptors.set(operation, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
                  CUDNN_TYPE_FLOAT, 0.0f);
  descriptors.finalize(operation);
  return operation;
}

DnnDescriptor GraphBuilder::makePointwise(int mode, DnnDescriptor input,
                                          DnnDescriptor result,
                                          DnnDescriptor second,
                                          const double *limit) {
  DnnDescriptor what = descriptors.make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  descriptors.set(what, CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE,
                  mode);
  descriptors.set(what, CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE,
                  int(CUDNN_DATA_FLOAT));
  if (limit)
    descriptors.set(what, CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP,
                    CUDNN_TYPE_DOUBLE, *limit);
  descriptors.finalize(what);

  DnnDescriptor operation =
      descriptors.make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  auto setOperand = [&](int attribute, DnnDescriptor operand) {
    descriptors.set(operation, attribute, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                    operand);
  };
  setOperand(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
  setOperand(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, input);
  if (second)
    setOperand(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, second);
  setOperand(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, result);
  descriptors.finalize(operation);
  return operation;
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

DnnDescriptor tenon::cuda::makeConvGraph(
    DnnDescriptors &descriptors, DnnHandle handle, const TenonLibraryConv &conv,
    const ConvShape &shape, const std::vector<Tensor> &tensors,
    const int64_t *alignments, std::vector<ConvOperand> &operands) {
  GraphBuilder builder(descriptors, operands);
  int64_t resultArg = tensors.size() - 1;
  int type = getDnnType(tensors[conv.input].type);
  int resultType = getDnnType(tensors.back().type);
  // What is packed is aligned as all that the driver gives.
  DnnDescriptor input =
      builder.makeTensor(shape.input, type, conv.input, alignments[conv.input]);
  DnnDescriptor weights =
      builder.makeTensor(shape.weights, type, conv.weights, maxAlignment);
  int numSteps = 1 + (conv.residual != -1) + (conv.bias != -1) +
                 (conv.activation != TENON_LIBRARY_NO_ACTIVATION);
  std::vector<DnnDescriptor> operations;
  auto makeResult = [&] {
    bool isLast = int(operations.size()) == numSteps - 1;
    return builder.makeTensor(
        shape.result, isLast ? resultType : int(CUDNN_DATA_FLOAT),
        isLast ? resultArg : -1, isLast ? alignments[resultArg] : maxAlignment);
  };
  DnnDescriptor value = makeResult();
  operations.push_back(builder.makeConvolution(shape, input, weights, value));
  auto addStep = [&](int mode, DnnDescriptor second, const double *limit) {
    DnnDescriptor result = makeResult();
    operations.push_back(
        builder.makePointwise(mode, value, result, second, limit));
    value = result;
  };
  if (conv.residual != -1)
    addStep(CUDNN_POINTWISE_ADD,
            builder.makeTensor(shape.result, resultType, conv.residual,
                               alignments[conv.residual]),
            nullptr);
  if (conv.bias != -1) {
    std::vector<int64_t> dims(shape.result.size(), 1);
    dims[1] = shape.result[1];
    addStep(
        CUDNN_POINTWISE_ADD,
        builder.makeTensor(dims, resultType, conv.bias, alignments[conv.bias]),
        nullptr);
  }
  if (conv.activation != TENON_LIBRARY_NO_ACTIVATION)
    addStep(getMode(conv.activation), nullptr,
            conv.activation == TENON_LIBRARY_CLIP ? &conv.high : nullptr);

  DnnDescriptor graph =
      descriptors.make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  descriptors.set(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, operations.size(),
                  operations.data());
  descriptors.set(graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE,
                  handle);
  descriptors.finalize(graph);
  return graph;
}

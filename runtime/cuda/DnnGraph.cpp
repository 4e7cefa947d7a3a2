//===- DnnGraph.cpp - Graphs of cuDNN ------------------------------------===//

#include "runtime/cuda/DnnGraph.h"

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

void DnnDescriptors::take(DnnDescriptors &other, DnnDescriptor descriptor) {
  made.push_back(descriptor);
  other.made.erase(std::find(other.made.begin(), other.made.end(), descriptor));
}

DnnDescriptor DnnDescriptors::release() {
  DnnDescriptor last = made.back();
  made.pop_back();
  return last;
}

//===----------------------------------------------------------------------===//
// The graph
//===----------------------------------------------------------------------===//

static int getDnnType(int64_t type) {
  return type == TENON_F32   ? CUDNN_DATA_FLOAT
         : type == TENON_F16 ? CUDNN_DATA_HALF
                             : CUDNN_DATA_BFLOAT16;
}

DnnDescriptor DnnGraphBuilder::makeTensor(const Dims &dims, const Dims &strides,
                                          int type, int64_t alignment) {
  DnnDescriptor tensor = descriptors.make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64,
                  ++lastId);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE,
                  type);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64,
                  std::min(alignment, maxAlignment));
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64,
                  dims.size(), dims.data());
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64,
                  strides.size(), strides.data());
  return tensor;
}

DnnDescriptor DnnGraphBuilder::makeOperand(int64_t arg, const Dims &dims,
                                           const Dims &strides,
                                           DnnOperand::Form form,
                                           int64_t begin) {
  int64_t type = tensors[form == DnnOperand::Narrowed ? getResult() : arg].type;
  int64_t offset = begin * getElementSize(type);
  // What is made is aligned as all that the driver gives.
  int64_t alignment =
      form == DnnOperand::AsItIs ? alignments[arg] : maxAlignment;
  if (offset)
    alignment = std::min(alignment, offset & -offset);
  DnnDescriptor tensor = makeTensor(dims, strides, getDnnType(type), alignment);
  descriptors.finalize(tensor);
  graph.operands.push_back({arg, lastId, form, offset});
  return tensor;
}

DnnDescriptor DnnGraphBuilder::makeVirtual(const Dims &dims,
                                           const Dims &strides,
                                           int64_t typeOf) {
  int type =
      typeOf == -1 ? int(CUDNN_DATA_FLOAT) : getDnnType(tensors[typeOf].type);
  DnnDescriptor tensor = makeTensor(dims, strides, type, maxAlignment);
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN,
                  true);
  descriptors.finalize(tensor);
  return tensor;
}

DnnDescriptor DnnGraphBuilder::makeNumber(float value, size_t rank) {
  Dims ones(rank, 1);
  DnnDescriptor tensor =
      makeTensor(ones, ones, CUDNN_DATA_FLOAT, sizeof(float));
  descriptors.set(tensor, CUDNN_ATTR_TENSOR_IS_BY_VALUE, CUDNN_TYPE_BOOLEAN,
                  true);
  descriptors.finalize(tensor);
  graph.numbers.emplace_back(lastId, value);
  return tensor;
}

void DnnGraphBuilder::add(DnnDescriptor operation) {
  descriptors.finalize(operation);
  operations.push_back(operation);
}

void DnnGraphBuilder::addPointwise(int mode, DnnDescriptor input,
                                   DnnDescriptor result, DnnDescriptor second,
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
  descriptors.setOperand(operation,
                         CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, what);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_POINTWISE_XDESC,
                         input);
  if (second)
    descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_POINTWISE_BDESC,
                           second);
  descriptors.setOperand(operation, CUDNN_ATTR_OPERATION_POINTWISE_YDESC,
                         result);
  add(operation);
}

void DnnGraphBuilder::finish(DnnHandle handle) {
  graph.descriptor = descriptors.make(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  descriptors.set(graph.descriptor, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                  CUDNN_TYPE_BACKEND_DESCRIPTOR, operations.size(),
                  operations.data());
  descriptors.set(graph.descriptor, CUDNN_ATTR_OPERATIONGRAPH_HANDLE,
                  CUDNN_TYPE_HANDLE, handle);
  if (graph.isForAllSizes)
    descriptors.set(graph.descriptor,
                    CUDNN_ATTR_OPERATIONGRAPH_IS_DYNAMIC_SHAPE_ENABLED,
                    CUDNN_TYPE_BOOLEAN, true);
  descriptors.finalize(graph.descriptor);
}

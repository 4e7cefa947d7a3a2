//===- Cudnn.h - The functions of cuDNN ----------------------------------===//
//
// The few types and functions of cuDNN's graph API that are used, declared
// after its public documentation, so that no header of CUDA is needed. The
// library is found when a model that can use it is loaded.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CUDA_CUDNN_H
#define TENON_RUNTIME_CUDA_CUDNN_H

#include "runtime/cuda/Driver.h"

namespace tenon::cuda {

// cudnnStatus_t, and the handles.
using DnnStatus = int;
using DnnHandle = struct DnnHandleTag *;
using DnnDescriptor = void *;

/// Values of the library's enumerations.
enum : int {
  CUDNN_STATUS_SUCCESS = 0,
  // Of all that begin with NOT_SUPPORTED, and with INTERNAL_ERROR.
  CUDNN_STATUS_NOT_SUPPORTED = 3000,
  CUDNN_STATUS_INTERNAL_ERROR = 4000,
  CUDNN_DATA_FLOAT = 0,
  CUDNN_DATA_HALF = 2,
  CUDNN_DATA_BFLOAT16 = 9,
  CUDNN_CROSS_CORRELATION = 1,
  CUDNN_POINTWISE_ADD = 0,
  CUDNN_POINTWISE_RELU_FWD = 100,
  CUDNN_POINTWISE_TANH_FWD = 101,
  CUDNN_POINTWISE_SIGMOID_FWD = 102,
  CUDNN_POINTWISE_GELU_FWD = 104,
  CUDNN_POINTWISE_SWISH_FWD = 106,
  CUDNN_POINTWISE_GELU_APPROX_TANH_FWD = 107,
  CUDNN_HEUR_MODE_A = 3,
  CUDNN_HEUR_MODE_FALLBACK = 2,
  CUDNN_NUMERICAL_NOTE_TENSOR_CORE = 0,
  CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS = 1,
  CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION = 2,
  CUDNN_NUMERICAL_NOTE_FFT = 3,
  CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC = 4,
  CUDNN_NUMERICAL_NOTE_WINOGRAD = 5,
  CUDNN_TYPE_HANDLE = 0,
  CUDNN_TYPE_DATA_TYPE = 1,
  CUDNN_TYPE_BOOLEAN = 2,
  CUDNN_TYPE_INT64 = 3,
  CUDNN_TYPE_FLOAT = 4,
  CUDNN_TYPE_DOUBLE = 5,
  CUDNN_TYPE_VOID_PTR = 6,
  CUDNN_TYPE_CONVOLUTION_MODE = 7,
  CUDNN_TYPE_HEUR_MODE = 8,
  CUDNN_TYPE_NUMERICAL_NOTE = 11,
  CUDNN_TYPE_POINTWISE_MODE = 14,
  CUDNN_TYPE_BACKEND_DESCRIPTOR = 15,
  CUDNN_BACKEND_POINTWISE_DESCRIPTOR = 0,
  CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR = 1,
  CUDNN_BACKEND_ENGINE_DESCRIPTOR = 2,
  CUDNN_BACKEND_ENGINECFG_DESCRIPTOR = 3,
  CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR = 4,
  CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR = 5,
  CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR = 10,
  CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR = 13,
  CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR = 15,
  CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR = 16,
  CUDNN_BACKEND_TENSOR_DESCRIPTOR = 17,
  CUDNN_ATTR_POINTWISE_MODE = 0,
  CUDNN_ATTR_POINTWISE_MATH_PREC = 1,
  CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP = 4,
  CUDNN_ATTR_CONVOLUTION_COMP_TYPE = 100,
  CUDNN_ATTR_CONVOLUTION_CONV_MODE = 101,
  CUDNN_ATTR_CONVOLUTION_DILATIONS = 102,
  CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES = 103,
  CUDNN_ATTR_CONVOLUTION_POST_PADDINGS = 104,
  CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS = 105,
  CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS = 106,
  CUDNN_ATTR_ENGINEHEUR_MODE = 200,
  CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH = 201,
  CUDNN_ATTR_ENGINEHEUR_RESULTS = 202,
  CUDNN_ATTR_ENGINECFG_ENGINE = 300,
  CUDNN_ATTR_EXECUTION_PLAN_HANDLE = 400,
  CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG = 401,
  CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE = 402,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA = 700,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA = 701,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC = 702,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W = 703,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X = 704,
  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y = 705,
  CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR = 750,
  CUDNN_ATTR_OPERATION_POINTWISE_XDESC = 751,
  CUDNN_ATTR_OPERATION_POINTWISE_BDESC = 752,
  CUDNN_ATTR_OPERATION_POINTWISE_YDESC = 753,
  CUDNN_ATTR_OPERATIONGRAPH_HANDLE = 800,
  CUDNN_ATTR_OPERATIONGRAPH_OPS = 801,
  CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT = 802,
  CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT = 900,
  CUDNN_ATTR_TENSOR_DATA_TYPE = 901,
  CUDNN_ATTR_TENSOR_DIMENSIONS = 902,
  CUDNN_ATTR_TENSOR_STRIDES = 903,
  CUDNN_ATTR_TENSOR_UNIQUE_ID = 906,
  CUDNN_ATTR_TENSOR_IS_VIRTUAL = 907,
  CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS = 1000,
  CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS = 1001,
  CUDNN_ATTR_VARIANT_PACK_WORKSPACE = 1003,
  CUDNN_ATTR_ENGINE_GLOBAL_INDEX = 1301,
  CUDNN_ATTR_ENGINE_NUMERICAL_NOTE = 1303
};

/// X(member, the library's symbol, parameters...) for each function that
/// returns a status.
#define TENON_CUDNN_FUNCTIONS(X)                                               \
  X(create, cudnnCreate, DnnHandle *handle)                                    \
  X(destroy, cudnnDestroy, DnnHandle handle)                                   \
  X(setStream, cudnnSetStream, DnnHandle handle, Stream stream)                \
  X(descriptorCreate, cudnnBackendCreateDescriptor, int type,                  \
    DnnDescriptor *descriptor)                                                 \
  X(descriptorDestroy, cudnnBackendDestroyDescriptor,                          \
    DnnDescriptor descriptor)                                                  \
  X(descriptorFinalize, cudnnBackendFinalize, DnnDescriptor descriptor)        \
  X(descriptorSet, cudnnBackendSetAttribute, DnnDescriptor descriptor,         \
    int attribute, int type, int64_t count, const void *values)                \
  X(descriptorGet, cudnnBackendGetAttribute, DnnDescriptor descriptor,         \
    int attribute, int type, int64_t room, int64_t *count, void *values)       \
  X(execute, cudnnBackendExecute, DnnHandle handle, DnnDescriptor plan,        \
    DnnDescriptor pack)

/// The library. It stays loaded until the process ends.
struct Cudnn {
  /// Finds it, once: the one that TENON_CUDNN names, or the system's. Null if
  /// there is none, or only one of another version; throws CudaError if that is
  /// what TENON_CUDNN names.
  static const Cudnn *find();

  /// "CUDNN_STATUS_NOT_SUPPORTED", or the number.
  std::string describe(DnnStatus status) const;
  /// Throws CudaError if `status` is not success.
  void check(DnnStatus status, const char *what) const;

  std::string version; // "9.19.0"
  const char *(*getErrorString)(DnnStatus) = nullptr;
#define TENON_CUDNN_DECLARE(member, symbol, ...)                               \
  DnnStatus (*member)(__VA_ARGS__) = nullptr;
  TENON_CUDNN_FUNCTIONS(TENON_CUDNN_DECLARE)
#undef TENON_CUDNN_DECLARE
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CUDNN_H

//===- CublasLt.h - The functions of cuBLASLt ----------------------------===//
//
// The few types and functions of cuBLASLt that are used, declared after its
// public documentation, so that no header of CUDA is needed. The library is
// found when a model that can use it is loaded.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CUDA_CUBLASLT_H
#define TENON_RUNTIME_CUDA_CUBLASLT_H

#include "runtime/cuda/Driver.h"

namespace tenon::cuda {

// cublasStatus_t, and the handles.
using LtStatus = int;
using LtHandle = struct LtHandleTag *;
using LtOperation = struct LtOperationTag *;
using LtLayout = struct LtLayoutTag *;
using LtPreference = struct LtPreferenceTag *;

/// cublasLtMatmulAlgo_t and cublasLtMatmulHeuristicResult_t.
struct LtAlgorithm {
  uint64_t data[8];
};
struct LtHeuristic {
  LtAlgorithm algorithm;
  size_t workspaceSize;
  LtStatus state;
  float wavesCount;
  int reserved[4];
};

/// Values of the library's enumerations.
enum : int {
  CUBLAS_STATUS_SUCCESS = 0,
  CUBLAS_STATUS_NOT_SUPPORTED = 15,
  CUBLAS_OP_N = 0,
  CUBLAS_OP_T = 1,
  CUBLAS_COMPUTE_32F = 68,
  CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
  CUDA_R_32F = 0,
  CUDA_R_16F = 2,
  CUDA_R_16BF = 14,
  CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5,
  CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6,
  CUBLASLT_MATMUL_DESC_TRANSA = 3,
  CUBLASLT_MATMUL_DESC_TRANSB = 4,
  CUBLASLT_MATMUL_DESC_EPILOGUE = 7,
  CUBLASLT_MATMUL_DESC_BIAS_POINTER = 8,
  CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE = 26,
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8,
  CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2,
  CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE = 4,
  CUBLASLT_EPILOGUE_DEFAULT = 1,
  CUBLASLT_EPILOGUE_RELU = 2,
  CUBLASLT_EPILOGUE_BIAS = 4,
  CUBLASLT_EPILOGUE_GELU = 32,
  CUBLASLT_ALGO_CONFIG_ID = 0,
  CUBLASLT_ALGO_CONFIG_TILE_ID = 1,
  CUBLASLT_ALGO_CONFIG_SPLITK_NUM = 2,
  CUBLASLT_ALGO_CONFIG_STAGES_ID = 6
};

/// X(member, the library's symbol, parameters...) for each function that
/// returns a status.
#define TENON_CUBLASLT_FUNCTIONS(X)                                            \
  X(create, cublasLtCreate, LtHandle *handle)                                  \
  X(destroy, cublasLtDestroy, LtHandle handle)                                 \
  X(operationCreate, cublasLtMatmulDescCreate, LtOperation *operation,         \
    int computeType, int scaleType)                                            \
  X(operationDestroy, cublasLtMatmulDescDestroy, LtOperation operation)        \
  X(operationSet, cublasLtMatmulDescSetAttribute, LtOperation operation,       \
    int attribute, const void *value, size_t size)                             \
  X(layoutCreate, cublasLtMatrixLayoutCreate, LtLayout *layout, int type,      \
    uint64_t rows, uint64_t columns, int64_t leadingDimension)                 \
  X(layoutDestroy, cublasLtMatrixLayoutDestroy, LtLayout layout)               \
  X(layoutSet, cublasLtMatrixLayoutSetAttribute, LtLayout layout,              \
    int attribute, const void *value, size_t size)                             \
  X(preferenceCreate, cublasLtMatmulPreferenceCreate,                          \
    LtPreference *preference)                                                  \
  X(preferenceDestroy, cublasLtMatmulPreferenceDestroy,                        \
    LtPreference preference)                                                   \
  X(preferenceSet, cublasLtMatmulPreferenceSetAttribute,                       \
    LtPreference preference, int attribute, const void *value, size_t size)    \
  X(findAlgorithm, cublasLtMatmulAlgoGetHeuristic, LtHandle handle,            \
    LtOperation operation, LtLayout a, LtLayout b, LtLayout c, LtLayout d,     \
    LtPreference preference, int maxResults, LtHeuristic *results,             \
    int *numResults)                                                           \
  X(getConfiguration, cublasLtMatmulAlgoConfigGetAttribute,                    \
    const LtAlgorithm *algorithm, int attribute, void *value, size_t size,     \
    size_t *written)                                                           \
  X(multiply, cublasLtMatmul, LtHandle handle, LtOperation operation,          \
    const void *alpha, const void *aData, LtLayout a, const void *bData,       \
    LtLayout b, const void *beta, const void *cData, LtLayout c, void *dData,  \
    LtLayout d, const LtAlgorithm *algorithm, void *workspace,                 \
    size_t workspaceSize, Stream stream)

/// The library. It stays loaded until the process ends.
struct CublasLt {
  /// Finds it, once: the one that TENON_CUBLASLT names, or one of the
  /// system's. Null if there is none that can be used, with the reason in
  /// `problem` if there is one; throws ProviderFailure if that is what
  /// TENON_CUBLASLT names.
  static const CublasLt *find(std::string &problem);

  /// "CUBLAS_STATUS_NOT_SUPPORTED", or the number.
  std::string describe(LtStatus status) const;
  /// Throws ProviderFailure if `status` is not success.
  void check(LtStatus status, const char *what) const;

  std::string version; // "13.0.2"
  const char *(*getStatusName)(LtStatus) = nullptr;
#define TENON_CUBLASLT_DECLARE(member, symbol, ...)                            \
  LtStatus (*member)(__VA_ARGS__) = nullptr;
  TENON_CUBLASLT_FUNCTIONS(TENON_CUBLASLT_DECLARE)
#undef TENON_CUBLASLT_DECLARE
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CUBLASLT_H

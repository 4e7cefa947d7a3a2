//===- CudaHeadersTest.cpp - Our declarations are those of CUDA ----------===//
//
// The runtime declares what it uses of CUDA, so that it needs none of its
// headers. Where they are, this compares: values, the sizes of structures, and
// of what each function takes.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/CublasLt.h"

#include <cublasLt.h>
#include <cuda.h>
#include <gtest/gtest.h>

#include <array>

namespace ours = tenon::cuda;

#define SAME(name) static_assert(int(ours::name) == int(::name), #name)
SAME(CUDA_SUCCESS);
SAME(CUDA_ERROR_INVALID_VALUE);
SAME(CUDA_ERROR_OUT_OF_MEMORY);
SAME(CUDA_ERROR_NO_DEVICE);
SAME(CUDA_ERROR_INVALID_CONTEXT);
SAME(CUDA_ERROR_INVALID_HANDLE);
SAME(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES);
SAME(CU_STREAM_NON_BLOCKING);
SAME(CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
SAME(CU_EVENT_DEFAULT);
SAME(CU_EVENT_DISABLE_TIMING);
SAME(CU_MEMORYTYPE_DEVICE);
SAME(CU_POINTER_ATTRIBUTE_MEMORY_TYPE);
SAME(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL);
SAME(CU_POINTER_ATTRIBUTE_RANGE_START_ADDR);
SAME(CU_POINTER_ATTRIBUTE_RANGE_SIZE);
SAME(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(CU_JIT_ERROR_LOG_BUFFER);
SAME(CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
SAME(CUBLAS_STATUS_SUCCESS);
SAME(CUBLAS_STATUS_NOT_SUPPORTED);
SAME(CUBLAS_OP_N);
SAME(CUBLAS_OP_T);
SAME(CUBLAS_COMPUTE_32F);
SAME(CUBLAS_COMPUTE_32F_FAST_TF32);
SAME(CUDA_R_32F);
SAME(CUDA_R_16F);
SAME(CUDA_R_16BF);
SAME(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT);
SAME(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET);
SAME(CUBLASLT_MATMUL_DESC_TRANSA);
SAME(CUBLASLT_MATMUL_DESC_TRANSB);
SAME(CUBLASLT_MATMUL_DESC_EPILOGUE);
SAME(CUBLASLT_MATMUL_DESC_BIAS_POINTER);
SAME(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE);
SAME(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES);
SAME(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES);
SAME(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
SAME(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE);
SAME(CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE);
SAME(CUBLASLT_EPILOGUE_DEFAULT);
SAME(CUBLASLT_EPILOGUE_RELU);
SAME(CUBLASLT_EPILOGUE_BIAS);
SAME(CUBLASLT_EPILOGUE_GELU);
SAME(CUBLASLT_ALGO_CONFIG_ID);
SAME(CUBLASLT_ALGO_CONFIG_TILE_ID);
SAME(CUBLASLT_ALGO_CONFIG_SPLITK_NUM);
SAME(CUBLASLT_ALGO_CONFIG_STAGES_ID);

static_assert(sizeof(ours::LtAlgorithm) == sizeof(cublasLtMatmulAlgo_t));
static_assert(sizeof(ours::LtHeuristic) ==
              sizeof(cublasLtMatmulHeuristicResult_t));
static_assert(offsetof(ours::LtHeuristic, workspaceSize) ==
              offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize));
static_assert(offsetof(ours::LtHeuristic, state) ==
              offsetof(cublasLtMatmulHeuristicResult_t, state));

/// The sizes of what a function takes, and that of what it returns.
template <typename Result, typename... Parameters>
static std::array<size_t, sizeof...(Parameters) + 1>
getSizes(Result (*)(Parameters...)) {
  return {sizeof(Result), sizeof(Parameters)...};
}

TEST(CudaHeaders, FunctionsTakeTheSame) {
#define COMPARE(member, symbol, ...)                                           \
  EXPECT_EQ(getSizes(static_cast<decltype(Owner::member)>(nullptr)),           \
            getSizes(static_cast<decltype(&::symbol)>(nullptr)))               \
      << #symbol;
  {
    using Owner = ours::Driver;
    TENON_CUDA_FUNCTIONS(COMPARE)
  }
  {
    using Owner = ours::CublasLt;
    TENON_CUBLASLT_FUNCTIONS(COMPARE)
  }
}

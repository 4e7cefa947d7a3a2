//===- FakeCublasLt.cpp - cuBLASLt without a device ----------------------===//
//
// The functions of cuBLASLt that the runtime calls, beside the tests' driver
// (FakeCuda.h), whose streams it puts its work into. Products are computed as
// they are described, with sums in f64.
//
// The environment says what it pretends:
//
//   FAKE_CUBLASLT_VERSION=110000         its version, else 130100, or 120900 in
//                                        a file whose name ends with .12
//   FAKE_CUBLASLT_FAIL=cublasLtMatmul:13 what this function returns
//   FAKE_CUBLASLT_WORKSPACE=1000000      what its algorithm wants, else 0
//
// TENON_CUBLASLT names the library.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/CublasLt.h"
#include "test/unit/runtime/FakeCuda.h"
#include "test/unit/runtime/FakeLibrary.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace tenon::cuda;
using namespace tenon::test::cuda;

static constexpr LtStatus kNotInitialized = 1, kInvalid = 7;

extern "C" FAKE_CUDA_API int cuDriverGetVersion(int *version);

namespace tenon::cuda {
struct LtHandleTag {};
struct LtOperationTag {
  int computeType = 0, scaleType = 0;
  int transposeA = 0, transposeB = 0;
  int epilogue = CUBLASLT_EPILOGUE_DEFAULT, biasType = -1;
  const void *bias = nullptr;
};
struct LtLayoutTag {
  int type = 0;
  uint64_t rows = 0, columns = 0;
  int64_t leadingDimension = 0;
  int32_t batches = 1;
  int64_t batchStride = 0;
};
struct LtPreferenceTag {
  uint64_t workspace = 0;
  uint32_t schemes = ~0u;
  uint32_t alignments[4] = {256, 256, 256, 256};
};
} // namespace tenon::cuda

#define ENTER(function)                                                        \
  if (std::optional<int> status = getFailure("FAKE_CUBLASLT_FAIL", #function)) \
  return *status

template <typename T>
static LtStatus setTo(T &target, const void *value, size_t size) {
  if (size != sizeof target)
    return kInvalid;
  memcpy(&target, value, size);
  return CUBLAS_STATUS_SUCCESS;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

static TenonDType getType(int type) {
  return type == CUDA_R_32F   ? TENON_F32
         : type == CUDA_R_16F ? TENON_F16
                              : TENON_BF16;
}

namespace {

/// A call of cublasLtMatmul, with copies of all that it was given.
struct Product {
  void run() const;
  /// The bytes of a matrix for all batches.
  static uint64_t getBytes(const LtLayoutTag &layout) {
    return ((layout.batches - 1) * layout.batchStride +
            (layout.columns - 1) * layout.leadingDimension + layout.rows) *
           getSize(getType(layout.type));
  }

  LtOperationTag operation;
  LtLayoutTag a, b, c, d;
  uint64_t aData, bData, cData, dData;
  float alpha, beta;
};

} // namespace

void Product::run() const {
  auto get = [](uint64_t address, uint64_t bytes) {
    return static_cast<char *>(getMemory(address, bytes));
  };
  char *as = get(aData, getBytes(a)), *bs = get(bData, getBytes(b));
  char *cs = get(cData, getBytes(c)), *ds = get(dData, getBytes(d));
  const char *bias = nullptr;
  if (operation.epilogue & CUBLASLT_EPILOGUE_BIAS)
    bias = get(reinterpret_cast<uintptr_t>(operation.bias),
               d.rows * getSize(getType(d.type)));
  if (!as || !bs || !cs || !ds ||
      (operation.epilogue & CUBLASLT_EPILOGUE_BIAS && !bias))
    return;
  uint64_t depth = operation.transposeA ? a.rows : a.columns;
  for (int64_t batch = 0; batch < d.batches; ++batch)
    for (uint64_t j = 0; j < d.columns; ++j)
      for (uint64_t i = 0; i < d.rows; ++i) {
        double sum = 0;
        for (uint64_t k = 0; k < depth; ++k) {
          int64_t aAt = operation.transposeA ? k + i * a.leadingDimension
                                             : i + k * a.leadingDimension;
          int64_t bAt = operation.transposeB ? j + k * b.leadingDimension
                                             : k + j * b.leadingDimension;
          double left = read(as, batch * a.batchStride + aAt, getType(a.type));
          double right = read(bs, batch * b.batchStride + bAt, getType(b.type));
          if (operation.computeType == CUBLAS_COMPUTE_32F_FAST_TF32) {
            left = roundToTf32(left);
            right = roundToTf32(right);
          }
          sum += left * right;
        }
        int64_t at = batch * d.batchStride + i + j * d.leadingDimension;
        double value = alpha * sum;
        if (beta != 0)
          value += beta * read(cs, at, getType(c.type));
        if (bias)
          value += read(bias, i, getType(d.type));
        if (operation.epilogue & CUBLASLT_EPILOGUE_RELU)
          value = std::fmax(value, 0);
        if (operation.epilogue & CUBLASLT_EPILOGUE_GELU)
          value *=
              0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) *
                                   (value + 0.044715 * value * value * value)));
        write(ds, at, getType(d.type), value);
      }
}

/// Whether the descriptions fit together.
static bool isValid(const LtOperationTag &operation, const LtLayoutTag &a,
                    const LtLayoutTag &b, const LtLayoutTag &c,
                    const LtLayoutTag &d) {
  uint64_t m = operation.transposeA ? a.columns : a.rows;
  uint64_t k = operation.transposeA ? a.rows : a.columns;
  uint64_t n = operation.transposeB ? b.rows : b.columns;
  uint64_t k2 = operation.transposeB ? b.columns : b.rows;
  bool isBiased = operation.epilogue & CUBLASLT_EPILOGUE_BIAS;
  for (const LtLayoutTag *layout : {&a, &b, &c, &d})
    if (!layout->rows || !layout->columns ||
        layout->leadingDimension < int64_t(layout->rows) ||
        layout->batches != d.batches)
      return false;
  return m == d.rows && n == d.columns && k == k2 && c.rows == m &&
         c.columns == n && c.type == d.type && a.type == b.type &&
         (d.type == a.type || d.type == CUDA_R_32F) &&
         operation.scaleType == CUDA_R_32F &&
         (operation.computeType == CUBLAS_COMPUTE_32F ||
          (operation.computeType == CUBLAS_COMPUTE_32F_FAST_TF32 &&
           a.type == CUDA_R_32F)) &&
         (!isBiased || (operation.biasType == d.type && operation.bias));
}

#pragma GCC visibility push(default)
extern "C" {

size_t cublasLtGetVersion() {
  if (int64_t version = getNumber("FAKE_CUBLASLT_VERSION", 0))
    return version;
  Dl_info file;
  if (!dladdr(reinterpret_cast<void *>(&cublasLtGetVersion), &file))
    abort();
  const char *end = strrchr(file.dli_fname, '.');
  return end && !strcmp(end, ".12") ? 120900 : 130100;
}

const char *cublasLtGetStatusName(LtStatus status) {
  return status == CUBLAS_STATUS_NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED"
         : status == kInvalid                  ? "CUBLAS_STATUS_INVALID_VALUE"
         : status == kNotInitialized           ? "CUBLAS_STATUS_NOT_INITIALIZED"
         : status == 13 ? "CUBLAS_STATUS_EXECUTION_FAILED"
                        : nullptr;
}

LtStatus cublasLtCreate(LtHandle *handle) {
  ENTER(cublasLtCreate);
  // It needs a driver for its version of CUDA, or for a later one.
  int driver = 0;
  cuDriverGetVersion(&driver);
  if (size_t(driver / 1000) < cublasLtGetVersion() / 10000)
    return kNotInitialized;
  *handle = new LtHandleTag;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtDestroy(LtHandle handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmulDescCreate(LtOperation *operation, int computeType,
                                  int scaleType) {
  ENTER(cublasLtMatmulDescCreate);
  *operation = new LtOperationTag{computeType, scaleType};
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmulDescDestroy(LtOperation operation) {
  delete operation;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmulDescSetAttribute(LtOperation operation, int attribute,
                                        const void *value, size_t size) {
  ENTER(cublasLtMatmulDescSetAttribute);
  switch (attribute) {
  case CUBLASLT_MATMUL_DESC_TRANSA:
    return setTo(operation->transposeA, value, size);
  case CUBLASLT_MATMUL_DESC_TRANSB:
    return setTo(operation->transposeB, value, size);
  case CUBLASLT_MATMUL_DESC_EPILOGUE:
    return setTo(operation->epilogue, value, size);
  case CUBLASLT_MATMUL_DESC_BIAS_POINTER:
    return setTo(operation->bias, value, size);
  case CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE:
    return setTo(operation->biasType, value, size);
  default:
    return kInvalid;
  }
}

LtStatus cublasLtMatrixLayoutCreate(LtLayout *layout, int type, uint64_t rows,
                                    uint64_t columns,
                                    int64_t leadingDimension) {
  ENTER(cublasLtMatrixLayoutCreate);
  *layout = new LtLayoutTag{type, rows, columns, leadingDimension};
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatrixLayoutDestroy(LtLayout layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatrixLayoutSetAttribute(LtLayout layout, int attribute,
                                          const void *value, size_t size) {
  ENTER(cublasLtMatrixLayoutSetAttribute);
  switch (attribute) {
  case CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT:
    return setTo(layout->batches, value, size);
  case CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET:
    return setTo(layout->batchStride, value, size);
  default:
    return kInvalid;
  }
}

LtStatus cublasLtMatmulPreferenceCreate(LtPreference *preference) {
  ENTER(cublasLtMatmulPreferenceCreate);
  *preference = new LtPreferenceTag;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmulPreferenceDestroy(LtPreference preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmulPreferenceSetAttribute(LtPreference preference,
                                              int attribute, const void *value,
                                              size_t size) {
  ENTER(cublasLtMatmulPreferenceSetAttribute);
  switch (attribute) {
  case CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES:
    return setTo(preference->workspace, value, size);
  case CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK:
    return setTo(preference->schemes, value, size);
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES:
  case CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES:
    return setTo(
        preference->alignments[attribute -
                               CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES],
        value, size);
  default:
    return kInvalid;
  }
}

/// The algorithm's words are the alignments that it counts on.
LtStatus cublasLtMatmulAlgoGetHeuristic(LtHandle, LtOperation operation,
                                        LtLayout a, LtLayout b, LtLayout c,
                                        LtLayout d, LtPreference preference,
                                        int maxResults, LtHeuristic *results,
                                        int *numResults) {
  ENTER(cublasLtMatmulAlgoGetHeuristic);
  // Sums that are added in place come in any order.
  constexpr uint32_t inPlace = 1;
  if (maxResults < 1 || !isValid(*operation, *a, *b, *c, *d) ||
      preference->schemes & inPlace)
    return kInvalid;
  *results = {};
  for (int i = 0; i < 4; ++i)
    results->algorithm.data[i] = preference->alignments[i];
  results->workspaceSize = getNumber("FAKE_CUBLASLT_WORKSPACE", 0);
  *numResults = results->workspaceSize <= preference->workspace;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmulAlgoConfigGetAttribute(const LtAlgorithm *algorithm,
                                              int attribute, void *value,
                                              size_t size, size_t *written) {
  int32_t number = 100 * attribute;
  if (size != sizeof number)
    return kInvalid;
  memcpy(value, &number, size);
  *written = size;
  return CUBLAS_STATUS_SUCCESS;
}

LtStatus cublasLtMatmul(LtHandle, LtOperation operation, const void *alpha,
                        const void *aData, LtLayout a, const void *bData,
                        LtLayout b, const void *beta, const void *cData,
                        LtLayout c, void *dData, LtLayout d,
                        const LtAlgorithm *algorithm, void *workspace,
                        size_t workspaceSize, Stream stream) {
  ENTER(cublasLtMatmul);
  auto toAddress = [](const void *data) {
    return reinterpret_cast<uintptr_t>(data);
  };
  Product product{*operation,
                  *a,
                  *b,
                  *c,
                  *d,
                  toAddress(aData),
                  toAddress(bData),
                  toAddress(cData),
                  toAddress(dData),
                  *static_cast<const float *>(alpha),
                  *static_cast<const float *>(beta)};
  const uint64_t data[] = {product.aData, product.bData, product.cData,
                           product.dData};
  for (int i = 0; i < 4; ++i)
    if (data[i] % algorithm->data[i])
      return kInvalid;
  if (!isValid(*operation, *a, *b, *c, *d) || (workspaceSize && !workspace))
    return kInvalid;
  std::vector<uint64_t> addresses(data, data + 4);
  if (workspaceSize)
    addresses.push_back(toAddress(workspace));
  return tenon::test::cuda::enqueue(stream, addresses,
                                    [product] { product.run(); })
             ? CUBLAS_STATUS_SUCCESS
             : 13;
}

} // extern "C"
#pragma GCC visibility pop

//===- Matmul.cpp - Matrix products by cuBLASLt --------------------------===//
//
// The library's matrices have their columns contiguous, Tenon's their rows. So
// a matrix of Tenon is its transpose to the library, and
//
//   result = lhs * rhs   is to it   result' = rhs' * lhs'
//
// with rhs as the first factor. Its bias then is one of rows, as the library
// wants it.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/Matmul.h"

#include <array>

using namespace tenon::cuda;

/// The most memory that an algorithm may want, as NVIDIA recommends for Hopper.
static constexpr uint64_t maxWorkspace = 32 << 20;

/// Descriptions that the library has of a product, and what it chose for it.
struct MatmulRunner::Product : LibraryPlan {
  explicit Product(const CublasLt &library) : library(library) {}
  ~Product() override {
    for (LtLayout layout : {first, second, added, result})
      if (layout)
        library.layoutDestroy(layout);
    if (operation)
      library.operationDestroy(operation);
  }

  const CublasLt &library;
  LtOperation operation = nullptr;
  LtLayout first = nullptr, second = nullptr, added = nullptr, result = nullptr;
  LtHeuristic chosen{};
};

static int getType(int64_t type) {
  return type == TENON_F32   ? CUDA_R_32F
         : type == TENON_F16 ? CUDA_R_16F
                             : CUDA_R_16BF;
}

namespace {

/// The sizes of a product to the library: its batches, and for each factor how
/// many elements lie between those of two batches.
struct Sizes {
  int64_t batches = 1, rows = 0, columns = 0, depth = 0;
  int64_t lhsStride = 0, rhsStride = 0;
};

} // namespace

/// False if a tensor has to be read in a way that the library has not.
static bool findSizes(const TenonLibraryMatmul &matmul,
                      const std::vector<Tensor> &tensors, Sizes &sizes) {
  const std::vector<int64_t> &lhs = tensors[matmul.lhs].dims;
  const std::vector<int64_t> &rhs = tensors[matmul.rhs].dims;
  const std::vector<int64_t> &result = tensors.back().dims;
  size_t rank = result.size();
  sizes.rows = result[rank - 2];
  sizes.columns = result[rank - 1];
  sizes.depth = lhs[lhs.size() - (matmul.transposeLhs ? 2 : 1)];
  int64_t rhsDepth = rhs[rhs.size() - (matmul.transposeRhs ? 1 : 2)];
  if (lhs[lhs.size() - (matmul.transposeLhs ? 1 : 2)] != sizes.rows ||
      rhs[rhs.size() - (matmul.transposeRhs ? 2 : 1)] != sizes.columns ||
      rhsDepth != sizes.depth)
    return false;
  sizes.batches = multiply(result.data(), result.data() + rank - 2);
  if (sizes.batches < 1)
    return false;
  // A factor has all batches, or one for all.
  auto findStride = [&](const std::vector<int64_t> &factor, int64_t &stride) {
    int64_t batches =
        multiply(factor.data(), factor.data() + factor.size() - 2);
    stride =
        batches == 1 ? 0 : multiply(&factor.back() - 1, &factor.back() + 1);
    return stride >= 0 && (batches == 1 || batches == sizes.batches);
  };
  if (!findStride(lhs, sizes.lhsStride) || !findStride(rhs, sizes.rhsStride))
    return false;
  // One matrix for all batches of rows: they are rows of one product.
  if (sizes.batches > 1 && !sizes.rhsStride && sizes.lhsStride &&
      !matmul.transposeLhs) {
    if (__builtin_mul_overflow(sizes.rows, sizes.batches, &sizes.rows))
      return false;
    sizes.batches = 1;
  }
  auto hasElements = [&](int64_t arg, int64_t count) {
    return countElements(tensors[arg]) == count;
  };
  if (matmul.bias != -1 && !hasElements(matmul.bias, result[rank - 1]))
    return false;
  if (matmul.residual != -1 && tensors[matmul.residual].dims != result)
    return false;
  constexpr int64_t most = INT32_MAX; // of a matrix's rows and columns
  return sizes.batches <= most && sizes.rows > 0 && sizes.rows <= most &&
         sizes.columns > 0 && sizes.columns <= most && sizes.depth > 0 &&
         sizes.depth <= most;
}

MatmulRunner::MatmulRunner(const CublasLt &library, Stream stream,
                           Workspace &workspace)
    : LibraryRunner(workspace), library(library), stream(stream) {
  library.check(library.create(&handle), "cuBLASLt does not start");
  constexpr const char *failed = "cuBLASLt takes no preferences";
  LtStatus status = library.preferenceCreate(&preference);
  auto set = [&](int attribute, auto value) {
    if (status == CUBLAS_STATUS_SUCCESS)
      status =
          library.preferenceSet(preference, attribute, &value, sizeof value);
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, maxWorkspace);
  // Sums in place depend on which block comes first.
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
      uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE |
               CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
  if (status == CUBLAS_STATUS_SUCCESS)
    return;
  if (preference)
    library.preferenceDestroy(preference);
  library.destroy(handle);
  library.check(status, failed);
}

MatmulRunner::~MatmulRunner() {
  clear();
  if (preference)
    library.preferenceDestroy(preference);
  library.destroy(handle);
}

/// What the library adds to a product: where there is nothing, the result, so
/// that there is a matrix.
static int64_t getAdded(const TenonKernel &kernel) {
  int64_t residual = getWords<TenonLibraryMatmul>(kernel).residual;
  return residual == -1 ? kernel.numArgs - 1 : residual;
}

std::unique_ptr<LibraryPlan> MatmulRunner::prepare(const TenonKernel &kernel,
                                                   void *const *args,
                                                   const int64_t *alignments,
                                                   const int64_t *dims) {
  const TenonLibraryMatmul &matmul = getWords<TenonLibraryMatmul>(kernel);
  const void *bias = matmul.bias == -1 ? nullptr : args[matmul.bias];
  std::vector<Tensor> tensors = getTensors(kernel, dims);
  Sizes sizes;
  if (!findSizes(matmul, tensors, sizes))
    return nullptr;

  auto product = std::make_unique<Product>(library);
  LtStatus status = CUBLAS_STATUS_SUCCESS;
  auto call = [&](auto function, auto... arguments) {
    if (status == CUBLAS_STATUS_SUCCESS)
      status = function(arguments...);
  };
  auto set = [&](auto function, auto handle, int attribute, auto value) {
    call(function, handle, attribute, &value, sizeof value);
  };
  const Tensor &result = tensors.back();
  int factorType = getType(tensors[matmul.lhs].type);
  int resultType = getType(result.type);
  call(library.operationCreate, &product->operation,
       matmul.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
       CUDA_R_32F);
  set(library.operationSet, product->operation, CUBLASLT_MATMUL_DESC_TRANSA,
      matmul.transposeRhs ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(library.operationSet, product->operation, CUBLASLT_MATMUL_DESC_TRANSB,
      matmul.transposeLhs ? CUBLAS_OP_T : CUBLAS_OP_N);
  bool isRelu = matmul.activation == TENON_LIBRARY_RELU;
  bool isGelu = matmul.activation == TENON_LIBRARY_GELU_TANH;
  int tail = (isRelu ? CUBLASLT_EPILOGUE_RELU : 0) |
             (isGelu ? CUBLASLT_EPILOGUE_GELU : 0) |
             (matmul.bias != -1 ? CUBLASLT_EPILOGUE_BIAS : 0);
  set(library.operationSet, product->operation, CUBLASLT_MATMUL_DESC_EPILOGUE,
      tail ? tail : CUBLASLT_EPILOGUE_DEFAULT);
  if (bias) {
    set(library.operationSet, product->operation,
        CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, resultType);
    // Its alignment counts in the choice of an algorithm.
    set(library.operationSet, product->operation,
        CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }

  auto makeLayout = [&](LtLayout &layout, int type, int64_t rows,
                        int64_t columns, int64_t stride) {
    call(library.layoutCreate, &layout, type, rows, columns, rows);
    if (sizes.batches == 1)
      return;
    set(library.layoutSet, layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
        int32_t(sizes.batches));
    set(library.layoutSet, layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET,
        stride);
  };
  auto [m, n, k] = std::array{sizes.rows, sizes.columns, sizes.depth};
  makeLayout(product->first, factorType, matmul.transposeRhs ? k : n,
             matmul.transposeRhs ? n : k, sizes.rhsStride);
  makeLayout(product->second, factorType, matmul.transposeLhs ? m : k,
             matmul.transposeLhs ? k : m, sizes.lhsStride);
  makeLayout(product->added, resultType, n, m, n * m);
  makeLayout(product->result, resultType, n, m, n * m);

  constexpr int attributes[] = {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                                CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                                CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                                CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
  const int64_t matrices[] = {matmul.rhs, matmul.lhs, getAdded(kernel),
                              kernel.numArgs - 1};
  for (size_t i = 0; i < 4; ++i)
    set(library.preferenceSet, preference, attributes[i],
        uint32_t(alignments[matrices[i]]));
  library.check(status, "a matrix product cannot be described");

  int numResults = 0;
  status = library.findAlgorithm(handle, product->operation, product->first,
                                 product->second, product->added,
                                 product->result, preference, /*maxResults=*/1,
                                 &product->chosen, &numResults);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED ||
      (status == CUBLAS_STATUS_SUCCESS &&
       (!numResults || product->chosen.state != CUBLAS_STATUS_SUCCESS)))
    return nullptr;
  library.check(status, "no algorithm for a matrix product");
  product->workspaceSize = product->chosen.workspaceSize;
  product->description = "cuBLASLt " + library.version;
  for (auto [attribute, name] :
       {std::pair{CUBLASLT_ALGO_CONFIG_ID, "algorithm"},
        {CUBLASLT_ALGO_CONFIG_TILE_ID, "tile"},
        {CUBLASLT_ALGO_CONFIG_STAGES_ID, "stages"},
        {CUBLASLT_ALGO_CONFIG_SPLITK_NUM, "split"}}) {
    int32_t value = 0;
    size_t written = 0;
    if (library.getConfiguration(&product->chosen.algorithm, attribute, &value,
                                 sizeof value,
                                 &written) == CUBLAS_STATUS_SUCCESS)
      product->description +=
          std::string(", ") + name + " " + std::to_string(value);
  }
  return product;
}

bool MatmulRunner::start(LibraryPlan &plan, const TenonKernel &kernel,
                         void *const *args) {
  auto &product = static_cast<Product &>(plan);
  const TenonLibraryMatmul &matmul = getWords<TenonLibraryMatmul>(kernel);
  constexpr const char *failed = "cannot be started on the CUDA device";
  if (matmul.bias != -1)
    library.check(library.operationSet(product.operation,
                                       CUBLASLT_MATMUL_DESC_BIAS_POINTER,
                                       &args[matmul.bias], sizeof(void *)),
                  failed);
  float alpha = matmul.alpha, beta = matmul.residual == -1 ? 0 : 1;
  library.check(library.multiply(handle, product.operation, &alpha,
                                 args[matmul.rhs], product.first,
                                 args[matmul.lhs], product.second, &beta,
                                 args[getAdded(kernel)], product.added,
                                 args[kernel.numArgs - 1], product.result,
                                 &product.chosen.algorithm, workspace.get(),
                                 product.workspaceSize, stream),
                failed);
  return true;
}

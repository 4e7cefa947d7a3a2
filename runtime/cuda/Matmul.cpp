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

/// The sizes of a product to the library: its batches, and for each factor how
/// many elements lie between those of two batches.
struct MatmulRunner::Sizes {
  int64_t batches = 1, rows = 0, columns = 0, depth = 0;
  int64_t lhsStride = 0, rhsStride = 0;

  /// False if a tensor has to be read in a way that the library has not.
  bool find(const TenonLibraryMatmul &matmul,
            const std::vector<Tensor> &tensors);
};

/// Calls of the library up to the first that fails.
struct MatmulRunner::Calls {
  LtStatus status = CUBLAS_STATUS_SUCCESS;

  template <typename Function, typename... Arguments>
  void make(Function function, Arguments... arguments) {
    if (status == CUBLAS_STATUS_SUCCESS)
      status = function(arguments...);
  }
  template <typename Function, typename Object, typename Value>
  void set(Function function, Object object, int attribute, Value value) {
    make(function, object, attribute, &value, sizeof value);
  }
};

bool MatmulRunner::Sizes::find(const TenonLibraryMatmul &matmul,
                               const std::vector<Tensor> &tensors) {
  const std::vector<int64_t> &lhs = tensors[matmul.lhs].dims;
  const std::vector<int64_t> &rhs = tensors[matmul.rhs].dims;
  const std::vector<int64_t> &result = tensors.back().dims;
  size_t rank = result.size();
  rows = result[rank - 2];
  columns = result[rank - 1];
  depth = lhs[lhs.size() - (matmul.transposeLhs ? 2 : 1)];
  int64_t rhsDepth = rhs[rhs.size() - (matmul.transposeRhs ? 1 : 2)];
  if (lhs[lhs.size() - (matmul.transposeLhs ? 1 : 2)] != rows ||
      rhs[rhs.size() - (matmul.transposeRhs ? 2 : 1)] != columns ||
      rhsDepth != depth)
    return false;
  batches = multiply(result.data(), result.data() + rank - 2);
  if (batches < 1)
    return false;
  // A factor has all batches, or one for all.
  auto findStride = [&](const std::vector<int64_t> &factor, int64_t &stride) {
    int64_t matrices =
        multiply(factor.data(), factor.data() + factor.size() - 2);
    stride =
        matrices == 1 ? 0 : multiply(&factor.back() - 1, &factor.back() + 1);
    return stride >= 0 && (matrices == 1 || matrices == batches);
  };
  if (!findStride(lhs, lhsStride) || !findStride(rhs, rhsStride))
    return false;
  // One matrix for all batches of rows: they are rows of one product.
  if (batches > 1 && !rhsStride && lhsStride && !matmul.transposeLhs) {
    if (__builtin_mul_overflow(rows, batches, &rows))
      return false;
    batches = 1;
  }
  auto hasElements = [&](int64_t arg, int64_t count) {
    return countElements(tensors[arg]) == count;
  };
  if (matmul.bias != -1 && !hasElements(matmul.bias, result[rank - 1]))
    return false;
  if (matmul.residual != -1 && tensors[matmul.residual].dims != result)
    return false;
  constexpr int64_t most = INT32_MAX; // of a matrix's rows and columns
  return batches <= most && rows > 0 && rows <= most && columns > 0 &&
         columns <= most && depth > 0 && depth <= most;
}

MatmulRunner::MatmulRunner(const CublasLt &library, Stream stream,
                           Workspace &workspace)
    : LibraryRunner(workspace), library(library), stream(stream) {
  library.check(library.create(&handle), "cuBLASLt does not start");
  constexpr const char *failed = "cuBLASLt takes no preferences";
  Calls calls;
  calls.make(library.preferenceCreate, &preference);
  calls.set(library.preferenceSet, preference,
            CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, maxWorkspace);
  // Sums in place depend on which block comes first.
  calls.set(library.preferenceSet, preference,
            CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
            uint32_t(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE |
                     CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
  if (calls.status == CUBLAS_STATUS_SUCCESS)
    return;
  if (preference)
    library.preferenceDestroy(preference);
  library.destroy(handle);
  library.check(calls.status, failed);
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

/// What `product` computes, beside its matrices.
void MatmulRunner::describeOperation(Calls &calls, Product &product,
                                     const TenonLibraryMatmul &matmul,
                                     int resultType, const void *bias) const {
  calls.make(library.operationCreate, &product.operation,
             matmul.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F,
             CUDA_R_32F);
  auto set = [&](int attribute, auto value) {
    calls.set(library.operationSet, product.operation, attribute, value);
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA,
      matmul.transposeRhs ? CUBLAS_OP_T : CUBLAS_OP_N);
  set(CUBLASLT_MATMUL_DESC_TRANSB,
      matmul.transposeLhs ? CUBLAS_OP_T : CUBLAS_OP_N);
  bool isRelu = matmul.activation == TENON_LIBRARY_RELU;
  bool isGelu = matmul.activation == TENON_LIBRARY_GELU_TANH;
  int tail = (isRelu ? CUBLASLT_EPILOGUE_RELU : 0) |
             (isGelu ? CUBLASLT_EPILOGUE_GELU : 0) |
             (matmul.bias != -1 ? CUBLASLT_EPILOGUE_BIAS : 0);
  set(CUBLASLT_MATMUL_DESC_EPILOGUE, tail ? tail : CUBLASLT_EPILOGUE_DEFAULT);
  if (bias) {
    set(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, resultType);
    // Its alignment counts in the choice of an algorithm.
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
}

void MatmulRunner::describeMatrices(Calls &calls, Product &product,
                                    const TenonLibraryMatmul &matmul,
                                    const Sizes &sizes, int factorType,
                                    int resultType) const {
  auto make = [&](LtLayout &layout, int type, int64_t rows, int64_t columns,
                  int64_t stride) {
    calls.make(library.layoutCreate, &layout, type, rows, columns, rows);
    if (sizes.batches == 1)
      return;
    calls.set(library.layoutSet, layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT,
              int32_t(sizes.batches));
    calls.set(library.layoutSet, layout,
              CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, stride);
  };
  auto [m, n, k] = std::array{sizes.rows, sizes.columns, sizes.depth};
  make(product.first, factorType, matmul.transposeRhs ? k : n,
       matmul.transposeRhs ? n : k, sizes.rhsStride);
  make(product.second, factorType, matmul.transposeLhs ? m : k,
       matmul.transposeLhs ? k : m, sizes.lhsStride);
  make(product.added, resultType, n, m, n * m);
  make(product.result, resultType, n, m, n * m);
}

/// What people are told of the algorithm that was chosen.
std::string MatmulRunner::describeChoice(const Product &product) const {
  std::string text = "cuBLASLt " + library.version;
  for (auto [attribute, name] :
       {std::pair{CUBLASLT_ALGO_CONFIG_ID, "algorithm"},
        {CUBLASLT_ALGO_CONFIG_TILE_ID, "tile"},
        {CUBLASLT_ALGO_CONFIG_STAGES_ID, "stages"},
        {CUBLASLT_ALGO_CONFIG_SPLITK_NUM, "split"}}) {
    int32_t value = 0;
    size_t written = 0;
    if (library.getConfiguration(&product.chosen.algorithm, attribute, &value,
                                 sizeof value,
                                 &written) == CUBLAS_STATUS_SUCCESS)
      text += std::string(", ") + name + " " + std::to_string(value);
  }
  return text;
}

std::unique_ptr<LibraryPlan> MatmulRunner::prepare(const TenonKernel &kernel,
                                                   void *const *args,
                                                   const int64_t *alignments,
                                                   const int64_t *dims) {
  const TenonLibraryMatmul &matmul = getWords<TenonLibraryMatmul>(kernel);
  std::vector<Tensor> tensors = getTensors(kernel, dims);
  Sizes sizes;
  if (!sizes.find(matmul, tensors))
    return nullptr;

  auto product = std::make_unique<Product>(library);
  Calls calls;
  int resultType = getType(tensors.back().type);
  describeOperation(calls, *product, matmul, resultType,
                    matmul.bias == -1 ? nullptr : args[matmul.bias]);
  describeMatrices(calls, *product, matmul, sizes,
                   getType(tensors[matmul.lhs].type), resultType);
  constexpr int attributes[] = {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES,
                                CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                                CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES,
                                CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES};
  const int64_t matrices[] = {matmul.rhs, matmul.lhs, getAdded(kernel),
                              kernel.numArgs - 1};
  for (size_t i = 0; i < 4; ++i)
    calls.set(library.preferenceSet, preference, attributes[i],
              uint32_t(alignments[matrices[i]]));
  library.check(calls.status, "a matrix product cannot be described");

  int numResults = 0;
  LtStatus status = library.findAlgorithm(
      handle, product->operation, product->first, product->second,
      product->added, product->result, preference, /*maxResults=*/1,
      &product->chosen, &numResults);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED ||
      (status == CUBLAS_STATUS_SUCCESS &&
       (!numResults || product->chosen.state != CUBLAS_STATUS_SUCCESS)))
    return nullptr;
  library.check(status, "no algorithm for a matrix product");
  product->workspaceSize = product->chosen.workspaceSize;
  product->description = describeChoice(*product);
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

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

#include "runtime/core/Quote.h"

#include <algorithm>
#include <array>

using namespace tenon::cuda;

/// The most memory that an algorithm may want, as NVIDIA recommends for Hopper.
static constexpr uint64_t maxWorkspace = 32 << 20;
/// How many sets of dimensions and alignments of a kernel stay prepared.
static constexpr size_t maxShapes = 64;
/// Alignment beyond this makes no difference to the library, in bytes.
static constexpr int64_t maxAlignment = 256;

//===----------------------------------------------------------------------===//
// What a kernel says
//===----------------------------------------------------------------------===//

namespace {

/// A tensor of a kernel: see TenonKernel::args.
struct Tensor {
  int64_t type;
  std::vector<int64_t> dims; // -1 where dynamic
};

} // namespace

static std::vector<Tensor> readTensors(const TenonKernel &kernel) {
  std::vector<Tensor> tensors;
  if (kernel.argsSize < 2)
    return tensors;
  const int64_t *word = kernel.args + 2, *end = kernel.args + kernel.argsSize;
  while (end - word >= 2) {
    int64_t type = *word++, rank = *word++;
    if (rank < 0 || rank > end - word)
      break;
    tensors.push_back({type, {word, word + rank}});
    word += rank;
  }
  return tensors;
}

const TenonLibraryMatmul *tenon::cuda::readMatmul(const TenonKernel &kernel) {
  if (!kernel.librarySize)
    return nullptr;
  auto fail = [&](const char *what) {
    throw CudaError{TENON_ERROR_INVALID,
                    "damaged model: the library's part of nodes " +
                        runtime::quote(kernel.name) + " has " + what};
  };
  auto *matmul = reinterpret_cast<const TenonLibraryMatmul *>(kernel.library);
  if (kernel.librarySize != sizeof *matmul / sizeof(int64_t) ||
      matmul->kind != TENON_LIBRARY_MATMUL)
    fail("an unknown form");
  std::vector<Tensor> tensors = readTensors(kernel);
  if (tensors.size() != kernel.numArgs || tensors.empty())
    fail("tensors that are not the kernel's");
  uint32_t numDims = 0; // that a run takes from those it is given
  for (const Tensor &tensor : tensors)
    for (int64_t dim : tensor.dims)
      if (dim < -1 || (dim == -1 && ++numDims > kernel.numDims))
        fail("tensors that are not the kernel's");
  const Tensor &result = tensors.back();
  auto isInput = [&](int64_t i, size_t rank) {
    return i >= 0 && i < int64_t(tensors.size()) - 1 &&
           tensors[i].dims.size() >= rank;
  };
  bool isFloat = result.type == TENON_F32 || result.type == TENON_F16 ||
                 result.type == TENON_BF16;
  if (!isInput(matmul->lhs, 2) || !isInput(matmul->rhs, 2) ||
      result.dims.size() < 2 ||
      result.dims.size() != std::max(tensors[matmul->lhs].dims.size(),
                                     tensors[matmul->rhs].dims.size()) ||
      !isFloat || tensors[matmul->lhs].type != tensors[matmul->rhs].type ||
      (tensors[matmul->lhs].type != result.type && result.type != TENON_F32) ||
      (tensors[matmul->lhs].type != TENON_F32 &&
       tensors[matmul->lhs].type != TENON_F16 &&
       tensors[matmul->lhs].type != TENON_BF16))
    fail("factors that are none");
  if (matmul->bias != -1 &&
      (!isInput(matmul->bias, 0) || tensors[matmul->bias].type != result.type))
    fail("a bias that is none");
  if (matmul->residual != -1 &&
      (!isInput(matmul->residual, result.dims.size()) ||
       tensors[matmul->residual].type != result.type))
    fail("a residual that is none");
  auto isFlag = [](int64_t value) { return value == 0 || value == 1; };
  if (!isFlag(matmul->transposeLhs) || !isFlag(matmul->transposeRhs) ||
      !isFlag(matmul->tf32) || matmul->activation < 0 ||
      matmul->activation > TENON_LIBRARY_GELU_TANH)
    fail("unknown options");
  return matmul;
}

//===----------------------------------------------------------------------===//
// A product
//===----------------------------------------------------------------------===//

/// Descriptions that the library has of a product, and what it chose for it.
struct MatmulRunner::Product {
  explicit Product(const CublasLt &library) : library(library) {}
  ~Product() {
    for (LtLayout layout : {first, second, added, result})
      if (layout)
        library.layoutDestroy(layout);
    if (operation)
      library.operationDestroy(operation);
  }
  Product(const Product &) = delete;

  const CublasLt &library;
  LtOperation operation = nullptr;
  LtLayout first = nullptr, second = nullptr, added = nullptr, result = nullptr;
  LtHeuristic chosen{};
  std::string description;
};

static int getType(int64_t type) {
  return type == TENON_F32   ? CUDA_R_32F
         : type == TENON_F16 ? CUDA_R_16F
                             : CUDA_R_16BF;
}

/// Of no dimensions, 1; -1, which no tensor has, if it is more than a number
/// can be.
static int64_t multiply(const int64_t *begin, const int64_t *end) {
  int64_t product = 1;
  for (; begin != end; ++begin)
    if (__builtin_mul_overflow(product, *begin, &product))
      return -1;
  return product;
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
    const std::vector<int64_t> &dims = tensors[arg].dims;
    return multiply(dims.data(), dims.data() + dims.size()) == count;
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

MatmulRunner::MatmulRunner(const CublasLt &library, const Driver &driver,
                           Stream stream)
    : library(library), driver(driver), stream(stream) {
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
  entries.clear();
  if (preference)
    library.preferenceDestroy(preference);
  library.destroy(handle);
  if (workspace)
    driver.memoryFree(workspace);
}

std::unique_ptr<MatmulRunner::Product>
MatmulRunner::prepare(const TenonKernel &kernel,
                      const TenonLibraryMatmul &matmul, const int64_t *dims,
                      const void *bias) {
  std::vector<Tensor> tensors = readTensors(kernel);
  for (Tensor &tensor : tensors)
    for (int64_t &dim : tensor.dims)
      if (dim < 0)
        dim = *dims++;
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
  for (size_t i = 0; i < 4; ++i)
    set(library.preferenceSet, preference, attributes[i], uint32_t(key[i]));
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

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

static int64_t getAlignment(const void *pointer) {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  return address ? std::min<int64_t>(address & -address, maxAlignment)
                 : maxAlignment;
}

bool MatmulRunner::run(const TenonKernel &kernel,
                       const TenonLibraryMatmul &matmul, void *const *args,
                       const int64_t *dims) {
  const void *bias = matmul.bias == -1 ? nullptr : args[matmul.bias];
  const void *first = args[matmul.rhs], *second = args[matmul.lhs];
  void *result = args[kernel.numArgs - 1];
  const void *added = matmul.residual == -1 ? result : args[matmul.residual];
  key.clear();
  for (const void *data : {first, second, added, (const void *)result, bias})
    key.push_back(getAlignment(data));
  key.insert(key.end(), dims, dims + kernel.numDims);

  Entry &entry = entries[&kernel];
  auto found = entry.products.find(key);
  if (found == entry.products.end()) {
    if (entry.products.size() == maxShapes) {
      entry.products.clear();
      entry.last = nullptr;
    }
    found =
        entry.products.emplace(key, prepare(kernel, matmul, dims, bias)).first;
  }
  // Without memory for it now, no later run asks again.
  if (found->second && found->second->chosen.workspaceSize > workspaceSize &&
      !growWorkspace(found->second->chosen.workspaceSize))
    found->second.reset();
  Product *product = found->second.get();
  entry.last = product;
  if (!product)
    return false;
  constexpr const char *failed = "cannot be started on the CUDA device";
  if (bias)
    library.check(library.operationSet(product->operation,
                                       CUBLASLT_MATMUL_DESC_BIAS_POINTER, &bias,
                                       sizeof bias),
                  failed);
  float alpha = matmul.alpha, beta = matmul.residual == -1 ? 0 : 1;
  library.check(library.multiply(handle, product->operation, &alpha, first,
                                 product->first, second, product->second, &beta,
                                 added, product->added, result, product->result,
                                 &product->chosen.algorithm,
                                 reinterpret_cast<void *>(workspace),
                                 product->chosen.workspaceSize, stream),
                failed);
  return true;
}

bool MatmulRunner::growWorkspace(uint64_t bytes) {
  Address grown = 0;
  Result result = driver.memoryAllocate(&grown, bytes);
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    return false; // The other products keep the one that is there.
  driver.check(result, "the CUDA device gives no memory for a matrix product");
  // What is in the stream may still use the one that is there.
  result = workspace ? driver.streamSynchronize(stream) : CUDA_SUCCESS;
  if (workspace)
    driver.memoryFree(workspace);
  workspace = grown;
  workspaceSize = bytes;
  driver.check(result, "the CUDA device failed before a matrix product");
  return true;
}

const char *MatmulRunner::describe(const TenonKernel &kernel) const {
  auto found = entries.find(&kernel);
  return found == entries.end() || !found->second.last
             ? ""
             : found->second.last->description.c_str();
}

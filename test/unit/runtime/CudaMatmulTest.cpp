//===- CudaMatmulTest.cpp - Matrix products by cuBLASLt ------------------===//
//
// Models of one kernel that says what cuBLASLt can run of it, with a library
// that computes what it is told, FakeCublasLt.cpp.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/LibraryAbi.h"
#include "test/unit/runtime/LibraryModel.h"

#include <cmath>
#include <functional>

using namespace tenon::test;

namespace {

/// A kernel, its tensors, and what it says.
struct Product {
  int64_t type = TENON_F32, resultType = TENON_F32;
  Dims lhs = {3, 5}, rhs = {5, 4}, result = {3, 4};
  Dims bias, residual; // none if empty
  TenonLibraryMatmul matmul = {TENON_LIBRARY_MATMUL,        0, 1, 0, 0, -1, -1,
                               TENON_LIBRARY_NO_ACTIVATION, 0, 1};
};

class ProductModel : public LibraryModel {
public:
  explicit ProductModel(const Product &product)
      : LibraryModel("MatMul_0", "cublaslt"), product(product),
        matmul(this->product.matmul) {
    add(product.lhs, product.type);
    add(product.rhs, product.type);
    matmul.bias = add(product.bias, product.resultType);
    matmul.residual = add(product.residual, product.resultType);
    finish(product.result, product.resultType,
           reinterpret_cast<const int64_t *>(&matmul),
           sizeof matmul / sizeof(int64_t));
  }
  TenonLibraryMatmul &getMatmul() { return matmul; }
  /// How far the result is from that of a plain product.
  double getError() const;

private:
  Product product;
  TenonLibraryMatmul &matmul;
};

double ProductModel::getError() const {
  const std::vector<Numbers> &tensors = getTensors();
  const Numbers &lhs = tensors[0], &rhs = tensors[1], &result = tensors.back();
  size_t rank = result.dims.size();
  int64_t m = result.dims[rank - 2], n = result.dims[rank - 1];
  int64_t k = lhs.dims[lhs.dims.size() - (matmul.transposeLhs ? 2 : 1)];
  int64_t lhsBatches = count(lhs.dims) / (m * k);
  int64_t rhsBatches = count(rhs.dims) / (n * k);
  auto toFactor = [&](float value) -> double {
    return matmul.tf32 ? toTf32(value) : value;
  };
  double worst = 0;
  for (int64_t at = 0; at < count(result.dims); ++at) {
    int64_t batch = at / (m * n), i = at / n % m, j = at % n;
    double sum = 0;
    for (int64_t s = 0; s < k; ++s)
      sum += toFactor(lhs.get(batch % lhsBatches * m * k +
                              (matmul.transposeLhs ? s * m + i : i * k + s))) *
             toFactor(rhs.get(batch % rhsBatches * n * k +
                              (matmul.transposeRhs ? j * k + s : s * n + j)));
    double expected = matmul.alpha * sum;
    if (matmul.residual != -1)
      expected += tensors[matmul.residual].get(at);
    if (matmul.bias != -1)
      expected += tensors[matmul.bias].get(j);
    if (matmul.activation == TENON_LIBRARY_RELU)
      expected = std::fmax(expected, 0);
    if (matmul.activation == TENON_LIBRARY_GELU_TANH)
      expected *= 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) *
                                       (expected + 0.044715 * expected *
                                                       expected * expected)));
    worst = std::fmax(worst, tenon::test::getError(result.get(at), expected,
                                                   product.resultType));
  }
  return worst;
}

struct CudaMatmul : Cuda {
  Setting library{"TENON_CUBLASLT", FAKE_CUBLASLT_LIBRARY};
};

std::string runOf(const Product &product) {
  ProductModel model(product);
  return runOften(model);
}

} // namespace

TEST_F(CudaMatmul, Products) {
  EXPECT_EQ(runOf({}), "library");
  constexpr struct {
    int64_t factors, result;
    bool tf32;
  } types[] = {{TENON_F32, TENON_F32, false},  {TENON_F32, TENON_F32, true},
               {TENON_F16, TENON_F32, false},  {TENON_F16, TENON_F16, false},
               {TENON_BF16, TENON_F32, false}, {TENON_BF16, TENON_BF16, false}};
  for (auto [type, resultType, tf32] : types)
    for (int transposes = 0; transposes < 4; ++transposes)
      for (int tail = 0; tail < 12; ++tail) {
        Product product;
        product.type = type;
        product.resultType = resultType;
        product.matmul.tf32 = tf32;
        product.matmul.transposeLhs = transposes & 1;
        product.matmul.transposeRhs = transposes >> 1;
        product.matmul.alpha = 0.75;
        if (product.matmul.transposeLhs)
          product.lhs = {5, 3};
        if (product.matmul.transposeRhs)
          product.rhs = {4, 5};
        if (tail & 1)
          product.bias = {1, 4};
        if (tail & 2)
          product.residual = {3, 4};
        product.matmul.activation = tail / 4;
        EXPECT_EQ(runOf(product), "library")
            << type << resultType << tf32 << transposes << tail;
      }
}

TEST_F(CudaMatmul, Batches) {
  auto run = [](const Dims &lhs, const Dims &rhs, const Dims &result,
                bool transposeLhs = false) {
    Product product;
    product.lhs = lhs;
    product.rhs = rhs;
    product.residual = product.result = result;
    product.bias = {result.back()};
    product.matmul.transposeLhs = transposeLhs;
    return runOf(product);
  };
  EXPECT_EQ(run({2, 6, 3, 5}, {2, 6, 5, 4}, {2, 6, 3, 4}), "library");
  EXPECT_EQ(run({2, 6, 3, 5}, {5, 4}, {2, 6, 3, 4}), "library");
  EXPECT_EQ(run({2, 6, 3, 5}, {1, 1, 5, 4}, {2, 6, 3, 4}), "library");
  EXPECT_EQ(run({3, 5}, {6, 5, 4}, {6, 3, 4}), "library");
  EXPECT_EQ(run({6, 5, 3}, {5, 4}, {6, 3, 4}, true), "library");
  EXPECT_EQ(run({1, 1, 5}, {1, 5, 1}, {1, 1, 1}), "library");
  // What the library can't do: a factor for some batches, sums of nothing.
  EXPECT_EQ(run({2, 6, 3, 5}, {6, 5, 4}, {2, 6, 3, 4}), "generated");
  EXPECT_EQ(run({2, 1, 3, 5}, {1, 6, 5, 4}, {2, 6, 3, 4}), "generated");
  EXPECT_EQ(run({3, 0}, {0, 4}, {3, 4}), "generated");
}

TEST_F(CudaMatmul, RunsGeneratedCodeWithoutTheLibrary) {
  {
    Setting none("TENON_CUBLASLT", "none");
    EXPECT_EQ(runOf({}), "generated");
  }
  {
    // That of the system would use the driver of the system.
    Setting system("TENON_CUBLASLT", "");
    EXPECT_EQ(runOf({}), "generated");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtCreate:1");
    EXPECT_EQ(runOf({}), "generated");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL",
                  "cublasLtMatmulPreferenceSetAttribute:7");
    EXPECT_EQ(runOf({}), "generated");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatmulAlgoGetHeuristic:15");
    EXPECT_EQ(runOf({}), "generated");
  }
  // More than it is given.
  Setting workspace("FAKE_CUBLASLT_WORKSPACE", "100000000");
  EXPECT_EQ(runOf({}), "generated");
}

TEST_F(CudaMatmul, UnknownFailuresEndTheProcess) {
  for (std::string call :
       {"cublasLtMatmull:13", "cuInit:1", "cublasLtMatmul"}) {
    Setting slip("FAKE_CUBLASLT_FAIL", call);
    EXPECT_DEATH(runOf({}),
                 "there is no call FAKE_CUBLASLT_FAIL=" + call + "\n");
  }
}

TEST_F(CudaMatmul, ALibraryThatIsNamedHasToBeThere) {
  ProductModel product({});
  auto load = [&] { return loadAndOpen(product.getDesc()); };
  Setting named("TENON_CUBLASLT", "/absent/libcublasLt.so");
  EXPECT_EQ(load(), "4: TENON_CUBLASLT names a library that cannot be used: "
                    "/absent/libcublasLt.so: cannot open shared object file: "
                    "No such file or directory");
  setenv("TENON_CUBLASLT", "libm.so.6", 1);
  EXPECT_EQ(load(), "4: TENON_CUBLASLT names a library that cannot be used: "
                    "libm.so.6 is no cuBLASLt of version 12 or later");
  // By a name under which it is not known yet.
  std::string old = FAKE_CUBLASLT_LIBRARY;
  old.insert(old.rfind('/'), "/.");
  setenv("TENON_CUBLASLT", old.c_str(), 1);
  Setting version("FAKE_CUBLASLT_VERSION", "110000");
  EXPECT_EQ(load(), "4: TENON_CUBLASLT names a library that cannot be used: " +
                        old + " is no cuBLASLt of version 12 or later");
}

TEST_F(CudaMatmul, Errors) {
  ProductModel product({});
  ModelPtr model = makeModel(product.getDesc());
  SessionPtr session = makeSession(model.get());
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatrixLayoutCreate:7");
    EXPECT_EQ(product.run(session),
              "4: node 'MatMul_0': a matrix product cannot be described "
              "(cuBLASLt 13.1.0: CUBLAS_STATUS_INVALID_VALUE)");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatmul:13");
    EXPECT_EQ(product.run(session),
              "4: node 'MatMul_0': cannot be started on the CUDA device "
              "(cuBLASLt 13.1.0: CUBLAS_STATUS_EXECUTION_FAILED)");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatmulAlgoGetHeuristic:14");
    SessionPtr other = makeSession(model.get());
    EXPECT_EQ(product.run(other),
              "4: node 'MatMul_0': no algorithm for a matrix product "
              "(cuBLASLt 13.1.0: error 14)");
  }
  EXPECT_EQ(product.run(session), "ok");
  EXPECT_LE(product.getError(), 1);
}

/// The library fails by what a kernel before it did.
TEST_F(CudaMatmul, FaultsAreOfTheKernelBefore) {
  ProductModel product({});
  product.addKernelBefore();
  ModelPtr model = makeModel(product.getDesc());
  SessionPtr session = makeSession(model.get());
  ASSERT_EQ(product.run(session), "ok");
  {
    cuda::reset();
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatmul:13");
    Setting faults("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700");
    EXPECT_EQ(product.run(session),
              "4: the CUDA device failed (CUDA_ERROR_ILLEGAL_ADDRESS: an "
              "illegal memory access was encountered) while it ran node "
              "'Before_0'");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatmul:13");
    EXPECT_EQ(product.run(session),
              "4: node 'MatMul_0': cannot be started on the CUDA device "
              "(cuBLASLt 13.1.0: CUBLAS_STATUS_EXECUTION_FAILED)");
  }
  EXPECT_EQ(product.run(session), "ok");
  EXPECT_LE(product.getError(), 1);
}

TEST_F(CudaMatmul, RunsGeneratedCodeWithoutMemoryForTheWorkspace) {
  Setting workspace("FAKE_CUBLASLT_WORKSPACE", "1000000");
  ProductModel product({});
  ModelPtr model = makeModel(product.getDesc());
  SessionPtr session = makeSession(model.get());
  cuda::reset();
  {
    Setting fails("FAKE_CUDA_FAIL", "cuMemAlloc_v2:1:2");
    EXPECT_EQ(product.run(session), "ok");
    EXPECT_TRUE(product.isGenerated());
  }
  EXPECT_EQ(cuda::countCalls("cuMemAlloc_v2"), 1);
  // It is not asked for again.
  EXPECT_EQ(product.run(session), "ok");
  EXPECT_TRUE(product.isGenerated());
  EXPECT_EQ(cuda::countCalls("cuMemAlloc_v2"), 1);
}

TEST_F(CudaMatmul, RunsGeneratedCodeForSizesBeyondNumbers) {
  // As many batches as 64 bits tell of the numbers that the kernel says.
  Product product;
  product.lhs = {4, 3, 3, 5};
  product.rhs = {4, 3, 5, 4};
  product.result = {4, 3, 3, 4};
  ProductModel model(product);
  auto word = model.getWords().begin() + 2;
  for (const Dims &dims : {product.lhs, product.rhs, product.result}) {
    word = std::copy(dims.begin(), dims.end(), word + 2);
    word[-3] += int64_t(1) << 62;
  }
  ModelPtr loaded = makeModel(model.getDesc());
  SessionPtr session = makeSession(loaded.get());
  EXPECT_EQ(model.run(session), "ok");
  EXPECT_TRUE(model.isGenerated());
}

TEST_F(CudaMatmul, WorkspaceIsOneForAll) {
  Setting workspace("FAKE_CUBLASLT_WORKSPACE", "1000000");
  ProductModel product({});
  ModelPtr model = makeModel(product.getDesc());
  SessionPtr session = makeSession(model.get());
  uint64_t without = tenon_session_workspace_size(session.get());
  ASSERT_EQ(product.run(session), "ok");
  EXPECT_EQ(tenon_session_workspace_size(session.get()), without + 1000000);
  cuda::reset();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(product.run(session), "ok");
  EXPECT_LE(product.getError(), 1);
  EXPECT_EQ(cuda::countCalls("cuMemAlloc_v2"), 0);
}

TEST_F(CudaMatmul, ProfilesTellTheAlgorithm) {
  ProductModel product({});
  ModelPtr model = makeModel(product.getDesc());
  SessionPtr session = makeSession(model.get(), 1, /*profile=*/1);
  ASSERT_EQ(product.run(session), "ok");
  const TenonProfileEntry *entries = nullptr;
  ASSERT_EQ(tenon_session_profile(session.get(), &entries), 1u);
  EXPECT_STREQ(entries[0].implementation,
               "cuBLASLt 13.1.0, algorithm 0, tile 100, stages 600, split 200");
}

TEST_F(CudaMatmul, DamagedModels) {
  auto load = [](const std::function<void(ProductModel &)> &damage) {
    ProductModel product({});
    damage(product);
    return loadAndOpen(product.getDesc());
  };
  const std::string begin =
      "2: damaged model: the library's part of nodes 'MatMul_0' has ";
  EXPECT_EQ(load([](ProductModel &) {}), "ok");
  EXPECT_EQ(load([](ProductModel &p) { --p.getKernel().librarySize; }),
            begin + "an unknown form");
  EXPECT_EQ(load([](ProductModel &p) { p.getMatmul().kind = 2; }),
            begin + "an unknown form");
  // Times eight it is the right size, to 64 bits.
  EXPECT_EQ(load([](ProductModel &p) {
              p.getKernel().librarySize += uint64_t(1) << 61;
            }),
            "2: damaged model: 2305843009213693962 words for a library");
  for (int64_t arg : {int64_t(-1), int64_t(2), int64_t(3), int64_t(1000),
                      INT64_MAX, INT64_MIN})
    EXPECT_EQ(load([&](ProductModel &p) { p.getMatmul().lhs = arg; }),
              begin + "factors that are none");
  EXPECT_EQ(load([](ProductModel &p) { p.getMatmul().bias = 2; }),
            begin + "a bias that is none");
  EXPECT_EQ(load([](ProductModel &p) { p.getMatmul().residual = 9; }),
            begin + "a residual that is none");
  EXPECT_EQ(load([](ProductModel &p) { p.getMatmul().activation = 7; }),
            begin + "unknown options");
  EXPECT_EQ(load([](ProductModel &p) { p.getKernel().argsSize = 5; }),
            begin + "tensors that are not the kernel's");
  EXPECT_EQ(load([](ProductModel &p) { p.getWords()[4] = -2; }),
            begin + "tensors that are not the kernel's");
  EXPECT_EQ(load([](ProductModel &p) { --p.getKernel().numDims; }),
            begin + "tensors that are not the kernel's");
  EXPECT_EQ(load([](ProductModel &p) { p.getKernel().args = nullptr; }),
            "2: damaged model: no table of words of a kernel's tensors");
}

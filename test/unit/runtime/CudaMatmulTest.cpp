//===- CudaMatmulTest.cpp - Matrix products by cuBLASLt ------------------===//
//
// Models of one kernel that says what cuBLASLt can run of it, with a library
// that computes what it is told, FakeCublasLt.cpp. The kernel's own code writes
// a number that no product is, to tell which of both ran.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/LibraryAbi.h"
#include "test/unit/runtime/CudaFixture.h"

#include <cmath>
#include <cstring>
#include <functional>
#include <numeric>

using namespace tenon::test;

namespace {

constexpr float kGenerated = -12345;

using Dims = std::vector<int64_t>;

/// A kernel, its tensors, and what it says. All dimensions are dynamic.
struct Product {
  int64_t type = TENON_F32, resultType = TENON_F32;
  Dims lhs = {3, 5}, rhs = {5, 4}, result = {3, 4};
  Dims bias, residual; // none if empty
  TenonLibraryMatmul matmul = {TENON_LIBRARY_MATMUL,        0, 1, 0, 0, -1, -1,
                               TENON_LIBRARY_NO_ACTIVATION, 0, 1};
};

int64_t count(const Dims &dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

/// Numbers of a type in memory.
struct Numbers {
  Numbers(const Dims &dims, int64_t type)
      : dims(dims), type(type),
        bytes(count(dims) * (type == TENON_F32 ? 4 : 2)) {}
  float get(int64_t i) const {
    if (type == TENON_F32)
      return reinterpret_cast<const float *>(bytes.data())[i];
    uint16_t half = reinterpret_cast<const uint16_t *>(bytes.data())[i];
    if (type == TENON_F16) {
      _Float16 value;
      memcpy(&value, &half, sizeof value);
      return value;
    }
    uint32_t bits = uint32_t(half) << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
  }
  void set(int64_t i, float value) {
    if (type == TENON_F32) {
      reinterpret_cast<float *>(bytes.data())[i] = value;
    } else if (type == TENON_F16) {
      reinterpret_cast<_Float16 *>(bytes.data())[i] = _Float16(value);
    } else {
      uint32_t bits;
      memcpy(&bits, &value, sizeof bits);
      reinterpret_cast<uint16_t *>(bytes.data())[i] =
          (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }
  }

  Dims dims;
  int64_t type;
  std::vector<char> bytes;
};

/// The model of a product, and a run of it. The model's functions know no more
/// than the one that is there.
class ProductModel {
public:
  explicit ProductModel(const Product &product) : product(product) {
    current = this;
    addInput(product.lhs, product.type);
    addInput(product.rhs, product.type);
    this->product.matmul.bias = addOptional(product.bias);
    this->product.matmul.residual = addOptional(product.residual);
    tensors.emplace_back(product.result, product.resultType);
    describe();
  }
  ~ProductModel() { current = nullptr; }

  const TenonModelDesc &getDesc() const { return desc; }
  TenonKernel &getKernel() { return kernels[0]; }
  std::vector<int64_t> &getWords() { return words; }
  TenonLibraryMatmul &getMatmul() { return product.matmul; }

  std::string run(const SessionPtr &session) {
    std::vector<TenonTensor> inputs;
    for (size_t i = 0; i + 1 < tensors.size(); ++i)
      inputs.push_back(makeTensor(names[i], tensors[i]));
    TenonTensor output = makeTensor("y", tensors.back());
    return take(tenon_session_run(session.get(), inputs.data(), inputs.size(),
                                  &output, 1));
  }
  bool isGenerated() const { return tensors.back().get(0) == kGenerated; }
  /// Has another kernel run before the product, by generated code.
  void addKernelBefore() {
    kernels[1] = kernels[0];
    kernels[1].name = "Before_0";
    kernels[1].library = nullptr;
    kernels[1].librarySize = 0;
    desc.numKernels = 2;
  }
  /// How far the result is from that of a plain product.
  double getError() const;

private:
  static constexpr const char *names[] = {"a", "b", "c", "d"};

  void addInput(const Dims &dims, int64_t type) {
    tensors.emplace_back(dims, type);
    for (int64_t i = 0; i < count(dims); ++i)
      tensors.back().set(i, float((i * 7 + 3 * tensors.size()) % 23) / 7 - 1);
  }
  int64_t addOptional(const Dims &dims) {
    if (dims.empty())
      return -1;
    addInput(dims, product.resultType);
    return tensors.size() - 1;
  }
  static TenonTensor makeTensor(const char *name, Numbers &numbers) {
    return {name, numbers.bytes.data(), static_cast<TenonDType>(numbers.type),
            static_cast<int32_t>(numbers.dims.size()), numbers.dims.data()};
  }
  void describe();
  static void plan(const int64_t *, int64_t *bufferBytes, int64_t *outputDims,
                   int64_t *) {
    for (size_t i = 0; i < current->tensors.size(); ++i)
      bufferBytes[i] = current->tensors[i].bytes.size();
    std::copy(current->product.result.begin(), current->product.result.end(),
              outputDims);
  }
  static int32_t run(const TenonRunFrame *frame);

  static ProductModel *current;
  Product product;
  std::vector<Numbers> tensors;
  std::vector<TenonTensorDesc> descs;
  std::vector<TenonBufferDesc> buffers;
  std::vector<int64_t> words;
  TenonKernel kernels[2]{};
  std::string text;
  TenonDeviceImage image{};
  TenonModelDesc desc{};
};

ProductModel *ProductModel::current = nullptr;

void ProductModel::describe() {
  words = {int64_t(tensors.size()) - 1, 1};
  uint32_t numDims = 0;
  for (const Numbers &tensor : tensors) {
    words.push_back(tensor.type);
    words.push_back(tensor.dims.size());
    words.insert(words.end(), tensor.dims.size(), -1);
    numDims += tensor.dims.size();
    descs.push_back(
        {descs.size() + 1 < tensors.size() ? names[descs.size()] : "y",
         int32_t(tensor.type), int32_t(tensor.dims.size()), tensor.dims.data(),
         0, 0, 0, 0, nullptr});
    buffers.push_back({"MatMul_0", 0, 1, TENON_SPACE_DEVICE, 0});
  }
  TenonKernel &kernel = kernels[0];
  kernel.name = "MatMul_0";
  kernel.provider = "cublaslt";
  kernel.args = words.data();
  kernel.argsSize = words.size();
  kernel.symbol = "product";
  kernel.numArgs = tensors.size();
  kernel.numDims = numDims;
  kernel.blockSize = 128;
  kernel.unitThreads = 1;
  kernel.library = reinterpret_cast<const int64_t *>(&product.matmul);
  kernel.librarySize = sizeof product.matmul / sizeof(int64_t);
  cuda::registerKernel(
      "product", kernel.numArgs, numDims, [](const cuda::Launch &launch) {
        Numbers &result = current->tensors.back();
        result.set(0, kGenerated);
        uint64_t address = launch.parameters[current->tensors.size() - 1];
        if (void *data = cuda::getMemory(address, result.bytes.size()))
          memcpy(data, result.bytes.data(), result.bytes.size());
      });
  text = ".version 8.0\n.visible .entry product(";
  for (uint32_t i = 0; i < kernel.numArgs + numDims + 2; ++i)
    text += (i ? ", .param .u64 p" : ".param .u64 p") + std::to_string(i);
  text += ") { ret; }\n";
  image = {"compute_80", reinterpret_cast<const uint8_t *>(text.c_str()),
           text.size() + 1};
  desc = beginDescription("a product");
  desc.numInputs = tensors.size() - 1;
  desc.numOutputs = 1;
  desc.inputs = descs.data();
  desc.outputs = &descs.back();
  desc.numBuffers = buffers.size();
  desc.buffers = buffers.data();
  desc.numKernels = 1;
  desc.kernels = kernels;
  desc.numImages = 1;
  desc.device = "cuda";
  desc.images = &image;
  desc.plan = plan;
  desc.run = run;
}

int32_t ProductModel::run(const TenonRunFrame *frame) {
  const TenonRuntimeTable &rt = *frame->rt;
  const std::vector<Numbers> &tensors = current->tensors;
  std::vector<int64_t> dims;
  std::vector<void *> args;
  for (size_t i = 0; i < tensors.size(); ++i) {
    args.push_back(frame->buffers[i]);
    dims.insert(dims.end(), tensors[i].dims.begin(), tensors[i].dims.end());
    if (i + 1 < tensors.size())
      rt.transfer(frame->session, TENON_SPACE_DEVICE, /*isStable=*/1, args[i],
                  frame->inputs[i], 1, tensors[i].bytes.size());
  }
  for (uint32_t i = current->desc.numKernels; i--;)
    rt.launch(frame->session, &current->kernels[i], args.data(), dims.data(), 1,
              -1);
  rt.transfer(frame->session, TENON_SPACE_HOST, /*isStable=*/1,
              frame->outputs[0], args.back(), 1, tensors.back().bytes.size());
  return TENON_OK;
}

double ProductModel::getError() const {
  const TenonLibraryMatmul &matmul = product.matmul;
  const Numbers &lhs = tensors[0], &rhs = tensors[1], &result = tensors.back();
  size_t rank = result.dims.size();
  int64_t m = result.dims[rank - 2], n = result.dims[rank - 1];
  int64_t k = lhs.dims[lhs.dims.size() - (matmul.transposeLhs ? 2 : 1)];
  int64_t lhsBatches = count(lhs.dims) / (m * k);
  int64_t rhsBatches = count(rhs.dims) / (n * k);
  // TF32 has 10 bits behind the point, where f32 has 23.
  auto toFactor = [&](float value) -> double {
    if (!matmul.tf32)
      return value;
    int exponent;
    double fraction = std::frexp(value, &exponent);
    return std::ldexp(std::round(std::ldexp(fraction, 11)), exponent - 11);
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
    double unit = product.resultType == TENON_F32   ? 1e-6
                  : product.resultType == TENON_F16 ? 1e-3
                                                    : 8e-3;
    worst = std::fmax(worst, std::fabs(result.get(at) - expected) /
                                 (unit * std::fmax(1, std::fabs(expected))));
  }
  return worst;
}

struct CudaMatmul : Cuda {
  Setting library{"TENON_CUBLASLT", FAKE_CUBLASLT_LIBRARY};
};

/// Runs a product three times; "library", "generated", or an error.
std::string runThrice(const Product &product) {
  ProductModel product_(product);
  ModelPtr model = makeModel(product_.getDesc());
  SessionPtr session = makeSession(model.get());
  for (int i = 0; i < 3; ++i) {
    std::string text = product_.run(session);
    if (text != "ok")
      return text;
  }
  if (product_.isGenerated())
    return "generated";
  EXPECT_LE(product_.getError(), 1);
  return "library";
}

} // namespace

TEST_F(CudaMatmul, Products) {
  EXPECT_EQ(runThrice({}), "library");
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
        EXPECT_EQ(runThrice(product), "library")
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
    return runThrice(product);
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
    EXPECT_EQ(runThrice({}), "generated");
  }
  {
    // That of the system would use the driver of the system.
    Setting system("TENON_CUBLASLT", "");
    EXPECT_EQ(runThrice({}), "generated");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtCreate:1");
    EXPECT_EQ(runThrice({}), "generated");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL",
                  "cublasLtMatmulPreferenceSetAttribute:7");
    EXPECT_EQ(runThrice({}), "generated");
  }
  {
    Setting fails("FAKE_CUBLASLT_FAIL", "cublasLtMatmulAlgoGetHeuristic:15");
    EXPECT_EQ(runThrice({}), "generated");
  }
  // More than it is given.
  Setting workspace("FAKE_CUBLASLT_WORKSPACE", "100000000");
  EXPECT_EQ(runThrice({}), "generated");
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

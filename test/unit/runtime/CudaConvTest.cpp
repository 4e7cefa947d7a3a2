//===- CudaConvTest.cpp - Convolutions by cuDNN --------------------------===//
//
// Models of one kernel that says what cuDNN can run of it, with a library that
// computes what it is told, FakeCudnn.cpp.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/LibraryAbi.h"
#include "test/unit/runtime/CudnnFixture.h"
#include "test/unit/runtime/LibraryModel.h"

#include <cmath>
#include <cstring>
#include <functional>

using namespace tenon::test;

namespace {

/// A kernel, its tensors, and what it says.
struct Convolution {
  int64_t type = TENON_F32, resultType = TENON_F32;
  Dims input = {2, 5, 6, 4}, weights = {3, 2, 4, 6}, result = {2, 3, 5, 6};
  bool isBiased = false, isBiasWide = false, isResidual = false;
  bool isWeightsConstant = true;
  TenonLibraryConv conv = {TENON_LIBRARY_CONV,
                           0,
                           1,
                           -1,
                           -1,
                           TENON_LIBRARY_NO_ACTIVATION,
                           /*tf32=*/0,
                           /*groups=*/1,
                           {1, 1, 0},
                           {1, 1, 0},
                           {0, 0, 0},
                           {0, 0, 0},
                           /*high=*/0.5};
};

class ConvModel : public LibraryModel {
public:
  explicit ConvModel(const Convolution &convolution)
      : LibraryModel("Conv_0", "cudnn"), convolution(convolution),
        conv(this->convolution.conv) {
    add(convolution.input, convolution.type);
    add(convolution.weights, convolution.type, convolution.isWeightsConstant);
    if (convolution.isBiased)
      conv.bias = add({convolution.result.back()},
                      convolution.isBiasWide ? int64_t(TENON_F32)
                                             : convolution.resultType,
                      /*isConstant=*/true);
    if (convolution.isResidual)
      conv.residual = add(convolution.result, convolution.resultType);
    finish(convolution.result, convolution.resultType,
           reinterpret_cast<const int64_t *>(&conv),
           sizeof conv / sizeof(int64_t));
    makeReplayable();
  }
  TenonLibraryConv &getConv() { return conv; }
  /// How far the result is from that of a plain convolution.
  double getError() const;

private:
  double sum(int64_t image, const Dims &pixel, int64_t column) const;

  Convolution convolution;
  TenonLibraryConv &conv;
};

double activate(const TenonLibraryConv &conv, double x) {
  switch (conv.activation) {
  case TENON_LIBRARY_RELU:
    return std::fmax(x, 0);
  case TENON_LIBRARY_GELU_TANH:
    return x / 2 *
           (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case TENON_LIBRARY_GELU:
    return x / 2 * (1 + std::erf(x / std::sqrt(2)));
  case TENON_LIBRARY_SIGMOID:
    return 1 / (1 + std::exp(-x));
  case TENON_LIBRARY_TANH:
    return std::tanh(x);
  case TENON_LIBRARY_SILU:
    return x / (1 + std::exp(-x));
  case TENON_LIBRARY_CLIP:
    return std::fmin(std::fmax(x, 0), conv.high);
  default:
    return x;
  }
}

/// Over all taps and channels, in the tensors' own order.
double ConvModel::sum(int64_t image, const Dims &pixel, int64_t column) const {
  const Numbers &input = getTensors()[0], &weights = getTensors()[1];
  size_t axes = pixel.size();
  int64_t channels = weights.dims[axes], columns = weights.dims[axes + 1];
  int64_t first = column / (columns / conv.groups) * channels;
  double sum = 0;
  Dims tap(axes, 0);
  int64_t taps = 1;
  for (size_t i = 0; i < axes; ++i)
    taps *= weights.dims[i];
  for (int64_t t = 0; t < taps; ++t) {
    int64_t rest = t, place = image;
    for (size_t i = axes; i--; rest /= weights.dims[i])
      tap[i] = rest % weights.dims[i];
    bool isInside = true;
    for (size_t i = 0; i < axes; ++i) {
      int64_t at = pixel[i] * conv.strides[i] - conv.padsBefore[i] +
                   tap[i] * conv.dilations[i];
      isInside = isInside && at >= 0 && at < input.dims[i + 1];
      place = place * input.dims[i + 1] + at;
    }
    for (int64_t c = 0; isInside && c < channels; ++c)
      sum += input.get(place * input.dims.back() + first + c) *
             weights.get((t * channels + c) * columns + column);
  }
  return sum;
}

double ConvModel::getError() const {
  const Numbers &result = getTensors().back();
  size_t axes = result.dims.size() - 2;
  double worst = 0;
  for (int64_t at = 0; at < count(result.dims); ++at) {
    int64_t column = at % result.dims.back(), rest = at / result.dims.back();
    Dims pixel(axes);
    for (size_t i = axes; i--; rest /= result.dims[i + 1])
      pixel[i] = rest % result.dims[i + 1];
    double expected = sum(rest, pixel, column);
    if (conv.residual != -1)
      expected += getTensors()[conv.residual].get(at);
    if (conv.bias != -1) {
      Numbers bias({1}, convolution.resultType);
      bias.set(0, getTensors()[conv.bias].get(column));
      expected += bias.get(0);
    }
    worst = std::fmax(worst, tenon::test::getError(result.get(at),
                                                   activate(conv, expected),
                                                   convolution.resultType));
  }
  return worst;
}

struct CudaConv : CudnnTest {};

std::string runOf(const Convolution &convolution) {
  ConvModel model(convolution);
  return runOften(model);
}

} // namespace

TEST_F(CudaConv, TypesAndTails) {
  EXPECT_EQ(runOf({}), "library");
  for (int64_t type : {TENON_F32, TENON_F16, TENON_BF16})
    for (int64_t resultType : {int64_t(TENON_F32), type})
      for (int activation = 0; activation <= TENON_LIBRARY_CLIP; ++activation)
        for (int tail = 0; tail < 6; ++tail) {
          Convolution convolution;
          convolution.type = type;
          convolution.resultType = resultType;
          convolution.isBiased = tail & 1 || tail > 3;
          convolution.isBiasWide = tail > 3;
          convolution.isResidual = tail & 2 || tail == 5;
          convolution.conv.activation = activation;
          EXPECT_EQ(runOf(convolution), "library")
              << type << resultType << activation << tail;
        }
}

TEST_F(CudaConv, Windows) {
  Convolution convolution;
  TenonLibraryConv &conv = convolution.conv;
  convolution.isBiased = convolution.isResidual = true;
  // Strides, dilations, and different padding on all sides.
  convolution.input = {2, 9, 8, 4};
  convolution.result = {2, 4, 10, 6};
  conv.strides[0] = 2;
  conv.dilations[0] = 2;
  conv.padsBefore[0] = 1;
  conv.padsAfter[0] = 2;
  conv.padsAfter[1] = 3;
  EXPECT_EQ(runOf(convolution), "library");
  // Groups, with two channels each.
  convolution.weights = {3, 2, 2, 6};
  conv.groups = 2;
  EXPECT_EQ(runOf(convolution), "library");
  // A single axis, and three.
  convolution = {};
  convolution.isBiased = true;
  convolution.input = {2, 7, 4};
  convolution.weights = {3, 4, 5};
  convolution.result = {2, 4, 5};
  conv.strides[0] = 2;
  conv.padsBefore[0] = 1;
  conv.padsAfter[0] = 1;
  conv.strides[1] = conv.dilations[1] = 0;
  EXPECT_EQ(runOf(convolution), "library");
  convolution = {};
  convolution.input = {1, 3, 4, 5, 4};
  convolution.weights = {2, 3, 1, 4, 3};
  convolution.result = {1, 3, 2, 5, 3};
  conv.strides[2] = conv.dilations[2] = 1;
  conv.padsAfter[0] = 1;
  EXPECT_EQ(runOf(convolution), "library");
}

TEST_F(CudaConv, RunsGeneratedCodeForWhatDoesNotFit) {
  auto run = [](const std::function<void(Convolution &)> &change) {
    Convolution convolution;
    convolution.isBiased = true;
    change(convolution);
    return runOf(convolution);
  };
  EXPECT_EQ(run([](Convolution &) {}), "library");
  EXPECT_EQ(run([](Convolution &c) { c.isWeightsConstant = false; }),
            "generated");
  EXPECT_EQ(run([](Convolution &c) { c.result[1] = 4; }), "generated");
  EXPECT_EQ(run([](Convolution &c) { c.result[0] = 1; }), "generated");
  EXPECT_EQ(run([](Convolution &c) { c.result[3] = 5; }), "generated");
  EXPECT_EQ(run([](Convolution &c) { c.conv.groups = 2; }), "generated");
  EXPECT_EQ(run([](Convolution &c) { c.conv.dilations[0] = 100; }),
            "generated");
  EXPECT_EQ(run([](Convolution &c) { c.conv.padsBefore[0] = 1; }), "generated");
}

TEST_F(CudaConv, ChoosesEngines) {
  auto describe = [](const char *engines, const Convolution &convolution = {}) {
    Setting setting("FAKE_CUDNN_ENGINES", engines);
    ConvModel conv(convolution);
    ModelPtr model = makeModel(conv.getDesc());
    SessionPtr session = makeSession(model.get(), 1, /*profile=*/1);
    EXPECT_EQ(conv.run(session), "ok");
    const TenonProfileEntry *entries = nullptr;
    EXPECT_EQ(tenon_session_profile(session.get(), &entries), 1u);
    std::string text = entries[0].implementation;
    EXPECT_EQ(conv.isGenerated(), text == "generated code");
    return text;
  };
  EXPECT_EQ(describe("34:"), "cuDNN 9.19.0, engine 34");
  EXPECT_EQ(describe("1:5,9;34:"), "cuDNN 9.19.0, engine 1, Winograd");
  // What depends on the order of blocks, and sums in 16 bits.
  EXPECT_EQ(describe("1:4;2:9,2;3:3"), "cuDNN 9.19.0, engine 3, FFT");
  // Tensor cores round f32.
  EXPECT_EQ(describe("1:0;2:1;3:"), "cuDNN 9.19.0, engine 3");
  EXPECT_EQ(describe("1:0;2:1"), "generated code");
  Convolution rounded;
  rounded.conv.tf32 = 1;
  EXPECT_EQ(describe("1:0;3:", rounded),
            "cuDNN 9.19.0, engine 1, tensor cores");
  Convolution narrow;
  narrow.type = TENON_F16;
  EXPECT_EQ(describe("1:0;3:", narrow), "cuDNN 9.19.0, engine 1, tensor cores");
  Setting refused("FAKE_CUDNN_REFUSED", "7");
  EXPECT_EQ(describe("7:;3:"), "cuDNN 9.19.0, engine 3");
  EXPECT_EQ(describe("7:"), "generated code");
  EXPECT_EQ(describe(""), "generated code");
}

/// Of the configurations that the library tells a plan keeps its own.
TEST_F(CudaConv, KeepsOneConfiguration) {
  auto count = [&](const char *engines) {
    Setting setting("FAKE_CUDNN_ENGINES", engines);
    ConvModel conv({});
    ModelPtr model = makeModel(conv.getDesc());
    SessionPtr session = makeSession(model.get());
    EXPECT_EQ(conv.run(session), "ok");
    return countDescriptors();
  };
  EXPECT_EQ(count("1:4;2:4;3:;4:;5:"), count("3:"));
}

TEST_F(CudaConv, RunsGeneratedCodeWithoutTheLibrary) {
  for (const char *file : {"none", ""}) {
    Setting none("TENON_CUDNN", file);
    EXPECT_EQ(runOf({}), "generated");
  }
  for (const char *failure :
       {"cudnnCreate:1001", "cudnnSetStream:2000", "cudnnBackendFinalize:3000",
        "cudnnBackendFinalize:4001"}) {
    Setting fails("FAKE_CUDNN_FAIL", failure);
    EXPECT_EQ(runOf({}), "generated") << failure;
  }
  // More than it is given.
  Setting workspace("FAKE_CUDNN_WORKSPACE", "1000000000");
  EXPECT_EQ(runOf({}), "generated");
}

TEST_F(CudaConv, UnknownFailuresEndTheProcess) {
  for (std::string call :
       {"cudnnBackendExcute:5000", "cuInit:1", "cudnnCreate"}) {
    Setting slip("FAKE_CUDNN_FAIL", call);
    EXPECT_DEATH(runOf({}), "there is no call FAKE_CUDNN_FAIL=" + call + "\n");
  }
}

TEST_F(CudaConv, ALibraryThatIsNamedHasToBeThere) {
  ConvModel conv({});
  auto load = [&] { return loadAndOpen(conv.getDesc()); };
  Setting named("TENON_CUDNN", "/absent/libcudnn.so");
  EXPECT_EQ(load(), "4: TENON_CUDNN names a library that cannot be used: "
                    "/absent/libcudnn.so: cannot open shared object file: "
                    "No such file or directory");
  setenv("TENON_CUDNN", "libm.so.6", 1);
  EXPECT_EQ(load(), "4: TENON_CUDNN names a library that cannot be used: "
                    "libm.so.6 is no cuDNN of version 9");
}

TEST_F(CudaConv, Errors) {
  ConvModel conv({});
  ModelPtr model = makeModel(conv.getDesc());
  SessionPtr session = makeSession(model.get());
  const std::pair<const char *, const char *> failures[] = {
      {"cudnnBackendCreateDescriptor:2000", "its graph cannot be described"},
      {"cudnnBackendSetAttribute:2000", "its graph cannot be described"},
      {"cudnnBackendFinalize:2000", "its graph cannot be described"},
      {"cudnnBackendGetAttribute:2000", "no engine for its graph"},
      {"cudnnBackendExecute:2000", "cannot be started on the CUDA device"}};
  for (auto [failure, text] : failures) {
    Setting fails("FAKE_CUDNN_FAIL", failure);
    EXPECT_EQ(conv.run(session), std::string("4: node 'Conv_0': ") + text +
                                     " (cuDNN 9.19.0: CUDNN_STATUS_BAD_PARAM)");
  }
  EXPECT_EQ(conv.run(session), "ok");
  EXPECT_LE(conv.getError(), 1);
}

TEST_F(CudaConv, RunsGeneratedCodeWithoutMemory) {
  Setting workspace("FAKE_CUDNN_WORKSPACE", "1000000");
  // For the workspace, then for the weights.
  for (const char *failure : {"cuMemAlloc_v2:1:2", "cuMemAlloc_v2:2:2"}) {
    ConvModel conv({});
    ModelPtr model = makeModel(conv.getDesc());
    SessionPtr session = makeSession(model.get());
    // Brings its arena.
    {
      Setting none("FAKE_CUDNN_FAIL", "cudnnBackendFinalize:2000");
      EXPECT_NE(conv.run(session), "ok");
    }
    cuda::reset();
    Setting fails("FAKE_CUDA_FAIL", failure);
    EXPECT_EQ(conv.run(session), "ok");
    EXPECT_TRUE(conv.isGenerated()) << failure;
    // It is not asked for again.
    long calls = cuda::countCalls("cuMemAlloc_v2");
    EXPECT_EQ(conv.run(session), "ok");
    EXPECT_TRUE(conv.isGenerated()) << failure;
    EXPECT_EQ(cuda::countCalls("cuMemAlloc_v2"), calls);
  }
}

/// What has no contents is not used, neither now nor later.
TEST_F(CudaConv, WeightsThatAreNotCopied) {
  for (int number = 1; number <= 3; ++number)
    for (const char *error : {":2", ":700"}) {
      ConvModel conv({});
      ModelPtr model = makeModel(conv.getDesc());
      SessionPtr session = makeSession(model.get());
      cuda::reset();
      {
        Setting fails("FAKE_CUDA_FAIL",
                      "cuMemcpyHtoDAsync_v2:" + std::to_string(number) + error);
        if (conv.run(session) == "ok" && !conv.isGenerated())
          EXPECT_LE(conv.getError(), 1) << number << error;
      }
      EXPECT_EQ(conv.run(session), "ok");
      if (!conv.isGenerated())
        EXPECT_LE(conv.getError(), 1) << number << error;
    }
}

/// Once for all sessions, and not again in later runs.
TEST_F(CudaConv, WeightsAreBroughtIntoTheirOrderOnce) {
  Convolution convolution;
  convolution.type = convolution.resultType = TENON_F16;
  convolution.isBiased = convolution.isBiasWide = true;
  ConvModel conv(convolution);
  ModelPtr model = makeModel(conv.getDesc());
  SessionPtr first = makeSession(model.get());
  SessionPtr second = makeSession(model.get());
  ASSERT_EQ(conv.run(first), "ok");
  cuda::reset();
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(conv.run(first), "ok");
  EXPECT_LE(conv.getError(), 1);
  EXPECT_EQ(tenon_session_was_replayed(first.get()), 1);
  EXPECT_EQ(cuda::countCalls("cuMemAlloc_v2"), 0);
  ASSERT_EQ(conv.run(second), "ok");
  EXPECT_LE(conv.getError(), 1);
  EXPECT_FALSE(conv.isGenerated());
  EXPECT_EQ(cuda::countCalls("cuMemAlloc_v2"), 0);
}

TEST_F(CudaConv, DamagedModels) {
  auto load = [](const std::function<void(ConvModel &)> &damage) {
    Convolution convolution;
    convolution.isBiased = true;
    ConvModel model(convolution);
    damage(model);
    return loadAndOpen(model.getDesc());
  };
  const std::string begin =
      "2: damaged model: the library's part of nodes 'Conv_0' has ";
  EXPECT_EQ(load([](ConvModel &) {}), "ok");
  EXPECT_EQ(load([](ConvModel &m) { --m.getKernel().librarySize; }),
            begin + "an unknown form");
  EXPECT_EQ(load([](ConvModel &m) { m.getConv().kind = 3; }),
            begin + "an unknown form");
  for (int64_t arg : {int64_t(-1), int64_t(3), int64_t(1000), INT64_MIN}) {
    EXPECT_EQ(load([&](ConvModel &m) { m.getConv().input = arg; }),
              begin + "factors that are none");
    EXPECT_EQ(load([&](ConvModel &m) { m.getConv().weights = arg; }),
              begin + "factors that are none");
  }
  // The bias has one dimension.
  EXPECT_EQ(load([](ConvModel &m) { m.getConv().weights = 2; }),
            begin + "factors that are none");
  EXPECT_EQ(load([](ConvModel &m) { m.getConv().bias = 3; }),
            begin + "a bias that is none");
  EXPECT_EQ(load([](ConvModel &m) { m.getConv().residual = 2; }),
            begin + "a residual that is none");
  EXPECT_EQ(load([](ConvModel &m) { m.getConv().activation = 8; }),
            begin + "unknown options");
  EXPECT_EQ(load([](ConvModel &m) { m.getConv().high = NAN; }),
            begin + "unknown options");
  for (int64_t wrong : {int64_t(-1), int64_t(1) << 40}) {
    EXPECT_EQ(load([&](ConvModel &m) { m.getConv().strides[1] = wrong; }),
              begin + "a window that is none");
    EXPECT_EQ(load([&](ConvModel &m) { m.getConv().dilations[0] = wrong; }),
              begin + "a window that is none");
    EXPECT_EQ(load([&](ConvModel &m) { m.getConv().padsAfter[0] = wrong; }),
              begin + "a window that is none");
    EXPECT_EQ(load([&](ConvModel &m) { m.getConv().groups = wrong; }),
              begin + "a window that is none");
  }
}

//===- CudaFailureTest.cpp - What fails on a CUDA device ------------------===//

#include "test/unit/runtime/CudaCall.h"

using namespace tenon::test;

static std::string load(const TenonModelDesc &desc = getDeviceModel()) {
  return loadAndOpen(desc);
}

TEST_F(Cuda, NoDriver) {
  Setting named("TENON_CUDA_DRIVER", "/absent/libcuda.so.1");
  EXPECT_EQ(load(),
            "4: this model runs on a CUDA device, but the CUDA driver that "
            "TENON_CUDA_DRIVER names cannot be loaded: /absent/libcuda.so.1: "
            "cannot open shared object file: No such file or directory");
  setenv("TENON_CUDA_DRIVER", "libm.so.6", 1);
  EXPECT_EQ(load(), "4: the library libm.so.6 is no CUDA driver");
}

TEST_F(Cuda, OldDriver) {
  // Another name of the same file, as a driver is looked at once.
  std::string path = FAKE_CUDA_LIBRARY;
  path.insert(path.rfind('/'), "/.");
  Setting named("TENON_CUDA_DRIVER", path);
  Setting version("FAKE_CUDA_VERSION", "11040");
  EXPECT_EQ(load(), "4: the CUDA driver " + path +
                        " is for CUDA 11.4, expected 12.0 or later");
  {
    Setting fail("FAKE_CUDA_FAIL", "cuDriverGetVersion:2:34");
    EXPECT_EQ(load(), "4: the CUDA driver " + path +
                          " does not tell its version (error 34)");
  }
  setenv("FAKE_CUDA_VERSION", "12000", 1);
  EXPECT_EQ(load(), "ok");
}

TEST_F(Cuda, NoDevice) {
  Setting devices("FAKE_CUDA_DEVICES", "0");
  EXPECT_EQ(load(), "4: this model runs on a CUDA device, but there is none");
}

TEST_F(Cuda, ChoosesTheImage) {
  std::vector<std::string> texts;
  for (const char *name :
       {"sm_80", "sm_86", "sm_90", "compute_80", "compute_90", "compute_120"})
    texts.push_back(makeImage(name));
  std::vector<TenonDeviceImage> images;
  for (const std::string &text : texts)
    images.push_back({nullptr, reinterpret_cast<const uint8_t *>(text.c_str()),
                      text.size() + 1});
  const char *names[] = {"sm_80",      "sm_86",      "sm_90",
                         "compute_80", "compute_90", "compute_120"};
  for (size_t i = 0; i < images.size(); ++i)
    images[i].architecture = names[i];
  TenonModelDesc desc = getDeviceModel();
  desc.images = images.data();
  desc.numImages = images.size();
  for (auto [capability, expected] :
       {std::pair("80", "sm_80"), std::pair("86", "sm_86"),
        std::pair("87", "sm_86"), std::pair("90", "sm_90"),
        std::pair("100", "compute_90"), std::pair("121", "compute_120")}) {
    Setting device("FAKE_CUDA_CAPABILITY", capability);
    EXPECT_EQ(load(desc), "ok");
    EXPECT_EQ(cuda::getLoadedImage().substr(0, strlen(expected) + 4),
              "// " + std::string(expected) + "\n");
  }
  Setting device("FAKE_CUDA_CAPABILITY", "75");
  EXPECT_EQ(load(desc),
            "3: the CUDA device 'Fake' is sm_75, but this model has code for "
            "sm_80, sm_86, sm_90, compute_80, compute_90, compute_120 only; "
            "it is older than any that models are compiled for");
}

TEST_F(Cuda, RefusesCode) {
  TenonModelDesc desc = getDeviceModel();
  TenonDeviceImage image = desc.images[0];
  desc.images = &image;
  std::string text = "nonsense";
  image.data = reinterpret_cast<const uint8_t *>(text.c_str());
  image.size = text.size() + 1;
  EXPECT_EQ(load(desc),
            "4: the CUDA driver refuses this model's code for compute_80 "
            "(CUDA_ERROR_INVALID_IMAGE: device kernel image is invalid; ptxas "
            "fatal   : no entry)");
  text = makeImage("");
  text.replace(text.find("compress"), 8, "squeezed");
  image.data = reinterpret_cast<const uint8_t *>(text.c_str());
  image.size = text.size() + 1;
  EXPECT_EQ(load(desc), "2: damaged model: its code for 'compute_80' has no "
                        "function 'compress', of the nodes 'Compress_3'");
}

TEST_F(Cuda, RefusesMachineCode) {
  std::string code = "\177ELF", text = makeImage("compute_80");
  auto makeEntry = [](const char *name, const std::string &data) {
    return TenonDeviceImage{
        name, reinterpret_cast<const uint8_t *>(data.c_str()), data.size() + 1};
  };
  TenonDeviceImage images[] = {makeEntry("compute_80", text),
                               makeEntry("sm_90", code)};
  TenonModelDesc desc = getDeviceModel();
  desc.images = images;
  desc.numImages = 2;
  EXPECT_EQ(load(desc), "ok");
  EXPECT_EQ(cuda::getLoadedImage(), "");
  Setting refuse("FAKE_CUDA_MACHINE_CODE", "0");
  EXPECT_EQ(load(desc), "ok");
  EXPECT_EQ(cuda::getLoadedImage(), text);
  // The last that was tried tells why.
  text = "nonsense";
  images[0] = makeEntry("compute_80", text);
  EXPECT_EQ(load(desc),
            "4: the CUDA driver refuses this model's code for compute_80 "
            "(CUDA_ERROR_INVALID_IMAGE: device kernel image is invalid; ptxas "
            "fatal   : no entry)");
  desc.images = &images[1];
  desc.numImages = 1;
  EXPECT_EQ(load(desc),
            "4: the CUDA driver refuses this model's code for sm_90 "
            "(CUDA_ERROR_INVALID_IMAGE: device kernel image is invalid; "
            "machine code of another version)");
}

TEST_F(Cuda, EachFunctionFails) {
  int numErrors = 0;
  forEachCall(
      {"cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetAttribute",
       "cuDeviceGetName", "cuDevicePrimaryCtxRetain", "cuCtxPushCurrent_v2",
       "cuModuleLoadDataEx", "cuModuleGetFunction", "cuMemAlloc_v2",
       "cuMemHostAlloc", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2",
       "cuMemsetD8Async", "cuStreamCreate", "cuStreamSynchronize",
       "cuLaunchKernel"},
      [&](const std::string &function, int number) {
        cuda::reset();
        auto failing = std::make_optional<Failing>(function, number);
        TenonModel *model = nullptr;
        TenonSession *made = nullptr;
        std::string text = take(tenon_model_from_description(
            &getDeviceModel(), nullptr, nullptr, &model));
        TenonSessionOptions options{};
        options.struct_size = sizeof options;
        options.threads = 1;
        if (text == "ok")
          text = take(tenon_session_create(model, &options, &made));
        SessionPtr session(made);
        if (text == "ok")
          text = Call(10).run(session);
        bool hasFailed = cuda::countCalls(function) >= number;
        if (!hasFailed)
          EXPECT_EQ(text, "ok");
        else if (text != "ok") {
          ++numErrors;
          EXPECT_EQ(text.substr(0, 2),
                    function == "cuModuleGetFunction" ? "2:" : "4:")
              << function << text;
          if (text.substr(0, 2) == "4:")
            EXPECT_NE(text.find("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory "
                                "access was encountered"),
                      std::string::npos)
                << function << text;
        }
        failing.reset();
        // What there is is as usable as before.
        Call again(10);
        if (session) {
          EXPECT_EQ(again.run(session), "ok") << function << number;
          EXPECT_TRUE(again.isRight()) << function << number;
        }
        session.reset();
        tenon_model_free(model);
        EXPECT_EQ(cuda::countHandles(), 0u) << function << number;
        EXPECT_EQ(cuda::countPushedContexts(), 0u);
        return hasFailed;
      });
  EXPECT_GT(numErrors, 50);
}

/// What is told of a run that fails here, and maybe there too.
static std::string runFailing(const std::string &failures) {
  cuda::reset();
  Setting fail("FAKE_CUDA_FAIL", failures);
  TenonModel *model = nullptr;
  TenonSession *made = nullptr;
  std::string text = take(tenon_model_from_description(
      &getDeviceModel(), nullptr, nullptr, &model));
  if (text == "ok")
    text = take(tenon_session_create(model, nullptr, &made));
  SessionPtr session(made);
  if (text == "ok")
    text = Call(10).run(session);
  session.reset();
  tenon_model_free(model);
  EXPECT_EQ(cuda::countHandles(), 0u) << failures;
  EXPECT_EQ(cuda::countPushedContexts(), 0u) << failures;
  return text;
}

// What was made is given back when something fails. That this fails too is not
// told in its place.
TEST_F(Cuda, NoErrorHidesAnother) {
  int numTold = 0;
  forEachCall({"cuModuleLoadDataEx", "cuModuleGetFunction", "cuMemAlloc_v2",
               "cuMemHostAlloc", "cuMemcpyHtoDAsync_v2", "cuStreamCreate",
               "cuStreamSynchronize", "cuLaunchKernel"},
              [&](const std::string &function, int number) {
                std::string failure =
                    function + ":" + std::to_string(number) + ":2";
                std::string expected = runFailing(failure);
                bool hasFailed = cuda::countCalls(function) >= number;
                for (const char *release : releasingFunctions)
                  for (int call = 1; hasFailed; ++call) {
                    std::string both = failure + "," + release + ":" +
                                       std::to_string(call) + ":700";
                    EXPECT_EQ(runFailing(both), expected) << both;
                    if (cuda::countCalls(release) < call)
                      break;
                    numTold += expected != "ok";
                  }
                return hasFailed;
              });
  EXPECT_GT(numTold, 100);
}

// An error that the driver does not name is told by its number.
TEST_F(Cuda, ErrorsWithoutNames) {
  std::string failure = "cuMemHostAlloc:1:2",
              text = "4: the CUDA driver gives no memory of the host ";
  EXPECT_EQ(runFailing(failure),
            text + "(CUDA_ERROR_OUT_OF_MEMORY: out of memory)");
  EXPECT_EQ(runFailing(failure + ",cuGetErrorString:1:1"),
            text + "(CUDA_ERROR_OUT_OF_MEMORY)");
  EXPECT_EQ(runFailing(failure + ",cuGetErrorName:1:1"), text + "(error 2)");
}

TEST_F(Cuda, QueueFails) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get());
  cuda::reset();
  Call call(10);
  {
    Setting fail("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700");
    EXPECT_EQ(call.run(session),
              "4: the CUDA device failed (CUDA_ERROR_ILLEGAL_ADDRESS: an "
              "illegal memory access was encountered) while it ran one of the "
              "nodes from 'Mul_0, Add_1' to 'Gather_2'; with "
              "CUDA_LAUNCH_BLOCKING=1 in the environment it tells which");
  }
  EXPECT_EQ(call.run(session), "ok");
  EXPECT_TRUE(call.isRight());
  auto failAt = [&](const char *what, SessionPtr &session, Call &call) {
    Setting fail("FAKE_CUDA_FAIL", what);
    cuda::reset();
    std::string text = call.run(session);
    EXPECT_EQ(call.run(session), "ok");
    EXPECT_TRUE(call.isRight());
    return text;
  };
  std::string fault = "4: the CUDA device failed (CUDA_ERROR_ILLEGAL_ADDRESS: "
                      "an illegal memory access was encountered)";
  // Whatever is called next tells of a fault in the queue.
  EXPECT_EQ(failAt("cuLaunchKernel:2:700", session, call),
            fault + " while it ran node 'Mul_0, Add_1'");
  Call larger(100); // Some of its elements are positive.
  ASSERT_EQ(larger.run(session), "ok");
  EXPECT_EQ(failAt("cuMemcpyDtoDAsync_v2:1:700", session, larger),
            fault + " while it ran node 'Compress_3'");
  // Without a kernel in it, or of the call's own, an error is the call's.
  EXPECT_EQ(failAt("cuLaunchKernel:1:700", session, call),
            "4: node 'Mul_0, Add_1': cannot be started on the CUDA device "
            "(CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was "
            "encountered)");
  EXPECT_EQ(failAt("cuLaunchKernel:2:701", session, call),
            "4: node 'Gather_2': cannot be started on the CUDA device "
            "(error 701)");
  // A driver that waits for each kernel tells of that one.
  Setting blocking("CUDA_LAUNCH_BLOCKING", "1");
  SessionPtr patient = makeSession(model.get());
  EXPECT_EQ(failAt("cuLaunchKernel:1:700", patient, call),
            fault + " while it ran node 'Mul_0, Add_1'");
  EXPECT_EQ(failAt("cuLaunchKernel:2:700", patient, call),
            fault + " while it ran node 'Gather_2'");
}

TEST_F(Cuda, FaultsTellAllNodes) {
  static std::vector<int> launched;
  TenonModelDesc desc = getDeviceModel();
  // Launches kernels: x, count and x, bias, y.
  desc.run = [](const TenonRunFrame *frame) -> int32_t {
    const TenonKernel *kernels = getDeviceModel().kernels;
    int64_t n = frame->symbols[0], dims[] = {n, n};
    auto *bias = const_cast<uint8_t *>(frame->deviceWeights);
    void *count[] = {frame->buffers[0], frame->buffers[4]};
    void *scale[] = {frame->buffers[0], bias, frame->buffers[2]};
    for (int kernel : launched)
      frame->rt->launch(frame->session, &kernels[kernel],
                        kernel ? count : scale, dims, kernel ? 1 : 4 * n, -1);
    return TENON_OK;
  };
  ModelPtr model = makeModel(desc);
  SessionPtr session = makeSession(model.get());
  Call call(10);
  std::string message;
  auto getNodes = [&](std::vector<int> kernels) {
    launched = std::move(kernels);
    cuda::reset();
    Setting fail("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700");
    TenonError *error =
        tenon_session_run(session.get(), call.inputs, 2, call.outputs, 3);
    std::string names;
    if (const TenonDiagnostic *finding = tenon_error_diagnostic(error, 0))
      for (size_t i = 0; i < finding->num_nodes; ++i)
        names += std::string(finding->nodes[i]) + "; ";
    message = tenon_error_message(error);
    tenon_error_free(error);
    return names;
  };
  EXPECT_EQ(getNodes({0}), "Mul_0, Add_1; ");
  EXPECT_EQ(getNodes({2, 2}), "Compress_3; ");
  // As in a loop, too: none of those that ran is left out.
  for (std::vector<int> kernels :
       {std::vector{0, 2}, {2, 0}, {2, 0, 2}, {0, 2, 0}}) {
    EXPECT_EQ(getNodes(kernels), "Mul_0, Add_1; Gather_2; Compress_3; ");
    EXPECT_NE(message.find("one of the nodes from 'Mul_0, Add_1' to "
                           "'Compress_3';"),
              std::string::npos)
        << message;
  }
}

TEST_F(Cuda, FaultsStay) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get());
  Call small(10), large(1000);
  std::string fault = "(CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access "
                      "was encountered)";
  {
    Setting stay("FAKE_CUDA_FAULTS_STAY", "1");
    Setting fail("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700");
    cuda::reset();
    std::string text = "4: the CUDA device failed " + fault;
    EXPECT_EQ(small.run(session).substr(0, text.size()), text);
    for (Call *call : {&large, &small})
      EXPECT_EQ(call->run(session),
                "4: the workspace for these dimensions: 'N' = " +
                    std::to_string(call->n) +
                    ": the CUDA device failed before, and stays so until the "
                    "process ends " +
                    fault);
  }
  cuda::reset();
  // What is of the call is told as that.
  {
    Setting fail("FAKE_CUDA_FAIL", "cuMemAlloc_v2:1:1");
    EXPECT_EQ(large.run(session),
              "4: the workspace for these dimensions: 'N' = 1000: the CUDA "
              "driver gives no memory of the device: asked for 56000 bytes "
              "(CUDA_ERROR_INVALID_VALUE: invalid argument)");
  }
  EXPECT_EQ(large.run(session), "ok");
  EXPECT_TRUE(large.isRight());
}

TEST_F(Cuda, OutOfMemory) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get());
  Setting memory("FAKE_CUDA_MEMORY", "1000000");
  Call large(100000), small(10);
  for (int repeat = 0; repeat < 2; ++repeat) {
    EXPECT_EQ(large.run(session),
              "4: the workspace for these dimensions: 'N' = 100000: not enough "
              "memory on the CUDA device: asked for 5600000 bytes "
              "(CUDA_ERROR_OUT_OF_MEMORY: out of memory)");
    EXPECT_EQ(small.run(session), "ok");
    EXPECT_TRUE(small.isRight());
  }
  // Enough for what is planned, not for what depends on data.
  setenv("FAKE_CUDA_MEMORY", "5700000", 1);
  EXPECT_EQ(large.run(session).substr(0, 90),
            "4: node 'Compress_3': not enough memory on the CUDA device: asked "
            "for 923664 bytes (CUDA_E");
  EXPECT_EQ(small.run(session), "ok");
  EXPECT_TRUE(small.isRight());
  setenv("FAKE_CUDA_MEMORY", "50000000", 1);
  EXPECT_EQ(large.run(session), "ok");
  EXPECT_TRUE(large.isRight());
}

TEST_F(Cuda, UnknownSettingsEndTheProcess) {
  for (const char *name : {"FAKE_CUDA_FIAL", "FAKE_CUBLASLT_FIAL",
                           "FAKE_CUDNN_FIAL", "FAKE_CDNN_FAIL"}) {
    Setting slip(name, "1");
    EXPECT_DEATH(load(), std::string("fake_cuda: there is no setting ") + name);
  }
  for (std::string call : {"cuStreamSyncronize:1:700", "cuInit:1", "cuInit"}) {
    Setting slip("FAKE_CUDA_FAIL", call);
    EXPECT_DEATH(load(), "there is no call FAKE_CUDA_FAIL=" + call + "\n");
  }
}

TEST_F(Cuda, RefusesDamagedDescriptions) {
  TenonModelDesc desc = getDeviceModel();
  auto damaged = [&] {
    std::string text = load(desc);
    desc = getDeviceModel();
    return text.substr(0, 18) == "2: damaged model: " ? text.substr(18) : text;
  };
  desc.device = "abacus";
  EXPECT_EQ(damaged(), "3: this model runs on the device 'abacus', which this "
                       "runtime does not know");
  desc.device = nullptr;
  EXPECT_EQ(damaged(), "it has code or weights for a device, but no device");
  desc.numImages = 0;
  EXPECT_EQ(damaged(), "it has a device, but no code for it");
  desc.images = nullptr;
  EXPECT_EQ(damaged(), "no table of images");
  desc.device = nullptr;
  desc.numImages = desc.numDeviceRanges = 0;
  EXPECT_EQ(damaged(), "buffer 0 is in the memory of a device, but the model "
                       "has none");
  desc.device = nullptr;
  desc.numImages = desc.numDeviceRanges = desc.numBuffers = 0;
  EXPECT_EQ(damaged(), "kernel 'Mul_0, Add_1' is one of a device, but the "
                       "model has none");

  TenonBufferDesc buffer = {"b", 0, 1, 2, 0};
  desc.buffers = &buffer;
  desc.numBuffers = 1;
  EXPECT_EQ(damaged(), "buffer 0 is in the memory 2");
  for (int32_t tensor : {desc.numInputs + 1, -desc.numOutputs - 1, 1u}) {
    int32_t space = tensor == 1 ? TENON_SPACE_HOST : TENON_SPACE_DEVICE;
    buffer = {"b", 0, 1, space, tensor};
    desc.buffers = &buffer;
    desc.numBuffers = 1;
    EXPECT_EQ(damaged(), "buffer 0 is of the tensor " + std::to_string(tensor));
  }
  for (int32_t tensor : {TENON_BUFFER_OF_INPUT(1), TENON_BUFFER_OF_OUTPUT(0)}) {
    TenonBufferDesc twice[] = {{"a", 0, 1, TENON_SPACE_DEVICE, tensor},
                               {"b", 0, 1, TENON_SPACE_DEVICE, 0},
                               {"c", 0, 1, TENON_SPACE_DEVICE, 0},
                               {"d", 0, 1, TENON_SPACE_DEVICE, tensor}};
    desc.buffers = twice;
    desc.numBuffers = 4;
    EXPECT_EQ(damaged(), "buffer 3 is of the tensor " + std::to_string(tensor) +
                             ", as one before it");
  }

  desc.deviceRanges = nullptr;
  EXPECT_EQ(damaged(), "no table of ranges of its device's weights");
  for (TenonWeightRange range :
       {TenonWeightRange{64, 0, 17}, TenonWeightRange{128, 0, 16},
        TenonWeightRange{64, 1, 16}, TenonWeightRange{64, 0, 0},
        TenonWeightRange{UINT64_MAX - 7, 0, 16},
        TenonWeightRange{64, 0, UINT64_MAX}}) {
    desc.deviceRanges = &range;
    EXPECT_EQ(damaged(), "range 0 of its device's weights is outside of them");
  }

  TenonDeviceImage image = desc.images[0];
  auto withImage = [&](const char *architecture, uint64_t size) {
    image.architecture = architecture;
    image.size = size;
    desc.images = &image;
    return damaged();
  };
  uint64_t size = image.size;
  EXPECT_EQ(withImage(nullptr, size), "image 0 has no architecture or no code");
  EXPECT_EQ(withImage("sm_90", 0), "image 0 has no architecture or no code");
  for (const char *name : {"sm_", "sm_9", "sm_90a", "sm90", "compute", "",
                           "sm_12345", "sm_-9", "gfx90"})
    EXPECT_EQ(withImage(name, size),
              "image 0 is for the architecture '" + std::string(name) + "'");
  EXPECT_EQ(withImage("compute_90", size - 1),
            "image 0 is a text without an end");

  TenonKernel kernel;
  auto withKernel = [&](auto change) {
    kernel = getDeviceModel().kernels[0];
    change();
    desc.kernels = &kernel;
    desc.numKernels = 1;
    return damaged();
  };
  EXPECT_EQ(withKernel([&] { kernel.symbol = nullptr; }),
            "kernel 0 has no code or no name");
  EXPECT_EQ(withKernel([&] { kernel.symbol = ""; }),
            "kernel 'Mul_0, Add_1' has an empty symbol");
  EXPECT_EQ(withKernel([&] { kernel.blockSize = 0; }),
            "kernel 'Mul_0, Add_1' has blocks of 0 threads");
  EXPECT_EQ(withKernel([&] { kernel.blockSize = 1025; }),
            "kernel 'Mul_0, Add_1' has blocks of 1025 threads");
  EXPECT_EQ(withKernel([&] { kernel.unitThreads = 0; }),
            "kernel 'Mul_0, Add_1' has units of 0 threads in blocks of 128");
  EXPECT_EQ(withKernel([&] { kernel.unitThreads = 64; }),
            "kernel 'Mul_0, Add_1' has units of 64 threads in blocks of 128");
  EXPECT_EQ(withKernel([&] {
              kernel.unitThreads = 32;
              kernel.blockSize = 80;
            }),
            "kernel 'Mul_0, Add_1' has units of 32 threads in blocks of 80");
  EXPECT_EQ(withKernel([&] { kernel.numArgs = UINT32_MAX; }),
            "kernel 'Mul_0, Add_1' has 4294967297 arguments");
  EXPECT_EQ(withKernel([&] { kernel.numArgs = 541; }),
            "kernel 'Mul_0, Add_1' has 543 arguments");
  EXPECT_EQ(withKernel([&] { kernel.fn = getDeviceModel().kernels[4].fn; }),
            "kernel 'Mul_0, Add_1' is one of the processor and of a device");
}

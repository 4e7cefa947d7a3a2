//===- DeviceChoiceTest.cpp - Which device a model runs on ----------------===//

#include "test/unit/runtime/CudaFixture.h"
#include "test/unit/runtime/FakeDeviceModel.h"
#include "test/unit/runtime/Hosts.h"

using namespace tenon::test;

namespace {

struct DeviceChoice : Cuda {
  void SetUp() override {
    Cuda::SetUp();
    plain = beginDescription("fake on a processor");
    plain.plan = [](const int64_t *, int64_t *, int64_t *, int64_t *) {};
    plain.run = [](const TenonRunFrame *) -> int32_t { return TENON_OK; };
    both = plain;
    both.onDevice = &getDeviceModel();
  }

  /// Loads a model and makes a session: the device, or what went wrong.
  static std::string load(const TenonModelDesc &desc, const char *device) {
    TenonModelOptions options{};
    options.struct_size = sizeof options;
    options.device = device;
    TenonModel *made = nullptr;
    std::string text = take(tenon_model_from_description_with(
        &desc, &options, nullptr, nullptr, &made));
    if (text != "ok")
      return "load " + text;
    ModelPtr model(made);
    TenonSession *session = nullptr;
    text = take(tenon_session_create(made, nullptr, &session));
    SessionPtr owner(session);
    return text == "ok" ? tenon_model_device(made) : text;
  }

  TenonModelDesc plain, both;
};

} // namespace

TEST_F(DeviceChoice, FollowsTheMachine) {
  EXPECT_EQ(load(both, nullptr), "cuda");
  EXPECT_EQ(load(both, ""), "cuda");
  EXPECT_EQ(load(plain, nullptr), "cpu");
  EXPECT_EQ(load(getDeviceModel(), nullptr), "cuda");
  {
    Setting devices("FAKE_CUDA_DEVICES", "0");
    EXPECT_EQ(load(both, nullptr), "cpu");
  }
  Setting none("TENON_CUDA_DRIVER", "none");
  EXPECT_EQ(load(both, nullptr), "cpu");
  EXPECT_EQ(load(getDeviceModel(), nullptr),
            "4: this model runs on a CUDA device, but the CUDA driver cannot "
            "be loaded: TENON_CUDA_DRIVER is 'none'");
}

TEST_F(DeviceChoice, HidesNoFault) {
  auto isTold = [&](const std::string &expected) {
    EXPECT_EQ(load(both, nullptr),
              "load 4: " + expected +
                  "; the device 'cpu' can be asked for instead");
    EXPECT_EQ(load(both, "cpu"), "cpu");
  };
  {
    Setting fail("FAKE_CUDA_FAIL", "cuInit:1:700");
    isTold("the CUDA driver does not start (CUDA_ERROR_ILLEGAL_ADDRESS: an "
           "illegal memory access was encountered)");
  }
  {
    Setting other("TENON_CUDA_DRIVER", "libm.so.6");
    isTold("the library libm.so.6 is no CUDA driver");
  }
  {
    Setting absent("TENON_CUDA_DRIVER", "/absent/libcuda.so.1");
    isTold("this model runs on a CUDA device, but the CUDA driver that "
           "TENON_CUDA_DRIVER names cannot be loaded: /absent/libcuda.so.1: "
           "cannot open shared object file: No such file or directory");
  }
  {
    Setting memory("FAKE_CUDA_MEMORY", "10");
    EXPECT_EQ(load(both, nullptr).substr(0, 39),
              "4: not enough memory on the CUDA device");
  }
  {
    ModelPtr model = makeModel(both);
    SessionPtr session = makeSession(model.get());
    Setting memory("FAKE_CUDA_MEMORY", "10000");
    int64_t rowDims[] = {1000, 4}, indexDims[] = {1000};
    TenonTensor inputs[] = {{"x", nullptr, TENON_F32, 2, rowDims},
                            {"index", nullptr, TENON_I64, 1, indexDims}};
    EXPECT_EQ(take(tenon_session_bind(session.get(), inputs, 2)),
              "4: the workspace for these dimensions: 'N' = 1000: not enough "
              "memory on the CUDA device: asked for 56000 bytes "
              "(CUDA_ERROR_OUT_OF_MEMORY: out of memory); the device 'cpu' can "
              "be asked for instead");
  }
  Setting old("FAKE_CUDA_CAPABILITY", "75");
  EXPECT_EQ(load(both, nullptr),
            "3: the CUDA device 'Fake' is sm_75, but this model has code for "
            "compute_80 only; it is older than any that models are compiled "
            "for; the device 'cpu' can be asked for instead");
  EXPECT_EQ(load(both, "cuda").find("can be asked for"), std::string::npos);
}

TEST_F(DeviceChoice, CanBeAskedFor) {
  Setting devices("FAKE_CUDA_DEVICES", "2");
  for (auto [device, shown] :
       {std::pair("cuda", "cuda"), {"cuda:0", "cuda"}, {"cuda:1", "cuda:1"}}) {
    EXPECT_EQ(load(both, device), shown);
    EXPECT_EQ(load(getDeviceModel(), device), shown);
    EXPECT_EQ(load(plain, device),
              "load 3: this model has no code for the device 'cuda', only for "
              "'cpu'; a model for both is compiled with a target such as "
              "native,cuda:sm_90");
  }
  EXPECT_EQ(load(both, "cpu"), "cpu");
  EXPECT_EQ(load(plain, "cpu"), "cpu");
  EXPECT_EQ(load(getDeviceModel(), "cpu").substr(0, 69),
            "load 3: this model has no code for the device 'cpu', only for "
            "'cuda';");
  EXPECT_EQ(load(both, "cuda:2"),
            "4: there is no device cuda:2: the CUDA driver has 2");
  for (const char *wrong : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:12345",
                            "cpu:0", "cpu ", "CUDA", "cuda:1,cpu"})
    EXPECT_EQ(load(both, wrong), "load 1: device '" + std::string(wrong) +
                                     "': expected cpu, cuda or cuda:N");
  // The second one has another name.
  Setting old("FAKE_CUDA_CAPABILITY", "75");
  EXPECT_EQ(load(both, "cuda:1").substr(0, 33),
            "3: the CUDA device 'Fake 1' is sm");
}

TEST_F(DeviceChoice, AsksForNothingTooEarly) {
  Setting none("TENON_CUDA_DRIVER", "none");
  ModelPtr model = makeModel(getDeviceModel());
  EXPECT_STREQ(tenon_model_device(model.get()), "cuda");
  EXPECT_EQ(tenon_model_num_inputs(model.get()), 2u);
  EXPECT_EQ(tenon_model_weights_size(model.get()),
            getDeviceModel().deviceWeightsSize);
  EXPECT_LT(getDeviceModel().deviceWeightsSize, getDeviceModel().weightsSize);
}

TEST_F(DeviceChoice, TellsWhatThereIsAndWhyItIsNotTaken) {
  auto tell = [](const TenonModelDesc &desc) {
    ModelPtr model = makeModel(desc);
    return tenon_model_devices(model.get()) + std::string(": ") +
           tenon_model_device_problem(model.get());
  };
  EXPECT_EQ(tell(plain), "cpu: ");
  EXPECT_EQ(tell(getDeviceModel()), "cuda: ");
  EXPECT_EQ(tell(both), "cpu,cuda: ");
  {
    Setting devices("FAKE_CUDA_DEVICES", "0");
    EXPECT_EQ(tell(both), "cpu,cuda: this model runs on a CUDA device, but "
                          "there is none");
  }
  Setting none("TENON_CUDA_DRIVER", "none");
  EXPECT_EQ(tell(both), "cpu,cuda: this model runs on a CUDA device, but the "
                        "CUDA driver cannot be loaded: TENON_CUDA_DRIVER is "
                        "'none'");
  EXPECT_EQ(tell(plain), "cpu: ");
  EXPECT_EQ(tell(getDeviceModel()), "cuda: ");
}

TEST_F(DeviceChoice, TellsTheKernels) {
  ModelPtr model = makeModel(getDeviceModel());
  size_t count = tenon_model_num_kernels(model.get());
  EXPECT_EQ(count, getDeviceModel().numKernels);
  bool isAny[2] = {};
  for (size_t i = 0; i < count; ++i) {
    const TenonKernelInfo *info = tenon_model_kernel(model.get(), i);
    const TenonKernel &kernel = getDeviceModel().kernels[i];
    EXPECT_STREQ(info->name, kernel.name);
    EXPECT_STREQ(info->provider, kernel.provider);
    EXPECT_EQ(info->on_device, !kernel.fn);
    isAny[info->on_device] = true;
  }
  EXPECT_TRUE(isAny[0] && isAny[1]);
  EXPECT_EQ(tenon_model_kernel(model.get(), count), nullptr);
}

TEST_F(DeviceChoice, OpensTheDeviceOnce) {
  ModelPtr model = makeModel(both);
  EXPECT_EQ(cuda::countCalls("cuModuleLoadDataEx"), 0);
  {
    Setting fail("FAKE_CUDA_FAIL", "cuModuleLoadDataEx:1:700");
    TenonSession *session = nullptr;
    EXPECT_NE(take(tenon_session_create(model.get(), nullptr, &session)), "ok");
  }
  cuda::reset();
  std::vector<SessionPtr> sessions(8);
  runHosts(sessions.size(),
           [&](int host, int &) { sessions[host] = makeSession(model.get()); });
  EXPECT_EQ(cuda::countCalls("cuModuleLoadDataEx"), 1);
}

TEST_F(DeviceChoice, RefusesDamagedDescriptions) {
  TenonModelDesc inner = getDeviceModel();
  both.onDevice = &inner;
  inner.onDevice = &plain;
  EXPECT_EQ(load(both, "cpu"),
            "load 2: damaged model: three models are in one");
  EXPECT_EQ(load(inner, "cpu"),
            "load 2: damaged model: it has a device, and names another model "
            "for one");
  inner = getDeviceModel();
  inner.magic = 1;
  EXPECT_EQ(load(both, "cpu"),
            "load 2: not a compiled model: wrong magic number");
  // All of the device's kernels may be those of a processor.
  inner = plain;
  EXPECT_EQ(load(both, nullptr), "cpu");

  TenonModelOptions options{};
  TenonModel *model = nullptr;
  EXPECT_EQ(take(tenon_model_from_description_with(&plain, &options, nullptr,
                                                   nullptr, &model)),
            "1: TenonModelOptions::struct_size is not set");
}

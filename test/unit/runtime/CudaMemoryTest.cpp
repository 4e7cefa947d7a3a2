//===- CudaMemoryTest.cpp - Inputs and outputs on a CUDA device -----------===//

#include "test/unit/runtime/CudaFixture.h"
#include "test/unit/runtime/FakeDeviceModel.h"
#include "test/unit/runtime/FakeModel.h"
#include "test/unit/runtime/Hosts.h"

#include "tenon/tenon.hpp"

#include <memory>

using namespace tenon::test;

namespace {

struct CudaMemory : Cuda {};

/// A caller's memory on the device; it begins `offset` bytes behind what the
/// driver gave.
template <typename T> struct Block {
  explicit Block(size_t count, size_t offset = 0)
      : count(count), offset(offset),
        address(cuda::fakeCudaAllocate(count * sizeof(T) + offset) + offset) {}
  explicit Block(const std::vector<T> &values, size_t offset = 0)
      : Block(values.size(), offset) {
    cuda::fakeCudaWrite(address, values.data(), count * sizeof(T));
  }
  ~Block() { cuda::fakeCudaFree(address - offset); }
  Block(const Block &) = delete;

  T *data() const { return reinterpret_cast<T *>(address); }
  std::vector<T> read() const {
    std::vector<T> values(count);
    cuda::fakeCudaRead(values.data(), address, count * sizeof(T));
    return values;
  }

  size_t count, offset;
  uint64_t address;
};

/// Inputs and outputs of the model for N rows: x and y on the device, the
/// others on the host.
struct Call {
  explicit Call(int64_t n, int seed = 0, size_t offset = 0)
      : n(n), x(makeRows(n, seed), offset), y(4 * n, offset), picked(4 * n),
        index(makeIndex(n, seed)) {}

  std::string run(const SessionPtr &session) {
    return take(tenon_session_run(session.get(), inputs, 2, outputs, 2));
  }
  bool isRight() const { return areRight(x.read(), index, y.read(), picked); }

  int64_t n;
  Block<float> x, y;
  std::vector<float> picked;
  std::vector<int64_t> index;
  int64_t rowDims[2] = {n, 4}, indexDims[1] = {n};
  TenonTensor inputs[2] = {{"x", x.data(), TENON_F32, 2, rowDims},
                           {"index", index.data(), TENON_I64, 1, indexDims}};
  TenonTensor outputs[2] = {{"y", y.data(), TENON_F32, 2, rowDims},
                            {"picked", picked.data(), TENON_F32, 2, rowDims}};
};

std::string place(const SessionPtr &session, bool isInput, size_t index,
                  TenonMemory memory = TENON_MEMORY_CUDA, int device = 0) {
  auto function =
      isInput ? &tenon_session_place_input : &tenon_session_place_output;
  return take(function(session.get(), index, memory, device));
}

SessionPtr makePlaced(const ModelPtr &model) {
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(place(session, /*isInput=*/true, 0), "ok");
  EXPECT_EQ(place(session, /*isInput=*/false, 0), "ok");
  return session;
}

/// Other addresses each.
std::vector<std::unique_ptr<Call>> makeCalls(int count) {
  std::vector<std::unique_ptr<Call>> calls;
  for (int seed = 0; seed < count; ++seed)
    calls.push_back(std::make_unique<Call>(50, seed));
  return calls;
}

/// Runs by a graph, with so many copies on the device, those that are recorded
/// among them, and so many graphs that are recorded.
void expectGraph(const SessionPtr &session, Call &call, int copies,
                 int recorded) {
  cuda::reset();
  EXPECT_EQ(call.run(session), "ok");
  EXPECT_TRUE(call.isRight());
  EXPECT_EQ(cuda::countCalls("cuMemcpyDtoDAsync_v2"), copies);
  EXPECT_EQ(cuda::countCalls("cuStreamBeginCapture_v2"), recorded);
  EXPECT_EQ(cuda::countCalls("cuGraphLaunch"), 1);
}

} // namespace

TEST_F(CudaMemory, Runs) {
  // The second has a part on the processor, which finds its input there.
  for (const TenonModelDesc *desc :
       {&getReplayableModel(), &getWronglyReplayableModel()}) {
    ModelPtr model = makeModel(*desc);
    SessionPtr session = makePlaced(model);
    for (int64_t n : {10, 1000, 10})
      for (int seed = 0; seed < 3; ++seed) {
        Call call(n, seed);
        EXPECT_EQ(call.run(session), "ok");
        EXPECT_TRUE(call.isRight()) << n << " " << seed;
      }
    EXPECT_EQ(tenon_session_was_replayed(session.get()),
              desc == &getReplayableModel());
  }
  TenonModelDesc desc = getReplayableModel();
  desc.flags = 0;
  ModelPtr model = makeModel(desc);
  SessionPtr session = makePlaced(model);
  for (int seed = 0; seed < 3; ++seed) {
    Call call(100, seed);
    EXPECT_EQ(call.run(session), "ok");
    EXPECT_TRUE(call.isRight()) << seed;
  }
}

TEST_F(CudaMemory, NothingElseIsCopiedOrWaitedFor) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makePlaced(model);
  Call call(100);
  for (int repeat = 0; repeat < 2; ++repeat)
    EXPECT_EQ(call.run(session), "ok");
  cuda::reset();
  EXPECT_EQ(call.run(session), "ok");
  EXPECT_TRUE(call.isRight());
  for (const char *function :
       {"cuGraphLaunch", "cuStreamSynchronize", "cuStreamWaitEvent"})
    EXPECT_EQ(cuda::countCalls(function), 1) << function;
  EXPECT_EQ(cuda::countCalls("cuPointerGetAttributes"), 2);
  for (const char *function :
       {"cuMemcpyDtoDAsync_v2", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2",
        "cuMemAlloc_v2", "cuEventCreate", "cuLaunchKernel"})
    EXPECT_EQ(cuda::countCalls(function), 0) << function;
}

TEST_F(CudaMemory, IsNotCopiedWithoutAGraphEither) {
  TenonModelDesc desc = getReplayableModel();
  desc.flags = 0; // as of a model that has a part on the processor
  ModelPtr model = makeModel(getReplayableModel()), other = makeModel(desc);
  SessionPtr sessions[] = {makeSession(model.get(), 1, /*profile=*/1),
                           makeSession(other.get())};
  for (const SessionPtr &session : sessions) {
    EXPECT_EQ(place(session, /*isInput=*/true, 0), "ok");
    EXPECT_EQ(place(session, /*isInput=*/false, 0), "ok");
    for (int seed = 0; seed < 3; ++seed) {
      Call call(100, seed);
      cuda::reset();
      EXPECT_EQ(call.run(session), "ok");
      EXPECT_TRUE(call.isRight());
      EXPECT_EQ(cuda::countCalls("cuMemcpyDtoDAsync_v2"), 0);
      // What is on the host: the second input and the second output, and what
      // the kernels report.
      EXPECT_EQ(cuda::countCalls("cuMemcpyHtoDAsync_v2"), 1);
      EXPECT_EQ(cuda::countCalls("cuMemcpyDtoHAsync_v2"), 2);
    }
  }
}

TEST_F(CudaMemory, AddressesChange) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makePlaced(model);
  // One in and one out, and as many that are recorded, unless the graph is one
  // of these addresses.
  auto expect = [&](Call &call, int copies, int recorded) {
    expectGraph(session, call, copies, recorded);
  };
  Call first(50), second(50, 1);
  EXPECT_EQ(first.run(session), "ok");
  expect(second, 4, 1);
  expect(first, 0, 1);
  expect(second, 0, 1);
  for (int repeat = 0; repeat < 3; ++repeat) {
    expect(first, 0, 0);
    expect(second, 0, 0);
  }
  // Addresses that come once have one graph together.
  std::vector<std::unique_ptr<Call>> others = makeCalls(9);
  for (int round = 0; round < 3; ++round)
    for (auto &other : others)
      expect(*other, 2, 0);
  // Not more graphs stay than there is room for.
  std::vector<std::unique_ptr<Call>> calls = makeCalls(9);
  size_t handles = cuda::countHandles();
  for (auto &call : calls) {
    expect(*call, 2, 0);
    expect(*call, 0, 1);
  }
  EXPECT_EQ(cuda::countHandles(), handles + 2);
}

TEST_F(CudaMemory, AddressesInTurns) {
  ModelPtr model = makeModel(getReplayableModel());
  for (int turns : {3, 4}) {
    SessionPtr session = makePlaced(model);
    std::vector<std::unique_ptr<Call>> calls = makeCalls(turns);
    for (auto &call : calls)
      EXPECT_EQ(call->run(session), "ok");
    for (auto &call : calls)
      expectGraph(session, *call, 0, 1);
    // One that comes once in between is in the way of none.
    std::vector<std::unique_ptr<Call>> others = makeCalls(6);
    for (auto &other : others) {
      for (int i = 0; i < 9; ++i)
        expectGraph(session, *calls[i % turns], 0, 0);
      expectGraph(session, *other, 2, 0);
    }
  }
  // More than there are graphs are copied, and none is recorded each time.
  SessionPtr session = makePlaced(model);
  std::vector<std::unique_ptr<Call>> calls = makeCalls(5);
  for (int round = 0; round < 4; ++round)
    for (auto &call : calls)
      EXPECT_EQ(call->run(session), "ok");
  for (auto &call : calls)
    expectGraph(session, *call, 2, 0);
}

TEST_F(CudaMemory, OneOfManyGraphsFails) {
  ModelPtr model = makeModel(getReplayableModel());
  for (const char *function :
       {"cuGraphInstantiateWithFlags", "cuGraphLaunch"}) {
    SessionPtr session = makePlaced(model);
    Call good(50), bad(50, 1);
    EXPECT_EQ(good.run(session), "ok");
    expectGraph(session, good, 0, 1);
    expectGraph(session, bad, 4, 1);
    expectGraph(session, good, 0, 1); // The copies took memory.
    {
      Setting fail("FAKE_CUDA_FAIL", std::string(function) + ":1:2");
      cuda::reset();
      EXPECT_EQ(bad.run(session), "ok");
      EXPECT_TRUE(bad.isRight());
      EXPECT_EQ(cuda::countCalls("cuStreamBeginCapture_v2"), 1);
    }
    for (int repeat = 0; repeat < 3; ++repeat) {
      expectGraph(session, good, 0, 0);
      expectGraph(session, bad, 2, 0);
    }
  }
  // Without the one that copies those of addresses are there all the same.
  SessionPtr session = makePlaced(model);
  Call good(50), bad(50, 1);
  EXPECT_EQ(good.run(session), "ok");
  expectGraph(session, good, 0, 1);
  {
    Setting fail("FAKE_CUDA_FAIL", "cuGraphInstantiateWithFlags:1:2");
    cuda::reset();
    EXPECT_EQ(bad.run(session), "ok");
    EXPECT_TRUE(bad.isRight());
    EXPECT_FALSE(tenon_session_was_replayed(session.get()));
  }
  expectGraph(session, good, 0, 1); // The copies took memory.
  expectGraph(session, bad, 0, 1);
  for (int repeat = 0; repeat < 3; ++repeat) {
    expectGraph(session, good, 0, 0);
    expectGraph(session, bad, 0, 0);
  }
}

TEST_F(CudaMemory, IsCopiedIfKernelsCannotUseIt) {
  std::vector<TenonBufferDesc> buffers(getReplayableModel().buffers,
                                       getReplayableModel().buffers +
                                           getReplayableModel().numBuffers);
  for (TenonBufferDesc &buffer : buffers)
    buffer.tensor = 0;
  TenonModelDesc desc = getReplayableModel();
  desc.buffers = buffers.data();
  // Memory that is not aligned, and a model that has no buffers of its inputs.
  ModelPtr model = makeModel(getReplayableModel()), other = makeModel(desc);
  for (TenonModel *made : {model.get(), other.get()}) {
    SessionPtr session = makeSession(made);
    EXPECT_EQ(place(session, /*isInput=*/true, 0), "ok");
    EXPECT_EQ(place(session, /*isInput=*/false, 0), "ok");
    Call call(70, 3, made == model.get() ? TENON_BUFFER_ALIGNMENT / 2 : 0);
    for (int repeat = 0; repeat < 3; ++repeat) {
      cuda::reset();
      EXPECT_EQ(call.run(session), "ok");
      EXPECT_TRUE(call.isRight());
      EXPECT_EQ(tenon_session_was_replayed(session.get()), repeat > 0);
      EXPECT_EQ(cuda::countCalls("cuMemcpyDtoDAsync_v2"), repeat < 2 ? 4 : 2);
    }
  }
}

TEST_F(CudaMemory, InputsMayBeOne) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makePlaced(model);
  EXPECT_EQ(place(session, /*isInput=*/true, 1), "ok");
  Call call(10);
  Block<float> zeros(std::vector<float>(40, 0));
  call.inputs[0].data = call.inputs[1].data = zeros.data();
  for (int repeat = 0; repeat < 3; ++repeat) {
    EXPECT_EQ(call.run(session), "ok");
    EXPECT_TRUE(areRight(zeros.read(), std::vector<int64_t>(10, 0),
                         call.y.read(), call.picked));
  }
}

TEST_F(CudaMemory, OfManySessionsAtOnce) {
  ModelPtr model = makeModel(getReplayableModel());
  int wrong = runHosts(4, [&](int host, int &wrong) {
    SessionPtr session = makePlaced(model);
    for (int i = 0; i < 40; ++i) {
      Call call(1 + (i / 4 * 31 + host * 17) % 300, i, i % 5 ? 0 : 16);
      wrong += call.run(session) != "ok" || !call.isRight();
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(CudaMemory, NoInputIsCopiedAfterOneThatFails) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makePlaced(model);
  EXPECT_EQ(place(session, /*isInput=*/true, 1), "ok");
  Call call(10, 0, /*offset=*/16); // so that it is copied
  Block<int64_t> index(call.index, /*offset=*/16);
  call.inputs[1].data = index.data();
  for (bool isGraph : {false, true}) {
    cuda::reset();
    {
      Failing failing("cuMemcpyDtoDAsync_v2", 1);
      EXPECT_EQ(call.run(session).substr(0, 2), "4:");
    }
    EXPECT_EQ(cuda::countCalls("cuMemcpyDtoDAsync_v2"), 1);
    for (int repeat = 0; repeat < 2; ++repeat)
      EXPECT_EQ(call.run(session), "ok");
    EXPECT_TRUE(call.isRight());
    EXPECT_TRUE(tenon_session_was_replayed(session.get())) << isGraph;
  }
}

TEST_F(CudaMemory, PlacesChange) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makePlaced(model);
  for (int round = 0; round < 3; ++round) {
    for (int seed = 0; seed < 2; ++seed) {
      Call call(50, seed);
      EXPECT_EQ(call.run(session), "ok");
      EXPECT_TRUE(call.isRight());
    }
    for (bool isInput : {true, false})
      EXPECT_EQ(place(session, isInput, 0, TENON_MEMORY_HOST), "ok");
    for (int repeat = 0; repeat < 2; ++repeat) {
      Call call(50);
      std::vector<float> x = call.x.read(), y(200);
      call.inputs[0].data = x.data();
      call.outputs[0].data = y.data();
      EXPECT_EQ(call.run(session), "ok");
      EXPECT_EQ(y[7], 2 * x[7] + deviceModelBias[3]);
    }
    for (bool isInput : {true, false})
      EXPECT_EQ(place(session, isInput, 0), "ok");
  }
}

TEST_F(CudaMemory, WrongPlaces) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(place(session, true, 2),
            "1: the model has 2 inputs, but input 2 is placed");
  EXPECT_EQ(place(session, false, 1, TENON_MEMORY_CUDA, 3),
            "3: output 'picked' is in the memory of CUDA device 3, but this "
            "model runs on device 0");
  EXPECT_EQ(place(session, true, 0, TenonMemory(7)),
            "1: input 'x' is placed in the memory 7");
  ModelPtr host = makeModel(tenon_model);
  SessionPtr other = makeSession(host.get());
  EXPECT_EQ(place(other, true, 0),
            "3: input 'x' is in the memory of a CUDA device, but this model "
            "runs on the processor only");
  EXPECT_EQ(place(other, true, 0, TENON_MEMORY_HOST), "ok");
}

TEST_F(CudaMemory, WrongAddresses) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makePlaced(model);
  Call call(10);
  std::vector<float> host(40);
  auto runWith = [&](void *x, void *y) {
    call.inputs[0].data = x;
    call.outputs[0].data = y;
    return call.run(session);
  };
  float *x = call.x.data(), *y = call.y.data();
  EXPECT_EQ(runWith(host.data(), y),
            "2: the data of input 'x' are not in the memory of a CUDA device");
  EXPECT_EQ(runWith(x, host.data()),
            "2: the data of output 'y' are not in the memory of a CUDA device");
  EXPECT_EQ(runWith(x + 1, y),
            "2: the data of input 'x' are larger than their memory: 160 bytes, "
            "where the device has 156");
  EXPECT_EQ(runWith(reinterpret_cast<char *>(x) + 2, y),
            "2: the data of input 'x' are not aligned to the element (4 "
            "bytes)");
  EXPECT_EQ(runWith(x, nullptr),
            "1: output 'y' is in the memory of a device, but none is given");
  EXPECT_EQ(runWith(x, x), "2: output 'y' overlaps input 'x' in memory");
  {
    cuda::reset();
    Setting fail("FAKE_CUDA_FAIL", "cuPointerGetAttributes:1:201");
    EXPECT_EQ(runWith(x, y),
              "2: the data of input 'x' are not in the memory of a CUDA "
              "device");
  }
  {
    Setting device("FAKE_CUDA_POINTER_DEVICE", "1");
    EXPECT_EQ(runWith(x, y), "2: the data of input 'x' are in the memory of "
                             "CUDA device 1, expected device 0");
  }
  EXPECT_EQ(runWith(x, y), "ok");
  EXPECT_TRUE(call.isRight());
}

TEST_F(CudaMemory, IsThatOfTheModelsDevice) {
  Setting devices("FAKE_CUDA_DEVICES", "2");
  TenonModelOptions options{};
  options.struct_size = sizeof options;
  options.device = "cuda:1";
  TenonModel *made = nullptr;
  ASSERT_EQ(take(tenon_model_from_description_with(
                &getReplayableModel(), &options, nullptr, nullptr, &made)),
            "ok");
  ModelPtr model(made);
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(place(session, /*isInput=*/true, 0),
            "3: input 'x' is in the memory of CUDA device 0, but this model "
            "runs on device 1");
  EXPECT_EQ(place(session, true, 0, TENON_MEMORY_CUDA, 1), "ok");
  EXPECT_EQ(place(session, false, 0, TENON_MEMORY_CUDA, 1), "ok");
  Call call(10);
  EXPECT_EQ(call.run(session), "2: the data of input 'x' are in the memory of "
                               "CUDA device 0, expected device 1");
  Setting device("FAKE_CUDA_POINTER_DEVICE", "1");
  EXPECT_EQ(call.run(session), "ok");
  EXPECT_TRUE(call.isRight());
}

TEST_F(CudaMemory, ByTheCppInterface) {
  tenon::Model model = tenon::Model::link(getReplayableModel(), "cuda:0");
  tenon::Session session(model, /*threads=*/1);
  session.placeInput(0, TENON_MEMORY_CUDA);
  session.placeOutput(0, TENON_MEMORY_CUDA);
  Call call(10);
  auto run = [&] {
    session.run({tenon::view(call.x.data(), {10, 4}),
                 tenon::view(call.index.data(), {10})},
                {tenon::view(call.y.data(), {10, 4}),
                 tenon::view(call.picked.data(), {10, 4})});
    EXPECT_TRUE(call.isRight());
  };
  run();
  EXPECT_FALSE(session.wasReplayed());
  run();
  EXPECT_TRUE(session.wasReplayed());
}

TEST_F(CudaMemory, EachFunctionFails) {
  ModelPtr model = makeModel(getReplayableModel());
  forEachCall({"cuPointerGetAttributes", "cuStreamWaitEvent", "cuEventRecord",
               "cuEventCreate", "cuMemcpyDtoDAsync_v2", "cuMemAlloc_v2"},
              [&](const std::string &function, int number) {
                SessionPtr session = makePlaced(model);
                Call call(10, 0, /*offset=*/16); // so that it is copied
                cuda::reset();
                std::string text;
                {
                  Failing failing(function, number);
                  text = call.run(session);
                }
                bool hasFailed = cuda::countCalls(function) >= number;
                EXPECT_EQ(text != "ok", hasFailed) << function << number;
                for (int repeat = 0; repeat < 3; ++repeat) {
                  EXPECT_EQ(call.run(session), "ok");
                  EXPECT_TRUE(call.isRight());
                }
                return hasFailed;
              });
}

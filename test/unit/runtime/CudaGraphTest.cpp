//===- CudaGraphTest.cpp - Runs that are one CUDA graph -------------------===//

#include "test/unit/runtime/CudaFixture.h"
#include "test/unit/runtime/FakeDeviceModel.h"
#include "test/unit/runtime/Hosts.h"

using namespace tenon::test;

namespace {

struct CudaGraph : Cuda {
  void SetUp() override {
    Cuda::SetUp();
    replayableModelRuns = 0;
  }
};

/// Inputs and outputs of the model for N rows; `seed` makes others of them.
struct Call {
  explicit Call(int64_t n, int seed = 0)
      : n(n), x(makeRows(n, seed)), y(4 * n), picked(4 * n),
        index(makeIndex(n, seed)) {}
  Call(const Call &) = delete;

  std::string run(const SessionPtr &session) {
    return take(tenon_session_run(session.get(), inputs, 2, outputs, 2));
  }
  bool isRight() const { return areRight(x, index, y, picked); }

  int64_t n;
  std::vector<float> x, y, picked;
  std::vector<int64_t> index;
  int64_t rowDims[2] = {n, 4}, indexDims[1] = {n};
  TenonTensor inputs[2] = {{"x", x.data(), TENON_F32, 2, rowDims},
                           {"index", index.data(), TENON_I64, 1, indexDims}};
  TenonTensor outputs[2] = {{"y", y.data(), TENON_F32, 2, rowDims},
                            {"picked", picked.data(), TENON_F32, 2, rowDims}};
};

/// Runs with other inputs each time. Returns how many were one graph.
int runTimes(const SessionPtr &session, int64_t n, int times) {
  int numReplayed = 0;
  for (int i = 0; i < times; ++i) {
    Call call(n, i);
    EXPECT_EQ(call.run(session), "ok");
    EXPECT_TRUE(call.isRight()) << n << " " << i;
    numReplayed += tenon_session_was_replayed(session.get());
  }
  return numReplayed;
}

} // namespace

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

TEST_F(CudaGraph, TheSecondRunIsOne) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(runTimes(session, 100, 1), 0);
  EXPECT_EQ(cuda::countCalls("cuStreamBeginCapture_v2"), 0);
  EXPECT_EQ(runTimes(session, 100, 1), 1);
  EXPECT_EQ(replayableModelRuns, 2);
  uint64_t workspace = tenon_session_workspace_size(session.get());
  // The inputs and outputs beside the arena.
  EXPECT_GE(workspace, 2u * 100 * (16 + 8 + 16 + 16));
  cuda::reset();
  EXPECT_EQ(runTimes(session, 100, 5), 5);
  // Not even the model's code runs, and each is waited for once.
  EXPECT_EQ(replayableModelRuns, 2);
  EXPECT_EQ(cuda::countCalls("cuGraphLaunch"), 5);
  EXPECT_EQ(cuda::countCalls("cuStreamSynchronize"), 5);
  for (const char *function :
       {"cuMemAlloc_v2", "cuMemFree_v2", "cuMemHostAlloc", "cuLaunchKernel",
        "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2", "cuMemsetD8Async",
        "cuStreamBeginCapture_v2"})
    EXPECT_EQ(cuda::countCalls(function), 0) << function;
  EXPECT_EQ(tenon_session_workspace_size(session.get()), workspace);
  // The session's own memory for outputs.
  Call call(100, 3);
  ASSERT_EQ(take(tenon_session_run(session.get(), call.inputs, 2, nullptr, 0)),
            "ok");
  EXPECT_EQ(tenon_session_was_replayed(session.get()), 1);
  auto *y =
      static_cast<const float *>(tenon_session_output(session.get(), 0).data);
  EXPECT_EQ(y[5], 2 * call.x[5] + deviceModelBias[1]);
}

TEST_F(CudaGraph, ManyShapes) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get(), 1, 0, /*maxShapes=*/2);
  EXPECT_EQ(runTimes(session, 10, 3), 2);
  // The arena moves, and with it what the graph of the first shape uses.
  EXPECT_EQ(runTimes(session, 100000, 3), 2);
  cuda::reset();
  EXPECT_EQ(runTimes(session, 10, 3), 3);
  EXPECT_EQ(cuda::countCalls("cuStreamBeginCapture_v2"), 1);
  // Two shapes stay, with their graphs.
  size_t handles = cuda::countHandles();
  for (int round = 0; round < 2; ++round)
    for (int64_t n : {7, 1000, 50, 1})
      EXPECT_EQ(runTimes(session, n, 3), 2);
  EXPECT_EQ(cuda::countHandles(), handles);
  EXPECT_EQ(runTimes(session, 50, 1), 1);
  // No rows are no work, but a run as any.
  runTimes(session, 0, 3);
}

TEST_F(CudaGraph, ManySessionsAtOnce) {
  ModelPtr model = makeModel(getReplayableModel());
  int wrong = runHosts(6, [&](int host, int &wrong) {
    SessionPtr session = makeSession(model.get());
    for (int i = 0; i < 60; ++i) {
      Call call(1 + (i / 3 * 31 + host * 17) % 900, i);
      bool isReplayed = i % 3;
      if (call.run(session) != "ok" || !call.isRight() ||
          bool(tenon_session_was_replayed(session.get())) != isReplayed)
        ++wrong;
    }
    if (cuda::countPushedContexts())
      ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(CudaGraph, LargeInputsComeInPieces) {
  constexpr int64_t n = 600000; // 9.6 and 4.8 MB
  ModelPtr model = makeModel(getReplayableModel());
  for (int threads : {1, 3}) {
    SessionPtr session = makeSession(model.get(), threads);
    EXPECT_EQ(runTimes(session, n, 2), 1);
    cuda::reset();
    EXPECT_EQ(runTimes(session, n, 2), 2);
    EXPECT_EQ(cuda::countCalls("cuMemcpyHtoDAsync_v2"), 2 * (3 + 2));
    // Those of 4 MiB and less are in the graph.
    EXPECT_EQ(runTimes(session, 1 << 18, 2), 1);
    cuda::reset();
    EXPECT_EQ(runTimes(session, 1 << 18, 2), 2);
    EXPECT_EQ(cuda::countCalls("cuMemcpyHtoDAsync_v2"), 0);
    for (int piece = 1; piece <= 5; ++piece) {
      cuda::reset();
      Failing failing("cuMemcpyHtoDAsync_v2", piece);
      Call call(n);
      EXPECT_EQ(call.run(session).substr(0, 2), "4:");
    }
    EXPECT_EQ(runTimes(session, n, 2), 2);
  }
}

TEST_F(CudaGraph, ErrorsInKernels) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get());
  runTimes(session, 6, 2);
  for (int64_t wrong : {6, -1, 7}) {
    Call call(6);
    call.index[2] = wrong;
    EXPECT_EQ(call.run(session), "2: node 'Gather_2': index " +
                                     std::to_string(wrong) +
                                     " is out of range: expected one of -6 to "
                                     "5");
    EXPECT_EQ(tenon_session_was_replayed(session.get()), 1);
    EXPECT_EQ(runTimes(session, 6, 2), 2);
  }
}

//===----------------------------------------------------------------------===//
// What is no graph
//===----------------------------------------------------------------------===//

TEST_F(CudaGraph, NotWhereTheHostHasAPart) {
  ModelPtr model = makeModel(getWronglyReplayableModel());
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(runTimes(session, 10, 4), 0);
  EXPECT_EQ(runTimes(session, 20, 4), 0);
  // It was tried once with each.
  EXPECT_EQ(cuda::countCalls("cuStreamBeginCapture_v2"), 2);
  EXPECT_EQ(replayableModelRuns, 10);
}

TEST_F(CudaGraph, NotInProfiles) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get(), 1, /*profile=*/1);
  EXPECT_EQ(runTimes(session, 10, 4), 0);
}

TEST_F(CudaGraph, NotWhereEachKernelIsWaitedFor) {
  Setting blocking("CUDA_LAUNCH_BLOCKING", "1");
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(runTimes(session, 10, 4), 0);
}

TEST_F(CudaGraph, RefusesDamagedDescriptions) {
  TenonModelDesc desc = getReplayableModel();
  auto load = [&] {
    TenonModel *model = nullptr;
    std::string text =
        take(tenon_model_from_description(&desc, nullptr, nullptr, &model));
    tenon_model_free(model);
    return text;
  };
  desc.flags = 2;
  EXPECT_EQ(load(), "2: damaged model: it has the flags 2");
  std::string expected = "2: damaged model: it says that it can be replayed, "
                         "but the host has a part in it";
  desc.flags = TENON_MODEL_IS_REPLAYABLE;
  desc.numSlots = 1;
  EXPECT_EQ(load(), expected);
  desc = getDeviceModel();
  desc.numSlots = 0;
  desc.flags = TENON_MODEL_IS_REPLAYABLE;
  EXPECT_EQ(load(), expected);
}

//===----------------------------------------------------------------------===//
// What fails
//===----------------------------------------------------------------------===//

// Without a graph the run is as any.
TEST_F(CudaGraph, EachFunctionFails) {
  ModelPtr model = makeModel(getReplayableModel());
  forEachCall({"cuStreamBeginCapture_v2", "cuStreamEndCapture",
               "cuGraphInstantiateWithFlags", "cuMemHostAlloc",
               "cuLaunchKernel", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2",
               "cuGraphLaunch", "cuStreamSynchronize", "cuCtxPushCurrent_v2"},
              [&](const std::string &function, int number) {
                SessionPtr session = makeSession(model.get());
                runTimes(session, 10, 1);
                cuda::reset();
                std::string text;
                {
                  Failing failing(function, number);
                  Call call(10);
                  text = call.run(session);
                  if (text == "ok")
                    EXPECT_TRUE(call.isRight());
                  else
                    EXPECT_EQ(text.substr(0, 2), "4:");
                }
                bool hasFailed = cuda::countCalls(function) >= number;
                if (!hasFailed || (function != "cuStreamSynchronize" &&
                                   function != "cuCtxPushCurrent_v2"))
                  EXPECT_EQ(text, "ok") << function << number;
                runTimes(session, 10, 3);
                session.reset();
                EXPECT_EQ(cuda::takeProblems(), "") << function << number;
                return hasFailed;
              });
}

// What gives something back: no run fails for it, and all else is given back.
TEST_F(CudaGraph, EachReleaseFails) {
  forEachCall(releasingFunctions, [&](const std::string &function, int number) {
    cuda::reset();
    Failing failing(function, number);
    {
      ModelPtr model = makeModel(getReplayableModel());
      SessionPtr session = makeSession(model.get());
      runTimes(session, 10, 3);
      runTimes(session, 1000, 3);
      SessionPtr timed = makeSession(model.get(), 1, /*profile=*/2);
      runTimes(timed, 10, 1);
    }
    EXPECT_EQ(cuda::takeProblems(), "") << function << number;
    EXPECT_EQ(cuda::countHandles(), 0u) << function << number;
    EXPECT_EQ(cuda::countPushedContexts(), 0u) << function << number;
    return cuda::countCalls(function) >= number;
  });
}

TEST_F(CudaGraph, TheDeviceFails) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get());
  runTimes(session, 10, 2);
  cuda::reset();
  {
    Setting fail("FAKE_CUDA_FAIL", "cuStreamSynchronize:1:700");
    Call call(10);
    TenonError *error =
        tenon_session_run(session.get(), call.inputs, 2, call.outputs, 2);
    ASSERT_NE(error, nullptr);
    EXPECT_STREQ(tenon_error_message(error),
                 "the CUDA device failed (CUDA_ERROR_ILLEGAL_ADDRESS: an "
                 "illegal memory access was encountered) while it ran one of "
                 "the nodes from 'Mul_0, Add_1' to 'Gather_2'; with "
                 "CUDA_LAUNCH_BLOCKING=1 in the environment it tells which");
    const TenonDiagnostic *finding = tenon_error_diagnostic(error, 0);
    ASSERT_EQ(finding->num_nodes, 2u);
    EXPECT_STREQ(finding->nodes[0], "Mul_0, Add_1");
    EXPECT_STREQ(finding->nodes[1], "Gather_2");
    tenon_error_free(error);
  }
  EXPECT_EQ(runTimes(session, 10, 2), 2);
}

TEST_F(CudaGraph, NoMemoryForOne) {
  ModelPtr model = makeModel(getReplayableModel());
  SessionPtr session = makeSession(model.get());
  runTimes(session, 10, 1);
  cuda::reset();
  {
    Setting fail("FAKE_CUDA_FAIL", "cuMemHostAlloc:1:2");
    EXPECT_EQ(runTimes(session, 10, 3), 0);
  }
  // What it takes of the device it takes when it first runs.
  {
    cuda::reset();
    Setting fail("FAKE_CUDA_FAIL", "cuGraphLaunch:1:2");
    EXPECT_EQ(runTimes(session, 20, 3), 0);
  }
  // With other dimensions there may be memory.
  EXPECT_EQ(runTimes(session, 10, 2), 0);
  EXPECT_EQ(runTimes(session, 30, 3), 2);
}

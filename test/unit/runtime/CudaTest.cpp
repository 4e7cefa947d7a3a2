//===- CudaTest.cpp - Models on a CUDA device that is not there -----------===//

#include "test/unit/runtime/CudaCall.h"
#include "test/unit/runtime/Hosts.h"

using namespace tenon::test;

TEST_F(Cuda, RunsAtManyShapes) {
  ModelPtr model = makeModel(getDeviceModel());
  for (int threads : {1, 2}) {
    SessionPtr session = makeSession(model.get(), threads);
    // Inputs that fit into the staging memory, that do one after the other,
    // and that don't.
    for (int64_t n : {1, 7, 100, 3, 1000, 0, 50000, 7, 100000, 3})
      for (int repeat = 0; repeat < 3; ++repeat) {
        Call call(n);
        EXPECT_EQ(call.run(session), "ok");
        EXPECT_TRUE(call.isRight()) << n;
      }
  }
}

TEST_F(Cuda, ManySessionsAtOnce) {
  ModelPtr model = makeModel(getDeviceModel());
  int wrong = runHosts(6, [&](int host, int &wrong) {
    SessionPtr session = makeSession(model.get());
    for (int i = 0; i < 50; ++i) {
      Call call(1 + (i * 31 + host * 17) % 900);
      if (call.run(session) != "ok" || !call.isRight())
        ++wrong;
    }
    if (cuda::countPushedContexts())
      ++wrong;
  });
  EXPECT_EQ(wrong, 0);
}

TEST_F(Cuda, NothingIsAllocatedAfterTheFirstRun) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get()),
             other = makeSession(model.get());
  // All sessions share code and weights.
  EXPECT_EQ(cuda::countCalls("cuModuleLoadDataEx"), 1);
  EXPECT_EQ(cuda::countCalls("cuMemcpyHtoDAsync_v2"), 1);
  Call large(5000), small(10);
  for (Call *call : {&large, &small})
    ASSERT_EQ(call->run(session), "ok");
  uint64_t workspace = tenon_session_workspace_size(session.get());
  EXPECT_GT(workspace, 5000u * 16 * 2);
  cuda::reset();
  for (Call *call : {&large, &small, &small, &large}) {
    ASSERT_EQ(call->run(session), "ok");
    EXPECT_TRUE(call->isRight());
  }
  for (const char *function :
       {"cuMemAlloc_v2", "cuMemFree_v2", "cuMemHostAlloc", "cuStreamCreate"})
    EXPECT_EQ(cuda::countCalls(function), 0) << function;
  // Nor are the statuses cleared again, when there is none.
  EXPECT_EQ(cuda::countCalls("cuMemsetD8Async"), 0);
  // The queue is waited for where the host reads an output and a number, and at
  // the end.
  EXPECT_EQ(cuda::countCalls("cuStreamSynchronize"), 4 * 3);
  EXPECT_EQ(tenon_session_workspace_size(session.get()), workspace);
}

TEST_F(Cuda, BuffersShareTheArena) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get());
  Call call(1000);
  ASSERT_EQ(take(tenon_session_bind(session.get(), call.inputs, 2)), "ok");
  // In step 2 all but the number are in use, 16 + 8 + 16 + 16 bytes a row; the
  // number on the host is beside it.
  EXPECT_EQ(tenon_session_workspace_size(session.get()), 56000u + 64);
}

TEST_F(Cuda, ErrorsInKernels) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get());
  for (int repeat = 0; repeat < 3; ++repeat) {
    Call call(6);
    call.index[2] = 6;
    EXPECT_EQ(call.run(session),
              "2: node 'Gather_2': index 6 is out of range: expected one of "
              "-6 to 5");
    call.index[2] = -7;
    EXPECT_EQ(call.run(session),
              "2: node 'Gather_2': index -7 is out of range: expected one of "
              "-6 to 5");
    call.index[2] = 3;
    EXPECT_EQ(call.run(session), "ok");
    EXPECT_TRUE(call.isRight());
  }
}

TEST_F(Cuda, Profile) {
  ModelPtr model = makeModel(getDeviceModel());
  SessionPtr session = makeSession(model.get(), 1, /*profile=*/2);
  Call call(50);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(call.run(session), "ok");
  EXPECT_TRUE(call.isRight());
  const TenonProfileEntry *entries = nullptr;
  ASSERT_EQ(tenon_session_profile(session.get(), &entries), 5u);
  EXPECT_STREQ(entries[0].name, "Mul_0, Add_1");
  EXPECT_STREQ(entries[0].provider, "cuda");
  EXPECT_STREQ(entries[0].shapes, "f32[50x4], f32[4] -> f32[50x4]");
  EXPECT_EQ(entries[0].calls, 3u);
  // By the device's clock.
  for (int i : {0, 1, 2, 3})
    EXPECT_EQ(entries[i].nanoseconds, 3000u) << i;
  EXPECT_STREQ(entries[4].provider, "codegen");
  const TenonProfileCall *calls = nullptr;
  size_t numCalls = tenon_session_profile_calls(session.get(), &calls);
  ASSERT_EQ(numCalls, 3u * 6);
  for (size_t i = 1; i < numCalls; ++i)
    EXPECT_LE(calls[i - 1].start + calls[i - 1].nanoseconds,
              calls[i].start + calls[i].nanoseconds);
  // Kernels are not waited for one by one, and marks are made once.
  cuda::reset();
  ASSERT_EQ(call.run(session), "ok");
  EXPECT_EQ(cuda::countCalls("cuStreamSynchronize"), 3);
  EXPECT_EQ(cuda::countCalls("cuEventCreate"), 0);
  call.index[0] = 50;
  EXPECT_EQ(call.run(session).substr(0, 19), "2: node 'Gather_2':");
}

TEST_F(Cuda, ProfileFails) {
  ModelPtr model = makeModel(getDeviceModel());
  forEachCall({"cuEventCreate", "cuEventRecord", "cuEventElapsedTime"},
              [&](const std::string &function, int number) {
                SessionPtr session = makeSession(model.get(), 1, /*profile=*/2);
                cuda::reset();
                Call call(10);
                bool hasFailed;
                {
                  Failing failing(function, number);
                  std::string text = call.run(session);
                  hasFailed = cuda::countCalls(function) >= number;
                  EXPECT_EQ(text.substr(0, 2), hasFailed ? "4:" : "ok")
                      << function << number;
                }
                EXPECT_EQ(call.run(session), "ok");
                EXPECT_TRUE(call.isRight());
                return hasFailed;
              });
}

//===- SessionTest.cpp - Binding, running, and what is refused -----------===//

#include "test/unit/runtime/ApiTest.h"
#include "test/unit/runtime/FakeModel.h"
#include "test/unit/runtime/Hosts.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

using namespace tenon::test;

TEST(Session, RunsAtManyShapes) {
  ModelPtr model = makeModel(tenon_model);
  for (int threads : {1, 2, 5}) {
    SessionPtr session = makeSession(model.get(), threads);
    EXPECT_EQ(tenon_session_threads(session.get()), threads);
    for (int64_t n : {1, 7, 100, 3, 1000, 7, 0, 12, 14, 15, 16, 17, 18, 19, 3})
      for (int repeat = 0; repeat < 5; ++repeat) {
        FakeCall call(n);
        EXPECT_EQ(take(call.run(session.get())), "ok");
        EXPECT_TRUE(call.isRight()) << n;
      }
  }
}

TEST(Session, TellsOutputs) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(tenon_session_output(session.get(), 0).name, nullptr);
  FakeCall call(6);
  for (TenonTensor &input : call.inputs)
    input.data = nullptr;
  ASSERT_EQ(take(tenon_session_bind(session.get(), call.inputs, 3)), "ok");
  TenonTensor y = tenon_session_output(session.get(), 0);
  EXPECT_STREQ(y.name, "y");
  EXPECT_EQ(y.dtype, TENON_F32);
  ASSERT_EQ(y.rank, 2);
  EXPECT_EQ(y.dims[0], 6);
  EXPECT_EQ(y.dims[1], 4);
  EXPECT_EQ(tenon_tensor_bytes(&y), 96u);
  EXPECT_EQ(tenon_session_output(session.get(), 2).dims[0], 12);
  EXPECT_EQ(tenon_session_output(session.get(), 3).name, nullptr);
  EXPECT_EQ(tenon_session_workspace_size(session.get()), 128u);
}

TEST(Session, WithoutSymbolsIsBound) {
  static const int64_t rowDims[] = {6, 4}, indexDims[] = {6};
  TenonTensorDesc inputs[3], outputs[3];
  std::copy_n(tenon_model.inputs, 3, inputs);
  std::copy_n(tenon_model.outputs, 3, outputs);
  inputs[0].dims = outputs[0].dims = outputs[1].dims = rowDims;
  inputs[2].dims = indexDims;
  TenonModelDesc desc = tenon_model;
  desc.numSymbols = 0;
  desc.inputs = inputs;
  desc.outputs = outputs;
  desc.plan = [](const int64_t *, int64_t *bufferBytes, int64_t *outputDims,
                 int64_t *) {
    tenon_model.plan(rowDims, bufferBytes, outputDims, nullptr);
  };
  ModelPtr model = makeModel(desc);
  SessionPtr session = makeSession(model.get());
  EXPECT_EQ(tenon_session_output(session.get(), 2).dims[0], 12);
  EXPECT_EQ(tenon_session_workspace_size(session.get()), 128u);
}

TEST(Session, TensorsByNameOrPosition) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  FakeCall call(6);
  std::swap(call.inputs[0], call.inputs[2]);
  std::swap(call.outputs[0], call.outputs[1]);
  EXPECT_EQ(take(call.run(session.get())), "ok");
  EXPECT_TRUE(call.isRight());
  std::swap(call.inputs[0], call.inputs[2]);
  std::swap(call.outputs[0], call.outputs[1]);
  for (int i = 0; i < 3; ++i)
    call.inputs[i].name = call.outputs[i].name = nullptr;
  EXPECT_EQ(take(call.run(session.get())), "ok");
  EXPECT_TRUE(call.isRight());
}

TEST(Session, DropsOutputs) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  FakeCall call(6);
  call.outputs[0].data = nullptr;
  EXPECT_EQ(
      take(tenon_session_run(session.get(), call.inputs, 3, call.outputs, 2)),
      "ok");
  EXPECT_EQ(call.picked[0], 2 * call.x[20] + 1);
}

TEST(Session, RefusesInputs) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  auto bind = [&](FakeCall &call, size_t count = 3) {
    return take(tenon_session_bind(session.get(), call.inputs, count));
  };
  {
    FakeCall call(6);
    EXPECT_EQ(bind(call, 2), "2: missing input 'index' (i64 ?)");
    EXPECT_EQ(take(tenon_session_bind(session.get(), nullptr, 3)),
              "1: 3 inputs, but no array of them");
    EXPECT_EQ(take(tenon_session_bind(nullptr, nullptr, 0)),
              "1: the session is null");
  }
  {
    FakeCall call(6);
    call.inputs[1].name = "bia";
    EXPECT_EQ(bind(call),
              "1: the model has no input 'bia', only 'x', 'bias', 'index'");
    call.inputs[1].name = "x";
    EXPECT_EQ(bind(call), "1: input 'x' is given twice");
    TenonTensor four[4] = {call.inputs[0], call.inputs[1], call.inputs[2], {}};
    four[1].name = nullptr;
    EXPECT_EQ(take(tenon_session_bind(session.get(), four, 4)),
              "1: the model has 3 inputs, but 4 are given");
  }
  {
    FakeCall call(6);
    call.inputs[0].dtype = TENON_F64;
    EXPECT_EQ(bind(call), "2: input 'x' has element type f64, expected f32");
    call.inputs[0].dtype = static_cast<TenonDType>(8);
    EXPECT_EQ(bind(call), "2: input 'x' has element type 8, expected f32");
  }
  {
    FakeCall call(6);
    call.inputs[0].rank = 3;
    EXPECT_EQ(bind(call), "2: input 'x' has rank 3, expected 2 (?x4)");
  }
  {
    FakeCall call(6);
    call.rowDims[1] = 5;
    EXPECT_EQ(bind(call), "2: input 'x': dimension 1 is 5, expected 4");
    call.rowDims[1] = 4;
    call.rowDims[0] = -1;
    EXPECT_EQ(bind(call),
              "2: input 'x': dimension 0 is -1, expected 0 or more");
    call.rowDims[0] = 7;
    EXPECT_EQ(bind(call), "2: input 'index': dimension 0 ('N') is 6, but it is "
                          "7 in input 'x'");
    call.rowDims[0] = INT64_MAX / 8;
    EXPECT_EQ(bind(call), "2: input 'x' is too large: 1152921504606846975x4");
    call.rowDims[0] = call.indexDims[0] = 1000001;
    EXPECT_EQ(bind(call), "2: the model cannot run with these dimensions: 'N' "
                          "= 1000001: node 'Mul_0' has a result of negative "
                          "or too large size");
  }
  // The session is as usable as before.
  FakeCall call(6);
  EXPECT_EQ(take(call.run(session.get())), "ok");
  EXPECT_TRUE(call.isRight());
}

TEST(Session, RefusesMemory) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  FakeCall call(6);
  auto run = [&] { return take(call.run(session.get())); };
  call.inputs[0].data = nullptr;
  EXPECT_EQ(run(), "1: input 'x' has no data");
  call.inputs[0].data = reinterpret_cast<char *>(call.x.data()) + 2;
  EXPECT_EQ(run(), "2: the data of input 'x' are not aligned to the element "
                   "(4 bytes)");
  call.inputs[0].data = call.x.data();
  int64_t dims[] = {5, 4};
  call.outputs[0].dims = dims;
  EXPECT_EQ(run(), "2: output 'y' is 5x4, expected 6x4");
  call.outputs[0].dims = call.rowDims;
  call.outputs[0].dtype = TENON_I32;
  EXPECT_EQ(run(), "2: output 'y' has element type i32, expected f32");
  call.outputs[0].dtype = TENON_F32;
  call.outputs[0].data = call.x.data() + 4;
  EXPECT_EQ(run(), "2: output 'y' overlaps input 'x' in memory");
  call.outputs[0].data = call.picked.data();
  EXPECT_EQ(run(), "2: outputs 'y' and 'picked' overlap in memory");
  call.outputs[0].data = call.y.data();
  EXPECT_EQ(run(), "ok");
}

TEST(Session, KeptOutputThatGrowsIsNoInput) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  FakeCall small(6), large(3000);
  small.outputs[0].data = large.outputs[0].data = nullptr;
  ASSERT_EQ(take(small.run(session.get())), "ok");
  void *given = large.inputs[0].data;
  large.inputs[0].data = tenon_session_output(session.get(), 0).data;
  ASSERT_NE(large.inputs[0].data, nullptr);
  EXPECT_EQ(take(large.run(session.get())),
            "2: output 'y' overlaps input 'x' in memory");
  large.inputs[0].data = given;
  EXPECT_EQ(take(large.run(session.get())), "ok");
}

TEST(Session, ErrorsInKernels) {
  ModelPtr model = makeModel(tenon_model);
  for (int threads : {1, 3}) {
    SessionPtr session = makeSession(model.get(), threads);
    for (int64_t n : {6, 20000}) {
      FakeCall call(n);
      call.index[n / 2] = n;
      for (int i = 0; i < 5; ++i)
        EXPECT_EQ(take(call.run(session.get())),
                  "2: node 'Gather_2': index " + std::to_string(n) +
                      " is out of range: expected one of -" +
                      std::to_string(n) + " to " + std::to_string(n - 1));
      call.index[n / 2] = n - 1 - n / 2;
      EXPECT_EQ(take(call.run(session.get())), "ok");
      EXPECT_TRUE(call.isRight());
    }
    FakeCall thirteen(13);
    EXPECT_EQ(take(thirteen.run(session.get())),
              "3: node 'Loop_3': thirteen rows");
    thirteen.index[3] = -1; // the first error is the one told
    EXPECT_EQ(take(thirteen.run(session.get())),
              "2: node 'Gather_2': index is out of range: expected one of the "
              "dimension that it selects from");
  }
}

TEST(Session, RefusesOptions) {
  ModelPtr model = makeModel(tenon_model);
  TenonSession *session = nullptr;
  TenonSessionOptions options{};
  EXPECT_EQ(take(tenon_session_create(model.get(), &options, &session)),
            "1: TenonSessionOptions::struct_size is not set");
  options.struct_size = sizeof options;
  options.threads = -1;
  EXPECT_EQ(take(tenon_session_create(model.get(), &options, &session)),
            "1: -1 threads: expected 1 to 4096");
  options.threads = 0;
  options.max_shapes = -1;
  EXPECT_EQ(take(tenon_session_create(model.get(), &options, &session)),
            "1: max_shapes is -1: expected 1 or more");
  // Only the members that an older caller knows are read.
  options.struct_size = offsetof(TenonSessionOptions, max_shapes);
  ASSERT_EQ(take(tenon_session_create(model.get(), &options, &session)), "ok");
  EXPECT_EQ(tenon_session_threads(session), tenon_default_threads());
  tenon_session_free(session);
}

TEST(Session, ManySessionsAtOnce) {
  ModelPtr model = makeModel(tenon_model);
  int wrong = runHosts(6, [&](int host, int &wrong) {
    SessionPtr session = makeSession(model.get(), 1 + host % 3);
    for (int i = 0; i < 200; ++i) {
      FakeCall call(1 + (i * 31 + host * 17) % 900);
      if (call.n == 13)
        continue;
      if (take(call.run(session.get())) != "ok" || !call.isRight())
        ++wrong;
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(Session, OneThreadAtATime) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get());
  fakeModelDelay = 2000;
  std::atomic<bool> stop{false};
  std::atomic<int> refused{0}, other{0};
  std::thread second([&] {
    FakeCall call(500);
    while (!stop) {
      std::string result = take(call.run(session.get()));
      if (result == "1: the session is in use by another thread; each thread "
                    "needs one of its own")
        ++refused;
      else if (result != "ok" || !call.isRight())
        ++other;
    }
  });
  FakeCall call(500);
  for (int i = 0; i < 5000 && !refused; ++i)
    if (take(call.run(session.get())) == "ok" && !call.isRight())
      ++other;
  stop = true;
  second.join();
  fakeModelDelay = 0;
  EXPECT_EQ(other, 0);
}

TEST(Session, Profile) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get(), 1, /*profile=*/1);
  FakeCall call(50);
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(take(call.run(session.get())), "ok");
  const TenonProfileEntry *entries = nullptr;
  ASSERT_EQ(tenon_session_profile(session.get(), &entries), 3u);
  EXPECT_STREQ(entries[2].name, "Gather_2");
  EXPECT_STREQ(entries[2].provider, "codegen");
  EXPECT_EQ(entries[2].calls, 3u);
  EXPECT_STREQ(entries[2].shapes, "f32[50x4], i64[50] -> f32[50x4]");
  EXPECT_EQ(entries[2].bytes, 3u * (50 * 16 + 50 * 8 + 50 * 16));
  EXPECT_EQ(entries[2].flops, -1);
  EXPECT_EQ(entries[0].flops, 3 * 4 * 50);
  // Of three runs the least is at most the mean.
  EXPECT_LE(3 * entries[2].least_nanoseconds, entries[2].nanoseconds);
  const TenonProfileCall *calls = nullptr;
  EXPECT_EQ(tenon_session_profile_calls(session.get(), &calls), 0u);
  tenon_session_profile_reset(session.get());
  EXPECT_EQ(tenon_session_profile(session.get(), &entries), 0u);
}

TEST(Session, ProfileOfCalls) {
  ModelPtr model = makeModel(tenon_model);
  SessionPtr session = makeSession(model.get(), 1, /*profile=*/2);
  FakeCall call(50);
  for (int i = 0; i < 2; ++i)
    ASSERT_EQ(take(call.run(session.get())), "ok");
  const TenonProfileCall *calls = nullptr;
  ASSERT_EQ(tenon_session_profile_calls(session.get(), &calls), 8u);
  EXPECT_STREQ(calls[0].name, "Mul_0");
  EXPECT_EQ(calls[0].flops, 200);
  ASSERT_EQ(calls[1].num_inputs, 2u);
  ASSERT_EQ(calls[1].num_outputs, 1u);
  // What one kernel writes, the next one reads.
  EXPECT_EQ(calls[0].args[1].data, calls[1].args[0].data);
  EXPECT_EQ(calls[1].args[0].bytes, 50u * 16);
  EXPECT_EQ(calls[1].args[0].dtype, TENON_F32);
  ASSERT_EQ(calls[1].args[0].rank, 2u);
  EXPECT_EQ(calls[1].args[0].dims[0], 50);
  EXPECT_EQ(calls[1].args[0].dims[1], 4);
  // A run ends behind its kernels, and began before them.
  EXPECT_STREQ(calls[3].provider, "");
  EXPECT_LE(calls[3].start, calls[0].start);
  EXPECT_GE(calls[3].start + calls[3].nanoseconds,
            calls[2].start + calls[2].nanoseconds);
  const TenonProfileEntry *entries = nullptr;
  ASSERT_EQ(tenon_session_profile(session.get(), &entries), 3u);
  EXPECT_EQ(entries[0].least_nanoseconds,
            std::min(calls[0].nanoseconds, calls[4].nanoseconds));
  tenon_session_profile_reset(session.get());
  EXPECT_EQ(tenon_session_profile_calls(session.get(), &calls), 0u);
}

TEST(Tensor, Sizes) {
  int64_t dims[] = {2, 3, 4};
  TenonTensor tensor{nullptr, nullptr, TENON_BF16, 3, dims};
  EXPECT_EQ(tenon_tensor_bytes(&tensor), 48u);
  tensor.rank = 0;
  EXPECT_EQ(tenon_tensor_bytes(&tensor), 2u);
  tensor.dtype = static_cast<TenonDType>(8);
  EXPECT_EQ(tenon_tensor_bytes(&tensor), SIZE_MAX);
  int64_t huge[] = {INT64_MAX, INT64_MAX, 0};
  tensor = {nullptr, nullptr, TENON_F32, 3, huge};
  EXPECT_EQ(tenon_tensor_bytes(&tensor), 0u);
  tensor.rank = 2;
  EXPECT_EQ(tenon_tensor_bytes(&tensor), SIZE_MAX);
  for (int dtype = -1; dtype < 40; ++dtype)
    EXPECT_EQ(tenon_dtype_size(static_cast<TenonDType>(dtype)) == 0,
              tenon_dtype_name(static_cast<TenonDType>(dtype)) == nullptr);
}

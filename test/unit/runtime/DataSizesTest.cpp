//===- DataSizesTest.cpp - Sizes that only a run can tell ----------------===//
//
// A model whose output is as long as its first input says, filled with what the
// second says, by way of a block of memory.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/ApiTest.h"

#include <cstring>

using namespace tenon::test;

static void plan(const int64_t *, int64_t *, int64_t *outputDims, int64_t *) {
  outputDims[0] = TENON_DIM_COMPUTED;
  outputDims[1] = 2;
}

static int32_t run(const TenonRunFrame *frame) {
  int64_t count = *static_cast<const int64_t *>(frame->inputs[0]);
  int64_t value = *static_cast<const int64_t *>(frame->inputs[1]);
  int64_t dims[] = {count, 2};
  auto *block = static_cast<int64_t *>(
      frame->rt->allocate(frame->session, 0, TENON_SPACE_HOST, /*keep=*/0,
                          "the maker", 8, 2, dims));
  if (frame->rt->status(frame->session))
    return TENON_OK;
  for (int64_t i = 0; i < 2 * count; ++i)
    block[i] = value + i;
  void *output = frame->rt->output(frame->session, 0, "the maker", dims);
  frame->rt->copy(frame->session, output, block, 8, 2 * count);
  return TENON_OK;
}

static const int64_t outputDims[] = {TENON_DIM_COMPUTED, 2};
static const TenonTensorDesc inputs[] = {
    {"count", TENON_I64, 0, nullptr, 0, 0, 0, 0, nullptr},
    {"value", TENON_I64, 0, nullptr, 0, 0, 0, 0, nullptr}};
static const TenonTensorDesc outputs[] = {
    {"y", TENON_I64, 2, outputDims, 0, 0, 0, 0, nullptr}};

static TenonModelDesc makeDescription() {
  TenonModelDesc desc = beginDescription("filler");
  desc.numInputs = 2;
  desc.numOutputs = 1;
  desc.inputs = inputs;
  desc.outputs = outputs;
  desc.numSlots = 1;
  desc.plan = plan;
  desc.run = run;
  return desc;
}

namespace {
struct DataSizes : testing::Test {
  std::string runWith(int64_t newCount, const TenonTensor *output = nullptr) {
    count = newCount;
    return take(
        tenon_session_run(session.get(), given, 2, output, output ? 1 : 0));
  }

  TenonModelDesc desc = makeDescription();
  ModelPtr model = makeModel(desc);
  SessionPtr session = makeSession(model.get());
  int64_t count = 0, value = 5;
  TenonTensor given[2] = {{"count", &count, TENON_I64, 0, nullptr},
                          {"value", &value, TENON_I64, 0, nullptr}};
};
} // namespace

TEST_F(DataSizes, SessionKeepsTheResult) {
  ASSERT_EQ(take(tenon_session_bind(session.get(), given, 2)), "ok");
  TenonTensor y = tenon_session_output(session.get(), 0);
  EXPECT_EQ(y.dims[0], -1);
  EXPECT_EQ(y.dims[1], 2);
  EXPECT_EQ(y.data, nullptr);
  for (int64_t n : {3, 1, 100000, 0, 7}) {
    // What was told before may be given.
    ASSERT_EQ(runWith(n, n == 1 ? &y : nullptr), "ok");
    y = tenon_session_output(session.get(), 0);
    ASSERT_EQ(y.dims[0], n);
    ASSERT_NE(y.data, nullptr);
    for (int64_t i = 0; i < 2 * n; ++i)
      ASSERT_EQ(static_cast<int64_t *>(y.data)[i], value + i);
    y.data = nullptr;
  }
  ASSERT_EQ(take(tenon_session_bind(session.get(), given, 2)), "ok");
  EXPECT_EQ(tenon_session_output(session.get(), 0).dims[0], -1);
  EXPECT_EQ(tenon_session_output(session.get(), 0).data, nullptr);
}

TEST_F(DataSizes, CallersMemory) {
  int64_t memory[10] = {}, dims[] = {5, 2};
  TenonTensor y = {"y", memory, TENON_I64, 2, dims};
  ASSERT_EQ(runWith(3, &y), "ok");
  EXPECT_EQ(tenon_session_output(session.get(), 0).dims[0], 3);
  EXPECT_EQ(tenon_session_output(session.get(), 0).data, nullptr);
  for (int64_t i = 0; i < 6; ++i)
    EXPECT_EQ(memory[i], value + i);
  EXPECT_EQ(memory[6], 0);
  EXPECT_EQ(runWith(5, &y), "ok");
  EXPECT_EQ(runWith(6, &y), "2: output 'y' is 6x2 and takes 96 bytes, but the "
                            "memory given has 80");
  dims[1] = 3;
  EXPECT_EQ(runWith(3, &y), "2: output 'y' is 5x3, expected ?x2");
  dims[1] = 2;
  dims[0] = -1;
  EXPECT_EQ(runWith(3, &y), "2: output 'y': ?x2 is not the size of any memory");
}

TEST_F(DataSizes, ImpossibleSizes) {
  EXPECT_EQ(runWith(-3), "2: node 'the maker': dimension 0 of its result would "
                         "be -3, expected 0 or more");
  EXPECT_EQ(runWith(INT64_MAX), "2: node 'the maker': its result is too large: "
                                "9223372036854775807x2");
  EXPECT_EQ(runWith(int64_t(1) << 55),
            "4: node 'the maker': not enough memory: its result takes "
            "576460752303423488 bytes");
  EXPECT_EQ(tenon_session_output(session.get(), 0).data, nullptr);
  // The session goes on.
  EXPECT_EQ(runWith(2), "ok");
}

TEST_F(DataSizes, KeptResultIsNoInput) {
  ASSERT_EQ(runWith(2), "ok");
  TenonTensor y = tenon_session_output(session.get(), 0);
  given[1].data = y.data;
  EXPECT_EQ(runWith(2), "2: output 'y' overlaps input 'value' in memory");
}

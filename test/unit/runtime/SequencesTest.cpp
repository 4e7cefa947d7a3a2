//===- SequencesTest.cpp - Inputs and outputs that are no tensors --------===//
//
// A model that gives back what it is given: a sequence, an optional tensor of
// rank 1, and an optional sequence.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/ApiTest.h"

using namespace tenon::test;

namespace {

constexpr uint32_t numParts = 8;
constexpr int64_t none = TENON_DIM_COMPUTED;
const int64_t anyDims[numParts][2] = {
    {TENON_DIM_SYMBOL(0)},
    {TENON_DIM_SYMBOL(1), TENON_DIM_SYMBOL(2)},
    {},
    {TENON_DIM_SYMBOL(3)},
    {TENON_DIM_SYMBOL(4), 3},
    {},
    {TENON_DIM_SYMBOL(5)},
    {TENON_DIM_SYMBOL(6), TENON_DIM_SYMBOL(7)}};
const int64_t computedDims[] = {none, none};
const int64_t row[] = {-1};

void plan(const int64_t *, int64_t *, int64_t *outputDims, int64_t *) {
  std::fill(outputDims, outputDims + 9, none);
}

int32_t run(const TenonRunFrame *frame) {
  const int64_t *symbols = frame->symbols;
  for (uint32_t part = 0; part != numParts; ++part) {
    bool isFlag = part == 2 || part == 5, isTable = part % 3 == 1;
    int64_t dims[2] = {1, 1};
    if (!isFlag) {
      dims[0] = *symbols++;
      dims[1] = !isTable ? 1 : part == 4 ? 3 : *symbols++;
    }
    void *output = isFlag
                       ? frame->outputs[part]
                       : frame->rt->output(frame->session, part, "copy", dims);
    frame->rt->copy(frame->session, output, frame->inputs[part],
                    isFlag    ? 1
                    : isTable ? 8
                              : 4,
                    dims[0] * dims[1]);
  }
  return TENON_OK;
}

struct Sequences : testing::Test {
  Sequences() {
    auto add = [&](const char *name, int32_t kind, int32_t elementRank) {
      for (int32_t part = kind == TENON_SEQUENCE ? TENON_PART_ELEMENTS
                                                 : TENON_PART_FLAG;
           part <= TENON_PART_TABLE; ++part) {
        int32_t rank = part - 1;
        parts.push_back({name,
                         part == TENON_PART_FLAG    ? TENON_BOOL
                         : part == TENON_PART_TABLE ? TENON_I64
                                                    : TENON_F32,
                         rank, anyDims[parts.size()], kind, part, elementRank,
                         0, elementRank > 0 ? row : nullptr});
      }
    };
    add("list", TENON_SEQUENCE, -1);
    add("maybe", TENON_OPTIONAL, 1);
    add("maybe_list", TENON_OPTIONAL_SEQUENCE, -1);
    results = parts;
    for (TenonTensorDesc &result : results)
      result.dims = computedDims;
    desc.numInputs = desc.numOutputs = numParts;
    desc.inputs = parts.data();
    desc.outputs = results.data();
    desc.numSymbols = 8;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    desc.symbolNames = names;
    desc.plan = plan;
    desc.run = run;
    model = makeModel(desc);
    session = makeSession(model.get());
  }

  std::string runWith(const TenonTensor &list, const TenonTensor &maybe,
                      const TenonTensor &maybeList) {
    TenonTensor inputs[] = {list, maybe, maybeList};
    return take(tenon_session_run(session.get(), inputs, 3, nullptr, 0));
  }
  TenonTensor output(size_t i) {
    return tenon_session_output(session.get(), i);
  }

  std::vector<TenonTensorDesc> parts, results;
  TenonModelDesc desc = beginDescription("copy");
  ModelPtr model;
  SessionPtr session;
  float numbers[6] = {1, 2, 3, 4, 5, 6};
  int64_t two = 2, three[2] = {1, 3}, one = 1, zero = 0;
  TenonTensor tensors[3] = {{nullptr, numbers, TENON_F32, 1, &two},
                            {nullptr, numbers + 2, TENON_F32, 2, three},
                            {nullptr, numbers + 5, TENON_F32, 0, nullptr}};
  int64_t all = 3;
  TenonTensor list = {nullptr, tensors, TENON_TENSORS, 1, &all};
  TenonTensor single = {nullptr, tensors, TENON_TENSORS, 1, &one};
  TenonTensor empty = {nullptr, nullptr, TENON_TENSORS, 1, &zero};
  TenonTensor nothing = {nullptr, nullptr, TENON_TENSORS, 0, nullptr};
};

} // namespace

TEST_F(Sequences, AreThreeInputs) {
  ASSERT_EQ(tenon_model_num_inputs(model.get()), 3u);
  const TenonTensorInfo *info = tenon_model_input(model.get(), 0);
  EXPECT_STREQ(info->name, "list");
  EXPECT_EQ(info->kind, TENON_SEQUENCE);
  EXPECT_EQ(info->dtype, TENON_F32);
  EXPECT_EQ(info->rank, -1);
  info = tenon_model_output(model.get(), 1);
  EXPECT_EQ(info->kind, TENON_OPTIONAL);
  EXPECT_EQ(info->rank, 1);
  EXPECT_EQ(info->dims[0], -1);
  EXPECT_EQ(tenon_model_output(model.get(), 3), nullptr);
}

TEST_F(Sequences, AreInputsAgain) {
  ASSERT_EQ(runWith(list, single, list), "ok");
  ASSERT_EQ(runWith(output(0), output(1), output(2)), "ok");
  ASSERT_EQ(output(0).rank, 1);
  ASSERT_EQ(output(0).dims[0], 3);
  ASSERT_EQ(output(1).dims[0], 1);
  auto *elements = static_cast<const TenonTensor *>(output(0).data);
  EXPECT_EQ(static_cast<const float *>(elements[1].data)[2], numbers[4]);
  TenonTensor inputs[] = {output(0), output(1), output(2)};
  ASSERT_EQ(take(tenon_session_bind(session.get(), inputs, 3)), "ok");
  // After that there is no result yet.
  EXPECT_EQ(output(0).data, nullptr);
}

TEST_F(Sequences, ComeBack) {
  ASSERT_EQ(runWith(list, single, list), "ok");
  for (size_t i : {0, 2}) {
    TenonTensor found = output(i);
    ASSERT_EQ(found.dtype, TENON_TENSORS);
    ASSERT_EQ(found.rank, 1);
    ASSERT_EQ(found.dims[0], 3);
    auto *elements = static_cast<const TenonTensor *>(found.data);
    const float *next = numbers;
    for (int j = 0; j != 3; ++j) {
      ASSERT_EQ(elements[j].rank, tensors[j].rank);
      EXPECT_EQ(elements[j].dtype, TENON_F32);
      for (int axis = 0; axis != elements[j].rank; ++axis)
        EXPECT_EQ(elements[j].dims[axis], tensors[j].dims[axis]);
      auto *data = static_cast<const float *>(elements[j].data);
      for (size_t k = 0; k != tenon_tensor_bytes(&elements[j]) / 4; ++k)
        EXPECT_EQ(data[k], *next++);
    }
  }
  TenonTensor maybe = output(1);
  ASSERT_EQ(maybe.rank, 1);
  ASSERT_EQ(maybe.dims[0], 1);
  EXPECT_EQ(*static_cast<const TenonTensor *>(maybe.data)->dims, 2);
}

TEST_F(Sequences, HoldNothing) {
  ASSERT_EQ(runWith(list, single, list), "ok");
  uint64_t size = tenon_session_workspace_size(session.get());
  ASSERT_EQ(runWith(empty, nothing, nothing), "ok");
  EXPECT_EQ(output(0).rank, 1);
  EXPECT_EQ(output(0).dims[0], 0);
  EXPECT_EQ(output(1).rank, 0);
  EXPECT_EQ(output(2).rank, 0);
  // An optional sequence that is empty is there.
  ASSERT_EQ(runWith(empty, empty, empty), "ok");
  EXPECT_EQ(output(1).rank, 0);
  EXPECT_EQ(output(2).rank, 1);
  for (int i = 0; i != 3; ++i)
    ASSERT_EQ(runWith(list, single, list), "ok");
  EXPECT_EQ(tenon_session_workspace_size(session.get()), size);
}

TEST_F(Sequences, AreChecked) {
  EXPECT_EQ(runWith(tensors[0], single, list),
            "2: input 'list' is a sequence, expected one of type "
            "TENON_TENSORS");
  EXPECT_EQ(runWith(nothing, single, list),
            "2: input 'list' is a sequence and has rank 0, or no dimensions, "
            "expected rank 1");
  EXPECT_EQ(runWith(list, list, list),
            "2: input 'maybe' is an optional, found 3 tensors");
  EXPECT_EQ(runWith({nullptr, nullptr, TENON_TENSORS, 1, &all}, single, list),
            "2: input 'list' is a sequence, found 3 tensors and no array of "
            "them");
  TenonTensor wrong[] = {tensors[0], tensors[0], tensors[0]};
  TenonTensor wrongList = {nullptr, wrong, TENON_TENSORS, 1, &all};
  wrong[1].dtype = TENON_F64;
  EXPECT_EQ(runWith(wrongList, single, list),
            "2: input 'list': element 1 has element type f64, expected f32");
  wrong[1] = list;
  EXPECT_NE(runWith(wrongList, single, list), "ok");
  wrong[1] = tensors[1];
  int64_t negative = -2;
  wrong[1].rank = 1;
  wrong[1].dims = &negative;
  EXPECT_EQ(runWith(wrongList, single, list),
            "2: input 'list': element 1 has the dimensions ?");
  wrong[0] = tensors[2];
  EXPECT_EQ(runWith(list, {nullptr, wrong, TENON_TENSORS, 1, &one}, list),
            "2: input 'maybe': element 0 is scalar, expected ?");
  wrong[0] = {nullptr, nullptr, TENON_F32, 1, &two};
  EXPECT_EQ(runWith({nullptr, wrong, TENON_TENSORS, 1, &one}, single, list),
            "1: input 'list': element 0 has no data");
  TenonTensor missing[] = {list, single};
  EXPECT_EQ(take(tenon_session_bind(session.get(), missing, 2)),
            "2: missing input 'maybe_list' (f32 of any dimensions)");
  TenonTensor inputs[] = {list, single, list};
  TenonTensor into = {"list", numbers, TENON_TENSORS, 1, &one};
  EXPECT_EQ(take(tenon_session_run(session.get(), inputs, 3, &into, 1)),
            "1: output 'list' is given memory, but it is a sequence or an "
            "optional, which the session keeps");
}

//===- CudaAttentionTest.cpp - Attention by cuDNN ------------------------===//
//
// Models of one kernel that says what cuDNN can run of it, with a library that
// computes what it is told, FakeCudnn.cpp.
//
//===----------------------------------------------------------------------===//

#include "runtime/cuda/LibraryAbi.h"
#include "test/unit/runtime/CudnnFixture.h"
#include "test/unit/runtime/LibraryModel.h"

#include <cmath>
#include <functional>

using namespace tenon::test;

namespace {

constexpr TenonLibraryHeads whole(int64_t arg) {
  return {arg, {0, 1, 2}, {0, 0, 0}, {-1, -1, -1}};
}

/// A kernel, its tensors, and what it says.
struct Attention {
  int64_t type = TENON_F16, maskType = TENON_F32;
  Dims query = {2, 3, 9, 8}, key = {2, 3, 11, 8}, value = {2, 3, 11, 16};
  Dims result = {2, 3, 9, 16};
  Dims mask; // of no dimensions: none
  TenonLibraryAttention attention = {TENON_LIBRARY_ATTENTION,
                                     whole(0),
                                     whole(1),
                                     whole(2),
                                     whole(3),
                                     /*mask=*/-1,
                                     /*scale=*/0.25};
};

class AttentionModel : public LibraryModel {
public:
  explicit AttentionModel(const Attention &given)
      : LibraryModel("Attention_0", "cudnn"), given(given),
        attention(this->given.attention) {
    add(given.query, given.type);
    add(given.key, given.type);
    add(given.value, given.type);
    attention.mask = add(given.mask, given.maskType);
    attention.result.arg += attention.mask != -1;
    finish(given.result, given.type,
           reinterpret_cast<const int64_t *>(&attention),
           sizeof attention / sizeof(int64_t));
    makeReplayable();
  }
  TenonLibraryAttention &getAttention() { return attention; }
  /// How far the result is from that of plain arithmetic.
  double getError() const;

private:
  double getScore(int64_t head, int64_t query, int64_t key) const;

  Attention given;
  TenonLibraryAttention &attention;
};

/// `head` counts those of all batches.
double AttentionModel::getScore(int64_t head, int64_t query,
                                int64_t key) const {
  int64_t size = given.query[3];
  double sum = 0;
  for (int64_t i = 0; i < size; ++i)
    sum += getTensors()[0].get((head * given.query[2] + query) * size + i) *
           getTensors()[1].get((head * given.key[2] + key) * size + i);
  sum *= attention.scale;
  if (attention.mask == -1)
    return sum;
  int64_t heads = given.query[1];
  Dims index = {head / heads, head % heads, query, key};
  index.erase(index.begin(), index.end() - given.mask.size());
  int64_t at = 0;
  for (size_t i = 0; i < index.size(); ++i)
    at = at * given.mask[i] + (given.mask[i] == 1 ? 0 : index[i]);
  return sum + getTensors()[attention.mask].get(at);
}

double AttentionModel::getError() const {
  const Numbers &result = getTensors().back();
  int64_t columns = given.result[3], queries = given.result[2];
  int64_t keys = given.key[2];
  double worst = 0;
  for (int64_t row = 0; row < count(given.result) / columns; ++row) {
    int64_t head = row / queries;
    std::vector<double> weights(keys);
    double sum = 0;
    for (int64_t key = 0; key < keys; ++key)
      sum += weights[key] = std::exp(getScore(head, row % queries, key));
    // The products are of weights in 16 bits.
    Numbers rounded({keys}, given.type);
    for (int64_t key = 0; key < keys; ++key)
      rounded.set(key, weights[key] / sum);
    for (int64_t column = 0; column < columns; ++column) {
      double expected = 0;
      for (int64_t key = 0; key < keys; ++key)
        expected += rounded.get(key) *
                    getTensors()[2].get((head * keys + key) * columns + column);
      worst = std::fmax(
          worst, tenon::test::getError(result.get(row * columns + column),
                                       expected, given.type));
    }
  }
  return worst;
}

struct CudaAttention : CudnnTest {};

std::string runOf(const Attention &attention) {
  AttentionModel model(attention);
  return runOften(model);
}

} // namespace

TEST_F(CudaAttention, TypesAndMasks) {
  for (int64_t type : {TENON_F16, TENON_BF16})
    for (int64_t maskType : {int64_t(TENON_F32), type})
      for (const Dims &mask : {Dims{}, Dims{2, 3, 9, 11}, Dims{2, 1, 1, 11},
                               Dims{1, 3, 9, 1}, Dims{9, 11}, Dims{11}}) {
        Attention attention;
        attention.type = type;
        attention.maskType = maskType;
        attention.mask = mask;
        EXPECT_EQ(runOf(attention), "library")
            << type << maskType << mask.size();
      }
}

TEST_F(CudaAttention, RunsGeneratedCodeForWhatDoesNotFit) {
  auto run = [](const std::function<void(Attention &)> &change) {
    Attention attention;
    change(attention);
    return runOf(attention);
  };
  EXPECT_EQ(run([](Attention &) {}), "library");
  EXPECT_EQ(run([](Attention &a) { a.key[0] = 1; }), "generated");
  EXPECT_EQ(run([](Attention &a) { a.key[3] = 16; }), "generated");
  EXPECT_EQ(run([](Attention &a) { a.value[2] = 12; }), "generated");
  EXPECT_EQ(run([](Attention &a) { a.result[3] = 8; }), "generated");
  EXPECT_EQ(run([](Attention &a) { a.mask = {2, 3, 9, 12}; }), "generated");
  EXPECT_EQ(run([](Attention &a) { a.attention.key.begins[1] = 1; }),
            "generated");
  // Few queries.
  EXPECT_EQ(run([](Attention &a) { a.query[2] = a.result[2] = 8; }),
            "generated");
}

TEST_F(CudaAttention, RunsGeneratedCodeWithoutAnEngine) {
  for (const char *engines : {"", "1:0,4", "1:0,2"}) {
    Setting setting("FAKE_CUDNN_ENGINES", engines);
    EXPECT_EQ(runOf({}), "generated") << engines;
  }
  Setting setting("FAKE_CUDNN_ENGINES", "1:0,4;2:0");
  EXPECT_EQ(runOf({}), "library");
}

TEST_F(CudaAttention, DamagedModels) {
  auto load = [](const std::function<void(AttentionModel &)> &damage,
                 int64_t type = TENON_F16) {
    Attention attention;
    attention.type = type;
    attention.mask = {11};
    AttentionModel model(attention);
    damage(model);
    return loadAndOpen(model.getDesc());
  };
  const std::string begin =
      "2: damaged model: the library's part of nodes 'Attention_0' has ";
  EXPECT_EQ(load([](AttentionModel &) {}), "ok");
  EXPECT_EQ(load([](AttentionModel &m) { --m.getKernel().librarySize; }),
            begin + "an unknown form");
  EXPECT_EQ(load([](AttentionModel &m) { m.getAttention().kind = 4; }),
            begin + "an unknown form");
  EXPECT_EQ(load([](AttentionModel &) {}, TENON_F32),
            begin + "factors that are none");
  // The mask has one dimension.
  for (int64_t arg : {int64_t(-1), int64_t(3), int64_t(5), INT64_MIN}) {
    EXPECT_EQ(
        load([&](AttentionModel &m) { m.getAttention().query.arg = arg; }),
        begin + "factors that are none");
    EXPECT_EQ(load([&](AttentionModel &m) { m.getAttention().key.arg = arg; }),
              begin + "factors that are none");
    EXPECT_EQ(
        load([&](AttentionModel &m) { m.getAttention().value.arg = arg; }),
        begin + "factors that are none");
  }
  EXPECT_EQ(load([](AttentionModel &m) { m.getAttention().result.arg = 0; }),
            begin + "factors that are none");
  EXPECT_EQ(load([](AttentionModel &m) { m.getAttention().key.axes[0] = 1; }),
            begin + "factors that are none");
  EXPECT_EQ(load([](AttentionModel &m) { m.getAttention().mask = 4; }),
            begin + "a mask that is none");
  EXPECT_EQ(load([](AttentionModel &m) { m.getAttention().scale = NAN; }),
            begin + "unknown options");
}

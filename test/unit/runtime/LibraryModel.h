//===- LibraryModel.h - A model of a kernel that a library can run -------===//

#ifndef TENON_TEST_UNIT_RUNTIME_LIBRARYMODEL_H
#define TENON_TEST_UNIT_RUNTIME_LIBRARYMODEL_H

#include "test/unit/runtime/CudaFixture.h"

#include <string>
#include <vector>

namespace tenon::test {

using Dims = std::vector<int64_t>;

/// How many elements a tensor has.
int64_t count(const Dims &dims);

/// Numbers of a type in memory.
struct Numbers {
  Numbers(const Dims &dims, int64_t type, bool isConstant = false);
  float get(int64_t i) const;
  /// Rounds.
  void set(int64_t i, float value);

  Dims dims;
  int64_t type;
  bool isConstant;
  std::vector<char> bytes;
};

/// With the 10 bits behind the point that TF32 has, where f32 has 23.
double toTf32(double value);

/// How far a number of a type is from what it should be, in roundings.
double getError(float found, double expected, int64_t type);

/// A model of one kernel, whose dimensions are all dynamic, and a run of it.
/// The kernel's own code writes a number that nothing else is, to tell which of
/// both ran. The model's functions know no more than the one that is there.
class LibraryModel {
public:
  LibraryModel(const char *node, const char *provider);
  ~LibraryModel() { current = nullptr; }
  LibraryModel(const LibraryModel &) = delete;

  const TenonModelDesc &getDesc() const { return desc; }
  TenonKernel &getKernel() { return kernels[0]; }
  std::vector<int64_t> &getWords() { return words; }
  const std::vector<Numbers> &getTensors() const { return tensors; }

  std::string run(const SessionPtr &session);
  bool isGenerated() const { return tensors.back().get(0) == kGenerated; }
  /// Has another kernel run before it, by generated code.
  void addKernelBefore();
  /// Runs are recorded.
  void makeReplayable() { desc.flags |= TENON_MODEL_IS_REPLAYABLE; }

protected:
  /// A tensor of numbers, which is an input unless it is constant. No
  /// dimensions are no tensor: then -1, else which one it is.
  int64_t add(const Dims &dims, int64_t type, bool isConstant = false);
  /// Describes all of it, with the result and the words for the library.
  void finish(const Dims &result, int64_t type, const int64_t *library,
              size_t librarySize);

private:
  static constexpr float kGenerated = -12288; // a number of all types

  static void plan(const int64_t *, int64_t *bufferBytes, int64_t *outputDims,
                   int64_t *);
  static int32_t run(const TenonRunFrame *frame);

  static LibraryModel *current;
  std::string node, provider;
  std::vector<Numbers> tensors; // the result last
  std::vector<TenonTensorDesc> inputs;
  TenonTensorDesc output{};
  std::vector<TenonBufferDesc> buffers;
  std::vector<int64_t> words;
  struct alignas(TENON_BUFFER_ALIGNMENT) Block {
    char bytes[TENON_BUFFER_ALIGNMENT];
  };
  std::vector<Block> weights;
  TenonWeightRange range{};
  TenonKernel kernels[2]{};
  std::string text;
  TenonDeviceImage image{};
  TenonModelDesc desc{};
};

/// Runs a model four times, the last of them recorded if it can be: "library",
/// "generated", or an error.
template <typename Model> std::string runOften(Model &model) {
  ModelPtr loaded = makeModel(model.getDesc());
  SessionPtr session = makeSession(loaded.get());
  for (int i = 0; i < 4; ++i) {
    std::string text = model.LibraryModel::run(session);
    if (text != "ok")
      return text;
  }
  if (model.isGenerated())
    return "generated";
  EXPECT_LE(model.getError(), 1);
  return "library";
}

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_LIBRARYMODEL_H

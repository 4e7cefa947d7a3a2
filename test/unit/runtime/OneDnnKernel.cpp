//===- OneDnnKernel.cpp - One kernel as a model --------------------------===//

#include "test/unit/runtime/OneDnnKernel.h"

#include "runtime/core/Memory.h"
#include "runtime/core/Provider.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

using namespace tenon::test;

int64_t tenon::test::bitsOf(double value) {
  int64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static int64_t countOf(const Dims &dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

void tenon::test::forEachIndex(const Dims &dims,
                               const std::function<void(const Dims &)> &visit) {
  Dims index(dims.size(), 0);
  for (int64_t i = 0, count = countOf(dims); i < count; ++i) {
    visit(index);
    for (size_t axis = dims.size(); axis-- > 0;) {
      if (++index[axis] < dims[axis])
        break;
      index[axis] = 0;
    }
  }
}

void TestArg::fill(unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> numbers(-1, 1);
  data.resize(countOf(dims));
  for (float &value : data)
    value = numbers(random);
}

Dims TestArg::storedDims() const {
  Dims stored(dims.size());
  for (size_t i = 0; i < dims.size(); ++i)
    stored[permutation.empty() ? i : permutation[i]] = dims[i];
  return stored;
}

size_t TestArg::offset(const Dims &index) const {
  Dims stored = storedDims();
  size_t lead = index.size() - dims.size();
  Dims place(dims.size());
  for (size_t i = 0; i < dims.size(); ++i)
    place[permutation.empty() ? i : permutation[i]] =
        dims[i] == 1 ? 0 : index[lead + i];
  size_t offset = 0;
  for (size_t i = 0; i < place.size(); ++i)
    offset = offset * stored[i] + place[i];
  return offset;
}

void TestKernel::fill() {
  for (size_t i = 0; i < args.size(); ++i)
    args[i].fill(100 + i);
}

std::vector<int64_t> TestKernel::makeDescriptor() const {
  if (!descriptor.empty())
    return descriptor;
  std::vector<int64_t> words{TENON_ONEDNN_VERSION,
                             kind,
                             static_cast<int64_t>(args.size()),
                             bias,
                             static_cast<int64_t>(attributes.size()),
                             static_cast<int64_t>(postOps.size())};
  for (const TestArg &arg : args) {
    words.push_back(TENON_F32);
    words.push_back(arg.dims.size());
    for (size_t i = 0; i < arg.dims.size(); ++i)
      words.push_back(arg.permutation.empty() ? i : arg.permutation[i]);
  }
  words.insert(words.end(), attributes.begin(), attributes.end());
  for (const TestPostOp &op : postOps)
    words.insert(words.end(), {op.kind, op.algorithm, bitsOf(op.alpha),
                               bitsOf(op.beta), op.arg});
  return words;
}

Dims TestKernel::allDims() const {
  Dims dims;
  for (const TestArg &arg : args)
    for (int64_t dim : arg.storedDims())
      dims.push_back(dim);
  return dims;
}

TestKernel TestKernel::pack(const Dims &dims) const {
  TestKernel packed = *this;
  packed.args.clear();
  std::vector<int64_t> words = makeDescriptor();
  TenonLibraryKernel library{};
  library.provider = "onednn";
  library.name = "Kernel_0";
  library.numArgs = args.size();
  library.descriptor = words.data();
  library.descriptorSize = words.size();
  library.numDims = dims.size();
  auto receive = [](void *context, const int64_t *descriptor,
                    uint64_t descriptorSize, const uint8_t *data,
                    uint64_t size) {
    auto &packed = *static_cast<TestKernel *>(context);
    packed.descriptor.assign(descriptor, descriptor + descriptorSize);
    TestArg weights{{static_cast<int64_t>(size / sizeof(float))}, {}, true};
    weights.data.resize(size / sizeof(float));
    memcpy(weights.data.data(), data, size);
    packed.args = {std::move(weights)};
  };
  EXPECT_EQ(take(tenon_pack_constant(
                &library, dims.data(), 1,
                reinterpret_cast<const uint8_t *>(args[1].data.data()), receive,
                &packed)),
            "ok");
  if (packed.args.empty())
    return packed;
  TestArg weights = std::move(packed.args[0]);
  packed.args = args;
  packed.args[1] = std::move(weights);
  return packed;
}

/// A model's functions get no context, so the description's state is found by
/// the weights pointer, which the frame hands over.
struct KernelModel::State {
  TenonModelDesc desc{};
  TenonLibraryKernel kernel{};
  std::vector<int64_t> descriptor;
  std::vector<std::vector<int64_t>> argSymbols;
  std::vector<TenonTensorDesc> inputs, outputs;
  std::vector<std::string> names;
  std::vector<const char *> symbolNames;
  std::vector<int64_t> constants; // places in the weights, or -1
  tenon::runtime::Memory weights;
  std::vector<int64_t> resultDims;
  size_t numArgs = 0;

  static thread_local const State *current;

  static void plan(const int64_t *symbols, int64_t *, int64_t *outputDims,
                   int64_t *libraryDims) {
    size_t rank = current->argSymbols.back().size();
    for (size_t i = 0; i < rank; ++i)
      outputDims[i] = symbols[current->argSymbols.back()[i]];
    // The symbols are the dimensions of all args.
    std::copy_n(symbols, current->desc.numSymbols, libraryDims);
  }
  static int32_t run(const TenonRunFrame *frame) {
    std::vector<void *> args;
    std::vector<int64_t> dims;
    size_t input = 0;
    for (size_t i = 0; i < current->numArgs; ++i) {
      if (i + 1 == current->numArgs)
        args.push_back(frame->outputs[0]);
      else if (current->constants[i] >= 0)
        args.push_back(current->weights.data() + current->constants[i]),
            ++input;
      else
        args.push_back(frame->inputs[input++]);
      for (int64_t symbol : current->argSymbols[i])
        dims.push_back(frame->symbols[symbol]);
    }
    frame->rt->library(frame->session, &current->kernel, args.data(),
                       dims.data(), /*flops=*/-1);
    return TENON_OK;
  }
};
thread_local const KernelModel::State *KernelModel::State::current;

KernelModel::KernelModel(const TestKernel &kernel) : state(new State) {
  State &s = *state;
  s.descriptor = kernel.makeDescriptor();
  s.numArgs = kernel.args.size();
  int64_t numSymbols = 0;
  uint64_t weightsSize = 0;
  std::vector<std::vector<int64_t>> inputDims;
  for (size_t i = 0; i < s.numArgs; ++i) {
    s.argSymbols.emplace_back();
    inputDims.emplace_back();
    for (size_t d = 0; d < kernel.args[i].dims.size(); ++d) {
      s.argSymbols.back().push_back(numSymbols);
      inputDims.back().push_back(TENON_DIM_SYMBOL(numSymbols));
      ++numSymbols;
    }
    s.names.push_back("arg" + std::to_string(i));
    s.constants.push_back(-1);
    if (kernel.args[i].isConstant) {
      s.constants.back() = weightsSize;
      weightsSize += (kernel.args[i].data.size() * sizeof(float) + 63) & -64;
    }
  }
  s.weights.reserve(weightsSize);
  for (size_t i = 0; i < s.numArgs; ++i)
    if (const std::vector<float> &data = kernel.args[i].data;
        s.constants[i] >= 0 && !data.empty())
      memcpy(s.weights.data() + s.constants[i], data.data(),
             data.size() * sizeof(float));
  // Every arg is an input, the result too: it gives the symbols their values.
  static thread_local std::vector<std::vector<std::vector<int64_t>>> kept;
  kept.push_back(std::move(inputDims));
  for (size_t i = 0; i < s.numArgs; ++i)
    s.inputs.push_back({s.names[i].c_str(), TENON_F32,
                        static_cast<int32_t>(kept.back()[i].size()),
                        kept.back()[i].data(), TENON_TENSOR, TENON_PART_WHOLE,
                        0, 0, nullptr});
  s.outputs.push_back(s.inputs.back());
  s.symbolNames.assign(numSymbols, "s");
  s.kernel.provider = "onednn";
  s.kernel.name = "Kernel_0";
  s.kernel.numArgs = s.numArgs;
  s.kernel.descriptor = s.descriptor.data();
  s.kernel.descriptorSize = s.descriptor.size();
  s.kernel.constants = s.constants.data();
  s.kernel.numDims = numSymbols;
  s.desc = beginDescription("kernel");
  s.desc.numInputs = s.numArgs;
  s.desc.numOutputs = 1;
  s.desc.inputs = s.inputs.data();
  s.desc.outputs = s.outputs.data();
  s.desc.numSymbols = numSymbols;
  s.desc.symbolNames = s.symbolNames.data();
  s.desc.numLibraryKernels = 1;
  s.desc.libraryKernels = &s.kernel;
  s.desc.weights = reinterpret_cast<uint8_t *>(s.weights.data());
  s.desc.weightsSize = weightsSize;
  s.desc.plan = &State::plan;
  s.desc.run = &State::run;
}

KernelModel::~KernelModel() = default;
const TenonModelDesc &KernelModel::getDesc() const { return state->desc; }

TenonError *KernelModel::call(TenonSession *session, TestKernel &kernel,
                              bool runs) {
  State::current = state.get();
  TenonTensor inputs[16];
  Dims stored[16];
  // The result is an input too, of which only the dimensions count.
  static thread_local std::vector<float> unused;
  unused.resize(kernel.args.back().data.size() + 1);
  for (size_t i = 0; i < kernel.args.size(); ++i) {
    stored[i] = kernel.args[i].storedDims();
    inputs[i] = {nullptr, kernel.args[i].data.data(), TENON_F32,
                 static_cast<int32_t>(stored[i].size()), stored[i].data()};
  }
  TenonTensor output = inputs[kernel.args.size() - 1];
  inputs[kernel.args.size() - 1].data = unused.data();
  if (!runs)
    return tenon_session_bind(session, inputs, kernel.args.size());
  return tenon_session_run(session, inputs, kernel.args.size(), &output, 1);
}

std::string TestKernel::run(int threads, std::string *implementation) {
  KernelModel holder(*this);
  TenonModel *model = nullptr;
  std::string error = take(tenon_model_from_description(
      &holder.getDesc(), nullptr, nullptr, &model));
  if (error != "ok")
    return error;
  ModelPtr owner(model);
  SessionPtr session = makeSession(model, threads, /*profile=*/1);
  std::string result;
  for (int i = 0; i < 2; ++i) {
    std::fill(args.back().data.begin(), args.back().data.end(), 1e30f);
    result = take(holder.run(session.get(), *this));
  }
  const TenonProfileEntry *entries;
  if (implementation && tenon_session_profile(session.get(), &entries))
    *implementation = entries[0].implementation;
  return result;
}

void TestKernel::check(const std::string &what, double tolerance) {
  fill();
  std::vector<double> expected = computeReference();
  double scale = 1;
  for (double value : expected)
    if (std::isfinite(value))
      scale = std::max(scale, std::abs(value));
  for (int threads : {1, 2}) {
    std::string implementation;
    ASSERT_EQ(run(threads, &implementation), "ok") << what;
    double worst = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      double error = std::abs(args.back().data[i] - expected[i]);
      worst = std::max(worst, std::isnan(error) ? INFINITY : error);
    }
    EXPECT_LE(worst, tolerance * scale) << what << ": " << implementation;
    if (threads == 1)
      printf("%-44s %-40s error %.1e\n", what.c_str(), implementation.c_str(),
             worst / scale);
  }
}

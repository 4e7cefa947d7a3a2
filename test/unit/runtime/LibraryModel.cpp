//===- LibraryModel.cpp - A model of a kernel that a library can run -----===//

#include "test/unit/runtime/LibraryModel.h"

#include "test/unit/runtime/FakeLibrary.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

using namespace tenon::test;

int64_t tenon::test::count(const Dims &dims) {
  return std::accumulate(dims.begin(), dims.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

Numbers::Numbers(const Dims &dims, int64_t type, bool isConstant)
    : dims(dims), type(type), isConstant(isConstant),
      bytes(count(dims) * cuda::getSize(TenonDType(type))) {}

float Numbers::get(int64_t i) const {
  return cuda::read(bytes.data(), i, TenonDType(type));
}

void Numbers::set(int64_t i, float value) {
  cuda::write(bytes.data(), i, TenonDType(type), value);
}

double tenon::test::toTf32(double value) {
  int exponent;
  double fraction = std::frexp(value, &exponent);
  return std::ldexp(std::round(std::ldexp(fraction, 11)), exponent - 11);
}

double tenon::test::getError(float found, double expected, int64_t type) {
  double unit = type == TENON_F32 ? 1e-6 : type == TENON_F16 ? 1e-3 : 8e-3;
  return std::fabs(found - expected) /
         (unit * std::fmax(1, std::fabs(expected)));
}

LibraryModel *LibraryModel::current = nullptr;

/// A constant begins where a buffer could.
static size_t countBlocks(const Numbers &tensor) {
  return (tensor.bytes.size() - 1) / TENON_BUFFER_ALIGNMENT + 1;
}

static const char *const names[] = {"a", "b", "c", "d"};

LibraryModel::LibraryModel(const char *node, const char *provider)
    : node(node), provider(provider) {
  current = this;
}

int64_t LibraryModel::add(const Dims &dims, int64_t type, bool isConstant) {
  if (dims.empty())
    return -1;
  tensors.emplace_back(dims, type, isConstant);
  for (int64_t i = 0; i < count(dims); ++i)
    tensors.back().set(i, float((i * 7 + 3 * tensors.size()) % 23) / 7 - 1);
  return tensors.size() - 1;
}

void LibraryModel::finish(const Dims &result, int64_t type,
                          const int64_t *library, size_t librarySize) {
  tensors.emplace_back(result, type);
  words = {int64_t(tensors.size()) - 1, 1};
  uint32_t numDims = 0;
  for (const Numbers &tensor : tensors) {
    words.push_back(tensor.type);
    words.push_back(tensor.dims.size());
    words.insert(words.end(), tensor.dims.size(), -1);
    numDims += tensor.dims.size();
    if (tensor.isConstant) {
      size_t begin = weights.size();
      weights.resize(begin + countBlocks(tensor));
      memcpy(&weights[begin], tensor.bytes.data(), tensor.bytes.size());
      continue;
    }
    bool isResult = &tensor == &tensors.back();
    TenonTensorDesc described = {isResult ? "y" : names[inputs.size()],
                                 int32_t(tensor.type),
                                 int32_t(tensor.dims.size()),
                                 tensor.dims.data(),
                                 0,
                                 0,
                                 0,
                                 0,
                                 nullptr};
    if (isResult)
      output = described;
    else
      inputs.push_back(described);
    buffers.push_back({node.c_str(), 0, 1, TENON_SPACE_DEVICE, 0});
  }
  TenonKernel &kernel = kernels[0];
  kernel.name = node.c_str();
  kernel.provider = provider.c_str();
  kernel.args = words.data();
  kernel.argsSize = words.size();
  kernel.symbol = "generated";
  kernel.numArgs = tensors.size();
  kernel.numDims = numDims;
  kernel.blockSize = 128;
  kernel.unitThreads = 1;
  kernel.library = library;
  kernel.librarySize = librarySize;
  cuda::registerKernel(
      "generated", kernel.numArgs, numDims, [](const cuda::Launch &launch) {
        Numbers &result = current->tensors.back();
        result.set(0, kGenerated);
        uint64_t address = launch.parameters[current->tensors.size() - 1];
        if (void *data = cuda::getMemory(address, result.bytes.size()))
          memcpy(data, result.bytes.data(), result.bytes.size());
      });
  text = ".version 8.0\n.visible .entry generated(";
  for (uint32_t i = 0; i < kernel.numArgs + numDims + 2; ++i)
    text += (i ? ", .param .u64 p" : ".param .u64 p") + std::to_string(i);
  text += ") { ret; }\n";
  image = {"compute_80", reinterpret_cast<const uint8_t *>(text.c_str()),
           text.size() + 1};
  desc = beginDescription("a kernel");
  desc.numInputs = inputs.size();
  desc.numOutputs = 1;
  desc.inputs = inputs.data();
  desc.outputs = &output;
  desc.numBuffers = buffers.size();
  desc.buffers = buffers.data();
  desc.numKernels = 1;
  desc.kernels = kernels;
  desc.numImages = 1;
  desc.device = "cuda";
  desc.images = &image;
  desc.plan = plan;
  desc.run = run;
  if (weights.empty())
    return;
  range = {0, 0, weights.size() * sizeof(Block)};
  desc.weights = reinterpret_cast<const uint8_t *>(weights.data());
  desc.weightsSize = desc.deviceWeightsSize = range.size;
  desc.deviceRanges = &range;
  desc.numDeviceRanges = 1;
}

void LibraryModel::addKernelBefore() {
  kernels[1] = kernels[0];
  kernels[1].name = "Before_0";
  kernels[1].library = nullptr;
  kernels[1].librarySize = 0;
  desc.numKernels = 2;
}

void LibraryModel::plan(const int64_t *, int64_t *bufferBytes,
                        int64_t *outputDims, int64_t *) {
  for (const Numbers &tensor : current->tensors)
    if (!tensor.isConstant)
      *bufferBytes++ = tensor.bytes.size();
  const Dims &result = current->tensors.back().dims;
  std::copy(result.begin(), result.end(), outputDims);
}

int32_t LibraryModel::run(const TenonRunFrame *frame) {
  const TenonRuntimeTable &rt = *frame->rt;
  Dims dims;
  std::vector<void *> args;
  size_t buffer = 0, place = 0;
  for (const Numbers &tensor : current->tensors) {
    dims.insert(dims.end(), tensor.dims.begin(), tensor.dims.end());
    uint64_t bytes = tensor.bytes.size();
    if (tensor.isConstant) {
      args.push_back(const_cast<uint8_t *>(frame->deviceWeights + place));
      place += countBlocks(tensor) * TENON_BUFFER_ALIGNMENT;
      continue;
    }
    args.push_back(frame->buffers[buffer]);
    if (&tensor != &current->tensors.back())
      rt.transfer(frame->session, TENON_SPACE_DEVICE, /*isStable=*/1,
                  args.back(), frame->inputs[buffer], 1, bytes);
    ++buffer;
  }
  for (uint32_t i = current->desc.numKernels; i--;)
    rt.launch(frame->session, &current->kernels[i], args.data(), dims.data(), 1,
              -1);
  rt.transfer(frame->session, TENON_SPACE_HOST, /*isStable=*/1,
              frame->outputs[0], args.back(), 1,
              current->tensors.back().bytes.size());
  return TENON_OK;
}

std::string LibraryModel::run(const SessionPtr &session) {
  std::vector<TenonTensor> given;
  auto makeTensor = [](const char *name, Numbers &numbers) {
    return TenonTensor{
        name, numbers.bytes.data(), static_cast<TenonDType>(numbers.type),
        static_cast<int32_t>(numbers.dims.size()), numbers.dims.data()};
  };
  for (Numbers &tensor : tensors)
    if (!tensor.isConstant && &tensor != &tensors.back())
      given.push_back(makeTensor(names[given.size()], tensor));
  TenonTensor result = makeTensor("y", tensors.back());
  return take(
      tenon_session_run(session.get(), given.data(), given.size(), &result, 1));
}

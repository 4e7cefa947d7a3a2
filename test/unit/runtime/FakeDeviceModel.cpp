//===- FakeDeviceModel.cpp - A model for a device, written by hand --------===//

#include "test/unit/runtime/FakeDeviceModel.h"

#include "test/unit/runtime/ApiTest.h"
#include "test/unit/runtime/FakeCuda.h"

#include <algorithm>

using namespace tenon::test;

alignas(TENON_BUFFER_ALIGNMENT) static const float weights[20] = {
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 1, -2, 3, -4};
const float *const tenon::test::deviceModelBias = weights + 16;

std::vector<float> tenon::test::makeRows(int64_t n, int seed) {
  std::vector<float> x(4 * n);
  for (int64_t i = 0; i < 4 * n; ++i)
    x[i] = static_cast<float>((i + seed) % 97) - 40;
  return x;
}

std::vector<int64_t> tenon::test::makeIndex(int64_t n, int seed) {
  std::vector<int64_t> index(n);
  for (int64_t i = 0; i < n; ++i)
    index[i] = (n - 1 - i + seed) % n;
  return index;
}

bool tenon::test::areRight(const std::vector<float> &x,
                           const std::vector<int64_t> &index,
                           const std::vector<float> &y,
                           const std::vector<float> &picked) {
  for (size_t i = 0; i < x.size(); ++i)
    if (y[i] != 2 * x[i] + deviceModelBias[i % 4] ||
        picked[i] != y[4 * index[i / 4] + i % 4])
      return false;
  return true;
}
static const TenonWeightRange biasRange = {16 * sizeof(float), 0,
                                           4 * sizeof(float)};

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Of the processor. args: y, sums; dims: N, N
static int64_t addRows(void *const *args, const int64_t *, int64_t begin,
                       int64_t end) {
  auto *y = static_cast<const float *>(args[0]);
  auto *sums = static_cast<float *>(args[1]);
  for (int64_t row = begin; row < end; ++row)
    sums[row] = y[4 * row] + y[4 * row + 1] + y[4 * row + 2] + y[4 * row + 3];
  return TENON_KERNEL_OK;
}

static const int64_t scaleShapes[] = {2, 1, TENON_F32, 2, -1, 4, TENON_F32,
                                      1, 4, TENON_F32, 2, -1, 4};

static const TenonKernel kernels[] = {
    {nullptr, "Mul_0, Add_1", "cuda", scaleShapes, sizeof scaleShapes / 8,
     "scale", 3, 2, 128, 1, nullptr, 0},
    {nullptr, "Gather_2", "cuda", nullptr, 0, "pick", 3, 3, 64, 32, nullptr, 0},
    {nullptr, "Compress_3", "cuda", nullptr, 0, "count", 2, 1, 1, 1, nullptr,
     0},
    {nullptr, "Compress_3", "cuda", nullptr, 0, "compress", 2, 1, 1024, 1024,
     nullptr, 0},
    {addRows, "ReduceSum_4", "codegen", nullptr, 0, nullptr, 0, 0, 0, 0,
     nullptr, 0}};
enum { Scale, Pick, Count, Compress, AddRows };

static void registerKernels() {
  using cuda::getMemory;
  using cuda::Launch;
  // x, bias, y; N, N; 4 * N units
  cuda::registerKernel("scale", 3, 2, [](const Launch &launch) {
    auto [xAt, biasAt, yAt, n, n2, units, status] =
        *reinterpret_cast<const uint64_t (*)[7]>(launch.parameters);
    auto *x = getMemory<float>(xAt, 4 * n), *y = getMemory<float>(yAt, 4 * n);
    auto *bias = getMemory<float>(biasAt, 4);
    for (uint64_t i = 0; x && y && bias && i < units; ++i)
      y[i] = 2 * x[i] + bias[i % 4];
  });
  // y, index, picked; N, N, N; N units
  cuda::registerKernel("pick", 3, 3, [](const Launch &launch) {
    auto [yAt, indexAt, pickedAt, n, n2, n3, units, statusAt] =
        *reinterpret_cast<const uint64_t (*)[8]>(launch.parameters);
    auto *y = getMemory<float>(yAt, 4 * n),
         *picked = getMemory<float>(pickedAt, 4 * n);
    auto *index = getMemory<int64_t>(indexAt, n);
    auto *status = getMemory<int64_t>(statusAt, 1);
    // A warp for each unit, two of them in a block.
    if (units <= 64 && launch.numBlocks != (units + 1) / 2)
      return;
    for (uint64_t i = 0; y && picked && index && i < units; ++i) {
      if (index[i] < 0 || uint64_t(index[i]) >= n) {
        if (!*status)
          *status = TENON_KERNEL_INDEX_OUT_OF_RANGE |
                    TENON_KERNEL_TELLS_NUMBER |
                    index[i] * (int64_t(1) << TENON_KERNEL_NUMBER_SHIFT) |
                    n << TENON_KERNEL_LIMIT_SHIFT;
        continue;
      }
      std::copy_n(y + 4 * index[i], 4, picked + 4 * i);
    }
  });
  // x, count; N; 1 unit
  cuda::registerKernel("count", 2, 1, [](const Launch &launch) {
    uint64_t n = launch.parameters[2];
    auto *x = getMemory<float>(launch.parameters[0], 4 * n);
    if (auto *count = getMemory<int64_t>(launch.parameters[1], 1))
      *count = std::count_if(x, x + 4 * n, [](float v) { return v > 0; });
  });
  // x, positive; N; 1 unit
  cuda::registerKernel("compress", 2, 1, [](const Launch &launch) {
    uint64_t n = launch.parameters[2], count = 0;
    auto *x = getMemory<float>(launch.parameters[0], 4 * n);
    for (uint64_t i = 0; i < 4 * n; ++i)
      if (x[i] > 0)
        *getMemory<float>(launch.parameters[1] + 4 * count++, 1) = x[i];
  });
}

std::string tenon::test::makeImage(const std::string &comment) {
  std::string text = "// " + comment + "\n.version 8.0\n";
  for (const TenonKernel &kernel : kernels) {
    if (!kernel.symbol)
      continue;
    text += ".visible .entry " + std::string(kernel.symbol) + "(";
    for (uint32_t i = 0; i < kernel.numArgs + kernel.numDims + 2; ++i)
      text += (i ? ", .param .u64 p" : ".param .u64 p") + std::to_string(i);
    text += ") { ret; }\n";
  }
  return text;
}

//===----------------------------------------------------------------------===//
// The model
//===----------------------------------------------------------------------===//

enum { X, Index, Y, Picked, Number, HostNumber, NumBuffers };
static const TenonBufferDesc buffers[NumBuffers] = {
    {"x", 0, 4, TENON_SPACE_DEVICE, 0},
    {"index", 0, 2, TENON_SPACE_DEVICE, 0},
    {"Mul_0, Add_1", 1, 2, TENON_SPACE_DEVICE, 0},
    {"Gather_2", 2, 2, TENON_SPACE_DEVICE, 0},
    {"Compress_3", 3, 3, TENON_SPACE_DEVICE, 0},
    {"Compress_3", 3, 4, TENON_SPACE_HOST, 0}};

static void plan(const int64_t *symbols, int64_t *bufferBytes,
                 int64_t *outputDims, int64_t *) {
  int64_t n = symbols[0];
  for (int buffer : {X, Y, Picked})
    bufferBytes[buffer] = 16 * n;
  bufferBytes[Index] = 8 * n;
  bufferBytes[Number] = bufferBytes[HostNumber] = 8;
  const int64_t dims[] = {n, 4, n, 4, TENON_DIM_COMPUTED, n};
  std::copy_n(dims, 6, outputDims);
}

/// Copies to the device from memory that is then written again.
template <typename T>
static void upload(const TenonRunFrame *frame, int buffer, int input,
                   int64_t count) {
  auto *data = static_cast<const T *>(frame->inputs[input]);
  std::vector<T> copy(data, data + count);
  frame->rt->transfer(frame->session, TENON_SPACE_DEVICE, /*isStable=*/0,
                      frame->buffers[buffer], copy.data(), sizeof(T), count);
  std::fill(copy.begin(), copy.end(), T(-1));
}

static int32_t run(const TenonRunFrame *frame) {
  const TenonRuntimeTable &rt = *frame->rt;
  void *session = frame->session;
  int64_t n = frame->symbols[0];
  int64_t dims[] = {n, n, n};
  void *const *buffers = frame->buffers;
  auto launch = [&](int kernel, std::vector<void *> args, int64_t units) {
    rt.launch(session, &kernels[kernel], args.data(), dims, units, -1);
  };
  upload<float>(frame, X, 0, 4 * n);
  upload<int64_t>(frame, Index, 1, n);
  auto *bias = const_cast<uint8_t *>(frame->deviceWeights);
  launch(Scale, {buffers[X], bias, buffers[Y]}, 4 * n);
  launch(Pick, {buffers[Y], buffers[Index], buffers[Picked]}, n);
  rt.transfer(session, TENON_SPACE_HOST, /*isStable=*/0, frame->outputs[0],
              buffers[Y], 4, 4 * n);
  rt.transfer(session, TENON_SPACE_HOST, /*isStable=*/1, frame->outputs[1],
              buffers[Picked], 4, 4 * n);
  launch(Count, {buffers[X], buffers[Number]}, 1);
  rt.transfer(session, TENON_SPACE_HOST, /*isStable=*/0, buffers[HostNumber],
              buffers[Number], 8, 1);
  if (!rt.status(session)) {
    int64_t count = *static_cast<int64_t *>(buffers[HostNumber]);
    void *block = rt.allocate(session, 0, TENON_SPACE_DEVICE, /*keep=*/0,
                              "Compress_3", 4, 1, &count);
    launch(Compress, {buffers[X], block}, 1);
    int64_t twice = 2 * count;
    auto *larger = static_cast<char *>(
        rt.allocate(session, 0, TENON_SPACE_DEVICE, /*keep=*/1, "Compress_3", 4,
                    1, &twice));
    if (!rt.status(session))
      rt.transfer(session, TENON_SPACE_DEVICE, /*isStable=*/1,
                  larger + 4 * count, larger, 4, count);
    void *output = rt.output(session, 2, "Compress_3", &twice);
    rt.transfer(session, TENON_SPACE_HOST, /*isStable=*/1, output, larger, 4,
                twice);
  }
  launch(AddRows, {frame->outputs[0], frame->outputs[3]}, n);
  return TENON_OK;
}

//===----------------------------------------------------------------------===//
// The model that can be replayed
//===----------------------------------------------------------------------===//

std::atomic<int> tenon::test::replayableModelRuns{0};

static void planReplayable(const int64_t *symbols, int64_t *bufferBytes,
                           int64_t *outputDims, int64_t *) {
  int64_t n = symbols[0];
  for (int buffer : {X, Y, Picked})
    bufferBytes[buffer] = 16 * n;
  bufferBytes[Index] = 8 * n;
  const int64_t dims[] = {n, 4, n, 4};
  std::copy_n(dims, 4, outputDims);
}

/// That of all inputs and outputs only kernels read and write.
static const TenonBufferDesc replayableBuffers[] = {
    {"x", 0, 2, TENON_SPACE_DEVICE, TENON_BUFFER_OF_INPUT(0)},
    {"index", 0, 2, TENON_SPACE_DEVICE, TENON_BUFFER_OF_INPUT(1)},
    {"Mul_0, Add_1", 1, 2, TENON_SPACE_DEVICE, TENON_BUFFER_OF_OUTPUT(0)},
    {"Gather_2", 2, 2, TENON_SPACE_DEVICE, TENON_BUFFER_OF_OUTPUT(1)}};

static int32_t runReplayable(const TenonRunFrame *frame) {
  ++replayableModelRuns;
  const TenonRuntimeTable &rt = *frame->rt;
  int64_t n = frame->symbols[0];
  int64_t dims[] = {n, n, n};
  void *const *buffers = frame->buffers;
  auto launch = [&](int kernel, std::vector<void *> args, int64_t units) {
    rt.launch(frame->session, &kernels[kernel], args.data(), dims, units, -1);
  };
  auto transfer = [&](int32_t space, void *target, const void *source,
                      int64_t elementBytes, int64_t count) {
    rt.transfer(frame->session, space, /*isStable=*/1, target, source,
                elementBytes, count);
  };
  transfer(TENON_SPACE_DEVICE, buffers[X], frame->inputs[0], 4, 4 * n);
  transfer(TENON_SPACE_DEVICE, buffers[Index], frame->inputs[1], 8, n);
  auto *bias = const_cast<uint8_t *>(frame->deviceWeights);
  launch(Scale, {buffers[X], bias, buffers[Y]}, 4 * n);
  transfer(TENON_SPACE_HOST, frame->outputs[0], buffers[Y], 4, 4 * n);
  launch(Pick, {buffers[Y], buffers[Index], buffers[Picked]}, n);
  transfer(TENON_SPACE_HOST, frame->outputs[1], buffers[Picked], 4, 4 * n);
  return TENON_OK;
}

/// The same, but the host has a part in it.
static int32_t runWithHost(const TenonRunFrame *frame) {
  runReplayable(frame);
  int64_t from = 1, to = 0;
  frame->rt->copy(frame->session, &to, &from, sizeof from, 1);
  return frame->rt->status(frame->session) || to == 1 ? TENON_OK
                                                      : TENON_ERROR_INTERNAL;
}

static const int64_t rowDims[] = {TENON_DIM_SYMBOL(0), 4};
static const int64_t indexDims[] = {TENON_DIM_SYMBOL(0)};
static const int64_t positiveDims[] = {TENON_DIM_COMPUTED};
static const TenonTensorDesc inputs[] = {
    {"x", TENON_F32, 2, rowDims, 0, 0, 0, 0, nullptr},
    {"index", TENON_I64, 1, indexDims, 0, 0, 0, 0, nullptr}};
static const TenonTensorDesc outputs[] = {
    {"y", TENON_F32, 2, rowDims, 0, 0, 0, 0, nullptr},
    {"picked", TENON_F32, 2, rowDims, 0, 0, 0, 0, nullptr},
    {"positive", TENON_F32, 1, positiveDims, 0, 0, 0, 0, nullptr},
    {"sums", TENON_F32, 1, indexDims, 0, 0, 0, 0, nullptr}};
static const char *const symbolNames[] = {"N"};

const TenonModelDesc &tenon::test::getDeviceModel() {
  static const std::string text = makeImage("the only one");
  static const TenonDeviceImage image = {
      "compute_80", reinterpret_cast<const uint8_t *>(text.c_str()),
      text.size() + 1};
  static const TenonModelDesc model = [] {
    registerKernels();
    TenonModelDesc desc = beginDescription("fake on a device");
    desc.numInputs = 2;
    desc.numOutputs = 4;
    desc.inputs = inputs;
    desc.outputs = outputs;
    desc.numSymbols = 1;
    desc.symbolNames = symbolNames;
    desc.numBuffers = NumBuffers;
    desc.buffers = buffers;
    desc.numKernels = 5;
    desc.kernels = kernels;
    desc.weights = reinterpret_cast<const uint8_t *>(weights);
    desc.weightsSize = sizeof weights;
    desc.deviceRanges = &biasRange;
    desc.numDeviceRanges = 1;
    desc.deviceWeightsSize = biasRange.size;
    desc.numSlots = 1;
    desc.numImages = 1;
    desc.device = "cuda";
    desc.images = &image;
    desc.plan = plan;
    desc.run = run;
    return desc;
  }();
  return model;
}

const TenonModelDesc &tenon::test::getReplayableModel() {
  static const TenonModelDesc model = [] {
    TenonModelDesc desc = getDeviceModel();
    desc.numOutputs = 2;
    desc.numBuffers = Picked + 1;
    desc.buffers = replayableBuffers;
    desc.numKernels = AddRows;
    desc.numSlots = 0;
    desc.flags = TENON_MODEL_IS_REPLAYABLE;
    desc.plan = planReplayable;
    desc.run = runReplayable;
    return desc;
  }();
  return model;
}

const TenonModelDesc &tenon::test::getWronglyReplayableModel() {
  static const TenonModelDesc model = [] {
    TenonModelDesc desc = getReplayableModel();
    desc.run = runWithHost;
    return desc;
  }();
  return model;
}

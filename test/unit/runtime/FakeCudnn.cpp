//===- FakeCudnn.cpp - cuDNN without a device ----------------------------===//
//
// The functions of cuDNN's graph API that the runtime calls, beside the tests'
// driver (FakeCuda.h), whose streams it puts its work into. Convolutions and
// what is behind them are computed as they are described (FakeCudnnGraph.cpp).
// What the documentation forbids is refused.
//
// The environment says what it pretends:
//
//   FAKE_CUDNN_VERSION=80900             its version, else 91900
//   FAKE_CUDNN_FAIL=cudnnBackendExecute:5000  what this function returns
//   FAKE_CUDNN_ENGINES=2:4,5;34:         the engines that the heuristics tell,
//                                        the best first: their numbers, each
//                                        with its numerical notes; else 34:
//   FAKE_CUDNN_REFUSED=2                 the engine of which no plan is made
//   FAKE_CUDNN_WORKSPACE=1000000         what its engines want, else 0
//   FAKE_CUDNN_LOG=1                     tells on the standard error when an
//                                        engine is compiled for a graph
//   FAKE_CUDNN_REAL=libcudnn.so.9        a cuDNN that has to accept each
//                                        description too. Each graph is told on
//                                        the standard error, with the number of
//                                        engines that know its pattern, and of
//                                        those that the heuristics find for an
//                                        H100. Engines that are compiled are
//                                        found only if there is a libcuda.so.1,
//                                        for which the toolkit's stub will do.
//                                        Then nothing is computed
//
// TENON_CUDNN names the library.
//
//===----------------------------------------------------------------------===//

#include "test/unit/runtime/FakeCudnn.h"

#include "runtime/cuda/SharedLibrary.h"
#include "test/unit/runtime/FakeCuda.h"
#include "test/unit/runtime/FakeLibrary.h"

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <sstream>

using namespace tenon::cuda;
using namespace tenon::test::cuda;

namespace tenon::cuda {
struct DnnHandleTag {
  Stream stream = nullptr;
};
} // namespace tenon::cuda

static constexpr DnnStatus kBadParam = 2000, kNotFinalized = 2004;

static std::atomic<long> numDescriptors = 0;

#define ENTER(function)                                                        \
  if (std::optional<int> status = getFailure("FAKE_CUDNN_FAIL", #function))    \
  return *status

//===----------------------------------------------------------------------===//
// The library that has to agree
//===----------------------------------------------------------------------===//

namespace {

struct RealLibrary {
  static const RealLibrary *find();

#define DECLARE(member, symbol, ...) DnnStatus (*member)(__VA_ARGS__) = nullptr;
  TENON_CUDNN_FUNCTIONS(DECLARE)
  void (*getLastError)(char *, size_t) = nullptr;
  void *device = nullptr; // what is to be known of an H100

private:
  void describeDevice();
};

} // namespace

const RealLibrary *RealLibrary::find() {
  const char *file = getenv("FAKE_CUDNN_REAL");
  if (!file || !*file)
    return nullptr;
  static RealLibrary real;
  static bool isFound = [&] {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      fprintf(stderr, "FakeCudnn: %s\n", dlerror());
      abort();
    }
    SharedLibrary library(handle);
#define FIND(member, symbol, ...) library.find(real.member, #symbol);
    TENON_CUDNN_FUNCTIONS(FIND)
    bool found = library.find(real.getLastError, "cudnnGetLastErrorString");
    if (found)
      real.describeDevice();
    return found;
  }();
  return isFound ? &real : nullptr;
}

void RealLibrary::describeDevice() {
  constexpr const char properties[] = R"({
    "deviceName": "NVIDIA H100 80GB HBM3", "deviceVer": 900,
    "driverVer": 13000, "cudaDeviceId": 0, "pciDeviceId": 0,
    "multiProcessorCount": 132, "warpSize": 32,
    "maxGridSize": [2147483647, 65535, 65535],
    "maxBlockSize": [1024, 1024, 64], "maxThreadsPerBlock": 1024,
    "maxThreadsPerSM": 2048, "maxCtasPerSM": 32, "regsPerBlock": 65536,
    "maxRegistersPerSM": 65536, "maxSharedMemoryPerBlock": 49152,
    "maxSharedMemoryPerBlockOptin": 232448,
    "reservedSharedMemoryPerBlock": 1024, "l2CacheSize": 52428800,
    "totalGlobalMem": 85017755648, "smClockRateKHz": 1980000,
    "memClockRateKHz": 2619000, "supportCoopLaunch": 1, "isTccDriver": 0})";
  DnnStatus status =
      descriptorCreate(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &device);
  if (status == CUDNN_STATUS_SUCCESS)
    status = descriptorSet(device, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION,
                           CUDNN_TYPE_CHAR, sizeof properties - 1, properties);
  if (status == CUDNN_STATUS_SUCCESS)
    status = descriptorFinalize(device);
  if (status == CUDNN_STATUS_SUCCESS)
    return;
  fprintf(stderr, "FakeCudnn: the device: status %d\n", status);
  abort();
}

static bool isOfDescription(int type) {
  return type != CUDNN_BACKEND_ENGINE_DESCRIPTOR &&
         type != CUDNN_BACKEND_ENGINECFG_DESCRIPTOR &&
         type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR &&
         type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR;
}

/// Gives the attribute to the real library as well. There is no handle without
/// a device.
static DnnStatus setReal(const Descriptor &descriptor, int attribute,
                         const Attribute &value) {
  if (!descriptor.real || value.type == CUDNN_TYPE_HANDLE)
    return CUDNN_STATUS_SUCCESS;
  std::vector<void *> others;
  if (value.type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
    for (Descriptor *other : value.getDescriptors())
      others.push_back(other->real);
  return RealLibrary::find()->descriptorSet(
      descriptor.real, attribute, value.type, value.count,
      others.empty() ? static_cast<const void *>(value.bytes.data())
                     : others.data());
}

static DnnStatus finalizeReal(const Descriptor &descriptor) {
  if (!descriptor.real)
    return CUDNN_STATUS_SUCCESS;
  const RealLibrary &real = *RealLibrary::find();
  DnnStatus status = CUDNN_STATUS_SUCCESS;
  if (descriptor.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR)
    status =
        real.descriptorSet(descriptor.real, CUDNN_ATTR_ENGINEHEUR_DEVICEPROP,
                           CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &real.device);
  if (status == CUDNN_STATUS_SUCCESS)
    status = real.descriptorFinalize(descriptor.real);
  if (status != CUDNN_STATUS_SUCCESS) {
    char text[512] = "";
    real.getLastError(text, sizeof text);
    fprintf(stderr, "FakeCudnn: descriptor of type %d: status %d: %s\n",
            descriptor.type, status, text);
    return status;
  }
  int64_t count = 0, number = 0;
  if (descriptor.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
    status = real.descriptorGet(descriptor.real,
                                CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT,
                                CUDNN_TYPE_INT64, 1, &count, &number);
    fprintf(stderr, "FakeCudnn: graph %s: %ld engines\n",
            describeGraph(descriptor).c_str(), long(number));
  } else if (descriptor.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR) {
    status =
        real.descriptorGet(descriptor.real, CUDNN_ATTR_ENGINEHEUR_RESULTS,
                           CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &number, nullptr);
    fprintf(stderr, "FakeCudnn: an H100 has %ld of them\n", long(number));
  }
  return status == CUDNN_STATUS_SUCCESS && !number &&
                 (descriptor.type == CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR ||
                  descriptor.type == CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR)
             ? int(CUDNN_STATUS_NOT_SUPPORTED)
             : status;
}

//===----------------------------------------------------------------------===//
// Engines
//===----------------------------------------------------------------------===//

/// What FAKE_CUDNN_ENGINES says: numbers with their notes.
static std::vector<std::pair<int64_t, std::vector<int>>> getEngines() {
  const char *setting = getenv("FAKE_CUDNN_ENGINES");
  std::stringstream text(setting ? setting : "34:");
  std::vector<std::pair<int64_t, std::vector<int>>> engines;
  for (std::string engine; std::getline(text, engine, ';');) {
    engines.push_back({atoll(engine.c_str()), {}});
    std::stringstream notes(engine.substr(engine.find(':') + 1));
    for (std::string note; std::getline(notes, note, ',');)
      engines.back().second.push_back(atoi(note.c_str()));
  }
  return engines;
}

/// What is in the cache that a plan has need not be compiled again.
static void compile(const Descriptor &plan, int64_t engine) {
  auto *cache = plan.get<Descriptor *>(CUDNN_ATTR_EXECUTION_PLAN_KERNEL_CACHE);
  if (cache && !cache->compiled.insert(engine).second)
    return;
  if (getNumber("FAKE_CUDNN_LOG", 0))
    fprintf(stderr, "FakeCudnn: engine %ld is compiled\n", long(engine));
}

/// Fills what the caller has made room for.
template <typename T>
static DnnStatus tell(const std::vector<T> &values, int64_t room,
                      int64_t *count, void *target) {
  *count = values.size();
  if (room > 0)
    std::copy_n(values.begin(), std::min<size_t>(room, values.size()),
                static_cast<T *>(target));
  return CUDNN_STATUS_SUCCESS;
}

/// Makes a descriptor of the caller's one that is known.
static DnnStatus fill(void *target, int type, int64_t engine) {
  auto *descriptor = static_cast<Descriptor *>(target);
  if (!descriptor || descriptor->type != type)
    return kBadParam;
  descriptor->engine = engine;
  descriptor->isFinalized = true;
  return CUDNN_STATUS_SUCCESS;
}

#pragma GCC visibility push(default)
extern "C" {

long fakeCudnnCountDescriptors() { return numDescriptors; }

size_t cudnnGetVersion() { return getNumber("FAKE_CUDNN_VERSION", 91900); }

const char *cudnnGetErrorString(DnnStatus status) {
  return status == CUDNN_STATUS_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED"
         : status == kBadParam                ? "CUDNN_STATUS_BAD_PARAM"
         : status == 5000                     ? "CUDNN_STATUS_EXECUTION_FAILED"
                                              : nullptr;
}

DnnStatus cudnnCreate(DnnHandle *handle) {
  ENTER(cudnnCreate);
  *handle = new DnnHandleTag;
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnDestroy(DnnHandle handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnSetStream(DnnHandle handle, Stream stream) {
  ENTER(cudnnSetStream);
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnBackendCreateDescriptor(int type, DnnDescriptor *descriptor) {
  ENTER(cudnnBackendCreateDescriptor);
  auto made = std::make_unique<Descriptor>();
  made->type = type;
  if (const RealLibrary *real = RealLibrary::find();
      real && isOfDescription(type))
    if (DnnStatus status = real->descriptorCreate(type, &made->real))
      return status;
  *descriptor = made.release();
  ++numDescriptors;
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnBackendDestroyDescriptor(DnnDescriptor descriptor) {
  auto *gone = static_cast<Descriptor *>(descriptor);
  if (gone->real)
    RealLibrary::find()->descriptorDestroy(gone->real);
  delete gone;
  --numDescriptors;
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnBackendSetAttribute(DnnDescriptor target, int attribute,
                                   int type, int64_t count,
                                   const void *values) {
  ENTER(cudnnBackendSetAttribute);
  auto *descriptor = static_cast<Descriptor *>(target);
  if (!descriptor || descriptor->isFinalized || count < 1 || !values)
    return kBadParam;
  auto *bytes = static_cast<const char *>(values);
  Attribute value{type, count, {bytes, bytes + count * getSizeOfType(type)}};
  if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
    for (Descriptor *other : value.getDescriptors())
      if (!other || !other->isFinalized)
        return kNotFinalized;
  if (DnnStatus status = setReal(*descriptor, attribute, value))
    return status;
  descriptor->attributes[attribute] = std::move(value);
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnBackendFinalize(DnnDescriptor target) {
  ENTER(cudnnBackendFinalize);
  auto *descriptor = static_cast<Descriptor *>(target);
  if (!descriptor || descriptor->isFinalized)
    return kBadParam;
  if (!isComplete(*descriptor))
    return kBadParam;
  if (descriptor->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR) {
    const Descriptor *configuration =
        descriptor->getDescriptor(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG);
    if (configuration->engine == getNumber("FAKE_CUDNN_REFUSED", -1))
      return CUDNN_STATUS_NOT_SUPPORTED;
    descriptor->graph = configuration->graph;
    compile(*descriptor, configuration->engine);
  }
  if (DnnStatus status = finalizeReal(*descriptor))
    return status;
  descriptor->isFinalized = true;
  return CUDNN_STATUS_SUCCESS;
}

DnnStatus cudnnBackendGetAttribute(DnnDescriptor target, int attribute,
                                   int type, int64_t room, int64_t *count,
                                   void *values) {
  ENTER(cudnnBackendGetAttribute);
  auto *descriptor = static_cast<Descriptor *>(target);
  if (!descriptor || !descriptor->isFinalized)
    return kNotFinalized;
  auto engines = getEngines();
  switch (attribute) {
  case CUDNN_ATTR_ENGINEHEUR_RESULTS: {
    // The fallback has no others.
    bool isFirst =
        descriptor->getInt(CUDNN_ATTR_ENGINEHEUR_MODE) == CUDNN_HEUR_MODE_A;
    *count = isFirst ? engines.size() : 0;
    for (int64_t i = 0; i < std::min(room, *count); ++i) {
      auto *configuration = static_cast<Descriptor **>(values)[i];
      if (DnnStatus status =
              fill(configuration, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR,
                   engines[i].first))
        return status;
      configuration->graph =
          descriptor->getDescriptor(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH);
    }
    return CUDNN_STATUS_SUCCESS;
  }
  case CUDNN_ATTR_ENGINECFG_ENGINE:
    *count = 1;
    return fill(*static_cast<void **>(values), CUDNN_BACKEND_ENGINE_DESCRIPTOR,
                descriptor->engine);
  case CUDNN_ATTR_ENGINE_NUMERICAL_NOTE:
    for (auto &[number, notes] : engines)
      if (number == descriptor->engine)
        return tell(notes, room, count, values);
    return kBadParam;
  case CUDNN_ATTR_ENGINE_GLOBAL_INDEX:
    return tell(std::vector{descriptor->engine}, room, count, values);
  case CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE:
    return tell(std::vector{getNumber("FAKE_CUDNN_WORKSPACE", 0)}, room, count,
                values);
  default:
    return kBadParam;
  }
}

DnnStatus cudnnBackendExecute(DnnHandle handle, DnnDescriptor plan,
                              DnnDescriptor pack) {
  ENTER(cudnnBackendExecute);
  auto *execution = static_cast<Descriptor *>(plan);
  auto *data = static_cast<Descriptor *>(pack);
  if (!handle || !execution || !data || !execution->isFinalized ||
      !data->isFinalized)
    return kBadParam;
  GraphRun run;
  if (!run.read(*execution->graph, *data))
    return kBadParam;
  std::vector<uint64_t> addresses = run.getAddresses();
  auto workspace = reinterpret_cast<uintptr_t>(
      data->get<void *>(CUDNN_ATTR_VARIANT_PACK_WORKSPACE));
  if (getNumber("FAKE_CUDNN_WORKSPACE", 0)) {
    if (!workspace)
      return kBadParam;
    addresses.push_back(workspace);
  }
  bool isComputed = !RealLibrary::find();
  return enqueue(handle->stream, addresses,
                 [run, isComputed] {
                   if (isComputed)
                     run.compute();
                 })
             ? int(CUDNN_STATUS_SUCCESS)
             : 5000;
}

} // extern "C"
#pragma GCC visibility pop

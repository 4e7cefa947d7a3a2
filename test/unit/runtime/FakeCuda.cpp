//===- FakeCuda.cpp - A CUDA driver without a device ---------------------===//

#include "test/unit/runtime/FakeCuda.h"

#include "runtime/cuda/Driver.h"
#include "test/unit/runtime/EmulatedKernels.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <sys/mman.h>
#include <utility>
#include <vector>

using namespace tenon::test::cuda;
using tenon::cuda::ContextTag;
using tenon::cuda::FunctionTag;
using tenon::cuda::ModuleTag;
using tenon::cuda::Result;
using tenon::cuda::StreamTag;

namespace {

struct Kernel {
  unsigned numPointers, numValues;
  Body body; // null if it is not registered
};

struct Operation {
  std::vector<uint64_t> addresses; // on the device
  std::function<void()> run;
};

} // namespace

// What the handles are of.
struct tenon::cuda::ContextTag {};
struct tenon::cuda::ModuleTag {
  std::string text;        // "" for machine code
  void *library = nullptr; // of emulated kernels
  ~ModuleTag() {
    if (library)
      dlclose(library);
  }
};
struct tenon::cuda::FunctionTag {
  ModuleTag *module;
  std::string symbol;
  Kernel kernel;
  Emulated emulated = nullptr;
};
struct tenon::cuda::StreamTag {
  std::vector<Operation> queue;
};

namespace {

enum : Result {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  NoDevice = 100,
  InvalidContext = 201,
  InvalidImage = 200,
  NotFound = 500,
  IllegalAddress = 700
};
constexpr int defaultVersion = 13000, defaultCapability = 90,
              emulatedCapability = 121;
constexpr uint64_t defaultMemory = uint64_t(1) << 30;

/// Device memory. It can be read and written in a DeviceTurn only.
struct Block {
  uint64_t size;
};

/// All there is. One lock guards it.
struct Driver {
  std::recursive_mutex mutex;
  bool isInitialized = false;
  int numRetained = 0;
  std::map<uint64_t, Block> blocks;
  uint64_t used = 0;
  std::map<void *, uint64_t> hostBlocks;
  std::set<ModuleTag *> modules;
  std::map<FunctionTag *, std::unique_ptr<FunctionTag>> functions;
  std::set<StreamTag *> streams;
  std::map<std::string, Kernel> kernels;
  std::map<std::string, long> calls;
  std::string loadedImage, problems;
};

} // namespace

static Driver &getDriver() {
  static Driver driver;
  return driver;
}
static thread_local std::vector<ContextTag *> pushedContexts;
static ContextTag primaryContext;

static long getSetting(const char *name, long otherwise) {
  const char *value = getenv(name);
  return value && *value ? atol(value) : otherwise;
}

/// Writes down what was wrong.
static Result refuse(const std::string &what, Result result = InvalidValue) {
  getDriver().problems += what + "\n";
  return result;
}

/// Begins each function. Returns what it is to return at once, or success.
static Result enter(const std::string &name) {
  Driver &driver = getDriver();
  long number = ++driver.calls[name];
  if (getSetting("FAKE_CUDA_LOG", 0))
    fprintf(stderr, "%s\n", name.c_str());
  const char *fail = getenv("FAKE_CUDA_FAIL");
  if (!fail)
    return Success;
  char function[64] = "";
  long failing = 0;
  int result = 0;
  if (sscanf(fail, "%63[^:]:%ld:%d", function, &failing, &result) == 3 &&
      name == function && number == failing)
    return result;
  return Success;
}

/// The same for what needs a context.
static Result enterContext(const char *name) {
  if (Result result = enter(name))
    return result;
  if (!getDriver().isInitialized)
    return refuse(std::string(name) + " before cuInit", NotInitialized);
  if (pushedContexts.empty() || !getDriver().numRetained)
    return refuse(std::string(name) + " without a context", InvalidContext);
  return Success;
}

#define ENTER(function)                                                        \
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);               \
  if (Result result = enter(#function))                                        \
  return result
#define ENTER_CONTEXT(function)                                                \
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);               \
  if (Result result = enterContext(#function))                                 \
  return result

//===----------------------------------------------------------------------===//
// For tests
//===----------------------------------------------------------------------===//

void tenon::test::cuda::registerKernel(const std::string &symbol,
                                       unsigned numPointers, unsigned numValues,
                                       Body body) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  getDriver().kernels[symbol] = {numPointers, numValues, std::move(body)};
}

static void *findMemory(uint64_t address, uint64_t bytes) {
  auto &blocks = getDriver().blocks;
  auto next = blocks.upper_bound(address);
  if (next == blocks.begin())
    return nullptr;
  auto &[begin, block] = *std::prev(next);
  uint64_t offset = address - begin;
  return offset <= block.size && bytes <= block.size - offset
             ? reinterpret_cast<void *>(address)
             : nullptr;
}

namespace {
/// While it lives, the device's memory can be read and written.
struct DeviceTurn {
  DeviceTurn() { protect(PROT_READ | PROT_WRITE); }
  ~DeviceTurn() { protect(PROT_NONE); }

private:
  static void protect(int access) {
    for (auto &[begin, block] : getDriver().blocks)
      mprotect(reinterpret_cast<void *>(begin), block.size, access);
  }
};
} // namespace

void *tenon::test::cuda::getMemory(uint64_t address, uint64_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  void *memory = findMemory(address, bytes);
  if (!memory)
    refuse("no memory of " + std::to_string(bytes) + " bytes at an address");
  return memory;
}

std::string tenon::test::cuda::takeProblems() {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return std::exchange(getDriver().problems, "");
}

long tenon::test::cuda::countCalls(const std::string &function) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return getDriver().calls[function];
}

void tenon::test::cuda::reset() {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  getDriver().calls.clear();
}

size_t tenon::test::cuda::countHandles() {
  Driver &driver = getDriver();
  std::lock_guard<std::recursive_mutex> lock(driver.mutex);
  return driver.numRetained + driver.modules.size() + driver.streams.size() +
         driver.blocks.size() + driver.hostBlocks.size();
}

std::string tenon::test::cuda::getLoadedImage() {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return getDriver().loadedImage;
}

size_t tenon::test::cuda::countPushedContexts() {
  return pushedContexts.size();
}

//===----------------------------------------------------------------------===//
// The driver: devices and contexts
//===----------------------------------------------------------------------===//

static const std::map<Result, std::pair<const char *, const char *>> errors = {
    {InvalidValue, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {OutOfMemory, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {NoDevice, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {InvalidImage,
     {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {NotFound, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {IllegalAddress,
     {"CUDA_ERROR_ILLEGAL_ADDRESS",
      "an illegal memory access was encountered"}}};

#pragma GCC visibility push(default)
extern "C" {

Result cuDriverGetVersion(int *version) {
  ENTER(cuDriverGetVersion);
  *version = getSetting("FAKE_CUDA_VERSION", defaultVersion);
  return Success;
}

Result cuInit(unsigned flags) {
  ENTER(cuInit);
  if (flags)
    return refuse("cuInit with flags");
  if (!getSetting("FAKE_CUDA_DEVICES", 1))
    return NoDevice;
  getDriver().isInitialized = true;
  return Success;
}

Result cuGetErrorName(Result error, const char **text) {
  *text = errors.count(error) ? errors.at(error).first : nullptr;
  return *text ? Success : InvalidValue;
}

Result cuGetErrorString(Result error, const char **text) {
  *text = errors.count(error) ? errors.at(error).second : nullptr;
  return *text ? Success : InvalidValue;
}

Result cuDeviceGetCount(int *count) {
  ENTER(cuDeviceGetCount);
  *count = getSetting("FAKE_CUDA_DEVICES", 1);
  return Success;
}

Result cuDeviceGet(int *device, int ordinal) {
  ENTER(cuDeviceGet);
  if (ordinal != 0)
    return refuse("another device than the first");
  *device = 0;
  return Success;
}

Result cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER(cuDeviceGetAttribute);
  long capability = getSetting("FAKE_CUDA_CAPABILITY",
                               findTranslator().empty() ? defaultCapability
                                                        : emulatedCapability);
  switch (attribute) {
  case 16:
    *value = 4; // multiprocessors
    return Success;
  case 75:
    *value = capability / 10;
    return Success;
  case 76:
    *value = capability % 10;
    return Success;
  default:
    return refuse("attribute " + std::to_string(attribute));
  }
}

Result cuDeviceGetName(char *name, int size, int device) {
  ENTER(cuDeviceGetName);
  snprintf(name, size, "Fake");
  return Success;
}

Result cuDevicePrimaryCtxRetain(ContextTag **context, int device) {
  ENTER(cuDevicePrimaryCtxRetain);
  if (!getDriver().isInitialized)
    return refuse("cuDevicePrimaryCtxRetain before cuInit", NotInitialized);
  ++getDriver().numRetained;
  *context = &primaryContext;
  return Success;
}

Result cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(cuDevicePrimaryCtxRelease_v2);
  Driver &driver = getDriver();
  if (!driver.numRetained)
    return refuse("a context is released that is not there");
  --driver.numRetained;
  if (!driver.numRetained && countHandles())
    return refuse("a context is released that is in use");
  return Success;
}

Result cuCtxPushCurrent_v2(ContextTag *context) {
  ENTER(cuCtxPushCurrent_v2);
  if (context != &primaryContext || !getDriver().numRetained)
    return refuse("a context is pushed that is not there", InvalidContext);
  pushedContexts.push_back(context);
  return Success;
}

Result cuCtxPopCurrent_v2(ContextTag **context) {
  ENTER(cuCtxPopCurrent_v2);
  if (pushedContexts.empty())
    return refuse("a context is popped that is not there", InvalidContext);
  *context = pushedContexts.back();
  pushedContexts.pop_back();
  return Success;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

Result cuModuleLoadDataEx(ModuleTag **module, const void *image,
                          unsigned numOptions, int *options, void **values) {
  ENTER_CONTEXT(cuModuleLoadDataEx);
  char *log = nullptr;
  size_t logSize = 0;
  for (unsigned i = 0; i < numOptions; ++i) {
    if (options[i] == 5)
      log = static_cast<char *>(values[i]);
    else if (options[i] == 6)
      logSize = reinterpret_cast<uintptr_t>(values[i]);
    else
      return refuse("option " + std::to_string(options[i]));
  }
  auto made = std::make_unique<ModuleTag>();
  std::string error;
  bool isMachineCode = memcmp(image, "\177ELF", 4) == 0;
  if (isMachineCode && !getSetting("FAKE_CUDA_MACHINE_CODE", 1))
    error = "machine code of another version";
  if (!isMachineCode) {
    made->text = static_cast<const char *>(image);
    if (made->text.find(".entry") == std::string::npos)
      error = "ptxas fatal\n  : no entry\n";
  }
  if (error.empty() && !findTranslator().empty()) {
    if (isMachineCode)
      error = "machine code is not emulated";
    else
      made->library = loadEmulated(made->text, error);
  }
  if (!error.empty()) {
    if (log)
      snprintf(log, logSize, "%s", error.c_str());
    return InvalidImage;
  }
  getDriver().loadedImage = made->text;
  *module = made.release();
  getDriver().modules.insert(*module);
  return Success;
}

Result cuModuleUnload(ModuleTag *module) {
  ENTER_CONTEXT(cuModuleUnload);
  Driver &driver = getDriver();
  if (!driver.modules.erase(module))
    return refuse("a module is unloaded that is not there");
  for (auto at = driver.functions.begin(); at != driver.functions.end();)
    at = at->second->module == module ? driver.functions.erase(at)
                                      : std::next(at);
  delete module;
  return Success;
}

Result cuModuleGetFunction(FunctionTag **function, ModuleTag *module,
                           const char *name) {
  ENTER_CONTEXT(cuModuleGetFunction);
  Driver &driver = getDriver();
  if (!driver.modules.count(module))
    return refuse("a function of a module that is not there");
  auto known = driver.kernels.find(name);
  auto made = std::make_unique<FunctionTag>();
  made->module = module;
  made->symbol = name;
  if (known != driver.kernels.end())
    made->kernel = known->second;
  if (!module->text.empty()) {
    size_t begin = module->text.find(".entry " + made->symbol + "(");
    if (begin == std::string::npos)
      return NotFound;
    size_t end = module->text.find(')', begin);
    unsigned numParameters = 0;
    for (size_t at = begin; (at = module->text.find(".param", at + 1)) < end;)
      ++numParameters;
    if (module->library)
      made->emulated = reinterpret_cast<Emulated>(
          dlsym(module->library, ("kernel_" + made->symbol).c_str()));
    if (known == driver.kernels.end())
      made->kernel = {0, numParameters < 2 ? 0 : numParameters - 2, nullptr};
    else if (numParameters !=
             made->kernel.numPointers + made->kernel.numValues + 2)
      return refuse("kernel " + made->symbol + " has " +
                    std::to_string(numParameters) + " parameters");
  }
  *function = made.get();
  driver.functions[made.get()] = std::move(made);
  return Success;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Result cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  ENTER_CONTEXT(cuMemAlloc_v2);
  Driver &driver = getDriver();
  if (!bytes)
    return refuse("a block of no bytes");
  uint64_t limit = getSetting("FAKE_CUDA_MEMORY", defaultMemory);
  if (bytes > limit || driver.used > limit - bytes)
    return OutOfMemory;
  void *place = mmap(nullptr, bytes, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED)
    return OutOfMemory;
  *address = reinterpret_cast<uintptr_t>(place);
  driver.blocks[*address] = {bytes};
  driver.used += bytes;
  DeviceTurn turn;
  memset(place, 0xcd, bytes);
  return Success;
}

Result cuMemFree_v2(uint64_t address) {
  ENTER_CONTEXT(cuMemFree_v2);
  Driver &driver = getDriver();
  auto found = driver.blocks.find(address);
  if (found == driver.blocks.end())
    return refuse("a block is freed that is not there");
  uint64_t size = found->second.size;
  for (StreamTag *stream : driver.streams)
    for (const Operation &operation : stream->queue)
      for (uint64_t used : operation.addresses)
        if (used >= address && used < address + size)
          return refuse("a block is freed that is in use");
  driver.used -= size;
  munmap(reinterpret_cast<void *>(address), size);
  driver.blocks.erase(found);
  return Success;
}

Result cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
  ENTER_CONTEXT(cuMemHostAlloc);
  if (!bytes)
    return refuse("a block of no bytes");
  *memory = malloc(bytes);
  getDriver().hostBlocks[*memory] = bytes;
  return Success;
}

Result cuMemFreeHost(void *memory) {
  ENTER_CONTEXT(cuMemFreeHost);
  if (!getDriver().hostBlocks.erase(memory))
    return refuse("a block of the host is freed that is not there");
  free(memory);
  return Success;
}

//===----------------------------------------------------------------------===//
// Streams
//===----------------------------------------------------------------------===//

static Result enqueue(StreamTag *stream, Operation operation) {
  if (!getDriver().streams.count(stream))
    return refuse("a stream that is not there");
  stream->queue.push_back(std::move(operation));
  return Success;
}

static Result enqueueCopy(StreamTag *stream, bool isToDevice, bool isFromDevice,
                          uint64_t target, uint64_t source, size_t bytes) {
  std::vector<uint64_t> addresses;
  if (isToDevice)
    addresses.push_back(target);
  if (isFromDevice)
    addresses.push_back(source);
  for (uint64_t address : addresses)
    if (!bytes || !findMemory(address, bytes))
      return refuse("a copy of " + std::to_string(bytes) +
                    " bytes outside of a block");
  if ((!isToDevice && findMemory(target, 1)) ||
      (!isFromDevice && findMemory(source, 1)))
    return refuse("a copy between other memories than it says");
  return enqueue(stream,
                 {addresses, [=] {
                    memcpy(isToDevice ? findMemory(target, bytes)
                                      : reinterpret_cast<void *>(target),
                           isFromDevice ? findMemory(source, bytes)
                                        : reinterpret_cast<void *>(source),
                           bytes);
                  }});
}

Result cuMemcpyHtoDAsync_v2(uint64_t target, const void *source, size_t bytes,
                            StreamTag *stream) {
  ENTER_CONTEXT(cuMemcpyHtoDAsync_v2);
  return enqueueCopy(stream, true, false, target,
                     reinterpret_cast<uintptr_t>(source), bytes);
}

Result cuMemcpyDtoHAsync_v2(void *target, uint64_t source, size_t bytes,
                            StreamTag *stream) {
  ENTER_CONTEXT(cuMemcpyDtoHAsync_v2);
  return enqueueCopy(stream, false, true, reinterpret_cast<uintptr_t>(target),
                     source, bytes);
}

Result cuMemcpyDtoDAsync_v2(uint64_t target, uint64_t source, size_t bytes,
                            StreamTag *stream) {
  ENTER_CONTEXT(cuMemcpyDtoDAsync_v2);
  return enqueueCopy(stream, true, true, target, source, bytes);
}

Result cuMemsetD8Async(uint64_t target, unsigned char value, size_t bytes,
                       StreamTag *stream) {
  ENTER_CONTEXT(cuMemsetD8Async);
  if (!bytes || !findMemory(target, bytes))
    return refuse("bytes are set outside of a block");
  return enqueue(stream, {{target}, [=] {
                            memset(findMemory(target, bytes), value, bytes);
                          }});
}

Result cuStreamCreate(StreamTag **stream, unsigned flags) {
  ENTER_CONTEXT(cuStreamCreate);
  if (flags > 1)
    return refuse("a stream with flags");
  *stream = new StreamTag;
  getDriver().streams.insert(*stream);
  return Success;
}

Result cuStreamSynchronize(StreamTag *stream) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  std::vector<Operation> queue;
  if (getDriver().streams.count(stream)) // also lost if this fails
    queue.swap(stream->queue);
  if (Result result = enterContext("cuStreamSynchronize"))
    return result;
  if (!getDriver().streams.count(stream))
    return refuse("a stream is waited for that is not there");
  DeviceTurn turn;
  for (Operation &operation : queue)
    operation.run();
  return Success;
}

Result cuStreamDestroy_v2(StreamTag *stream) {
  ENTER_CONTEXT(cuStreamDestroy_v2);
  if (!getDriver().streams.erase(stream))
    return refuse("a stream is destroyed that is not there");
  if (!stream->queue.empty())
    refuse("a stream is destroyed that is in use");
  delete stream;
  return Success;
}

Result cuLaunchKernel(FunctionTag *function, unsigned gridX, unsigned gridY,
                      unsigned gridZ, unsigned blockX, unsigned blockY,
                      unsigned blockZ, unsigned sharedBytes, StreamTag *stream,
                      void **parameters, void **extra) {
  ENTER_CONTEXT(cuLaunchKernel);
  Driver &driver = getDriver();
  if (!driver.functions.count(function))
    return refuse("a function that is not there");
  const Kernel &kernel = function->kernel;
  if (!gridX || gridY != 1 || gridZ != 1 || !blockX || blockX > 1024 ||
      blockY != 1 || blockZ != 1 || sharedBytes || extra)
    return refuse("kernel " + function->symbol + " has a wrong grid");
  // Machine code does not say which parameters it has.
  if (function->module->text.empty() && !kernel.body) {
    if (getSetting("FAKE_CUDA_LOG", 0))
      fprintf(stderr, "kernel %s: %u blocks of %u\n", function->symbol.c_str(),
              gridX, blockX);
    return enqueue(stream, {{}, [] {}});
  }
  // Parameters are read now, as by the driver.
  std::vector<uint64_t> values(kernel.numPointers + kernel.numValues + 2);
  for (size_t i = 0; i < values.size(); ++i)
    memcpy(&values[i], parameters[i], sizeof(uint64_t));
  Operation operation;
  operation.addresses.assign(values.begin(),
                             values.begin() + kernel.numPointers);
  operation.addresses.push_back(values.back());
  for (uint64_t address : operation.addresses)
    if (!findMemory(address, 1) || address % 4)
      return refuse("kernel " + function->symbol + " has a wrong address");
  if (!findMemory(values.back(), 8) || values.back() % 8)
    return refuse("kernel " + function->symbol + " has nowhere to report");
  if (getSetting("FAKE_CUDA_LOG", 0))
    fprintf(stderr, "kernel %s: %u blocks of %u, %lu units\n",
            function->symbol.c_str(), gridX, blockX, values.end()[-2]);
  operation.run = [body = kernel.body, emulated = function->emulated, values,
                   gridX, blockX] {
    if (body)
      body({values.data(), gridX, blockX});
    else if (emulated)
      emulated(gridX, blockX, values.data());
  };
  return enqueue(stream, std::move(operation));
}

} // extern "C"
#pragma GCC visibility pop

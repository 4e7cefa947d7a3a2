//===- FakeCuda.cpp - A CUDA driver without a device ---------------------===//

#include "test/unit/runtime/FakeCudaState.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>

using namespace tenon::test::cuda;

constexpr int defaultVersion = 13000, defaultCapability = 90,
              emulatedCapability = 121;

static ContextTag primaryContext;

//===----------------------------------------------------------------------===//
// Devices and contexts
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
      "an illegal memory access was encountered"}},
    {LaunchFailed, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}}};

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
  ENTER(cuGetErrorName);
  *text = errors.count(error) ? errors.at(error).first : nullptr;
  return *text ? Success : InvalidValue;
}

Result cuGetErrorString(Result error, const char **text) {
  ENTER(cuGetErrorString);
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
  if (ordinal < 0 || ordinal >= getSetting("FAKE_CUDA_DEVICES", 1))
    return refuse("a device that is not there");
  *device = ordinal;
  return Success;
}

Result cuDeviceGetAttribute(int *value, int attribute, int device) {
  ENTER(cuDeviceGetAttribute);
  long capability = getSetting("FAKE_CUDA_CAPABILITY",
                               findTranslator().empty() ? defaultCapability
                                                        : emulatedCapability);
  switch (attribute) {
  case tenon::cuda::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
    *value = 4;
    return Success;
  case tenon::cuda::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
    *value = capability / 10;
    return Success;
  case tenon::cuda::CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
    *value = capability % 10;
    return Success;
  default:
    return refuse("attribute " + std::to_string(attribute));
  }
}

Result cuDeviceGetName(char *name, int size, int device) {
  ENTER(cuDeviceGetName);
  snprintf(name, size, device ? "Fake %d" : "Fake", device);
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
  ENTER_RELEASE(enter, cuDevicePrimaryCtxRelease_v2);
  Driver &driver = getDriver();
  if (!driver.numRetained)
    return refuse("a context is released that is not there");
  --driver.numRetained;
  if (!driver.numRetained && countHandles())
    return refuse("a context is released that is in use");
  return told;
}

Result cuCtxPushCurrent_v2(ContextTag *context) {
  ENTER(cuCtxPushCurrent_v2);
  if (context != &primaryContext || !getDriver().numRetained)
    return refuse("a context is pushed that is not there", InvalidContext);
  pushedContexts.push_back(context);
  return Success;
}

Result cuCtxPopCurrent_v2(ContextTag **context) {
  ENTER_RELEASE(enter, cuCtxPopCurrent_v2);
  if (pushedContexts.empty())
    return refuse("a context is popped that is not there", InvalidContext);
  *context = pushedContexts.back();
  pushedContexts.pop_back();
  return told;
}

//===----------------------------------------------------------------------===//
// Modules
//===----------------------------------------------------------------------===//

Result cuModuleLoadDataEx(ModuleTag **module, const void *image,
                          unsigned numOptions, int *options, void **values) {
  ENTER_UNSAFE(cuModuleLoadDataEx);
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
  ENTER_RELEASE(enterUnsafe, cuModuleUnload);
  Driver &driver = getDriver();
  if (!driver.modules.erase(module))
    return refuse("a module is unloaded that is not there");
  for (auto at = driver.functions.begin(); at != driver.functions.end();)
    at = at->second->module == module ? driver.functions.erase(at)
                                      : std::next(at);
  delete module;
  return told;
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
    if (module->library) {
      made->emulated = reinterpret_cast<Emulated>(
          dlsym(module->library, ("kernel_" + made->symbol).c_str()));
      auto *bytes = static_cast<const uint32_t *>(
          dlsym(module->library, ("shared_bytes_" + made->symbol).c_str()));
      if (bytes && *bytes > 48 << 10)
        return refuse("kernel " + made->symbol + " has too much shared memory");
    }
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
  ENTER_UNSAFE(cuMemAlloc_v2);
  if (!bytes)
    return refuse("a block of no bytes");
  *address = allocateBlock(bytes);
  return *address ? Success : OutOfMemory;
}

Result cuMemFree_v2(uint64_t address) {
  ENTER_RELEASE(enterUnsafe, cuMemFree_v2);
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
  freeBlock(address);
  return told;
}

Result cuPointerGetAttributes(unsigned numAttributes, int *attributes,
                              void **values, uint64_t address) {
  ENTER_CONTEXT(cuPointerGetAttributes);
  Driver &driver = getDriver();
  // What it does not know is zero. Of the host's memory it knows what it gave
  // itself.
  unsigned type = 0;
  int device = 0;
  std::pair<uint64_t, uint64_t> range;
  for (auto &[memory, bytes] : driver.hostBlocks)
    if (address - reinterpret_cast<uintptr_t>(memory) < bytes)
      type = 1;
  if (findMemory(address, 1)) {
    auto [begin, block] = *std::prev(driver.blocks.upper_bound(address));
    type = tenon::cuda::CU_MEMORYTYPE_DEVICE;
    device = getSetting("FAKE_CUDA_POINTER_DEVICE", 0);
    range = {begin, block.size};
  }
  for (unsigned i = 0; i < numAttributes; ++i)
    if (attributes[i] == tenon::cuda::CU_POINTER_ATTRIBUTE_MEMORY_TYPE)
      *static_cast<unsigned *>(values[i]) = type;
    else if (attributes[i] == tenon::cuda::CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL)
      *static_cast<int *>(values[i]) = device;
    else if (attributes[i] ==
             tenon::cuda::CU_POINTER_ATTRIBUTE_RANGE_START_ADDR)
      *static_cast<uint64_t *>(values[i]) = range.first;
    else if (attributes[i] == tenon::cuda::CU_POINTER_ATTRIBUTE_RANGE_SIZE)
      *static_cast<size_t *>(values[i]) = range.second;
    else
      return refuse("attribute " + std::to_string(attributes[i]) +
                    " of a pointer");
  return Success;
}

Result cuMemHostAlloc(void **memory, size_t bytes, unsigned flags) {
  ENTER_UNSAFE(cuMemHostAlloc);
  if (!bytes)
    return refuse("a block of no bytes");
  *memory = malloc(bytes);
  getDriver().hostBlocks[*memory] = bytes;
  return Success;
}

Result cuMemFreeHost(void *memory) {
  ENTER_RELEASE(enterUnsafe, cuMemFreeHost);
  if (!getDriver().hostBlocks.erase(memory))
    return refuse("a block of the host is freed that is not there");
  free(memory);
  return told;
}

} // extern "C"
#pragma GCC visibility pop

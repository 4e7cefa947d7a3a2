//===- FakeCudaState.cpp - What the CUDA driver without a device knows ---===//

#include "test/unit/runtime/FakeCudaState.h"

#include "test/unit/runtime/FakeLibrary.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <sstream>
#include <sys/mman.h>
#include <unistd.h>

using namespace tenon::test::cuda;

static constexpr uint64_t defaultMemory = uint64_t(1) << 30;

tenon::cuda::ModuleTag::~ModuleTag() {
  if (library)
    dlclose(library);
}

Driver &tenon::test::cuda::getDriver() {
  static Driver driver;
  return driver;
}
thread_local std::vector<ContextTag *> tenon::test::cuda::pushedContexts;

long tenon::test::cuda::getSetting(const char *name, long otherwise) {
  const char *value = getenv(name);
  return value && *value ? atol(value) : otherwise;
}

void tenon::test::cuda::checkSettings() {
  static const std::set<std::string_view> known = {
      "FAKE_CUDA_FAIL",          "FAKE_CUDA_FAULTS_STAY",
      "FAKE_CUDA_VERSION",       "FAKE_CUDA_DEVICES",
      "FAKE_CUDA_CAPABILITY",    "FAKE_CUDA_POINTER_DEVICE",
      "FAKE_CUDA_MACHINE_CODE",  "FAKE_CUDA_MEMORY",
      "FAKE_CUDA_TRANSLATOR",    "FAKE_CUDA_CACHE",
      "FAKE_CUDA_DESCENDING",    "FAKE_CUDA_LOG",
      "FAKE_CUBLASLT_VERSION",   "FAKE_CUBLASLT_FAIL",
      "FAKE_CUBLASLT_WORKSPACE", "FAKE_CUDNN_VERSION",
      "FAKE_CUDNN_FAIL",         "FAKE_CUDNN_ENGINES",
      "FAKE_CUDNN_REFUSED",      "FAKE_CUDNN_WORKSPACE",
      "FAKE_CUDNN_LOG",          "FAKE_CUDNN_REAL"};
  for (char **variable = environ; *variable; ++variable) {
    if (strncmp(*variable, "FAKE_", 5))
      continue;
    std::string_view name(*variable, strcspn(*variable, "="));
    if (known.count(name))
      continue;
    fprintf(stderr, "fake_cuda: there is no setting %.*s\n", int(name.size()),
            name.data());
    abort();
  }
}

namespace {

/// One call of FAKE_CUDA_FAIL, taken apart.
struct Failure {
  char function[64];
  long number;
  int result;
};

} // namespace

/// Ends the process if one is no call of a function that there is here.
static std::vector<Failure> getDriverFailures() {
  std::vector<Failure> failures;
  const char *setting = getenv("FAKE_CUDA_FAIL");
  std::istringstream calls(setting ? setting : "");
  for (std::string call; std::getline(calls, call, ',');) {
    Failure &failure = failures.emplace_back();
    if (sscanf(call.c_str(), "%63[^:]:%ld:%d", failure.function,
               &failure.number, &failure.result) != 3 ||
        !hasFunction(failure.function))
      refuseFailure("FAKE_CUDA_FAIL");
  }
  return failures;
}

Result tenon::test::cuda::refuse(const std::string &what, Result result) {
  getDriver().problems += what + "\n";
  return result;
}

Result tenon::test::cuda::keepFault(Result result) {
  if (getSetting("FAKE_CUDA_FAULTS_STAY", 0) && !tenon::cuda::isOfCall(result))
    getDriver().fault = result;
  return result;
}

/// Whether a function works after a fault, too.
static bool worksAfterFaults(const std::string &name) {
  for (const char *part :
       {"cuCtx", "Release", "Free", "Unload", "Destroy", "cuGetError"})
    if (name.find(part) != std::string::npos)
      return true;
  return false;
}

Result tenon::test::cuda::enter(const std::string &name) {
  checkSettings();
  Driver &driver = getDriver();
  long number = ++driver.calls[name];
  if (getSetting("FAKE_CUDA_LOG", 0))
    fprintf(stderr, "%s\n", name.c_str());
  if (driver.fault && !worksAfterFaults(name))
    return driver.fault;
  for (const Failure &failure : getDriverFailures())
    if (name == failure.function && number == failure.number)
      return keepFault(failure.result);
  return Success;
}

Result tenon::test::cuda::enterContext(const char *name) {
  if (Result result = enter(name))
    return result;
  if (!getDriver().isInitialized)
    return refuse(std::string(name) + " before cuInit", NotInitialized);
  if (pushedContexts.empty() || !getDriver().numRetained)
    return refuse(std::string(name) + " without a context", InvalidContext);
  return Success;
}

Result tenon::test::cuda::enterUnsafe(const char *name) {
  if (Result result = enterContext(name))
    return result;
  for (StreamTag *stream : getDriver().streams)
    if (stream->isCapturing && stream->thread == std::this_thread::get_id()) {
      stream->isInvalid = true;
      return refuse(std::string(name) + " while a graph is captured",
                    CaptureUnsupported);
    }
  return Success;
}

Result tenon::test::cuda::enqueue(StreamTag *stream, Operation operation) {
  if (!getDriver().streams.count(stream))
    return refuse("a stream that is not there");
  if (stream->isCapturing && !operation.isPinned) {
    stream->isInvalid = true;
    return refuse("a graph copies memory that is not pinned",
                  CaptureUnsupported);
  }
  (stream->isCapturing ? stream->captured : stream->queue)
      .push_back(std::move(operation));
  return Success;
}

void tenon::test::cuda::execute(const Operation &operation) {
  operation.run();
  getDriver().milliseconds += operation.milliseconds;
}

void *tenon::test::cuda::findMemory(uint64_t address, uint64_t bytes) {
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

uint64_t tenon::test::cuda::allocateBlock(uint64_t bytes) {
  Driver &driver = getDriver();
  uint64_t limit = getSetting("FAKE_CUDA_MEMORY", defaultMemory);
  if (bytes > limit || driver.used > limit - bytes)
    return 0;
  void *place = mmap(nullptr, bytes, PROT_NONE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (place == MAP_FAILED)
    return 0;
  auto address = reinterpret_cast<uintptr_t>(place);
  driver.blocks[address] = {bytes};
  driver.used += bytes;
  DeviceTurn turn;
  memset(place, 0xcd, bytes);
  return address;
}

void tenon::test::cuda::freeBlock(uint64_t address) {
  Driver &driver = getDriver();
  uint64_t size = driver.blocks.at(address).size;
  driver.used -= size;
  munmap(reinterpret_cast<void *>(address), size);
  driver.blocks.erase(address);
}

/// Lets the device's memory be read and written, or not.
static void protect(int access) {
  for (auto &[begin, block] : getDriver().blocks)
    mprotect(reinterpret_cast<void *>(begin), block.size, access);
}

tenon::test::cuda::DeviceTurn::DeviceTurn() { protect(PROT_READ | PROT_WRITE); }
tenon::test::cuda::DeviceTurn::~DeviceTurn() { protect(PROT_NONE); }

//===----------------------------------------------------------------------===//
// For tests
//===----------------------------------------------------------------------===//

void tenon::test::cuda::registerKernel(const std::string &symbol,
                                       unsigned numPointers, unsigned numValues,
                                       Body body) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  getDriver().kernels[symbol] = {numPointers, numValues, std::move(body)};
}

void *tenon::test::cuda::getMemory(uint64_t address, uint64_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  void *memory = findMemory(address, bytes);
  if (!memory)
    refuse("no memory of " + std::to_string(bytes) + " bytes at an address");
  return memory;
}

uint64_t tenon::test::cuda::fakeCudaAllocate(uint64_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return allocateBlock(bytes);
}

void tenon::test::cuda::fakeCudaFree(uint64_t address) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  freeBlock(address);
}

int tenon::test::cuda::fakeCudaWrite(uint64_t address, const void *source,
                                     uint64_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  void *target = getMemory(address, bytes);
  DeviceTurn turn;
  if (target)
    memcpy(target, source, bytes);
  return target != nullptr;
}

int tenon::test::cuda::fakeCudaRead(void *target, uint64_t address,
                                    uint64_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  void *source = getMemory(address, bytes);
  DeviceTurn turn;
  if (source)
    memcpy(target, source, bytes);
  return source != nullptr;
}

std::string tenon::test::cuda::takeProblems() {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return std::exchange(getDriver().problems, "");
}

long tenon::test::cuda::countCalls(const std::string &function) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return getDriver().calls[function];
}

long tenon::test::cuda::fakeCudaCountCalls(const char *function) {
  return countCalls(function);
}

void tenon::test::cuda::reset() {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  getDriver().calls.clear();
  getDriver().fault = Success;
}

size_t tenon::test::cuda::countHandles() {
  Driver &driver = getDriver();
  std::lock_guard<std::recursive_mutex> lock(driver.mutex);
  return driver.numRetained + driver.modules.size() + driver.streams.size() +
         driver.graphs.size() + driver.graphExecs.size() +
         driver.events.size() + driver.blocks.size() + driver.hostBlocks.size();
}

std::string tenon::test::cuda::getLoadedImage() {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  return getDriver().loadedImage;
}

size_t tenon::test::cuda::countPushedContexts() {
  return pushedContexts.size();
}

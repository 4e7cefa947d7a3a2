//===- FakeCudaState.cpp - What the CUDA driver without a device knows ---===//

#include "test/unit/runtime/FakeCudaState.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <sys/mman.h>

using namespace tenon::test::cuda;

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

Result tenon::test::cuda::refuse(const std::string &what, Result result) {
  getDriver().problems += what + "\n";
  return result;
}

Result tenon::test::cuda::enter(const std::string &name) {
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

Result tenon::test::cuda::enterContext(const char *name) {
  if (Result result = enter(name))
    return result;
  if (!getDriver().isInitialized)
    return refuse(std::string(name) + " before cuInit", NotInitialized);
  if (pushedContexts.empty() || !getDriver().numRetained)
    return refuse(std::string(name) + " without a context", InvalidContext);
  return Success;
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

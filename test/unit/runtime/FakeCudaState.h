//===- FakeCudaState.h - What the CUDA driver without a device knows -----===//
//
// For the functions of the driver in FakeCuda.cpp and FakeCudaStreams.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FAKECUDASTATE_H
#define TENON_TEST_UNIT_RUNTIME_FAKECUDASTATE_H

#include "runtime/cuda/Driver.h"
#include "test/unit/runtime/EmulatedKernels.h"
#include "test/unit/runtime/FakeCuda.h"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tenon::test::cuda {

using tenon::cuda::ContextTag;
using tenon::cuda::FunctionTag;
using tenon::cuda::ModuleTag;
using tenon::cuda::Result;
using tenon::cuda::StreamTag;

struct Kernel {
  unsigned numPointers, numValues;
  Body body; // null if it is not registered
};

struct Operation {
  std::vector<uint64_t> addresses; // on the device
  std::function<void()> run;
};

} // namespace tenon::test::cuda

// What the handles are of.
struct tenon::cuda::ContextTag {};
struct tenon::cuda::ModuleTag {
  std::string text;        // "" for machine code
  void *library = nullptr; // of emulated kernels
  ~ModuleTag();
};
struct tenon::cuda::FunctionTag {
  ModuleTag *module;
  std::string symbol;
  test::cuda::Kernel kernel;
  test::cuda::Emulated emulated = nullptr;
  unsigned maxSharedBytes = 48 << 10; // that a launch may ask for
  unsigned staticShared = 0;          // bytes, as far as known
};
struct tenon::cuda::StreamTag {
  std::vector<test::cuda::Operation> queue;
};

namespace tenon::test::cuda {

enum : Result {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = 2,
  NotInitialized = 3,
  NoDevice = 100,
  InvalidContext = 201,
  InvalidImage = 200,
  NotFound = 500,
  IllegalAddress = 700,
  LaunchFailed = 719
};

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
  Result failure = Success; // of what a stream did
};

Driver &getDriver();

/// The contexts that this thread has pushed and not popped.
extern thread_local std::vector<ContextTag *> pushedContexts;

/// What the environment says.
long getSetting(const char *name, long otherwise);

/// Writes down what was wrong.
Result refuse(const std::string &what, Result result = InvalidValue);

/// Begins each function. Returns what it is to return at once, or success.
Result enter(const std::string &name);
/// The same for what needs a context.
Result enterContext(const char *name);

#define ENTER(function)                                                        \
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);               \
  if (Result result = enter(#function))                                        \
  return result
#define ENTER_CONTEXT(function)                                                \
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);               \
  if (Result result = enterContext(#function))                                 \
  return result

/// The device's memory at an address, null if it is not `bytes` of one block.
void *findMemory(uint64_t address, uint64_t bytes);

/// While it lives, the device's memory can be read and written.
struct DeviceTurn {
  DeviceTurn();
  ~DeviceTurn();
};

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_FAKECUDASTATE_H

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
#include <thread>
#include <utility>
#include <vector>

namespace tenon::test::cuda {

using tenon::cuda::ContextTag;
using tenon::cuda::EventTag;
using tenon::cuda::FunctionTag;
using tenon::cuda::GraphExecTag;
using tenon::cuda::GraphTag;
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
  bool isPinned = true; // Whether all memory of the host in it is the driver's.
  double milliseconds = 0.001;
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
};
struct tenon::cuda::StreamTag {
  std::vector<test::cuda::Operation> queue;
  // While a graph is captured, by which thread, and whether that went wrong.
  bool isCapturing = false, isInvalid = false;
  std::thread::id thread;
  std::vector<test::cuda::Operation> captured;
};
struct tenon::cuda::GraphTag {
  std::vector<test::cuda::Operation> operations;
};
struct tenon::cuda::GraphExecTag {
  std::vector<test::cuda::Operation> operations;
};
struct tenon::cuda::EventTag {
  bool isRecorded = false;
  double milliseconds = -1; // by the device's clock, when it has come there
};

namespace tenon::test::cuda {

enum : Result {
  Success = 0,
  InvalidValue = 1,
  OutOfMemory = tenon::cuda::CUDA_ERROR_OUT_OF_MEMORY,
  NotInitialized = 3,
  NoDevice = tenon::cuda::CUDA_ERROR_NO_DEVICE,
  InvalidContext = tenon::cuda::CUDA_ERROR_INVALID_CONTEXT,
  InvalidImage = 200,
  InvalidHandle = tenon::cuda::CUDA_ERROR_INVALID_HANDLE,
  NotFound = 500,
  NotReady = 600,
  IllegalAddress = 700,
  LaunchFailed = 719,
  CaptureUnsupported = 900,
  CaptureInvalidated = 901
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
  std::set<GraphTag *> graphs;
  std::set<GraphExecTag *> graphExecs;
  std::set<EventTag *> events;
  double milliseconds = 0; // the device's clock
  std::map<std::string, Kernel> kernels;
  std::map<std::string, long> calls;
  std::string loadedImage, problems;
  Result failure = Success; // of what a stream did
  Result fault = Success;   // FAKE_CUDA_FAULTS_STAY
};

Driver &getDriver();

/// The contexts that this thread has pushed and not popped.
extern thread_local std::vector<ContextTag *> pushedContexts;

/// What the environment says.
long getSetting(const char *name, long otherwise);
/// Ends the process if it says what nobody reads, so that no test is made empty
/// by a slip.
void checkSettings();

/// Writes down what was wrong.
Result refuse(const std::string &what, Result result = InvalidValue);

/// Remembers a result if it is one that stays. Returns it.
Result keepFault(Result result);
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

/// The same for what may not be done by a thread that captures a graph.
Result enterUnsafe(const char *name);
#define ENTER_UNSAFE(function)                                                 \
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);               \
  if (Result result = enterUnsafe(#function))                                  \
  return result

/// The same for what gives something back: `told` is what it is to return, but
/// it does so first, as a driver that tells what went wrong before.
#define ENTER_RELEASE(enter, function)                                         \
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);               \
  Result told = enter(#function)

/// Puts something into a stream, or into the graph that it captures.
Result enqueue(StreamTag *stream, Operation operation);
/// Does it, and takes its time by the device's clock.
void execute(const Operation &operation);

/// The device's memory at an address, null if it is not `bytes` of one block.
void *findMemory(uint64_t address, uint64_t bytes);

/// A block of the device's memory, 0 if there is not enough.
uint64_t allocateBlock(uint64_t bytes);
void freeBlock(uint64_t address);

/// While it lives, the device's memory can be read and written.
struct DeviceTurn {
  DeviceTurn();
  ~DeviceTurn();
};

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_FAKECUDASTATE_H

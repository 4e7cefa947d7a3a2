//===- Driver.h - The CUDA driver's functions ----------------------------===//
//
// The few types and functions of the driver's API that are used, declared after
// its public documentation, so that no header of CUDA is needed. The driver's
// library is found when it is first used.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CUDA_DRIVER_H
#define TENON_RUNTIME_CUDA_DRIVER_H

#include "runtime/core/ProviderGuard.h"

#include <cstddef>
#include <cstdint>
#include <string>

namespace tenon::cuda {

using runtime::ProviderFailure;

// CUresult, CUdevice, CUdeviceptr, and the handles.
using Result = int;
using DeviceNumber = int;
using Address = uint64_t;
using Context = struct ContextTag *;
using Module = struct ModuleTag *;
using Function = struct FunctionTag *;
using Stream = struct StreamTag *;
using Event = struct EventTag *;
using Graph = struct GraphTag *;
using GraphExec = struct GraphExecTag *;

/// Whether a library can't be loaded because it is not there, which dlerror()
/// tells with its name before and the system's text behind.
bool isAbsent(const std::string &file, const std::string &reason);

/// The machine has no driver.
struct NoDriver : ProviderFailure {};

/// Values of the driver's enumerations.
enum : int {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NO_DEVICE = 100,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES = 701,
  CU_STREAM_NON_BLOCKING = 1,
  CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1,
  CU_EVENT_DEFAULT = 0,
  CU_EVENT_DISABLE_TIMING = 2,
  CU_MEMORYTYPE_DEVICE = 2,
  CU_POINTER_ATTRIBUTE_MEMORY_TYPE = 2,
  CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL = 9,
  CU_POINTER_ATTRIBUTE_RANGE_START_ADDR = 11,
  CU_POINTER_ATTRIBUTE_RANGE_SIZE = 12,
  CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75,
  CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76,
  CU_JIT_ERROR_LOG_BUFFER = 5,
  CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES = 6
};

/// Whether a result is of the call that returned it, not of what is or was in a
/// queue, which any call may tell of.
inline bool isOfCall(Result result) {
  switch (result) {
  case CUDA_SUCCESS:
  case CUDA_ERROR_INVALID_VALUE:
  case CUDA_ERROR_OUT_OF_MEMORY:
  case CUDA_ERROR_INVALID_CONTEXT:
  case CUDA_ERROR_INVALID_HANDLE:
  case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    return true;
  default:
    return false;
  }
}

/// CU_STREAM_LEGACY: the default stream, which waits for all streams but those
/// that are CU_STREAM_NON_BLOCKING.
inline Stream getLegacyStream() { return reinterpret_cast<Stream>(1); }

/// X(member, the driver's symbol, parameters...) for each function.
#define TENON_CUDA_FUNCTIONS(X)                                                \
  X(init, cuInit, unsigned flags)                                              \
  X(getErrorName, cuGetErrorName, Result error, const char **text)             \
  X(getErrorString, cuGetErrorString, Result error, const char **text)         \
  X(deviceGetCount, cuDeviceGetCount, int *count)                              \
  X(deviceGet, cuDeviceGet, DeviceNumber *device, int ordinal)                 \
  X(deviceGetAttribute, cuDeviceGetAttribute, int *value, int attribute,       \
    DeviceNumber device)                                                       \
  X(deviceGetName, cuDeviceGetName, char *name, int size, DeviceNumber device) \
  X(primaryContextRetain, cuDevicePrimaryCtxRetain, Context *context,          \
    DeviceNumber device)                                                       \
  X(primaryContextRelease, cuDevicePrimaryCtxRelease_v2, DeviceNumber device)  \
  X(contextPush, cuCtxPushCurrent_v2, Context context)                         \
  X(contextPop, cuCtxPopCurrent_v2, Context *context)                          \
  X(moduleLoad, cuModuleLoadDataEx, Module *module, const void *image,         \
    unsigned numOptions, int *options, void **values)                          \
  X(moduleGetFunction, cuModuleGetFunction, Function *function, Module module, \
    const char *name)                                                          \
  X(moduleUnload, cuModuleUnload, Module module)                               \
  X(memoryAllocate, cuMemAlloc_v2, Address *address, size_t bytes)             \
  X(memoryFree, cuMemFree_v2, Address address)                                 \
  X(hostAllocate, cuMemHostAlloc, void **memory, size_t bytes, unsigned flags) \
  X(hostFree, cuMemFreeHost, void *memory)                                     \
  X(copyToDevice, cuMemcpyHtoDAsync_v2, Address target, const void *source,    \
    size_t bytes, Stream stream)                                               \
  X(copyToHost, cuMemcpyDtoHAsync_v2, void *target, Address source,            \
    size_t bytes, Stream stream)                                               \
  X(copyOnDevice, cuMemcpyDtoDAsync_v2, Address target, Address source,        \
    size_t bytes, Stream stream)                                               \
  X(setBytes, cuMemsetD8Async, Address target, unsigned char value,            \
    size_t bytes, Stream stream)                                               \
  X(streamCreate, cuStreamCreate, Stream *stream, unsigned flags)              \
  X(streamSynchronize, cuStreamSynchronize, Stream stream)                     \
  X(streamDestroy, cuStreamDestroy_v2, Stream stream)                          \
  X(launchKernel, cuLaunchKernel, Function function, unsigned gridX,           \
    unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,          \
    unsigned blockZ, unsigned sharedBytes, Stream stream, void **parameters,   \
    void **extra)                                                              \
  X(captureBegin, cuStreamBeginCapture_v2, Stream stream, int mode)            \
  X(captureEnd, cuStreamEndCapture, Stream stream, Graph *graph)               \
  X(graphDestroy, cuGraphDestroy, Graph graph)                                 \
  X(graphInstantiate, cuGraphInstantiateWithFlags, GraphExec *exec,            \
    Graph graph, unsigned long long flags)                                     \
  X(graphLaunch, cuGraphLaunch, GraphExec exec, Stream stream)                 \
  X(graphExecDestroy, cuGraphExecDestroy, GraphExec exec)                      \
  X(eventCreate, cuEventCreate, Event *event, unsigned flags)                  \
  X(eventRecord, cuEventRecord, Event event, Stream stream)                    \
  X(eventElapsed, cuEventElapsedTime, float *milliseconds, Event start,        \
    Event end)                                                                 \
  X(eventDestroy, cuEventDestroy_v2, Event event)                              \
  X(streamWaitEvent, cuStreamWaitEvent, Stream stream, Event event,            \
    unsigned flags)                                                            \
  X(pointerGetAttributes, cuPointerGetAttributes, unsigned numAttributes,      \
    int *attributes, void **values, Address address)

/// The driver. It stays loaded until the process ends.
struct Driver {
  /// Finds it, once. Throws NoDriver if there is none, ProviderFailure if it is
  /// a wrong one.
  static const Driver &get();

  /// Throws ProviderFailure with the driver's text if `result` is not success.
  void check(Result result, const char *what) const;
  /// The same for memory of the device: "`purpose` 100 bytes".
  void checkMemory(Result result, const char *purpose, uint64_t bytes) const;
  /// "CUDA_ERROR_OUT_OF_MEMORY: out of memory"
  std::string describe(Result result) const;

  int version = 0; // of CUDA: 1000 * major + 10 * minor

#define TENON_CUDA_DECLARE(member, symbol, ...)                                \
  Result (*member)(__VA_ARGS__) = nullptr;
  TENON_CUDA_FUNCTIONS(TENON_CUDA_DECLARE)
#undef TENON_CUDA_DECLARE
};

/// Makes a context the thread's current one while it lives.
class ContextScope {
public:
  ContextScope(const Driver &driver, Context context) : driver(driver) {
    driver.check(driver.contextPush(context), "cannot use the CUDA device");
  }
  ~ContextScope() {
    Context context;
    driver.contextPop(&context);
  }
  ContextScope(const ContextScope &) = delete;

private:
  const Driver &driver;
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_DRIVER_H

//===- FakeCudaStreams.cpp - Streams of the CUDA driver without a device -===//

#include "test/unit/runtime/FakeCudaState.h"

#include <cstdio>
#include <cstring>

using namespace tenon::test::cuda;

/// Whether it is memory of the host that the driver gave.
static bool isPinned(uint64_t address, uint64_t bytes) {
  for (auto &[memory, size] : getDriver().hostBlocks) {
    uint64_t offset = address - reinterpret_cast<uintptr_t>(memory);
    if (offset <= size && bytes <= size - offset)
      return true;
  }
  return false;
}

bool tenon::test::cuda::enqueue(void *stream, std::vector<uint64_t> addresses,
                                std::function<void()> run) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  for (uint64_t address : addresses)
    if (!findMemory(address, 1)) {
      refuse("a library uses what is no memory of the device");
      return false;
    }
  return ::enqueue(static_cast<StreamTag *>(stream),
                   {std::move(addresses), std::move(run)}) == Success;
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
                 {addresses,
                  [=] {
                    memcpy(isToDevice ? findMemory(target, bytes)
                                      : reinterpret_cast<void *>(target),
                           isFromDevice ? findMemory(source, bytes)
                                        : reinterpret_cast<void *>(source),
                           bytes);
                  },
                  (isToDevice || isPinned(target, bytes)) &&
                      (isFromDevice || isPinned(source, bytes))});
}

#pragma GCC visibility push(default)
extern "C" {

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
  if (Result result = enterUnsafe("cuStreamSynchronize"))
    return result;
  if (!getDriver().streams.count(stream))
    return refuse("a stream is waited for that is not there");
  DeviceTurn turn;
  for (Operation &operation : queue)
    execute(operation);
  return keepFault(std::exchange(getDriver().failure, Success));
}

Result cuStreamDestroy_v2(StreamTag *stream) {
  ENTER_RELEASE(enterContext, cuStreamDestroy_v2);
  if (!getDriver().streams.erase(stream))
    return refuse("a stream is destroyed that is not there");
  if (!stream->queue.empty() || stream->isCapturing)
    refuse("a stream is destroyed that is in use");
  delete stream;
  return told;
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
      if (const char *error =
              emulated(gridX, blockX, getSetting("FAKE_CUDA_DESCENDING", 0),
                       values.data())) {
        fprintf(stderr, "fake_cuda: %s\n", error);
        getDriver().failure = refuse(error, LaunchFailed);
      }
  };
  return enqueue(stream, std::move(operation));
}

} // extern "C"
#pragma GCC visibility pop

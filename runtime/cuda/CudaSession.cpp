//===- CudaSession.cpp - A session on a CUDA device ----------------------===//

#include "runtime/cuda/CudaSession.h"

#include "runtime/core/Quote.h"
#include "runtime/cuda/DnnRunner.h"
#include "runtime/cuda/Matmul.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>

using namespace tenon::cuda;
using tenon::runtime::quote;

/// Larger copies to the device wait until they are done.
static constexpr uint64_t stagingSize = 1 << 20;

static Address toAddress(const void *pointer) {
  return reinterpret_cast<uintptr_t>(pointer);
}

std::unique_ptr<CudaSession> CudaSession::create(const CudaModel &model) {
  ContextScope scope(model.getDriver(), model.getContext());
  std::unique_ptr<CudaSession> session(new CudaSession(model));
  session->open();
  return session;
}

void CudaSession::open() {
  const TenonModelDesc &desc = model.getDesc();
  size_t numParameters = 0;
  for (uint32_t i = 0; i < desc.numKernels; ++i)
    if (!desc.kernels[i].fn)
      numParameters =
          std::max<size_t>(numParameters, size_t(desc.kernels[i].numArgs) +
                                              desc.kernels[i].numDims + 2);
  parameters.reserve(numParameters);
  const char *blocking = getenv("CUDA_LAUNCH_BLOCKING");
  isBlocking = blocking && atoi(blocking);

  Stream made = nullptr;
  driver.check(driver.streamCreate(&made, CU_STREAM_NON_BLOCKING),
               "the CUDA driver makes no stream");
  stream = made;
  size_t bytes = desc.numKernels * sizeof(int64_t);
  void *memory = nullptr;
  driver.check(driver.hostAllocate(&memory, stagingSize + bytes, /*flags=*/0),
               "the CUDA driver gives no memory of the host");
  staging = static_cast<char *>(memory);
  hostStatuses = reinterpret_cast<int64_t *>(staging + stagingSize);
  Address address = 0;
  bytes = std::max(bytes, sizeof(int64_t));
  driver.checkMemory(driver.memoryAllocate(&address, bytes),
                     "what its kernels report takes", bytes);
  statuses = address;
  workspace = std::make_unique<Workspace>(driver, stream);
  // Where a library is there, but does not start, as one for a later driver,
  // there is generated code all the same.
  auto goWithout = [&](LibraryId id, const std::string &problem) {
    libraries[id].problem = "generated code: " + problem;
    notes += (notes.empty() ? "" : "\n") + problem;
  };
  auto start = [&](LibraryId id, auto make) {
    try {
      libraries[id].runner = make();
    } catch (const ProviderFailure &error) {
      goWithout(id, error.message);
    }
  };
  for (LibraryId id : {CublasLtLibrary, CudnnLibrary})
    if (!model.getLibraryProblem(id).empty())
      goWithout(id, model.getLibraryProblem(id));
  if (const CublasLt *library = model.getCublasLt())
    start(CublasLtLibrary, [&] {
      return std::make_unique<MatmulRunner>(*library, stream, *workspace);
    });
  if (const Cudnn *library = model.getCudnn())
    start(CudnnLibrary, [&] {
      return std::make_unique<DnnRunner>(*library, stream, model.getWeights(),
                                         *workspace);
    });
}

CudaSession::~CudaSession() {
  if (driver.contextPush(model.getContext()) != CUDA_SUCCESS) {
    // Without the context the libraries must not be asked for anything.
    for (Library &library : libraries)
      (void)library.runner.release();
    (void)workspace.release();
    return;
  }
  if (stream)
    driver.streamSynchronize(stream);
  for (Event event : marks)
    driver.eventDestroy(event);
  if (others)
    driver.eventDestroy(others);
  for (Library &library : libraries)
    library.runner.reset();
  workspace.reset();
  if (statuses)
    driver.memoryFree(statuses);
  if (staging)
    driver.hostFree(staging);
  if (stream)
    driver.streamDestroy(stream);
  Context popped;
  driver.contextPop(&popped);
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

void *CudaSession::allocate(int32_t space, uint64_t bytes) {
  ContextScope scope(driver, model.getContext());
  if (space == TENON_SPACE_HOST) {
    void *memory = nullptr;
    check(driver.hostAllocate(&memory, bytes, /*flags=*/0),
          "the CUDA driver gives no memory of the host");
    return memory;
  }
  blocks.reserve(blocks.size() + 1);
  Address address = 0;
  Result result = driver.memoryAllocate(&address, bytes);
  if (isFault(result))
    failInQueue(result);
  driver.checkMemory(result, "asked for", bytes);
  blocks.push_back({address, bytes});
  return reinterpret_cast<void *>(address);
}

void CudaSession::release(int32_t space, void *memory) {
  ContextScope scope(driver, model.getContext());
  Result result = driver.streamSynchronize(stream);
  staged = 0;
  if (isFault(result)) // The end of the run tells of it.
    fault = result;
  else if (fault == CUDA_SUCCESS)
    firstKernel = lastKernel = nullptr;
  if (space == TENON_SPACE_HOST)
    return driver.check(driver.hostFree(memory),
                        "the CUDA driver takes no memory back");
  Address address = toAddress(memory);
  blocks.erase(std::remove_if(
                   blocks.begin(), blocks.end(),
                   [&](const Block &block) { return block.begin == address; }),
               blocks.end());
  driver.check(driver.memoryFree(address),
               "the CUDA driver takes no memory back");
}

bool CudaSession::isOnDevice(const void *pointer) const {
  Address address = toAddress(pointer);
  auto contains = [&](Address begin, uint64_t size) {
    return address >= begin && address - begin < size;
  };
  if (model.getWeights().contains(address))
    return true;
  for (const Block &block : blocks)
    if (contains(block.begin, block.size))
      return true;
  return false;
}

//===----------------------------------------------------------------------===//
// Work
//===----------------------------------------------------------------------===//

/// Whether a result tells that a kernel in the queue went wrong, which the
/// driver tells by whichever function is called next.
bool CudaSession::isFault(Result result) const {
  return firstKernel && !isOfCall(result);
}

/// Throws if `result` is not success: what the call could not do, or where the
/// queue failed.
void CudaSession::check(Result result, const char *what) {
  if (isFault(result))
    failInQueue(result);
  driver.check(result, what);
}

void CudaSession::clearStatuses(const char *failed) {
  if (areStatusesClear)
    return;
  driver.check(driver.setBytes(statuses, 0,
                               model.getDesc().numKernels * sizeof(int64_t),
                               stream),
               failed);
  areStatusesClear = true;
}

Result CudaSession::copyStatuses() {
  return driver.copyToHost(hostStatuses, statuses,
                           model.getDesc().numKernels * sizeof(int64_t),
                           stream);
}

void CudaSession::launch(const TenonKernel &kernel, void *const *args,
                         const int64_t *dims, int64_t units) {
  ContextScope scope(driver, model.getContext());
  constexpr const char *failed = "cannot be started on the CUDA device";
  if (fault != CUDA_SUCCESS) // The end of the run tells of it.
    return;
  if (isBlocking) // Those before it are done, and a fault is its own.
    firstKernel = lastKernel = &kernel;
  LibraryRunner *runner = libraries[getLibrary(kernel)].runner.get();
  if (runner && launchLibrary(*runner, kernel, args, dims))
    return;
  if (!recording)
    clearStatuses(failed);
  Address status = statuses + model.getIndex(kernel) * sizeof(int64_t);
  parameters.clear();
  for (uint32_t i = 0; i < kernel.numArgs; ++i) {
    if (toAddress(args[i]) % TENON_BUFFER_ALIGNMENT)
      throw ProviderFailure{TENON_ERROR_INTERNAL,
                            "a kernel's tensor is not aligned"};
    parameters.push_back(const_cast<void **>(&args[i]));
  }
  for (uint32_t i = 0; i < kernel.numDims; ++i)
    parameters.push_back(const_cast<int64_t *>(&dims[i]));
  parameters.push_back(&units);
  parameters.push_back(&status);
  uint64_t blockUnits = kernel.blockSize / kernel.unitThreads;
  uint64_t blocks = (uint64_t(units) - 1) / blockUnits + 1;
  Result result = driver.launchKernel(
      model.getFunction(kernel),
      std::min<uint64_t>(blocks, model.getMaxBlocks()), 1, 1, kernel.blockSize,
      1, 1, /*sharedBytes=*/0, stream, parameters.data(), /*extra=*/nullptr);
  if (isFault(result)) {
    fault = result;
    return;
  }
  driver.check(result, failed);
  hasLaunched = true;
  noteLaunch(kernel);
}

bool CudaSession::launchLibrary(LibraryRunner &runner,
                                const TenonKernel &kernel, void *const *args,
                                const int64_t *dims) {
  try {
    if (!runner.run(kernel, args, dims))
      return false;
    noteLaunch(kernel);
  } catch (const ProviderFailure &) {
    // The library doesn't tell a fault of a kernel before from its own; the
    // queue does. One that is recorded runs nothing, and must not be waited
    // for.
    if (fault == CUDA_SUCCESS && !recording) {
      Result waited = driver.streamSynchronize(stream);
      if (isFault(waited))
        fault = waited;
    }
    if (fault == CUDA_SUCCESS)
      throw;
  }
  return true;
}

void CudaSession::noteLaunch(const TenonKernel &kernel) {
  firstKernel = firstKernel ? std::min(firstKernel, &kernel) : &kernel;
  lastKernel = lastKernel ? std::max(lastKernel, &kernel) : &kernel;
}

const char *CudaSession::getImplementation(const TenonKernel &kernel) const {
  if (!kernel.librarySize)
    return "";
  const Library &library = libraries[getLibrary(kernel)];
  const char *text = library.runner ? library.runner->describe(kernel)
                                    : library.problem.c_str();
  return *text ? text : "generated code";
}

void CudaSession::transfer(int32_t space, bool isStable, void *target,
                           const void *source, uint64_t bytes) {
  ContextScope scope(driver, model.getContext());
  bool isFromDevice = isOnDevice(source);
  // An input or output that the model has on the host may be here.
  bool isToDevice = space == TENON_SPACE_DEVICE || isOnDevice(target);
  if (isToDevice && !isFromDevice)
    return copyToDevice(toAddress(target), source, bytes, isStable);
  if (isToDevice)
    return check(driver.copyOnDevice(toAddress(target), toAddress(source),
                                     bytes, stream),
                 "a copy on the CUDA device failed");
  if (isFromDevice)
    return check(driver.copyToHost(target, toAddress(source), bytes, stream),
                 "a copy from the CUDA device failed");
  if (recording)
    throw ProviderFailure{TENON_ERROR_INTERNAL,
                          "the host copies within a graph"};
  memcpy(target, source, bytes);
}

void CudaSession::copyToDevice(Address target, const void *source,
                               uint64_t bytes, bool isStable) {
  constexpr const char *failed = "a copy to the CUDA device failed";
  // What is not pinned the driver copies to pinned memory of its own, maybe
  // after this has returned.
  if (recording || bytes > stagingSize ||
      (isStable && bytes > stagingSize - staged)) {
    check(driver.copyToDevice(target, source, bytes, stream), failed);
    if (!recording && !isStable)
      synchronize();
    return;
  }
  if (bytes > stagingSize - staged)
    synchronize();
  char *place = staging + staged;
  memcpy(place, source, bytes);
  staged = std::min(stagingSize, (staged + bytes + TENON_BUFFER_ALIGNMENT - 1) &
                                     -uint64_t(TENON_BUFFER_ALIGNMENT));
  check(driver.copyToDevice(target, place, bytes, stream), failed);
}

void CudaSession::synchronize() {
  Result result = driver.streamSynchronize(stream);
  staged = 0;
  if (fault != CUDA_SUCCESS || result != CUDA_SUCCESS)
    failInQueue(fault != CUDA_SUCCESS ? fault : result);
  firstKernel = lastKernel = nullptr;
}

/// Says what is known of where the queue failed.
void CudaSession::failInQueue(Result result) {
  areStatusesClear = false;
  std::string message =
      "the CUDA device failed (" + driver.describe(result) + ")";
  if (firstKernel && firstKernel == lastKernel)
    message += " while it ran node " + quote(firstKernel->name);
  else if (firstKernel)
    message +=
        " while it ran one of the nodes from " + quote(firstKernel->name) +
        " to " + quote(lastKernel->name) +
        "; with CUDA_LAUNCH_BLOCKING=1 in the environment it tells which";
  faultFirst = std::exchange(firstKernel, nullptr);
  faultLast = std::exchange(lastKernel, nullptr);
  hasLaunched = copiesStatuses = false;
  fault = CUDA_SUCCESS;
  throw ProviderFailure{TENON_ERROR_SYSTEM, message};
}

const TenonKernel *CudaSession::finish(int64_t &status) {
  ContextScope scope(driver, model.getContext());
  const TenonModelDesc &desc = model.getDesc();
  Result result = fault;
  if (hasLaunched && !copiesStatuses && result == CUDA_SUCCESS)
    result = copyStatuses();
  Result waited = driver.streamSynchronize(stream);
  staged = 0;
  if (result != CUDA_SUCCESS || waited != CUDA_SUCCESS)
    failInQueue(result != CUDA_SUCCESS ? result : waited);
  firstKernel = lastKernel = nullptr;
  bool hasStatuses = hasLaunched;
  hasLaunched = copiesStatuses = false;
  for (uint32_t i = 0; hasStatuses && i < desc.numKernels; ++i)
    if (hostStatuses[i] != TENON_KERNEL_OK) {
      areStatusesClear = false;
      status = hostStatuses[i];
      return &desc.kernels[i];
    }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// The caller's memory
//===----------------------------------------------------------------------===//

void CudaSession::checkMemory(const void *memory, uint64_t bytes) {
  ContextScope scope(driver, model.getContext());
  auto refuse = [](const std::string &what) {
    throw ProviderFailure{TENON_ERROR_INVALID, what};
  };
  unsigned type = 0;
  int number = 0;
  Address begin = 0;
  size_t size = 0;
  int attributes[] = {
      CU_POINTER_ATTRIBUTE_MEMORY_TYPE, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL,
      CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, CU_POINTER_ATTRIBUTE_RANGE_SIZE};
  void *values[] = {&type, &number, &begin, &size};
  // Of what the driver does not know it says nothing, or that there is no
  // context.
  Result result = driver.pointerGetAttributes(std::size(attributes), attributes,
                                              values, toAddress(memory));
  if (result != CUDA_ERROR_INVALID_CONTEXT)
    check(result, "the CUDA driver does not describe memory");
  if (result != CUDA_SUCCESS || type != CU_MEMORYTYPE_DEVICE)
    refuse("not in the memory of a CUDA device");
  if (number != model.getNumber())
    refuse("in the memory of CUDA device " + std::to_string(number) +
           ", expected device " + std::to_string(model.getNumber()));
  uint64_t rest = size - (toAddress(memory) - begin);
  if (bytes > rest)
    refuse("larger than their memory: " + std::to_string(bytes) +
           " bytes, where the device has " + std::to_string(rest));
}

void CudaSession::joinOthers() {
  ContextScope scope(driver, model.getContext());
  constexpr const char *failed =
      "the CUDA device does not wait for what it was given";
  if (!others) {
    Event made = nullptr;
    check(driver.eventCreate(&made, CU_EVENT_DISABLE_TIMING), failed);
    others = made;
  }
  check(driver.eventRecord(others, getLegacyStream()), failed);
  check(driver.streamWaitEvent(stream, others, /*flags=*/0), failed);
}

void CudaSession::copy(int32_t targetSpace, void *target, int32_t sourceSpace,
                       const void *source, uint64_t bytes) {
  ContextScope scope(driver, model.getContext());
  constexpr const char *failed = "a copy of the caller's memory failed";
  if (sourceSpace == TENON_SPACE_HOST)
    check(driver.copyToDevice(toAddress(target), source, bytes, stream),
          failed);
  else if (targetSpace == TENON_SPACE_HOST)
    check(driver.copyToHost(target, toAddress(source), bytes, stream), failed);
  else
    check(driver.copyOnDevice(toAddress(target), toAddress(source), bytes,
                              stream),
          failed);
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

void CudaSession::beginGraph() {
  if (isBlocking)
    throw ProviderFailure{
        TENON_ERROR_UNSUPPORTED,
        "each kernel is waited for, but those of a graph can't be"};
  auto graph = std::make_unique<CudaGraph>();
  recordingScope.emplace(driver, model.getContext());
  // Other threads go on as ever: a session is one thread's.
  Result result =
      driver.captureBegin(stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  if (result != CUDA_SUCCESS)
    recordingScope.reset();
  driver.check(result, "the CUDA driver records no graph");
  recording = std::move(graph);
}

std::unique_ptr<CudaGraph> CudaSession::endGraph(bool isWanted) {
  Result result = fault;
  std::unique_ptr<CudaGraph> graph = std::move(recording);
  graph->copiesStatuses = isWanted && hasLaunched;
  if (graph->copiesStatuses && result == CUDA_SUCCESS)
    result = copyStatuses();
  graph->first = std::exchange(firstKernel, nullptr);
  graph->last = std::exchange(lastKernel, nullptr);
  hasLaunched = false;
  fault = CUDA_SUCCESS;
  Graph recorded = nullptr;
  Result ended = driver.captureEnd(stream, &recorded);
  if (result == CUDA_SUCCESS)
    result = ended;
  if (isWanted && result == CUDA_SUCCESS)
    result = driver.graphInstantiate(&graph->exec, recorded, /*flags=*/0);
  if (recorded)
    driver.graphDestroy(recorded);
  recordingScope.reset();
  driver.check(result, "the CUDA driver makes no graph");
  return isWanted ? std::move(graph) : nullptr;
}

void CudaSession::launchGraph(const CudaGraph &graph) {
  ContextScope scope(driver, model.getContext());
  constexpr const char *failed = "the run cannot be started on the CUDA device";
  clearStatuses(failed);
  check(driver.graphLaunch(graph.exec, stream), failed);
  firstKernel = graph.first;
  lastKernel = graph.last;
  hasLaunched = copiesStatuses = graph.copiesStatuses;
}

void CudaSession::releaseGraph(CudaGraph *graph) {
  ContextScope scope(driver, model.getContext());
  driver.check(driver.graphExecDestroy(graph->exec),
               "the CUDA driver takes no graph back");
}

//===----------------------------------------------------------------------===//
// Times
//===----------------------------------------------------------------------===//

void CudaSession::mark(uint32_t number) {
  ContextScope scope(driver, model.getContext());
  constexpr const char *failed = "the CUDA driver takes no time";
  clearStatuses(failed); // or it would be within a kernel's time
  while (marks.size() <= number) {
    marks.reserve(marks.size() + 1);
    Event event = nullptr;
    check(driver.eventCreate(&event, CU_EVENT_DEFAULT), failed);
    marks.push_back(event);
  }
  check(driver.eventRecord(marks[number], stream), failed);
}

uint64_t CudaSession::getTime(uint32_t from, uint32_t to) {
  ContextScope scope(driver, model.getContext());
  float milliseconds = 0;
  driver.check(driver.eventElapsed(&milliseconds, marks.at(from), marks.at(to)),
               "the CUDA driver tells no time");
  return milliseconds > 0 ? static_cast<uint64_t>(milliseconds * 1e6 + 0.5) : 0;
}

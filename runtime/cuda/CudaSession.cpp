//===- CudaSession.cpp - A session on a CUDA device ----------------------===//

#include "runtime/cuda/CudaSession.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace tenon::cuda;

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
  driver.check(
      driver.memoryAllocate(&address, std::max<size_t>(bytes, sizeof(int64_t))),
      "not enough memory on the CUDA device for what its kernels report");
  statuses = address;
  if (!model.getCublasLt())
    return;
  // Where the library is there, but does not start, as one for a later driver,
  // there is generated code all the same.
  try {
    matmuls =
        std::make_unique<MatmulRunner>(*model.getCublasLt(), driver, stream);
  } catch (const CudaError &error) {
    matmulProblem = error.message;
  }
}

CudaSession::~CudaSession() {
  if (driver.contextPush(model.getContext()) != CUDA_SUCCESS)
    return;
  if (stream)
    driver.streamSynchronize(stream);
  matmuls.reset();
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

void *CudaSession::allocate(uint64_t bytes) {
  ContextScope scope(driver, model.getContext());
  blocks.reserve(blocks.size() + 1);
  Address address = 0;
  check(driver.memoryAllocate(&address, bytes),
        ("not enough memory on the CUDA device: asked for " +
         std::to_string(bytes) + " bytes")
            .c_str());
  blocks.push_back({address, bytes});
  return reinterpret_cast<void *>(address);
}

void CudaSession::release(void *memory) {
  ContextScope scope(driver, model.getContext());
  driver.streamSynchronize(stream);
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
  if (contains(model.getWeights(), model.getDesc().weightsSize))
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
/// driver tells by whichever function is called next. Some are of the call
/// itself.
bool CudaSession::isFault(Result result) const {
  switch (result) {
  case CUDA_SUCCESS:
  case CUDA_ERROR_INVALID_VALUE:
  case CUDA_ERROR_OUT_OF_MEMORY:
  case CUDA_ERROR_INVALID_CONTEXT:
  case CUDA_ERROR_INVALID_HANDLE:
  case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    return false;
  default:
    return firstKernel;
  }
}

/// Throws if `result` is not success: what the call could not do, or where the
/// queue failed.
void CudaSession::check(Result result, const char *what) {
  if (isFault(result))
    failInQueue(result);
  driver.check(result, what);
}

void CudaSession::launch(const TenonKernel &kernel, void *const *args,
                         const int64_t *dims, int64_t units) {
  ContextScope scope(driver, model.getContext());
  constexpr const char *failed = "cannot be started on the CUDA device";
  if (isBlocking) // Those before it are done, and a fault is its own.
    firstKernel = lastKernel = &kernel;
  const TenonLibraryMatmul *matmul =
      matmuls ? model.getMatmul(kernel) : nullptr;
  if (matmul && matmuls->run(kernel, *matmul, args, dims))
    return noteLaunch(kernel);
  if (!areStatusesClear) {
    driver.check(driver.setBytes(statuses, 0,
                                 model.getDesc().numKernels * sizeof(int64_t),
                                 stream),
                 failed);
    areStatusesClear = true;
  }
  Address status = statuses + model.getIndex(kernel) * sizeof(int64_t);
  parameters.clear();
  for (uint32_t i = 0; i < kernel.numArgs; ++i)
    parameters.push_back(const_cast<void **>(&args[i]));
  for (uint32_t i = 0; i < kernel.numDims; ++i)
    parameters.push_back(const_cast<int64_t *>(&dims[i]));
  parameters.push_back(&units);
  parameters.push_back(&status);
  uint64_t blockUnits = kernel.blockSize / kernel.unitThreads;
  uint64_t blocks = (uint64_t(units) - 1) / blockUnits + 1;
  Result result = driver.launchKernel(
      model.getFunction(kernel),
      std::min<uint64_t>(blocks, model.getMaxBlocks()), 1, 1, kernel.blockSize,
      1, 1, kernel.sharedBytes, stream, parameters.data(), /*extra=*/nullptr);
  if (isFault(result)) {
    fault = result;
    return;
  }
  driver.check(result, failed);
  hasLaunched = true;
  noteLaunch(kernel);
}

void CudaSession::noteLaunch(const TenonKernel &kernel) {
  if (!firstKernel)
    firstKernel = &kernel;
  lastKernel = &kernel;
}

const char *CudaSession::getImplementation(const TenonKernel &kernel) const {
  if (!model.getMatmul(kernel))
    return "";
  return matmuls ? matmuls->describe(kernel) : matmulProblem.c_str();
}

void CudaSession::transfer(int32_t space, void *target, const void *source,
                           uint64_t bytes) {
  ContextScope scope(driver, model.getContext());
  bool isFromDevice = isOnDevice(source);
  if (space == TENON_SPACE_DEVICE && !isFromDevice)
    return copyToDevice(toAddress(target), source, bytes);
  if (space == TENON_SPACE_DEVICE)
    return check(driver.copyOnDevice(toAddress(target), toAddress(source),
                                     bytes, stream),
                 "a copy on the CUDA device failed");
  if (isFromDevice)
    return check(driver.copyToHost(target, toAddress(source), bytes, stream),
                 "a copy from the CUDA device failed");
  memcpy(target, source, bytes);
}

void CudaSession::copyToDevice(Address target, const void *source,
                               uint64_t bytes) {
  constexpr const char *failed = "a copy to the CUDA device failed";
  if (bytes > stagingSize) {
    check(driver.copyToDevice(target, source, bytes, stream), failed);
    return synchronize();
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
  auto quote = [](const TenonKernel *kernel) {
    std::string name = std::string(kernel->name).substr(0, 200);
    for (char &c : name)
      c = static_cast<unsigned char>(c) < ' ' ? '?' : c;
    return "'" + name + "'";
  };
  if (firstKernel && firstKernel == lastKernel)
    message += " while it ran node " + quote(firstKernel);
  else if (firstKernel)
    message +=
        " while it ran one of the nodes from " + quote(firstKernel) + " to " +
        quote(lastKernel) +
        "; with CUDA_LAUNCH_BLOCKING=1 in the environment it tells which";
  firstKernel = lastKernel = nullptr;
  hasLaunched = false;
  fault = CUDA_SUCCESS;
  throw CudaError{TENON_ERROR_SYSTEM, message};
}

const TenonKernel *CudaSession::finish(int64_t &status) {
  ContextScope scope(driver, model.getContext());
  const TenonModelDesc &desc = model.getDesc();
  Result result = fault;
  if (hasLaunched && result == CUDA_SUCCESS)
    result = driver.copyToHost(hostStatuses, statuses,
                               desc.numKernels * sizeof(int64_t), stream);
  Result waited = driver.streamSynchronize(stream);
  staged = 0;
  if (result != CUDA_SUCCESS || waited != CUDA_SUCCESS)
    failInQueue(result != CUDA_SUCCESS ? result : waited);
  firstKernel = lastKernel = nullptr;
  bool hasStatuses = hasLaunched;
  hasLaunched = false;
  for (uint32_t i = 0; hasStatuses && i < desc.numKernels; ++i)
    if (hostStatuses[i] != TENON_KERNEL_OK) {
      areStatusesClear = false;
      status = hostStatuses[i];
      return &desc.kernels[i];
    }
  return nullptr;
}

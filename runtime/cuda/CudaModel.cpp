//===- CudaModel.cpp - A model on a CUDA device --------------------------===//

#include "runtime/cuda/CudaModel.h"

#include "runtime/core/Quote.h"
#include "runtime/cuda/Architectures.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

using namespace tenon::cuda;
using tenon::runtime::quote;

/// Of "sm_90" or "compute_90": the last digit is the minor.
static Capability readArchitecture(const char *architecture) {
  int number = atoi(strchr(architecture, '_') + 1);
  return {number / 10, number % 10};
}

std::vector<const TenonDeviceImage *>
tenon::cuda::rankImages(const TenonModelDesc &desc, Capability capability) {
  std::vector<std::pair<int, const TenonDeviceImage *>> ranked;
  for (uint32_t i = 0; i < desc.numImages; ++i) {
    const TenonDeviceImage &image = desc.images[i];
    Capability found = readArchitecture(image.architecture);
    bool isMachineCode = !strncmp(image.architecture, "sm_", 3);
    bool runs = found.major == capability.major
                    ? found.minor <= capability.minor
                    : found.major < capability.major && !isMachineCode;
    int rank = found.major * 10 + found.minor + (isMachineCode ? 1000000 : 0);
    if (runs)
      ranked.push_back({rank, &image});
  }
  std::sort(ranked.begin(), ranked.end(), [](const auto &a, const auto &b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  std::vector<const TenonDeviceImage *> images;
  for (const auto &[rank, image] : ranked)
    images.push_back(image);
  return images;
}

static int countOf(const Driver &driver) {
  Result result = driver.init(/*flags=*/0);
  if (result == CUDA_ERROR_NO_DEVICE)
    return 0;
  driver.check(result, "the CUDA driver does not start");
  int count = 0;
  driver.check(driver.deviceGetCount(&count),
               "the CUDA driver does not count its devices");
  return count;
}

static constexpr const char *noDevice =
    "this model runs on a CUDA device, but there is none";

int CudaModel::countDevices(std::string &reason) {
  try {
    int count = countOf(Driver::get());
    if (count == 0)
      reason = noDevice;
    return count;
  } catch (const NoDriver &failure) {
    reason = failure.message;
    return 0;
  }
}

std::unique_ptr<CudaModel> CudaModel::create(const TenonModelDesc &desc,
                                             int ordinal) {
  std::unique_ptr<CudaModel> model(new CudaModel(desc));
  model->findLibraries();
  model->openDevice(ordinal);
  ContextScope scope(model->driver, model->context);
  model->loadCode();
  model->weights = std::make_unique<DeviceWeights>(model->driver, desc);
  return model;
}

CudaModel::~CudaModel() {
  if (!context)
    return;
  if (driver.contextPush(context) == CUDA_SUCCESS) {
    weights.reset();
    if (module)
      driver.moduleUnload(module);
    Context popped;
    driver.contextPop(&popped);
  } else {
    // Without the context they must not be freed.
    (void)weights.release();
  }
  driver.primaryContextRelease(device);
}

void CudaModel::findLibraries() {
  bool isUsed[CudnnLibrary + 1] = {};
  for (uint32_t i = 0; i < desc.numKernels; ++i) {
    checkLibraryKernel(desc.kernels[i]);
    isUsed[getLibrary(desc.kernels[i])] = true;
  }
  if (isUsed[CublasLtLibrary])
    cublasLt = CublasLt::find(libraryProblems[CublasLtLibrary]);
  if (isUsed[CudnnLibrary])
    cudnn = Cudnn::find(libraryProblems[CudnnLibrary]);
}

void CudaModel::openDevice(int ordinal) {
  int count = countOf(driver);
  if (count == 0)
    throw ProviderFailure{TENON_ERROR_SYSTEM, noDevice};
  // CUDA_VISIBLE_DEVICES says which there are, and in which order.
  if (ordinal >= count)
    throw ProviderFailure{TENON_ERROR_SYSTEM,
                          "there is no device cuda:" + std::to_string(ordinal) +
                              ": the CUDA driver has " + std::to_string(count)};
  number = ordinal;
  driver.check(driver.deviceGet(&device, ordinal),
               "the CUDA driver does not give a device");
  char name[256] = "";
  driver.check(driver.deviceGetName(name, sizeof name - 1, device),
               "the CUDA driver does not name a device");
  deviceName = name;
  auto getAttribute = [&](int attribute) {
    int value = 0;
    driver.check(driver.deviceGetAttribute(&value, attribute, device),
                 "the CUDA driver does not describe a device");
    return value;
  };
  capability = {getAttribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                getAttribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR)};
  // More than a multiprocessor holds at once, so that none is idle while the
  // last blocks end; fewer than would cost more to start than they do.
  constexpr unsigned blocksPerProcessor = 32;
  int processors = getAttribute(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
  maxBlocks = (processors < 1 ? 1 : processors) * blocksPerProcessor;
  Context retained = nullptr;
  driver.check(driver.primaryContextRetain(&retained, device),
               "the CUDA device cannot be used");
  context = retained;
}

/// The newest target whose code runs on such a device.
static std::string adviseTarget(Capability capability) {
  std::string best;
  for (const char *architecture : architectures) {
    Capability target = readArchitecture(architecture);
    if (std::pair(target.major, target.minor) <=
        std::pair(capability.major, capability.minor))
      best = architecture;
  }
  return best.empty() ? "; it is older than any that models are compiled for"
                      : "; compile it for cuda:" + best;
}

void CudaModel::loadCode() {
  std::vector<const TenonDeviceImage *> images = rankImages(desc, capability);
  if (images.empty()) {
    std::string known;
    for (uint32_t i = 0; i < desc.numImages; ++i)
      known += (i ? ", " : "") + std::string(desc.images[i].architecture);
    throw ProviderFailure{TENON_ERROR_UNSUPPORTED,
                          "the CUDA device '" + deviceName + "' is sm_" +
                              std::to_string(capability.major) +
                              std::to_string(capability.minor) +
                              ", but this model has code for " + known +
                              " only" + adviseTarget(capability)};
  }
  // An older driver may refuse the machine code of a newer toolkit, but
  // translate the text beside it.
  std::string reason;
  for (const TenonDeviceImage *image : images) {
    reason = loadImage(*image);
    if (reason.empty())
      return findFunctions(*image);
  }
  throw ProviderFailure{TENON_ERROR_SYSTEM,
                        "the CUDA driver refuses this model's code for " +
                            std::string(images.back()->architecture) + " (" +
                            reason + ")"};
}

std::string CudaModel::loadImage(const TenonDeviceImage &image) {
  char log[512] = "";
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void *values[] = {log, reinterpret_cast<void *>(sizeof log - 1)};
  Result result = driver.moduleLoad(&module, image.data, 2, options, values);
  if (result == CUDA_SUCCESS)
    return "";
  module = nullptr;
  std::string reason = driver.describe(result);
  if (*log)
    reason += std::string("; ") + log;
  while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' '))
    reason.pop_back();
  for (char &c : reason)
    c = c == '\n' ? ' ' : c;
  return reason;
}

void CudaModel::findFunctions(const TenonDeviceImage &image) {
  for (uint32_t i = 0; i < desc.numKernels; ++i) {
    const TenonKernel &kernel = desc.kernels[i];
    Function function = nullptr;
    if (kernel.symbol && driver.moduleGetFunction(
                             &function, module, kernel.symbol) != CUDA_SUCCESS)
      throw ProviderFailure{TENON_ERROR_INVALID,
                            "damaged model: its code for " +
                                quote(image.architecture) +
                                " has no function " + quote(kernel.symbol) +
                                ", of the nodes " + quote(kernel.name)};
    functions.push_back(function);
  }
}

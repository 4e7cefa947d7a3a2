//===- DeviceWeights.cpp - A model's weights on a CUDA device ------------===//

#include "runtime/cuda/DeviceWeights.h"

#include <utility>

using namespace tenon::cuda;

Result DeviceWeights::copy(const std::function<Result(Stream)> &enqueue) {
  // The streams of sessions don't wait for the default one.
  Stream stream = nullptr;
  Result result = driver.streamCreate(&stream, CU_STREAM_NON_BLOCKING);
  if (result != CUDA_SUCCESS)
    return result;
  result = enqueue(stream);
  if (result == CUDA_SUCCESS)
    result = driver.streamSynchronize(stream);
  driver.streamDestroy(stream);
  return result;
}

DeviceWeights::DeviceWeights(const Driver &driver, const TenonModelDesc &desc)
    : driver(driver), desc(desc) {
  if (!desc.deviceWeightsSize)
    return;
  driver.checkMemory(driver.memoryAllocate(&begin, desc.deviceWeightsSize),
                     "the weights take", desc.deviceWeightsSize);
  try {
    driver.check(copy([&](Stream stream) {
                   Result result = CUDA_SUCCESS;
                   for (uint64_t i = 0;
                        i < desc.numDeviceRanges && result == CUDA_SUCCESS;
                        ++i) {
                     const TenonWeightRange &range = desc.deviceRanges[i];
                     result = driver.copyToDevice(begin + range.deviceOffset,
                                                  desc.weights + range.offset,
                                                  range.size, stream);
                   }
                   return result;
                 }),
                 "the weights cannot be copied to the CUDA device");
  } catch (const ProviderFailure &) {
    release();
    throw;
  }
}

DeviceWeights::~DeviceWeights() { release(); }

void DeviceWeights::release() {
  if (begin)
    driver.memoryFree(begin);
  for (auto &[form, address] : packed)
    if (address)
      driver.memoryFree(address);
}

const uint8_t *DeviceWeights::findSource(Address address,
                                         uint64_t bytes) const {
  if (!contains(address))
    return nullptr;
  uint64_t offset = address - begin;
  for (uint64_t i = 0; i < desc.numDeviceRanges; ++i) {
    const TenonWeightRange &range = desc.deviceRanges[i];
    if (offset >= range.deviceOffset &&
        offset - range.deviceOffset < range.size &&
        bytes <= range.size - (offset - range.deviceOffset))
      return desc.weights + range.offset + (offset - range.deviceOffset);
  }
  return nullptr;
}

void *DeviceWeights::getPacked(const void *constant, uint64_t bytes,
                               std::vector<int64_t> form, uint64_t packedBytes,
                               const Pack &pack) {
  Address address = reinterpret_cast<uintptr_t>(constant);
  const uint8_t *source = findSource(address, bytes);
  if (!source)
    return nullptr;
  form.push_back(int64_t(address - begin));
  std::lock_guard<std::mutex> lock(mutex);
  auto known = packed.find(form);
  if (known != packed.end())
    return reinterpret_cast<void *>(known->second);
  std::vector<uint8_t> target(packedBytes);
  pack(source, target.data());
  Address memory = 0;
  Result result = driver.memoryAllocate(&memory, packedBytes);
  if (result == CUDA_SUCCESS) {
    result = copy([&](Stream stream) {
      return driver.copyToDevice(memory, target.data(), packedBytes, stream);
    });
    if (result != CUDA_SUCCESS) // Without its contents it is of no use.
      driver.memoryFree(std::exchange(memory, 0));
  }
  if (result != CUDA_ERROR_OUT_OF_MEMORY)
    driver.check(result, "weights cannot be copied to the CUDA device");
  packed.emplace(std::move(form), memory);
  return reinterpret_cast<void *>(memory);
}

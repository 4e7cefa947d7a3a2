//===- DeviceWeights.h - A model's weights on a CUDA device --------------===//

#ifndef TENON_RUNTIME_CUDA_DEVICEWEIGHTS_H
#define TENON_RUNTIME_CUDA_DEVICEWEIGHTS_H

#include "runtime/core/ModelAbi.h"
#include "runtime/cuda/Driver.h"

#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace tenon::cuda {

/// What the kernels of a model read of its weights, in the device's memory. The
/// context of the device is the thread's current one in all functions. Usable
/// from several threads.
class DeviceWeights {
public:
  /// Copies them. Throws ProviderFailure, as all here.
  DeviceWeights(const Driver &driver, const TenonModelDesc &desc);
  ~DeviceWeights();
  DeviceWeights(const DeviceWeights &) = delete;

  /// 0 if there are none.
  Address getAddress() const { return begin; }
  bool contains(Address address) const {
    return address >= begin && address - begin < desc.deviceWeightsSize;
  }

  /// What a library wants of a constant, which stands at `constant`: `pack`
  /// makes it of the `bytes` there. Equal `form`s are packed once, for all
  /// sessions. Null if there is no such constant, or no memory for it.
  using Pack = std::function<void(const uint8_t *source, uint8_t *target)>;
  void *getPacked(const void *constant, uint64_t bytes,
                  std::vector<int64_t> form, uint64_t packedBytes,
                  const Pack &pack);

private:
  /// Puts copies into a stream and waits for them.
  Result copy(const std::function<Result(Stream)> &enqueue);
  void release();
  /// Where the bytes at an address came from; null if they are no weights.
  const uint8_t *findSource(Address address, uint64_t bytes) const;

  const Driver &driver;
  const TenonModelDesc &desc;
  Address begin = 0;
  std::mutex mutex;
  std::map<std::vector<int64_t>, Address> packed; // 0 if there was no memory
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_DEVICEWEIGHTS_H

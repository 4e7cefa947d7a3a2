//===- CudaModel.h - A model on a CUDA device ----------------------------===//

#ifndef TENON_RUNTIME_CUDA_CUDAMODEL_H
#define TENON_RUNTIME_CUDA_CUDAMODEL_H

#include "runtime/core/ModelAbi.h"
#include "runtime/cuda/CublasLt.h"
#include "runtime/cuda/Cudnn.h"
#include "runtime/cuda/DeviceWeights.h"
#include "runtime/cuda/LibraryKernel.h"

#include <memory>
#include <vector>

namespace tenon::cuda {

/// A device can do what `major`.`minor` says.
struct Capability {
  int major, minor;
};

/// The images that a device can run, the best first: its own machine code; that
/// of lower minors of its major; then texts, the latest first.
std::vector<const TenonDeviceImage *> rankImages(const TenonModelDesc &desc,
                                                 Capability capability);

/// What all sessions of a model share: the device's primary context, the code,
/// and what the kernels read of the weights. Usable from several threads.
class CudaModel {
public:
  /// How many devices there are, none where there is no driver: `reason` tells
  /// then what is missing. Throws ProviderFailure, as all here.
  static int countDevices(std::string &reason);
  static std::unique_ptr<CudaModel> create(const TenonModelDesc &desc,
                                           int ordinal);
  ~CudaModel();
  CudaModel(const CudaModel &) = delete;

  const TenonModelDesc &getDesc() const { return desc; }
  const Driver &getDriver() const { return driver; }
  Context getContext() const { return context; }
  int getNumber() const { return number; }
  DeviceWeights &getWeights() const { return *weights; }
  uint32_t getIndex(const TenonKernel &kernel) const {
    return &kernel - desc.kernels;
  }
  Function getFunction(const TenonKernel &kernel) const {
    return functions[getIndex(kernel)];
  }
  /// Null if there is none, or no kernel for it.
  const CublasLt *getCublasLt() const { return cublasLt; }
  const Cudnn *getCudnn() const { return cudnn; }
  /// Why one that is there is not used; "" if none is.
  const std::string &getLibraryProblem(LibraryId id) const {
    return libraryProblems[id];
  }
  /// The most blocks that a kernel is started with: enough to fill the device.
  unsigned getMaxBlocks() const { return maxBlocks; }

private:
  explicit CudaModel(const TenonModelDesc &desc)
      : desc(desc), driver(Driver::get()) {}
  void openDevice(int ordinal);
  void loadCode();
  /// Makes the module; what the driver says if it refuses.
  std::string loadImage(const TenonDeviceImage &image);
  void findLibraries();
  void findFunctions(const TenonDeviceImage &image);

  const TenonModelDesc &desc;
  const Driver &driver;
  int number = 0; // among the devices that the driver tells
  DeviceNumber device = 0;
  std::string deviceName;
  Capability capability{};
  unsigned maxBlocks = 1;
  Context context = nullptr;
  Module module = nullptr;
  std::unique_ptr<DeviceWeights> weights;
  const CublasLt *cublasLt = nullptr;
  const Cudnn *cudnn = nullptr;
  std::string libraryProblems[CudnnLibrary + 1]; // by LibraryId
  std::vector<Function> functions; // of the model's kernels; null on the host
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CUDAMODEL_H

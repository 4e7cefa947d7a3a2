//===- Conv.h - Convolutions by cuDNN ------------------------------------===//

#ifndef TENON_RUNTIME_CUDA_CONV_H
#define TENON_RUNTIME_CUDA_CONV_H

#include "runtime/cuda/ConvGraph.h"
#include "runtime/cuda/DeviceWeights.h"
#include "runtime/cuda/LibraryRunner.h"

namespace tenon::cuda {

/// Runs kernels of TENON_LIBRARY_CONV.
class ConvRunner : public LibraryRunner {
public:
  /// Its work goes into `stream`. Throws CudaError.
  ConvRunner(const Cudnn &library, Stream stream, DeviceWeights &weights,
             Workspace &workspace);
  ~ConvRunner() override;

private:
  struct Plan;
  std::unique_ptr<LibraryPlan> prepare(const TenonKernel &kernel,
                                       void *const *args,
                                       const int64_t *alignments,
                                       const int64_t *dims) override;
  bool start(LibraryPlan &plan, const TenonKernel &kernel,
             void *const *args) override;
  /// False if no engine has the graph.
  bool findEngine(Plan &plan, DnnDescriptor graph, bool isExact);
  bool tryEngine(Plan &plan, DnnDescriptor configuration, bool isExact,
                 DnnDescriptors &result);
  /// Null if the device has no memory for what is packed.
  DnnDescriptor makePack(const Plan &plan, const TenonKernel &kernel,
                         void *const *args);
  void *packWeights(const TenonLibraryConv &conv,
                    const std::vector<Tensor> &tensors, void *const *args);
  void *packBias(const TenonLibraryConv &conv,
                 const std::vector<Tensor> &tensors, void *const *args);

  const Cudnn &library;
  DeviceWeights &weights;
  DnnHandle handle = nullptr;
  std::vector<void *> pointers; // of the run at work
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CONV_H

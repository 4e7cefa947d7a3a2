//===- DnnRunner.h - Kernels by cuDNN ------------------------------------===//

#ifndef TENON_RUNTIME_CUDA_DNNRUNNER_H
#define TENON_RUNTIME_CUDA_DNNRUNNER_H

#include "runtime/cuda/DeviceWeights.h"
#include "runtime/cuda/DnnGraph.h"
#include "runtime/cuda/LibraryRunner.h"

namespace tenon::cuda {

/// Runs kernels of TENON_LIBRARY_CONV and TENON_LIBRARY_ATTENTION.
class DnnRunner : public LibraryRunner {
public:
  /// Its work goes into `stream`. Throws ProviderFailure.
  DnnRunner(const Cudnn &library, Stream stream, DeviceWeights &weights,
            Workspace &workspace);
  ~DnnRunner() override;

private:
  struct Plan;
  std::unique_ptr<LibraryPlan> prepare(const TenonKernel &kernel,
                                       void *const *args,
                                       const int64_t *alignments,
                                       const int64_t *dims) override;
  bool start(LibraryPlan &plan, const TenonKernel &kernel,
             void *const *args) override;
  /// What the library keeps of what it compiles for graphs as that of `plan`;
  /// null if it compiles nothing that it could keep.
  DnnDescriptor getCache(const TenonKernel &kernel, const Plan &plan);
  /// False if no engine has the graph.
  bool findEngine(Plan &plan, DnnDescriptor cache);
  /// Takes the configuration, which is one of `configurations`, on success.
  bool tryEngine(Plan &plan, DnnDescriptor cache, DnnDescriptor configuration,
                 DnnDescriptors &configurations);
  /// Null if the device has no memory for what is packed.
  DnnDescriptor makePack(const Plan &plan, void *const *args);

  const Cudnn &library;
  DeviceWeights &weights;
  DnnHandle handle = nullptr;
  std::vector<void *> pointers; // of the run at work
  /// By all that graphs have in common.
  std::map<std::vector<int64_t>, DnnDescriptor> caches;
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_DNNRUNNER_H

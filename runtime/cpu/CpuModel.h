//===- CpuModel.h - oneDNN's part of a model -----------------------------===//

#ifndef TENON_RUNTIME_CPU_CPUMODEL_H
#define TENON_RUNTIME_CPU_CPUMODEL_H

#include "runtime/cpu/Program.h"

#include <mutex>

namespace tenon::onednn {

/// What all sessions of a model share: decoded kernels, packed constants, and
/// the programs of the last sizes. Usable from several threads.
class CpuModel {
public:
  /// Decodes the kernels of provider "onednn". Throws ProviderFailure.
  explicit CpuModel(const TenonModelDesc &desc);

  const dnnl::engine &getEngine() const { return engine; }
  /// The kernel of this index in the model's table.
  const Kernel &getKernel(uint32_t index) const {
    return *entries[index]->kernel;
  }
  size_t numKernels() const { return entries.size(); }

  /// The program for a call, made or found. Throws ProviderFailure,
  /// dnnl::error.
  std::shared_ptr<const Program> getProgram(uint32_t index, int threads,
                                            const int64_t *dims);

private:
  struct CachedProgram {
    int threads;
    std::vector<int64_t> dims;
    std::shared_ptr<const Program> program;
    uint64_t lastUse;
  };
  struct Entry {
    std::unique_ptr<Kernel> kernel;
    std::mutex mutex; // guards what follows
    /// Its programs keep them.
    std::vector<std::weak_ptr<PackedConstant>> packed;
    std::vector<CachedProgram> programs;
    uint64_t useCount = 0;
  };

  dnnl::engine engine;
  std::vector<std::unique_ptr<Entry>> entries; // null for other providers
};

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_CPUMODEL_H

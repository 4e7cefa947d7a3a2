//===- CpuModel.h - oneDNN's part of a model -----------------------------===//

#ifndef TENON_RUNTIME_CPU_CPUMODEL_H
#define TENON_RUNTIME_CPU_CPUMODEL_H

#include "runtime/cpu/Program.h"

#include <mutex>

namespace tenon::onednn {

/// What all sessions of a model share: decoded kernels, packed constants, and
/// the programs that they run. Usable from several threads.
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
    std::weak_ptr<const Program> program;
  };
  struct Entry {
    std::unique_ptr<Kernel> kernel;
    std::mutex mutex; // guards what follows
    /// Sessions keep programs, and these what they packed.
    std::vector<CachedProgram> programs;
    std::vector<std::weak_ptr<PackedConstant>> packed;
    /// Stays for sessions to come.
    std::shared_ptr<const Program> last;
  };

  dnnl::engine engine;
  std::vector<std::unique_ptr<Entry>> entries; // null for other providers
};

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_CPUMODEL_H

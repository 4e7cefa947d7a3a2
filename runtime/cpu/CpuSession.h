//===- CpuSession.h - oneDNN's part of a session -------------------------===//

#ifndef TENON_RUNTIME_CPU_CPUSESSION_H
#define TENON_RUNTIME_CPU_CPUSESSION_H

#include "runtime/cpu/CpuModel.h"

namespace tenon::onednn {

/// Runs kernels for one caller: holds the scratch memory and, for the last
/// sizes of each kernel, the library's memory objects.
class CpuSession {
public:
  CpuSession(CpuModel &model, int threads, int maxShapes);

  /// Makes what a kernel needs at these dimensions. Throws ProviderFailure,
  /// dnnl::error.
  void prepare(uint32_t index, const int64_t *dims) {
    getPrepared(index, dims);
  }
  /// Runs a kernel; see TenonRuntimeTable::library. Throws ProviderFailure,
  /// dnnl::error.
  void run(uint32_t index, void *const *args, const int64_t *dims);
  const char *getImplementation(uint32_t index) const;
  uint64_t getScratchSize() const { return scratch.size(); }

private:
  /// A memory object whose address changes from run to run.
  struct Patch {
    dnnl::memory memory;
    Place place;
    int arg;
    uint64_t offset;
  };
  struct PreparedStep {
    std::vector<dnnl_exec_arg_t> args;
  };
  struct Prepared {
    std::vector<int64_t> dims;
    std::shared_ptr<const Program> program;
    int threads = 1; // of the program
    std::vector<PreparedStep> steps;
    std::vector<Patch> patches;
    std::vector<dnnl::memory> packed; // kept alive
    bool isEmpty = false;             // nothing to do
    uint64_t lastUse = 0;
  };
  struct Slot {
    std::vector<std::unique_ptr<Prepared>> shapes;
    Prepared *last = nullptr;
  };

  Prepared &getPrepared(uint32_t index, const int64_t *dims);
  void build(Prepared &prepared, uint32_t index, const int64_t *dims);
  void reserveScratch(const Prepared &prepared);
  void runSoftmax(const RowSoftmax &softmax, void *const *args, int threads);

  CpuModel &model;
  int threads;
  size_t maxShapes;
  dnnl::stream stream;
  std::vector<Slot> slots; // by kernel
  tenon::runtime::Memory scratch;
  uint64_t useCount = 0;
};

} // namespace tenon::onednn

#endif // TENON_RUNTIME_CPU_CPUSESSION_H

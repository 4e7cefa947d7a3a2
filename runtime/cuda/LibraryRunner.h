//===- LibraryRunner.h - Kernels of a session by a library ---------------===//

#ifndef TENON_RUNTIME_CUDA_LIBRARYRUNNER_H
#define TENON_RUNTIME_CUDA_LIBRARYRUNNER_H

#include "runtime/cuda/Driver.h"
#include "runtime/cuda/LibraryKernel.h"

#include <map>
#include <memory>

namespace tenon::cuda {

/// Memory of the device that libraries compute in. All that a session runs
/// shares it: it runs one behind the other.
class Workspace {
public:
  Workspace(const Driver &driver, Stream stream)
      : driver(driver), stream(stream) {}
  ~Workspace();
  Workspace(const Workspace &) = delete;

  /// Makes it as large as that; false if the device has not that much memory.
  bool grow(uint64_t bytes);
  void *get() const { return reinterpret_cast<void *>(address); }
  uint64_t getSize() const { return size; }

private:
  const Driver &driver;
  Stream stream;
  Address address = 0;
  uint64_t size = 0;
};

/// How a library runs a kernel at some dimensions.
struct LibraryPlan {
  virtual ~LibraryPlan() = default;
  /// "cuBLASLt 13.1.0, algorithm 66, tile 20, stages 4, split 1"
  std::string description;
  uint64_t workspaceSize = 0;
};

/// Runs the kernels of one session by a library, prepared for the dimensions
/// that they had. The context of the device is the thread's current one in all
/// functions, which throw ProviderFailure.
class LibraryRunner {
public:
  virtual ~LibraryRunner() = default;
  LibraryRunner(const LibraryRunner &) = delete;

  /// Puts a kernel into the stream. Returns false, and does nothing, if the
  /// library has nothing for these shapes, or the device no memory for it. The
  /// first run of a kernel at a shape may ask for memory of the device; those
  /// after it don't. What it throws may be of a kernel before it.
  bool run(const TenonKernel &kernel, void *const *args, const int64_t *dims);

  /// How the kernel was last run by the library; "" if it was not.
  const char *describe(const TenonKernel &kernel) const;

protected:
  explicit LibraryRunner(Workspace &workspace) : workspace(workspace) {}

  /// Finds how the library runs a kernel with these args, and any others of the
  /// same `alignments`. Null if it can't.
  virtual std::unique_ptr<LibraryPlan> prepare(const TenonKernel &kernel,
                                               void *const *args,
                                               const int64_t *alignments,
                                               const int64_t *dims) = 0;
  /// False if the device has no memory for it.
  virtual bool start(LibraryPlan &plan, const TenonKernel &kernel,
                     void *const *args) = 0;
  /// Forgets all plans: to be called before the library's handle goes.
  void clear();

  Workspace &workspace;

private:
  using Key = std::vector<int64_t>;
  /// By alignments and dimensions, and what the kernel says of itself, since
  /// many kernels of a model are the same; null where the library has nothing,
  /// or the device no memory for it.
  std::map<Key, std::unique_ptr<LibraryPlan>> plans;
  /// What each kernel was last run by.
  std::map<const TenonKernel *, LibraryPlan *> last;
  Key key; // of the run at work
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_LIBRARYRUNNER_H

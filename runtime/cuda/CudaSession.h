//===- CudaSession.h - A session on a CUDA device ------------------------===//

#ifndef TENON_RUNTIME_CUDA_CUDASESSION_H
#define TENON_RUNTIME_CUDA_CUDASESSION_H

#include "runtime/cuda/CudaModel.h"
#include "runtime/cuda/LibraryRunner.h"

#include <optional>

namespace tenon::cuda {

/// Recorded work of a session.
struct CudaGraph {
  GraphExec exec = nullptr;
  /// Of the kernels in it, if there are any.
  const TenonKernel *first = nullptr, *last = nullptr;
  bool copiesStatuses = false;
};

/// A stream, through which all of a session's work goes, and what that work
/// needs besides the session's memory. Functions throw ProviderFailure.
class CudaSession {
public:
  static std::unique_ptr<CudaSession> create(const CudaModel &model);
  ~CudaSession();
  CudaSession(const CudaSession &) = delete;

  // See TenonDevice.
  void *allocate(int32_t space, uint64_t bytes);
  void release(int32_t space, void *memory);
  void launch(const TenonKernel &kernel, void *const *args, const int64_t *dims,
              int64_t units);
  void transfer(int32_t space, bool isStable, void *target, const void *source,
                uint64_t bytes);
  void checkMemory(const void *memory, uint64_t bytes);
  void joinOthers();
  void copy(int32_t targetSpace, void *target, int32_t sourceSpace,
            const void *source, uint64_t bytes);
  const TenonKernel *finish(int64_t &status);
  const char *getImplementation(const TenonKernel &kernel) const;
  const char *getNotes() const { return notes.c_str(); }
  uint64_t getScratchSize() const { return workspace->getSize(); }
  void forgetFault() { faultFirst = faultLast = nullptr; }
  void getFault(const TenonKernel *&first, const TenonKernel *&last) const {
    first = faultFirst;
    last = faultLast;
  }
  void beginGraph();
  /// Null if it is not wanted.
  std::unique_ptr<CudaGraph> endGraph(bool isWanted);
  void launchGraph(const CudaGraph &graph);
  void releaseGraph(CudaGraph *graph);
  void mark(uint32_t number);
  uint64_t getTime(uint32_t from, uint32_t to);

private:
  struct Block {
    Address begin;
    uint64_t size;
  };

  explicit CudaSession(const CudaModel &model)
      : model(model), driver(model.getDriver()) {}
  void open();
  /// False if generated code has to run.
  bool launchLibrary(LibraryRunner &runner, const TenonKernel &kernel,
                     void *const *args, const int64_t *dims);
  /// Of a kernel that was put into the queue.
  void noteLaunch(const TenonKernel &kernel);
  void synchronize();
  bool isFault(Result result) const;
  void check(Result result, const char *what);
  [[noreturn]] void failInQueue(Result result);
  bool isOnDevice(const void *address) const;
  void copyToDevice(Address target, const void *source, uint64_t bytes,
                    bool isStable);
  void clearStatuses(const char *failed);
  Result copyStatuses();

  const CudaModel &model;
  const Driver &driver;
  Stream stream = nullptr;

  /// What allocate() gave.
  std::vector<Block> blocks;

  /// For each kernel of the model a TenonKernelStatus, in the device's memory
  /// and, behind a copy, in the host's. Those on the device are 0 if the flag
  /// says so.
  Address statuses = 0;
  int64_t *hostStatuses = nullptr;
  bool areStatusesClear = false;
  /// Whether kernels were launched since the statuses were read, and whether
  /// what is in the queue copies those.
  bool hasLaunched = false, copiesStatuses = false;
  /// Of those in the queue, in the order of the model's table: loops launch
  /// kernels in others.
  const TenonKernel *firstKernel = nullptr, *lastKernel = nullptr;
  /// What a launch told of the kernels before it; see TenonDevice::launch.
  Result fault = CUDA_SUCCESS;
  /// See TenonDevice::getFault.
  const TenonKernel *faultFirst = nullptr, *faultLast = nullptr;
  /// Whether the driver waits for each kernel that it launches.
  bool isBlocking = false;

  /// Memory of the host that the device reads by itself, so that the caller
  /// need not wait; used up to `staged` by copies in the queue.
  char *staging = nullptr;
  uint64_t staged = 0;

  /// What runs kernels of a library: null where that has nothing to do, is
  /// missing, or does not start; the last says the text.
  struct Library {
    std::unique_ptr<LibraryRunner> runner;
    std::string problem;
  };
  std::unique_ptr<Workspace> workspace; // of all libraries
  Library libraries[CudnnLibrary + 1];  // by LibraryId
  std::string notes;                    // the problems of all

  std::vector<void *> parameters; // of the launch at work

  /// While one is recorded. The context stays: its end must not fail.
  std::unique_ptr<CudaGraph> recording;
  std::optional<ContextScope> recordingScope;
  std::vector<Event> marks;
  Event others = nullptr; // see joinOthers()
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_CUDASESSION_H

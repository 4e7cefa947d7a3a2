//===- Profile.h - Measuring the kernels of a session --------------------===//

#ifndef TENON_RUNTIME_CORE_PROFILE_H
#define TENON_RUNTIME_CORE_PROFILE_H

#include "runtime/core/ModelAbi.h"
#include "tenon/tenon.h"

#include <functional>
#include <string>
#include <vector>

namespace tenon::runtime {

/// The time of a monotonic clock.
uint64_t getNanoseconds();

/// What a session measures if it is to.
class Profile {
public:
  /// `keepsCalls`: for getCalls().
  Profile(const TenonModelDesc &desc, bool keepsCalls);

  // A call that began at `start` and ends now; the other arguments are those of
  // the function of TenonRuntimeTable.
  void note(const TenonKernel &kernel, uint64_t start, void *const *args,
            const int64_t *dims, int64_t flops);
  void note(const TenonLibraryKernel &kernel, uint64_t start, void *const *args,
            const int64_t *dims, int64_t flops);
  /// A call of a kernel of the device, which tells its time later.
  void noteLaunch(const TenonKernel &kernel, void *const *args,
                  const int64_t *dims, int64_t flops);
  /// How many calls there are whose time is not known, and the time of one.
  size_t countLaunches() const { return launches.size(); }
  void setTime(size_t launch, uint64_t start, uint64_t nanoseconds);
  /// Forgets those that have no time yet, and begins new ones.
  void endLaunches();
  /// A whole run that began at `start` and ends now.
  void noteRun(uint64_t start);
  void reset();

  /// Sums for each kernel that was called. The functions tell how a library
  /// runs a kernel.
  const std::vector<TenonProfileEntry> &
  getEntries(const std::function<const char *(const TenonKernel &)> &describe,
             const std::function<const char *(const TenonLibraryKernel &)>
                 &describeLibrary);
  const std::vector<TenonProfileCall> &getCalls() const { return calls; }

private:
  /// An input or output.
  struct Arg {
    uint64_t countBytes() const;

    TenonDType dtype;
    std::vector<int64_t> dims; // of the last call
    std::vector<size_t> dynamicDims;
  };
  struct Kernel {
    Kernel(const char *name, const char *provider, const int64_t *words,
           uint64_t numWords);
    /// Takes the dimensions of a call, all of them or the dynamic ones.
    void readDims(const int64_t *dims, bool areAll);
    std::string formatShapes() const;

    const char *name, *provider;
    std::vector<Arg> args;
    uint32_t numInputs = 0;
    uint64_t numCalls = 0, nanoseconds = 0, bytes = 0;
    /// Of this run so far, and the least of a whole one.
    uint64_t ofRun = 0, leastOfRun = UINT64_MAX;
    int64_t flops = 0;
    std::string shapes;
  };
  /// A kernel of the device in the queue. `call` is its place in `calls`, or
  /// behind their end.
  struct Launch {
    size_t kernel, call;
    int64_t flops;
    uint64_t bytes;
  };
  uint64_t readCall(Kernel &kernel, const int64_t *dims, bool areAllDims);
  void add(Kernel &kernel, uint64_t nanoseconds, int64_t flops, uint64_t bytes);
  void note(size_t index, uint64_t start, uint64_t end, void *const *args,
            const int64_t *dims, bool areAllDims, int64_t flops);
  void keepCall(const Kernel &kernel, uint64_t start, uint64_t end,
                void *const *args, int64_t flops, uint64_t bytes);

  const TenonModelDesc &desc;
  bool keepsCalls;
  uint64_t origin;
  std::vector<Kernel> kernels; // those of the library behind the others
  std::vector<TenonProfileEntry> entries;
  std::vector<TenonProfileCall> calls;
  std::vector<TenonProfileArg> callArgs;
  std::vector<int64_t> callDims;
  size_t numOrderedCalls = 0; // by their ends
  std::vector<Launch> launches;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_PROFILE_H

//===- Threads.h - How many threads, and loops on them -------------------===//

#ifndef TENON_RUNTIME_CORE_THREADS_H
#define TENON_RUNTIME_CORE_THREADS_H

#include <atomic>
#include <cstdint>
#include <memory>

// libgomp's entry points; see Threads.cpp.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
}

namespace tenon::runtime {

/// Below this much work the other threads don't pay: waking them and waiting
/// for the last takes some microseconds, and where other programs want the
/// processors, too, now and then the time slice of one.
constexpr double serialNanoseconds = 20000;

/// The least of: processors in the affinity mask, the control group's CPU quota
/// rounded up, and OMP_NUM_THREADS; at least 1. `root` comes before "/proc" and
/// "/sys" (for tests).
int getDefaultThreads(const char *root = "");

/// Shares out loops over independent units of work to a fixed number of
/// threads, the caller's among them. The threads are libgomp's, which oneDNN
/// uses too.
class ThreadTeam {
public:
  /// Runs the units begin <= u < end; returns 0, or anything else to stop.
  using Body = int64_t (*)(const void *context, int64_t begin, int64_t end);

  explicit ThreadTeam(int threads);
  int size() const { return threads; }

  /// Runs all units. Each thread begins with a range of its own, the same for
  /// the same number of units, so that data stay in its cache; one that is done
  /// helps the others. Returns the first nonzero result seen, or 0.
  int64_t run(int64_t units, Body body, const void *context);

private:
  struct alignas(64) Range {
    std::atomic<int64_t> next;
    int64_t end;
  };
  struct Loop;
  static void enter(void *loop);

  int threads;
  std::unique_ptr<Range[]> ranges;
};

/// Sets how many threads oneDNN takes on this thread, and restores it.
class LibraryThreadsScope {
public:
  explicit LibraryThreadsScope(int threads) : before(omp_get_max_threads()) {
    if (threads != before)
      omp_set_num_threads(threads);
  }
  ~LibraryThreadsScope() {
    if (omp_get_max_threads() != before)
      omp_set_num_threads(before);
  }
  LibraryThreadsScope(const LibraryThreadsScope &) = delete;

private:
  int before;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_THREADS_H

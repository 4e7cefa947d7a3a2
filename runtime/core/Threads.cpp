//===- Threads.cpp - Parallel loops on libgomp's threads -----------------===//

#include "runtime/core/Threads.h"

using namespace tenon::runtime;

// libgomp's entry points. Called by hand: clang would compile a parallel loop
// for its own OpenMP library, a second pool of threads in the process.
extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads,
                   unsigned flags);
int omp_get_thread_num(void);
}

struct ThreadTeam::Loop {
  Body body;
  const void *context;
  Range *ranges;
  int threads;
  int64_t chunk;
  std::atomic<int64_t> status;
};

ThreadTeam::ThreadTeam(int threads)
    : threads(threads), ranges(new Range[threads]) {}

void ThreadTeam::enter(void *data) {
  Loop &loop = *static_cast<Loop *>(data);
  // Inside another parallel region there may be fewer threads than asked for:
  // then these few do it all, as each helps with every range.
  int self = omp_get_thread_num();
  for (int i = 0; i < loop.threads; ++i) {
    Range &range = loop.ranges[(self + i) % loop.threads];
    while (loop.status.load(std::memory_order_relaxed) == 0) {
      int64_t begin =
          range.next.fetch_add(loop.chunk, std::memory_order_relaxed);
      if (begin >= range.end)
        break;
      int64_t left = range.end - begin;
      int64_t end = left < loop.chunk ? range.end : begin + loop.chunk;
      if (int64_t status = loop.body(loop.context, begin, end)) {
        int64_t none = 0;
        loop.status.compare_exchange_strong(none, status);
      }
    }
  }
}

int64_t ThreadTeam::run(int64_t units, Body body, const void *context) {
  if (units <= 0)
    return 0;
  if (threads == 1 || units == 1)
    return body(context, 0, units);

  // Small enough to even out, large enough that taking one costs nothing.
  constexpr int64_t chunksPerThread = 8;
  int64_t share = units / threads;
  int64_t chunk = share / chunksPerThread;
  Loop loop{body, context, ranges.get(), threads, chunk ? chunk : 1, {0}};
  int64_t begin = 0;
  for (int i = 0; i < threads; ++i) {
    int64_t size = share + (i < units % threads);
    ranges[i].next.store(begin, std::memory_order_relaxed);
    ranges[i].end = begin += size;
  }
  // Always the whole team: libgomp makes a new one, with memory, when the
  // number changes.
  GOMP_parallel(&ThreadTeam::enter, &loop, threads, 0);
  return loop.status.load();
}

//===- SpinBrake.cpp - Threads that don't wait at others' cost ------------===//

#include "runtime/core/SpinBrake.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <mutex>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace tenon::runtime;
using namespace std::chrono_literals;

extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads,
                   unsigned flags);
int omp_get_num_procs(void);
}

namespace {

using Clock = std::chrono::steady_clock;

/// How often the system is asked, at most.
constexpr auto samplePeriod = 100ms;
/// So long a thread must have wanted a processor since it was asked. In less,
/// some work of the system's own would look as if it went on.
constexpr std::chrono::nanoseconds leastWanted = 250ms;
/// What part of that time it may have waited for one: half or more goes where
/// another thread wants the same, a tenth where that is a client between two
/// requests or the system looks for a processor that is idle.
constexpr int leastPart = 3;
/// How long not to spin, at first and after it was too short several times.
constexpr Clock::duration shortestBrake = 500ms, longestBrake = 30s;
/// A brake that is wanted again so soon was too short.
constexpr auto probation = 2s;
/// On a larger machine so many idle threads would be needed that it is left.
constexpr int mostProcessors = 64;

/// As libgomp counts them: those of the process when it is loaded, as this is.
const int processors = omp_get_num_procs();

/// How long this thread ran, and how long it could have but waited for a
/// processor, since it began. Both are zero where the system doesn't count.
struct SchedulerTimes {
  std::chrono::nanoseconds ran{0}, waited{0};
};

SchedulerTimes readSchedulerTimes() {
  // Without a stream's buffer: a run allocates nothing.
  char text[64] = "";
  int file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file >= 0) {
    ssize_t length = read(file, text, sizeof(text) - 1);
    text[std::max<ssize_t>(length, 0)] = '\0';
    close(file);
  }
  long long ran = 0, waited = 0;
  sscanf(text, "%lld %lld", &ran, &waited);
  return {std::chrono::nanoseconds(ran), std::chrono::nanoseconds(waited)};
}

bool isToldHowToWait() {
  for (const char *name :
       {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_THREAD_LIMIT", "OMP_DYNAMIC"})
    if (getenv(name))
      return true;
  return false;
}

/// Whether the system gives so many threads. libgomp ends the process where it
/// doesn't.
bool canMakeThreads(int count) {
  std::mutex mutex;
  std::vector<std::thread> threads;
  bool canMake = true;
  {
    std::lock_guard<std::mutex> lock(mutex);
    try {
      for (int i = 0; i < count; ++i)
        threads.emplace_back([&] { std::lock_guard<std::mutex> wait(mutex); });
    } catch (const std::exception &) {
      canMake = false;
    }
  }
  for (std::thread &thread : threads)
    thread.join();
  return canMake;
}

class SpinBrake {
public:
  void note() {
    static thread_local Clock::time_point lastTime;
    static thread_local SchedulerTimes last;
    static thread_local int lastRound = -1;
    if (!isAllowed)
      return;
    Clock::time_point now = Clock::now();
    if (now - lastTime < samplePeriod)
      return;
    lastTime = now;
    SchedulerTimes times = readSchedulerTimes();
    std::chrono::nanoseconds waited = times.waited - last.waited;
    std::chrono::nanoseconds wanted = times.ran - last.ran + waited;
    // Threads that sleep and wake each other share a processor for a while
    // although another is idle: what they wait then says nothing.
    int round = isWanted ? -1 : rounds.load();
    if (round < 0 || round != lastRound) {
      lastRound = round;
      last = times;
      return;
    }
    if (wanted < leastWanted)
      return;
    last = times;
    if (leastPart * waited > wanted && !isWanted.exchange(true))
      engage(now);
  }

  bool isEngaged() const { return isBraked; }

private:
  /// Only the thread that has set `isWanted` is here.
  void engage(Clock::time_point now) {
    bool wasTooShort = now - end < probation;
    period = wasTooShort ? std::min(2 * period, longestBrake) : shortestBrake;
    end = now + period;
    // The host's signals are for its own threads.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
      std::thread([this, until = end] { hold(until); }).detach();
    } catch (const std::exception &) {
      isWanted = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

  /// libgomp ends the team with the thread that made it.
  void hold(Clock::time_point until) {
    // With its first thread, there are more than processors.
    if (canMakeThreads(processors)) {
      GOMP_parallel([](void *) {}, nullptr, processors + 1, 0);
      isBraked = true;
      std::this_thread::sleep_until(until);
      isBraked = false;
      ++rounds;
    }
    isWanted = false;
  }

  const bool isAllowed = processors <= mostProcessors && !isToldHowToWait();
  /// From when it is engaged, and while its threads are there.
  std::atomic<bool> isWanted{false}, isBraked{false};
  /// How many there have been.
  std::atomic<int> rounds{0};
  Clock::time_point end;
  Clock::duration period = shortestBrake;
};

/// Never destroyed: its thread may be there until the process ends.
SpinBrake &getBrake() {
  static SpinBrake &brake = *new SpinBrake;
  return brake;
}

} // namespace

void tenon::runtime::noteParallelRun() { getBrake().note(); }

bool tenon::runtime::isSpinBraked() { return getBrake().isEngaged(); }

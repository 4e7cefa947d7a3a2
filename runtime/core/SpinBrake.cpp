//===- SpinBrake.cpp - Threads that don't wait at others' cost ------------===//

#include "runtime/core/SpinBrake.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <sys/resource.h>
#include <system_error>
#include <thread>

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
constexpr auto samplePeriod = 10ms;
/// Threads with processors of their own lose them a few times a second; where
/// others want these, each of them some hundred times.
constexpr auto leastTimePerSwitch = 16ms;
constexpr long leastSwitches = 4;
/// How long not to spin, at first and after it was too early several times.
constexpr Clock::duration shortestBrake = 500ms, longestBrake = 30s;
/// A brake that is wanted again so soon was let go too early.
constexpr auto probation = 2s;
/// More threads than this are not made for it.
constexpr int mostIdleThreads = 64;

/// How often the system took a processor away from a thread of this process
/// that wanted to go on.
long countSwitches() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

/// Threads that do nothing but count as libgomp's.
class IdleTeam {
public:
  /// False if the system has no threads left.
  bool start(int size) {
    sigset_t all, before;
    sigfillset(&all);
    // The host's signals are for its own threads.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    isWanted = true;
    try {
      thread = std::thread([this, size] { hold(size); });
    } catch (const std::system_error &) {
      isWanted = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return isWanted;
  }

  void stop() {
    {
      std::lock_guard<std::mutex> lock(mutex);
      isWanted = false;
    }
    condition.notify_one();
    thread.join();
  }

private:
  void hold(int size) {
    GOMP_parallel([](void *) {}, nullptr, size, 0);
    std::unique_lock<std::mutex> lock(mutex);
    condition.wait(lock, [this] { return !isWanted; });
    // libgomp ends the team with the thread that made it.
  }

  std::thread thread;
  std::mutex mutex;
  std::condition_variable condition;
  bool isWanted = false;
};

class SpinBrake {
public:
  void note(int threads) {
    if (!isAllowed)
      return;
    Clock::time_point now = Clock::now();
    if (now - lastTime.load(std::memory_order_relaxed) < samplePeriod)
      return;
    // Another session's thread is at it.
    std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
    if (!lock)
      return;
    long switches = countSwitches();
    long lost = switches - lastSwitches;
    Clock::duration elapsed = now - lastTime.load(std::memory_order_relaxed);
    lastSwitches = switches;
    lastTime.store(now, std::memory_order_relaxed);
    if (isBraked.load(std::memory_order_relaxed)) {
      if (now - changeTime >= period)
        release(now);
    } else if (lost >= leastSwitches && elapsed < lost * leastTimePerSwitch) {
      engage(now, threads);
    }
  }

  std::atomic<bool> isBraked{false};

private:
  void engage(Clock::time_point now, int threads) {
    // The caller's team counts already, but for one.
    int size = std::max(omp_get_num_procs() - threads, 0) + 2;
    if (size > mostIdleThreads || !idle.start(size))
      return;
    bool wasTooEarly = now - changeTime < probation;
    period = wasTooEarly ? std::min(2 * period, longestBrake) : shortestBrake;
    changeTime = now;
    isBraked = true;
  }

  void release(Clock::time_point now) {
    idle.stop();
    changeTime = now;
    isBraked = false;
  }

  const bool isAllowed =
      !getenv("OMP_WAIT_POLICY") && !getenv("GOMP_SPINCOUNT");
  std::atomic<Clock::time_point> lastTime{Clock::time_point{}};
  std::mutex mutex;
  long lastSwitches = 0;
  Clock::time_point changeTime;
  Clock::duration period = shortestBrake;
  IdleTeam idle;
};

/// Never destroyed: its thread may be there until the process ends.
SpinBrake &getBrake() {
  static SpinBrake &brake = *new SpinBrake;
  return brake;
}

} // namespace

void tenon::runtime::noteParallelRun(int threads) { getBrake().note(threads); }

bool tenon::runtime::isSpinBraked() { return getBrake().isBraked; }

//===- InternalsTest.cpp - Buffers, threads and limits --------------------===//

#include "runtime/core/BufferPlan.h"
#include "runtime/core/CpuFeatures.h"
#include "runtime/core/SpinBrake.h"
#include "runtime/core/Threads.h"
#include "test/unit/runtime/Hosts.h"

#include "gtest/gtest.h"
#include <filesystem>
#include <fstream>
#include <random>
#include <sched.h>
#include <set>

using namespace tenon::runtime;

//===-- BufferPlanner -----------------------------------------------------===//

namespace {

/// A buffer that is in use in these steps.
TenonBufferDesc liveIn(int first, int last, int32_t space = TENON_SPACE_HOST) {
  return {"", first, last, space, 0};
}

struct Plan {
  std::vector<TenonBufferDesc> buffers;
  std::vector<int64_t> bytes, offsets;
  int64_t total;

  void place() {
    offsets.assign(bytes.size(), -1);
    total = BufferPlanner().place(buffers.data(), bytes.data(), bytes.size(),
                                  offsets.data());
  }
  bool isValid() const {
    for (size_t i = 0; i < bytes.size(); ++i) {
      if (offsets[i] % TENON_BUFFER_ALIGNMENT || offsets[i] + bytes[i] > total)
        return false;
      for (size_t j = 0; j < i; ++j)
        if (buffers[i].firstStep <= buffers[j].lastStep &&
            buffers[j].firstStep <= buffers[i].lastStep &&
            offsets[i] < offsets[j] + bytes[j] &&
            offsets[j] < offsets[i] + bytes[i])
          return false;
    }
    return true;
  }
};

} // namespace

TEST(BufferPlanner, Reuses) {
  // A chain: each buffer lives in two steps, so two places are enough.
  Plan plan{{liveIn(0, 1), liveIn(1, 2), liveIn(2, 3), liveIn(3, 4)},
            {100, 200, 300, 64},
            {},
            0};
  plan.place();
  EXPECT_TRUE(plan.isValid());
  EXPECT_EQ(plan.total, 320 + 256);
  EXPECT_EQ(plan.offsets[2], 0);
}

TEST(BufferPlanner, FillsTheSmallestGap) {
  Plan plan{{liveIn(0, 9), liveIn(0, 1), liveIn(0, 9), liveIn(0, 1),
             liveIn(0, 9), liveIn(5, 6)},
            {1024, 512, 448, 192, 160, 150},
            {},
            0};
  plan.place();
  EXPECT_TRUE(plan.isValid());
  EXPECT_EQ(plan.offsets[5], plan.offsets[3]);
}

TEST(BufferPlanner, TriesOtherChoices) {
  // The largest first, at the bottom, parts those that come later: it takes
  // 576.
  Plan plan{{liveIn(0, 2), liveIn(0, 0), liveIn(2, 3), liveIn(2, 4)},
            {192, 256, 128, 192},
            {},
            0};
  plan.place();
  EXPECT_TRUE(plan.isValid());
  EXPECT_EQ(plan.total, 512);
}

TEST(BufferPlanner, EmptyAndOverflow) {
  Plan none{{}, {}, {}, 0};
  none.place();
  EXPECT_EQ(none.total, 0);
  Plan empty{{liveIn(0, 1), liveIn(0, 1)}, {0, 0}, {}, 0};
  empty.place();
  EXPECT_EQ(empty.total, 0);
  Plan huge{{liveIn(0, 1), liveIn(0, 1)}, {INT64_MAX - 100, 1000}, {}, 0};
  huge.place();
  EXPECT_EQ(huge.total, -1);
  Plan larger{{liveIn(0, 1)}, {INT64_MAX}, {}, 0};
  larger.place();
  EXPECT_EQ(larger.total, -1);
}

TEST(BufferPlanner, PlacesOneMemoryOnly) {
  Plan plan{{liveIn(0, 1), liveIn(0, 1, TENON_SPACE_DEVICE), liveIn(1, 2),
             liveIn(1, 2, TENON_SPACE_DEVICE)},
            {100, 1000, 200, 2000},
            {},
            0};
  plan.place();
  EXPECT_EQ(plan.total, 128 + 256);
  EXPECT_EQ(plan.offsets[1], -1);
  EXPECT_EQ(plan.offsets[3], -1);
  std::vector<int64_t> before = plan.offsets;
  EXPECT_EQ(BufferPlanner().place(plan.buffers.data(), plan.bytes.data(), 4,
                                  plan.offsets.data(), TENON_SPACE_DEVICE),
            1024 + 2048);
  EXPECT_EQ(plan.offsets[0], before[0]);
  EXPECT_EQ(plan.offsets[2], before[2]);
  EXPECT_EQ(std::max(plan.offsets[1], plan.offsets[3]), 2048);
}

TEST(BufferPlanner, RandomPlansAreValid) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    Plan plan{{}, {}, {}, 0};
    int64_t live = 0, peak = 0;
    std::vector<int64_t> use(100);
    for (int i = 0; i < 60; ++i) {
      int first = random() % 90, last = first + random() % 10;
      plan.buffers.push_back(liveIn(first, last));
      plan.bytes.push_back(random() % 10000);
      for (int step = first; step <= last; ++step)
        use[step] += plan.bytes.back();
    }
    for (int64_t bytes : use)
      peak = std::max(peak, bytes);
    live = peak;
    plan.place();
    EXPECT_TRUE(plan.isValid());
    EXPECT_GE(plan.total, live);
    EXPECT_LE(plan.total, 2 * peak + 60 * 64);
  }
}

//===-- Thread limits -----------------------------------------------------===//

namespace {

/// A folder that stands for "/".
class FakeRoot {
public:
  FakeRoot() : path(std::string(TENON_TEST_BINARY_DIR) + "/root") {
    std::filesystem::remove_all(path);
  }
  ~FakeRoot() { std::filesystem::remove_all(path); }
  void write(const std::string &file, const std::string &text) {
    std::filesystem::path full(path + file);
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
  }
  int threads() const { return getDefaultThreads(path.c_str()); }
  std::string path;
};

struct Affinity {
  cpu_set_t before;
  Affinity() { sched_getaffinity(0, sizeof before, &before); }
  ~Affinity() { sched_setaffinity(0, sizeof before, &before); }
  int count() const { return CPU_COUNT(&before); }
};

} // namespace

TEST(ThreadLimits, Affinity) {
  unsetenv("OMP_NUM_THREADS");
  Affinity affinity;
  FakeRoot none;
  EXPECT_EQ(none.threads(), affinity.count());
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &affinity.before)) {
      CPU_SET(cpu, &one);
      break;
    }
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(none.threads(), 1);
}

TEST(ThreadLimits, Environment) {
  FakeRoot none;
  int all = none.threads();
  setenv("OMP_NUM_THREADS", "1", 1);
  EXPECT_EQ(none.threads(), 1);
  setenv("OMP_NUM_THREADS", "1,4", 1);
  EXPECT_EQ(none.threads(), 1);
  for (const char *useless : {"100000", "0", "-3", "many", ""}) {
    setenv("OMP_NUM_THREADS", useless, 1);
    EXPECT_EQ(none.threads(), all) << useless;
  }
  unsetenv("OMP_NUM_THREADS");
}

TEST(ThreadLimits, UnifiedQuota) {
  FakeRoot root;
  int all = root.threads();
  root.write("/proc/self/cgroup", "0::/a/b\n");
  EXPECT_EQ(root.threads(), all);
  root.write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  EXPECT_EQ(root.threads(), all);
  root.write("/sys/fs/cgroup/a/cpu.max", "50000 100000\n"); // of a parent
  EXPECT_EQ(root.threads(), 1);
  root.write("/sys/fs/cgroup/a/cpu.max", "101000 100000\n"); // rounded up
  EXPECT_EQ(root.threads(), std::min(all, 2));
  root.write("/sys/fs/cgroup/a/cpu.max", "nonsense");
  EXPECT_EQ(root.threads(), all);
}

TEST(ThreadLimits, LegacyQuota) {
  FakeRoot root;
  int all = root.threads();
  root.write("/proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/docker/1\n");
  // The container sees its group as the root of the mount.
  root.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  root.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(root.threads(), all);
  root.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "70000\n");
  EXPECT_EQ(root.threads(), 1);
}

//===-- ThreadTeam --------------------------------------------------------===//

namespace {

struct Counts {
  std::vector<std::atomic<int>> units;
  int64_t failAt;
  Counts(size_t size, int64_t failAt = -1) : units(size), failAt(failAt) {}

  static int64_t run(const void *context, int64_t begin, int64_t end) {
    auto &counts = *static_cast<Counts *>(const_cast<void *>(context));
    for (int64_t u = begin; u < end; ++u) {
      if (u == counts.failAt)
        return 7;
      ++counts.units[u];
    }
    return 0;
  }
};

} // namespace

TEST(ThreadTeam, RunsEachUnitOnce) {
  for (int threads : {1, 2, 3, 8}) {
    ThreadTeam team(threads);
    for (int64_t units : {0, 1, 2, 3, 7, 8, 9, 63, 1000}) {
      Counts counts(units);
      EXPECT_EQ(team.run(units, &Counts::run, &counts), 0);
      for (auto &count : counts.units)
        EXPECT_EQ(count, 1);
    }
  }
}

TEST(ThreadTeam, StopsAtAnError) {
  for (int threads : {1, 2, 5}) {
    ThreadTeam team(threads);
    Counts counts(1000, 500);
    EXPECT_EQ(team.run(1000, &Counts::run, &counts), 7);
    EXPECT_EQ(counts.units[500], 0);
  }
}

TEST(ThreadTeam, ManyTeamsAtOnce) {
  int wrong = tenon::test::runHosts(4, [&](int, int &wrong) {
    ThreadTeam team(3);
    for (int i = 0; i < 200; ++i) {
      Counts counts(57);
      if (team.run(57, &Counts::run, &counts))
        ++wrong;
      for (auto &count : counts.units)
        wrong += count != 1;
    }
  });
  EXPECT_EQ(wrong, 0);
}

//===-- SpinBrake ---------------------------------------------------------===//

static std::set<std::string> listThreads() {
  std::set<std::string> threads;
  for (const auto &entry :
       std::filesystem::directory_iterator("/proc/self/task"))
    threads.insert(entry.path());
  return threads;
}

/// Is busy and notes runs until threads spin or don't: which there are then.
/// None if that takes very long.
static std::set<std::string> waitForBrake(bool isBraked) {
  auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() - begin < std::chrono::seconds(60)) {
    noteParallelRun();
    if (isSpinBraked() != isBraked)
      continue;
    // It may have changed while they were listed.
    std::set<std::string> threads = listThreads();
    if (isSpinBraked() == isBraked)
      return threads;
  }
  return {};
}

/// Where more threads want to run than there are processors, libgomp gets more
/// threads than that, and after a while it is tried again without.
TEST(SpinBrake, ComesAndGoes) {
  int processors = std::thread::hardware_concurrency();
  if (processors > 64)
    GTEST_SKIP() << "not on so large a machine";
  unsetenv("OMP_WAIT_POLICY");
  unsetenv("GOMP_SPINCOUNT");
  EXPECT_FALSE(isSpinBraked());
  for (int round = 0; round < 2; ++round) {
    std::atomic<bool> isBusy{true};
    std::vector<std::thread> others;
    for (int i = 0; i <= processors; ++i)
      others.emplace_back([&] {
        while (isBusy.load(std::memory_order_relaxed))
          continue;
      });
    std::set<std::string> before = listThreads();
    int added = 0;
    for (const std::string &thread : waitForBrake(true))
      added += !before.count(thread);
    // A team of one more than there are processors; threads that have ended may
    // be listed a little longer.
    EXPECT_GT(added, processors);
    isBusy = false;
    for (std::thread &other : others)
      other.join();
    EXPECT_FALSE(waitForBrake(false).empty());
  }
}

//===-- Processor features ------------------------------------------------===//

TEST(CpuFeatures, Lists) {
  EXPECT_TRUE(findMissingFeatures("").empty());
  EXPECT_TRUE(findMissingFeatures(",,").empty());
  EXPECT_EQ(findMissingFeatures("no-such-feature, +another"),
            (std::vector<std::string>{"no-such-feature", "another"}));
#if defined(__x86_64__)
  EXPECT_TRUE(findMissingFeatures("+sse2,cmov,fxsr,cx8").empty());
#endif
}

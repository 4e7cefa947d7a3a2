//===- ThreadLimits.cpp - How many threads the process may use -----------===//

#include "runtime/core/Threads.h"

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <string>
#include <vector>

using namespace tenon::runtime;

namespace {

int countAffinity() {
  // The mask of a large machine does not fit the fixed cpu_set_t.
  for (int bits = 1024; bits <= 1 << 20; bits *= 2) {
    cpu_set_t *set = CPU_ALLOC(bits);
    size_t size = CPU_ALLOC_SIZE(bits);
    int count = sched_getaffinity(0, size, set) ? 0 : CPU_COUNT_S(size, set);
    CPU_FREE(set);
    if (count)
      return count;
  }
  return 1;
}

/// The smallest number of whole processors that a quota allows; INT_MAX without
/// a quota.
int toProcessors(double quota, double period) {
  if (quota <= 0 || period <= 0)
    return INT_MAX;
  double count = (quota + period - 1) / period;
  return count >= INT_MAX ? INT_MAX : std::max(1, static_cast<int>(count));
}

/// Version 2: "max 100000" or "150000 100000".
int readUnifiedQuota(const std::string &folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max")
    return INT_MAX;
  return toProcessors(strtod(quota.c_str(), nullptr), period);
}

/// Version 1: -1 where there is no quota.
int readLegacyQuota(const std::string &folder) {
  std::ifstream quotaFile(folder + "/cpu.cfs_quota_us");
  std::ifstream periodFile(folder + "/cpu.cfs_period_us");
  double quota = -1, period = 0;
  if (!(quotaFile >> quota) || !(periodFile >> period))
    return INT_MAX;
  return toProcessors(quota, period);
}

/// The least quota of a group and all groups around it. In a container the path
/// may be one of the host that is not visible here; the root is.
template <typename Read>
int readGroupQuota(const std::string &mount, std::string path, Read read) {
  int least = read(mount);
  while (path.size() > 1) {
    least = std::min(least, read(mount + path));
    path.resize(path.rfind('/'));
  }
  return least;
}

int readQuota(const std::string &root) {
  int least = INT_MAX;
  std::ifstream groups(root + "/proc/self/cgroup");
  // "0::/path" is version 2; "4:cpu,cpuacct:/path" version 1.
  for (std::string line; std::getline(groups, line);) {
    size_t first = line.find(':');
    size_t second =
        first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path.empty() || path[0] != '/')
      path = "/";
    std::string base = root + "/sys/fs/cgroup";
    if (controllers.empty()) {
      for (const char *mount : {"", "/unified"})
        least = std::min(least,
                         readGroupQuota(base + mount, path, readUnifiedQuota));
      continue;
    }
    std::stringstream list(controllers);
    for (std::string name; std::getline(list, name, ',');)
      if (name == "cpu")
        for (const char *mount : {"/cpu", "/cpu,cpuacct"})
          least = std::min(least,
                           readGroupQuota(base + mount, path, readLegacyQuota));
  }
  return least;
}

/// OMP_NUM_THREADS may be a list, one number for each level of nesting.
int readEnvironment() {
  const char *text = getenv("OMP_NUM_THREADS");
  if (!text)
    return INT_MAX;
  long count = strtol(text, nullptr, 10);
  return count > 0 && count < INT_MAX ? static_cast<int>(count) : INT_MAX;
}

} // namespace

int tenon::runtime::getDefaultThreads(const char *root) {
  return std::max(
      1, std::min({countAffinity(), readQuota(root), readEnvironment()}));
}

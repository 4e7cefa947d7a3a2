//===- Hosts.h - Threads of a program that calls the runtime -------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_HOSTS_H
#define TENON_TEST_UNIT_RUNTIME_HOSTS_H

#include <numeric>
#include <thread>
#include <vector>

namespace tenon::test {

/// Calls `run(host, wrong)` for `count` hosts, each in a thread of its own, all
/// at once. Each counts in `wrong` what goes wrong. Returns the sum.
template <typename Run> int runHosts(int count, Run run) {
  std::vector<int> wrong(count);
  std::vector<std::thread> hosts;
  for (int host = 0; host < count; ++host)
    hosts.emplace_back([&, host] { run(host, wrong[host]); });
  for (std::thread &host : hosts)
    host.join();
  return std::accumulate(wrong.begin(), wrong.end(), 0);
}

} // namespace tenon::test

#endif // TENON_TEST_UNIT_RUNTIME_HOSTS_H

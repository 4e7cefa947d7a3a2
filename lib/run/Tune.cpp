//===- Tune.cpp - tenon-bench --tune ------------------------------------===//

#include "lib/run/Apart.h"
#include "lib/run/Bench.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <set>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

namespace {

/// A kernel of a model: the nodes in it, and its number among those of these
/// nodes, in the order in which they run.
using KernelKey = std::pair<std::string, int>;

/// The least nanoseconds of a kernel, and who ran it.
struct KernelTime {
  std::string provider;
  double nanoseconds = 0;
};

using KernelTimes = std::map<KernelKey, KernelTime>;

/// A file that is gone when this is.
class TemporaryFile {
public:
  explicit TemporaryFile(const std::string &text)
      : path((std::filesystem::temp_directory_path() / "tenon-tune-XXXXXX")
                 .string()) {
    int file = mkstemp(path.data());
    if (file < 0 ||
        write(file, text.data(), text.size()) != ssize_t(text.size()))
      fail(TENON_ERROR_SYSTEM, "can't write '%s': %s", path.c_str(),
           strerror(errno));
    close(file);
  }
  TemporaryFile(const TemporaryFile &) = delete;
  TemporaryFile &operator=(const TemporaryFile &) = delete;
  ~TemporaryFile() { unlink(path.c_str()); }

  std::string path;
};

} // namespace

/// Takes the kernels of the last run into `times`.
static void noteRun(Session &session, KernelTimes &times) {
  const TenonProfileCall *calls = nullptr;
  size_t count = tenon_session_profile_calls(session.get(), &calls);
  std::map<std::string, int> numbers;
  for (size_t i = 0; i < count; ++i) {
    if (!*calls[i].provider)
      continue;
    KernelTime now{calls[i].provider, double(calls[i].nanoseconds)};
    KernelKey key{calls[i].name, numbers[calls[i].name]++};
    auto [place, isNew] = times.emplace(key, now);
    if (!isNew && now.nanoseconds < place->second.nanoseconds)
      place->second = now;
  }
  tenon_session_profile_reset(session.get());
}

/// Runs the model for some time and tells each kernel's least time.
static json measureKernels(const RunCommand &run, double seconds) {
  Runner runner(run.model, run.options);
  run.setInputs(runner);
  runner.run();
  tenon_session_profile_reset(runner.getSession().get());
  KernelTimes times;
  constexpr int leastRuns = 5;
  auto end =
      std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  for (int i = 0; i < leastRuns || std::chrono::steady_clock::now() < end;
       ++i) {
    runner.run();
    noteRun(runner.getSession(), times);
  }
  json list = json::array();
  for (const auto &[key, time] : times)
    list.push_back({key.first, key.second, time.provider, time.nanoseconds});
  return list;
}

void BenchCommand::tune(const std::string &path) const {
  if (!isOnnx(run.model))
    fail(TENON_ERROR_USAGE,
         "'%s' is compiled already: --tune takes a model to compile (.onnx)",
         run.model.c_str());
  if (run.options.target.find("cuda:") != std::string::npos)
    fail(TENON_ERROR_USAGE,
         "--tune measures providers of the processor: it can't tune for '%s'",
         run.options.target.c_str());
  // The sum over all points, by kernel and provider.
  std::map<KernelKey, std::map<std::string, double>> sums;
  constexpr const char *providers[] = {"onednn", "codegen", "winograd"};
  for (const char *preferred : providers) {
    TemporaryFile choices(
        json{{"prefer", preferred}, {"kernels", json::array()}}.dump());
    for (const BenchPoint &point : getPoints()) {
      RunCommand command = getRun(point);
      command.options.profile = 2;
      command.options.tuning = choices.path;
      json list = runApart([&] { return measureKernels(command, seconds); });
      for (const json &entry : list)
        // A kernel that the preferred one can't run has another.
        if (entry[2] == preferred)
          sums[{entry[0], entry[1]}][preferred] += entry[3].get<double>();
    }
  }
  json kernels = json::array();
  double best = 0;
  std::map<std::string, double> all;
  std::set<std::string> ran;
  for (const auto &[key, times] : sums) {
    if (times.size() < 2)
      continue;
    auto isFaster = [](const auto &a, const auto &b) {
      return a.second < b.second;
    };
    const std::string provider =
        std::min_element(times.begin(), times.end(), isFaster)->first;
    json entry = {
        {"nodes", key.first}, {"number", key.second}, {"provider", provider}};
    for (const auto &[name, nanoseconds] : times)
      entry["us"][name] = nanoseconds / 1e3;
    // Where one can't run a kernel, the best of the others does.
    for (const char *name : providers) {
      auto found = times.find(name);
      all[name] += found == times.end() ? times.at(provider) : found->second;
      if (found != times.end())
        ran.insert(name);
    }
    best += times.at(provider);
    kernels.push_back(std::move(entry));
  }
  std::ofstream stream(path, std::ios::binary);
  stream << json{{"kernels", kernels}}.dump(1, ' ', false,
                                            json::error_handler_t::replace)
         << '\n'
         << std::flush;
  if (!stream)
    fail(TENON_ERROR_SYSTEM, "can't write '%s': %s", path.c_str(),
         strerror(errno));
  if (isJson)
    return;
  printf("%zu kernels have a choice: ", kernels.size());
  for (const std::string &name : ran)
    printf("%.3f ms with %s, ", all.at(name) / 1e6, name.c_str());
  printf("%.3f ms with the faster of each\n", best / 1e6);
}

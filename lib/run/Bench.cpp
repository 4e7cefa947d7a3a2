//===- Bench.cpp - What tenon-bench does --------------------------------===//

#include "lib/run/Bench.h"

#include "lib/run/Apart.h"
#include "lib/run/Statistics.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

/// What one session saw.
struct SessionTimes {
  std::vector<double> milliseconds;
  double seconds = 0;
  std::exception_ptr problem;
};

} // namespace

static double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Every choice of one of the values of each "name=value,value".
static std::vector<std::vector<std::string>>
combine(const std::vector<std::string> &texts, const char *option) {
  std::vector<std::vector<std::string>> choices{{}};
  for (const std::string &text : texts) {
    size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      fail(TENON_ERROR_USAGE, "%s %s: expected NAME=VALUE[,VALUE...]", option,
           text.c_str());
    std::vector<std::vector<std::string>> longer;
    for (const std::vector<std::string> &choice : choices)
      for (const std::string &value : split(text.substr(equals + 1), ',')) {
        longer.push_back(choice);
        longer.back().push_back(text.substr(0, equals + 1) + value);
      }
    choices = std::move(longer);
  }
  return choices;
}

/// Runs again and again until `end`.
static void runUntil(Clock::time_point end, Runner &runner,
                     SessionTimes &times) {
  try {
    Clock::time_point start = Clock::now();
    do
      times.milliseconds.push_back(runner.run());
    while (Clock::now() < end);
    times.seconds = secondsSince(start);
  } catch (...) {
    times.problem = std::current_exception();
  }
}

/// Loads the model, makes the sessions and lets them run at once.
static json measure(const BenchCommand &command, const BenchPoint &point) {
  RunCommand run = command.getRun(point);

  std::vector<Runner> runners;
  runners.emplace_back(run.model, run.options);
  double load = runners[0].getLoadMilliseconds();
  run.setInputs(runners[0]);
  double first = load + runners[0].prepare();
  first += runners[0].run();

  for (int i = 1; i < point.sessions; ++i) {
    runners.emplace_back(runners[0].getSharedModel(), run.options);
    run.setInputs(runners[i]);
    runners[i].run();
  }
  std::vector<SessionTimes> times(point.sessions);
  std::vector<std::thread> threads;
  auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                std::chrono::duration<double>(command.seconds));
  try {
    for (int i = 1; i < point.sessions; ++i)
      threads.emplace_back([&, i] { runUntil(end, runners[i], times[i]); });
  } catch (const std::system_error &error) {
    for (std::thread &thread : threads)
      thread.join();
    fail(TENON_ERROR_SYSTEM, "can't start a thread for each of %d sessions: %s",
         point.sessions, error.what());
  }
  runUntil(end, runners[0], times[0]);
  for (std::thread &thread : threads)
    thread.join();

  std::vector<double> all;
  double rate = 0;
  uint64_t workspace = 0;
  bool isGraph = true;
  for (int i = 0; i < point.sessions; ++i) {
    if (times[i].problem)
      std::rethrow_exception(times[i].problem);
    all.insert(all.end(), times[i].milliseconds.begin(),
               times[i].milliseconds.end());
    rate +=
        static_cast<double>(times[i].milliseconds.size()) / times[i].seconds;
    TenonSession *session = runners[i].getSession().get();
    workspace += tenon_session_workspace_size(session);
    isGraph &= tenon_session_was_replayed(session) != 0;
  }
  std::sort(all.begin(), all.end());
  const Model &model = runners[0].getModel();
  return {{"name", model.name()},
          {"device", model.device()},
          {"weights_bytes", tenon_model_weights_size(model.get())},
          {"point",
           {{"shapes", point.describeShapes()},
            {"threads", point.threads},
            {"sessions", point.sessions},
            {"load_ms", load},
            {"first_ms", first},
            {"runs", all.size()},
            {"min_ms", all.front()},
            {"median_ms", quantile(all, 0.5)},
            {"p90_ms", quantile(all, 0.9)},
            {"p99_ms", quantile(all, 0.99)},
            {"runs_per_second", rate},
            {"workspace_bytes", workspace},
            {"graph", isGraph}}}};
}

static void printPoint(const json &point, size_t shapesWidth) {
  auto time = [&](const char *name) {
    return formatTime(point[name].get<double>());
  };
  auto megabytes = [&](const char *name) {
    return point[name].get<double>() / 1e6;
  };
  printf(
      "%-*s %7d %8d %9s %9s %9s %9s %9s %9s %9.1f %9.1f %7.1f\n",
      static_cast<int>(shapesWidth), point["shapes"].get<std::string>().c_str(),
      point["threads"].get<int>(), point["sessions"].get<int>(),
      time("load_ms").c_str(), time("first_ms").c_str(), time("min_ms").c_str(),
      time("median_ms").c_str(), time("p90_ms").c_str(), time("p99_ms").c_str(),
      point["runs_per_second"].get<double>(), megabytes("workspace_bytes"),
      megabytes("peak_bytes"));
  fflush(stdout);
}

std::string BenchPoint::describeShapes() const {
  std::string text;
  for (const auto *list : {&shapes, &symbols})
    for (const std::string &value : *list)
      text += (text.empty() ? "" : " ") + value;
  return text;
}

std::vector<BenchPoint> BenchCommand::getPoints() const {
  std::vector<BenchPoint> points;
  for (const std::vector<std::string> &shapeChoice : combine(shapes, "--shape"))
    for (const std::vector<std::string> &symbolChoice :
         combine(symbols, "--dim"))
      for (int numThreads : threads)
        for (int numSessions : sessions)
          points.push_back(
              {shapeChoice, symbolChoice, numThreads, numSessions});
  return points;
}

RunCommand BenchCommand::getRun(const BenchPoint &point) const {
  RunCommand command = run;
  command.random = true;
  command.shapes = point.shapes;
  command.symbols = point.symbols;
  command.options.threads = point.threads;
  return command;
}

void BenchCommand::checkPoints() const {
  std::vector<BenchPoint> points = getPoints();
  for (const BenchPoint &point : points)
    getRun(point).checkRandomOptions();
  // A single one is told as soon when it is measured.
  if (points.size() == 1)
    return;
  runApart([&] {
    std::shared_ptr<const Model> model = loadModel(run.model, run.options);
    for (const BenchPoint &point : points) {
      RunCommand command = getRun(point);
      Runner runner(model, command.options);
      command.setInputs(runner);
      runner.prepare();
    }
    return json();
  });
}

int BenchCommand::execute() const {
  std::vector<BenchPoint> points = getPoints();
  size_t shapesWidth = strlen("shapes");
  for (const BenchPoint &point : points)
    shapesWidth = std::max(shapesWidth, point.describeShapes().size());
  json result;
  for (const BenchPoint &point : points) {
    int64_t peakBytes = 0;
    json measured = runApart([&] { return measure(*this, point); }, &peakBytes);
    measured["point"]["peak_bytes"] = peakBytes;
    if (result.empty()) {
      result = {{"model", run.model},
                {"name", measured["name"]},
                {"device", measured["device"]},
                {"weights_bytes", measured["weights_bytes"]},
                {"points", json::array()}};
      if (!isJson) {
        printf("%s on %s, %.1f MB of constants; milliseconds, and MB\n",
               measured["name"].get<std::string>().c_str(),
               measured["device"].get<std::string>().c_str(),
               measured["weights_bytes"].get<double>() / 1e6);
        printf("%-*s %7s %8s %9s %9s %9s %9s %9s %9s %9s %9s %7s\n",
               static_cast<int>(shapesWidth), "shapes", "threads", "sessions",
               "load", "first", "min", "median", "p90", "p99", "runs/s",
               "workspace", "peak");
      }
    }
    if (!isJson)
      printPoint(measured["point"], shapesWidth);
    result["points"].push_back(measured["point"]);
  }
  if (isJson)
    printJson(result);
  return 0;
}

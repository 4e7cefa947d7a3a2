//===- Bench.cpp - What tenon-bench does --------------------------------===//

#include "lib/run/Bench.h"

#include "lib/run/Statistics.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

/// One measurement.
struct Point {
  /// One value each of BenchCommand::shapes and symbols.
  std::vector<std::string> shapes, symbols;
  int threads = 1, sessions = 1;

  std::string describeShapes() const {
    std::string text;
    for (const auto *list : {&shapes, &symbols})
      for (const std::string &value : *list)
        text += (text.empty() ? "" : " ") + value;
    return text;
  }
};

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
      for (size_t start = equals + 1; start <= text.size();) {
        size_t end = std::min(text.find(',', start), text.size());
        longer.push_back(choice);
        longer.back().push_back(text.substr(0, equals + 1) +
                                text.substr(start, end - start));
        start = end + 1;
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
static json measure(const BenchCommand &command, const Point &point) {
  RunCommand run = command.run;
  run.random = true;
  run.shapes = point.shapes;
  run.symbols = point.symbols;
  run.options.threads = point.threads;

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
  for (int i = 1; i < point.sessions; ++i)
    threads.emplace_back([&, i] { runUntil(end, runners[i], times[i]); });
  runUntil(end, runners[0], times[0]);
  for (std::thread &thread : threads)
    thread.join();

  std::vector<double> all;
  double rate = 0;
  uint64_t workspace = 0;
  for (int i = 0; i < point.sessions; ++i) {
    if (times[i].problem)
      std::rethrow_exception(times[i].problem);
    all.insert(all.end(), times[i].milliseconds.begin(),
               times[i].milliseconds.end());
    rate +=
        static_cast<double>(times[i].milliseconds.size()) / times[i].seconds;
    workspace += tenon_session_workspace_size(runners[i].getSession().get());
  }
  std::sort(all.begin(), all.end());
  const Model &model = runners[0].getModel();
  return {{"name", model.name()},
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
            {"workspace_bytes", workspace}}}};
}

/// What measure() returns or throws, as JSON.
static std::string measureToText(const BenchCommand &command,
                                 const Point &point) {
  auto describe = [](int code, const char *message) {
    return json{{"code", code}, {"message", message}};
  };
  json reply;
  try {
    reply = measure(command, point);
  } catch (const Error &error) {
    reply = describe(error.code(), error.what());
  } catch (const std::bad_alloc &) {
    reply = describe(TENON_ERROR_SYSTEM, "not enough memory");
  } catch (const std::exception &error) {
    reply = describe(TENON_ERROR_INTERNAL, error.what());
  }
  return reply.dump(-1, ' ', false, json::error_handler_t::replace);
}

[[noreturn]] static void failSystem(const char *what) {
  fail(TENON_ERROR_SYSTEM, "cannot %s: %s", what, strerror(errno));
}

/// measure() in a new process; adds the peak of its memory.
static json measureApart(const BenchCommand &command, const Point &point) {
  int ends[2];
  if (pipe(ends))
    failSystem("make a pipe");
  fflush(stdout);
  pid_t child = fork();
  if (child < 0)
    failSystem("start a process");
  if (!child) {
    close(ends[0]);
    std::string text = measureToText(command, point);
    for (size_t done = 0; done < text.size();) {
      ssize_t written = write(ends[1], text.data() + done, text.size() - done);
      if (written < 0)
        _exit(TENON_ERROR_SYSTEM);
      done += written;
    }
    // What was loaded and made is not taken down: the process is over.
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  for (ssize_t length; (length = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, length);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  if (wait4(child, &status, 0, &usage) < 0)
    failSystem("wait for a process");
  if (WIFSIGNALED(status))
    fail(TENON_ERROR_INTERNAL, "the measurement ended by signal %d (%s)",
         WTERMSIG(status), strsignal(WTERMSIG(status)));
  json reply = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!reply.is_object())
    fail(TENON_ERROR_INTERNAL, "the measurement told nothing");
  if (reply.contains("code"))
    throw Error(static_cast<TenonErrorCode>(reply["code"].get<int>()),
                reply["message"].get<std::string>());
  // The kernel counts in KiB.
  reply["point"]["peak_bytes"] = static_cast<int64_t>(usage.ru_maxrss) * 1024;
  return reply;
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

int BenchCommand::execute() const {
  std::vector<Point> points;
  size_t shapesWidth = strlen("shapes");
  for (const std::vector<std::string> &shapeChoice : combine(shapes, "--shape"))
    for (const std::vector<std::string> &symbolChoice :
         combine(symbols, "--dim"))
      for (int numThreads : threads)
        for (int numSessions : sessions) {
          points.push_back(
              {shapeChoice, symbolChoice, numThreads, numSessions});
          shapesWidth =
              std::max(shapesWidth, points.back().describeShapes().size());
        }
  json result;
  for (const Point &point : points) {
    json measured = measureApart(*this, point);
    if (result.empty()) {
      result = {{"model", run.model},
                {"name", measured["name"]},
                {"weights_bytes", measured["weights_bytes"]},
                {"points", json::array()}};
      if (!isJson) {
        printf("%s, %.1f MB of constants; milliseconds, and MB\n",
               measured["name"].get<std::string>().c_str(),
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
    puts(result.dump(-1, ' ', false, json::error_handler_t::replace).c_str());
  return 0;
}

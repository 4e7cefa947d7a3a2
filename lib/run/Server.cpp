//===- Server.cpp - Requests over standard input and output --------------===//

#include "lib/run/Server.h"

#include "lib/run/ProfileReport.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <type_traits>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

const char *const tenon::run::serverUsage =
    R"(--serve reads one JSON request a line and answers each with one line, {"error": TEXT, "code": N} if it failed:
  {"op": "load", "id": ID, "model": PATH, "threads": N, "provider": NAME, "target": TARGET,
   "device": NAME, "precision": NAME, "keep_fp32": [PATTERN...], "half_io": [PATTERN...], "tuning": FILE}
      -> {"create_ms": T, "inputs": [NAME...], "outputs": [NAME...]}: a compiled model, or .onnx to compile here
  {"op": "inputs", "id": ID, "from": FOLDER}
      -> {}: FOLDER/input_0.npy, ... are what the following requests run on
  {"op": "run", "id": ID, "to": FOLDER}
      -> {"outputs": [{"name", "type", "dims"}...]}: writes FOLDER/output_0.npy, ...
  {"op": "steps", "id": ID, "to": FOLDER, "steps": N, "stepped": [INPUT...], "carry": {OUTPUT: INPUT...}}
      -> as run, after N runs; see --steps, --step and --carry
  {"op": "time", "id": ID, "runs": N}
      -> {"ms": [T...]}: one number a run, which of new inputs is with what their shapes need
  {"op": "profile", "id": ID}
      -> {"machine": {...}, "profiled_runs": 1, "profile": [...]}: of one run by a session of its own; see --profile --json.
         "machine" is there where kernels of the processor are
  {"op": "unload", "id": ID}
      -> {})";

namespace {

/// What `key` of a request has to be, for errors.
template <typename T> constexpr const char *kKind = nullptr;
template <> constexpr const char *kKind<std::string> = "a text";
template <> constexpr const char *kKind<int> = "a whole number";
template <> constexpr const char *kKind<int64_t> = "a whole number";
template <>
constexpr const char *kKind<std::vector<std::string>> = "a list of texts";
template <>
constexpr const char *kKind<std::map<std::string, std::string>> =
    "an object of texts";

/// The value of `key` in a request. Throws USAGE.
template <typename T> T read(const json &request, const char *key) {
  auto found = request.find(key);
  if (found == request.end())
    fail(TENON_ERROR_USAGE, "the request has no '%s', expected %s", key,
         kKind<T>);
  try {
    if constexpr (std::is_integral_v<T>) {
      // The library's conversion makes another number of one that is too large.
      if (found->is_number_integer() && *found == json(found->get<T>()))
        return found->get<T>();
    } else {
      return found->get<T>();
    }
  } catch (const json::type_error &) {
  }
  fail(TENON_ERROR_USAGE, "'%s' of the request is %s, expected %s", key,
       formatJson(*found).c_str(), kKind<T>);
}

/// The same for what may be left out.
template <typename T> T read(const json &request, const char *key, T absent) {
  return request.contains(key) ? read<T>(request, key) : absent;
}

/// A number that is not below 1, if it is there.
int readCount(const json &request, const char *key, int absent) {
  int count = read<int>(request, key, absent);
  if (count < 1 && request.contains(key))
    fail(TENON_ERROR_USAGE, "'%s' of the request is %d, expected 1 or more",
         key, count);
  return count;
}

/// The name of a file or a folder.
std::string readPath(const json &request, const char *key) {
  auto path = read<std::string>(request, key);
  if (path.empty())
    fail(TENON_ERROR_USAGE, "'%s' of the request is \"\", expected a path",
         key);
  return path;
}

/// A request as JSON. The library would take the last of two values.
json parse(const std::string &line) {
  std::vector<std::set<std::string>> keys; // of the objects around
  return json::parse(line, [&](int, json::parse_event_t event, json &value) {
    if (event == json::parse_event_t::object_start)
      keys.emplace_back();
    else if (event == json::parse_event_t::object_end)
      keys.pop_back();
    else if (event == json::parse_event_t::key &&
             !keys.back().insert(value.get<std::string>()).second)
      fail(TENON_ERROR_USAGE, "the request has '%s' twice",
           value.get_ref<const std::string &>().c_str());
    return true;
  });
}

class Server {
public:
  json answer(const json &request);

private:
  json load(const json &request, const std::string &id);
  json setInputs(const json &request, const std::string &id);
  json run(const json &request, const std::string &id);
  json runSteps(const json &request, const std::string &id);
  json time(const json &request, const std::string &id);
  json profile(const json &request, const std::string &id);
  json unload(const json &request, const std::string &id);

  Runner &find(const std::string &id) {
    auto found = runners.find(id);
    if (found == runners.end())
      fail(TENON_ERROR_USAGE, "no model is loaded as '%s'", id.c_str());
    return *found->second;
  }

  /// What is asked for by a name, and the keys that it takes beside `op` and
  /// `id`.
  struct Operation {
    json (Server::*answer)(const json &request, const std::string &id);
    std::vector<std::string> keys;
  };
  static const std::map<std::string, Operation> operations;

  std::map<std::string, std::unique_ptr<Runner>> runners;
};

} // namespace

const std::map<std::string, Server::Operation> Server::operations = {
    {"load",
     {&Server::load,
      {"model", "threads", "provider", "target", "device", "precision",
       "keep_fp32", "half_io", "tuning"}}},
    {"inputs", {&Server::setInputs, {"from"}}},
    {"run", {&Server::run, {"to"}}},
    {"steps", {&Server::runSteps, {"to", "steps", "stepped", "carry"}}},
    {"time", {&Server::time, {"runs"}}},
    {"profile", {&Server::profile, {}}},
    {"unload", {&Server::unload, {}}}};

json Server::answer(const json &request) {
  if (!request.is_object())
    fail(TENON_ERROR_USAGE, "expected a request as an object, found %s",
         request.type_name());
  auto op = read<std::string>(request, "op");
  auto found = operations.find(op);
  if (found == operations.end()) {
    std::string known;
    for (const auto &[name, operation] : operations)
      known += (known.empty() ? "" : ", ") + name;
    fail(TENON_ERROR_USAGE, "unknown request '%s', expected one of: %s",
         op.c_str(), known.c_str());
  }
  auto id = read<std::string>(request, "id");
  std::vector<std::string> keys = found->second.keys;
  keys.insert(keys.begin(), {"op", "id"});
  for (const auto &[key, value] : request.items())
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      std::string known;
      for (const std::string &name : keys)
        known += (known.empty() ? "" : ", ") + name;
      fail(TENON_ERROR_USAGE,
           "the request '%s' has an unknown key '%s', expected some of: %s",
           op.c_str(), key.c_str(), known.c_str());
    }
  return (this->*found->second.answer)(request, id);
}

json Server::load(const json &request, const std::string &id) {
  using Texts = std::vector<std::string>;
  RunnerOptions options;
  options.threads = readCount(request, "threads", 0);
  options.provider = read<std::string>(request, "provider", "");
  options.target = read<std::string>(request, "target", "");
  options.device = read<std::string>(request, "device", "");
  options.precision = read<std::string>(request, "precision", "");
  options.keepFp32 = read<Texts>(request, "keep_fp32", {});
  options.halfIo = read<Texts>(request, "half_io", {});
  options.tuning = read<std::string>(request, "tuning", "");
  auto runner = std::make_unique<Runner>(readPath(request, "model"), options);
  json inputs = json::array(), outputs = json::array();
  const Model &model = runner->getModel();
  for (size_t i = 0; i < model.numInputs() + model.numOutputs(); ++i) {
    bool isInput = i < model.numInputs();
    const TenonTensorInfo &info =
        isInput ? model.input(i) : model.output(i - model.numInputs());
    if (info.kind != TENON_TENSOR)
      fail(TENON_ERROR_UNSUPPORTED,
           "'%s' is not a tensor, which requests can't give or take",
           info.name);
  }
  for (size_t i = 0; i < model.numInputs(); ++i)
    inputs.push_back(model.input(i).name);
  for (size_t i = 0; i < model.numOutputs(); ++i)
    outputs.push_back(model.output(i).name);
  double milliseconds = runner->getLoadMilliseconds();
  runners[id] = std::move(runner);
  return {
      {"create_ms", milliseconds}, {"inputs", inputs}, {"outputs", outputs}};
}

json Server::setInputs(const json &request, const std::string &id) {
  Runner &runner = find(id);
  auto folder = readPath(request, "from");
  // All of them or none.
  std::vector<Array> arrays;
  for (size_t i = 0; i < runner.getModel().numInputs(); ++i)
    arrays.push_back(std::move(
        readArrays(folder + "/input_" + std::to_string(i) + ".npy").at(0)));
  for (size_t i = 0; i < arrays.size(); ++i)
    runner.setInput(i, std::move(arrays[i]));
  return json::object();
}

static json writeOutputs(Runner &runner, const std::string &folder) {
  json outputs = json::array();
  for (size_t i = 0; i < runner.getOutputs().size(); ++i) {
    const Array &array = runner.getOutputs()[i];
    writeNpy(folder + "/output_" + std::to_string(i) + ".npy", array);
    outputs.push_back({{"name", array.name},
                       {"type", tenon_dtype_name(array.dtype)},
                       {"dims", array.dims}});
  }
  return {{"outputs", outputs}};
}

json Server::run(const json &request, const std::string &id) {
  Runner &runner = find(id);
  auto path = readPath(request, "to");
  OutputFolder folder(path);
  runner.run();
  return writeOutputs(runner, path);
}

static StepPlan readPlan(const json &request) {
  StepPlan plan;
  plan.steps = read<int64_t>(request, "steps");
  plan.stepped = read<std::vector<std::string>>(request, "stepped", {});
  for (const auto &[output, input] :
       read<std::map<std::string, std::string>>(request, "carry", {}))
    plan.carry.emplace_back(output, input);
  if (plan.steps < 1)
    fail(TENON_ERROR_USAGE,
         "'steps' of the request is %lld, expected 1 or more",
         static_cast<long long>(plan.steps));
  return plan;
}

json Server::runSteps(const json &request, const std::string &id) {
  Runner &runner = find(id);
  auto path = readPath(request, "to");
  StepPlan plan = readPlan(request);
  OutputFolder folder(path);
  runner.runSteps(plan);
  return writeOutputs(runner, path);
}

json Server::time(const json &request, const std::string &id) {
  Runner &runner = find(id);
  std::vector<double> times;
  for (int i = 0, runs = readCount(request, "runs", 1); i < runs; ++i) {
    double preparing = runner.prepare();
    times.push_back(preparing + runner.run());
  }
  return {{"ms", times}};
}

json Server::profile(const json &, const std::string &id) {
  const Runner &runner = find(id);
  RunnerOptions options;
  options.threads = runner.getSession().threads();
  options.profile = 1;
  Runner measured(runner.getSharedModel(), options);
  for (size_t i = 0; i < runner.getModel().numInputs(); ++i)
    if (const std::optional<Array> &input = runner.getInput(i))
      measured.setInput(i, *input);
  measured.run();
  tenon_session_profile_reset(measured.getSession().get());
  measured.run();
  json result;
  ProfileReport(measured, 1).addTo(result);
  return result;
}

json Server::unload(const json &, const std::string &id) {
  find(id);
  runners.erase(id);
  return json::object();
}

int tenon::run::serve() {
  Server server;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos)
      continue;
    json reply;
    try {
      reply = server.answer(parse(line));
    } catch (const Error &error) {
      reply = {{"error", error.what()}, {"code", error.code()}};
    } catch (const json::parse_error &error) {
      reply = {{"error", "expected a request as JSON in one line, found "
                         "something else at byte " +
                             std::to_string(error.byte)},
               {"code", TENON_ERROR_USAGE}};
    } catch (const std::exception &error) {
      reply = {{"error", error.what()}, {"code", TENON_ERROR_SYSTEM}};
    }
    std::cout << formatJson(reply) << std::endl;
  }
  return 0;
}

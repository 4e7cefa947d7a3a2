//===- Server.cpp - Requests over standard input and output --------------===//

#include "lib/run/Server.h"

#include "lib/run/ProfileReport.h"

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

const char *const tenon::run::serverUsage =
    R"(--serve reads one JSON request a line and answers each with one line, {"error": TEXT, "code": N} if it failed:
  {"op": "load", "id": ID, "model": PATH, "threads": N, "provider": NAME, "device": NAME}
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
      -> {"machine": {...}, "profile": [...]}: of one run by a session of its own; see --profile --json.
         "machine" is there where kernels of the processor are
  {"op": "unload", "id": ID}
      -> {})";

namespace {

class Server {
public:
  json answer(const json &request) {
    std::string op = request.at("op"), id = request.at("id");
    if (op == "load")
      return load(request, id);
    auto found = runners.find(id);
    if (found == runners.end())
      fail(TENON_ERROR_USAGE, "no model is loaded as '%s'", id.c_str());
    Runner &runner = *found->second;
    if (op == "inputs") {
      readInputs(runner, request.at("from"));
      return json::object();
    }
    if (op == "run") {
      runner.run();
      return write(runner, request.at("to"));
    }
    if (op == "steps") {
      runner.runSteps(readPlan(request));
      return write(runner, request.at("to"));
    }
    if (op == "time") {
      std::vector<double> times;
      for (int i = 0, runs = request.value("runs", 1); i < runs; ++i) {
        double preparing = runner.prepare();
        times.push_back(preparing + runner.run());
      }
      return {{"ms", times}};
    }
    if (op == "profile")
      return profile(runner);
    if (op == "unload") {
      runners.erase(found);
      return json::object();
    }
    fail(TENON_ERROR_USAGE, "unknown request '%s'", op.c_str());
  }

private:
  json load(const json &request, const std::string &id) {
    RunnerOptions options;
    options.threads = request.value("threads", 0);
    options.provider = request.value("provider", "");
    options.target = request.value("target", "");
    options.device = request.value("device", "");
    options.precision = request.value("precision", "");
    auto runner = std::make_unique<Runner>(
        request.at("model").get<std::string>(), options);
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

  static json profile(const Runner &runner) {
    RunnerOptions options;
    options.threads = runner.getSession().threads();
    options.profile = 1;
    Runner measured(runner.getSharedModel(), options);
    for (size_t i = 0; i < runner.getModel().numInputs(); ++i)
      measured.setInput(i, *runner.getInput(i));
    measured.run();
    tenon_session_profile_reset(measured.getSession().get());
    measured.run();
    json result;
    ProfileReport(measured, 1).addTo(result);
    return result;
  }

  static void readInputs(Runner &runner, const std::string &folder) {
    for (size_t i = 0; i < runner.getModel().numInputs(); ++i)
      runner.setInput(
          i, readArrays(folder + "/input_" + std::to_string(i) + ".npy").at(0));
  }

  static StepPlan readPlan(const json &request) {
    StepPlan plan;
    plan.steps = request.at("steps");
    plan.stepped = request.value("stepped", std::vector<std::string>());
    const json carry = request.value("carry", json::object());
    for (const auto &[output, input] : carry.items())
      plan.carry.emplace_back(output, input.get<std::string>());
    if (plan.steps < 1)
      fail(TENON_ERROR_USAGE, "steps: expected 1 or more");
    return plan;
  }

  static json write(Runner &runner, const std::string &folder) {
    std::filesystem::create_directories(folder);
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

  std::map<std::string, std::unique_ptr<Runner>> runners;
};

} // namespace

int tenon::run::serve() {
  Server server;
  for (std::string line; std::getline(std::cin, line);) {
    if (line.find_first_not_of(" \t\r") == std::string::npos)
      continue;
    json reply;
    try {
      reply = server.answer(json::parse(line));
    } catch (const Error &error) {
      reply = {{"error", error.what()}, {"code", error.code()}};
    } catch (const json::exception &error) {
      reply = {{"error", error.what()}, {"code", TENON_ERROR_USAGE}};
    } catch (const std::exception &error) {
      reply = {{"error", error.what()}, {"code", TENON_ERROR_SYSTEM}};
    }
    // Names are the model's: what is not UTF-8 must not stop the answer.
    std::cout << reply.dump(-1, ' ', false, json::error_handler_t::replace)
              << std::endl;
  }
  return 0;
}

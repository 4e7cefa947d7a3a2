//===- Info.cpp - What tenon-run --info tells ----------------------------===//

#include "lib/run/RunCommand.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

std::string tenon::run::formatInfo(const TenonTensorInfo &info) {
  static const char *const kinds[] = {"", "sequence of ", "optional ",
                                      "optional sequence of "};
  std::string text = kinds[info.kind];
  text += tenon_dtype_name(info.dtype);
  if (info.rank < 0)
    return text + " [...]";
  if (!info.rank)
    return text + " scalar";
  for (int32_t i = 0; i < info.rank; ++i) {
    text += i ? ", " : " [";
    if (info.dims[i] >= 0)
      text += std::to_string(info.dims[i]);
    else
      text += *info.dim_names[i] ? info.dim_names[i] : "?";
  }
  return text + "]";
}

static json toJson(const TenonTensorInfo &info) {
  json dims = json::array();
  for (int32_t i = 0; i < info.rank; ++i)
    if (info.dims[i] >= 0)
      dims.push_back(info.dims[i]);
    else if (*info.dim_names[i])
      dims.push_back(info.dim_names[i]);
    else
      dims.push_back(nullptr);
  static const char *const kinds[] = {"tensor", "sequence", "optional",
                                      "optional_sequence"};
  json result = {{"name", info.name},
                 {"type", tenon_dtype_name(info.dtype)},
                 {"dims", info.rank < 0 ? json() : dims}};
  if (info.kind != TENON_TENSOR)
    result["kind"] = kinds[info.kind];
  return result;
}

/// The kernels of each provider.
static std::map<std::string, size_t> countKernels(const Model &model) {
  std::map<std::string, size_t> counts;
  for (size_t i = 0; i < model.numKernels(); ++i)
    ++counts[model.kernel(i).provider];
  return counts;
}

/// The nodes of the kernels that run on the processor beside a device.
static std::vector<std::string> listHostKernels(const Model &model) {
  std::vector<std::string> names;
  for (size_t i = 0; i < model.numKernels(); ++i)
    if (const TenonKernelInfo &info = model.kernel(i); !info.on_device)
      names.push_back(info.name);
  return names;
}

static void printKernels(const Model &model) {
  const char *separator = "";
  printf("  kernels                   ");
  for (const auto &[provider, count] : countKernels(model)) {
    printf("%s%zu by %s", separator, count, provider.c_str());
    separator = ", ";
  }
  printf("\n");
  std::vector<std::string> names = listHostKernels(model);
  constexpr size_t most = 5;
  for (size_t i = 0; i < std::min(names.size(), most); ++i)
    printf("%s'%s'", i ? ", " : "  on the processor          ",
           names[i].c_str());
  if (names.size() > most)
    printf(" and %zu more", names.size() - most);
  if (!names.empty())
    printf("\n");
}

void RunCommand::printInfo(const Model &model,
                           const SessionInfo &session) const {
  std::vector<std::string> devices = split(model.devices(), ',');
  bool isOnDevice = model.device() != "cpu";
  if (isJson) {
    json inputs = json::array(), outputs = json::array();
    for (const TenonTensorInfo &info : listInputs(model))
      inputs.push_back(toJson(info));
    for (const TenonTensorInfo &info : listOutputs(model))
      outputs.push_back(toJson(info));
    json info = {{"name", model.name()},
                 {"device", model.device()},
                 {"devices", devices},
                 {"inputs", inputs},
                 {"outputs", outputs},
                 {"kernels", countKernels(model)},
                 {"weights_bytes", tenon_model_weights_size(model.get())}};
    if (isOnDevice)
      info["host_kernels"] = listHostKernels(model);
    if (session.workspace)
      info["workspace_bytes"] = *session.workspace;
    if (!session.notes.empty())
      info["not_used"] = splitLines(session.notes);
    if (!session.deviceProblem.empty())
      info["device_problem"] = session.deviceProblem;
    printJson(info);
    return;
  }
  printf("%s on %s, %.1f MB of constants\n", model.name().c_str(),
         model.device().c_str(), tenon_model_weights_size(model.get()) / 1e6);
  for (const TenonTensorInfo &info : listInputs(model))
    printf("  input   %-24s %s\n", info.name, formatInfo(info).c_str());
  for (const TenonTensorInfo &info : listOutputs(model))
    printf("  output  %-24s %s\n", info.name, formatInfo(info).c_str());
  if (isOnDevice)
    printKernels(model);
  if (session.workspace)
    printf("  workspace of a session    %.1f MB\n", *session.workspace / 1e6);
  for (const std::string &note : splitLines(session.notes))
    printf("  not used                  %s\n", note.c_str());
  if (devices.size() > 1)
    printf("  compiled for              %s and %s\n", devices[0].c_str(),
           devices[1].c_str());
  if (!session.deviceProblem.empty())
    printf("  not on a device           %s\n", session.deviceProblem.c_str());
}

void RunCommand::findSessionInfo(std::shared_ptr<const Model> model,
                                 SessionInfo &info) const {
  bool isAsked = random || !inputs.empty(), isKnown = true;
  for (size_t i = 0; i < model->numInputs(); ++i) {
    const TenonTensorInfo &input = model->input(i);
    isKnown &= input.kind == TENON_TENSOR &&
               std::count(input.dims, input.dims + input.rank, -1) == 0;
  }
  bool isOnDevice = model->device() != "cpu";
  if (!isAsked && !isKnown && !isOnDevice)
    return;
  std::optional<Runner> runner;
  try {
    runner.emplace(std::move(model), options);
  } catch (const Error &error) {
    bool isOfMachine = error.code() == TENON_ERROR_SYSTEM ||
                       error.code() == TENON_ERROR_UNSUPPORTED;
    // A device that is asked for has to be there.
    if (isAsked || !options.device.empty() || !isOnDevice || !isOfMachine)
      throw;
    info.deviceProblem = error.what();
    return;
  }
  info.notes = runner->getSession().notes();
  if (!isAsked && !isKnown)
    return;
  readInputs(*runner);
  fillRandomly(*runner);
  runner->prepare();
  info.workspace = tenon_session_workspace_size(runner->getSession().get());
}

/// A model that is to be described, and why it is not on its device.
std::pair<std::shared_ptr<const Model>, std::string>
RunCommand::loadForInfo() const {
  try {
    return {loadModel(model, options), ""};
  } catch (const Error &error) {
    // Where a device fails there may be a model for the processor.
    if (isOnnx(model) || !options.device.empty())
      throw;
    RunnerOptions plain = options;
    plain.device = "cpu";
    try {
      return {loadModel(model, plain), error.what()};
    } catch (const Error &) {
    }
    throw;
  }
}

int RunCommand::showInfo() const {
  SessionInfo info;
  auto [loaded, deviceProblem] = loadForInfo();
  info.deviceProblem =
      deviceProblem.empty() ? loaded->deviceProblem() : deviceProblem;
  // Without it, the rest is worth telling all the same.
  std::exception_ptr problem;
  try {
    findSessionInfo(loaded, info);
  } catch (...) {
    problem = std::current_exception();
  }
  printInfo(*loaded, info);
  if (problem)
    std::rethrow_exception(problem);
  return 0;
}

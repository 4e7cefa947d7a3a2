//===- RunCommand.cpp - What tenon-run does ------------------------------===//

#include "lib/run/RunCommand.h"

#include "lib/run/Compare.h"
#include "lib/run/ProfileReport.h"
#include "lib/run/Statistics.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

static json toJson(const Array &array) {
  json result = {{"name", array.name}};
  if (array.isTensor()) {
    result["type"] = tenon_dtype_name(array.dtype);
    result["dims"] = array.dims;
    return result;
  }
  json elements = json::array();
  for (const Array &element : array.elements) {
    elements.push_back(toJson(element));
    elements.back().erase("name");
  }
  result["elements"] = array.dims.empty() ? json() : elements;
  return result;
}

void tenon::run::printJson(const json &value) {
  puts(formatJson(value).c_str());
}

/// As one text whatever its sign and its other bits are.
static double unifyNan(double value) { return std::isnan(value) ? NAN : value; }

static void printOutput(const Array &array) {
  if (!array.isTensor()) {
    printf("%-24s %s\n", array.name.c_str(), array.formatType().c_str());
    for (size_t i = 0; i < array.elements.size(); ++i) {
      Array element = array.elements[i];
      element.name = array.name + "[" + std::to_string(i) + "]";
      printOutput(element);
    }
    return;
  }
  double least = NAN, most = NAN, sum = 0; // of NaN and a number the number
  int64_t strange = 0;
  for (int64_t i = 0, count = array.size(); i < count; ++i) {
    double value = array.at(i);
    strange += !std::isfinite(value);
    least = std::fmin(least, value);
    most = std::fmax(most, value);
    sum += value;
  }
  printf("%-24s %s %s", array.name.c_str(), tenon_dtype_name(array.dtype),
         array.formatDims().c_str());
  if (array.size())
    printf("  min %.6g  max %.6g  mean %.6g", unifyNan(least), unifyNan(most),
           unifyNan(sum / array.size()));
  if (strange)
    printf("  (%lld not finite)", static_cast<long long>(strange));
  printf("\n");
}

/// Throws INVALID if an input has nothing: the runtime would tell the same, but
/// not which options give one.
static void checkInputs(const Runner &runner) {
  const Model &model = runner.getModel();
  for (size_t i = 0; i < model.numInputs(); ++i)
    if (!runner.getInput(i))
      fail(TENON_ERROR_INVALID,
           "missing input '%s' (%s): give it by --input, or --random for all "
           "that are not given",
           model.input(i).name, formatInfo(model.input(i)).c_str());
}

void RunCommand::setInputs(Runner &runner) const {
  readInputs(runner);
  if (random)
    fillRandomly(runner);
  checkInputs(runner);
}

/// The next tensor of an output that is a sequence or an optional.
static void addElement(std::vector<Expectation> &expectations, size_t output,
                       Array array) {
  for (Expectation &expected : expectations)
    if (expected.output == output) {
      expected.array.elements.push_back(std::move(array));
      ++expected.array.dims[0];
      return;
    }
  expectations.push_back({output, Array::makeSequence({std::move(array)})});
}

std::vector<Expectation>
RunCommand::readExpectations(const Runner &runner) const {
  std::vector<Expectation> expectations;
  std::vector<TenonTensorInfo> outputs = listOutputs(runner.getModel());
  for (const std::string &text : expectationFiles) {
    auto [name, path] = splitNamed(text, outputs);
    auto isSequence = [&](size_t output) {
      return runner.getModel().output(output).kind != TENON_TENSOR;
    };
    if (path.empty())
      fail(TENON_ERROR_USAGE, "--expect %s: expected a file behind '='",
           text.c_str());
    bool takesAll = !name.empty() && isSequence(runner.findOutput(name));
    bool isFound = false;
    std::vector<Array> arrays = readArrays(path);
    for (Array &array : arrays) {
      if (!name.empty() && !takesAll && arrays.size() > 1 && array.name != name)
        continue;
      isFound = true;
      std::string output = name.empty() ? array.name : name;
      if (output.empty())
        fail(TENON_ERROR_USAGE,
             "--expect %s: its array has no name; write NAME=%s", path.c_str(),
             path.c_str());
      size_t index = runner.findOutput(output);
      if (isSequence(index)) {
        addElement(expectations, index, std::move(array));
      } else {
        // Of floats all bits count.
        TenonDType dtype = runner.getModel().output(index).dtype;
        if (!areF32AndHalf(array.dtype, dtype))
          array.adopt(dtype);
        expectations.push_back({index, std::move(array)});
      }
    }
    if (!isFound)
      fail(TENON_ERROR_INVALID, "'%s' has no array '%s'", path.c_str(),
           name.c_str());
  }
  return expectations;
}

/// As output_0.npy, ..., the tensors of a sequence as output_0_0.npy, ...
static void writeOutputs(const std::string &folder,
                         const std::vector<Array> &outputs) {
  for (size_t i = 0; i < outputs.size(); ++i) {
    std::string path = folder + "/output_" + std::to_string(i);
    if (outputs[i].isTensor())
      writeNpy(path + ".npy", outputs[i]);
    for (size_t j = 0; j < outputs[i].elements.size(); ++j)
      writeNpy(path + "_" + std::to_string(j) + ".npy", outputs[i].elements[j]);
  }
}

/// Throws USAGE if a file that is to be written is the model.
static void checkOutputFile(const std::string &path, const std::string &model) {
  std::error_code none;
  if (std::filesystem::equivalent(path, model, none))
    fail(TENON_ERROR_USAGE, "the output '%s' is the model", path.c_str());
}

/// Throws USAGE unless `other`, the inputs or outputs of the model in `path`,
/// has each tensor of `own`, of the same type.
static void checkCounterparts(const std::string &path, const char *kind,
                              const std::vector<TenonTensorInfo> &own,
                              const std::vector<TenonTensorInfo> &other) {
  for (const TenonTensorInfo &info : own) {
    auto found = std::find_if(other.begin(), other.end(),
                              [&](const TenonTensorInfo &candidate) {
                                return !strcmp(candidate.name, info.name);
                              });
    bool isThere = found != other.end();
    if (!isThere || found->kind != info.kind ||
        (found->dtype != info.dtype &&
         !areF32AndHalf(found->dtype, info.dtype)))
      fail(TENON_ERROR_USAGE,
           "the models can't be compared: %s '%s' of '%s' is %s, expected %s",
           kind, info.name, path.c_str(),
           isThere ? formatInfo(*found).c_str() : "not there",
           formatInfo(info).c_str());
  }
}

/// What went wrong with one of two models.
static Error blame(const std::string &path, const Error &error) {
  std::vector<TenonDiagnostic> findings;
  for (size_t i = 0; i < error.numDiagnostics(); ++i)
    findings.push_back(error.diagnostic(i));
  std::string message = "'" + path + "': " + error.what();
  return Error(tenon_error_create(error.code(), message.c_str(),
                                  findings.data(), findings.size()));
}

/// Loads the model to compare with and prepares it for the same inputs, so that
/// what is wrong with it is told before anything runs. Null if there is none.
std::unique_ptr<Runner> RunCommand::loadReference(const Runner &runner) const {
  if (reference.empty())
    return nullptr;
  RunnerOptions plain;
  plain.threads = options.threads;
  plain.showProgress = options.showProgress;
  plain.device = referenceDevice;
  if (isOnnx(reference)) {
    plain.provider = options.provider;
    plain.target = options.target;
  }
  auto other = std::make_unique<Runner>(reference, plain);
  std::vector<TenonTensorInfo> others = listInputs(other->getModel());
  std::vector<TenonTensorInfo> own = listInputs(runner.getModel());
  checkCounterparts(reference, "input", own, others);
  checkCounterparts(model, "input", others, own);
  std::vector<TenonTensorInfo> results = listOutputs(other->getModel());
  checkCounterparts(reference, "output", listOutputs(runner.getModel()),
                    results);
  for (size_t i = 0; i < own.size(); ++i)
    other->setInput(other->findInput(own[i].name), *runner.getInput(i));
  if (steps.steps)
    return other;
  try {
    other->prepare();
  } catch (const Error &error) {
    throw blame(reference, error);
  }
  return other;
}

/// Runs another model on the same inputs and says how far the outputs are
/// apart, and whether that is within a tolerance that is given.
json RunCommand::compareWith(Runner &runner, Runner &other,
                             bool &isGood) const {
  if (steps.steps)
    other.runSteps(steps);
  else
    other.run();
  json outputs = json::array();
  for (const Array &found : runner.getOutputs()) {
    const Array &expected = other.getOutputs()[other.findOutput(found.name)];
    Comparison comparison = compare(found, expected);
    if (!comparison.mismatch.empty())
      fail(TENON_ERROR_USAGE,
           "output '%s' can't be compared with '%s': it is %s",
           found.name.c_str(), reference.c_str(), comparison.mismatch.c_str());
    outputs.push_back({{"name", found.name},
                       {"max_abs_error", comparison.maxAbsError},
                       {"max_rel_error", comparison.relativeError()},
                       {"max_magnitude", comparison.maxMagnitude},
                       {"cosine", comparison.cosine}});
    std::string verdict;
    if (tolerance) {
      bool isWithin = comparison.isWithin(*tolerance);
      isGood &= isWithin;
      outputs.back()["ok"] = isWithin;
      verdict = isWithin ? " as expected:" : " differs:";
    }
    if (!isJson)
      printf("%s:%s beside %s: largest error %.3g absolute, %.3g relative to "
             "the largest magnitude %.3g; cosine similarity %.7f\n",
             found.name.c_str(), verdict.c_str(), reference.c_str(),
             comparison.maxAbsError, comparison.relativeError(),
             comparison.maxMagnitude, comparison.cosine);
  }
  return {{"model", reference},
          {"device", other.getModel().device()},
          {"outputs", outputs}};
}

int RunCommand::execute() const {
  checkOutputFile(traceFile, model);
  checkOutputFile(reportFile, model);
  checkRandomOptions();
  if (isInfo &&
      (options.profile || repeat || steps.steps || !outputFolder.empty() ||
       !expectationFiles.empty() || !reference.empty()))
    fail(TENON_ERROR_USAGE,
         "--info runs nothing: no --output, --expect, --compare-with, "
         "--repeat, --steps, --profile, --trace or --report");
  if (tolerance && expectationFiles.empty() && reference.empty())
    fail(TENON_ERROR_USAGE, "--tolerance requires --expect or --compare-with");
  if (isInfo)
    return showInfo();
  // Loading may compile, which takes long.
  OutputFolder folder(outputFolder);
  for (const std::string &path : {traceFile, reportFile})
    if (!path.empty())
      checkWritable(path);
  Runner runner(model, options);
  std::vector<Expectation> expectations = readExpectations(runner);
  setInputs(runner);
  if (!steps.steps) // whose inputs are slices
    runner.prepare();
  std::unique_ptr<Runner> other = loadReference(runner);

  double first = 0;
  std::vector<double> times;
  if (steps.steps) {
    runner.runSteps(steps);
  } else {
    first = runner.run();
    if (options.profile && repeat)
      tenon_session_profile_reset(runner.getSession().get());
    for (int i = 0; i < repeat; ++i)
      times.push_back(runner.run());
  }

  int code = 0;
  json outputs = json::array();
  for (const Array &array : runner.getOutputs()) {
    outputs.push_back(toJson(array));
    if (!isJson)
      printOutput(array);
  }
  for (const Expectation &expected : expectations) {
    const Array &found = runner.getOutputs()[expected.output];
    Comparison comparison = compare(found, expected.array);
    bool isGood = comparison.isWithin(getTolerance());
    if (!isGood)
      code = TENON_ERROR_DIFFERS;
    json &entry = outputs[expected.output];
    entry["ok"] = isGood;
    if (!comparison.mismatch.empty()) {
      entry["mismatch"] = comparison.mismatch;
      entry["max_abs_error"] = nullptr;
      entry["max_magnitude"] = nullptr;
      if (!isJson)
        printf("%s: differs: it is %s\n", found.name.c_str(),
               comparison.mismatch.c_str());
      continue;
    }
    // What is not a number becomes null.
    entry["max_abs_error"] = comparison.maxAbsError;
    entry["max_rel_error"] = comparison.relativeError();
    entry["max_magnitude"] = comparison.maxMagnitude;
    if (!isJson)
      printf(
          "%s: %s: largest error %.3g absolute (at element %lld), %.3g "
          "relative to the largest magnitude %.3g; tolerance %.3g\n",
          found.name.c_str(), isGood ? "as expected" : "differs",
          comparison.maxAbsError, static_cast<long long>(comparison.worstIndex),
          comparison.relativeError(), comparison.maxMagnitude, getTolerance());
  }
  json beside;
  if (other) {
    bool isGood = true;
    beside = compareWith(runner, *other, isGood);
    if (!isGood)
      code = TENON_ERROR_DIFFERS;
  }
  if (!outputFolder.empty())
    writeOutputs(outputFolder, runner.getOutputs());

  std::sort(times.begin(), times.end());
  Session &session = runner.getSession();
  json result = {
      {"model", model},
      {"device", runner.getModel().device()},
      {"threads", session.threads()},
      {"load_ms", runner.getLoadMilliseconds()},
      {"workspace_bytes", tenon_session_workspace_size(session.get())},
      {"outputs", outputs}};
  if (!steps.steps)
    result["first_ms"] = first;
  if (other)
    result["compared_with"] = beside;
  if (!times.empty()) {
    result["runs"] = times.size();
    result["min_ms"] = times.front();
    result["median_ms"] = quantile(times, 0.5);
  }
  if (!isJson && !times.empty())
    printf("%zu run%s on %d thread%s: least %s ms, median %s ms; first %s ms, "
           "load %.1f ms, workspace %.1f MB\n",
           times.size(), times.size() == 1 ? "" : "s", session.threads(),
           session.threads() == 1 ? "" : "s", formatTime(times.front()).c_str(),
           formatTime(quantile(times, 0.5)).c_str(), formatTime(first).c_str(),
           runner.getLoadMilliseconds(),
           tenon_session_workspace_size(session.get()) / 1e6);
  if (options.profile) {
    ProfileReport report(runner, steps.steps     ? steps.steps
                                 : times.empty() ? 1
                                                 : int64_t(times.size()));
    if (!isJson)
      report.print();
    if (!traceFile.empty())
      report.writeTrace(traceFile);
    if (!reportFile.empty())
      report.writeHtml(reportFile, result);
    report.addTo(result);
  }
  if (isJson)
    printJson(result);
  return code;
}

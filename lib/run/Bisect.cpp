//===- Bisect.cpp - Which pass and which kernel made a result wrong ------===//

#include "lib/run/Bisect.h"

#include "lib/run/Compare.h"
#include "lib/run/Text.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

using namespace tenon;
using namespace tenon::run;
using nlohmann::json;

namespace {

/// One compilation and what came out of it.
struct Trial {
  std::vector<Array> outputs;
  /// Those that had their turn, up to where it failed if it did.
  std::vector<CompilerPass> passes;
  /// Why it could not be compiled or run.
  std::optional<Error> failure;
};

/// A result of a kernel; see TenonCompileOptions::expose_kernels.
struct KernelResult {
  int64_t kernel = 0, result = 0;
  /// What gave the result, and all of the kernel.
  std::vector<std::string> nodes, allNodes;
  const Array *array = nullptr;
};

struct Divergence {
  KernelResult result;
  Comparison comparison;
};

constexpr size_t kAll = SIZE_MAX;

class Bisector {
public:
  explicit Bisector(const RunCommand &command) : command(command) {}
  int run();

private:
  RunnerOptions getOptions(const std::string &provider, size_t maxPasses) const;
  /// Tells what a long search is at.
  void showStep(const std::string &provider, size_t maxPasses) const;
  Trial compileAndRun(const std::string &provider, size_t maxPasses,
                      bool exposes = false) const;
  /// What is wrong with the model's own outputs, in words; "" if nothing is.
  std::string judge(const Trial &trial) const;
  void setReference();
  std::vector<Expectation> readExpectations() const;
  std::optional<Divergence>
  findDivergence(const Trial &bad,
                 const std::vector<const Trial *> &good) const;
  void report(const std::string &text, const CompilerPass *pass,
              const std::optional<Divergence> &divergence);

  bool isLong() const {
    return std::chrono::steady_clock::now() - start > std::chrono::seconds(1);
  }

  const RunCommand &command;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
  /// Of the whole compilation, once it is known.
  size_t numPasses = 0;
  std::vector<Expectation> expectations;
  /// Whether the reference is what the compiler itself makes on the plain path.
  bool isPlainReference = false;
  /// Of the whole compilation: what is wrong, and whether it gives no result.
  std::string difference;
  bool fails = false;
};

} // namespace

RunnerOptions Bisector::getOptions(const std::string &provider,
                                   size_t maxPasses) const {
  RunnerOptions options = command.options;
  options.profile = false;
  // The steps of a long search are told instead.
  options.showProgress &= !isLong();
  options.provider = provider;
  if (maxPasses != kAll)
    options.maxPasses = maxPasses;
  return options;
}

void Bisector::showStep(const std::string &provider, size_t maxPasses) const {
  if (!command.options.showProgress || !isLong())
    return;
  std::string passes = "all passes";
  if (maxPasses == 0)
    passes = "no pass";
  else if (maxPasses != kAll)
    passes = "the first " + std::to_string(maxPasses) + " of " +
             std::to_string(numPasses) + " passes";
  fprintf(stderr, "bisecting: %s%s%s\n", passes.c_str(),
          provider.empty() ? "" : ", provider ", provider.c_str());
}

Trial Bisector::compileAndRun(const std::string &provider, size_t maxPasses,
                              bool exposes) const {
  showStep(provider, maxPasses);
  Trial trial;
  RunnerOptions options = getOptions(provider, maxPasses);
  options.exposeKernels = exposes;
  options.onPass = [&](CompilerPass pass) {
    trial.passes.push_back(std::move(pass));
  };
  try {
    Runner runner(command.model, options);
    command.setInputs(runner);
    runner.run();
    trial.outputs = std::move(runner.getOutputs());
  } catch (const Error &error) {
    // Of the options, no pass and no provider makes that.
    if (error.code() == TENON_ERROR_USAGE)
      throw;
    trial.failure = error;
  }
  return trial;
}

static bool parseNumber(const std::string &text, int64_t &number) {
  const char *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end;
}

/// Names for a reader; after the first few, only their number.
static std::string joinNames(const std::vector<std::string> &names) {
  constexpr size_t most = 4;
  std::string joined;
  for (size_t i = 0; i < std::min(names.size(), most); ++i)
    joined += (i ? " + " : "") + names[i];
  if (names.size() > most)
    joined += " + " + std::to_string(names.size() - most) + " more";
  return joined;
}

static std::vector<KernelResult> listKernels(const Trial &trial) {
  std::vector<KernelResult> results;
  for (const Array &array : trial.outputs) {
    std::vector<std::string> parts = split(array.name, '|');
    int64_t kernel, result;
    // An output of the model's own may have any name.
    if (parts.size() == 5 && parts[0] == "kernel" &&
        parseNumber(parts[1], kernel) && parseNumber(parts[2], result))
      results.push_back(
          {kernel, result, split(parts[3], ';'), split(parts[4], ';'), &array});
  }
  return results;
}

std::string Bisector::judge(const Trial &trial) const {
  if (trial.failure)
    return trial.failure->what();
  for (const Expectation &expected : expectations) {
    const Array &found = trial.outputs.at(expected.output);
    Comparison comparison = compare(found, expected.array);
    if (comparison.isWithin(command.getTolerance()))
      continue;
    if (!comparison.mismatch.empty())
      return found.name + " is " + comparison.mismatch;
    char text[96];
    snprintf(text, sizeof text, ": largest error %.3g at element %lld",
             comparison.maxAbsError,
             static_cast<long long>(comparison.worstIndex));
    return found.name + text;
  }
  return "";
}

/// Throws INVALID if an output has another type or other dimensions than what
/// is expected of it: no pass that can be left out changes these.
static void checkExpectations(const Runner &runner,
                              const std::vector<Expectation> &expectations) {
  for (const auto &[output, array] : expectations) {
    TenonTensor given = runner.getSession().output(output);
    if (!array.isTensor() || Session::isComputed(given))
      continue;
    Array like;
    like.dtype = given.dtype;
    like.dims.assign(given.dims, given.dims + given.rank);
    bool hasType =
        array.dtype == like.dtype || areF32AndHalf(array.dtype, like.dtype);
    if (!hasType || array.dims != like.dims)
      fail(TENON_ERROR_INVALID,
           "output '%s' is %s for these inputs, expected %s by --expect: if "
           "that is right, the fault is in the importer or in the inference of "
           "shapes",
           given.name, like.formatType().c_str(), array.formatType().c_str());
  }
}

std::vector<Expectation> Bisector::readExpectations() const {
  // For the names and dimensions any compilation serves that succeeds.
  std::optional<Runner> runner;
  try {
    runner.emplace(command.model, getOptions("codegen", 0));
  } catch (const Error &error) {
    if (error.code() == TENON_ERROR_USAGE)
      throw;
    runner.emplace(command.model, getOptions(command.options.provider, kAll));
  }
  std::vector<Expectation> read = command.readExpectations(*runner);
  command.setInputs(*runner);
  try {
    runner->prepare();
    checkExpectations(*runner, read);
  } catch (const Error &error) {
    // What else fails may be this compilation's alone.
    if (error.code() == TENON_ERROR_INVALID ||
        error.code() == TENON_ERROR_USAGE)
      throw;
  }
  return read;
}

void Bisector::setReference() {
  if (!command.expectationFiles.empty()) {
    expectations = readExpectations();
    return;
  }
  isPlainReference = true;
  Trial plain = compileAndRun("codegen", 0);
  if (plain.failure)
    throw *plain.failure;
  for (size_t i = 0; i < plain.outputs.size(); ++i)
    expectations.push_back({i, std::move(plain.outputs[i])});
}

/// `array` with its dimension at `from` moved to `to`.
static Array moveDimension(const Array &array, size_t from, size_t to) {
  std::vector<size_t> order;
  for (size_t i = 0; i < array.dims.size(); ++i)
    if (i != from)
      order.push_back(i);
  order.insert(order.begin() + to, from);
  return array.transpose(order);
}

/// How far a kernel's result is from what a node should give, in the layout in
/// which it is nearest: as it is, or with the channels moved to the end or
/// back. Nothing if they are no results of one node: type and size differ.
static std::optional<Comparison> compareLayouts(const Array &found,
                                                Array expected) {
  if (found.dtype != expected.dtype || found.size() != expected.size())
    return std::nullopt;
  size_t rank = expected.dims.size();
  std::vector<Array> candidates;
  if (rank > 2) {
    candidates.push_back(moveDimension(expected, 1, rank - 1));
    candidates.push_back(moveDimension(expected, rank - 1, 1));
  }
  candidates.push_back(std::move(expected));
  std::optional<Comparison> best;
  for (Array &candidate : candidates) {
    // Views have other dimensions and the same elements.
    candidate.dims = found.dims;
    Comparison comparison = compare(found, candidate);
    if (!best || comparison.maxAbsError < best->maxAbsError)
      best = comparison;
  }
  return best;
}

/// The first result of a kernel that is no result which the same nodes have in
/// any of the good runs. What has no counterpart there tells nothing.
std::optional<Divergence>
Bisector::findDivergence(const Trial &bad,
                         const std::vector<const Trial *> &good) const {
  std::multimap<std::vector<std::string>, const Array *> known;
  for (const Trial *trial : good)
    for (const KernelResult &result : listKernels(*trial)) {
      known.emplace(result.nodes, result.array);
      if (result.nodes.size() > 1)
        for (const std::string &name : result.nodes)
          known.emplace(std::vector{name}, result.array);
    }
  for (const KernelResult &result : listKernels(bad)) {
    std::vector<std::vector<std::string>> keys;
    for (const std::string &name : result.nodes)
      keys.push_back({name});
    if (result.nodes.size() > 1)
      keys.push_back(result.nodes);
    std::optional<Comparison> nearest;
    for (const std::vector<std::string> &key : keys) {
      auto [from, to] = known.equal_range(key);
      for (auto it = from; it != to; ++it) {
        std::optional<Comparison> comparison =
            compareLayouts(*result.array, *it->second);
        if (comparison &&
            (!nearest || comparison->maxAbsError < nearest->maxAbsError))
          nearest = comparison;
      }
    }
    if (nearest && !nearest->isWithin(command.getTolerance()))
      return Divergence{result, *nearest};
  }
  return std::nullopt;
}

void Bisector::report(const std::string &text, const CompilerPass *pass,
                      const std::optional<Divergence> &divergence) {
  if (command.isJson) {
    json result = {{"model", command.model},
                   {"difference", difference},
                   {"finding", text},
                   {"pass", nullptr},
                   {"kernel", nullptr}};
    if (pass)
      result["pass"] = {{"number", pass->number},
                        {"phase", pass->phase},
                        {"name", pass->name},
                        {"function", pass->function}};
    if (divergence)
      result["kernel"] = {
          {"number", divergence->result.kernel},
          {"nodes", divergence->result.allNodes},
          {"result", divergence->result.nodes},
          {"max_abs_error", divergence->comparison.maxAbsError}};
    printJson(result);
    return;
  }
  if (!difference.empty())
    printf("%s: %s\n", fails ? "fails" : "differs", difference.c_str());
  printf("%s\n", text.c_str());
  if (pass)
    printf("pass %zu: %s, in the %s phase%s%s\n", pass->number,
           pass->name.c_str(), pass->phase.c_str(),
           pass->function.empty() ? "" : ", on function ",
           pass->function.c_str());
  if (divergence)
    printf("kernel %lld, node '%s': what '%s' gives differs first, by %.3g at "
           "element %lld\n",
           static_cast<long long>(divergence->result.kernel),
           joinNames(divergence->result.allNodes).c_str(),
           joinNames(divergence->result.nodes).c_str(),
           divergence->comparison.maxAbsError,
           static_cast<long long>(divergence->comparison.worstIndex));
}

int Bisector::run() {
  setReference();
  const std::string &provider = command.options.provider;
  Trial all = compileAndRun(provider, kAll);
  difference = judge(all);
  fails = all.failure.has_value();
  numPasses = all.passes.size();
  if (difference.empty()) {
    report(isPlainReference ? "the result is that of the plain path"
                            : "the result is as expected",
           nullptr, std::nullopt);
    return 0;
  }

  // 1. Without any pass: the fault is in none of those that can be left out.
  Trial none = compileAndRun(provider, 0);
  // What the system hasn't, such as a driver, no pass takes away.
  if (none.failure && all.failure &&
      all.failure->code() == TENON_ERROR_SYSTEM &&
      !strcmp(none.failure->what(), all.failure->what()))
    throw *none.failure;
  if (!judge(none).empty()) {
    Trial good = compileAndRun("codegen", 0, true);
    if (!isPlainReference && !judge(good).empty()) {
      if (fails && good.failure)
        throw *all.failure; // not even a result
      report("it differs on the plain path too: the fault is in the importer, "
             "a pass that can't be left out, or generated code",
             nullptr, std::nullopt);
      return TENON_ERROR_DIFFERS;
    }
    Trial bad = compileAndRun(provider, 0, true);
    report("no pass made it so, but the kernel provider: by generated code "
           "alone it is right",
           nullptr, findDivergence(bad, {&good}));
    return TENON_ERROR_DIFFERS;
  }

  // 2. With `low` passes it is right, with `high` it is not.
  size_t low = 0, high = numPasses;
  while (high - low > 1) {
    size_t middle = low + (high - low) / 2;
    (judge(compileAndRun(provider, middle)).empty() ? low : high) = middle;
  }

  // 3. The pass, and the kernels with and without it.
  Trial bad = compileAndRun(provider, high, true);
  const CompilerPass &pass = all.passes.at(high - 1);
  if (judge(bad).empty()) {
    report("it becomes right when the results of all kernels are kept: look at "
           "what the pass does to memory",
           &pass, std::nullopt);
    return TENON_ERROR_DIFFERS;
  }
  Trial before = compileAndRun(provider, low, true);
  Trial plain = compileAndRun("codegen", 0, true);
  report("it is right with the first " + std::to_string(low) +
             " of the passes that can be left out, and " +
             (bad.failure ? "fails" : "differs") + " with one more",
         &pass, findDivergence(bad, {&before, &plain}));
  return TENON_ERROR_DIFFERS;
}

/// Whether a target names a processor and GPUs, of which each gets a model.
static bool isForTwo(const std::string &target) {
  size_t numGpus = 0;
  std::vector<std::string> names = split(target, ',');
  for (const std::string &name : names)
    numGpus += name.compare(0, 5, "cuda:") == 0;
  return numGpus && numGpus < names.size();
}

int tenon::run::bisect(const RunCommand &command) {
  if (command.steps.steps)
    fail(TENON_ERROR_USAGE, "--bisect is for one run, not for --steps");
  if (command.isInfo || command.options.profile || command.repeat ||
      !command.outputFolder.empty())
    fail(TENON_ERROR_USAGE,
         "--bisect compares models, and tells nothing else of them: no --info, "
         "--output, --repeat, --profile, --trace or --report");
  if (!command.reference.empty())
    fail(TENON_ERROR_USAGE, "--bisect compares with --expect, or with plain "
                            "generated loops, not with the model of "
                            "--compare-with");
  std::error_code problem;
  if (!std::filesystem::is_regular_file(command.model, problem))
    fail(TENON_ERROR_SYSTEM, "can't read '%s': %s", command.model.c_str(),
         problem ? problem.message().c_str() : "it is no file");
  if (!isOnnx(command.model))
    fail(TENON_ERROR_USAGE,
         "'%s' is compiled already: --bisect takes a model to compile (.onnx)",
         command.model.c_str());
  if (isForTwo(command.options.target))
    fail(TENON_ERROR_USAGE,
         "--bisect is for one target, a processor or GPUs: '%s' is for two "
         "models",
         command.options.target.c_str());
  const std::string &precision = command.options.precision;
  if (!command.tolerance &&
      (precision == "bf16" || precision == "fp16" || precision == "tf32"))
    fail(TENON_ERROR_USAGE,
         "--bisect with --precision=%s needs --tolerance, how far rounding may "
         "move a result (such as 0.05): any pass that moves where it happens "
         "would be found",
         precision.c_str());
  return Bisector(command).run();
}

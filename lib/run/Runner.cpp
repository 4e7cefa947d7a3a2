//===- Runner.cpp - A model with its inputs and outputs ------------------===//

#include "lib/run/Runner.h"

#include "tenon/compiler.h"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <set>

using namespace tenon::run;

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start)
      .count();
}

struct Progress {
  Clock::time_point start = Clock::now();

  static void show(void *context, const char *phase) {
    auto *progress = static_cast<Progress *>(context);
    if (millisecondsSince(progress->start) > 1000)
      fprintf(stderr, "compiling: %s\n", phase);
  }
};

void forwardPass(void *context, size_t number, const char *phase,
                 const char *name, const char *function, int32_t) {
  static_cast<const RunnerOptions *>(context)->onPass(
      {number, phase, name, function});
}

} // namespace

bool tenon::run::isOnnx(const std::string &path) {
  return path.size() > 5 && path.compare(path.size() - 5, 5, ".onnx") == 0;
}

TenonModel *tenon::run::compileInProcess(const std::string &path,
                                         const RunnerOptions &options) {
  void *library = dlopen("libtenon_compiler.so", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    fail(TENON_ERROR_UNSUPPORTED,
         "'%s' is to be compiled, but the compiler is not there: %s",
         path.c_str(), dlerror());
  auto compile = reinterpret_cast<decltype(&tenon_compile_file)>(
      dlsym(library, "tenon_compile_file"));
  if (!compile)
    fail(TENON_ERROR_UNSUPPORTED,
         "libtenon_compiler.so is of another version of Tenon");
  Progress progress;
  TenonCompileOptions compileOptions{};
  compileOptions.struct_size = sizeof compileOptions;
  if (!options.provider.empty())
    compileOptions.provider = options.provider.c_str();
  if (!options.target.empty())
    compileOptions.target = options.target.c_str();
  if (!options.tuning.empty())
    compileOptions.tuning = options.tuning.c_str();
  if (!options.precision.empty())
    compileOptions.precision = options.precision.c_str();
  std::vector<const char *> keepFp32, halfIo;
  for (const std::string &pattern : options.keepFp32)
    keepFp32.push_back(pattern.c_str());
  for (const std::string &pattern : options.halfIo)
    halfIo.push_back(pattern.c_str());
  compileOptions.keep_fp32 = keepFp32.data();
  compileOptions.num_keep_fp32 = keepFp32.size();
  compileOptions.half_io = halfIo.data();
  compileOptions.num_half_io = halfIo.size();
  compileOptions.device = options.device.c_str();
  if (options.showProgress) {
    compileOptions.progress = &Progress::show;
    compileOptions.progress_context = &progress;
  }
  if (options.maxPasses)
    compileOptions.max_passes = &*options.maxPasses;
  compileOptions.expose_kernels = options.exposeKernels;
  if (options.onPass) {
    compileOptions.pass = &forwardPass;
    compileOptions.pass_context = const_cast<RunnerOptions *>(&options);
  }
  TenonModel *model = nullptr;
  check(compile(path.c_str(), &compileOptions, &model));
  return model;
}

std::shared_ptr<const tenon::Model>
tenon::run::loadModel(const std::string &path, const RunnerOptions &options) {
  if (isOnnx(path))
    return std::make_shared<Model>(compileInProcess(path, options));
  if (!options.provider.empty() || !options.target.empty() ||
      !options.tuning.empty() || !options.precision.empty() ||
      !options.keepFp32.empty() || !options.halfIo.empty())
    fail(TENON_ERROR_USAGE,
         "'%s' is compiled already: a provider, a target, a tuning or a "
         "precision can be chosen for .onnx only",
         path.c_str());
  return std::make_shared<Model>(Model::load(path, options.device));
}

std::vector<TenonTensorInfo> tenon::run::listInputs(const Model &model) {
  std::vector<TenonTensorInfo> infos;
  for (size_t i = 0; i < model.numInputs(); ++i)
    infos.push_back(model.input(i));
  return infos;
}

std::vector<TenonTensorInfo> tenon::run::listOutputs(const Model &model) {
  std::vector<TenonTensorInfo> infos;
  for (size_t i = 0; i < model.numOutputs(); ++i)
    infos.push_back(model.output(i));
  return infos;
}

std::pair<std::string, std::string>
tenon::run::splitNamed(const std::string &text,
                       const std::vector<TenonTensorInfo> &tensors) {
  size_t first = text.find('=');
  for (size_t at = first; at != std::string::npos; at = text.find('=', at + 1))
    for (const TenonTensorInfo &tensor : tensors)
      if (text.compare(0, at, tensor.name) == 0)
        return {tensor.name, text.substr(at + 1)};
  if (first == std::string::npos || std::filesystem::exists(text))
    return {"", text};
  return {text.substr(0, first), text.substr(first + 1)};
}

Runner::Runner(const std::string &path, const RunnerOptions &options) {
  Clock::time_point start = Clock::now();
  model = loadModel(path, options);
  makeSession(options);
  loadMilliseconds = millisecondsSince(start);
}

Runner::Runner(std::shared_ptr<const Model> model, const RunnerOptions &options)
    : model(std::move(model)) {
  makeSession(options);
}

void Runner::makeSession(const RunnerOptions &options) {
  TenonSessionOptions sessionOptions{};
  sessionOptions.struct_size = sizeof sessionOptions;
  sessionOptions.threads = options.threads;
  sessionOptions.profile = options.profile;
  session.emplace(*model, sessionOptions);
  inputs.resize(model->numInputs());
}

template <typename Get>
static size_t findTensor(const char *kind, const std::string &name,
                         size_t count, Get get) {
  std::string known;
  for (size_t i = 0; i < count; ++i) {
    if (name == get(i).name)
      return i;
    known += std::string(known.empty() ? "" : ", ") + "'" + get(i).name + "'";
  }
  fail(TENON_ERROR_USAGE, "the model has no %s '%s', only %s", kind,
       name.c_str(), known.empty() ? "none" : known.c_str());
}

size_t Runner::findInput(const std::string &name) const {
  return findTensor("input", name, model->numInputs(),
                    [&](size_t i) { return model->input(i); });
}

size_t Runner::findOutput(const std::string &name) const {
  return findTensor("output", name, model->numOutputs(),
                    [&](size_t i) { return model->output(i); });
}

void Runner::setInput(size_t index, Array array) {
  array.name = model->input(index).name;
  array.adopt(model->input(index).dtype);
  inputs.at(index) = std::move(array);
  isBound = false;
}

void Runner::addElement(size_t index, Array array) {
  std::vector<Array> elements;
  if (inputs.at(index))
    elements = std::move(inputs[index]->elements);
  elements.push_back(std::move(array));
  setInput(index, Array::makeSequence(std::move(elements)));
}

void Runner::bind() {
  inputViews.clear();
  for (std::optional<Array> &input : inputs)
    if (input)
      inputViews.push_back(input->view());
  check(
      tenon_session_bind(session->get(), inputViews.data(), inputViews.size()));
  outputs.clear();
  outputViews.clear();
  isComputed.clear();
  for (size_t i = 0; i < model->numOutputs(); ++i) {
    // What has dimensions that depend on data is the session's at first.
    TenonTensor shape = session->output(i);
    isComputed.push_back(Session::isComputed(shape));
    outputs.push_back(
        isComputed[i]
            ? Array()
            : Array::make(shape.dtype, {shape.dims, shape.dims + shape.rank}));
    outputs[i].name = shape.name;
  }
  for (size_t i = 0; i < outputs.size(); ++i)
    outputViews.push_back(isComputed[i] ? session->output(i)
                                        : outputs[i].view());
  isBound = true;
}

double Runner::prepare() {
  if (isBound)
    return 0;
  Clock::time_point start = Clock::now();
  bind();
  return millisecondsSince(start);
}

double Runner::run() {
  if (!isBound)
    bind();
  Clock::time_point start = Clock::now();
  check(tenon_session_run(session->get(), inputViews.data(), inputViews.size(),
                          outputViews.data(), outputViews.size()));
  double milliseconds = millisecondsSince(start);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!isComputed[i])
      continue;
    outputs[i] = Array::copy(session->output(i));
  }
  return milliseconds;
}

void Runner::runSteps(const StepPlan &plan) {
  std::set<size_t> fed;
  auto feed = [&](const std::string &name) {
    if (!fed.insert(findInput(name)).second)
      fail(TENON_ERROR_USAGE,
           "input '%s' gets two values in each step, expected one: a slice, or "
           "an output carried to it",
           name.c_str());
  };
  for (const std::string &name : plan.stepped)
    feed(name);
  for (const auto &[output, input] : plan.carry)
    feed(input);
  // Unlike a file, a state is not rounded: the model would not be the same.
  for (const auto &[output, input] : plan.carry) {
    TenonDType from = model->output(findOutput(output)).dtype;
    TenonDType to = model->input(findInput(input)).dtype;
    if (from != to)
      fail(TENON_ERROR_INVALID,
           "input '%s' is carried from output '%s', which is %s, expected %s",
           input.c_str(), output.c_str(), tenon_dtype_name(from),
           tenon_dtype_name(to));
  }
  // What is given stays what it was, also where a step fails.
  struct Restored {
    Runner &runner;
    std::vector<std::optional<Array>> given = runner.inputs;
    ~Restored() {
      runner.inputs = std::move(given);
      runner.isBound = false;
    }
  } restored{*this};
  const std::vector<std::optional<Array>> &given = restored.given;
  std::vector<Array> stacked;
  for (int64_t step = 0; step < plan.steps; ++step) {
    for (const std::string &name : plan.stepped) {
      size_t index = findInput(name);
      if (!given[index])
        fail(TENON_ERROR_INVALID, "missing input '%s'", name.c_str());
      const Array &all = *given[index];
      if (!all.isTensor())
        fail(TENON_ERROR_USAGE, "input '%s' is not a tensor, it has no slices",
             name.c_str());
      if (all.dims.empty() || all.dims[0] != plan.steps)
        fail(TENON_ERROR_INVALID,
             "input '%s' is %s, expected %lld slices along the first dimension",
             name.c_str(), all.formatDims().c_str(),
             static_cast<long long>(plan.steps));
      Array slice =
          Array::make(all.dtype, {all.dims.begin() + 1, all.dims.end()});
      memcpy(slice.bytes.data(), all.bytes.data() + step * slice.bytes.size(),
             slice.bytes.size());
      setInput(index, std::move(slice));
    }
    run();
    for (size_t i = 0; i < outputs.size(); ++i) {
      // What has no slices is told as the last step made it.
      if (!outputs[i].isTensor()) {
        stacked.resize(std::max(stacked.size(), i + 1));
        stacked[i] = outputs[i];
        continue;
      }
      if (step == 0) {
        std::vector<int64_t> dims = outputs[i].dims;
        dims.insert(dims.begin(), plan.steps);
        stacked.push_back(Array::make(outputs[i].dtype, dims));
        stacked.back().name = outputs[i].name;
      }
      size_t size = outputs[i].bytes.size();
      if (stacked[i].bytes.size() != size * plan.steps)
        fail(TENON_ERROR_INVALID,
             "output '%s' changes its dimensions from step to step",
             outputs[i].name.c_str());
      memcpy(stacked[i].bytes.data() + step * size, outputs[i].bytes.data(),
             size);
    }
    for (const auto &[output, input] : plan.carry)
      setInput(findInput(input), outputs[findOutput(output)]);
  }
  outputs = std::move(stacked);
}

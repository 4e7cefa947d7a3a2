//===- Runner.h - A model with its inputs and outputs --------------------===//

#ifndef TENON_LIB_RUN_RUNNER_H
#define TENON_LIB_RUN_RUNNER_H

#include "lib/run/Array.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>

namespace tenon::run {

/// A pass of the compiler that can be left out, when its turn comes; see
/// TenonCompileOptions::pass.
struct CompilerPass {
  size_t number;
  std::string phase, name, function;
};

struct RunnerOptions {
  int threads = 0; // 0: as many as the process may use
  /// As TenonSessionOptions::profile.
  int profile = 0;
  /// As TenonModelOptions::device.
  std::string device;
  /// For ONNX models, which are compiled in process; "" is the default.
  std::string provider, target;
  /// See TenonCompileOptions::tuning; "" is none.
  std::string tuning;
  /// See TenonCompileOptions::precision; "" is the model's.
  std::string precision;
  std::vector<std::string> keepFp32;
  std::vector<std::string> halfIo;
  /// Show the phases of a long compilation.
  bool showProgress = false;
  /// For ONNX models, to find faults: see TenonCompileOptions.
  std::optional<size_t> maxPasses;
  bool exposeKernels = false;
  std::function<void(CompilerPass)> onPass;
};

/// Which inputs get a slice for each step, and which outputs go back to inputs.
struct StepPlan {
  int64_t steps = 0; // 0: one run, no slices
  std::vector<std::string> stepped;
  std::vector<std::pair<std::string, std::string>> carry; // output, input
};

/// Loads a model, compiling it first if its name ends in .onnx.
std::shared_ptr<const Model> loadModel(const std::string &path,
                                       const RunnerOptions &options);

std::vector<TenonTensorInfo> listInputs(const Model &model);
std::vector<TenonTensorInfo> listOutputs(const Model &model);

/// "NAME=FILE", taken apart, or "FILE", whose name is "". A path may have a '='
/// too: the name is one of `tensors` where that can be.
std::pair<std::string, std::string>
splitNamed(const std::string &text,
           const std::vector<TenonTensorInfo> &tensors);

/// A model that is loaded, and a session that runs it.
class Runner {
public:
  Runner(const std::string &path, const RunnerOptions &options);
  /// A session more of a model.
  Runner(std::shared_ptr<const Model> model, const RunnerOptions &options);

  const Model &getModel() const { return *model; }
  std::shared_ptr<const Model> getSharedModel() const { return model; }
  Session &getSession() { return *session; }
  const Session &getSession() const { return *session; }
  double getLoadMilliseconds() const { return loadMilliseconds; }
  size_t findInput(const std::string &name) const;
  size_t findOutput(const std::string &name) const;

  void setInput(size_t index, Array array);
  /// Adds the next tensor of an input that is a sequence or an optional.
  void addElement(size_t index, Array array);
  const std::optional<Array> &getInput(size_t index) const {
    return inputs[index];
  }
  /// Prepares for the inputs, which the first run does otherwise. Returns
  /// milliseconds.
  double prepare();
  /// Runs once; the outputs are in getOutputs(). Returns milliseconds of the
  /// run alone.
  double run();
  /// Runs `plan.steps` times and stacks the outputs along a new first
  /// dimension.
  void runSteps(const StepPlan &plan);
  std::vector<Array> &getOutputs() { return outputs; }
  /// What the last run was given.
  const std::vector<TenonTensor> &getInputViews() const { return inputViews; }
  const std::vector<TenonTensor> &getOutputViews() const { return outputViews; }

private:
  void makeSession(const RunnerOptions &options);
  void bind();

  std::shared_ptr<const Model> model;
  std::optional<Session> session;
  double loadMilliseconds = 0;
  std::vector<std::optional<Array>> inputs;
  std::vector<Array> outputs;
  bool isBound = false;
  /// Outputs with dimensions that only a run can tell.
  std::vector<bool> isComputed;
  std::vector<TenonTensor> inputViews, outputViews;
};

/// Whether a file is a model to be compiled, by its name.
bool isOnnx(const std::string &path);

/// Compiles an ONNX file in process with libtenon_compiler, which is loaded
/// now. Throws UNSUPPORTED if it is not there.
TenonModel *compileInProcess(const std::string &path,
                             const RunnerOptions &options);

} // namespace tenon::run

#endif // TENON_LIB_RUN_RUNNER_H

//===- RunCommand.h - What tenon-run does --------------------------------===//

#ifndef TENON_LIB_RUN_RUNCOMMAND_H
#define TENON_LIB_RUN_RUNCOMMAND_H

#include "lib/run/Runner.h"

#include <nlohmann/json_fwd.hpp>

namespace tenon::run {

/// What an output should be.
struct Expectation {
  size_t output;
  Array array;
};

/// The command line of tenon-run, taken apart.
struct RunCommand {
  std::string model;
  RunnerOptions options;
  /// "name=file", or "file" with arrays that have names.
  std::vector<std::string> inputs, expectationFiles;
  /// "name=1x3x48x320", "symbol=6", "name=low:high".
  std::vector<std::string> shapes, symbols, ranges;
  bool random = false;
  uint64_t seed = 0;
  StepPlan steps;
  /// Of --expect, and of --compare-with if it is given.
  std::optional<double> tolerance;
  int repeat = 0;
  std::string outputFolder;
  /// A model to compare with, compiled or not, and what it runs on; "" is none.
  std::string reference, referenceDevice;
  /// Where to write what was measured, "" for nowhere.
  std::string traceFile, reportFile;
  bool isInfo = false, isJson = false;

  /// Runs it and prints what came out. Returns an exit code; throws Error.
  int execute() const;

  /// Throws USAGE if what is said of random inputs makes no sense for any
  /// model.
  void checkRandomOptions() const;
  /// Gives `runner` all inputs, from files and random ones.
  void setInputs(Runner &runner) const;
  std::vector<Expectation> readExpectations(const Runner &runner) const;
  double getTolerance() const { return tolerance.value_or(1e-4); }

private:
  std::unique_ptr<Runner> loadReference(const Runner &runner) const;
  nlohmann::json compareWith(Runner &runner, Runner &other, bool &isGood) const;
  int showInfo() const;
  std::pair<std::shared_ptr<const Model>, std::string> loadForInfo() const;
  /// What a session of a model tells.
  struct SessionInfo {
    /// Its memory for the dimensions that are given, or that are the only ones;
    /// nothing if they are not known, or if there is no session.
    std::optional<uint64_t> workspace;
    std::string notes; // see tenon_session_notes
    /// Why the device can't be used, if that was tried.
    std::string deviceProblem;
  };
  void findSessionInfo(std::shared_ptr<const Model> model,
                       SessionInfo &info) const;
  void printInfo(const Model &model, const SessionInfo &session) const;
  void readInputs(Runner &runner) const;
  void fillRandomly(Runner &runner) const;
};

/// An input's or output's type and dimensions.
std::string formatInfo(const TenonTensorInfo &info);
/// Prints one line.
void printJson(const nlohmann::json &value);

} // namespace tenon::run

#endif // TENON_LIB_RUN_RUNCOMMAND_H

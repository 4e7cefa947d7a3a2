//===- ProfileReport.h - What a session measured, for people ------------===//

#ifndef TENON_LIB_RUN_PROFILEREPORT_H
#define TENON_LIB_RUN_PROFILEREPORT_H

#include "lib/run/MachinePeak.h"
#include "lib/run/Runner.h"

#include <nlohmann/json.hpp>

namespace tenon::run {

/// The kernels of a session with their times, rates, and what part of the
/// machine's peak that is.
class ProfileReport {
public:
  /// Takes over what the session measured so far, in `runs` runs.
  ProfileReport(Runner &runner, int64_t runs);

  /// A line for each kernel, the longest first, and their sum.
  void print() const;
  /// "profile" of tenon-run --json, and "machine" where there are kernels of
  /// the processor.
  void addTo(nlohmann::json &result) const;
  /// Writes the calls in Chrome's trace event format. Throws SYSTEM.
  void writeTrace(const std::string &path) const;
  /// Writes one HTML file with all of it drawn: `summary` are the numbers of
  /// tenon-run --json. Throws SYSTEM.
  void writeHtml(const std::string &path, nlohmann::json summary) const;

private:
  struct Kernel {
    std::string name, provider, implementation, shapes;
    uint64_t calls;
    double nanoseconds, leastNanoseconds, bytes;
    double flops; // -1 if not known

    /// What was measured is the peak of the processor.
    bool hasRoof() const {
      return provider != "cuda" && provider != "cublaslt" &&
             provider != "cudnn";
    }
    /// Whether it multiplies bf16 as such: oneDNN does, if it is given two
    /// factors of it. Generated code widens them to f32.
    bool multipliesBf16() const;
    double getLeastTime(const MachinePeak &peak) const {
      return peak.getLeastTime(flops, bytes, multipliesBf16());
    }
  };
  nlohmann::json toJson(const Kernel &kernel) const;
  /// The calls of the last run, and the tensors that go from one to another.
  nlohmann::json describeLastRun() const;

  std::string model;
  /// Measured if there are kernels of the processor.
  std::optional<MachinePeak> peak;
  int64_t runs;
  std::vector<Kernel> kernels;
  std::vector<TenonProfileCall> calls;
  std::vector<TenonTensor> inputs, outputs;
};

} // namespace tenon::run

#endif // TENON_LIB_RUN_PROFILEREPORT_H

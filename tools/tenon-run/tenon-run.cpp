//===- tenon-run.cpp - Run, check and time compiled models ---------------===//

#include "lib/run/Bisect.h"
#include "lib/run/CommandLine.h"
#include "lib/run/Server.h"

#include <cstdio>

using namespace tenon::run;

namespace {

/// Takes "output=input" apart for --carry.
std::string addCarry(RunCommand &command, const std::string &text) {
  size_t at = text.find('=');
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    return "expected OUTPUT=INPUT";
  command.steps.carry.emplace_back(text.substr(0, at), text.substr(at + 1));
  return "";
}

} // namespace

int main(int argc, char **argv) {
  RunCommand command;
  bool isServer = false, isBisection = false, isProfile = false;
  std::string diagnostics = "text";
  std::vector<std::string> carry;
  CLI::App app(
      "tenon-run: run a compiled model (.so), or compile an ONNX "
      "model and run it\n\n"
      "  tenon-run model.so --input x=x.npy --expect y=y.npy\n"
      "  tenon-run model.so --random --shape x=1x3x48x320 --repeat 20");
  app.footer(std::string(serverUsage) +
             "\n\nExit codes: 0 done, 1 usage, 2 invalid model or input, 3 "
             "unsupported, 4 file or system error, 5 result differs, 70 "
             "internal error.");
  nameTool(app, "tenon-run");
  app.add_flag("--info", command.isInfo,
               "Show inputs and outputs, and the memory of a session if the "
               "dimensions are known; don't run");
  app.add_flag("--random", command.random,
               "Fill the inputs that are not given: floats from -1 to 1, "
               "integers 0 or 1");
  app.add_option("--shape", command.shapes, "Dimensions of a random input")
      ->type_name("NAME=1x3x48x320")
      ->needs("--random")
      ->allow_extra_args(false);
  app.add_option("--dim", command.symbols,
                 "A dynamic dimension of all random inputs")
      ->type_name("SYMBOL=N")
      ->needs("--random")
      ->allow_extra_args(false);
  addModelOptions(app, command);
  app.get_option("--range")->needs("--random");
  app.get_option("--seed")->needs("--random");
  app.add_option("--expect,-e", command.expectationFiles,
                 "Compare an output with a file; exit code 5 if it differs")
      ->type_name("[NAME=]FILE")
      ->check(isPath())
      ->allow_extra_args(false);
  app.add_option("--tolerance", command.tolerance,
                 "Largest error that passes, relative to the expected output's "
                 "largest magnitude (1e-4); given, it counts for "
                 "--compare-with too")
      ->check(atLeast(0));
  app.add_option("--compare-with", command.reference,
                 "Run another model on the same inputs, and show how far the "
                 "outputs are apart")
      ->type_name("MODEL")
      ->check(isPath());
  app.add_option("--compare-device", command.referenceDevice,
                 "What that model runs on, as for --device")
      ->type_name("DEVICE")
      ->check(isDevice())
      ->needs("--compare-with");
  app.add_option("--output,-o", command.outputFolder,
                 "Write the outputs as output_0.npy, ... into this folder")
      ->type_name("FOLDER")
      ->check(isPath());
  app.add_option("--repeat,-r", command.repeat,
                 "Time this many runs after the first")
      ->check(atLeast(0));
  app.add_option("--threads,-t", command.options.threads,
                 "Threads (as many as the process may use)")
      ->check(atLeast(1));
  app.add_flag("--profile", isProfile,
               "Show the time of each kernel, beside what the machine can do");
  app.add_option("--trace", command.traceFile,
                 "Write each call of a kernel as a trace, for Perfetto or "
                 "chrome://tracing; implies --profile")
      ->type_name("FILE.json")
      ->check(isPath());
  app.add_option("--report", command.reportFile,
                 "Write the profile, the graph of kernels and the use of "
                 "memory as a page; implies --profile")
      ->type_name("FILE.html")
      ->check(isPath());
  app.add_option("--steps", command.steps.steps,
                 "Run this many times in a row; each output file then has the "
                 "steps along a new first dimension")
      ->check(atLeast(1));
  app.add_option("--step", command.steps.stepped,
                 "An input with one slice for each step along a first "
                 "dimension of its own")
      ->type_name("INPUT")
      ->needs("--steps")
      ->allow_extra_args(false);
  app.add_option("--carry", carry,
                 "An output that is an input of the next step")
      ->type_name("OUTPUT=INPUT")
      ->needs("--steps")
      ->allow_extra_args(false);
  app.add_flag("--json", command.isJson, "Print one line of JSON");
  app.add_option("--diagnostics", diagnostics,
                 "How errors are told: text, or json: one object on the "
                 "standard error, also if there is none")
      ->check(oneOf({"text", "json"}));
  app.add_flag("--bisect", isBisection,
               "For .onnx: find the pass and the first kernel that make the "
               "result differ from --expect, or from plain generated loops");
  app.add_flag("--serve", isServer, "Answer requests; see below");

  try {
    parse(app, argc, argv);
    for (const std::string &text : carry)
      if (std::string problem = addCarry(command, text); !problem.empty())
        throw CLI::ValidationError("--carry", problem);
    if (isServer && app.parse_order().size() > 1)
      throw CLI::ValidationError(
          "--serve", "stands alone: each request says what it is for");
    if (command.model.empty() && !isServer)
      throw CLI::RequiredError("model");
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? TENON_ERROR_USAGE : 0;
  }
  bool tellsJson = diagnostics == "json";
  command.options.showProgress = !tellsJson;
  bool keepsCalls = !command.traceFile.empty() || !command.reportFile.empty();
  command.options.profile = keepsCalls ? 2 : isProfile;
  return runTool("tenon-run", tellsJson, [&] {
    int code = isServer      ? serve()
               : isBisection ? bisect(command)
                             : command.execute();
    if (code == TENON_ERROR_DIFFERS && tellsJson)
      return report("tenon-run",
                    {TENON_ERROR_DIFFERS, "an output is not the expected one"},
                    tellsJson);
    if (tellsJson)
      fprintf(stderr, "%s\n", tenon_error_json(nullptr));
    return code;
  });
}

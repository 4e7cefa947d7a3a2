//===- tenon-bench.cpp - Measure compiled models ------------------------===//

#include "lib/run/Bench.h"
#include "lib/run/CommandLine.h"

using tenon::run::BenchCommand;

int main(int argc, char **argv) {
  BenchCommand command;
  std::string tuneFile;
  CLI::App app(
      "tenon-bench: time, throughput and memory of a compiled model (.so)\n\n"
      "  tenon-bench model.so --dim N=1,8 --threads 1,2 --sessions 1,2\n\n"
      "Each combination is measured in a process of its own: `load` is the "
      "time to load the model\nand make a session, `first` the time until the "
      "first result, loading included; `workspace`\nis the memory that the "
      "sessions hold, `peak` the most that the process had. A .onnx file is "
      "compiled "
      "each time, which\nthe times to load and the peak then include.");
  app.footer("Exit codes: 0 done, 1 usage, 2 invalid model or input, 3 "
             "unsupported, 4 file or system error, 70 internal error.");
  tenon::run::nameTool(app, "tenon-bench");
  tenon::run::addModelOptions(app, command.run);
  app.get_option("model")->required();
  app.add_option("--shape", command.shapes, "Dimensions of an input")
      ->type_name("NAME=1x3x48x320[,...]")
      ->allow_extra_args(false);
  app.add_option("--dim", command.symbols, "A dynamic dimension of all inputs")
      ->type_name("SYMBOL=N[,N...]")
      ->allow_extra_args(false);
  app.add_option("--threads,-t", command.threads, "Threads of a session (1)")
      ->delimiter(',')
      ->check(tenon::run::atLeast(1));
  app.add_option("--sessions,-s", command.sessions, "Sessions at once (1)")
      ->delimiter(',')
      ->check(tenon::run::atLeast(1));
  app.add_option("--seconds", command.seconds,
                 "Time of each measurement after the first result (2)")
      ->check(tenon::run::atLeast(0));
  app.add_option("--tune", tuneFile,
                 "For .onnx: measure each kernel with each provider, and write "
                 "the faster ones for tenon-compile --tuning; then measure "
                 "with them")
      ->type_name("FILE")
      ->check(tenon::run::isPath());
  app.add_flag("--json", command.isJson, "Print one line of JSON");
  try {
    tenon::run::parse(app, argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) ? TENON_ERROR_USAGE : 0;
  }
  return tenon::run::runTool("tenon-bench", /*reportsJson=*/false, [&] {
    if (!tuneFile.empty())
      tenon::run::checkWritable(tuneFile);
    command.checkPoints();
    if (!tuneFile.empty()) {
      command.tune(tuneFile);
      command.run.options.tuning = tuneFile;
    }
    return command.execute();
  });
}

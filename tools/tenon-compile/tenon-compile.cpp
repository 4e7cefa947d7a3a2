//===- tenon-compile.cpp - Compile a model ahead of time ------------------===//

#include "lib/driver/Compiler.h"
#include "lib/driver/MemoryReport.h"
#include "lib/driver/TemporaryFile.h"
#include "lib/import/onnx/OperatorList.h"
#include "tenon/tenon.h"
#include "tools/tenon-compile/CommandLine.h"
#include "tools/tenon-compile/ProgressPrinter.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <unistd.h>

using tenon::Phase;
using tenon::Status;

namespace {

/// Whether errors are told as JSON.
bool isJson = false;

int report(const Status &status) {
  if (isJson) {
    TenonError *error = tenon::toError(status);
    fprintf(stderr, "%s\n", tenon_error_json(error));
    tenon_error_free(error);
  } else if (!status.isOk()) {
    fprintf(stderr, "tenon-compile: error: %s\n", status.getMessage().c_str());
  }
  return status.getCode();
}

/// LLVM would abort where it can't go on, which says nothing to people.
[[noreturn]] void quit(const char *message, TenonErrorCode code) {
  llvm::sys::RunInterruptHandlers(); // removes unfinished files
  _exit(report(Status::error(code, message)));
}

void installErrorHandlers() {
  llvm::setBugReportMsg("tenon-compile: internal error: this is a defect of "
                        "Tenon; please report it with the model\n");
  // Behind LLVM's handler, which shows where the crash was.
  llvm::sys::AddSignalHandler([](void *) { _exit(TENON_ERROR_INTERNAL); },
                              nullptr);
  llvm::install_fatal_error_handler([](void *, const char *reason, bool) {
    quit(reason, TENON_ERROR_INTERNAL);
  });
  llvm::install_bad_alloc_error_handler([](void *, const char *, bool) {
    quit("out of memory", TENON_ERROR_SYSTEM);
  });
  llvm::install_out_of_memory_new_handler();
}

/// Shows the passes that can be left out.
void print(const tenon::PassTurn &turn, llvm::raw_ostream &os) {
  os << turn.number << " " << tenon::getPhaseName(turn.phase) << " "
     << turn.pass;
  if (!turn.function.empty())
    os << " @" << turn.function;
  if (!turn.device.empty())
    os << " on " << turn.device;
  os << (turn.runs ? "\n" : " (left out)\n");
}

/// Compiles from and to the phases that are asked for.
Status compile(const CommandLine &command, tenon::CompileOptions options) {
  tenon::Compiler compiler(std::move(options));
  std::optional<Phase> first;
  if (command.compileFrom.getNumOccurrences())
    first = command.compileFrom;
  if (Status status = compiler.readModel(command.input, first); !status.isOk())
    return status;
  Phase last = command.compileTo;
  if (command.onlyListsPasses())
    return compiler.runTo(std::min(last, Phase::Lower));
  std::string path = command.getOutput();
  Status status = last == Phase::Emit ? compiler.emitTo(path)
                                      : compiler.writeIr(last, path);
  if (status.isOk() && command.memory.getNumOccurrences())
    tenon::printMemory(compiler.getModules(), last == Phase::Emit ? path : "",
                       command.getReportStream(),
                       command.memory == CommandLine::Form::Json);
  return status;
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  installErrorHandlers();
  tenon::removeTemporaryFilesOnSignal();
  CommandLine command;
  command.parse(argc, argv);
  isJson = command.diagnostics == CommandLine::Form::Json;
  if (command.operators.getNumOccurrences()) {
    tenon::listOperators(llvm::outs(),
                         command.operators == CommandLine::Form::Json);
    return 0;
  }
  tenon::CompileOptions options;
  if (Status status = command.apply(options); !status.isOk())
    return report(status);
  if (command.listPasses)
    options.onPass = [&](const tenon::PassTurn &turn) {
      print(turn, command.getReportStream());
    };
  std::optional<ProgressPrinter> progress;
  if (!command.quiet && !isJson) {
    progress.emplace();
    options.onPhase = [&](Phase phase) { progress->begin(phase); };
    options.onNote = [](const std::string &note) {
      fprintf(stderr, "tenon-compile: %s\n", note.c_str());
    };
  }
  return report(compile(command, std::move(options)));
}

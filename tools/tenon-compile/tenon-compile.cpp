//===- tenon-compile.cpp - Compile a model ahead of time ------------------===//

#include "lib/driver/Compiler.h"
#include "lib/driver/MemoryReport.h"
#include "lib/driver/OptionParsing.h"
#include "lib/driver/Registration.h"
#include "lib/driver/TemporaryFile.h"
#include "lib/import/onnx/OperatorList.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "mlir/Transforms/Passes.h"
#include "tenon/tenon.h"
#include "tools/tenon-compile/ProgressPrinter.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdio>
#include <unistd.h>

namespace cl = llvm::cl;
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

/// One of several names. CommandLine's own parser does not say which there are.
template <typename T> class NameParser : public cl::parser<T> {
public:
  using cl::parser<T>::parser;

  bool parse(cl::Option &option, llvm::StringRef, llvm::StringRef text,
             T &result) {
    std::string names;
    for (const auto &value : this->Values) {
      if (value.Name == text) {
        result = value.V.getValue();
        return false;
      }
      if (!value.Name.empty())
        names += (names.empty() ? "" : ", ") + value.Name.str();
    }
    return option.error("expected one of: " + names + "; found '" + text + "'");
  }
};

template <typename T> using NameOption = cl::opt<T, false, NameParser<T>>;

/// The name of a file: any but an empty one.
class PathParser : public cl::parser<std::string> {
public:
  using cl::parser<std::string>::parser;

  bool parse(cl::Option &option, llvm::StringRef, llvm::StringRef text,
             std::string &result) {
    if (text.empty())
      return option.error("expected a path, found ''");
    result = text.str();
    return false;
  }
};

using PathOption = cl::opt<std::string, false, PathParser>;

/// Hides what the libraries declare, also from what is suggested in place of an
/// unknown option, but for MLIR's flags for debugging, which get a category of
/// their own.
void arrangeHelp(cl::OptionCategory &own, cl::OptionCategory &debugging) {
  for (auto &[name, option] : cl::getRegisteredOptions()) {
    if (llvm::is_contained(option->Categories, &own) ||
        llvm::is_contained(option->Categories, &debugging) ||
        option->Categories.front()->getName() == "Generic Options")
      continue;
    // These two list all passes.
    if (name == "mlir-print-ir-before" || name == "mlir-print-ir-after")
      option->setHiddenFlag(cl::Hidden);
    else if (name.starts_with("mlir-"))
      option->addCategory(debugging);
    else
      option->setHiddenFlag(cl::ReallyHidden);
  }
}

} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  installErrorHandlers();
  tenon::removeTemporaryFilesOnSignal();
  cl::OptionCategory category("Options of tenon-compile");
  cl::OptionCategory debugging("Debugging of passes (MLIR)");
  cl::opt<std::string> input(cl::Positional,
                             cl::desc("<model.onnx, or IR for --compile-from>"),
                             cl::cat(category));
  PathOption output(
      "o",
      cl::desc("What to write: model.so (the default: the model's name), "
               "model.o with model.h, or IR for --compile-to (the default: -, "
               "the standard output)"),
      cl::value_desc("file"), cl::cat(category));
  cl::opt<std::string> target(
      "target",
      cl::desc("native (default), x86-64, x86-64-v2, x86-64-v3, x86-64-v4, a "
               "triple such as aarch64-linux-gnu, or GPUs: cuda:sm_90; or, for "
               "a choice when it is loaded, both: native,cuda:sm_90"),
      cl::init("native"), cl::cat(category));
  cl::opt<std::string> providers(
      "provider",
      cl::desc(
          "Kernel providers to use, best first: onednn, codegen, winograd, "
          "cuda, cublaslt, cudnn; or auto (default): all that the target has"),
      cl::value_desc("names"), cl::cat(category));
  PathOption tuning(
      "tuning",
      cl::desc("The choices of providers that tenon-bench --tune wrote"),
      cl::value_desc("file"), cl::cat(category));
  cl::opt<std::string> precision(
      "precision",
      cl::desc("bf16 or fp16: multiply narrower numbers than the model's, and "
               "store them so in between; tf32: let a GPU round what it "
               "multiplies; fp32 (default)"),
      cl::value_desc("type"), cl::cat(category));
  cl::opt<bool> tf32("tf32", cl::desc("The same as --precision=tf32"),
                     cl::cat(category));
  cl::list<std::string> keepFp32(
      "keep-fp32",
      cl::desc("With --precision: nodes that stay fp32, by their names, such "
               "as '/head/*'; may be given several times"),
      cl::value_desc("pattern"), cl::cat(category));
  cl::list<std::string> halfIo(
      "half-io",
      cl::desc("With --precision: inputs and outputs that are bf16 or fp16, "
               "too, by their names, such as 'past*'; may be given several "
               "times"),
      cl::value_desc("pattern"), cl::cat(category));
  cl::list<std::string> shapes(
      "shape",
      cl::desc("Fix the shape of an input: x=1x3x640x640 (? leaves a "
               "dimension)"),
      cl::value_desc("input=dims"), cl::cat(category));
  cl::list<std::string> bindings(
      "bind",
      cl::desc("Make an input a constant: sr=16000 (several numbers between "
               "commas)"),
      cl::value_desc("input=value"), cl::cat(category));
  auto import =
      clEnumValN(Phase::Import, "import", "The model in one normal form");
  auto simplify =
      clEnumValN(Phase::Simplify, "simplify", "Shapes known, graph reduced");
  auto compress =
      clEnumValN(Phase::Compress, "compress", "Precision reduced, if asked");
  auto layout = clEnumValN(Phase::Layout, "layout", "Layouts chosen");
  auto fuse = clEnumValN(Phase::Fuse, "fuse", "Everything in kernels");
  auto assign = clEnumValN(Phase::Assign, "assign", "Kernels have providers");
  auto lower = clEnumValN(Phase::Lower, "lower", "The llvm dialect");
  NameOption<Phase> compileTo(
      "compile-to",
      cl::desc("Stop after a phase and write its IR (large constants in "
               "FILE.weights beside it)"),
      cl::values(import, simplify, compress, layout, fuse, assign, lower,
                 clEnumValN(Phase::Emit, "emit", "Machine code (default)")),
      cl::init(Phase::Emit), cl::value_desc("phase"), cl::cat(category));
  NameOption<Phase> compileFrom(
      "compile-from",
      cl::desc("Go on from the IR that --compile-to=PHASE wrote"),
      cl::values(import, simplify, compress, layout, fuse, assign, lower),
      cl::init(Phase::Import), cl::value_desc("phase"), cl::cat(category));
  enum class Form { Text, Json };
  NameOption<Form> diagnostics(
      "diagnostics", cl::desc("How errors are told"),
      cl::values(clEnumValN(Form::Text, "text", "For people (default)"),
                 clEnumValN(Form::Json, "json",
                            "One object on the standard error; also if there "
                            "is none")),
      cl::init(Form::Text), cl::value_desc("form"), cl::cat(category));
  NameOption<Form> operators(
      "list-operators", cl::desc("List the operators that are imported"),
      cl::values(clEnumValN(Form::Text, "text", "A line for each"),
                 clEnumValN(Form::Json, "json", "One object")),
      cl::value_desc("form"), cl::cat(category));
  NameOption<Form> memory(
      "memory",
      cl::desc("Tell how large the arena for intermediate results is, or its "
               "formula where dimensions are dynamic"),
      cl::values(clEnumValN(Form::Text, "text", "For people"),
                 clEnumValN(Form::Json, "json", "One object"),
                 clEnumValN(Form::Text, "", "")),
      cl::ValueOptional, cl::value_desc("form"), cl::cat(category));
  cl::opt<std::string> maxPasses(
      "max-passes",
      cl::desc("Run only the first N passes of those that can be left out"),
      cl::value_desc("N"), cl::cat(debugging));
  cl::list<std::string> skipPasses(
      "skip-passes",
      cl::desc("Leave out passes, by their names between commas"),
      cl::CommaSeparated, cl::value_desc("names"), cl::cat(debugging));
  cl::opt<bool> listPasses(
      "list-passes",
      cl::desc("Show the passes that can be left out, as they come"),
      cl::cat(debugging));
  cl::opt<bool> exposeKernels(
      "expose-kernels",
      cl::desc("Make the results of all kernels outputs of the model, named "
               "kernel|NUMBER|RESULT|NODES|NODES OF THE KERNEL"),
      cl::cat(debugging));
  cl::opt<bool> quiet("quiet",
                      cl::desc("Don't show the phases of a compilation of more "
                               "than a second, nor what of a GPU's model runs "
                               "on the processor"),
                      cl::cat(category));

  // So that --mlir-print-ir-after=PASS knows their names.
  mlir::registerTransformsPasses();
  tenon::registerAllPasses();
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  arrangeHelp(category, debugging);
  cl::SetVersionPrinter([](llvm::raw_ostream &os) {
    os << "tenon-compile " << tenon_version_string() << "\n";
  });
  cl::ParseCommandLineOptions(
      argc, argv,
      "tenon-compile: compile a neural network into a native library\n\n"
      "  tenon-compile model.onnx -o model.so\n\n"
      "Exit codes: 0 done, 1 usage, 2 invalid model, 3 unsupported, 4 file or "
      "system error, 70 internal error.\n");

  isJson = diagnostics == Form::Json;
  if (operators.getNumOccurrences()) {
    tenon::listOperators(llvm::outs(), operators == Form::Json);
    return 0;
  }
  if (input.empty())
    return report(Status::error(TENON_ERROR_USAGE,
                                "no model given; see tenon-compile --help"));
  tenon::CompileOptions options;
  if (compileTo < compileFrom)
    return report(Status::error(
        TENON_ERROR_USAGE,
        "--compile-to=" + tenon::getPhaseName(compileTo) +
            " is before --compile-from=" + tenon::getPhaseName(compileFrom)));
  bool tellsMemory = memory.getNumOccurrences();
  if (tellsMemory && compileTo < Phase::Lower)
    return report(Status::error(TENON_ERROR_USAGE,
                                "the memory is known from the lower phase on: "
                                "--memory needs to go as far"));
  if (target.getNumOccurrences())
    options.target = target;
  if (providers.getNumOccurrences())
    options.providers = tenon::parseProviders(providers);
  options.tuning = tuning;
  if (precision.getNumOccurrences())
    if (Status status = tenon::parsePrecision(precision, options.precision);
        !status.isOk())
      return report(status);
  if (tf32 && precision.getNumOccurrences() && precision != "tf32")
    return report(
        Status::error(TENON_ERROR_USAGE, "--tf32 and --precision=" + precision +
                                             " exclude each other"));
  if (tf32)
    options.precision = "tf32";
  options.keepFp32.assign(keepFp32.begin(), keepFp32.end());
  options.halfIo.assign(halfIo.begin(), halfIo.end());
  for (const std::string &shape : shapes)
    if (Status status = tenon::parseShape(shape, options.import);
        !status.isOk())
      return report(status);
  for (const std::string &binding : bindings)
    if (Status status = tenon::parseBinding(binding, options.import);
        !status.isOk())
      return report(status);
  std::string path = output;
  if (path.empty())
    path = compileTo == Phase::Emit ? tenon::getDefaultOutput(input) : "-";
  options.configurePasses = [](mlir::PassManager &passes) {
    mlir::applyDefaultTimingPassManagerCLOptions(passes);
    return mlir::applyPassManagerCLOptions(passes);
  };

  size_t numPasses = 0;
  if (maxPasses.getNumOccurrences()) {
    if (llvm::StringRef(maxPasses).getAsInteger(10, numPasses))
      return report(Status::error(TENON_ERROR_USAGE,
                                  "--max-passes: expected 0 or more, found '" +
                                      maxPasses + "'"));
    options.passes.maxPasses = numPasses;
  }
  for (const std::string &pass : skipPasses) {
    if (Status status = tenon::checkSkippable(pass); !status.isOk())
      return report(status);
    options.passes.skippedPasses.push_back(pass);
  }
  options.exposeKernels = exposeKernels;
  if (listPasses)
    // Not into what goes on to a next tool.
    options.onPass = [&os = output == "-" ? llvm::errs() : llvm::outs()](
                         const tenon::PassTurn &turn) {
      os << turn.number << " " << tenon::getPhaseName(turn.phase) << " "
         << turn.pass;
      if (!turn.function.empty())
        os << " @" << turn.function;
      if (!turn.device.empty())
        os << " on " << turn.device;
      os << (turn.runs ? "\n" : " (left out)\n");
    };

  std::optional<ProgressPrinter> progress;
  if (!quiet && !isJson) {
    progress.emplace();
    options.onPhase = [&](Phase phase) { progress->begin(phase); };
    options.onNote = [](const std::string &note) {
      fprintf(stderr, "tenon-compile: %s\n", note.c_str());
    };
  }
  tenon::Compiler compiler(std::move(options));
  Status status = compiler.readModel(
      input, compileFrom.getNumOccurrences() ? std::optional<Phase>(compileFrom)
                                             : std::nullopt);
  if (!status.isOk())
    return report(status);
  if (listPasses && output.empty())
    return report(compiler.runTo(std::min(Phase(compileTo), Phase::Lower)));
  if (compileTo == Phase::Emit)
    status = compiler.emitTo(path);
  else
    status = compiler.writeIr(compileTo, path);
  if (status.isOk() && tellsMemory) // not into what goes on to a next tool
    tenon::printMemory(
        compiler.getModules(), compileTo == Phase::Emit ? path : "",
        path == "-" ? llvm::errs() : llvm::outs(), memory == Form::Json);
  return report(status);
}

//===- CommandLine.cpp - What tenon-compile is asked for ------------------===//

#include "tools/tenon-compile/CommandLine.h"

#include "lib/driver/OptionParsing.h"
#include "lib/driver/Registration.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "mlir/Transforms/Passes.h"
#include "tenon/tenon.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using tenon::Phase;
using tenon::Status;

cl::ValuesClass CommandLine::getPhasesWithIr() {
  return cl::values(
      clEnumValN(Phase::Import, "import", "The model in one normal form"),
      clEnumValN(Phase::Simplify, "simplify", "Shapes known, graph reduced"),
      clEnumValN(Phase::Compress, "compress", "Precision reduced, if asked"),
      clEnumValN(Phase::Layout, "layout", "Layouts chosen"),
      clEnumValN(Phase::Fuse, "fuse", "Everything in kernels"),
      clEnumValN(Phase::Assign, "assign", "Kernels have providers"),
      clEnumValN(Phase::Lower, "lower", "The llvm dialect"));
}

/// Hides what the libraries declare, also from what is suggested in place of an
/// unknown option, but for MLIR's flags for debugging, which get a category of
/// their own.
static void arrangeHelp(cl::OptionCategory &own,
                        cl::OptionCategory &debugging) {
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

bool refuse(const cl::Option &option, const llvm::Twine &problem) {
  llvm::errs() << "tenon-compile: error: "
               << (option.ArgStr.size() > 1 ? "--" : "-") << option.ArgStr
               << ": " << problem << "; see tenon-compile --help\n";
  return true;
}

/// Ends the tool where there is an option that it has not, one without its
/// value, or a second model. LLVM tells that in two lines, and takes some for
/// groups of others.
static void checkWords(int argc, char **argv) {
  auto &known = cl::getRegisteredOptions();
  bool hasModel = false, hasOptions = true;
  for (int i = 1; i < argc; ++i) {
    llvm::StringRef word = argv[i], name = word.split('=').first;
    if (hasOptions && word == "--") {
      hasOptions = false;
      continue;
    }
    if (!hasOptions || word == "-" || !name.consume_front("-")) {
      if (hasModel) {
        llvm::errs() << "tenon-compile: error: unexpected argument '" << word
                     << "'; see tenon-compile --help\n";
        exit(TENON_ERROR_USAGE);
      }
      hasModel = true;
      continue;
    }
    name.consume_front("-");
    if (name == "h") // LLVM adds it when it parses
      continue;
    if (auto found = known.find(name); found != known.end()) {
      // The next word is its value, whatever it looks like.
      bool takesNext =
          found->second->getValueExpectedFlag() == cl::ValueRequired;
      i += takesNext && !word.contains('=');
      if (i == argc) {
        refuse(*found->second, "expected a value");
        exit(TENON_ERROR_USAGE);
      }
      continue;
    }
    llvm::StringRef nearest;
    unsigned least = std::max<size_t>(name.size() / 3, 1) + 1;
    for (auto &[candidate, option] : known)
      // A name of one or two letters is near to any other of that length.
      if (name.size() > 2 && option->getOptionHiddenFlag() != cl::ReallyHidden)
        if (unsigned distance = name.edit_distance(candidate);
            distance < least) {
          nearest = candidate;
          least = distance;
        }
    llvm::errs() << "tenon-compile: error: unknown option '"
                 << word.split('=').first << "'";
    if (!nearest.empty())
      llvm::errs() << ", did you mean '--" << nearest << "'?";
    llvm::errs() << "; see tenon-compile --help\n";
    exit(TENON_ERROR_USAGE);
  }
}

void CommandLine::parse(int argc, char **argv) {
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
  checkWords(argc, argv);
  cl::ParseCommandLineOptions(
      argc, argv,
      "tenon-compile: compile a neural network into a native library\n\n"
      "  tenon-compile model.onnx -o model.so\n\n"
      "Exit codes: 0 done, 1 usage, 2 invalid model, 3 unsupported, 4 file or "
      "system error, 70 internal error.\n");
}

namespace {

/// An option that works in some phases only.
struct PhaseOption {
  const cl::Option &option;
  Phase first, last;
};

} // namespace

/// Whether the phases go from an earlier one to a later one, and no option is
/// given that has an effect in none of them.
Status CommandLine::checkPhases() const {
  if (compileTo < compileFrom)
    return Status::error(
        TENON_ERROR_USAGE,
        "--compile-to=" + tenon::getPhaseName(compileTo) +
            " is before --compile-from=" + tenon::getPhaseName(compileFrom));
  const PhaseOption options[] = {{precision, Phase::Compress, Phase::Compress},
                                 {tf32, Phase::Compress, Phase::Compress},
                                 {keepFp32, Phase::Compress, Phase::Compress},
                                 {halfIo, Phase::Compress, Phase::Compress},
                                 {exposeKernels, Phase::Lower, Phase::Lower},
                                 {memory, Phase::Lower, Phase::Emit},
                                 {maxPasses, Phase::Simplify, Phase::Lower},
                                 {skipPasses, Phase::Simplify, Phase::Lower},
                                 {listPasses, Phase::Simplify, Phase::Lower}};
  for (const auto &[option, first, last] : options) {
    bool isTooEarly = compileTo < first;
    if (!option.getNumOccurrences() || (!isTooEarly && compileFrom < last))
      continue;
    std::string phases = first == last ? "in" : "from";
    phases += " the " + tenon::getPhaseName(first).str() + " phase";
    if (first != last)
      phases += " to the " + tenon::getPhaseName(last).str() + " phase";
    return Status::error(
        TENON_ERROR_USAGE,
        "--" + option.ArgStr + " has an effect " + phases + ", which " +
            (isTooEarly
                 ? "--compile-to=" + tenon::getPhaseName(compileTo)
                 : "--compile-from=" + tenon::getPhaseName(compileFrom)) +
            " leaves out");
  }
  return Status::ok();
}

Status CommandLine::applyPrecision(tenon::CompileOptions &options) const {
  if (precision.getNumOccurrences())
    if (Status status = tenon::parsePrecision(precision, options.precision);
        !status.isOk())
      return status;
  if (tf32 && precision.getNumOccurrences() && precision != "tf32")
    return Status::error(TENON_ERROR_USAGE,
                         "--tf32 and --precision=" + precision +
                             " exclude each other");
  if (tf32)
    options.precision = "tf32";
  options.keepFp32.assign(keepFp32.begin(), keepFp32.end());
  options.halfIo.assign(halfIo.begin(), halfIo.end());
  return Status::ok();
}

Status CommandLine::applyInputs(tenon::OnnxImportOptions &options) const {
  for (const std::string &shape : shapes)
    if (Status status = tenon::parseShape(shape, options); !status.isOk())
      return status;
  for (const std::string &binding : bindings)
    if (Status status = tenon::parseBinding(binding, options); !status.isOk())
      return status;
  return Status::ok();
}

Status CommandLine::applyPasses(tenon::CompileOptions &options) const {
  options.configurePasses = [](mlir::PassManager &passes) {
    mlir::applyDefaultTimingPassManagerCLOptions(passes);
    return mlir::applyPassManagerCLOptions(passes);
  };
  size_t numPasses = 0;
  if (maxPasses.getNumOccurrences()) {
    if (llvm::StringRef(maxPasses).getAsInteger(10, numPasses))
      return Status::error(TENON_ERROR_USAGE,
                           "--max-passes: expected 0 or more, found '" +
                               maxPasses + "'");
    options.passes.maxPasses = numPasses;
  }
  for (const std::string &pass : skipPasses) {
    if (Status status = tenon::checkSkippable(pass); !status.isOk())
      return status;
    options.passes.skippedPasses.push_back(pass);
  }
  options.exposeKernels = exposeKernels;
  return Status::ok();
}

Status CommandLine::apply(tenon::CompileOptions &options) const {
  if (input.empty())
    return Status::error(TENON_ERROR_USAGE,
                         "no model given; see tenon-compile --help");
  if (Status status = checkPhases(); !status.isOk())
    return status;
  if (onlyListsPasses() && memory.getNumOccurrences())
    return Status::error(TENON_ERROR_USAGE,
                         "--memory has no effect with --list-passes, which "
                         "makes no model without -o");
  if (target.getNumOccurrences())
    options.target = target;
  if (providers.getNumOccurrences())
    options.providers = tenon::parseProviders(providers);
  options.tuning = tuning;
  if (Status status = applyPrecision(options); !status.isOk())
    return status;
  if (Status status = applyInputs(options.import); !status.isOk())
    return status;
  return applyPasses(options);
}

bool CommandLine::onlyListsPasses() const {
  return listPasses && output.empty();
}

std::string CommandLine::getOutput() const {
  if (!output.empty())
    return output;
  return compileTo == Phase::Emit ? tenon::getDefaultOutput(input) : "-";
}

llvm::raw_ostream &CommandLine::getReportStream() const {
  bool holdsResult = getOutput() == "-" && !onlyListsPasses();
  return holdsResult ? llvm::errs() : llvm::outs();
}

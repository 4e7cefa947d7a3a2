//===- CommandLine.h - What tenon-compile is asked for ----------*- C++ -*-===//

#ifndef TENON_TOOLS_TENON_COMPILE_COMMANDLINE_H
#define TENON_TOOLS_TENON_COMPILE_COMMANDLINE_H

#include "lib/driver/Compiler.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

namespace cl = llvm::cl;

/// Tells what is wrong with an option's value, as all errors are told, which
/// Option::error does not. Returns true, for parsers.
bool refuse(const cl::Option &option, const llvm::Twine &problem);

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
    return refuse(option,
                  "expected one of: " + names + "; found '" + text + "'");
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
      return refuse(option, "expected a path, found ''");
    if (option.getNumOccurrences() > 1)
      return refuse(option, "expected one value only");
    result = text.str();
    return false;
  }
};

/// What is asked for, or not.
class FlagParser : public cl::parser<bool> {
public:
  using cl::parser<bool>::parser;

  bool parse(cl::Option &option, llvm::StringRef, llvm::StringRef text,
             bool &result) {
    result = text != "false" && text != "0";
    if (!result || text.empty() || text == "true" || text == "1")
      return false;
    return refuse(option, "expected no value, found '" + text + "'");
  }
};

using FlagOption = cl::opt<bool, false, FlagParser>;

using PathOption = cl::opt<std::string, false, PathParser>;

/// The options and their values. There is one at a time, as LLVM's are known to
/// the whole process.
struct CommandLine {
  enum class Form { Text, Json };

  /// Reads the arguments; ends the process where an option alone is wrong, or
  /// asks for nothing but help.
  void parse(int argc, char **argv);

  /// Sets what the compiler has to know; fails where options contradict each
  /// other or the compiler refuses one.
  tenon::Status apply(tenon::CompileOptions &options) const;

  /// Whether the compilation's result is not asked for.
  bool onlyListsPasses() const;

  /// Where the result goes, - for the standard output.
  std::string getOutput() const;

  /// For what is told beside the result: not into what goes on to a next tool.
  llvm::raw_ostream &getReportStream() const;

  cl::OptionCategory category{"Options of tenon-compile"};
  cl::OptionCategory debugging{"Debugging of passes (MLIR)"};
  cl::opt<std::string> input{cl::Positional,
                             cl::desc("<model.onnx, or IR for --compile-from>"),
                             cl::cat(category)};
  PathOption output{
      "o",
      cl::desc("What to write: model.so (the default: the model's name), "
               "model.o with model.h, or IR for --compile-to (the default: -, "
               "the standard output)"),
      cl::value_desc("file"), cl::cat(category)};
  cl::opt<std::string> target{
      "target",
      cl::desc("native (default), a level from x86-64 to x86-64-v4, a "
               "processor of x86 such as sapphirerapids or znver4, a triple "
               "such as aarch64-linux-gnu, or GPUs: cuda:sm_90; or, for a "
               "choice when it is loaded, both: native,cuda:sm_90"),
      cl::init("native"), cl::cat(category)};
  cl::opt<std::string> providers{
      "provider",
      cl::desc(
          "Kernel providers to use, best first: onednn, codegen, winograd, "
          "cuda, cublaslt, cudnn; or auto (default): all that the target has"),
      cl::value_desc("names"), cl::cat(category)};
  PathOption tuning{
      "tuning",
      cl::desc("The choices of providers that tenon-bench --tune wrote"),
      cl::value_desc("file"), cl::cat(category)};
  cl::opt<std::string> precision{
      "precision",
      cl::desc("bf16 or fp16: multiply narrower numbers than the model's, and "
               "store them so in between; tf32: let a GPU round what it "
               "multiplies; fp32 (default)"),
      cl::value_desc("type"), cl::cat(category)};
  FlagOption tf32{"tf32", cl::desc("The same as --precision=tf32"),
                  cl::cat(category)};
  cl::list<std::string> keepFp32{
      "keep-fp32",
      cl::desc("With --precision: nodes that stay fp32, by their names, such "
               "as '/head/*'; may be given several times"),
      cl::value_desc("pattern"), cl::cat(category)};
  cl::list<std::string> halfIo{
      "half-io",
      cl::desc("With --precision: inputs and outputs that are bf16 or fp16, "
               "too, by their names, such as 'past*'; may be given several "
               "times"),
      cl::value_desc("pattern"), cl::cat(category)};
  cl::list<std::string> shapes{
      "shape",
      cl::desc("Fix the shape of an input: x=1x3x640x640 (? leaves a "
               "dimension)"),
      cl::value_desc("input=dims"), cl::cat(category)};
  cl::list<std::string> bindings{
      "bind",
      cl::desc("Make an input a constant: sr=16000 (several numbers between "
               "commas)"),
      cl::value_desc("input=value"), cl::cat(category)};
  NameOption<tenon::Phase> compileTo{
      "compile-to",
      cl::desc("Stop after a phase and write its IR (large constants in "
               "FILE.weights beside it)"),
      getPhasesWithIr(),
      cl::values(
          clEnumValN(tenon::Phase::Emit, "emit", "Machine code (default)")),
      cl::init(tenon::Phase::Emit),
      cl::value_desc("phase"),
      cl::cat(category)};
  NameOption<tenon::Phase> compileFrom{
      "compile-from",
      cl::desc("Go on from the IR that --compile-to=PHASE wrote"),
      getPhasesWithIr(),
      cl::init(tenon::Phase::Import),
      cl::value_desc("phase"),
      cl::cat(category)};
  NameOption<Form> diagnostics{
      "diagnostics",
      cl::desc("How errors are told"),
      cl::values(clEnumValN(Form::Text, "text", "For people (default)"),
                 clEnumValN(Form::Json, "json",
                            "One object on the standard error; also if there "
                            "is none")),
      cl::init(Form::Text),
      cl::value_desc("form"),
      cl::cat(category)};
  NameOption<Form> operators{
      "list-operators", cl::desc("List the operators that are imported"),
      cl::values(clEnumValN(Form::Text, "text", "A line for each"),
                 clEnumValN(Form::Json, "json", "One object")),
      cl::value_desc("form"), cl::cat(category)};
  NameOption<Form> memory{
      "memory",
      cl::desc("Tell how large the arena for intermediate results is, or its "
               "formula where dimensions are dynamic"),
      cl::values(clEnumValN(Form::Text, "text", "For people"),
                 clEnumValN(Form::Json, "json", "One object"),
                 clEnumValN(Form::Text, "", "")),
      cl::ValueOptional,
      cl::value_desc("form"),
      cl::cat(category)};
  cl::opt<std::string> maxPasses{
      "max-passes",
      cl::desc("Run only the first N passes of those that can be left out"),
      cl::value_desc("N"), cl::cat(debugging)};
  cl::list<std::string> skipPasses{
      "skip-passes",
      cl::desc("Leave out passes, by their names between commas"),
      cl::CommaSeparated, cl::value_desc("names"), cl::cat(debugging)};
  FlagOption listPasses{
      "list-passes",
      cl::desc("Show the passes that can be left out, as they come"),
      cl::cat(debugging)};
  FlagOption exposeKernels{
      "expose-kernels",
      cl::desc("Make the results of all kernels outputs of the model, named "
               "kernel|NUMBER|RESULT|NODES|NODES OF THE KERNEL"),
      cl::cat(debugging)};
  FlagOption quiet{"quiet",
                   cl::desc("Don't show the phases of a compilation of more "
                            "than a second, nor what of a GPU's model runs "
                            "on the processor"),
                   cl::cat(category)};

private:
  static cl::ValuesClass getPhasesWithIr();

  tenon::Status checkPhases() const;
  tenon::Status applyPrecision(tenon::CompileOptions &options) const;
  tenon::Status applyInputs(tenon::OnnxImportOptions &options) const;
  tenon::Status applyPasses(tenon::CompileOptions &options) const;
};

#endif // TENON_TOOLS_TENON_COMPILE_COMMANDLINE_H

//===- CommandLine.cpp - What the tools that run models have in common --===//

#include "lib/run/CommandLine.h"

#include <algorithm>
#include <cstdio>
#include <new>
#include <string_view>

using namespace tenon;
using namespace tenon::run;

/// What is wrong, in our words where CLI's say less.
static std::string describe(const CLI::App &app, const CLI::Error &error) {
  // Its name is the tool's.
  if (error.get_exit_code() == int(CLI::ExitCodes::ExtrasError)) {
    std::vector<std::string> words = app.remaining();
    // Behind it are no options.
    auto end = std::find(words.begin(), words.end(), "--");
    auto option = std::find_if(words.begin(), end, [](const std::string &word) {
      return word[0] == '-';
    });
    if (option != end)
      return "unknown option '" + *option + "'";
    return "unexpected argument '" + words.at(end == words.begin()) + "'";
  }
  std::string text = error.what();
  // "--seed: 1 required UINT missing", "--seed: At Most 1 required but received
  // 2", "Could not convert: --seed = x", which are whole numbers.
  if (error.get_name() == "ArgumentMismatch") {
    bool isMissing = text.find(" missing") != std::string::npos;
    return text.substr(0, text.find(':')) +
           (isMissing ? ": expected a value" : ": expected one value only");
  }
  if (constexpr std::string_view start = "Could not convert: ";
      error.get_name() == "ConversionError" &&
      text.compare(0, start.size(), start) == 0) {
    text.erase(0, start.size());
    size_t at = text.find(" = ");
    std::string name = text.substr(0, at), value = text.substr(at + 3);
    const CLI::Option *option = app.get_option_no_throw(name);
    if (option && option->get_expected_max() == 0)
      return name + ": expected no value, found '" + value + "'";
    bool isWhole = value.find_first_not_of("0123456789") == std::string::npos;
    return name + ": expected " +
           (isWhole ? "a smaller number" : "a whole number") + ", found '" +
           value + "'";
  }
  return text;
}

void tenon::run::nameTool(CLI::App &app, const std::string &name) {
  app.name(name);
  app.set_version_flag("--version",
                       std::string("tenon ") + tenon_version_string());
  app.failure_message([name](const CLI::App *app, const CLI::Error &error) {
    return name + ": error: " + describe(*app, error) + "; see " + name +
           " --help\n";
  });
}

void tenon::run::parse(CLI::App &app, int argc, char **argv) {
  // CLI would take the next word as the value.
  for (const std::string &word : std::vector<std::string>(argv, argv + argc))
    if (size_t at = word.find('=');
        word.compare(0, 2, "--") == 0 && at != 2 && at + 1 == word.size())
      throw CLI::ValidationError(word.substr(0, at),
                                 "expected a value, found ''");
  app.parse(argc, argv);
}

CLI::Validator tenon::run::atLeast(double least) {
  return CLI::Validator(
      [least](const std::string &text) -> std::string {
        double number;
        if (CLI::detail::lexical_cast(text, number) && number >= least)
          return "";
        std::ostringstream expected;
        expected << "expected " << least << " or more, found '" << text << "'";
        return expected.str();
      },
      "");
}

CLI::Validator tenon::run::isGiven(const std::string &what) {
  return CLI::Validator(
      [what](const std::string &text) -> std::string {
        return text.empty() ? "expected " + what + ", found ''" : "";
      },
      "");
}

CLI::Validator tenon::run::isDevice() {
  return CLI::Validator(
      [](const std::string &text) -> std::string {
        constexpr std::string_view gpu = "cuda:";
        bool isNumbered = text.compare(0, gpu.size(), gpu) == 0 &&
                          text.size() > gpu.size() &&
                          text.find_first_not_of("0123456789", gpu.size()) ==
                              std::string::npos;
        if (text == "cpu" || text == "cuda" || isNumbered)
          return "";
        return "expected cpu, cuda or cuda:N, found '" + text + "'";
      },
      "");
}

CLI::Validator tenon::run::oneOf(const std::vector<std::string> &names) {
  return CLI::Validator(
      [names](const std::string &text) -> std::string {
        if (std::find(names.begin(), names.end(), text) != names.end())
          return "";
        return "expected one of: " + CLI::detail::join(names, ", ") +
               "; found '" + text + "'";
      },
      CLI::detail::join(names, "|"));
}

void tenon::run::addModelOptions(CLI::App &app, RunCommand &command) {
  app.add_option("model", command.model, "Compiled model, or .onnx");
  app.add_option("--input,-i", command.inputs,
                 "Input from a file: NAME=FILE, or FILE whose arrays have "
                 "names. .npy, .npz, .pb (ONNX TensorProto)")
      ->type_name("[NAME=]FILE")
      ->check(isPath())
      ->allow_extra_args(false);
  app.add_option("--seed", command.seed, "Seed of random inputs (0)")
      ->check(atLeast(0));
  app.add_option("--range", command.ranges, "Range of a random input")
      ->type_name("NAME=LOW:HIGH")
      ->allow_extra_args(false);
  app.add_option("--provider", command.options.provider,
                 "For .onnx: auto, onednn, codegen, winograd, cuda, "
                 "cublaslt or cudnn")
      ->check(isGiven("auto or names of providers"));
  app.add_option("--target", command.options.target,
                 "For .onnx: native, x86-64-v3, cuda:sm_90, "
                 "native,cuda:sm_90, ...")
      ->check(isGiven("a target, such as native"));
  app.add_option("--device", command.options.device,
                 "What it runs on: cpu, cuda or cuda:N (what it has code for; "
                 "if both, a device that is there)")
      ->type_name("DEVICE")
      ->check(isDevice());
  app.add_option("--tuning", command.options.tuning,
                 "For .onnx: the choices that tenon-bench --tune wrote")
      ->type_name("FILE")
      ->check(isPath());
  app.add_option("--precision", command.options.precision,
                 "For .onnx: bf16 or fp16; for a GPU also tf32")
      ->type_name("TYPE")
      ->check(isGiven("fp32, bf16, fp16 or tf32"));
  app.add_option("--keep-fp32", command.options.keepFp32,
                 "For .onnx, with --precision: nodes that stay fp32, by their "
                 "names, such as '/head/*'")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  app.add_option("--half-io", command.options.halfIo,
                 "For .onnx, with --precision: inputs and outputs that are "
                 "bf16 or fp16, too, by their names, such as 'past*'")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
}

int tenon::run::report(const std::string &tool, const Error &error,
                       bool asJson) {
  if (asJson)
    fprintf(stderr, "%s\n", error.json());
  else
    fprintf(stderr, "%s: error: %s\n", tool.c_str(), error.what());
  return error.code();
}

int tenon::run::runTool(const std::string &tool, bool reportsJson,
                        const std::function<int()> &execute) {
  try {
    return execute();
  } catch (const Error &error) {
    return report(tool, error, reportsJson);
  } catch (const std::bad_alloc &) {
    return report(tool, {TENON_ERROR_SYSTEM, "not enough memory"}, reportsJson);
  } catch (const std::exception &error) {
    return report(tool, {TENON_ERROR_INTERNAL, error.what()}, reportsJson);
  }
}

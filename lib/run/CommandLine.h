//===- CommandLine.h - What the tools that run models have in common ----===//

#ifndef TENON_LIB_RUN_COMMANDLINE_H
#define TENON_LIB_RUN_COMMANDLINE_H

#include "lib/run/RunCommand.h"

#include <CLI/CLI.hpp>
#include <functional>

namespace tenon::run {

/// Gives a tool its name, its version and its way to tell mistakes of usage.
void nameTool(CLI::App &app, const std::string &name);

/// Reads the command line. Throws CLI::ParseError.
void parse(CLI::App &app, int argc, char **argv);

/// Adds the options that say what model is run, and on which inputs.
void addModelOptions(CLI::App &app, RunCommand &command);

/// A number that is not below `least`. CLI's own checks show the largest number
/// that they take, with all its digits.
CLI::Validator atLeast(double least);

/// Any text but an empty one; `what` is expected.
CLI::Validator isGiven(const std::string &what);
/// The name of a file or a folder.
inline CLI::Validator isPath() { return isGiven("a path"); }
/// A name for TenonModelOptions::device.
CLI::Validator isDevice();

/// One of some names.
CLI::Validator oneOf(const std::vector<std::string> &names);

/// Tells an error on the standard error, as text or as one line of JSON.
/// Returns its exit code.
int report(const std::string &tool, const Error &error, bool asJson);

/// Runs `execute`, and reports what it throws. Returns the exit code.
int runTool(const std::string &tool, bool reportsJson,
            const std::function<int()> &execute);

} // namespace tenon::run

#endif // TENON_LIB_RUN_COMMANDLINE_H

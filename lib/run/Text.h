//===- Text.h - Texts taken apart, and JSON as text ----------------------===//

#ifndef TENON_LIB_RUN_TEXT_H
#define TENON_LIB_RUN_TEXT_H

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace tenon::run {

/// The parts between separators: one more than there are separators.
std::vector<std::string> split(const std::string &text, char separator);

/// The lines of a text; the last one may end it.
std::vector<std::string> splitLines(const std::string &text);

/// JSON in one line. Names are a model's own: what is not UTF-8 in them is
/// replaced.
std::string formatJson(const nlohmann::json &value);

} // namespace tenon::run

#endif // TENON_LIB_RUN_TEXT_H

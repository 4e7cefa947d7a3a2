//===- Text.cpp - Texts taken apart, and JSON as text --------------------===//

#include "lib/run/Text.h"

#include <nlohmann/json.hpp>

using nlohmann::json;

std::vector<std::string> tenon::run::split(const std::string &text,
                                           char separator) {
  std::vector<std::string> parts;
  size_t from = 0;
  for (size_t at; (at = text.find(separator, from)) != std::string::npos;
       from = at + 1)
    parts.push_back(text.substr(from, at - from));
  parts.push_back(text.substr(from));
  return parts;
}

std::vector<std::string> tenon::run::splitLines(const std::string &text) {
  std::vector<std::string> lines = split(text, '\n');
  if (lines.back().empty())
    lines.pop_back();
  return lines;
}

std::string tenon::run::formatJson(const json &value) {
  return value.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false,
                    json::error_handler_t::replace);
}

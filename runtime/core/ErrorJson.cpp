//===- ErrorJson.cpp - An error as JSON -----------------------------------===//

#include "runtime/core/Error.h"

#include <cstdio>

using namespace tenon::runtime;

namespace {

/// The bytes of the UTF-8 character that `text` begins with; 0 if it is none.
size_t getCharacterSize(const char *text) {
  auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = at(0);
  if (first < 0x80)
    return 1;
  size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4)
    return 0;
  for (size_t i = 1; i < size; ++i) // stops at the terminating null
    if ((at(i) & 0xc0) != 0x80)
      return 0;
  // Longer than need be, a surrogate, or beyond the last character.
  bool isWrong =
      (first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f) ||
      (first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f);
  return isWrong ? 0 : size;
}

std::string toJson(const char *text) {
  std::string json = "\"";
  while (*text) {
    size_t size = getCharacterSize(text);
    unsigned char c = *text;
    if (size == 0) { // names come from outside
      json += "\xef\xbf\xbd";
      ++text;
      continue;
    }
    char escape[8];
    if (c == '"' || c == '\\')
      (json += '\\') += c;
    else if (c == '\n')
      json += "\\n";
    else if (c < 0x20 || c == 0x7f)
      json.append(escape, snprintf(escape, sizeof escape, "\\u%04x", c));
    else
      json.append(text, size);
    text += size;
  }
  return json + "\"";
}

/// What is not known is null.
std::string toJsonOrNull(const char *text) {
  return *text ? toJson(text) : "null";
}

std::string toJson(const char *const *list, size_t count) {
  std::string json = "[";
  for (size_t i = 0; i < count; ++i)
    json += (i ? "," : "") + toJson(list[i]);
  return json + "]";
}

const char *getKind(TenonErrorCode code) {
  switch (code) {
  case TENON_OK:
    return "ok";
  case TENON_ERROR_USAGE:
    return "usage";
  case TENON_ERROR_INVALID:
    return "invalid";
  case TENON_ERROR_UNSUPPORTED:
    return "unsupported";
  case TENON_ERROR_SYSTEM:
    return "system";
  case TENON_ERROR_DIFFERS:
    return "differs";
  case TENON_ERROR_INTERNAL:
    return "internal";
  }
  return "internal";
}

std::string toJson(const TenonDiagnostic &finding) {
  std::string version =
      finding.version ? std::to_string(finding.version) : "null";
  return "{\"severity\":\"error\",\"message\":" + toJson(finding.message) +
         ",\"nodes\":" + toJson(finding.nodes, finding.num_nodes) +
         ",\"op\":" + toJsonOrNull(finding.op) +
         ",\"domain\":" + toJsonOrNull(finding.domain) +
         ",\"version\":" + version +
         ",\"element_type\":" + toJsonOrNull(finding.element_type) +
         ",\"tensor\":" + toJsonOrNull(finding.tensor) +
         ",\"found\":" + toJsonOrNull(finding.found) +
         ",\"expected\":" + toJsonOrNull(finding.expected) +
         ",\"notes\":" + toJson(finding.notes, finding.num_notes) + "}";
}

} // namespace

std::string tenon::runtime::formatJson(const TenonError *error) {
  TenonErrorCode code = error ? error->code : TENON_OK;
  std::string json =
      "{\"code\":" + std::to_string(code) + ",\"kind\":\"" + getKind(code) +
      "\",\"message\":" + toJson(error ? error->message.c_str() : "") +
      ",\"diagnostics\":[";
  if (error)
    for (size_t i = 0; i < error->diagnostics.size(); ++i)
      json += (i ? "," : "") + toJson(error->diagnostics[i]);
  return json + "]}";
}

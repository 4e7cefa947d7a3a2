//===- Error.cpp - The runtime's error object ----------------------------===//

#include "runtime/core/Error.h"

#include <cstdarg>
#include <cstdio>

using namespace tenon::runtime;

Error tenon::runtime::makeError(TenonErrorCode code, const char *format, ...) {
  va_list args;
  va_start(args, format);
  va_list again;
  va_copy(again, args);
  int length = vsnprintf(nullptr, 0, format, args);
  va_end(args);
  std::string message(length < 0 ? 0 : length, '\0');
  if (length > 0)
    vsnprintf(message.data(), message.size() + 1, format, again);
  va_end(again);
  return Error(new TenonError{code, std::move(message)});
}

Error tenon::runtime::makeNodeError(TenonErrorCode code, const char *node,
                                    const char *message) {
  return node && *node
             ? makeError(code, "node %s: %s", quote(node).c_str(), message)
             : makeError(code, "%s", message);
}

std::string tenon::runtime::quote(const char *name) {
  constexpr size_t limit = 200;
  std::string text = "'";
  for (const char *c = name; *c; ++c) {
    if (text.size() > limit) {
      text += "...";
      break;
    }
    unsigned char byte = *c;
    if (byte >= 0x20 && byte != 0x7f) {
      text += *c;
      continue;
    }
    char escape[8];
    snprintf(escape, sizeof escape, "\\x%02x", byte);
    text += escape;
  }
  return text + "'";
}

std::string tenon::runtime::formatDims(const int64_t *dims, int32_t rank) {
  if (rank == 0)
    return "scalar";
  std::string text;
  for (int32_t i = 0; i < rank; ++i) {
    if (i)
      text += 'x';
    text += dims[i] < 0 ? "?" : std::to_string(dims[i]);
  }
  return text;
}

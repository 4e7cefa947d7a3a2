//===- Quote.h - Names in messages ----------------------------------------===//
//
// Also for the libraries of devices, which are not linked with the runtime.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CORE_QUOTE_H
#define TENON_RUNTIME_CORE_QUOTE_H

#include <cstdio>
#include <string>

namespace tenon::runtime {

/// A name in quotes for a message. Names come from outside: control characters
/// are escaped and a very long name is cut.
inline std::string quote(const char *name) {
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

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_QUOTE_H

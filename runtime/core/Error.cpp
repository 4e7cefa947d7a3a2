//===- Error.cpp - The runtime's error object ----------------------------===//

#include "runtime/core/Error.h"

#include <cstdarg>
#include <cstdio>

using namespace tenon::runtime;

const char *TenonError::keep(const char *text) {
  if (!text || !*text)
    return "";
  texts.emplace_front(text);
  return texts.front().c_str();
}

const char *const *TenonError::keep(const char *const *list, size_t count) {
  if (!count)
    return nullptr;
  lists.emplace_front();
  for (size_t i = 0; i < count; ++i)
    lists.front().push_back(keep(list[i]));
  return lists.front().data();
}

void TenonError::add(const TenonDiagnostic &finding) {
  diagnostics.push_back(
      {keep(finding.message), keep(finding.nodes, finding.num_nodes),
       finding.num_nodes, keep(finding.op), keep(finding.domain),
       finding.version, keep(finding.element_type), keep(finding.tensor),
       keep(finding.found), keep(finding.expected),
       keep(finding.notes, finding.num_notes), finding.num_notes});
}

const std::string &TenonError::getJson() const {
  std::call_once(jsonMade, [&] { json = formatJson(this); });
  return json;
}

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
  TenonDiagnostic finding{};
  finding.message = message.c_str();
  auto error = std::make_unique<TenonError>(code, message);
  error->add(finding);
  return error;
}

Error tenon::runtime::makeNodeError(TenonErrorCode code, const char *node,
                                    const char *message,
                                    const std::string &found,
                                    const std::string &expected) {
  if (!node || !*node)
    return makeError(code, "%s", message);
  TenonDiagnostic finding{};
  finding.message = message;
  finding.nodes = &node;
  finding.num_nodes = 1;
  finding.found = found.c_str();
  finding.expected = expected.c_str();
  auto error = std::make_unique<TenonError>(code, "node " + quote(node) + ": " +
                                                      message);
  error->add(finding);
  return error;
}

Error tenon::runtime::about(Error error, const char *tensor,
                            const std::string &found,
                            const std::string &expected) {
  TenonDiagnostic finding = error->diagnostics.front();
  finding.tensor = tensor;
  finding.found = found.c_str();
  finding.expected = expected.c_str();
  error->diagnostics.clear();
  error->add(finding);
  return error;
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

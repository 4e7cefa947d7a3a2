//===- Status.cpp - The end of a compilation as an error object -----------===//

#include "lib/driver/Status.h"

#include "tenon/tenon.h"

using namespace tenon;

static std::vector<const char *>
getPointers(const std::vector<std::string> &texts) {
  std::vector<const char *> pointers;
  for (const std::string &text : texts)
    pointers.push_back(text.c_str());
  return pointers;
}

TenonError *tenon::toError(const Status &status) {
  if (status.isOk())
    return nullptr;
  const std::vector<Finding> &findings = status.getFindings();
  std::vector<std::vector<const char *>> lists;
  lists.reserve(2 * findings.size()); // so that no list moves
  std::vector<TenonDiagnostic> diagnostics;
  for (const Finding &finding : findings) {
    const auto &nodes = lists.emplace_back(getPointers(finding.nodes));
    const auto &notes = lists.emplace_back(getPointers(finding.notes));
    diagnostics.push_back({finding.message.c_str(), nodes.data(), nodes.size(),
                           finding.op.c_str(), finding.domain.c_str(),
                           finding.version, finding.elementType.c_str(),
                           finding.tensor.c_str(), finding.found.c_str(),
                           finding.expected.c_str(), notes.data(),
                           notes.size()});
  }
  return tenon_error_create(status.getCode(), status.getMessage().c_str(),
                            diagnostics.data(), diagnostics.size());
}

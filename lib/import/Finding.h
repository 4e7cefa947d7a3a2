//===- Finding.h - One thing that is wrong, in its parts ------------------===//

#ifndef TENON_LIB_IMPORT_FINDING_H
#define TENON_LIB_IMPORT_FINDING_H

#include <cstdint>
#include <string>
#include <vector>

namespace tenon {

/// What TenonDiagnostic tells programs, see there: what is not known is empty.
struct Finding {
  std::string message;
  std::vector<std::string> nodes;
  std::string op, domain;
  int64_t version = 0;
  std::string elementType, tensor, found, expected;
  std::vector<std::string> notes;
};

} // namespace tenon

#endif // TENON_LIB_IMPORT_FINDING_H

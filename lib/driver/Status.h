//===- Status.h - What kind of end a compilation has ----------------------===//

#ifndef TENON_LIB_DRIVER_STATUS_H
#define TENON_LIB_DRIVER_STATUS_H

#include "lib/import/Finding.h"
#include "tenon/types.h"
#include "llvm/ADT/Twine.h"
#include <string>
#include <vector>

struct TenonError;

namespace tenon {

/// Success, or one of the documented error codes with a message for people and
/// the same in parts for programs.
class [[nodiscard]] Status {
public:
  static Status ok() { return Status(TENON_OK, ""); }
  static Status error(TenonErrorCode code, const llvm::Twine &message) {
    return Status(code, message.str());
  }
  /// Without findings the message is the only one.
  static Status error(TenonErrorCode code, const llvm::Twine &message,
                      std::vector<Finding> findings) {
    Status status(code, message.str());
    status.findings = std::move(findings);
    return status;
  }

  bool isOk() const { return code == TENON_OK; }
  TenonErrorCode getCode() const { return code; }
  const std::string &getMessage() const { return message; }
  const std::vector<Finding> &getFindings() const { return findings; }

private:
  Status(TenonErrorCode code, std::string message)
      : code(code), message(std::move(message)) {}
  TenonErrorCode code;
  std::string message;
  std::vector<Finding> findings;
};

/// What the C interface returns for it: null for success, else an error that
/// the caller frees.
TenonError *toError(const Status &status);

} // namespace tenon

#endif // TENON_LIB_DRIVER_STATUS_H

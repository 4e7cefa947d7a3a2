//===- Status.h - What kind of end a compilation has ----------------------===//

#ifndef TENON_LIB_DRIVER_STATUS_H
#define TENON_LIB_DRIVER_STATUS_H

#include "tenon/types.h"
#include "llvm/ADT/Twine.h"
#include <string>

namespace tenon {

/// Success, or one of the documented error codes with a message for people.
/// Details (nodes, notes) have gone to the diagnostics of the MLIR context by
/// then; the message says what could not be done.
class [[nodiscard]] Status {
public:
  static Status ok() { return Status(TENON_OK, ""); }
  static Status error(TenonErrorCode code, const llvm::Twine &message) {
    return Status(code, message.str());
  }

  bool isOk() const { return code == TENON_OK; }
  TenonErrorCode getCode() const { return code; }
  const std::string &getMessage() const { return message; }

private:
  Status(TenonErrorCode code, std::string message)
      : code(code), message(std::move(message)) {}
  TenonErrorCode code;
  std::string message;
};

} // namespace tenon

#endif // TENON_LIB_DRIVER_STATUS_H

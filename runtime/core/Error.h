//===- Error.h - The runtime's error object ------------------------------===//

#ifndef TENON_RUNTIME_CORE_ERROR_H
#define TENON_RUNTIME_CORE_ERROR_H

#include "tenon/tenon.h"

#include <memory>
#include <string>

/// The public error object.
struct TenonError {
  TenonErrorCode code;
  std::string message;
};

namespace tenon::runtime {

/// Null is success.
using Error = std::unique_ptr<TenonError>;

/// Makes an error with a message in printf's format.
__attribute__((format(printf, 2, 3))) Error makeError(TenonErrorCode code,
                                                      const char *format, ...);

/// An error of a node of the model; `node` may be null or empty.
Error makeNodeError(TenonErrorCode code, const char *node, const char *message);

/// A name in quotes for a message. Names come from outside: control characters
/// are escaped and a very long name is cut.
std::string quote(const char *name);

/// "1x3x?x320"; negative dimensions print as "?". Rank 0 prints as "scalar".
std::string formatDims(const int64_t *dims, int32_t rank);

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_ERROR_H

//===- Error.h - The runtime's error object ------------------------------===//

#ifndef TENON_RUNTIME_CORE_ERROR_H
#define TENON_RUNTIME_CORE_ERROR_H

#include "runtime/core/Quote.h"
#include "tenon/tenon.h"

#include <forward_list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

/// The public error object.
struct TenonError {
  TenonError(TenonErrorCode code, std::string message)
      : code(code), message(std::move(message)) {}
  TenonError(const TenonError &) = delete;
  TenonError &operator=(const TenonError &) = delete;

  /// Adds a copy of a finding; null strings become empty.
  void add(const TenonDiagnostic &finding);
  /// The error as JSON; threads may ask at once. Nothing is added afterwards.
  const std::string &getJson() const;

  TenonErrorCode code;
  std::string message;
  std::vector<TenonDiagnostic> diagnostics;

private:
  const char *keep(const char *text);
  const char *const *keep(const char *const *list, size_t count);

  /// What the diagnostics point to.
  std::forward_list<std::string> texts;
  std::forward_list<std::vector<const char *>> lists;
  mutable std::once_flag jsonMade;
  mutable std::string json;
};

namespace tenon::runtime {

/// Null is success.
using Error = std::unique_ptr<TenonError>;

/// Makes an error with a message in printf's format.
__attribute__((format(printf, 2, 3))) Error makeError(TenonErrorCode code,
                                                      const char *format, ...);

/// An error of a node of the model; `node` may be null or empty.
Error makeNodeError(TenonErrorCode code, const char *node, const char *message,
                    const std::string &found = "",
                    const std::string &expected = "");

/// Says of an error that it is about an input or output, what was found of it
/// and what was expected. The message says it already.
Error about(Error error, const char *tensor, const std::string &found = "",
            const std::string &expected = "");

/// An error, or null for success, as one line of JSON.
std::string formatJson(const TenonError *error);

/// "1x3x?x320"; negative dimensions print as "?". Rank 0 prints as "scalar".
std::string formatDims(const int64_t *dims, int32_t rank);

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_ERROR_H

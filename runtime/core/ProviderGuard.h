//===- ProviderGuard.h - Exceptions at the border of a library ------------===//
//
// For the libraries of providers and devices, which have exceptions: nothing
// that is thrown leaves them.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_RUNTIME_CORE_PROVIDERGUARD_H
#define TENON_RUNTIME_CORE_PROVIDERGUARD_H

#include "runtime/core/Provider.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>

namespace tenon::runtime {

/// Thrown inside such a library.
struct ProviderFailure {
  TenonErrorCode code;
  std::string message;
};

/// Cuts what is too long.
inline void setMessage(TenonProviderError *error, const char *message) {
  size_t length = std::min(strlen(message), sizeof error->message - 1);
  memcpy(error->message, message, length);
  error->message[length] = '\0';
}

/// Runs a function; what it throws becomes a code and a message.
template <typename Function>
int32_t guard(TenonProviderError *error, Function function) {
  auto fail = [&](int32_t code, const char *message) {
    setMessage(error, message);
    return code;
  };
  try {
    function();
    return TENON_OK;
  } catch (const ProviderFailure &problem) {
    return fail(problem.code, problem.message.c_str());
  } catch (const std::bad_alloc &) {
    return fail(TENON_ERROR_SYSTEM, "not enough memory");
  } catch (const std::exception &problem) {
    return fail(TENON_ERROR_INTERNAL, problem.what());
  } catch (...) {
    return fail(TENON_ERROR_INTERNAL, "something unknown was thrown");
  }
}

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_PROVIDERGUARD_H

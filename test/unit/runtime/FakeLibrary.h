//===- FakeLibrary.h - What libraries without a device share -------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FAKELIBRARY_H
#define TENON_TEST_UNIT_RUNTIME_FAKELIBRARY_H

#include "tenon/types.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <optional>

namespace tenon::test::cuda {

/// Whether the library that this is a part of has such a function itself.
inline bool hasFunction(const char *name) {
  static const char here = 0;
  Dl_info own, other;
  if (!dladdr(&here, &own))
    return false;
  void *library = dlopen(own.dli_fname, RTLD_NOW | RTLD_NOLOAD);
  void *function = library ? dlsym(library, name) : nullptr;
  if (library)
    dlclose(library);
  return function && dladdr(function, &other) &&
         own.dli_fbase == other.dli_fbase;
}

/// Ends the process, as `variable` of the environment names no call.
[[noreturn]] inline void refuseFailure(const char *variable) {
  fprintf(stderr, "there is no call %s=%s\n", variable, getenv(variable));
  abort();
}

/// What `variable` of the environment, "function:status", has a function
/// return, if it is this one. Ends the process if there is none of that name.
inline std::optional<int> getFailure(const char *variable,
                                     const char *function) {
  const char *setting = getenv(variable);
  if (!setting)
    return std::nullopt;
  char failing[64];
  int status;
  if (sscanf(setting, "%63[^:]:%d", failing, &status) != 2 ||
      !hasFunction(failing))
    refuseFailure(variable);
  return strcmp(failing, function) ? std::nullopt : std::optional<int>(status);
}

/// The number that `variable` of the environment is.
inline int64_t getNumber(const char *variable, int64_t otherwise) {
  const char *setting = getenv(variable);
  return setting && *setting ? atoll(setting) : otherwise;
}

inline uint64_t getSize(TenonDType type) { return type == TENON_F32 ? 4 : 2; }

/// Element `i` of numbers in memory.
inline double read(const char *data, int64_t i, TenonDType type) {
  if (type == TENON_F32)
    return reinterpret_cast<const float *>(data)[i];
  if (type == TENON_F16)
    return reinterpret_cast<const _Float16 *>(data)[i];
  uint32_t bits = uint32_t(reinterpret_cast<const uint16_t *>(data)[i]) << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// Rounded to the 10 bits of TF32, to the nearest.
inline double roundToTf32(double value) {
  float narrow = value;
  uint32_t bits;
  memcpy(&bits, &narrow, sizeof bits);
  bits = (bits + 0x1000) & ~0x1fffu;
  memcpy(&narrow, &bits, sizeof bits);
  return narrow;
}

inline void write(char *data, int64_t i, TenonDType type, double value) {
  if (type == TENON_F32) {
    reinterpret_cast<float *>(data)[i] = value;
  } else if (type == TENON_F16) {
    reinterpret_cast<_Float16 *>(data)[i] = _Float16(value);
  } else {
    float narrow = value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    reinterpret_cast<uint16_t *>(data)[i] =
        (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  }
}

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_FAKELIBRARY_H

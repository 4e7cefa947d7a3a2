//===- FakeLibrary.h - What libraries without a device share -------------===//

#ifndef TENON_TEST_UNIT_RUNTIME_FAKELIBRARY_H
#define TENON_TEST_UNIT_RUNTIME_FAKELIBRARY_H

#include "tenon/types.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>

namespace tenon::test::cuda {

/// What `variable` of the environment, "function:status", has a function
/// return, if it is this one.
inline std::optional<int> getFailure(const char *variable,
                                     const char *function) {
  const char *setting = getenv(variable);
  size_t length = strlen(function);
  if (!setting || strncmp(setting, function, length) || setting[length] != ':')
    return std::nullopt;
  return atoi(setting + length + 1);
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

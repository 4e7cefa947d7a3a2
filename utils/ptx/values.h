//===- values.h - What the registers of PTX hold --------------------------===//
//
// A register is an unsigned integer of its width. An instruction reads it as
// what its type says, as_f32(r1), and writes the bits of its result,
// bits_f32(...). What PTX says of each type is in NVIDIA's "Parallel Thread
// Execution ISA".
//
//===----------------------------------------------------------------------===//

#ifndef TENON_UTILS_PTX_VALUES_H
#define TENON_UTILS_PTX_VALUES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t b8, u8;
typedef uint16_t b16, u16;
typedef uint32_t b32, u32;
typedef uint64_t b64, u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef float f32;
typedef double f64;
typedef _Float16 f16;

#define FROM_BITS(type, bits_type)                                             \
  static inline type as_##type(u64 bits) {                                     \
    bits_type b = bits;                                                        \
    type v;                                                                    \
    memcpy(&v, &b, sizeof v);                                                  \
    return v;                                                                  \
  }                                                                            \
  static inline u64 bits_##type(type v) {                                      \
    bits_type b;                                                               \
    memcpy(&b, &v, sizeof v);                                                  \
    return b;                                                                  \
  }
FROM_BITS(u8, u8)
FROM_BITS(u16, u16)
FROM_BITS(u32, u32)
FROM_BITS(u64, u64)
FROM_BITS(s8, u8)
FROM_BITS(s16, u16)
FROM_BITS(s32, u32)
FROM_BITS(s64, u64)
FROM_BITS(b8, u8)
FROM_BITS(b16, u16)
FROM_BITS(b32, u32)
FROM_BITS(b64, u64)
FROM_BITS(f16, u16)
FROM_BITS(f32, u32)
FROM_BITS(f64, u64)
#undef FROM_BITS

// The others are the high bits of an f32.
static inline f32 as_bf16(u64 bits) { return as_f32(bits << 16); }
static inline u64 bits_bf16(f32 v) {
  u32 b = bits_f32(v);
  return v != v ? 0x7fff : (b + 0x7fff + (b >> 16 & 1)) >> 16;
}
static inline f32 as_tf32(u64 bits) { return as_f32(bits & ~0x1fffull); }
/// Rounds to the nearest, and away from zero in the middle.
static inline u64 bits_tf32(f32 v) {
  return v != v ? 0x7fffffff : (bits_f32(v) + 0x1000) & ~0x1fffull;
}

/// To integers PTX converts what is out of range to the nearest, and NaN to 0.
#define TO_INTEGER(type, low, high)                                            \
  static inline type to_##type(f64 v) {                                        \
    return v != v             ? 0                                              \
           : v <= (f64)(low)  ? (low)                                          \
           : v >= (f64)(high) ? (high)                                         \
                              : (type)v;                                       \
  }
TO_INTEGER(u8, 0, UINT8_MAX)
TO_INTEGER(u16, 0, UINT16_MAX)
TO_INTEGER(u32, 0, UINT32_MAX)
TO_INTEGER(u64, 0, UINT64_MAX)
TO_INTEGER(s8, INT8_MIN, INT8_MAX)
TO_INTEGER(s16, INT16_MIN, INT16_MAX)
TO_INTEGER(s32, INT32_MIN, INT32_MAX)
TO_INTEGER(s64, INT64_MIN, INT64_MAX)
#undef TO_INTEGER

/// Each four bits of `choice` say which byte of b:a stands there, or, with the
/// highest one, only that byte's sign.
static inline u32 permute(u32 a, u32 b, u32 choice) {
  u32 result = 0;
  for (int i = 0; i < 4; ++i) {
    u32 byte = ((u64)b << 32 | a) >> 8 * (choice >> 4 * i & 7) & 0xff;
    if (choice >> 4 * i & 8)
      byte = byte & 0x80 ? 0xff : 0;
    result |= byte << 8 * i;
  }
  return result;
}

#endif // TENON_UTILS_PTX_VALUES_H

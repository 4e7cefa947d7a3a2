//===- TenonFloatTypes.h - Floats that are multiplied -----------*- C++ -*-===//

#ifndef TENON_DIALECTS_TENON_TENONFLOATTYPES_H
#define TENON_DIALECTS_TENON_TENONFLOATTYPES_H

#include "mlir/IR/Types.h"

namespace tenon {

/// Whether `type` is a float of 16 bits.
inline bool isHalf(mlir::Type type) { return type.isF16() || type.isBF16(); }

/// Whether a GPU multiplies numbers of `type` in tiles, or by a library.
inline bool isFloatFactor(mlir::Type type) {
  return type.isF32() || isHalf(type);
}

} // namespace tenon

#endif // TENON_DIALECTS_TENON_TENONFLOATTYPES_H

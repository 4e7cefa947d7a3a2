//===- HalfConstants.h - Constants of 16-bit floats -------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_COMPRESS_HALFCONSTANTS_H
#define TENON_TRANSFORMS_COMPRESS_HALFCONSTANTS_H

#include "dialects/tenon/TenonOps.h"

namespace tenon {

/// What `precision` (bf16 or fp16) stores; null if it is neither.
mlir::FloatType getHalfType(llvm::StringRef precision,
                            mlir::MLIRContext *context);

/// A constant of f32 rounded to f16 or bf16, halves to even. Null if its
/// elements can't be read.
mlir::ElementsAttr convertConstant(mlir::ElementsAttr value,
                                   mlir::FloatType to);

/// Whether no finite element of a constant of f32 would become infinite. A
/// constant that can't be read is taken to fit.
bool fitsHalf(mlir::ElementsAttr value, mlir::FloatType to);

} // namespace tenon

#endif // TENON_TRANSFORMS_COMPRESS_HALFCONSTANTS_H

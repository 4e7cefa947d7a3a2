//===- MathFunctions.h - Functions that upstream approximates too coarsely ===//

#ifndef TENON_CODEGEN_CPU_MATHFUNCTIONS_H
#define TENON_CODEGEN_CPU_MATHFUNCTIONS_H

#include "mlir/IR/PatternMatch.h"

namespace tenon::cpu {

/// Adds patterns for sin, cos, tan, atan, asinh and pow on f32, scalars and
/// vectors, that go before upstream's.
void populateMathFunctionPatterns(mlir::RewritePatternSet &patterns);

/// Makes functions of f64 that have no instruction and no LLVM intrinsic calls
/// of libm's, lane by lane.
void populateLibmCallPatterns(mlir::RewritePatternSet &patterns);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_MATHFUNCTIONS_H

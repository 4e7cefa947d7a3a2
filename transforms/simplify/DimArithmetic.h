//===- DimArithmetic.h - Arithmetic that holds for dimensions -------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_DIMARITHMETIC_H
#define TENON_TRANSFORMS_SIMPLIFY_DIMARITHMETIC_H

#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// Whether `value` is computed from dimensions in a way that can't be negative.
bool isNonNegative(mlir::Value value);

/// Patterns for scalar arithmetic that `arith` doesn't have, as they hold for
/// dimensions only: those are not negative, and their sums and products don't
/// wrap. Integers that are computed from them alone become indices.
void populateDimArithmeticPatterns(mlir::RewritePatternSet &patterns);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_DIMARITHMETIC_H

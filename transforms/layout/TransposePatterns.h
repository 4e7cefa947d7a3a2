//===- TransposePatterns.h - How transposes move ----------------*- C++ -*-===//
//
// The patterns of tenon-fold-transposes and tenon-propagate-transposes, by
// role.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TRANSFORMS_LAYOUT_TRANSPOSEPATTERNS_H
#define TENON_TRANSFORMS_LAYOUT_TRANSPOSEPATTERNS_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

/// Transposes of constants are computed.
void populateFoldTransposePatterns(mlir::RewritePatternSet &patterns,
                                   mlir::Pass::Statistic &numFolded);

/// Transposes meet constants and matmuls.
void populateCancelTransposePatterns(mlir::RewritePatternSet &patterns,
                                     mlir::Pass::Statistic &numFolded,
                                     mlir::Pass::Statistic &numAbsorbed);

/// Transposes move below operations that don't mind.
void populateSinkTransposePatterns(mlir::RewritePatternSet &patterns,
                                   mlir::Pass::Statistic &numSunk);

/// Transposes move below reshapes that only regroup dimensions.
void populateSinkTransposeThroughReshapePatterns(
    mlir::RewritePatternSet &patterns, mlir::Pass::Statistic &numSunk);

} // namespace tenon

#endif // TENON_TRANSFORMS_LAYOUT_TRANSPOSEPATTERNS_H

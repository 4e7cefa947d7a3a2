//===- CountedPattern.h - Patterns that count how often they fire ---------===//

#ifndef TENON_TRANSFORMS_COUNTEDPATTERN_H
#define TENON_TRANSFORMS_COUNTEDPATTERN_H

#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace tenon {

/// A pattern (an OpRewritePattern or its like for interfaces) that increments
/// `count`, a statistic of its pass, where it fires.
template <typename PatternT> struct CountedPattern : PatternT {
  CountedPattern(mlir::MLIRContext *context, mlir::Pass::Statistic &count)
      : PatternT(context), count(count) {}

protected:
  mlir::Pass::Statistic &count;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_COUNTEDPATTERN_H

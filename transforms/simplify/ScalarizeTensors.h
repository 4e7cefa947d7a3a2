//===- ScalarizeTensors.h - Small tensors as scalars ----------------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_SCALARIZETENSORS_H
#define TENON_TRANSFORMS_SIMPLIFY_SCALARIZETENSORS_H

#include "mlir/IR/PatternMatch.h"

namespace tenon {

/// Patterns that compute small tensors element by element: `tenon.shape`, and
/// elementwise operations, movement and reductions of tensors whose elements
/// are known as scalars. `counter` counts the tensors.
void populateScalarizePatterns(mlir::RewritePatternSet &patterns,
                               int64_t maxElements, int64_t &counter);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_SCALARIZETENSORS_H

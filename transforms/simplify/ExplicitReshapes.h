//===- ExplicitReshapes.h - Spelling out the dimensions of reshapes -------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_EXPLICITRESHAPES_H
#define TENON_TRANSFORMS_SIMPLIFY_EXPLICITRESHAPES_H

#include "transforms/simplify/DimResolver.h"

namespace tenon {

/// Gives every `tenon.reshape` in `function` all of its dimensions: -1 becomes
/// the quotient of what is left, and what the type knows is constant. Squeezes
/// and unsqueezes become reshapes. A shape that depends on data stays. Returns
/// how many operations changed.
int64_t makeReshapesExplicit(mlir::func::FuncOp function,
                             DimResolver &resolver);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_EXPLICITRESHAPES_H

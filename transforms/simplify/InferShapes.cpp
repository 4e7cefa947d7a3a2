//===- InferShapes.cpp - Refine result types from operands ----------------===//

#include "transforms/simplify/Passes.h"
#include "transforms/simplify/ShapeInference.h"

namespace tenon {
#define GEN_PASS_DEF_INFERSHAPES
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;

namespace {
struct InferShapes : tenon::impl::InferShapesBase<InferShapes> {
  void runOnOperation() override {
    // A shape that becomes known can make an earlier one known only through
    // the regions of an if, so this ends after a few rounds.
    while (true) {
      FailureOr<int64_t> changed = tenon::inferShapes(getOperation());
      if (failed(changed))
        return signalPassFailure();
      numTypesRefined += *changed;
      if (*changed == 0)
        return;
    }
  }
};
} // namespace

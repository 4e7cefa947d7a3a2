//===- PropagateTransposes.cpp - Transposes sink and cancel ---------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/layout/Passes.h"
#include "transforms/layout/TransposePatterns.h"

namespace tenon {
#define GEN_PASS_DEF_PROPAGATETRANSPOSES
#include "transforms/layout/Passes.h.inc"
} // namespace tenon

using namespace mlir;

namespace {

struct PropagateTransposes
    : tenon::impl::PropagateTransposesBase<PropagateTransposes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    tenon::populateCancelTransposePatterns(patterns, numFolded, numAbsorbed);
    tenon::populateSinkTransposePatterns(patterns, numSunk);
    tenon::populateSinkTransposeThroughReshapePatterns(patterns,
                                                       numSunkThroughReshape);
    // Each rewrite moves a transpose towards the results or removes one, so
    // that this ends; the limit on iterations would only cut long chains off.
    GreedyRewriteConfig config;
    config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(
            applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};

} // namespace

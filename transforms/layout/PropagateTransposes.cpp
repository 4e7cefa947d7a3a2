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
    // Each rewrite should move a transpose towards the results or remove one.
    // Where two operands hand transposes to each other after all, the limits
    // on rewrites, which count for each iteration, and on iterations end it:
    // what is there is right at any time, with a transpose too many.
    constexpr int64_t kIterations = 10, kRewritesPerOp = 16,
                      kMoreRewrites = 1024;
    int64_t numOps = 0;
    getOperation()->walk([&](Operation *) { ++numOps; });
    GreedyRewriteConfig config;
    config.setMaxIterations(kIterations);
    config.setMaxNumRewrites(kRewritesPerOp * numOps + kMoreRewrites);
    (void)applyPatternsGreedily(getOperation(), std::move(patterns), config);
  }
};

} // namespace

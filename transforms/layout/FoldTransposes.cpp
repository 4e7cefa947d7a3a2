//===- FoldTransposes.cpp - Transposes of constants -----------------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "transforms/layout/Passes.h"
#include "transforms/layout/TransposePatterns.h"

namespace tenon {
#define GEN_PASS_DEF_FOLDTRANSPOSES
#include "transforms/layout/Passes.h.inc"
} // namespace tenon

using namespace mlir;

namespace {

struct FoldTransposes : tenon::impl::FoldTransposesBase<FoldTransposes> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    tenon::populateFoldTransposePatterns(patterns, numFolded);
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace

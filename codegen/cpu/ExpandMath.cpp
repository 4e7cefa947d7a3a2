//===- ExpandMath.cpp - Transcendental functions as arithmetic ------------===//

#include "codegen/cpu/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tenon::cpu {

#define GEN_PASS_DEF_EXPANDMATH
#include "codegen/cpu/Passes.h.inc"

namespace {

struct ExpandMath : public impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    auto isFunction = [](StringRef name) {
      return !llvm::is_contained({"math.sqrt", "math.floor", "math.ceil",
                                  "math.trunc", "math.round", "math.roundeven",
                                  "math.fma", "math.absf", "math.copysign"},
                                 name);
    };
    populateMathF32ExpansionPatterns(patterns, isFunction);
    populateMathPolynomialApproximationPatterns(patterns, isFunction);
    math::populateExpansionPatterns(patterns, {"tan", "sinh", "cosh", "asinh",
                                               "acosh", "atanh", "powf",
                                               "fpowi", "exp2", "rsqrt"});
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon::cpu

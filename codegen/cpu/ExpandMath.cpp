//===- ExpandMath.cpp - Transcendental functions as arithmetic ------------===//

#include "codegen/cpu/MathFunctions.h"
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

/// Whether an operation computes a function of f32 with arithmetic only.
bool isFunction(StringRef name) {
  return !llvm::is_contained({"math.sqrt", "math.floor", "math.ceil",
                              "math.trunc", "math.round", "math.roundeven",
                              "math.fma", "math.absf", "math.copysign"},
                             name);
}

struct ExpandMath : public impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    // Calls come first: expansions of the functions of f64 are less exact.
    RewritePatternSet calls(&getContext());
    populateLibmCallPatterns(calls);
    RewritePatternSet patterns(&getContext());
    populateMathFunctionPatterns(patterns);
    populateMathF32ExpansionPatterns(patterns, isFunction);
    populateMathPolynomialApproximationPatterns(patterns, isFunction);
    math::populateExpansionPatterns(patterns, {"fpowi", "exp2", "rsqrt"});
    ModuleOp module = getOperation();
    // Functions that run elsewhere, in modules of their own, have no libm.
    FrozenRewritePatternSet frozenCalls(std::move(calls));
    for (auto function :
         llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (failed(applyPatternsGreedily(function, frozenCalls)))
        return signalPassFailure();
    if (failed(applyPatternsGreedily(module, std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

} // namespace tenon::cpu

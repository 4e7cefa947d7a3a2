//===- SimplifyShapes.cpp - Shapes as data become index arithmetic --------===//

#include "mlir/IR/Dominance.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "transforms/simplify/DimArithmetic.h"
#include "transforms/simplify/ExplicitReshapes.h"
#include "transforms/simplify/Passes.h"
#include "transforms/simplify/ScalarizeTensors.h"
#include "transforms/simplify/ShapeInference.h"

namespace tenon {
#define GEN_PASS_DEF_SIMPLIFYSHAPES
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {
struct SimplifyShapes : tenon::impl::SimplifyShapesBase<SimplifyShapes> {
  using SimplifyShapesBase::SimplifyShapesBase;

  /// Each round can make a condition known and a branch go; models nest few.
  static constexpr int kMaxRounds = 16;

  LogicalResult initialize(MLIRContext *context) override {
    RewritePatternSet set(context);
    populateScalarizePatterns(set, maxElements, scalarized);
    populateDimArithmeticPatterns(set);
    for (Dialect *dialect : context->getLoadedDialects())
      dialect->getCanonicalizationPatterns(set);
    for (RegisteredOperationName op : context->getRegisteredOperations())
      op.getCanonicalizationPatterns(set, context);
    patterns = std::move(set);
    return success();
  }

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    for (int round = 0; round != kMaxRounds; ++round) {
      scalarized = 0;
      if (failed(applyPatternsGreedily(function, patterns)))
        return signalPassFailure();
      function.walk([](Operation *op) {
        if (isa<IfOp, LoopOp>(op))
          hoistScalars(op);
      });

      numDimsResolved += DimResolver(function).getNumResolved();
      removeDuplicates(function);

      DimResolver resolver(function);
      int64_t reshapes = makeReshapesExplicit(function, resolver);
      dropCasts(function);
      FailureOr<int64_t> refined = inferShapes(function);
      if (failed(refined))
        return signalPassFailure();
      numTensorsScalarized += scalarized;
      numReshapesMadeExplicit += reshapes;
      if (scalarized + reshapes + *refined == 0 && round != 0)
        break;
    }
    if (failed(applyPatternsGreedily(function, patterns)))
      return signalPassFailure();
    removeDuplicates(function);
  }

  /// A cast that forgets a static dimension is not needed: inference, which
  /// runs next, gives its users the better type.
  void dropCasts(func::FuncOp function) {
    function.walk([](tensor::CastOp op) {
      if (!tensor::preservesStaticInformation(op.getType(),
                                              op.getSource().getType()))
        return;
      op.getResult().replaceAllUsesWith(op.getSource());
      op.erase();
    });
  }

  /// Equal index arithmetic becomes one value, which is how dimensions are seen
  /// to be equal.
  void removeDuplicates(func::FuncOp function) {
    IRRewriter rewriter(function.getContext());
    DominanceInfo dominance(function);
    eliminateCommonSubExpressions(rewriter, dominance, function);
  }

  FrozenRewritePatternSet patterns;
  int64_t scalarized = 0;
};
} // namespace

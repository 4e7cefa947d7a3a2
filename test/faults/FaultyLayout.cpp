//===- FaultyLayout.cpp - The layout phase with a planted fault -----------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "transforms/layout/Passes.h"
#include "transforms/layout/Pipeline.h"

using namespace mlir;

namespace {

/// Adds 1 to what every node gives whose name begins with "wrong", and fails at
/// one whose name begins with "broken".
struct PlantFault : PassWrapper<PlantFault, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(PlantFault)

  StringRef getArgument() const override { return "test-plant-fault"; }

  void runOnOperation() override {
    SmallVector<Operation *> found;
    getOperation()->walk([&](Operation *op) {
      auto name = op->getLoc()->findInstanceOf<NameLoc>();
      if (name && name.getName().getValue().starts_with("broken")) {
        op->emitError("broken on purpose");
        signalPassFailure();
      }
      if (name && name.getName().getValue().starts_with("wrong") &&
          op->getNumResults() == 1 && isa<tenon::ElementwiseOpInterface>(op))
        found.push_back(op);
    });
    for (Operation *op : found) {
      OpBuilder builder(&getContext());
      builder.setInsertionPointAfter(op);
      Value result = op->getResult(0);
      Type element = getElementTypeOrSelf(result.getType());
      Value one = tenon::ConstantOp::create(
          builder, op->getLoc(),
          DenseElementsAttr::get(RankedTensorType::get({}, element),
                                 Attribute(builder.getFloatAttr(element, 1))));
      auto sum = tenon::AddOp::create(builder, op->getLoc(), result.getType(),
                                      result, one);
      result.replaceAllUsesExcept(sum, sum);
    }
  }
};

} // namespace

void tenon::buildLayoutPipeline(OpPassManager &pm) {
  pm.addPass(createConvertConvLayout());
  pm.addPass(createPropagateTransposes());
  pm.addPass(std::make_unique<PlantFault>());
  pm.addPass(createConvertUnitTransposes());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createVerifyLayout());
}

void tenon::registerLayout() {}

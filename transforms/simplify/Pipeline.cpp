//===- Pipeline.cpp - The simplify phase ----------------------------------===//

#include "transforms/simplify/Pipeline.h"

#include "mlir/Transforms/Passes.h"
#include "transforms/simplify/Passes.h"

using namespace mlir;

namespace tenon {

/// Known shapes make constants, and constants make shapes known.
static void addKnownValues(OpPassManager &manager,
                           const SimplifyOptions &options) {
  FoldConstantsOptions folding;
  folding.maxGrowthBytes = options.maxGrowthBytes;
  manager.addPass(createFoldConstants(folding));
  manager.addNestedPass<func::FuncOp>(createInferShapes());
  manager.addNestedPass<func::FuncOp>(createSimplifyShapes());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
}

/// Canonical arithmetic and movement, which the recognisers rely on.
static void addCanonicalForms(OpPassManager &manager) {
  manager.addNestedPass<func::FuncOp>(createSimplifyAlgebra());
  manager.addNestedPass<func::FuncOp>(createSimplifyMovement());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
}

void buildSimplifyPipeline(OpPassManager &manager,
                           const SimplifyOptions &options) {
  // 1. Transposes of constants become flags of their products before folding
  //    would copy the constants.
  manager.addNestedPass<func::FuncOp>(createSimplifyMovement());
  // 2. Shapes as data go first: every later pass sees more static sizes, fewer
  //    branches, and equal dimensions as one value. A second time, for what the
  //    first has made constant.
  addKnownValues(manager, options);
  addKnownValues(manager, options);
  // 3. Canonical forms, with all constants known.
  addCanonicalForms(manager);
  // 4. Batch norms into convolutions, before a recogniser could take their
  //    additions for something else.
  manager.addPass(createFoldBatchNorm());
  // 5. Small patterns before those that contain them, and activations before
  //    the convolution after them takes up one of their factors.
  if (options.recognize) {
    manager.addNestedPass<func::FuncOp>(createRecognizeHardSwish());
    manager.addNestedPass<func::FuncOp>(createRecognizeSilu());
    manager.addNestedPass<func::FuncOp>(createRecognizeGelu());
    manager.addNestedPass<func::FuncOp>(createRecognizeLayerNorm());
    manager.addNestedPass<func::FuncOp>(createRecognizeSoftmax());
    manager.addNestedPass<func::FuncOp>(createRecognizeAttention());
  }
  // 6. What is left of factors and summands beside convolutions.
  manager.addPass(createFoldAffineIntoConv());
  // 7. Nothing is left to recognise, so that what reads products is known.
  manager.addPass(createMergeProducts());
  // 8. What all of this has left to compose, fold and spell out.
  addCanonicalForms(manager);
  addKnownValues(manager, options);
  // 9. Sizes that are not known to agree: broadcasts that only the run can see
  //    become operations, which settles what results' sizes are, and then
  //    everything that is still taken for granted is checked.
  manager.addNestedPass<func::FuncOp>(createExpandBroadcasts());
  manager.addNestedPass<func::FuncOp>(createGuardShapes());
  manager.addNestedPass<func::FuncOp>(createCSEPass());
  manager.addNestedPass<func::FuncOp>(createVerifySimplified());
}

void registerSimplify() {
  registerSimplifyPasses();
  PassPipelineRegistration<SimplifyOptions>(
      "tenon-simplify", "Shapes, constants and canonical forms",
      [](OpPassManager &manager, const SimplifyOptions &options) {
        buildSimplifyPipeline(manager, options);
      });
}

} // namespace tenon

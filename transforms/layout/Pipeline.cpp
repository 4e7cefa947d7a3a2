//===- Pipeline.cpp - The layout phase ------------------------------------===//

#include "transforms/layout/Pipeline.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "transforms/layout/Passes.h"

using namespace mlir;

void tenon::buildLayoutPipeline(OpPassManager &pm) {
  // 1. Every convolution asks for the layout that suits it. A value that
  //    several of them read is transposed once, and weights now.
  pm.addPass(createConvertConvLayout());
  pm.addPass(createCSEPass());
  pm.addPass(createFoldTransposes());

  // 2. Where two neighbours agree, nothing is left of the transposes between
  //    them.
  pm.addPass(createPropagateTransposes());

  // 3. What is left moves data only if it must.
  pm.addPass(createConvertUnitTransposes());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyLayout());
}

void tenon::registerLayout() {
  registerLayoutPasses();
  PassPipelineRegistration<>("tenon-layout", "the layout phase",
                             buildLayoutPipeline);
}

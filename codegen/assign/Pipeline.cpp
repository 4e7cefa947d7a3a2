//===- Pipeline.cpp - The assign phase, and kernels lowered ---------------===//

#include "codegen/assign/Pipeline.h"

#include "codegen/assign/Passes.h"
#include "mlir/Pass/PassRegistry.h"

using namespace mlir;

void tenon::buildAssignPipeline(OpPassManager &pm) {
  pm.addPass(createAssignProviders());
}

void tenon::registerAssign() {
  registerAssignPasses();
  PassPipelineRegistration<>("tenon-assign", "the assign phase",
                             buildAssignPipeline);
}

void tenon::buildLowerKernelsPipeline(OpPassManager &pm) {
  // Libraries first: what they pack, other kernels read as it then stands.
  LowerKernelsOptions packing;
  packing.onlyPacking = true;
  pm.addPass(createLowerKernels(packing));
  pm.addPass(createPackConstants());
  pm.addPass(createLowerKernels());
}

//===- Pipeline.cpp - The assign phase, and kernels lowered ---------------===//

#include "codegen/assign/Pipeline.h"

#include "codegen/assign/Passes.h"

using namespace mlir;

void tenon::buildAssignPipeline(OpPassManager &pm) {
  pm.addPass(createAssignProviders());
}

void tenon::buildLowerKernelsPipeline(OpPassManager &pm) {
  // Libraries first: what they pack, other kernels read as it then stands.
  LowerKernelsOptions packing;
  packing.onlyPacking = true;
  pm.addPass(createLowerKernels(packing));
  pm.addPass(createPackConstants());
  pm.addPass(createLowerKernels());
}

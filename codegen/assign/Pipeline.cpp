//===- Pipeline.cpp - The assign phase, and kernels lowered ---------------===//

#include "codegen/assign/Pipeline.h"

#include "codegen/assign/Passes.h"

using namespace mlir;

void tenon::buildAssignPipeline(OpPassManager &pm) {
  pm.addPass(createAssignProviders());
}

void tenon::buildLowerKernelsPipeline(OpPassManager &pm) {
  pm.addPass(createLowerKernels());
  pm.addPass(createPackConstants());
}

//===- Pipeline.cpp - The fuse phase --------------------------------------===//

#include "transforms/fuse/Pipeline.h"

#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "transforms/fuse/Passes.h"

using namespace mlir;

void tenon::buildFusePipeline(OpPassManager &pm) {
  // 1. Nothing but data stands between operations that could fuse: sizes come
  //    from the inputs, views stand aside.
  pm.addPass(createDecomposeAttention());
  pm.addPass(createDecomposeConvTranspose());
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  pm.addPass(createSinkReshapes());
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  // 2. Groups, the ones that gain most first.
  pm.addPass(createFuseAttention());
  pm.addPass(createFuseAnchorTails());
  pm.addPass(createFuseRowGroups());
  pm.addPass(createFusePointwiseGroups());
  pm.addPass(createWrapKernels());

  // 3. Dimensions of kernels' results were asked of what computed them; trace
  //    them back to the inputs, so that no size waits for a kernel.
  pm.addPass(memref::createResolveRankedShapeTypeResultDimsPass());
  //    Now data alone joins kernels, and two of them may become one.
  pm.addPass(createFuseDepthwise());
  pm.addPass(createFusePrologues());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createVerifyKernels());
}

void tenon::registerFuse() {
  registerFusePasses();
  PassPipelineRegistration<>("tenon-fuse", "the fuse phase", buildFusePipeline);
}

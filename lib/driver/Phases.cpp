//===- Phases.cpp - The phases of a compilation ---------------------------===//

#include "lib/driver/Phases.h"

#include "codegen/assign/Pipeline.h"
#include "codegen/common/Pipeline.h"
#include "codegen/cpu/Pipeline.h"
#include "codegen/cuda/Passes.h"
#include "codegen/cuda/Pipeline.h"
#include "transforms/fuse/Pipeline.h"
#include "transforms/layout/Pipeline.h"
#include "transforms/simplify/Pipeline.h"

using namespace mlir;

namespace tenon {

StringRef getPhaseName(Phase phase) {
  switch (phase) {
  case Phase::Import:
    return "import";
  case Phase::Simplify:
    return "simplify";
  case Phase::Compress:
    return "compress";
  case Phase::Layout:
    return "layout";
  case Phase::Fuse:
    return "fuse";
  case Phase::Assign:
    return "assign";
  case Phase::Lower:
    return "lower";
  case Phase::Emit:
    return "emit";
  }
  llvm_unreachable("all phases are named");
}

void buildPhase(Phase phase, OpPassManager &passes,
                const CompressOptions &compress) {
  switch (phase) {
  case Phase::Import:
  case Phase::Emit:
    return;
  case Phase::Simplify:
    return buildSimplifyPipeline(passes);
  case Phase::Compress:
    return buildCompressPipeline(passes, compress);
  case Phase::Layout:
    return buildLayoutPipeline(passes);
  case Phase::Fuse:
    return buildFusePipeline(passes);
  case Phase::Assign:
    return buildAssignPipeline(passes);
  case Phase::Lower:
    buildLowerKernelsPipeline(passes);
    codegen::buildLowerGraphPipeline(passes);
    // Before functions become arithmetic or, for a processor, calls.
    passes.addPass(cuda::createOutlineKernels());
    passes.addNestedPass<gpu::GPUModuleOp>(cuda::createExpandExp());
    cpu::buildCpuKernelPipeline(passes);
    cuda::buildCudaKernelPipeline(passes);
    codegen::buildDescribeModelPipeline(passes);
    return;
  }
}

} // namespace tenon

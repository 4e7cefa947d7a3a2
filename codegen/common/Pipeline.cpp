//===- Pipeline.cpp - The lower phase -------------------------------------===//

#include "codegen/common/Pipeline.h"

#include "codegen/common/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void tenon::codegen::buildLowerGraphPipeline(OpPassManager &passes) {
  // 1. Main on tensors becomes main on memory.
  passes.addPass(createInsertTransfers());
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createLowerGraph());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = true;
  bufferize.functionBoundaryTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  bufferize.unknownTypeConversion =
      bufferization::LayoutMapOption::IdentityLayoutMap;
  passes.addPass(bufferization::createOneShotBufferizePass(bufferize));
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  // 2. Who needs which memory when, and how much of it.
  passes.addPass(createWriteInPlace());
  passes.addPass(createPlanBuffers());
  passes.addPass(createMakePlan());
  passes.addPass(createMeasureArena());
  // 3. The runtime's interface.
  passes.addPass(createLowerRuntimeCalls());
}

void tenon::codegen::buildMachineWordsPipeline(OpPassManager &passes) {
  passes.addPass(createCanonicalizerPass());
  passes.addPass(createCSEPass());
  passes.addPass(createSCFToControlFlowPass());
  passes.addPass(memref::createExpandStridedMetadataPass());
  passes.addPass(createLowerAffinePass());
  passes.addPass(arith::createArithExpandOpsPass());
  passes.addPass(createConvertToLLVMPass());
  passes.addPass(createReconcileUnrealizedCastsPass());
  passes.addPass(createCanonicalizerPass());
}

void tenon::codegen::buildDescribeModelPipeline(OpPassManager &passes) {
  buildMachineWordsPipeline(passes);
  // The tables, whose entries are functions of the llvm dialect.
  passes.addPass(createDescribeModel());
}

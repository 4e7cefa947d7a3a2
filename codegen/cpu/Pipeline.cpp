//===- Pipeline.cpp - The code of kernels on its way down -----------------===//

#include "codegen/cpu/Pipeline.h"

#include "codegen/cpu/Passes.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void tenon::cpu::buildCpuKernelPipeline(OpPassManager &passes) {
  // 1. What emitters left twice, or in a loop without need.
  passes.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  passes.addNestedPass<func::FuncOp>(createCSEPass());
  passes.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  // 2. Functions that processors don't have.
  passes.addPass(createExpandMath());
  passes.addNestedPass<func::FuncOp>(createCSEPass());
  passes.addNestedPass<func::FuncOp>(createLoopInvariantCodeMotionPass());
  // 3. Vectors here, where it can be said that lanes are counted in 32 bits:
  // masks are then compared in one register.
  ConvertVectorToLLVMPassOptions vectors;
  vectors.force32BitVectorIndices = true;
  passes.addNestedPass<func::FuncOp>(createConvertVectorToLLVMPass(vectors));
  // 4. Conversions that processors don't have.
  passes.addPass(createExpandHalf());
}

void tenon::cpu::registerCpuKernelPasses() {
  registerTenonCodegenCpuPasses();
  PassPipelineRegistration<>(
      "tenon-lower-cpu-kernels",
      "the functions of generated kernels down to vectors in the llvm dialect",
      [](OpPassManager &passes) { buildCpuKernelPipeline(passes); });
}

//===- Pipeline.cpp - The code of kernels on its way down -----------------===//

#include "codegen/cpu/Pipeline.h"

#include "codegen/cpu/Passes.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVMPass.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void tenon::cpu::buildCpuKernelPipeline(OpPassManager &passes) {
  OpPassManager &functions = passes.nest<func::FuncOp>();
  // 1. What emitters left twice, or in a loop without need.
  functions.addPass(createCanonicalizerPass());
  functions.addPass(createCSEPass());
  functions.addPass(createLoopInvariantCodeMotionPass());
  // 2. Functions that processors don't have.
  functions.addPass(createExpandMath());
  functions.addPass(createCSEPass());
  functions.addPass(createLoopInvariantCodeMotionPass());
  // 3. Vectors here, where it can be said that lanes are counted in 32 bits:
  // masks are then compared in one register.
  ConvertVectorToLLVMPassOptions vectors;
  vectors.force32BitVectorIndices = true;
  functions.addPass(createConvertVectorToLLVMPass(vectors));
}

//===- ElementKernel.cpp - A thread for each element ----------------------===//
//
// A unit is an element of the results. Neighbouring threads have neighbouring
// elements of a row, so that what they read and write lies together.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/ElementProducts.h"
#include "codegen/cuda/Emitters.h"

using namespace mlir;

namespace tenon::cuda {

static SmallVector<Dim> getUnitShape(cpu::KernelFunction &function) {
  return function.getShape(function.getYielded(0));
}

static Value emitUnits(cpu::KernelFunction &function) {
  return cpu::emitUnitCount(function, getUnitShape(function));
}

static void emitBody(cpu::KernelFunction &function) {
  cpu::emitUnitLoop(
      function, getUnitShape(function),
      [&](OpBuilder &builder, ArrayRef<Dim> at) {
        cpu::ElementEmitter emitter(function, builder, /*width=*/1);
        for (Operation &op : function.getRegion())
          bindProduct(emitter, &op);
        SmallVector<cpu::LaneIndex> index(at.begin(), at.end());
        SmallVector<Value> elements;
        for (Value yielded : function.getKernel().getYield().getOperands())
          elements.push_back(emitter.get(yielded, index));
        for (auto [i, element] : llvm::enumerate(elements))
          emitter.storeOutput(i, index, element);
      });
}

static bool matches(KernelOp kernel) {
  return cpu::haveResultsOneShape(kernel) &&
         llvm::all_of(kernel.getBody().front(), [](Operation &op) {
           return isProduct(&op) || cpu::canEmitElements(&op);
         });
}

const cpu::KernelEmitter kElementEmitter = {
    "element", matches, /*collapses=*/true, emitUnits, emitBody};

} // namespace tenon::cuda

//===- NonZeroKernel.cpp - The indices of elements that are not 0 ---------===//
//
// Where an index goes depends on how many there were before it, so that the
// whole is one unit of work.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/SequentialCode.h"

using namespace mlir;

namespace tenon::cpu {

static void emitBody(KernelFunction &function) {
  auto op = cast<NonZeroOp>(getOnlyOp(function.getKernel()));
  SequentialCode code(function);
  Value input = function.getFlat(op.getInput());
  Value output = function.getFlatOutput(0);
  SmallVector<Dim> shape = function.getShape(op.getInput());
  Value count = code.value(function.getShapeElement(op.getCount(), 0));
  Type type = getElementTypeOrSelf(op.getInput());

  Value found =
      code.loop(code.size(shape), code.constant(0), [&](Value i, Value found) {
        Value isTaken = code.isNonZero(code.load(input, i), type);
        // More than were counted have no room.
        isTaken = code.both(isTaken, code.less(found, count));
        return code.select(isTaken, found, [&] {
          SmallVector<Dim> index = code.indices().delinearize(Dim(i), shape);
          for (auto [d, at] : llvm::enumerate(index))
            code.storeIndex(code.value(at), output,
                            code.add(code.mul(count, code.constant(d)), found));
          return code.add(found, code.constant(1));
        });
      });
  code.failIf(code.notEqual(found, count), TENON_KERNEL_SIZE_OUT_OF_RANGE);
}

static bool matches(KernelOp kernel) {
  return isa_and_nonnull<NonZeroOp>(getOnlyOp(kernel));
}

const KernelEmitter kNonZeroEmitter = {"nonzero", matches, /*collapses=*/false,
                                       emitOneUnit, emitBody};

} // namespace tenon::cpu

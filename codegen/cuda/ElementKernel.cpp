//===- ElementKernel.cpp - A thread for each few elements -----------------===//
//
// A unit is a chunk of a row of the results, of as many elements as are loaded
// and stored at once, where all that is read along the row lies in chunks as
// well. Elsewhere it is one element: neighbouring threads have neighbouring
// ones, so that what they read and write lies together. Where only the run can
// tell, the kernel has the code of both.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"
#include "codegen/cuda/BlockCode.h"
#include "codegen/cuda/ElementProducts.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/RowChunks.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

class ElementKernel {
public:
  explicit ElementKernel(cpu::KernelFunction &function);

  Value emitUnits() { return cpu::emitUnitCount(function, units); }
  void emitBody() {
    cpu::emitUnitLoop(function, units,
                      [&](OpBuilder &, ArrayRef<Dim> unit) { emitUnit(unit); });
  }

private:
  void emitUnit(ArrayRef<Dim> unit);
  void emitChunk(ArrayRef<Dim> unit);
  void emitElements(ArrayRef<Dim> at, int64_t width);

  cpu::KernelFunction &function;
  BlockCode code;
  SmallVector<Dim> shape, units;
  RowChunks chunks;
  /// Whether a unit is a chunk; null if it is known.
  Value areChunks;
};

} // namespace

ElementKernel::ElementKernel(cpu::KernelFunction &function)
    : function(function), code(function.getBuilder(), function.getLoc()),
      shape(function.getShape(function.getYielded(0))), units(shape),
      chunks(findRowChunks(function)) {
  if (chunks.width == 1)
    return;
  for (Dim multiple : chunks.multiples) {
    Value isOne = code.isZero(code.rem(code.value(multiple), chunks.width));
    areChunks = areChunks ? code.both(areChunks, isOne) : isOne;
  }
  Dim &row = units.back();
  Dim count = DimBuilder(function.getBuilder(), function.getLoc())
                  .ceilDiv(row, chunks.width);
  row = areChunks
            ? Dim(code.choose(areChunks, code.value(count), code.value(row)))
            : count;
}

void ElementKernel::emitUnit(ArrayRef<Dim> unit) {
  if (chunks.width == 1)
    emitElements(unit, /*width=*/1);
  else if (areChunks)
    code.branch(
        areChunks, [&] { emitChunk(unit); },
        [&] { emitElements(unit, /*width=*/1); });
  else
    emitChunk(unit);
}

void ElementKernel::emitChunk(ArrayRef<Dim> unit) {
  SmallVector<Dim> at(unit);
  Value begin = code.mul(code.value(unit.back()), chunks.width);
  Value row = code.value(shape.back());
  auto emitWhole = [&] {
    at.back() = Dim(begin);
    emitElements(at, chunks.width);
  };
  bool areWhole = shape.back().isConstant()
                      ? shape.back().getConstant() % chunks.width == 0
                      : !isOneRow(shape);
  if (areWhole)
    return emitWhole();
  code.branch(code.less(code.add(begin, chunks.width - 1), row), emitWhole,
              [&] {
                code.smallLoop(begin, row, code.constant(1), [&](Value i) {
                  at.back() = Dim(i);
                  emitElements(at, /*width=*/1);
                });
              });
}

/// Computes and stores the elements from `at` on.
void ElementKernel::emitElements(ArrayRef<Dim> at, int64_t width) {
  cpu::ElementEmitter emitter(function, code.getBuilder(), width);
  SmallVector<cpu::LaneIndex> index(at.begin(), at.end());
  if (width != 1) {
    emitter.alignVectors();
    emitter.keepInOperands();
    index.back().step = 1;
  }
  for (Operation &op : function.getRegion())
    bindProduct(emitter, &op);
  SmallVector<Value> elements;
  for (Value yielded : function.getKernel().getYield().getOperands())
    elements.push_back(emitter.get(yielded, index));
  for (auto [i, element] : llvm::enumerate(elements))
    emitter.storeOutput(i, index, element);
}

static bool matches(KernelOp kernel) {
  return cpu::haveResultsOneShape(kernel) &&
         llvm::all_of(kernel.getBody().front(), [](Operation &op) {
           return isProduct(&op) || cpu::canEmitElements(&op);
         });
}

const cpu::KernelEmitter kElementEmitter = {
    "element", matches, /*collapses=*/true, cpu::emitUnitsOf<ElementKernel>,
    cpu::emitBodyOf<ElementKernel>};

} // namespace tenon::cuda

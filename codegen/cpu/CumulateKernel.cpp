//===- CumulateKernel.cpp - Sums up to each element -----------------------===//
//
// A unit is a line along the axis, or as many neighbouring ones as are a chunk:
// lanes lie across them. A line that stands in memory without gaps has none
// beside it, and goes element by element.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/Reduction.h"
#include "codegen/cpu/SequentialCode.h"
#include "codegen/cpu/UnitLoop.h"
#include "dialects/tenon/TenonArrayOps.h"

using namespace mlir;

namespace tenon::cpu {

/// Neighbouring lines in one unit.
static constexpr int64_t kChunkLines = 256;

namespace {

class CumulateKernel {
public:
  explicit CumulateKernel(KernelFunction &function)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()),
        op(getOnlyOp<CumulateOp>(function.getKernel())) {
    IndexBuilder indices(builder, loc, 1);
    SmallVector<Dim> shape = function.getShape(op.getOutput());
    int64_t axis = op.getAxis();
    ArrayRef<Dim> dims = shape;
    Dim lines = indices.product(dims.drop_front(axis + 1));
    // Outside, along the axis, across lines.
    sizes = {indices.product(dims.take_front(axis)), dims[axis], lines};
    width = getKernelWidth(function, lines);
    chunks = getChunks(builder, loc, lines, kChunkLines);
  }

  Value emitUnits() {
    return emitUnitCount(function, {sizes[0], chunks.count});
  }
  void emitBody();

private:
  void emitLines(ElementEmitter &emitter, Dim outer, const LaneIndex &line);

  KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  CumulateOp op;
  SmallVector<Dim> sizes;
  int64_t width;
  Chunks chunks;
};

} // namespace

void CumulateKernel::emitLines(ElementEmitter &emitter, Dim outer,
                               const LaneIndex &line) {
  IndexBuilder &indices = emitter.getIndices();
  DimBuilder &dims = indices.uniform();
  Type type = function.getElementType(op.getInput());
  Reduction reduction(op.getKind(), type, emitter.getBuilder(), loc);
  Value from = function.getFlat(op.getInput());
  Value to = function.getFlatOutput(0);
  Value none =
      reduction.identity(emitter.getVectorType(reduction.getAccumulatorType()));
  Dim last = dims.sub(sizes[1], 1);
  emitter.loop(
      0, sizes[1], none,
      [&](Value k, ValueRange carried) -> SmallVector<Value> {
        Dim at = op.getReverse() ? dims.sub(last, Dim(k)) : Dim(k);
        LaneIndex position =
            indices.linearize({LaneIndex(outer), LaneIndex(at), line}, sizes);
        Value element = emitter.broadcast(emitter.load(from, position, type));
        Value next = reduction.add(carried[0], element);
        emitter.store(
            to, position,
            reduction.finish(op.getExclusive() ? carried[0] : next, Value()));
        return {next};
      });
}

void CumulateKernel::emitBody() {
  emitUnitLoop(
      function, {sizes[0], chunks.count},
      [&](OpBuilder &, ArrayRef<Dim> index) {
        auto [begin, end] = chunks.getRange(builder, loc, index[1], sizes[2]);
        emitVectorLoop(builder, loc, begin, end, width,
                       [&](OpBuilder &builder, Value i, Value mask) {
                         ElementEmitter emitter(function, builder, width, mask);
                         emitLines(
                             emitter, index[0],
                             LaneIndex(Dim(i), width == 1 ? Dim(0) : Dim(1)));
                       });
      });
}

const KernelEmitter kCumulateEmitter = {
    "cumulate",
    [](KernelOp kernel) { return bool(getOnlyOp<CumulateOp>(kernel)); },
    /*collapses=*/false, emitUnitsOf<CumulateKernel>,
    emitBodyOf<CumulateKernel>};

} // namespace tenon::cpu

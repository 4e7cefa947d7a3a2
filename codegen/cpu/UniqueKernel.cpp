//===- UniqueKernel.cpp - The distinct rows of a matrix -------------------===//
//
// The numbers of the rows are sorted by the rows, so that equal ones stand
// together. What needs memory meanwhile uses that of results that come later.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/SequentialCode.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class UniqueEmitter {
public:
  explicit UniqueEmitter(KernelFunction &function)
      : op(cast<UniqueOp>(getOnlyOp(function.getKernel()))), code(function),
        input(function.getFlat(op.getInput())),
        indices(function.getFlatOutput(0)), inverse(function.getFlatOutput(1)),
        counts(function.getFlatOutput(2)), count(function.getFlatOutput(3)) {
    SmallVector<Dim> shape = function.getShape(op.getInput());
    numRows = code.value(shape[0]);
    rowSize = code.value(shape[1]);
  }

  void emit();

private:
  Value isRowLess(Value a, Value b);
  Value numberRows();
  void numberByOccurrence();

  UniqueOp op;
  SequentialCode code;
  Value input, indices, inverse, counts, count;
  Value numRows, rowSize;
};

} // namespace

/// Whether row `a` comes before row `b` in lexicographic order.
Value UniqueEmitter::isRowLess(Value a, Value b) {
  Type type = getElementTypeOrSelf(op.getInput());
  Value beginA = code.mul(a, rowSize), beginB = code.mul(b, rowSize);
  // 0 as long as elements are equal, then 1 (less) or 2.
  Value zero = code.constant(0);
  SequentialCode::Values result = code.loopWhile(
      {zero, zero},
      [&](ValueRange values) {
        return code.both(code.less(values[0], rowSize),
                         code.equal(values[1], code.constant(0)));
      },
      [&](ValueRange values) {
        Value x = code.load(input, code.add(beginA, values[0]));
        Value y = code.load(input, code.add(beginB, values[0]));
        Value order =
            code.choose(code.isLess(x, y, type), code.constant(1),
                        code.choose(code.isLess(y, x, type), code.constant(2),
                                    code.constant(0)));
        return SequentialCode::Values{code.add(values[0], code.constant(1)),
                                      order};
      });
  return code.equal(result[1], code.constant(1));
}

/// Goes over the sorted rows, whose numbers are in `counts`, and numbers the
/// distinct ones. Returns how many there are.
Value UniqueEmitter::numberRows() {
  Value zero = code.constant(0), one = code.constant(1);
  SequentialCode::Values last = code.loop(
      numRows, {zero, zero, zero},
      [&](Value i, ValueRange carried) -> SequentialCode::Values {
        Value found = carried[0], begin = carried[1], before = carried[2];
        // Read before a count is written there.
        Value row = code.loadIndex(counts, i);
        Value isFirst = code.equal(i, zero);
        Value isNew = code.branch(
            isFirst, [&] { return SequentialCode::Values{isFirst}; },
            [&] { return SequentialCode::Values{isRowLess(before, row)}; })[0];
        found = code.choose(isNew, code.add(found, one), found);
        begin = code.choose(isNew, i, begin);
        Value number = code.sub(found, one);
        // Of equal rows the sort keeps the order: the first is the first.
        code.when(isNew, [&] { code.storeIndex(row, indices, number); });
        code.storeIndex(number, inverse, row);
        code.storeIndex(code.add(code.sub(i, begin), one), counts, number);
        return {found, begin, row};
      });
  return last[0];
}

/// Numbers the distinct rows anew, in the order in which they first occur.
void UniqueEmitter::numberByOccurrence() {
  Value zero = code.constant(0), one = code.constant(1);
  // A new number n stands as -1 - n where the first row was.
  Value minusOne = code.constant(-1);
  code.loop(numRows, zero, [&](Value i, Value next) {
    Value old = code.loadIndex(inverse, i);
    Value first = code.loadIndex(indices, old);
    Value isFirst = code.equal(first, i);
    Value number = code.choose(isFirst, next, code.sub(minusOne, first));
    code.storeIndex(code.sub(minusOne, number), indices, old);
    code.storeIndex(number, inverse, i);
    return code.choose(isFirst, code.add(next, one), next);
  });
  code.loop(numRows, [&](Value i) {
    code.storeIndex(zero, counts, i);
    code.storeIndex(minusOne, indices, i);
  });
  code.loop(numRows, [&](Value i) {
    Value number = code.loadIndex(inverse, i);
    code.storeIndex(code.add(code.loadIndex(counts, number), one), counts,
                    number);
    code.when(code.less(code.loadIndex(indices, number), zero),
              [&] { code.storeIndex(i, indices, number); });
  });
}

void UniqueEmitter::emit() {
  code.loop(numRows, [&](Value i) { code.storeIndex(i, counts, i); });
  Value zero = code.constant(0);
  code.sort(counts, zero, indices, zero, numRows,
            [&](Value a, Value b) { return isRowLess(a, b); });
  Value found = numberRows();
  if (!op.getSorted())
    numberByOccurrence();
  code.storeIndex(found, count, zero);
}

static void emitBody(KernelFunction &function) {
  UniqueEmitter(function).emit();
}

static bool matches(KernelOp kernel) {
  return isa_and_nonnull<UniqueOp>(getOnlyOp(kernel)) &&
         kernel.getNumResults() == 4;
}

const KernelEmitter kUniqueEmitter = {"unique", matches, /*collapses=*/false,
                                      emitOneUnit, emitBody};

} // namespace tenon::cpu

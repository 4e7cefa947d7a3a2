//===- NonMaxSuppressionKernel.cpp - The best boxes -----------------------===//

#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/SequentialCode.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class NonMaxSuppressionEmitter {
public:
  explicit NonMaxSuppressionEmitter(KernelFunction &function)
      : op(cast<NonMaxSuppressionOp>(getOnlyOp(function.getKernel()))),
        code(function), boxes(function.getFlat(op.getBoxes())),
        scores(function.getFlat(op.getScores())),
        selected(function.getFlatOutput(0)), count(function.getFlatOutput(1)),
        order(function.getFlatOutput(2)) {
    SmallVector<Dim> shape = function.getShape(op.getScores());
    numBatches = code.value(shape[0]);
    numClasses = code.value(shape[1]);
    numBoxes = code.value(shape[2]);
    limit = code.min(code.value(function.getShapeElement(op.getLimit(), 0)),
                     numBoxes);
    iouThreshold = loadScalar(function, op.getIouThreshold());
    if (op.getScoreThreshold())
      scoreThreshold = loadScalar(function, op.getScoreThreshold());
  }

  void emit();

private:
  /// The corners and the area of a box.
  struct Box {
    Value low[2], high[2], area;
  };

  Value loadScalar(KernelFunction &function, Value tensor);
  Value emitClass(Value batch, Value cls, Value total);
  Value collect(Value scoreBegin);
  Box loadBox(Value at);
  Value doOverlap(const Box &a, const Box &b);
  Value selectedAt(Value row, int64_t column) {
    return code.add(code.mul(row, code.constant(3)), code.constant(column));
  }
  template <typename Op> Value make(Value a, Value b) {
    return Op::create(code.getBuilder(), code.getLoc(), a, b);
  }
  Value isGreater(Value a, Value b) {
    return arith::CmpFOp::create(code.getBuilder(), code.getLoc(),
                                 arith::CmpFPredicate::OGT, a, b);
  }
  Value real(double value) {
    return arith::ConstantOp::create(code.getBuilder(), code.getLoc(),
                                     code.getBuilder().getF32FloatAttr(value));
  }

  NonMaxSuppressionOp op;
  SequentialCode code;
  Value boxes, scores, selected, count, order;
  Value numBatches, numClasses, numBoxes, limit, iouThreshold, scoreThreshold;
};

} // namespace

Value NonMaxSuppressionEmitter::loadScalar(KernelFunction &function,
                                           Value tensor) {
  if (std::optional<double> constant = getConstantScalar(tensor))
    return real(*constant);
  return code.load(function.getFlat(tensor), code.constant(0));
}

/// Puts the boxes whose scores are high enough into `order`, and returns how
/// many these are.
Value NonMaxSuppressionEmitter::collect(Value scoreBegin) {
  return code.loop(numBoxes, code.constant(0), [&](Value i, Value found) {
    Value isCandidate =
        scoreThreshold ? isGreater(code.load(scores, code.add(scoreBegin, i)),
                                   scoreThreshold)
                       : Value(arith::ConstantIntOp::create(
                             code.getBuilder(), code.getLoc(), 1, 1));
    return code.select(isCandidate, found, [&] {
      code.storeIndex(i, order, found);
      return code.add(found, code.constant(1));
    });
  });
}

NonMaxSuppressionEmitter::Box NonMaxSuppressionEmitter::loadBox(Value at) {
  Value begin = code.mul(at, code.constant(4)), numbers[4];
  for (auto [i, number] : llvm::enumerate(numbers))
    number = code.load(boxes, code.add(begin, code.constant(i)));
  Box box;
  for (int i = 0; i != 2; ++i) {
    Value a = numbers[i], b = numbers[i + 2];
    if (op.getCenter()) {
      Value half = make<arith::MulFOp>(b, real(0.5));
      box.low[i] = make<arith::SubFOp>(a, half);
      box.high[i] = make<arith::AddFOp>(a, half);
    } else {
      box.low[i] = make<arith::MinimumFOp>(a, b);
      box.high[i] = make<arith::MaximumFOp>(a, b);
    }
  }
  box.area = make<arith::MulFOp>(make<arith::SubFOp>(box.high[0], box.low[0]),
                                 make<arith::SubFOp>(box.high[1], box.low[1]));
  return box;
}

/// Whether the intersection of two boxes is too large a part of their union.
Value NonMaxSuppressionEmitter::doOverlap(const Box &a, const Box &b) {
  Value sides[2];
  for (int i = 0; i != 2; ++i)
    sides[i] = make<arith::MaximumFOp>(
        make<arith::SubFOp>(make<arith::MinimumFOp>(a.high[i], b.high[i]),
                            make<arith::MaximumFOp>(a.low[i], b.low[i])),
        real(0));
  Value common = make<arith::MulFOp>(sides[0], sides[1]);
  Value whole =
      make<arith::SubFOp>(make<arith::AddFOp>(a.area, b.area), common);
  // Boxes without an area overlap nothing.
  Value result = isGreater(make<arith::DivFOp>(common, whole), iouThreshold);
  for (Value positive : {common, a.area, b.area, whole})
    result = code.both(result, isGreater(positive, real(0)));
  return result;
}

/// Appends the boxes of one class to the `total` that are selected already.
Value NonMaxSuppressionEmitter::emitClass(Value batch, Value cls, Value total) {
  Value row = code.add(code.mul(batch, numClasses), cls);
  Value scoreBegin = code.mul(row, numBoxes);
  Value boxBegin = code.mul(batch, numBoxes);
  Value candidates = collect(scoreBegin);
  code.sort(order, code.constant(0), order, numBoxes, candidates,
            [&](Value a, Value b) {
              return isGreater(code.load(scores, code.add(scoreBegin, a)),
                               code.load(scores, code.add(scoreBegin, b)));
            });

  Value one = code.constant(1), room = code.add(total, limit);
  SequentialCode::Values result = code.loopWhile(
      {code.constant(0), total},
      [&](ValueRange values) {
        return code.both(code.less(values[0], candidates),
                         code.less(values[1], room));
      },
      [&](ValueRange values) -> SequentialCode::Values {
        Value candidate = code.loadIndex(order, values[0]), end = values[1];
        Box box = loadBox(code.add(boxBegin, candidate));
        // The first of the selected boxes that it overlaps, or the end.
        Value first = code.loopWhile(
            {total, code.equal(total, end)},
            [&](ValueRange search) { return code.negate(search[1]); },
            [&](ValueRange search) -> SequentialCode::Values {
              Value other = code.loadIndex(selected, selectedAt(search[0], 2));
              Value overlaps =
                  doOverlap(box, loadBox(code.add(boxBegin, other)));
              Value next =
                  code.choose(overlaps, search[0], code.add(search[0], one));
              return {next, code.either(overlaps, code.equal(next, end))};
            })[0];
        Value next = code.select(code.equal(first, end), end, [&] {
          code.storeIndex(batch, selected, selectedAt(end, 0));
          code.storeIndex(cls, selected, selectedAt(end, 1));
          code.storeIndex(candidate, selected, selectedAt(end, 2));
          return code.add(end, one);
        });
        return {code.add(values[0], one), next};
      });
  return result[1];
}

void NonMaxSuppressionEmitter::emit() {
  Value total =
      code.loop(numBatches, code.constant(0), [&](Value batch, Value outer) {
        return code.loop(numClasses, outer, [&](Value cls, Value inner) {
          return emitClass(batch, cls, inner);
        });
      });
  code.storeIndex(total, count, code.constant(0));
}

static void emitBody(KernelFunction &function) {
  NonMaxSuppressionEmitter(function).emit();
}

static bool matches(KernelOp kernel) {
  return isa_and_nonnull<NonMaxSuppressionOp>(getOnlyOp(kernel)) &&
         kernel.getNumResults() == 3;
}

const KernelEmitter kNonMaxSuppressionEmitter = {
    "non-max-suppression", matches, /*collapses=*/false, emitOneUnit, emitBody};

} // namespace tenon::cpu

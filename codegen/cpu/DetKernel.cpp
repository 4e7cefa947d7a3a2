//===- DetKernel.cpp - Determinants ---------------------------------------===//
//
// A unit is a matrix: a copy of it is brought to triangular form, the largest
// element of a column first, and the diagonal multiplied.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/Reduction.h"
#include "codegen/cpu/SequentialCode.h"
#include "codegen/cpu/UnitLoop.h"
#include "dialects/tenon/TenonArrayOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;

namespace tenon::cpu {

/// The copy is kept on the stack.
static constexpr int64_t kMaxSize = 256;

namespace {

class DetKernel {
public:
  explicit DetKernel(KernelFunction &function)
      : function(function), op(getOnlyOp<DetOp>(function.getKernel())),
        loc(function.getLoc()) {
    SmallVector<Dim> shape = function.getShape(op.getInput());
    outer.assign(shape.begin(), shape.end() - 2);
    size = shape.back();
    type = Reduction(ReduceKind::Prod, function.getElementType(op.getInput()),
                     function.getBuilder(), loc)
               .getAccumulatorType();
  }

  Value emitUnits() { return emitUnitCount(function, outer); }
  void emitBody();

private:
  void emitMatrix(OpBuilder &builder, ArrayRef<Dim> index);
  /// Swaps with the first row of what is left, and takes multiples of it from
  /// the others; the product of the diagonal so far.
  Value emitStep(ElementEmitter &emitter, Value step, Value product);

  Value at(ElementEmitter &emitter, Value row, Value column) {
    DimBuilder &dims = emitter.getIndices().uniform();
    return emitter.getIndices().value(
        dims.add(dims.mul(Dim(row), size), Dim(column)));
  }
  Value load(ElementEmitter &emitter, Value row, Value column) {
    return memref::LoadOp::create(emitter.getBuilder(), loc, copy,
                                  at(emitter, row, column));
  }
  void store(ElementEmitter &emitter, Value value, Value row, Value column) {
    memref::StoreOp::create(emitter.getBuilder(), loc, value, copy,
                            at(emitter, row, column));
  }

  KernelFunction &function;
  DetOp op;
  Location loc;
  SmallVector<Dim> outer;
  Dim size;
  Type type;
  Value copy;
};

} // namespace

Value DetKernel::emitStep(ElementEmitter &emitter, Value step, Value product) {
  OpBuilder &builder = emitter.getBuilder();
  IndexBuilder &indices = emitter.getIndices();
  Value zero = emitter.constant(type, 0);
  auto absolute = [&](Value x) -> Value {
    return math::AbsFOp::create(builder, loc, x);
  };
  auto compare = [&](arith::CmpFPredicate predicate, Value a,
                     Value b) -> Value {
    return arith::CmpFOp::create(builder, loc, predicate, a, b);
  };
  auto select = [&](Value condition, Value a, Value b) -> Value {
    return arith::SelectOp::create(builder, loc, condition, a, b);
  };
  // The row with the largest element in this column.
  Value largest = absolute(load(emitter, step, step));
  Value pivotRow =
      emitter.loop(Dim(step), size, {largest, step},
                   [&](Value row, ValueRange carried) -> SmallVector<Value> {
                     Value element = absolute(load(emitter, row, step));
                     Value isLarger = compare(arith::CmpFPredicate::OGT,
                                              element, carried[0]);
                     return {select(isLarger, element, carried[0]),
                             select(isLarger, row, carried[1])};
                   })[1];
  emitter.loop(Dim(step), size, {},
               [&](Value column, ValueRange) -> SmallVector<Value> {
                 Value a = load(emitter, step, column);
                 Value b = load(emitter, pivotRow, column);
                 store(emitter, b, step, column);
                 store(emitter, a, pivotRow, column);
                 return {};
               });
  Value pivot = load(emitter, step, step);
  Value isSwapped = arith::CmpIOp::create(
      builder, loc, arith::CmpIPredicate::ne, pivotRow, step);
  Value negated = arith::NegFOp::create(builder, loc, pivot);
  Value factor = select(isSwapped, negated, pivot);
  Value next = arith::MulFOp::create(builder, loc, product, factor);

  // Where all is 0 there is nothing to take away.
  Value isZero = compare(arith::CmpFPredicate::OEQ, pivot, zero);
  Dim below = indices.uniform().add(Dim(step), 1);
  emitter.loop(
      below, size, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
        Value quotient = arith::DivFOp::create(builder, loc,
                                               load(emitter, row, step), pivot);
        quotient = select(isZero, zero, quotient);
        emitter.loop(below, size, {},
                     [&](Value column, ValueRange) -> SmallVector<Value> {
                       Value part = arith::MulFOp::create(
                           builder, loc, quotient, load(emitter, step, column));
                       Value rest = arith::SubFOp::create(
                           builder, loc, load(emitter, row, column), part);
                       store(emitter, rest, row, column);
                       return {};
                     });
        return {};
      });
  return next;
}

void DetKernel::emitMatrix(OpBuilder &builder, ArrayRef<Dim> index) {
  ElementEmitter emitter(function, builder, /*width=*/1);
  IndexBuilder &indices = emitter.getIndices();
  Type elementType = function.getElementType(op.getInput());
  SmallVector<LaneIndex> place(index.begin(), index.end());
  SmallVector<LaneIndex> inputIndex = place;
  inputIndex.resize(index.size() + 2);
  emitter.loop(0, size, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
    emitter.loop(
        0, size, {}, [&](Value column, ValueRange) -> SmallVector<Value> {
          inputIndex[index.size()] = LaneIndex(row);
          inputIndex[index.size() + 1] = LaneIndex(column);
          Value element = emitter.load(
              function.getFlat(op.getInput()),
              indices.linearize(inputIndex, function.getShape(op.getInput())),
              elementType);
          store(emitter, convertFloat(builder, loc, element, type), row,
                column);
          return {};
        });
    return {};
  });
  Value product =
      emitter.loop(0, size, emitter.constant(type, 1),
                   [&](Value step, ValueRange carried) -> SmallVector<Value> {
                     return {emitStep(emitter, step, carried[0])};
                   })[0];
  emitter.storeOutput(0, place,
                      convertFloat(builder, loc, product, elementType));
}

void DetKernel::emitBody() {
  OpBuilder &builder = function.getBuilder();
  IndexBuilder indices(builder, loc, 1);
  int64_t most = size.isConstant() ? size.getConstant() : kMaxSize;
  copy = function.allocate(std::max<int64_t>(most * most, 1), type);
  if (!size.isConstant()) {
    // Larger matrices have no room; they fail, and nothing of them is touched.
    Value isTooLarge = indices.less(Dim(kMaxSize), size);
    function.failIf(builder, isTooLarge, TENON_KERNEL_SIZE_OUT_OF_RANGE,
                    [&](OpBuilder &nested) {
                      IndexBuilder indices(nested, loc, 1);
                      return KernelFunction::WrongNumber{
                          indices.value(size), indices.value(kMaxSize)};
                    });
    size = Dim(arith::SelectOp::create(builder, loc, isTooLarge,
                                       indices.value(0), indices.value(size))
                   .getResult());
  }
  emitUnitLoop(function, outer, [&](OpBuilder &nested, ArrayRef<Dim> index) {
    emitMatrix(nested, index);
  });
}

static bool matchesDet(KernelOp kernel) {
  DetOp op = getOnlyOp<DetOp>(kernel);
  return op && op.getInput().getType().getShape().back() <= kMaxSize;
}

const KernelEmitter kDetEmitter = {"det", matchesDet, /*collapses=*/false,
                                   emitUnitsOf<DetKernel>,
                                   emitBodyOf<DetKernel>};

} // namespace tenon::cpu

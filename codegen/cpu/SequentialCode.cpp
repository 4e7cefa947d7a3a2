//===- SequentialCode.cpp - Kernels that are one loop after another -------===//

#include "codegen/cpu/SequentialCode.h"

#include "codegen/cpu/Arithmetic.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace tenon::cpu {

Value emitOneUnit(KernelFunction &function) {
  return arith::ConstantIndexOp::create(function.getBuilder(),
                                        function.getLoc(), 1);
}

SequentialCode::SequentialCode(KernelFunction &function)
    : function(function), builder(function.getBuilder()) {}

Value SequentialCode::constant(int64_t value) {
  return arith::ConstantIndexOp::create(builder, getLoc(), value);
}
Value SequentialCode::add(Value a, Value b) {
  return arith::AddIOp::create(builder, getLoc(), a, b);
}
Value SequentialCode::sub(Value a, Value b) {
  return arith::SubIOp::create(builder, getLoc(), a, b);
}
Value SequentialCode::mul(Value a, Value b) {
  return arith::MulIOp::create(builder, getLoc(), a, b);
}
Value SequentialCode::min(Value a, Value b) {
  return arith::MinSIOp::create(builder, getLoc(), a, b);
}
Value SequentialCode::less(Value a, Value b) {
  return arith::CmpIOp::create(builder, getLoc(), arith::CmpIPredicate::slt, a,
                               b);
}
Value SequentialCode::equal(Value a, Value b) {
  return arith::CmpIOp::create(builder, getLoc(), arith::CmpIPredicate::eq, a,
                               b);
}
Value SequentialCode::notEqual(Value a, Value b) {
  return arith::CmpIOp::create(builder, getLoc(), arith::CmpIPredicate::ne, a,
                               b);
}
Value SequentialCode::both(Value a, Value b) {
  return arith::AndIOp::create(builder, getLoc(), a, b);
}
Value SequentialCode::either(Value a, Value b) {
  return arith::OrIOp::create(builder, getLoc(), a, b);
}
Value SequentialCode::negate(Value a) {
  Value one = arith::ConstantIntOp::create(builder, getLoc(), 1, 1);
  return arith::XOrIOp::create(builder, getLoc(), a, one);
}
Value SequentialCode::choose(Value condition, Value a, Value b) {
  return arith::SelectOp::create(builder, getLoc(), condition, a, b);
}

Value SequentialCode::load(Value memory, Value at) {
  return memref::LoadOp::create(builder, getLoc(), memory, at);
}
void SequentialCode::store(Value element, Value memory, Value at) {
  memref::StoreOp::create(builder, getLoc(), element, memory, at);
}
Value SequentialCode::loadIndex(Value memory, Value at) {
  return arith::IndexCastOp::create(builder, getLoc(), builder.getIndexType(),
                                    load(memory, at));
}
void SequentialCode::storeIndex(Value number, Value memory, Value at) {
  store(arith::IndexCastOp::create(builder, getLoc(), builder.getI64Type(),
                                   number),
        memory, at);
}

Value SequentialCode::isNonZero(Value element, Type type) {
  Value zero = arith::ConstantOp::create(
      builder, getLoc(), builder.getZeroAttr(element.getType()));
  if (isa<FloatType>(type))
    return arith::CmpFOp::create(builder, getLoc(), arith::CmpFPredicate::UNE,
                                 element, zero);
  return notEqual(element, zero);
}

Value SequentialCode::isLess(Value a, Value b, Type type) {
  return buildIsGreater(builder, getLoc(), b, a, type.isUnsignedInteger());
}

SequentialCode::Values
SequentialCode::loop(Value count, ValueRange carried,
                     llvm::function_ref<Values(Value i, ValueRange)> body) {
  Value zero = constant(0), one = constant(1);
  auto loop = scf::ForOp::create(builder, getLoc(), zero, count, one, carried);
  OpBuilder::InsertionGuard guard(builder);
  Block *block = loop.getBody();
  if (!block->empty())
    block->back().erase();
  builder.setInsertionPointToEnd(block);
  Values next = body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(builder, getLoc(), next);
  return Values(loop.getResults());
}

Value SequentialCode::loop(Value count, Value carried,
                           llvm::function_ref<Value(Value i, Value)> body) {
  return loop(count, ValueRange(carried), [&](Value i, ValueRange values) {
    return Values{body(i, values[0])};
  })[0];
}

void SequentialCode::loop(Value count, llvm::function_ref<void(Value i)> body) {
  loop(count, ValueRange(), [&](Value i, ValueRange) {
    body(i);
    return Values();
  });
}

SequentialCode::Values
SequentialCode::loopWhile(ValueRange carried,
                          llvm::function_ref<Value(ValueRange)> condition,
                          llvm::function_ref<Values(ValueRange)> body) {
  auto loop = scf::WhileOp::create(
      builder, getLoc(), TypeRange(carried), carried,
      [&](OpBuilder &nested, Location loc, ValueRange values) {
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToEnd(nested.getInsertionBlock());
        scf::ConditionOp::create(builder, loc, condition(values), values);
      },
      [&](OpBuilder &nested, Location loc, ValueRange values) {
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToEnd(nested.getInsertionBlock());
        Values next = body(values);
        scf::YieldOp::create(builder, loc, next);
      });
  return Values(loop.getResults());
}

SequentialCode::Values
SequentialCode::branch(Value condition, llvm::function_ref<Values()> then,
                       llvm::function_ref<Values()> otherwise) {
  auto build = [&](llvm::function_ref<Values()> body) {
    return [&, body](OpBuilder &nested, Location loc) {
      OpBuilder::InsertionGuard guard(builder);
      builder.setInsertionPointToEnd(nested.getInsertionBlock());
      Values values = body();
      scf::YieldOp::create(builder, loc, values);
    };
  };
  auto branch = scf::IfOp::create(builder, getLoc(), condition, build(then),
                                  build(otherwise));
  return Values(branch.getResults());
}

Value SequentialCode::select(Value condition, Value otherwise,
                             llvm::function_ref<Value()> then) {
  return branch(
      condition, [&] { return Values{then()}; },
      [&] { return Values{otherwise}; })[0];
}

void SequentialCode::when(Value condition, llvm::function_ref<void()> then) {
  branch(
      condition,
      [&] {
        then();
        return Values();
      },
      [] { return Values(); });
}

/// Merges runs of 1, 2, 4, … numbers.
void SequentialCode::sort(Value memory, Value begin, Value scratch,
                          Value scratchBegin, Value count,
                          llvm::function_ref<Value(Value, Value)> isLess) {
  Value one = constant(1), two = constant(2);
  loopWhile(
      one, [&](ValueRange width) { return less(width[0], count); },
      [&](ValueRange carried) -> Values {
        Value width = carried[0], pair = mul(width, two);
        Value numPairs =
            arith::CeilDivUIOp::create(builder, getLoc(), count, pair);
        loop(numPairs, [&](Value i) {
          Value low = mul(i, pair);
          Value middle = min(add(low, width), count);
          Value high = min(add(low, pair), count);
          Value size = sub(high, low);
          loop(size, {low, middle}, [&](Value k, ValueRange next) -> Values {
            Value left = next[0], right = next[1];
            auto at = [&](Value i) { return loadIndex(memory, add(begin, i)); };
            Value hasLeft = less(left, middle), hasRight = less(right, high);
            Value takesRight = branch(
                both(hasLeft, hasRight),
                [&] { return Values{isLess(at(right), at(left))}; },
                [&] { return Values{hasRight}; })[0];
            Value taken = at(choose(takesRight, right, left));
            storeIndex(taken, scratch, add(scratchBegin, add(low, k)));
            return {choose(takesRight, left, add(left, one)),
                    choose(takesRight, add(right, one), right)};
          });
        });
        loop(count, [&](Value i) {
          storeIndex(loadIndex(scratch, add(scratchBegin, i)), memory,
                     add(begin, i));
        });
        return {pair};
      });
}

} // namespace tenon::cpu

//===- GuardShapes.cpp - Check sizes when the model runs ------------------===//

#include "dialects/tenon/TenonShapeOperands.h"
#include "mlir/Transforms/RegionUtils.h"
#include "transforms/simplify/DimResolver.h"
#include "transforms/simplify/Passes.h"
#include <set>

namespace tenon {
#define GEN_PASS_DEF_GUARDSHAPES
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {
struct GuardShapes : tenon::impl::GuardShapesBase<GuardShapes> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal())
      return;
    if (failed(addGuards(function)))
      return signalPassFailure();
    dropRequires(function);
    DimResolver resolver(function);
    dropNeedless(function, resolver.getExpressions());
    function.walk([&](rt::RequireEqualOp guard) { countExactly(guard); });
    function.walk([&](Block *block) { hoistGuards(*block); });
    // What reification has computed and nobody needs.
    IRRewriter rewriter(function.getContext());
    (void)runRegionDCE(rewriter, function->getRegions());
  }

private:
  LogicalResult addGuards(func::FuncOp function) {
    SmallVector<ShapedOpInterface> ops;
    function.walk([&](ShapedOpInterface op) { ops.push_back(op); });
    for (ShapedOpInterface op : ops) {
      OpBuilder builder(op);
      auto guard = [&](Value lhs, Value rhs, const Twine &what) {
        rt::RequireEqualOp::create(builder, op->getLoc(), lhs, rhs,
                                   builder.getStringAttr(what));
      };
      if (failed(op.guardShapes(builder, guard)))
        return failure();
    }
    return success();
  }

  /// What is required has its guards.
  void dropRequires(func::FuncOp function) {
    function.walk([](RequireOp op) {
      Value input = op.getInput();
      // A type that knows more than the input's stays known.
      if (input.getType() != op.getType()) {
        OpBuilder builder(op);
        input = ReshapeOp::create(
            builder, op.getLoc(), op.getType(), input,
            createShapeOperand(builder, op.getLoc(),
                               getViewSizes(builder, op.getLoc(), input)));
      }
      op.getOutput().replaceAllUsesWith(input);
      op.erase();
    });
  }

  /// Drops guards of what is equal, and those that only repeat one that comes
  /// before: in the same block, or in the function's.
  void dropNeedless(func::FuncOp function, DimExpressions &expressions) {
    using Pair = std::pair<DimPolynomial, DimPolynomial>;
    std::map<Block *, std::set<Pair>> seen;
    Block *entry = &function.getBody().front();
    SmallVector<rt::RequireEqualOp> guards;
    function.walk([&](rt::RequireEqualOp guard) { guards.push_back(guard); });
    for (rt::RequireEqualOp guard : guards) {
      Pair pair(expressions.get(guard.getLhs()),
                expressions.get(guard.getRhs()));
      if (pair.second < pair.first)
        std::swap(pair.first, pair.second);
      if (pair.first == pair.second) {
        ++numProven;
        guard.erase();
      } else if (seen[entry].count(pair) ||
                 !seen[guard->getBlock()].insert(pair).second) {
        guard.erase();
      } else {
        ++numGuards;
      }
    }
  }

  /// Whether `index` is computed from numbers in a tensor, which may be any,
  /// and not from dimensions alone.
  static bool isFromData(Value index) {
    SetVector<Value> values; // each once: what is shared is not walked again
    values.insert(index);
    for (size_t i = 0; i != values.size(); ++i) {
      Operation *op = values[i].getDefiningOp();
      if (!op || !isa<arith::ArithDialect>(op->getDialect()))
        continue;
      if (auto cast = dyn_cast<arith::IndexCastOp>(op))
        if (!cast.getIn().getType().isIndex())
          return true;
      values.insert_range(op->getOperands());
    }
    return false;
  }

  /// Up to some number: a power made of squares has no end of them.
  static void collectFactors(Value product, SmallVectorImpl<Value> &factors) {
    constexpr size_t kMaxFactors = 64;
    auto mul = product.getDefiningOp<arith::MulIOp>();
    if (!mul || factors.size() >= kMaxFactors)
      return factors.push_back(product);
    collectFactors(mul.getLhs(), factors);
    collectFactors(mul.getRhs(), factors);
  }

  /// guard(size, a * b) -> guard(size, the product or, if it is larger than
  /// `size` or a factor is negative, size + 1)
  ///
  /// A product of numbers that the data give may wrap around and look equal.
  static void countExactly(rt::RequireEqualOp guard) {
    Value size = guard.getLhs(), product = guard.getRhs();
    SmallVector<Value> factors;
    collectFactors(product, factors);
    if (factors.size() < 2 || !isFromData(product))
      return;
    OpBuilder builder(guard);
    Location loc = guard.getLoc();
    Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value tooMany = arith::AddIOp::create(builder, loc, size, one);
    Value count = one, least = one;
    for (Value factor : factors) {
      least = arith::MinSIOp::create(builder, loc, least, factor);
      Value limit = arith::DivUIOp::create(
          builder, loc, size, arith::MaxSIOp::create(builder, loc, count, one));
      Value fits = arith::OrIOp::create(
          builder, loc,
          arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::eq, count,
                                zero),
          arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule, factor,
                                limit));
      count = arith::SelectOp::create(
          builder, loc, fits,
          arith::MulIOp::create(builder, loc, count, factor), tooMany);
    }
    Value isNegative = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::slt, least, zero);
    guard.getRhsMutable().assign(
        arith::SelectOp::create(builder, loc, isNegative, tooMany, count));
  }

  /// Moves guards to the begin of their block, in order, with the arithmetic
  /// that they need, unless that needs anything that is computed in the block.
  static void hoistGuards(Block &block) {
    if (block.getOps<rt::RequireEqualOp>().empty())
      return;
    llvm::SmallPtrSet<Operation *, 32> movable, needed;
    for (Operation &op : block)
      if (isa<rt::RequireEqualOp>(op) ||
          (isa<arith::ArithDialect, tensor::TensorDialect>(op.getDialect()) &&
           isMemoryEffectFree(&op) && op.getNumRegions() == 0))
        if (llvm::all_of(op.getOperands(), [&](Value operand) {
              Operation *producer = operand.getDefiningOp();
              return !producer || producer->getBlock() != &block ||
                     movable.contains(producer);
            }))
          movable.insert(&op);
    for (Operation &op : llvm::reverse(block)) {
      if (!movable.contains(&op) ||
          (!isa<rt::RequireEqualOp>(op) && !needed.contains(&op)))
        continue;
      needed.insert(&op);
      for (Value operand : op.getOperands())
        if (Operation *producer = operand.getDefiningOp();
            producer && producer->getBlock() == &block)
          needed.insert(producer);
    }
    Operation *place = nullptr;
    for (Operation &op : llvm::make_early_inc_range(block)) {
      if (!needed.contains(&op))
        place = place ? place : &op;
      else if (place)
        op.moveBefore(place);
    }
  }
};
} // namespace

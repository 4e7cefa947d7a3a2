//===- ExplicitReshapes.cpp - Spelling out the dimensions of reshapes -----===//

#include "transforms/simplify/ExplicitReshapes.h"

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"
#include "transforms/simplify/Constants.h"
#include "llvm/Support/MathExtras.h"
#include <numeric>

using namespace mlir;

namespace tenon {

/// An index value as i64.
static Value toInteger(OpBuilder &builder, Location loc, Value index) {
  if (std::optional<int64_t> known = getConstantIntValue(index))
    return arith::ConstantOp::create(builder, loc,
                                     builder.getI64IntegerAttr(*known));
  return arith::IndexCastOp::create(builder, loc, builder.getI64Type(), index);
}

/// The shape operand for these dimensions.
static Value makeShape(OpBuilder &builder, Location loc,
                       ArrayRef<Value> elements) {
  auto type =
      RankedTensorType::get({int64_t(elements.size())}, builder.getI64Type());
  SmallVector<int64_t> constants;
  for (Value element : elements)
    if (std::optional<int64_t> known = getConstantIntValue(element))
      constants.push_back(*known);
  if (constants.size() == elements.size())
    return ConstantOp::create(builder, loc,
                              cast<ElementsAttr>(DenseElementsAttr::get(
                                  type, ArrayRef<int64_t>(constants))));
  return tensor::FromElementsOp::create(builder, loc, type, elements);
}

/// The elements of a shape that doesn't depend on data; empty otherwise.
static SmallVector<Value> getElements(OpBuilder &builder, Location loc,
                                      Value shape) {
  if (auto elements = shape.getDefiningOp<tensor::FromElementsOp>())
    return elements.getElements();
  SmallVector<Value> values;
  if (std::optional<SmallVector<int64_t>> constants = getConstantInts(shape))
    for (int64_t value : *constants)
      values.push_back(arith::ConstantOp::create(
          builder, loc, builder.getI64IntegerAttr(value)));
  return values;
}

namespace {
/// A product of a constant and index values.
struct Product {
  int64_t constant = 1;
  SmallVector<Value> values;

  /// A model can multiply a size with itself again and again: the number of
  /// factors is limited.
  static constexpr size_t kMaxFactors = 32;

  void multiply(Value value) {
    // Products of products are taken apart, so that their factors can cancel.
    SmallVector<Value> pending = {value};
    while (!pending.empty()) {
      Value factor = pending.pop_back_val();
      std::optional<int64_t> known = getConstantIntValue(factor);
      int64_t multiplied;
      if (known && !llvm::MulOverflow(constant, *known, multiplied)) {
        constant = multiplied;
        continue;
      }
      auto product = factor.getDefiningOp<arith::MulIOp>();
      if (product && pending.size() + values.size() < kMaxFactors)
        pending.append({product.getRhs(), product.getLhs()});
      else
        values.push_back(factor);
    }
  }

  /// Drops what both have as a factor.
  void cancel(Product &other) {
    for (Value *value = values.begin(); value != values.end();) {
      Value *match = llvm::find_if(
          other.values, [&](Value v) { return areEqualDims(*value, v); });
      if (match == other.values.end()) {
        ++value;
        continue;
      }
      other.values.erase(match);
      value = values.erase(value);
    }
    int64_t common = std::gcd(constant, other.constant);
    if (common > 1) {
      constant /= common;
      other.constant /= common;
    }
  }

  Value materialize(OpBuilder &builder, Location loc) const {
    Value result;
    for (Value value : values)
      result = result
                   ? Value(arith::MulIOp::create(builder, loc, result, value))
                   : value;
    if (result && constant == 1)
      return result;
    Value factor = arith::ConstantIndexOp::create(builder, loc, constant);
    return result ? Value(arith::MulIOp::create(builder, loc, result, factor))
                  : factor;
  }
};

/// Rewrites one function.
class Explicit {
public:
  Explicit(func::FuncOp function, DimResolver &resolver)
      : function(function), resolver(resolver) {}

  int64_t run() {
    int64_t changed = 0;
    function.walk([&](Operation *op) {
      if (auto reshape = dyn_cast<ReshapeOp>(op))
        changed += rewriteReshape(reshape);
      else if (isa<SqueezeOp, UnsqueezeOp>(op)) {
        rewriteView(op);
        ++changed;
      }
    });
    for (Operation *op : llvm::reverse(replaced))
      op->erase();
    return changed;
  }

private:
  /// A dimension of the result that the type tells, or null.
  Value getStaticDim(OpBuilder &builder, Location loc, RankedTensorType type,
                     int64_t index) {
    if (type.isDynamicDim(index))
      return nullptr;
    return arith::ConstantOp::create(
        builder, loc, builder.getI64IntegerAttr(type.getDimSize(index)));
  }

  Value toIndex(OpBuilder &builder, Location loc, Value integer) {
    if (std::optional<int64_t> known = getConstantIntValue(integer))
      return arith::ConstantIndexOp::create(builder, loc, *known);
    if (auto cast = integer.getDefiningOp<arith::IndexCastOp>())
      if (cast.getIn().getType().isIndex())
        return cast.getIn();
    return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                      integer);
  }

  bool rewriteReshape(ReshapeOp op) {
    OpBuilder builder(op);
    Location loc = op.getLoc();
    RankedTensorType type = op.getOutput().getType();
    SmallVector<Value> elements = getElements(builder, loc, op.getShape());
    if (int64_t(elements.size()) != type.getRank() || elements.empty())
      return false;

    bool changed = false;
    std::optional<int64_t> inferred;
    for (int64_t i = 0, e = type.getRank(); i != e; ++i) {
      std::optional<int64_t> known = getConstantIntValue(elements[i]);
      Value element;
      if (Value fixed = getStaticDim(builder, loc, type, i)) {
        if (known == type.getDimSize(i))
          continue;
        element = fixed;
      } else {
        if (known == -1)
          inferred = i;
        continue;
      }
      elements[i] = element;
      changed = true;
    }
    if (inferred) {
      Value quotient = inferDim(builder, op, elements, *inferred);
      elements[*inferred] = toInteger(builder, loc, quotient);
      changed = true;
    }
    if (changed)
      op.getShapeMutable().assign(makeShape(builder, loc, elements));
    return changed;
  }

  /// All of the input's elements over the product of the other dimensions.
  Value inferDim(OpBuilder &builder, ReshapeOp op, ArrayRef<Value> elements,
                 int64_t index) {
    Location loc = op.getLoc();
    Product all, others;
    for (int64_t i = 0, e = op.getInput().getType().getRank(); i != e; ++i)
      all.multiply(resolver.getDim(op.getInput(), i, op));
    for (auto [i, element] : llvm::enumerate(elements))
      if (int64_t(i) != index)
        others.multiply(toIndex(builder, loc, element));
    all.cancel(others);
    Value numerator = all.materialize(builder, loc);
    if (others.values.empty() && others.constant == 1)
      return numerator;
    // Beside a dimension of 0 there is nothing to infer: 0, not a trap.
    Value one = arith::ConstantIndexOp::create(builder, loc, 1);
    Value divisor = arith::MaxSIOp::create(
        builder, loc, others.materialize(builder, loc), one);
    return arith::DivUIOp::create(builder, loc, numerator, divisor);
  }

  /// squeeze and unsqueeze -> reshape
  ///
  /// That the dimensions that a squeeze drops are 1 is checked from now on: the
  /// reshape only tells that the number of elements stays, and a reshape of it
  /// may infer any other.
  void rewriteView(Operation *op) {
    OpBuilder builder(op);
    Location loc = op->getLoc();
    if (auto squeeze = dyn_cast<SqueezeOp>(op))
      (void)squeeze.guardShapes(
          builder, [&](Value lhs, Value rhs, const Twine &what) {
            rt::RequireEqualOp::create(builder, loc, lhs, rhs,
                                       builder.getStringAttr(what));
          });
    Value input = op->getOperand(0);
    auto inputType = cast<RankedTensorType>(input.getType());
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    auto squeeze = dyn_cast<SqueezeOp>(op);
    ArrayRef<int64_t> axes =
        squeeze ? squeeze.getAxes() : cast<UnsqueezeOp>(op).getAxes();
    SmallVector<Value> elements;
    int64_t from = 0;
    for (int64_t i = 0, e = type.getRank(); i != e; ++i, ++from) {
      while (squeeze && from < inputType.getRank() &&
             llvm::is_contained(axes, from))
        ++from;
      bool inserted = !squeeze && llvm::is_contained(axes, i);
      if (inserted)
        --from;
      if (Value fixed = getStaticDim(builder, loc, type, i))
        elements.push_back(fixed);
      else
        elements.push_back(
            toInteger(builder, loc, resolver.getDim(input, from, op)));
    }
    Value shape = makeShape(builder, loc, elements);
    auto reshape = ReshapeOp::create(builder, loc, type, input, shape);
    op->getResult(0).replaceAllUsesWith(reshape.getOutput());
    // The resolver knows values by their address: none may get another's.
    replaced.push_back(op);
  }

  func::FuncOp function;
  DimResolver &resolver;
  SmallVector<Operation *> replaced;
};
} // namespace

int64_t makeReshapesExplicit(func::FuncOp function, DimResolver &resolver) {
  return Explicit(function, resolver).run();
}

} // namespace tenon

//===- TenonElementBody.h - What bodies of elementwise ops are made of ----===//

#ifndef TENON_DIALECTS_TENON_TENONELEMENTBODY_H
#define TENON_DIALECTS_TENON_TENONELEMENTBODY_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace tenon::detail {

/// `type` with another element type: the same scalar or vector shape.
inline mlir::Type withElement(mlir::Type type, mlir::Type element) {
  if (auto vector = llvm::dyn_cast<mlir::VectorType>(type))
    return vector.cloneWith(std::nullopt, element);
  return element;
}

/// Shorthand for the `arith` and `math` operations that bodies are made of.
class Body {
public:
  Body(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  template <typename Op, typename... Args> mlir::Value make(Args &&...args) {
    return Op::create(builder, loc, std::forward<Args>(args)...);
  }

  mlir::Value constant(mlir::Type type, mlir::TypedAttr value) {
    if (auto vector = llvm::dyn_cast<mlir::VectorType>(type))
      value = mlir::DenseElementsAttr::get(vector, mlir::Attribute(value));
    return make<mlir::arith::ConstantOp>(value);
  }
  /// `value` in the type of `like`, a float.
  mlir::Value real(mlir::Value like, double value) {
    mlir::Type type = like.getType();
    return constant(
        type, builder.getFloatAttr(mlir::getElementTypeOrSelf(type), value));
  }
  /// `value` in the type of `like`, an integer.
  mlir::Value integer(mlir::Value like, const llvm::APInt &value) {
    mlir::Type type = like.getType();
    return constant(
        type, builder.getIntegerAttr(mlir::getElementTypeOrSelf(type), value));
  }
  mlir::Value integer(mlir::Value like, int64_t value) {
    unsigned width = mlir::getElementTypeOrSelf(like).getIntOrFloatBitWidth();
    return integer(
        like, llvm::APInt(64, value, /*isSigned=*/true).sextOrTrunc(width));
  }

  mlir::Value add(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::AddFOp>(a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SubFOp>(a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::MulFOp>(a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::DivFOp>(a, b);
  }
  mlir::Value min(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::MinimumFOp>(a, b);
  }
  mlir::Value max(mlir::Value a, mlir::Value b) {
    return make<mlir::arith::MaximumFOp>(a, b);
  }
  mlir::Value neg(mlir::Value a) { return make<mlir::arith::NegFOp>(a); }
  mlir::Value abs(mlir::Value a) { return make<mlir::math::AbsFOp>(a); }
  mlir::Value exp(mlir::Value a) { return make<mlir::math::ExpOp>(a); }
  mlir::Value compare(mlir::arith::CmpFPredicate predicate, mlir::Value a,
                      mlir::Value b) {
    return make<mlir::arith::CmpFOp>(predicate, a, b);
  }
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value a,
                      mlir::Value b) {
    return make<mlir::arith::CmpIOp>(predicate, a, b);
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) {
    return make<mlir::arith::SelectOp>(condition, a, b);
  }

  /// `max(x, 0) + log(1 + e^-|x|)`, which doesn't overflow.
  mlir::Value softplus(mlir::Value x) {
    mlir::Value tail = make<mlir::math::Log1pOp>(exp(neg(abs(x))));
    return add(max(x, real(x, 0)), tail);
  }
  /// `1 + e^-x`, what a sigmoid divides by.
  mlir::Value sigmoidDivisor(mlir::Value x) {
    return add(real(x, 1), exp(neg(x)));
  }
  mlir::Value clampToUnit(mlir::Value x) {
    return min(max(x, real(x, 0)), real(x, 1));
  }

  mlir::Value toFloat(mlir::Value value, mlir::FloatType to) {
    auto from = llvm::cast<mlir::FloatType>(mlir::getElementTypeOrSelf(value));
    if (from == to)
      return value;
    mlir::Type type = withElement(value.getType(), to);
    if (from.getWidth() < to.getWidth())
      return make<mlir::arith::ExtFOp>(type, value);
    // Processors have no conversion from f64 to narrow floats.
    if (from.getWidth() == 64 && to.getWidth() < 32)
      return toFloat(roundToOdd(value), to);
    if (from.getWidth() > to.getWidth())
      return make<mlir::arith::TruncFOp>(type, value);
    // f16 and bf16: neither holds the other.
    return toFloat(toFloat(value, builder.getF32Type()), to);
  }
  /// An f64 as an f32 that rounds to a narrower float as the f64 does: what is
  /// not exact gets an odd last bit, so that it lies on the same side of what
  /// the narrower type rounds at.
  mlir::Value roundToOdd(mlir::Value value) {
    namespace arith = mlir::arith;
    using P = arith::CmpFPredicate;
    mlir::Type f32 = withElement(value.getType(), builder.getF32Type());
    mlir::Type i32 = withElement(value.getType(), builder.getI32Type());
    mlir::Value nearest = make<arith::TruncFOp>(f32, value);
    mlir::Value back = make<arith::ExtFOp>(value.getType(), nearest);
    mlir::Value bits = make<arith::BitcastOp>(i32, nearest);
    mlir::Value isAway = compare(P::OGT, abs(back), abs(value));
    mlir::Value below = make<arith::SubIOp>(bits, integer(bits, 1));
    mlir::Value odd =
        make<arith::OrIOp>(select(isAway, below, bits), integer(bits, 1));
    return select(compare(P::ONE, back, value),
                  make<arith::BitcastOp>(f32, odd), nearest);
  }

  /// Computes in f32 what narrower floats can't: extends the operands, builds
  /// the value and rounds it.
  mlir::Value inFloat(
      mlir::ValueRange operands,
      llvm::function_ref<mlir::Value(llvm::ArrayRef<mlir::Value>)> compute) {
    auto type = llvm::cast<mlir::FloatType>(
        mlir::getElementTypeOrSelf(operands.front()));
    llvm::SmallVector<mlir::Value> wide(operands);
    if (type.getWidth() < 32)
      for (mlir::Value &operand : wide)
        operand = toFloat(operand, builder.getF32Type());
    mlir::Value result = compute(wide);
    return llvm::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(result))
               ? toFloat(result, type)
               : result;
  }

  mlir::OpBuilder &builder;
  mlir::Location loc;
};

inline bool isFloat(mlir::Value value) {
  return llvm::isa<mlir::FloatType>(mlir::getElementTypeOrSelf(value));
}

/// Whether integers of this type have no sign; `i1` is one of them.
inline bool isUnsigned(mlir::Value tensor) {
  mlir::Type type = mlir::getElementTypeOrSelf(tensor);
  return type.isUnsignedInteger() || type.isInteger(1);
}

} // namespace tenon::detail

#endif // TENON_DIALECTS_TENON_TENONELEMENTBODY_H

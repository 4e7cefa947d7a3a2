//===- DimArithmetic.cpp - Arithmetic that holds for dimensions -----------===//

#include "transforms/simplify/DimArithmetic.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "transforms/simplify/DimExpressions.h"

using namespace mlir;

namespace tenon {

/// How many operations `isNonNegative` looks through.
static constexpr int kMaxDepth = 8;

static bool isNonNegative(Value value, int depth) {
  if (std::optional<int64_t> known = getConstantIntValue(value))
    return *known >= 0;
  Operation *op = value.getDefiningOp();
  if (!op || depth == 0)
    return false;
  if (isa<tensor::DimOp>(op))
    return true;
  auto isOperandNonNegative = [&](Value operand) {
    return isNonNegative(operand, depth - 1);
  };
  if (isa<arith::MaxSIOp>(op))
    return llvm::any_of(op->getOperands(), isOperandNonNegative);
  if (isa<arith::SelectOp>(op))
    return llvm::all_of(op->getOperands().drop_front(), isOperandNonNegative);
  if (isa<arith::IndexCastOp, arith::ExtSIOp, arith::AddIOp, arith::MulIOp,
          arith::MinSIOp, arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp,
          arith::CeilDivSIOp, arith::RemSIOp>(op))
    return llvm::all_of(op->getOperands(), isOperandNonNegative);
  return false;
}

bool isNonNegative(Value value) { return isNonNegative(value, kMaxDepth); }

namespace {
/// extsi(trunci(index_cast(d))) -> index_cast(d): dimensions that a model
/// narrows to 32 bits and widens again.
struct WidenNarrowedDim : OpRewritePattern<arith::ExtSIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::ExtSIOp op,
                                PatternRewriter &rewriter) const override {
    auto narrow = op.getIn().getDefiningOp<arith::TruncIOp>();
    if (!narrow || narrow.getType().getIntOrFloatBitWidth() < 32 ||
        narrow.getIn().getType() != op.getType())
      return failure();
    auto cast = narrow.getIn().getDefiningOp<arith::IndexCastOp>();
    if (!cast || !cast.getIn().getType().isIndex())
      return rewriter.notifyMatchFailure(op, "not a dimension");
    rewriter.replaceOp(op, narrow.getIn());
    return success();
  }
};

/// (x * c) / c -> x for a constant c > 0, or any dimension c: only what is not
/// 0 divides, and products of dimensions don't wrap.
template <typename DivOp> struct DivideProduct : OpRewritePattern<DivOp> {
  using OpRewritePattern<DivOp>::OpRewritePattern;

  LogicalResult matchAndRewrite(DivOp op,
                                PatternRewriter &rewriter) const override {
    auto product = op.getLhs().template getDefiningOp<arith::MulIOp>();
    if (!product)
      return failure();
    if (op.getType().isIndex())
      for (unsigned i : {0u, 1u})
        if (product->getOperand(i) == op.getRhs()) {
          rewriter.replaceOp(op, product->getOperand(1 - i));
          return success();
        }
    std::optional<int64_t> divisor = getConstantIntValue(op.getRhs());
    std::optional<int64_t> factor = getConstantIntValue(product.getRhs());
    if (!divisor || *divisor <= 0 || !factor || *factor % *divisor != 0)
      return rewriter.notifyMatchFailure(op, "the divisor is no factor");
    Value rest = arith::ConstantOp::create(
        rewriter, op.getLoc(),
        rewriter.getIntegerAttr(op.getType(), *factor / *divisor));
    rewriter.replaceOpWithNewOp<arith::MulIOp>(op, product.getLhs(), rest);
    return success();
  }
};

/// add(index_cast(a), index_cast(b)) -> index_cast(add(a, b)), with constants
/// too, so that equal sizes are computed by equal operations.
template <typename OpT> struct ComputeAsIndex : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isInteger(64))
      return failure();
    Value lhs = toIndex(rewriter, op.getLhs());
    Value rhs = toIndex(rewriter, op.getRhs());
    if (!lhs && !rhs)
      return failure();
    auto orConstant = [&](Value index, Value integer) -> Value {
      std::optional<int64_t> known = getConstantIntValue(integer);
      if (index || !known)
        return index;
      return arith::ConstantIndexOp::create(rewriter, op.getLoc(), *known);
    };
    lhs = orConstant(lhs, op.getLhs());
    rhs = orConstant(rhs, op.getRhs());
    if (!lhs || !rhs)
      return rewriter.notifyMatchFailure(op, "an operand is not an index");
    Value result = OpT::create(rewriter, op.getLoc(), lhs, rhs);
    rewriter.replaceOpWithNewOp<arith::IndexCastOp>(op, op.getType(), result);
    return success();
  }

  /// What was cast from an index, or null.
  static Value toIndex(PatternRewriter &rewriter, Value integer) {
    auto cast = integer.getDefiningOp<arith::IndexCastOp>();
    return cast && cast.getIn().getType().isIndex() ? cast.getIn() : Value();
  }
};

/// cmp(index_cast(a), index_cast(b)) -> cmp(a, b), with constants too
struct CompareAsIndex : OpRewritePattern<arith::CmpIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::CmpIOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getLhs().getType().isInteger(64))
      return failure();
    SmallVector<Value> indices;
    bool anyCast = false;
    for (Value operand : op.getOperands()) {
      if (Value index =
              ComputeAsIndex<arith::AddIOp>::toIndex(rewriter, operand)) {
        indices.push_back(index);
        anyCast = true;
      } else if (std::optional<int64_t> known = getConstantIntValue(operand)) {
        indices.push_back(
            arith::ConstantIndexOp::create(rewriter, op.getLoc(), *known));
      } else {
        return rewriter.notifyMatchFailure(op, "an operand is not an index");
      }
    }
    if (!anyCast)
      return failure();
    rewriter.replaceOpWithNewOp<arith::CmpIOp>(op, op.getPredicate(),
                                               indices[0], indices[1]);
    return success();
  }
};

/// A comparison of a dimension with a constant that none can reach.
struct DecideComparison : OpRewritePattern<arith::CmpIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::CmpIOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<int64_t> bound = getConstantIntValue(op.getRhs());
    if (!bound || !isNonNegative(op.getLhs()))
      return failure();
    std::optional<bool> result;
    switch (op.getPredicate()) {
    case arith::CmpIPredicate::eq:
      if (*bound < 0)
        result = false;
      break;
    case arith::CmpIPredicate::ne:
      if (*bound < 0)
        result = true;
      break;
    case arith::CmpIPredicate::slt:
      if (*bound <= 0)
        result = false;
      break;
    case arith::CmpIPredicate::sle:
      if (*bound < 0)
        result = false;
      break;
    case arith::CmpIPredicate::sge:
      if (*bound <= 0)
        result = true;
      break;
    case arith::CmpIPredicate::sgt:
      if (*bound < 0)
        result = true;
      break;
    default:
      break;
    }
    if (!result)
      return rewriter.notifyMatchFailure(op, "a dimension may reach the bound");
    rewriter.replaceOpWithNewOp<arith::ConstantOp>(
        op, rewriter.getBoolAttr(*result));
    return success();
  }
};

/// max(d, c) -> d for a dimension d and a constant c <= 0
struct DropMax : OpRewritePattern<arith::MaxSIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::MaxSIOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      std::optional<int64_t> bound = getConstantIntValue(op->getOperand(1 - i));
      if (!bound || *bound > 0 || !isNonNegative(op->getOperand(i)))
        continue;
      rewriter.replaceOp(op, op->getOperand(i));
      return success();
    }
    return failure();
  }
};

/// x / x and x / max(x, 1) -> 1, as a dimension is only ever divided where it
/// is not 0
struct DivideBySelf : OpRewritePattern<arith::DivUIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::DivUIOp op,
                                PatternRewriter &rewriter) const override {
    Value divisor = op.getRhs();
    if (auto max = divisor.getDefiningOp<arith::MaxSIOp>())
      if (getConstantIntValue(max.getRhs()) == 1)
        divisor = max.getLhs();
    if (divisor != op.getLhs() || !op.getType().isIndex())
      return failure();
    rewriter.replaceOpWithNewOp<arith::ConstantIndexOp>(op, 1);
    return success();
  }
};

/// How many values `CancelTerms` looks through for one operation.
constexpr unsigned kMaxCancelledValues = 64;

/// (a + b) - a -> b and (a * b + a * c) / a -> b + c: differences and quotients
/// in which, as polynomials, something cancels.
template <typename OpT> struct CancelTerms : OpRewritePattern<OpT> {
  using OpRewritePattern<OpT>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpT op,
                                PatternRewriter &rewriter) const override {
    if (!op.getType().isIndex())
      return failure();
    DimExpressions expressions(kMaxCancelledValues);
    DimPolynomial result = expressions.get(op.getResult());
    size_t terms = result.terms.size(), before = 0;
    for (Value operand : op->getOperands())
      before += expressions.get(operand).terms.size();
    if (terms >= before)
      return rewriter.notifyMatchFailure(op, "nothing cancels");
    for (auto &[product, factor] : result.terms)
      if (factor < 0 || llvm::any_of(
                            product,
                            [&](unsigned atom) {
                              Value value = expressions.getValue(atom);
                              return !value || value == op.getResult() ||
                                     !value.getType().isIndex();
                            }))
        return rewriter.notifyMatchFailure(op, "no sum of products");

    Location loc = op.getLoc();
    Value sum;
    for (auto &[product, factor] : result.terms) {
      Value term;
      for (unsigned atom : product) {
        Value value = expressions.getValue(atom);
        term = term ? Value(arith::MulIOp::create(rewriter, loc, term, value))
                    : value;
      }
      if (!term || factor != 1) {
        Value constant = arith::ConstantIndexOp::create(rewriter, loc, factor);
        term = term
                   ? Value(arith::MulIOp::create(rewriter, loc, term, constant))
                   : constant;
      }
      sum = sum ? Value(arith::AddIOp::create(rewriter, loc, sum, term)) : term;
    }
    if (!sum)
      sum = arith::ConstantIndexOp::create(rewriter, loc, 0);
    rewriter.replaceOp(op, sum);
    return success();
  }
};

/// The dimension b, if `sum` is a + b, or null.
static Value getAddedDim(Value sum, Value a) {
  auto add = sum.getDefiningOp<arith::AddIOp>();
  if (!add)
    return {};
  Value b = add.getLhs() == a   ? add.getRhs()
            : add.getRhs() == a ? add.getLhs()
                                : Value();
  return b && isNonNegative(b) ? b : Value();
}

/// min(a + b, a) -> a for a dimension b
struct DropMin : OpRewritePattern<arith::MinSIOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::MinSIOp op,
                                PatternRewriter &rewriter) const override {
    for (unsigned i : {0u, 1u}) {
      Value part = op->getOperand(1 - i);
      if (!getAddedDim(op->getOperand(i), part))
        continue;
      rewriter.replaceOp(op, part);
      return success();
    }
    return failure();
  }
};

/// select(a < a + b, b, 0) -> b for a dimension b: how many numbers there are
/// from a to a + b
struct DropEmptyRange : OpRewritePattern<arith::SelectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(arith::SelectOp op,
                                PatternRewriter &rewriter) const override {
    auto compare = op.getCondition().getDefiningOp<arith::CmpIOp>();
    if (!compare || compare.getPredicate() != arith::CmpIPredicate::slt ||
        getConstantIntValue(op.getFalseValue()) != 0 ||
        getAddedDim(compare.getRhs(), compare.getLhs()) != op.getTrueValue())
      return failure();
    rewriter.replaceOp(op, op.getTrueValue());
    return success();
  }
};
} // namespace

void populateDimArithmeticPatterns(RewritePatternSet &patterns) {
  patterns
      .add<WidenNarrowedDim, DivideProduct<arith::DivSIOp>,
           DivideProduct<arith::DivUIOp>, DivideProduct<arith::FloorDivSIOp>,
           ComputeAsIndex<arith::AddIOp>, ComputeAsIndex<arith::SubIOp>,
           ComputeAsIndex<arith::MulIOp>, ComputeAsIndex<arith::MaxSIOp>,
           ComputeAsIndex<arith::MinSIOp>, ComputeAsIndex<arith::DivSIOp>,
           CompareAsIndex, DecideComparison, DivideBySelf, DropMax, DropMin,
           DropEmptyRange, CancelTerms<arith::SubIOp>,
           CancelTerms<arith::DivUIOp>, CancelTerms<arith::DivSIOp>,
           CancelTerms<arith::FloorDivSIOp>, CancelTerms<arith::CeilDivSIOp>>(
          patterns.getContext());
}

} // namespace tenon

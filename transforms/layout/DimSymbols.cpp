//===- DimSymbols.cpp - Which dimensions are equal ------------------------===//

#include "transforms/layout/DimSymbols.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

/// How far back a dimension is traced. Deeper ones become symbols, which costs
/// knowledge, never correctness.
static constexpr unsigned kMaxDepth = 2000;
/// Expressions of more parts become symbols too: a model can combine a size
/// with itself again and again, and expressions are looked at as trees.
static constexpr int kMaxParts = 64;

/// A product taken apart: a coefficient and sorted factors.
struct Product {
  int64_t coefficient = 1;
  SmallVector<AffineExpr> factors;
};

static void collectFactors(AffineExpr expr, Product &product) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    int64_t coefficient;
    if (!llvm::MulOverflow(product.coefficient, constant.getValue(),
                           coefficient)) {
      product.coefficient = coefficient;
      return;
    }
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (binary && binary.getKind() == AffineExprKind::Mul) {
    collectFactors(binary.getLHS(), product);
    collectFactors(binary.getRHS(), product);
    return;
  }
  product.factors.push_back(expr);
}

/// Whether an expression has few enough parts to go on with.
static bool isSmall(AffineExpr expr) {
  int parts = 0;
  auto count = [&](AffineExpr) {
    return ++parts > kMaxParts ? WalkResult::interrupt()
                               : WalkResult::advance();
  };
  return !expr.walk(count).wasInterrupted();
}

static AffineExpr buildProduct(Product &product, MLIRContext *context) {
  llvm::sort(product.factors, [](AffineExpr a, AffineExpr b) {
    return a.getAsOpaquePointer() < b.getAsOpaquePointer();
  });
  AffineExpr result = getAffineConstantExpr(1, context);
  for (AffineExpr factor : product.factors)
    result = result * factor;
  return result * product.coefficient;
}

AffineExpr DimSymbols::multiply(AffineExpr a, AffineExpr b) {
  Product product;
  collectFactors(a, product);
  collectFactors(b, product);
  AffineExpr result = buildProduct(product, context);
  return isSmall(result) ? result : makeSymbol();
}

AffineExpr DimSymbols::divide(AffineExpr a, AffineExpr b) {
  Product dividend, divisor;
  collectFactors(a, dividend);
  collectFactors(b, divisor);
  // Common factors cancel: how the -1 of a reshape becomes what it stands for.
  for (AffineExpr factor : divisor.factors) {
    auto *it = llvm::find(dividend.factors, factor);
    if (it == dividend.factors.end())
      return a.floorDiv(b);
    dividend.factors.erase(it);
  }
  if (divisor.coefficient <= 0)
    return a.floorDiv(b);
  if (dividend.coefficient % divisor.coefficient == 0) {
    dividend.coefficient /= divisor.coefficient;
    return buildProduct(dividend, context);
  }
  return buildProduct(dividend, context).floorDiv(divisor.coefficient);
}

AffineExpr DimSymbols::makeSymbol() {
  return getAffineSymbolExpr(numSymbols++, context);
}

AffineExpr DimSymbols::getDim(Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return getAffineConstantExpr(type.getDimSize(index), context);
  std::pair<Value, int64_t> key(tensor, index);
  if (AffineExpr known = dims.lookup(key))
    return known;
  AffineExpr expr = depth < kMaxDepth ? inferDim(tensor, index) : AffineExpr();
  if (!expr)
    expr = makeSymbol();
  return dims[key] = expr;
}

AffineExpr DimSymbols::inferDim(Value tensor, int64_t index) {
  if (auto argument = dyn_cast<BlockArgument>(tensor)) {
    auto function =
        dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp());
    if (!function)
      return nullptr;
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      kDimsAttr);
    if (!names || index >= int64_t(names.size()))
      return nullptr;
    auto name = dyn_cast<StringAttr>(names[index]);
    if (!name || name.empty())
      return nullptr;
    AffineExpr &symbol = symbols[name.getValue()];
    if (!symbol)
      symbol = makeSymbol();
    return symbol;
  }

  auto shaped = tensor.getDefiningOp<ReifyRankedShapedTypeOpInterface>();
  if (!shaped)
    return nullptr;
  // Ask the operation, in a block that is thrown away.
  Block scratch;
  OpBuilder builder(context);
  builder.setInsertionPointToEnd(&scratch);
  ReifiedRankedShapedTypeDims shapes;
  unsigned result = cast<OpResult>(tensor).getResultNumber();
  if (failed(shaped.reifyResultShapes(builder, shapes)) ||
      result >= shapes.size())
    return nullptr;
  OpFoldResult size = shapes[result][index];
  if (auto attribute = dyn_cast<Attribute>(size))
    return getAffineConstantExpr(cast<IntegerAttr>(attribute).getInt(),
                                 context);
  ++depth;
  AffineExpr expr = getValue(cast<Value>(size));
  --depth;
  // What was computed for values of the scratch block goes with them.
  for (Operation &op : scratch)
    for (Value value : op.getResults())
      values.erase(value);
  return expr;
}

AffineExpr DimSymbols::getValue(Value value) {
  if (AffineExpr known = values.lookup(value))
    return known;
  AffineExpr expr = depth < kMaxDepth ? inferValue(value) : AffineExpr();
  if (!expr || !isSmall(expr))
    expr = makeSymbol();
  return values[value] = expr;
}

AffineExpr DimSymbols::inferValue(Value value) {
  APInt constant;
  if (matchPattern(value, m_ConstantInt(&constant)))
    return getAffineConstantExpr(constant.getSExtValue(), context);
  Operation *op = value.getDefiningOp();
  if (!op)
    return nullptr;
  if (auto dim = dyn_cast<tensor::DimOp>(op)) {
    std::optional<int64_t> index = dim.getConstantIndex();
    auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
    if (!index || !type || *index < 0 || *index >= type.getRank())
      return nullptr;
    return getDim(dim.getSource(), *index);
  }
  if (auto cast = dyn_cast<arith::IndexCastOp>(op))
    return getValue(cast.getIn());
  if (!isa_and_present<arith::ArithDialect>(op->getDialect()) ||
      op->getNumResults() != 1)
    return nullptr;

  ++depth;
  SmallVector<AffineExpr> operands;
  for (Value operand : op->getOperands())
    operands.push_back(getValue(operand));
  --depth;
  return llvm::TypeSwitch<Operation *, AffineExpr>(op)
      .Case([&](arith::AddIOp) {
        return simplifyAffineExpr(operands[0] + operands[1], 0, numSymbols);
      })
      .Case([&](arith::SubIOp) {
        return simplifyAffineExpr(operands[0] - operands[1], 0, numSymbols);
      })
      .Case([&](arith::MulIOp) { return multiply(operands[0], operands[1]); })
      .Case<arith::FloorDivSIOp, arith::DivSIOp, arith::DivUIOp>(
          // Dimensions are not negative, so that all of these are the same.
          [&](Operation *) { return divide(operands[0], operands[1]); })
      .Case(
          [&](arith::CeilDivSIOp) { return operands[0].ceilDiv(operands[1]); })
      .Default([&](Operation *) {
        std::vector<const void *> key{
            op->getName().getAsOpaquePointer(),
            op->getPropertiesAsAttribute().getAsOpaquePointer()};
        for (AffineExpr operand : operands)
          key.push_back(operand.getAsOpaquePointer());
        AffineExpr &expr = opaque[key];
        if (!expr)
          expr = makeSymbol();
        return expr;
      });
}

} // namespace tenon

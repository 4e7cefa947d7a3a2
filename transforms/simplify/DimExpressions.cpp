//===- DimExpressions.cpp - Dimensions as polynomials ---------------------===//

#include "transforms/simplify/DimExpressions.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "transforms/simplify/DimArithmetic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {

/// How many operations deep a value is looked at, and how many products a sum
/// may have; what is beyond is an atom.
static constexpr unsigned kMaxDepth = 512;
static constexpr size_t kMaxTerms = 32;

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

std::optional<int64_t> DimPolynomial::getConstant() const {
  if (terms.empty())
    return 0;
  if (terms.size() == 1 && terms.begin()->first.empty())
    return terms.begin()->second;
  return std::nullopt;
}

static DimPolynomial makeConstant(int64_t constant) {
  DimPolynomial result;
  if (constant != 0)
    result.terms[{}] = constant;
  return result;
}

/// sum += factor * product; false where that overflows.
static bool addTerm(DimPolynomial &sum, const DimPolynomial::Product &product,
                    int64_t factor) {
  int64_t &term = sum.terms[product];
  if (llvm::AddOverflow(term, factor, term))
    return false;
  if (term == 0)
    sum.terms.erase(product);
  return true;
}

/// a + sign * b
static std::optional<DimPolynomial> add(const DimPolynomial &a,
                                        const DimPolynomial &b, int64_t sign) {
  DimPolynomial sum = a;
  for (auto &[product, factor] : b.terms) {
    int64_t signedFactor;
    if (llvm::MulOverflow(factor, sign, signedFactor) ||
        !addTerm(sum, product, signedFactor))
      return std::nullopt;
  }
  return sum.terms.size() <= kMaxTerms ? std::optional(sum) : std::nullopt;
}

static std::optional<DimPolynomial> multiply(const DimPolynomial &a,
                                             const DimPolynomial &b) {
  if (a.terms.size() * b.terms.size() > kMaxTerms)
    return std::nullopt;
  DimPolynomial result;
  for (auto &[left, leftFactor] : a.terms)
    for (auto &[right, rightFactor] : b.terms) {
      DimPolynomial::Product product;
      std::merge(left.begin(), left.end(), right.begin(), right.end(),
                 std::back_inserter(product));
      int64_t factor;
      if (product.size() > kMaxTerms ||
          llvm::MulOverflow(leftFactor, rightFactor, factor) ||
          !addTerm(result, product, factor))
        return std::nullopt;
    }
  return result;
}

/// Splits `dividend` into a multiple of the one product that `divisor` is, and
/// a rest. Returns the quotient.
static DimPolynomial takeQuotient(const DimPolynomial &dividend,
                                  const DimPolynomial &divisor,
                                  DimPolynomial &rest) {
  auto &[product, factor] = *divisor.terms.begin();
  DimPolynomial quotient;
  for (auto &[term, termFactor] : dividend.terms) {
    if (termFactor % factor != 0 ||
        !std::includes(term.begin(), term.end(), product.begin(),
                       product.end())) {
      rest.terms[term] = termFactor;
      continue;
    }
    DimPolynomial::Product left;
    std::set_difference(term.begin(), term.end(), product.begin(),
                        product.end(), std::back_inserter(left));
    quotient.terms[left] = termFactor / factor;
  }
  return quotient;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

/// What tells one operation from another, apart from its operands.
static const void *getName(Operation *op) {
  return op->getName().getAsOpaquePointer();
}

/// Whether `value` is what a broadcast makes of two sizes.
static bool isChoiceForOne(Value value) {
  auto select =
      value ? value.getDefiningOp<arith::SelectOp>() : arith::SelectOp();
  auto compare = select ? select.getCondition().getDefiningOp<arith::CmpIOp>()
                        : arith::CmpIOp();
  return compare && compare.getPredicate() == arith::CmpIPredicate::eq &&
         getConstantIntValue(compare.getRhs()) == 1;
}

bool DimExpressions::isNonNegative(const DimPolynomial &polynomial) const {
  return llvm::all_of(polynomial.terms, [&](const auto &term) {
    return term.second >= 0 && llvm::all_of(term.first, [&](unsigned atom) {
             return atoms[atom].isNonNegative;
           });
  });
}

DimPolynomial DimExpressions::makeAtom(Value value, Key key, bool isSymbol,
                                       bool isFromArguments) {
  auto [entry, isNew] = numbers.try_emplace(std::move(key), atoms.size());
  unsigned number = entry->second;
  if (isNew) {
    Atom atom{value,
              value && tenon::isNonNegative(value),
              isFromArguments,
              isChoiceForOne(value),
              {}};
    for (const DimPolynomial &operand : std::get<3>(entry->first))
      for (auto &[product, factor] : operand.terms)
        for (unsigned inner : product) {
          llvm::append_range(atom.symbols, atoms[inner].symbols);
          atom.isFromArguments &= atoms[inner].isFromArguments;
          atom.isBroadcast |= atoms[inner].isBroadcast;
        }
    if (isSymbol)
      atom.symbols = {number};
    llvm::sort(atom.symbols);
    atom.symbols.erase(llvm::unique(atom.symbols), atom.symbols.end());
    atoms.push_back(std::move(atom));
  } else if (!atoms[number].value) {
    atoms[number].value = value;
  }
  DimPolynomial result;
  result.terms[{number}] = 1;
  return result;
}

/// A value that is equal to itself only.
DimPolynomial DimExpressions::makeUnknown(Value value) {
  return makeAtom(value, Key(value.getAsOpaquePointer(), nullptr, -1, {}),
                  /*isSymbol=*/true, /*isFromArguments=*/false);
}

DimPolynomial DimExpressions::get(Value value) {
  if (auto found = known.find(value); found != known.end())
    return found->second;
  // Counted on the way down: a chain of operations ends at the limit too.
  ++numValues;
  ++depth;
  DimPolynomial result = compute(value);
  --depth;
  return known[value] = result;
}

DimPolynomial DimExpressions::compute(Value value) {
  if (!value.getType().isIntOrIndex())
    return makeUnknown(value);
  if (std::optional<int64_t> constant = getConstantIntValue(value))
    return makeConstant(*constant);
  Operation *op = value.getDefiningOp();
  if (!op || depth > kMaxDepth || numValues > maxValues)
    return makeUnknown(value);
  if (isa<tensor::DimOp>(op))
    return computeDim(value);

  if (auto cast = dyn_cast<arith::IndexCastOp>(op)) {
    Type from = cast.getIn().getType(), to = value.getType();
    if ((from.isIndex() || from.isInteger(64)) &&
        (to.isIndex() || to.isInteger(64)))
      return get(cast.getIn());
  }
  if (value.getType().isIndex() || value.getType().isInteger(64)) {
    std::optional<DimPolynomial> result;
    if (isa<arith::AddIOp, arith::SubIOp>(op)) {
      DimPolynomial lhs = get(op->getOperand(0));
      result =
          add(lhs, get(op->getOperand(1)), isa<arith::AddIOp>(op) ? 1 : -1);
    } else if (isa<arith::MulIOp>(op)) {
      DimPolynomial lhs = get(op->getOperand(0));
      result = multiply(lhs, get(op->getOperand(1)));
    } else if (isa<arith::DivUIOp, arith::DivSIOp, arith::FloorDivSIOp>(op)) {
      return computeQuotient(op, /*roundsUp=*/false);
    } else if (isa<arith::CeilDivSIOp>(op)) {
      return computeQuotient(op, /*roundsUp=*/true);
    }
    if (result)
      return *result;
  }
  return computeOther(value);
}

/// A dimension of an argument is what everything else is expressed by.
DimPolynomial DimExpressions::computeDim(Value value) {
  auto dim = value.getDefiningOp<tensor::DimOp>();
  std::optional<int64_t> index = dim.getConstantIndex();
  if (!index)
    return makeUnknown(value);
  auto argument = dyn_cast<BlockArgument>(dim.getSource());
  auto function =
      argument
          ? dyn_cast<FunctionOpInterface>(argument.getOwner()->getParentOp())
          : FunctionOpInterface();
  if (function) {
    auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                      kDimsAttr);
    auto name = names && *index >= 0 && *index < int64_t(names.size())
                    ? dyn_cast<StringAttr>(names[*index])
                    : StringAttr();
    if (name && !name.empty())
      return makeAtom(value, Key(name.getAsOpaquePointer(), nullptr, -1, {}),
                      /*isSymbol=*/true);
  }
  return makeAtom(
      value,
      Key(getName(dim), dim.getSource().getAsOpaquePointer(), *index, {}),
      /*isSymbol=*/true, /*isFromArguments=*/bool(function));
}

DimPolynomial DimExpressions::computeQuotient(Operation *op, bool roundsUp) {
  DimPolynomial dividend = get(op->getOperand(0));
  // x / max(y, 1) is how a division avoids a trap.
  Value by = op->getOperand(1);
  if (auto max = by.getDefiningOp<arith::MaxSIOp>())
    if (getConstantIntValue(max.getRhs()) == 1)
      by = max.getLhs();
  DimPolynomial divisor = get(by);
  if (dividend == divisor)
    return makeConstant(1);

  DimPolynomial quotient;
  bool isPositive = isNonNegative(dividend);
  if (divisor.terms.size() == 1 && divisor.terms.begin()->second > 0) {
    DimPolynomial rest, whole = takeQuotient(dividend, divisor, rest);
    if (rest.terms.empty())
      return whole;
    // floor(2 * x + y / 2) = x + floor(y / 2), while a division that rounds
    // towards 0 wants to know the sign.
    bool isDirected = roundsUp || isPositive || isa<arith::FloorDivSIOp>(op);
    if (isDirected && divisor.getConstant()) {
      int64_t step = *divisor.getConstant();
      quotient = std::move(whole);
      dividend = std::move(rest);
      if (std::optional<int64_t> left = dividend.getConstant()) {
        int64_t rounded = roundsUp ? llvm::divideCeilSigned(*left, step)
                                   : llvm::divideFloorSigned(*left, step);
        if (std::optional<DimPolynomial> sum =
                add(quotient, makeConstant(rounded), 1))
          return *sum;
      }
    }
  }
  // All divisions that round down are one where the dividend is not negative.
  const void *name =
      roundsUp || !isPositive
          ? getName(op)
          : TypeID::get<arith::FloorDivSIOp>().getAsOpaquePointer();
  // No value is the quotient of the rest alone.
  bool isWhole = quotient.terms.empty();
  DimPolynomial atom = makeAtom(isWhole ? op->getResult(0) : Value(),
                                Key(name, nullptr, 0, {dividend, divisor}),
                                /*isSymbol=*/false);
  atoms[atom.terms.begin()->first.front()].isNonNegative |= isPositive;
  if (std::optional<DimPolynomial> sum = add(quotient, atom, 1))
    return *sum;
  return makeUnknown(op->getResult(0));
}

/// An operation on polynomials that is none itself.
DimPolynomial DimExpressions::computeOther(Value value) {
  Operation *op = value.getDefiningOp();
  if (!isa<arith::ArithDialect, tensor::TensorDialect>(op->getDialect()) ||
      !isMemoryEffectFree(op) || op->getNumRegions() != 0 ||
      op->getNumResults() != 1)
    return makeUnknown(value);
  std::vector<DimPolynomial> operands;
  for (Value operand : op->getOperands())
    operands.push_back(get(operand));
  if (auto select = dyn_cast<arith::SelectOp>(op)) {
    // select(c, select(c, x, y), z) = select(c, x, z)
    if (auto inner = select.getTrueValue().getDefiningOp<arith::SelectOp>();
        inner && areEqual(inner.getCondition(), select.getCondition()))
      operands[1] = get(inner.getTrueValue());
    if (operands[1] == operands[2])
      return operands[1];
  }
  if (isa<arith::MaxSIOp, arith::MinSIOp>(op)) {
    bool isMax = isa<arith::MaxSIOp>(op);
    // The difference may tell which one it is.
    if (std::optional<DimPolynomial> difference =
            add(operands[0], operands[1], -1);
        difference && isNonNegative(*difference))
      return operands[isMax ? 0 : 1];
    if (std::optional<DimPolynomial> difference =
            add(operands[1], operands[0], -1);
        difference && isNonNegative(*difference))
      return operands[isMax ? 1 : 0];
    llvm::sort(operands);
  }
  Attribute properties = op->getPropertiesAsAttribute();
  return makeAtom(
      value,
      Key(getName(op), properties.getAsOpaquePointer(), 0, std::move(operands)),
      /*isSymbol=*/false);
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

bool DimExpressions::areEqual(Value a, Value b) {
  if (a == b)
    return true;
  DimPolynomial first = get(a);
  return first == get(b);
}

bool DimExpressions::isFromArguments(Value value) {
  return llvm::all_of(get(value).terms, [&](auto &term) {
    return llvm::all_of(
        term.first, [&](unsigned atom) { return atoms[atom].isFromArguments; });
  });
}

bool DimExpressions::areRelated(Value a, Value b) {
  Value values[] = {a, b};
  std::vector<unsigned> symbols[2];
  bool isBroadcast = false;
  for (auto [value, symbolsOf] : llvm::zip_equal(values, symbols)) {
    for (auto &[product, factor] : get(value).terms)
      for (unsigned atom : product) {
        if (!atoms[atom].isFromArguments)
          return true;
        isBroadcast |= atoms[atom].isBroadcast;
        llvm::append_range(symbolsOf, atoms[atom].symbols);
      }
  }
  return !isBroadcast && llvm::any_of(symbols[0], [&](unsigned symbol) {
    return llvm::is_contained(symbols[1], symbol);
  });
}

} // namespace tenon

//===- DimExpressions.h - Dimensions as polynomials -----------------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_DIMEXPRESSIONS_H
#define TENON_TRANSFORMS_SIMPLIFY_DIMEXPRESSIONS_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include <climits>
#include <map>
#include <tuple>
#include <vector>

namespace tenon {

/// A sum of products: each product is a sorted list of atoms (see
/// DimExpressions) with its factor. No factor is 0.
struct DimPolynomial {
  using Product = std::vector<unsigned>;
  std::map<Product, int64_t> terms;

  bool operator<(const DimPolynomial &other) const {
    return terms < other.terms;
  }
  bool operator==(const DimPolynomial &other) const {
    return terms == other.terms;
  }
  /// The value, if it is a constant.
  std::optional<int64_t> getConstant() const;
};

/// Index values as polynomials over atoms: dimensions of a function's arguments
/// (those of one name in `tenon.dims` are one atom), and what no polynomial can
/// say (a quotient that is rounded, a maximum, a choice), which is an atom for
/// each operation and operands. Equal polynomials are equal values; different
/// ones may be equal all the same.
///
/// This takes for granted what holds for dimensions: sums and products do not
/// wrap, and none that is divided by is 0. Values are remembered by address:
/// none may be erased while this lives.
class DimExpressions {
public:
  /// With a limit, values beyond so many are atoms.
  explicit DimExpressions(unsigned maxValues = UINT_MAX)
      : maxValues(maxValues) {}

  DimPolynomial get(mlir::Value value);

  bool areEqual(mlir::Value a, mlir::Value b);
  /// Whether two sizes that may differ are rather meant to be equal than one of
  /// them to be 1: they depend on a dimension of an argument that both have, or
  /// one on something else than such dimensions. A size that is itself the
  /// outcome of a broadcast is not.
  bool areRelated(mlir::Value a, mlir::Value b);
  /// Whether a size depends on nothing but the sizes of arguments.
  bool isFromArguments(mlir::Value value);

  /// A value (one seen before, or an operand of such, however indirect) that is
  /// `atom`, or null.
  mlir::Value getValue(unsigned atom) const { return atoms[atom].value; }

private:
  struct Atom {
    mlir::Value value;
    bool isNonNegative;
    /// Computed from dimensions of arguments alone.
    bool isFromArguments;
    /// Computed with a choice for a size that may be 1.
    bool isBroadcast;
    /// The atoms that it is computed from, itself if from none; sorted.
    std::vector<unsigned> symbols;
  };
  /// An operation's name, its attributes or other identity, and its operands.
  using Key = std::tuple<const void *, const void *, int64_t,
                         std::vector<DimPolynomial>>;

  DimPolynomial compute(mlir::Value value);
  DimPolynomial computeDim(mlir::Value value);
  DimPolynomial computeQuotient(mlir::Operation *op, bool roundsUp);
  DimPolynomial computeOther(mlir::Value value);
  DimPolynomial makeAtom(mlir::Value value, Key key, bool isSymbol,
                         bool isFromArguments = true);
  DimPolynomial makeUnknown(mlir::Value value);
  bool isNonNegative(const DimPolynomial &polynomial) const;

  unsigned maxValues;
  unsigned numValues = 0;
  unsigned depth = 0;
  llvm::DenseMap<mlir::Value, DimPolynomial> known;
  std::map<Key, unsigned> numbers;
  std::vector<Atom> atoms;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_DIMEXPRESSIONS_H

//===- DimSymbols.h - Which dimensions are equal ----------------*- C++ -*-===//
//
// Gives every dimension a canonical expression in the model's symbols, so that
// two dimensions with the same expression are equal at run time. A dimension
// that can't be traced to the inputs is a symbol of its own.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TRANSFORMS_LAYOUT_DIMSYMBOLS_H
#define TENON_TRANSFORMS_LAYOUT_DIMSYMBOLS_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <vector>

namespace tenon {

/// Expressions of dimensions. They remember values, so an object must not
/// outlive a change of the IR.
class DimSymbols {
public:
  explicit DimSymbols(mlir::MLIRContext *context) : context(context) {}

  /// Dimension `index` of a ranked tensor.
  mlir::AffineExpr getDim(mlir::Value tensor, int64_t index);

  /// A value of type `index` or of an integer type that holds a dimension.
  mlir::AffineExpr getValue(mlir::Value value);

  /// The product, in a form that doesn't depend on the order of factors.
  mlir::AffineExpr multiply(mlir::AffineExpr a, mlir::AffineExpr b);

private:
  mlir::AffineExpr makeSymbol();
  /// What an operation's own shape function says of its result, or null.
  mlir::AffineExpr inferDim(mlir::Value tensor, int64_t index);
  mlir::AffineExpr inferValue(mlir::Value value);
  mlir::AffineExpr divide(mlir::AffineExpr a, mlir::AffineExpr b);

  mlir::MLIRContext *context;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::AffineExpr> dims;
  llvm::DenseMap<mlir::Value, mlir::AffineExpr> values;
  /// The names of the model's symbols.
  llvm::StringMap<mlir::AffineExpr> symbols;
  /// What arithmetic other than sums, products and quotients computes: the
  /// name of the operation and the expressions of its operands.
  std::map<std::vector<const void *>, mlir::AffineExpr> opaque;
  unsigned numSymbols = 0;
  unsigned depth = 0;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_LAYOUT_DIMSYMBOLS_H

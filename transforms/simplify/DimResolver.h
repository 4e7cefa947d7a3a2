//===- DimResolver.h - Following dimensions to a function's arguments -----===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_DIMRESOLVER_H
#define TENON_TRANSFORMS_SIMPLIFY_DIMRESOLVER_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "transforms/simplify/DimExpressions.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"
#include <set>

namespace tenon {

/// The dynamic dimensions of all tensors of a function, expressed by dimensions
/// of its arguments through the operations' reification. What a tensor's
/// dimensions are is computed once, in program order, before the operation that
/// makes the tensor; what nobody asks for stays as dead code. Arguments'
/// dimensions of one name are taken to be one. Where dynamic dimensions of
/// operands meet that are equal, or are made so by a check (see
/// DimExpressions::areRelated), the simplest expression is the result's; of two
/// others it is the one that is not 1.
class DimResolver {
public:
  /// Replaces every `tensor.dim` that can be followed.
  explicit DimResolver(mlir::func::FuncOp function);

  /// How many `tensor.dim` of an operation's result were replaced.
  int64_t getNumResolved() const { return numResolved; }

  /// Dimension `index` of `tensor`, as a value that stands before `user`.
  mlir::Value getDim(mlir::Value tensor, int64_t index, mlir::Operation *user);
  /// The same, but null where it can't be followed, and constant only where it
  /// has been made so.
  mlir::Value lookup(mlir::Value tensor, int64_t index);

  DimExpressions &getExpressions() { return expressions; }

private:
  using DimOp = mlir::tensor::DimOp;
  /// Null for a static dimension, and for one that can't be followed.
  using Sizes = llvm::SmallVector<mlir::Value>;

  void computeSizes(mlir::Block &block);
  void computeSizes(mlir::Operation *op);
  void computeArgumentSizes(mlir::BlockArgument argument);
  void resolve(DimOp dim);
  void computeIfSizes(IfOp op);
  void declareCarriedSizes(LoopOp op);
  void computeLoopSizes(LoopOp op);
  void meetOperands(mlir::Operation *op);
  /// Whether no check before, in this block, is of these two sizes.
  bool isNewGuard(mlir::Value a, mlir::Value b, mlir::Block *block);
  /// How many operations compute `value`.
  int64_t getCost(mlir::Value value, int depth = 0);

  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Value, Sizes> sizes;
  llvm::DenseMap<mlir::Value, int64_t> costs;
  DimExpressions expressions;
  llvm::DenseMap<mlir::Block *,
                 std::set<std::pair<DimPolynomial, DimPolynomial>>>
      guarded;
  /// The first argument's dimension of each name.
  llvm::StringMap<mlir::Value> symbols;
  int64_t numResolved = 0;
};

/// Whether two index values are equal for certain: the same value, equal
/// constants, or the same operation on such.
bool areEqualDims(mlir::Value a, mlir::Value b);

/// Moves arithmetic on values from outside out of the regions of `op`, a
/// conditional or a loop. Returns whether something moved.
bool hoistScalars(mlir::Operation *op);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_DIMRESOLVER_H

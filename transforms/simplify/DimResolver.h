//===- DimResolver.h - Following dimensions to a function's arguments -----===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_DIMRESOLVER_H
#define TENON_TRANSFORMS_SIMPLIFY_DIMRESOLVER_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/DenseMap.h"

namespace tenon {

/// Expresses dimensions of tensors by dimensions of a function's arguments,
/// through the operations' reification. What a tensor's dimensions are is
/// computed once, before the operation that makes the tensor. Arguments'
/// dimensions of one name are taken to be one.
class DimResolver {
public:
  explicit DimResolver(mlir::func::FuncOp function);

  /// Replaces every `tensor.dim` that can be followed; returns how many of an
  /// operation's result there were.
  int64_t resolveAll();

  /// Dimension `index` of `tensor`, as a value that stands before `user`.
  mlir::Value getDim(mlir::Value tensor, int64_t index, mlir::Operation *user);

private:
  using DimOp = mlir::tensor::DimOp;

  /// Follows what is on the worklist, and what that brings up.
  void drain();
  /// What `dim` can be replaced with, or null.
  mlir::Value follow(DimOp dim);
  mlir::Value followArgument(mlir::BlockArgument argument, int64_t index);
  mlir::Value followIf(IfOp op, mlir::OpResult result, int64_t index);
  /// Reifies all results of `op`.
  void reify(mlir::Operation *op);
  /// The value that stands for `value` after replacements.
  mlir::Value getLatest(mlir::Value value) const;

  mlir::func::FuncOp function;
  llvm::SmallVector<DimOp> worklist;
  /// Sizes of tensors, by tensor; null where they can't be had.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> sizes;
  llvm::DenseMap<mlir::Value, mlir::Value> replaced;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, mlir::Value> argumentDims;
  llvm::StringMap<std::pair<mlir::BlockArgument, int64_t>> symbols;
  int64_t numResolved = 0;
};

/// Whether two index values are equal for certain: the same value, equal
/// constants, or the same operation on such.
bool areEqualDims(mlir::Value a, mlir::Value b);

/// Moves arithmetic on values from outside out of the branches of `op`.
/// Returns whether something moved.
bool hoistScalars(IfOp op);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_DIMRESOLVER_H

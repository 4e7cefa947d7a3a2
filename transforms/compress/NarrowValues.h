//===- NarrowValues.h - Which tensors may be stored narrow ------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_COMPRESS_NARROWVALUES_H
#define TENON_TRANSFORMS_COMPRESS_NARROWVALUES_H

#include "dialects/tenon/TenonOps.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace tenon {

/// Whether an operation sums products: a convolution, matrix product or
/// attention.
bool isContraction(mlir::Operation *op);

/// Whether the owner of `use`, a contraction, multiplies with it.
bool isFactor(mlir::OpOperand &use);

/// Whether the elements of an operation's one result are elements of its
/// operands, or are picked or averaged from them within one kernel.
bool isMovement(mlir::Operation *op);

/// Whether the owner of `use`, a movement, takes elements from it.
bool isMoved(mlir::OpOperand &use);

/// What `value` is a widening cast of, if that is an argument of type `half`;
/// else null.
mlir::Value getWidened(mlir::Value value, mlir::FloatType half);

/// Chooses which tensors between contractions are stored narrow; see
/// tenon-convert-precision.
class NarrowValues {
public:
  /// `contractions` are those in `root` that can be converted; of these it
  /// drops the attention whose keys and values are not stored narrow. What
  /// `isKept` holds for reads and gives f32, and so does what a constant for
  /// which `fits` does not hold is moved into. What the model is given in
  /// `half` is narrow already.
  NarrowValues(mlir::Operation *root,
               llvm::DenseSet<mlir::Operation *> &contractions,
               mlir::FloatType half,
               llvm::function_ref<bool(mlir::Operation *)> isKept,
               llvm::function_ref<bool(ConstantOp)> fits);

  bool contains(mlir::Value value) const { return chosen.contains(value); }

  /// Whether `value`, a result of an operation, may be rounded, wherever it
  /// comes from: all that depends on it is arithmetic up to a contraction or a
  /// norm.
  bool mayBeRounded(mlir::Value value) const { return !exact.contains(value); }

private:
  /// What a kernel that computes a value is made around: a contraction, a
  /// reduction, or nothing. The greater one takes what reads both.
  struct Anchor {
    int kind = 0;
    unsigned position = 0;
    bool operator<(const Anchor &other) const {
      return std::pair(kind, position) < std::pair(other.kind, other.position);
    }
  };

  void findAllPossible();
  void settle();
  bool update(mlir::Operation *op);
  void findExact();
  Anchor getAnchor(mlir::Value value);
  bool isContinued(mlir::Value value);
  bool isBehind(mlir::Operation *op) const;
  bool isBefore(mlir::Operation *op) const;
  bool isFree(mlir::OpOperand &use) const;
  bool mayStay(mlir::Value value) const;
  /// Whether `value` is there in the narrow type, or will be.
  bool isNarrow(mlir::Value value) const {
    return chosen.contains(value) || getWidened(value, half);
  }

  llvm::DenseSet<mlir::Operation *> &contractions;
  mlir::FloatType half;
  llvm::function_ref<bool(mlir::Operation *)> isKept;
  llvm::function_ref<bool(ConstantOp)> fits;
  /// In the order of the program; what is in regions comes before their
  /// operation.
  llvm::SmallVector<mlir::Operation *> ops;
  llvm::DenseMap<mlir::Operation *, unsigned> positions;
  llvm::DenseMap<mlir::Value, Anchor> anchors;
  /// Are a contraction, or widen what is narrow already, or depend on those;
  /// are a contraction or lead to one.
  llvm::DenseSet<mlir::Operation *> behind, before;
  llvm::DenseSet<mlir::Value> chosen;
  /// What something that depends on it needs exactly.
  llvm::DenseSet<mlir::Value> exact;
};

} // namespace tenon

#endif // TENON_TRANSFORMS_COMPRESS_NARROWVALUES_H

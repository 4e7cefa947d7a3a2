//===- KnownValues.h - Elements of integer tensors, where known -----------===//

#ifndef TENON_LIB_IMPORT_ONNX_KNOWNVALUES_H
#define TENON_LIB_IMPORT_ONNX_KNOWNVALUES_H

#include "dialects/tenon/TenonOps.h"
#include "llvm/ADT/DenseMap.h"

namespace tenon::onnx_import {

/// An element of an integer or bool tensor: a constant, a dimension of a tensor
/// (a number that is not negative), or unknown.
struct Element {
  std::optional<int64_t> constant;
  mlir::Value tensor;
  int64_t dim = 0;

  static Element get(int64_t constant) { return {constant, {}, 0}; }
  static Element unknown() { return {}; }
  bool isDim() const { return !constant && tensor; }
  bool isUnknown() const { return !constant && !tensor; }
  bool isSame(const Element &other) const {
    return constant ? constant == other.constant
                    : isDim() && !other.constant && tensor == other.tensor &&
                          dim == other.dim;
  }
};

using Elements = llvm::SmallVector<Element>;

/// Follows shape arithmetic through the operations that the importer has made,
/// element by element. It decides the conditions of `If`, and finds the static
/// dimensions of shapes that are known only in part. Simplification does the
/// same and more; the importer can't wait for it, since it must know every
/// rank.
class KnownValues {
public:
  /// The elements in row-major order, known or not, if `value` is a small
  /// tensor of integers or bools with static shape.
  const std::optional<Elements> &getElements(mlir::Value value);
  /// The same, if all are constant.
  std::optional<llvm::SmallVector<int64_t>> getConstants(mlir::Value value);

  /// Forgets all, because operations were erased.
  void clear() { cache.clear(); }

private:
  std::optional<Elements> compute(mlir::Value value);

  llvm::DenseMap<mlir::Value, std::optional<Elements>> cache;
  unsigned depth = 0;
};

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_KNOWNVALUES_H

//===- Reference.h - Kernels computed one element at a time ---------------===//
//
// The slow twin of generated code: evaluates the operations of a function in
// doubles, by their definitions, with no code in common with the compiler but
// the accessors of the operations.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_TEST_UNIT_CODEGEN_REFERENCE_H
#define TENON_TEST_UNIT_CODEGEN_REFERENCE_H

#include "dialects/tenon/TenonOps.h"
#include <map>

namespace tenon::test {

/// A tensor of any element type, with its elements as doubles.
struct Tensor {
  mlir::Type elementType;
  llvm::SmallVector<int64_t> shape;
  std::vector<double> elements;

  Tensor() = default;
  Tensor(mlir::Type elementType, llvm::ArrayRef<int64_t> shape);
  int64_t rank() const { return shape.size(); }
  int64_t size() const { return elements.size(); }
  /// The element at `index`; a dimension of size 1 is repeated.
  double at(llvm::ArrayRef<int64_t> index) const;
  double &ref(llvm::ArrayRef<int64_t> index);
  /// Calls `body` for every index in row-major order.
  static void forEach(llvm::ArrayRef<int64_t> shape,
                      llvm::function_ref<void(llvm::ArrayRef<int64_t>)> body);
};

/// `value` as an element of `type` holds it.
double roundTo(mlir::Type type, double value);

/// Evaluates operations from values to values.
class Evaluator {
public:
  void set(mlir::Value value, Tensor tensor) { tensors[value] = tensor; }
  void set(mlir::Value value, int64_t scalar) { scalars[value] = scalar; }
  const Tensor &get(mlir::Value value);
  int64_t getScalar(mlir::Value value) { return scalars.at(value); }

  /// Evaluates everything in `block` up to its terminator; false if some
  /// operation is not known here.
  bool run(mlir::Block &block);

private:
  bool run(mlir::Operation &op);
  bool runElementwise(mlir::Operation &op);
  bool runMovement(mlir::Operation &op);
  bool runReduction(mlir::Operation &op);
  bool runContraction(mlir::Operation &op);
  std::vector<int64_t> getIntegers(mlir::Value value);
  /// The first result, shaped as its type says where that is static.
  Tensor makeResult(mlir::Operation &op, llvm::ArrayRef<int64_t> shape);

  struct Compare {
    bool operator()(mlir::Value a, mlir::Value b) const {
      return a.getAsOpaquePointer() < b.getAsOpaquePointer();
    }
  };
  std::map<mlir::Value, Tensor, Compare> tensors;
  std::map<mlir::Value, int64_t, Compare> scalars;
};

} // namespace tenon::test

#endif // TENON_TEST_UNIT_CODEGEN_REFERENCE_H

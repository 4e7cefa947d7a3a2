//===- SequentialCode.h - Kernels that are one loop after another ---------===//

#ifndef TENON_CODEGEN_CPU_SEQUENTIALCODE_H
#define TENON_CODEGEN_CPU_SEQUENTIALCODE_H

#include "codegen/cpu/KernelFunction.h"

namespace tenon::cpu {

/// The number of units of a kernel that can't be shared out.
mlir::Value emitOneUnit(KernelFunction &function);

/// Builds scalar code in a kernel of one unit: at the end of what it has built,
/// or within the loop or branch that is being built. Numbers are of type
/// `index` unless said.
class SequentialCode {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  explicit SequentialCode(KernelFunction &function);

  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() { return function.getLoc(); }
  IndexBuilder indices() { return IndexBuilder(builder, getLoc(), 1); }

  mlir::Value constant(int64_t value);
  mlir::Value value(Dim dim) { return indices().value(dim); }
  mlir::Value size(llvm::ArrayRef<Dim> shape) {
    return value(indices().product(shape));
  }
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value sub(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  mlir::Value equal(mlir::Value a, mlir::Value b);
  mlir::Value notEqual(mlir::Value a, mlir::Value b);
  /// On i1.
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value either(mlir::Value a, mlir::Value b);
  mlir::Value negate(mlir::Value a);
  /// Either of two values.
  mlir::Value choose(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// Elements of flat memrefs, as they stand in memory.
  mlir::Value load(mlir::Value memory, mlir::Value at);
  void store(mlir::Value element, mlir::Value memory, mlir::Value at);
  /// Numbers in memory of i64.
  mlir::Value loadIndex(mlir::Value memory, mlir::Value at);
  void storeIndex(mlir::Value number, mlir::Value memory, mlir::Value at);

  /// On elements of a tensor of `type`: whether it is not 0, and whether one is
  /// less than the other, where a NaN is larger than every number.
  mlir::Value isNonZero(mlir::Value element, mlir::Type type);
  mlir::Value isLess(mlir::Value a, mlir::Value b, mlir::Type type);

  /// `for (i = 0; i < count; ++i) carried = body(i, carried)`.
  mlir::Value
  loop(mlir::Value count, mlir::Value carried,
       llvm::function_ref<mlir::Value(mlir::Value i, mlir::Value)> body);
  Values loop(mlir::Value count, mlir::ValueRange carried,
              llvm::function_ref<Values(mlir::Value i, mlir::ValueRange)> body);
  void loop(mlir::Value count, llvm::function_ref<void(mlir::Value i)> body);
  /// `while (condition(carried)) carried = body(carried)`.
  Values loopWhile(mlir::ValueRange carried,
                   llvm::function_ref<mlir::Value(mlir::ValueRange)> condition,
                   llvm::function_ref<Values(mlir::ValueRange)> body);
  /// `condition ? then() : otherwise`; `then` runs where it is wanted only.
  mlir::Value select(mlir::Value condition, mlir::Value otherwise,
                     llvm::function_ref<mlir::Value()> then);
  Values branch(mlir::Value condition, llvm::function_ref<Values()> then,
                llvm::function_ref<Values()> otherwise);
  void when(mlir::Value condition, llvm::function_ref<void()> then);

  /// Sorts `count` numbers in memory of i64 from `begin` on; those that are not
  /// less than each other keep their order. There has to be room for as many
  /// from `scratchBegin` on in `scratch`.
  void
  sort(mlir::Value memory, mlir::Value begin, mlir::Value scratch,
       mlir::Value scratchBegin, mlir::Value count,
       llvm::function_ref<mlir::Value(mlir::Value a, mlir::Value b)> isLess);

  /// Fails the run where `condition` holds.
  void failIf(mlir::Value condition, TenonKernelStatus status) {
    function.failIf(builder, condition, status);
  }

private:
  KernelFunction &function;
  mlir::OpBuilder &builder;
};

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_SEQUENTIALCODE_H

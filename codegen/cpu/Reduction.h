//===- Reduction.h - Steps of a reduction ---------------------------------===//

#ifndef TENON_CODEGEN_CPU_REDUCTION_H
#define TENON_CODEGEN_CPU_REDUCTION_H

#include "codegen/cpu/Arithmetic.h"
#include "dialects/tenon/TenonOps.h"

namespace tenon::cpu {

/// One kind of reduction, on scalars or vectors alike. `LogSumExp` is two of
/// them and stands for its second here: a sum of what the caller has shifted
/// and exponentiated.
class Reduction {
public:
  /// `type` is the element type of the tensor.
  Reduction(ReduceKind kind, mlir::Type type, mlir::OpBuilder &builder,
            mlir::Location loc)
      : kind(kind), type(type), builder(builder), loc(loc) {}

  /// What elements are accumulated in: floats narrower than f32 in f32, all
  /// else as it is.
  mlir::Type getAccumulatorType();

  /// What changes nothing. `type` is the accumulator's, scalar or vector.
  mlir::Value identity(mlir::Type type);
  /// An element, of its own type, taken into an accumulator.
  mlir::Value add(mlir::Value accumulator, mlir::Value element);
  /// Two accumulators made one.
  mlir::Value combine(mlir::Value a, mlir::Value b);
  /// The lanes of an accumulator made one.
  mlir::Value reduceLanes(mlir::Value accumulator);
  /// The result, of the tensor's type, of `count` (index) elements.
  mlir::Value finish(mlir::Value accumulator, mlir::Value count);

private:
  ReduceKind kind;
  mlir::Type type;
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

/// The largest finite number of a type of floats.
llvm::APFloat getLargest(mlir::Type type);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_REDUCTION_H

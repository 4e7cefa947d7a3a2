//===- Reduction.h - Steps of a reduction ---------------------------------===//

#ifndef TENON_CODEGEN_CPU_REDUCTION_H
#define TENON_CODEGEN_CPU_REDUCTION_H

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/Builders.h"

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

/// `value` (scalar or vector) with float elements of another width.
mlir::Value convertFloat(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value value, mlir::Type elementType);
/// The largest finite number of a type of floats.
llvm::APFloat getLargest(mlir::Type type);
/// The larger (smaller) of two values of any one type, as one instruction: for
/// floats the second where they don't compare.
mlir::Value buildMax(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value a, mlir::Value b, bool isUnsigned = false);
mlir::Value buildMin(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value a, mlir::Value b, bool isUnsigned = false);
/// `value` for each lane of `like`.
mlir::Value broadcastTo(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value value, mlir::Type like);
/// A constant of scalar or vector type.
mlir::Value buildConstant(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Type type, double value);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_REDUCTION_H

//===- Arithmetic.h - Operations on scalars and vectors alike -------------===//

#ifndef TENON_CODEGEN_CPU_ARITHMETIC_H
#define TENON_CODEGEN_CPU_ARITHMETIC_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

#include <array>

namespace tenon::cpu {

/// A constant of scalar or vector type.
mlir::Value buildConstant(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Type type, double value);
mlir::Value buildConstant(mlir::OpBuilder &builder, mlir::Location loc,
                          mlir::Type type, mlir::Attribute scalar);

/// `value` for each lane of `like`.
mlir::Value broadcastTo(mlir::OpBuilder &builder, mlir::Location loc,
                        mlir::Value value, mlir::Type like);

/// `value` with float elements of another type; what is no float stays.
mlir::Value convertFloat(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Value value, mlir::Type elementType);

/// The larger (smaller) of two values of any one type, as one instruction: for
/// floats the second where they don't compare.
mlir::Value buildMax(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value a, mlir::Value b, bool isUnsigned = false);
mlir::Value buildMin(mlir::OpBuilder &builder, mlir::Location loc,
                     mlir::Value a, mlir::Value b, bool isUnsigned = false);

/// Whether `a` is greater than `b`. What is not a number is greater than every
/// number, and as great as any other that is none.
mlir::Value buildIsGreater(mlir::OpBuilder &builder, mlir::Location loc,
                           mlir::Value a, mlir::Value b, bool isUnsigned);
/// Whether `a` is smaller than `b`, or, unlike `b`, not a number: in search of
/// the smallest it is found first, as it is in search of the largest.
mlir::Value buildIsSmallerOrNan(mlir::OpBuilder &builder, mlir::Location loc,
                                mlir::Value a, mlir::Value b, bool isUnsigned);

/// What the elements at -1, 0, 1 and 2 count at `t` in [0, 1) between 0 and 1:
/// the cubic kernel of Keys (1981) with coefficient `a`.
std::array<mlir::Value, 4> buildCubicWeights(mlir::OpBuilder &builder,
                                             mlir::Location loc, mlir::Value t,
                                             double a);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_ARITHMETIC_H

//===- WinogradTransform.h - The transforms of Winograd's algorithm -------===//
//
// A convolution of 3 x 3 taps and stride 1 as products in a transformed space
// (Toom and Cook's polynomial multiplication at chosen points, which Winograd
// showed to be optimal; see Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", 2015). A tile of m x m outputs reads (m + 2) x (m + 2)
// inputs. Inputs d and weights g are transformed to as many elements each,
// these are multiplied one by one, and the products transformed to the outputs:
// A^T ((G g G^T) * (B^T d B)) A.
//
// The polynomials are taken at 0, at n points and their negatives, and at
// infinity, so that m = 2 n.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_WINOGRADTRANSFORM_H
#define TENON_CODEGEN_CPU_WINOGRADTRANSFORM_H

#include "mlir/IR/Builders.h"

namespace tenon::cpu {

class WinogradTransform {
public:
  /// With tiles of `outputs` x `outputs`: 2 or 4.
  explicit WinogradTransform(int64_t outputs);

  /// The outputs and inputs of a tile in one direction.
  int64_t getOutputs() const { return 2 * points.size(); }
  int64_t getInputs() const { return getOutputs() + 2; }

  /// Builds element (row, column) of a matrix.
  using Load = llvm::function_ref<mlir::Value(int64_t row, int64_t column)>;
  /// The transformed inputs of a tile, or its outputs, row-major.
  llvm::SmallVector<mlir::Value> emitInput(mlir::OpBuilder &builder,
                                           mlir::Location loc, Load load) const;
  llvm::SmallVector<mlir::Value>
  emitOutput(mlir::OpBuilder &builder, mlir::Location loc, Load load) const;

  /// G: `getInputs()` rows, one after another, of three.
  llvm::SmallVector<double> getWeightMatrix() const;

private:
  using Values = llvm::SmallVector<mlir::Value>;
  Values emitInputLine(mlir::OpBuilder &builder, mlir::Location loc,
                       llvm::ArrayRef<mlir::Value> line) const;
  Values emitOutputLine(mlir::OpBuilder &builder, mlir::Location loc,
                        llvm::ArrayRef<mlir::Value> line) const;
  /// The coefficients, from that of x^0 on, of the product of all
  /// (x - point^2) but that of point `skipped`.
  llvm::SmallVector<double> getPolynomial(size_t skipped) const;

  llvm::SmallVector<double, 2> points;
};

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_WINOGRADTRANSFORM_H

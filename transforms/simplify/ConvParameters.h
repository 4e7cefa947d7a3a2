//===- ConvParameters.h - Changing constant weights and biases ------------===//

#ifndef TENON_TRANSFORMS_SIMPLIFY_CONVPARAMETERS_H
#define TENON_TRANSFORMS_SIMPLIFY_CONVPARAMETERS_H

#include "mlir/IR/PatternMatch.h"
#include "transforms/simplify/Constants.h"

namespace tenon {

/// The constant weights and bias of a `tenon.conv` or `tenon.conv_transpose` in
/// NCHW, and how they change when its input or output is scaled or shifted. All
/// arithmetic is on doubles; the result is rounded once.
class ConvParameters {
public:
  /// Nothing if `op` is another operation, has another layout, or its weights
  /// or bias are not constants.
  static std::optional<ConvParameters> get(mlir::Operation *op);

  int64_t getNumOutputs() const { return numOutputs; }
  int64_t getNumInputs() const { return numInputs; }
  /// Whether the convolution reads zeros outside of its input.
  bool hasPads() const;

  /// y' = y * factors[m] + summands[m]
  void scaleAndShiftOutput(llvm::ArrayRef<double> factors,
                           llvm::ArrayRef<double> summands);
  /// x' = x * factors[c]
  void scaleInput(llvm::ArrayRef<double> factors);
  /// x' = x + summands[c], for a `tenon.conv` without pads.
  void shiftInput(llvm::ArrayRef<double> summands);

  /// Sets the operands of the convolution to what was changed.
  void commit(mlir::RewriterBase &rewriter, ConstantTracker &tracker);

private:
  /// The channels of the output and the input that weight `index` connects.
  std::pair<int64_t, int64_t> getChannels(int64_t index) const;

  mlir::Operation *op = nullptr;
  bool isTransposed = false;
  std::optional<ConstantView> weights;
  int64_t groups = 1, numOutputs = 0, numInputs = 0;
  int64_t kernelSize = 1;
  std::vector<double> outputFactors, inputFactors, bias;
  bool weightsChange = false, biasChanges = false;
};

/// The value of each channel, if `value` is a constant that is uniform, or has
/// size 1 in all dimensions but `axis`.
std::optional<std::vector<double>>
getPerChannel(mlir::Value value, int64_t rank, int64_t axis, int64_t channels);

} // namespace tenon

#endif // TENON_TRANSFORMS_SIMPLIFY_CONVPARAMETERS_H

//===- MatmulMatch.cpp - Kernels that cuBLASLt can run --------------------===//

#include "codegen/cuda/LibraryMatcher.h"

#include <cmath>

using namespace mlir;

namespace tenon::cuda {

namespace {

class MatmulMatcher : LibraryMatcher {
public:
  MatmulMatcher(KernelOp kernel, std::string &reason)
      : LibraryMatcher(kernel, "cuBLASLt", reason) {}

  std::optional<LibraryMatch> find() {
    if (!match())
      return std::nullopt;
    matmul.bias = bias;
    matmul.residual = residual;
    matmul.activation = activation;
    return LibraryMatch{encode(matmul), wideBias};
  }

private:
  StringRef describeAnchor() const override { return "a matrix product"; }
  bool matchAnchor(Operation &op) override;
  bool matchScale(MulOp op) override;
  TenonLibraryActivation getActivation(Operation &op) override {
    auto gelu = dyn_cast<GeluOp>(op);
    return isa<ReluOp>(op) ? TENON_LIBRARY_RELU
           : gelu && gelu.getKind() == GeluKind::Tanh
               ? TENON_LIBRARY_GELU_TANH
               : TENON_LIBRARY_NO_ACTIVATION;
  }

  TenonLibraryMatmul matmul{};
};

} // namespace

bool MatmulMatcher::matchAnchor(Operation &op) {
  auto product = dyn_cast<MatMulOp>(op);
  if (!product)
    return fail(op.getName().getStringRef() + " is no matrix product");
  if (!checkFactor(getElement(product.getLhs())))
    return false;
  matmul.kind = TENON_LIBRARY_MATMUL;
  matmul.lhs = getArg(product.getLhs());
  matmul.rhs = getArg(product.getRhs());
  matmul.transposeLhs = product.getTransposeA();
  matmul.transposeRhs = product.getTransposeB();
  matmul.tf32 = isTf32(factor);
  matmul.alpha = 1;
  if (matmul.lhs < 0 || matmul.rhs < 0)
    return fail("it computes a factor");
  value = product.getOutput();
  return true;
}

bool MatmulMatcher::matchScale(MulOp op) {
  Value factor = op.getLhs() == value ? op.getRhs() : op.getLhs();
  std::optional<double> scale = getConstantScalar(factor);
  if (!scale)
    return fail("it is multiplied with more than a number");
  // Zero or infinite, it would make NaN, or nothing, of products that have
  // another result one factor after the other.
  matmul.alpha *= *scale;
  return std::isnormal(static_cast<float>(matmul.alpha)) ||
         fail("what it is multiplied with is beyond the floats");
}

std::optional<LibraryMatch> matchMatmul(KernelOp kernel, std::string &reason) {
  return MatmulMatcher(kernel, reason).find();
}

} // namespace tenon::cuda

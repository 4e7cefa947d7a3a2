//===- CpuProvider.cpp - Kernels as generated code ------------------------===//

#include "codegen/cpu/CpuProvider.h"

#include "codegen/cpu/KernelFunction.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

/// Elements of a tensor in an estimate.
double countElements(Type type) {
  double count = 1;
  for (int64_t size : cast<RankedTensorType>(type).getShape())
    count *= ShapedType::isDynamic(size) ? Provider::kTypicalDim : size;
  return count;
}

double countBytes(Type type) {
  return countElements(type) *
         getMemoryType(cast<RankedTensorType>(type).getElementType())
             .getIntOrFloatBitWidth() /
         8;
}

/// Multiply-adds of the operation that a kernel is made around.
double countProducts(Operation &op) {
  auto getInnerSize = [](Value weights, unsigned outputDim) {
    double outputs =
        cast<RankedTensorType>(weights.getType()).getDimSize(outputDim);
    return countElements(weights.getType()) /
           (outputs > 0 ? outputs : Provider::kTypicalDim);
  };
  if (auto conv = dyn_cast<ConvOp>(op)) {
    unsigned rank =
        cast<RankedTensorType>(conv.getWeights().getType()).getRank();
    return countElements(conv.getOutput().getType()) *
           getInnerSize(conv.getWeights(),
                        conv.getLayout() == Layout::NCHW ? 0 : rank - 1);
  }
  if (auto conv = dyn_cast<ConvTransposeOp>(op)) {
    unsigned rank =
        cast<RankedTensorType>(conv.getWeights().getType()).getRank();
    return countElements(conv.getInput().getType()) *
           getInnerSize(conv.getWeights(),
                        conv.getLayout() == Layout::NCHW ? 0 : rank - 1);
  }
  if (auto matmul = dyn_cast<MatMulOp>(op)) {
    auto type = cast<RankedTensorType>(matmul.getLhs().getType());
    int64_t depth =
        type.getShape()[type.getRank() - (matmul.getTransposeA() ? 2 : 1)];
    return countElements(matmul.getOutput().getType()) *
           (ShapedType::isDynamic(depth) ? Provider::kTypicalDim : depth);
  }
  return 0;
}

class CpuProvider : public Provider {
public:
  StringRef getName() const override { return "codegen"; }

  bool canRun(KernelOp kernel, TargetAttr target,
              std::string &reason) const override {
    if (findKernelEmitter(kernel))
      return true;
    reason = "there is no generated code for what it computes";
    return false;
  }

  /// Memory traffic at 10 bytes a nanosecond, or multiply-adds at a third of
  /// what a core can do, whichever takes longer.
  double getCost(KernelOp kernel, TargetAttr target) const override {
    double bytes = 0, products = 0;
    for (Type type : kernel.getInputs().getTypes())
      bytes += countBytes(type);
    for (Type type : kernel.getResultTypes())
      bytes += countBytes(type);
    for (Operation &op : kernel.getBody().front())
      products += countProducts(op);
    double productsPerNs = target.getVectorBits() / 32.0;
    return 200 + std::max(bytes / 10, products / productsPerNs);
  }

  LogicalResult lower(KernelOp kernel, TargetAttr target,
                      RewriterBase &rewriter) const override;
};

} // namespace

LogicalResult CpuProvider::lower(KernelOp kernel, TargetAttr target,
                                 RewriterBase &rewriter) const {
  FailureOr<func::FuncOp> function = emitKernelFunctions(
      kernel, kernel->getParentOfType<ModuleOp>(), target.getVectorBits());
  if (failed(function))
    return failure();
  SmallVector<Value> outputs;
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    outputs.push_back(tensor::EmptyOp::create(
        rewriter, kernel.getLoc(), kernel.getResultSizes(i),
        cast<RankedTensorType>(type).getElementType()));
  auto launch =
      rt::LaunchOp::create(rewriter, kernel.getLoc(), kernel.getResultTypes(),
                           FlatSymbolRefAttr::get(*function),
                           kernel.getInputs(), outputs, kernel.getScalars(),
                           /*flops=*/Value());
  rewriter.replaceOp(kernel, launch.getResults());
  return success();
}

std::unique_ptr<Provider> createCpuProvider() {
  return std::make_unique<CpuProvider>();
}

} // namespace tenon::cpu

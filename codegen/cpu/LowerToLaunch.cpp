//===- LowerToLaunch.cpp - From a kernel to the launch of its code --------===//

#include "codegen/cpu/LowerToLaunch.h"

#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace tenon::cpu {

LogicalResult lowerToLaunch(const KernelEmitter &emitter, KernelOp kernel,
                            unsigned vectorBits, bool onDevice,
                            RewriterBase &rewriter, ArrayRef<int64_t> library) {
  FailureOr<func::FuncOp> function = emitKernelFunctions(
      emitter, kernel, kernel->getParentOfType<ModuleOp>(), vectorBits);
  if (failed(function))
    return failure();
  (*function)->setAttr(codegen::kKernelProviderAttr, kernel.getProviderAttr());
  if (!library.empty())
    (*function)->setAttr(codegen::kLibraryAttr,
                         rewriter.getDenseI64ArrayAttr(library));
  SmallVector<Value> outputs;
  for (auto [i, type] : llvm::enumerate(kernel.getResultTypes()))
    outputs.push_back(tensor::EmptyOp::create(
        rewriter, kernel.getLoc(), kernel.getResultSizes(i),
        cast<RankedTensorType>(type).getElementType()));
  auto launch = rt::LaunchOp::create(
      rewriter, kernel.getLoc(), kernel.getResultTypes(),
      FlatSymbolRefAttr::get(*function), kernel.getInputs(), outputs,
      kernel.getScalars(),
      /*flops=*/Value(), onDevice ? rewriter.getUnitAttr() : UnitAttr());
  rewriter.replaceOp(kernel, launch.getResults());
  return success();
}

} // namespace tenon::cpu

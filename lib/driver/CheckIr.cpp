//===- CheckIr.cpp - Whether IR is that of a phase ------------------------===//

#include "lib/driver/CheckIr.h"

#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "lib/target/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "runtime/core/ModelAbi.h"
#include "transforms/fuse/Passes.h"
#include "transforms/layout/Passes.h"
#include "transforms/simplify/Passes.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon {
namespace {

/// The one function that phases up to assign work on.
LogicalResult checkMain(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isDeclaration() || !main.isPublic())
    return module.emitError("there is no public function @main with a body");
  auto isTensor = [](Type type) { return isa<RankedTensorType>(type); };
  if (!llvm::all_of(main.getArgumentTypes(), isTensor) ||
      !llvm::all_of(main.getResultTypes(), isTensor))
    return main.emitError("inputs and outputs of @main are tensors");
  return success();
}

/// Checks that no operation is of a later phase.
LogicalResult checkOps(ModuleOp module, Phase phase) {
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    if (isa_and_present<LLVM::LLVMDialect, memref::MemRefDialect>(
            op->getDialect()))
      return op->emitOpError("is of a later phase");
    if (isa<rt::WeightOp, rt::GetWeightOp>(op))
      return op->emitOpError("is of a later phase");
    // Upstream takes any index.
    if (auto dim = dyn_cast<tensor::DimOp>(op)) {
      auto type = dyn_cast<RankedTensorType>(dim.getSource().getType());
      int64_t rank = type ? type.getRank() : 0;
      std::optional<int64_t> index = dim.getConstantIndex();
      if (!index || *index < 0 || *index >= rank)
        return op->emitOpError("expects a constant dimension below ") << rank;
    }
    auto kernel = dyn_cast<KernelOp>(op);
    if (kernel && phase < Phase::Fuse)
      return op->emitOpError("is of a later phase");
    if (kernel && phase == Phase::Assign && !kernel.getProvider())
      return op->emitOpError("has no provider");
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// One weight stands behind the other, with no more between than they are
/// aligned by.
LogicalResult checkWeights(ModuleOp module) {
  uint64_t next = 0;
  for (rt::WeightOp weight : rt::getWeights(module)) {
    if (weight.getOffset() != next)
      return weight.emitOpError("stands at ")
             << weight.getOffset() << ", expected " << next;
    next += llvm::alignTo(weight.getBytes(), TENON_BUFFER_ALIGNMENT);
  }
  return success();
}

/// LLVM has all types of the values and those that operations name. Upstream's
/// translation ends the process where that is not so.
LogicalResult checkTypes(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) -> WalkResult {
    if (!isa_and_present<LLVM::LLVMDialect>(op->getDialect()))
      return WalkResult::advance();
    SmallVector<Type> types(op->getResultTypes());
    for (Region &region : op->getRegions())
      for (Block &block : region)
        llvm::append_range(types, block.getArgumentTypes());
    op->getAttrDictionary().walk(
        [&](TypeAttr type) { types.push_back(type.getValue()); });
    for (Type type : types)
      if (!LLVM::isCompatibleType(type))
        return op->emitOpError("has the type ") << type
                                                << ", expected one "
                                                   "that LLVM has";
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The llvm dialect, and the weights.
LogicalResult checkLowered(ModuleOp module) {
  for (Operation &op : *module.getBody())
    if (!isa<rt::WeightOp>(op) &&
        !isa_and_present<LLVM::LLVMDialect>(op.getDialect()))
      return op.emitOpError("is not of the llvm dialect");
  if (!module.lookupSymbol<LLVM::GlobalOp>(TENON_MODEL_SYMBOL))
    return module.emitError("there is no @" TENON_MODEL_SYMBOL);
  if (failed(checkTypes(module)))
    return failure();
  return checkWeights(module);
}

} // namespace

LogicalResult checkIr(ModuleOp module, Phase phase) {
  if (auto target = module->getAttrOfType<TargetAttr>(kTargetAttr))
    if (llvm::Error problem = checkTarget(target))
      return module.emitError("'" + kTargetAttr + "': ")
             << llvm::toString(std::move(problem));
  if (phase == Phase::Lower)
    return checkLowered(module);
  if (failed(checkMain(module)) || failed(checkOps(module, phase)))
    return failure();
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  if (phase >= Phase::Fuse)
    passes.addPass(createVerifyKernels());
  else if (phase == Phase::Layout)
    passes.addPass(createVerifyLayout());
  if (phase >= Phase::Simplify && phase < Phase::Fuse)
    passes.addNestedPass<func::FuncOp>(createVerifySimplified());
  return passes.run(module);
}

LogicalResult checkConstants(ModuleOp module) {
  WalkResult result = module.walk([](Operation *op) {
    LogicalResult status = success();
    op->getAttrDictionary().walk([&](DenseResourceElementsAttr constant) {
      const AsmResourceBlob *blob = constant.getRawHandle().getBlob();
      std::optional<uint64_t> size = rt::getNumBytes(constant.getType());
      if (!size)
        status = op->emitOpError("has a constant of more bytes than 64 bits "
                                 "tell");
      else if (blob && blob->getData().size() != *size)
        status = op->emitOpError("has a constant of ")
                 << blob->getData().size() << " bytes, expected " << *size;
    });
    return failed(status) ? WalkResult::interrupt() : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

} // namespace tenon

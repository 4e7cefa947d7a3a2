//===- WriteInPlace.cpp - tenon-write-in-place ----------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_WRITEINPLACE
#include "codegen/common/Passes.h.inc"

namespace {

/// The allocation in the block of `launch` that `memory` is a view of, or null.
memref::AllocOp getAllocation(Value memory, rt::LaunchOp launch) {
  while (auto view = memory.getDefiningOp<rt::ViewOp>())
    memory = view.getSource();
  auto allocation = memory.getDefiningOp<memref::AllocOp>();
  return allocation && allocation->getBlock() == launch->getBlock()
             ? allocation
             : memref::AllocOp();
}

/// Whether `launch` has the memory of `allocation` as one operand, and all
/// other uses of it satisfy `isAllowed`, which gets the operation in the same
/// block. Where it goes through anything but views, they are not known.
bool areOtherUses(memref::AllocOp allocation, rt::LaunchOp launch,
                  llvm::function_ref<bool(Operation *)> isAllowed) {
  unsigned numOperands = 0;
  SmallVector<Value> aliases = {allocation.getMemref()};
  for (size_t i = 0; i != aliases.size(); ++i)
    for (Operation *user : aliases[i].getUsers()) {
      if (auto view = dyn_cast<rt::ViewOp>(user)) {
        aliases.push_back(view.getResult());
        continue;
      }
      if (user == launch) {
        ++numOperands;
        continue;
      }
      Operation *at = launch->getBlock()->findAncestorOpInBlock(*user);
      if (!at || !isAllowed(at) || user->hasTrait<OpTrait::IsTerminator>() ||
          llvm::any_of(user->getResultTypes(), llvm::IsaPred<MemRefType>))
        return false;
    }
  return numOperands == 1;
}

/// Gives output `output` of `launch` the memory of input `input` if that is
/// used last here, and the output's is first.
bool writeInPlace(rt::LaunchOp launch, func::FuncOp kernel, int64_t output,
                  int64_t input, IRRewriter &rewriter) {
  memref::AllocOp from = getAllocation(launch.getInputs()[input], launch);
  memref::AllocOp to = getAllocation(launch.getOutputs()[output], launch);
  if (!from || !to || !from->isBeforeInBlock(to) ||
      !areOtherUses(
          from, launch,
          [&](Operation *op) { return op->isBeforeInBlock(launch); }) ||
      !areOtherUses(to, launch,
                    [&](Operation *op) { return launch->isBeforeInBlock(op); }))
    return false;
  rewriter.setInsertionPoint(to);
  rewriter.replaceOpWithNewOp<rt::ViewOp>(to, to.getType(), from.getMemref(),
                                          to.getDynamicSizes());
  int64_t firstOutput = launch.getInputs().size();
  for (int64_t i : {input, firstOutput + output})
    kernel.removeArgAttr(i, LLVM::LLVMDialect::getNoAliasAttrName());
  return true;
}

class WriteInPlacePass : public impl::WriteInPlaceBase<WriteInPlacePass> {
public:
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    SymbolTable symbols(getOperation());
    IRRewriter rewriter(&getContext());
    main.walk([&](rt::LaunchOp launch) {
      auto kernel = symbols.lookup<func::FuncOp>(launch.getKernel());
      auto pairs = kernel->getAttrOfType<DenseI64ArrayAttr>(kOverwritableAttr);
      if (!pairs || launch.getOnDevice())
        return;
      for (int64_t i = 0, e = pairs.size(); i != e; i += 2)
        numInPlace +=
            writeInPlace(launch, kernel, pairs[i], pairs[i + 1], rewriter);
    });
  }
};

} // namespace
} // namespace tenon::codegen

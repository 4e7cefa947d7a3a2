//===- LowerKernels.cpp - Providers lower their kernels -------------------===//

#include "codegen/assign/Passes.h"
#include "codegen/assign/Providers.h"
#include "codegen/common/KernelWork.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"

namespace tenon {
#define GEN_PASS_DEF_LOWERKERNELS
#include "codegen/assign/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

struct LowerKernels : tenon::impl::LowerKernelsBase<LowerKernels> {
  using LowerKernelsBase::LowerKernelsBase;

  void runOnOperation() override {
    ProviderList list;
    TargetAttr target = getTarget(getOperation(), list);
    SmallVector<KernelOp> kernels;
    getOperation()->walk([&](KernelOp kernel) { kernels.push_back(kernel); });
    IRRewriter rewriter(&getContext());
    for (KernelOp kernel : kernels) {
      std::optional<StringRef> name = kernel.getProvider();
      const Provider *provider = name ? list.find(*name) : nullptr;
      if (!provider) {
        kernel.emitOpError("has no provider; tenon-assign-providers gives one");
        return signalPassFailure();
      }
      if (onlyPacking && !provider->packsConstants())
        continue;
      rewriter.setInsertionPoint(kernel);
      Value flops = buildFlops(kernel, rewriter);
      // The provider puts the call where the kernel stands.
      Operation *next = kernel->getNextNode();
      if (failed(provider->lower(kernel, target, rewriter)))
        return signalPassFailure();
      if (flops)
        llvm::TypeSwitch<Operation *>(next->getPrevNode())
            .Case<rt::LaunchOp, rt::LibraryOp>(
                [&](auto call) { call.getFlopsMutable().assign(flops); });
    }
  }
};

} // namespace

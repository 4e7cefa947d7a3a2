//===- VerifyKernels.cpp - tenon-cuda-verify-kernels ----------------------===//

#include "codegen/cuda/Passes.h"

#include "codegen/cuda/Toolkit.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace tenon::cuda {

#define GEN_PASS_DEF_VERIFYKERNELS
#include "codegen/cuda/Passes.h.inc"

namespace {

class VerifyKernelsPass : public impl::VerifyKernelsBase<VerifyKernelsPass> {
public:
  using VerifyKernelsBase::VerifyKernelsBase;

  void runOnOperation() override {
    bool hasLibdevice = libdevice && !findToolkit().empty();
    WalkResult result = getOperation().walk([&](LLVM::CallOp call) {
      std::optional<StringRef> callee = call.getCallee();
      auto function =
          callee ? getOperation().lookupSymbol<LLVM::LLVMFuncOp>(*callee)
                 : nullptr;
      if (!function || !function.isExternal())
        return WalkResult::advance();
      bool isOfLibdevice = callee->starts_with("__nv_");
      if (isOfLibdevice && hasLibdevice)
        return WalkResult::advance();
      InFlightDiagnostic error = mlir::emitError(call.getLoc())
                                 << "a GPU has no function '" << *callee << "'";
      if (isOfLibdevice)
        error << " without libdevice: " << describeMissingToolkit();
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace tenon::cuda

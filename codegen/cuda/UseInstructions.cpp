//===- UseInstructions.cpp - tenon-cuda-use-instructions ------------------===//

#include "codegen/cuda/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace tenon::cuda {

#define GEN_PASS_DEF_USEINSTRUCTIONS
#include "codegen/cuda/Passes.h.inc"

namespace {

/// The name of LLVM's intrinsic that does what a function of libdevice does; ""
/// if there is none that is an instruction.
StringRef getIntrinsic(StringRef function) {
  if (!function.consume_front("__nv_"))
    return "";
  // Those of f32 have an f at the end.
  return llvm::StringSwitch<StringRef>(function)
      .Cases({"ceil", "ceilf"}, LLVM::FCeilOp::getOperationName())
      .Cases({"copysign", "copysignf"}, LLVM::CopySignOp::getOperationName())
      .Cases({"fabs", "fabsf"}, LLVM::FAbsOp::getOperationName())
      .Cases({"floor", "floorf"}, LLVM::FFloorOp::getOperationName())
      .Cases({"fma", "fmaf"}, LLVM::FMAOp::getOperationName())
      .Cases({"rint", "rintf"}, LLVM::RoundEvenOp::getOperationName())
      .Cases({"round", "roundf"}, LLVM::RoundOp::getOperationName())
      .Cases({"sqrt", "sqrtf"}, LLVM::SqrtOp::getOperationName())
      .Cases({"trunc", "truncf"}, LLVM::FTruncOp::getOperationName())
      .Default("");
}

class UseInstructionsPass
    : public impl::UseInstructionsBase<UseInstructionsPass> {
public:
  void runOnOperation() override {
    getOperation().walk([](LLVM::CallOp call) {
      StringRef name = getIntrinsic(call.getCallee().value_or(""));
      if (name.empty())
        return;
      OpBuilder builder(call);
      OperationState state(call.getLoc(), name, call.getArgOperands(),
                           call.getResultTypes());
      call->replaceAllUsesWith(builder.create(state));
      call.erase();
    });
    getOperation().walk([](math::AbsIOp op) {
      OpBuilder builder(op);
      Value result =
          LLVM::AbsOp::create(builder, op.getLoc(), op.getType(),
                              op.getOperand(), /*is_int_min_poison=*/false);
      op.replaceAllUsesWith(result);
      op.erase();
    });
    // What is not called any more.
    for (auto function :
         llvm::make_early_inc_range(getOperation().getOps<LLVM::LLVMFuncOp>()))
      if (function.isExternal() && !getIntrinsic(function.getName()).empty())
        function.erase();
  }
};

} // namespace
} // namespace tenon::cuda

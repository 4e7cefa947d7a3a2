//===- VerifyKernels.cpp - What holds after the fuse phase ----------------===//

#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_VERIFYKERNELS
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Computes with indices, wherever it stands.
static bool isIndexArithmetic(Operation *op) {
  return isa_and_present<arith::ArithDialect>(op->getDialect()) ||
         isa<math::CeilOp, math::FloorOp, math::AbsIOp, tensor::DimOp,
             tensor::FromElementsOp>(op);
}

static bool isAllowedOutside(Operation *op) {
  return isIndexArithmetic(op) || op->hasTrait<OpTrait::ReturnLike>() ||
         isa<ModuleOp, FunctionOpInterface, tensor::ExtractOp, tensor::CastOp,
             ConstantOp, ReshapeOp, IfOp, LoopOp, KernelOp, rt::RequireEqualOp>(
             op);
}

static bool isAllowedInside(Operation *op) {
  return isIndexArithmetic(op) ||
         (isa_and_present<TenonDialect>(op->getDialect()) &&
          !isa<IfOp, LoopOp, KernelOp>(op));
}

namespace {

struct VerifyKernels : tenon::impl::VerifyKernelsBase<VerifyKernels> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([&](Operation *op) {
      if (isa<KernelOp>(op))
        ++numKernels;
      bool isInside = op->getParentOfType<KernelOp>() != nullptr;
      if (isInside ? isAllowedInside(op) : isAllowedOutside(op))
        return WalkResult::advance();
      op->emitOpError(isInside ? "can't be part of a kernel"
                               : "is not in a kernel after the fuse phase");
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace

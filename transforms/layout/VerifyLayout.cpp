//===- VerifyLayout.cpp - What holds after the layout phase ---------------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "transforms/layout/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

namespace tenon {
#define GEN_PASS_DEF_VERIFYLAYOUT
#include "transforms/layout/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Whether a value is an input of the model, perhaps under another shape.
static bool isInput(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  auto argument = dyn_cast<BlockArgument>(value);
  return argument &&
         isa<FunctionOpInterface>(argument.getOwner()->getParentOp());
}

/// Whether a value is a result of the model, perhaps under another shape, and
/// nothing else.
static bool isOutput(Value value) {
  return llvm::all_of(value.getUsers(), [](Operation *user) {
    if (auto reshape = dyn_cast<ReshapeOp>(user))
      return isOutput(reshape.getOutput());
    return user->hasTrait<OpTrait::ReturnLike>() &&
           isa<FunctionOpInterface>(user->getParentOp());
  });
}

namespace {

struct VerifyLayout : tenon::impl::VerifyLayoutBase<VerifyLayout> {
  void runOnOperation() override {
    unsigned numInputs = 0, numOutputs = 0, numInner = 0;
    WalkResult result = getOperation()->walk([&](Operation *op) {
      if (auto transpose = dyn_cast<TransposeOp>(op)) {
        if (isOutput(transpose.getOutput()))
          ++numOutputs;
        else if (isInput(transpose.getInput()))
          ++numInputs;
        else
          ++numInner;
      }
      std::optional<Layout> layout =
          llvm::TypeSwitch<Operation *, std::optional<Layout>>(op)
              .Case<ConvOp, ConvTransposeOp, MaxPoolOp, AveragePoolOp>(
                  [](auto op) { return op.getLayout(); })
              .Default(std::nullopt);
      if (layout == Layout::NCHW) {
        op->emitOpError(
            "has layout nchw after the layout phase, expected nhwc");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
    remark::analysis(
        getOperation()->getLoc(),
        remark::RemarkOpts::name("transposes-left").category("layout"))
        << remark::metric("inputs", numInputs)
        << remark::metric("outputs", numOutputs)
        << remark::metric("inner", numInner);
    numInputTransposes += numInputs;
    numOutputTransposes += numOutputs;
    numInnerTransposes += numInner;
    markAllAnalysesPreserved();
  }
};

} // namespace

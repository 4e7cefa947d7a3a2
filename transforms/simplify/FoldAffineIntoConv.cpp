//===- FoldAffineIntoConv.cpp - Channel factors and summands into convs ---===//

#include "transforms/simplify/ConvParameters.h"
#include "transforms/simplify/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FOLDAFFINEINTOCONV
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// `tensor * factor + summand`, as one operation of either kind.
struct Affine {
  Value tensor;
  std::vector<double> factors, summands;
  bool isSum = false;
};

/// Matches x * c, c * x, x / c, x + c, c + x, x - c with a constant for each
/// channel (dimension 1), where x has the type of the result.
static std::optional<Affine> matchAffine(Operation *op, int64_t channels) {
  if (!isa<MulOp, DivOp, AddOp, SubOp>(op))
    return std::nullopt;
  Value result = op->getResult(0);
  auto type = cast<RankedTensorType>(result.getType());
  if (type.getRank() < 3 || !isa<FloatType>(type.getElementType()))
    return std::nullopt;
  for (unsigned i : {0u, 1u}) {
    Value tensor = op->getOperand(i), constant = op->getOperand(1 - i);
    // The dividend and the minuend are on the left.
    if (i == 1 && isa<DivOp, SubOp>(op))
      return std::nullopt;
    if (tensor.getType() != type)
      continue;
    std::optional<std::vector<double>> values =
        getPerChannel(constant, type.getRank(), /*axis=*/1, channels);
    if (!values)
      continue;
    Affine affine;
    affine.tensor = tensor;
    affine.factors.assign(channels, 1);
    affine.summands.assign(channels, 0);
    affine.isSum = isa<AddOp, SubOp>(op);
    for (int64_t c = 0; c != channels; ++c) {
      double value = (*values)[c];
      if (isa<MulOp>(op))
        affine.factors[c] = value;
      else if (isa<DivOp>(op))
        affine.factors[c] = 1 / value;
      else
        affine.summands[c] = isa<AddOp>(op) ? value : -value;
    }
    // A division by zero is not ours to hide.
    if (isa<DivOp>(op) && llvm::is_contained(*values, 0.0))
      return std::nullopt;
    return affine;
  }
  return std::nullopt;
}

/// The operand of `op` that a convolution makes.
static Operation *getConvOperand(Operation *op) {
  for (Value operand : op->getOperands()) {
    Operation *source = operand.getDefiningOp();
    if (source && isa<ConvOp, ConvTransposeOp>(source))
      return source;
  }
  return nullptr;
}

namespace {
struct FoldAffineIntoConv
    : tenon::impl::FoldAffineIntoConvBase<FoldAffineIntoConv> {
  void runOnOperation() override {
    ConstantTracker tracked(getOperation());
    IRRewriter rewriter(&getContext());
    // After a convolution: in program order, so that chains fold one by one.
    getOperation().walk([&](Operation *op) {
      if (isa<MulOp, DivOp, AddOp, SubOp>(op))
        foldAfter(rewriter, op, tracked);
    });
    // Before one: what is nearest to the convolution first.
    getOperation().walk([&](Operation *op) {
      if (isa<ConvOp, ConvTransposeOp>(op))
        while (foldBefore(rewriter, op, tracked)) {
        }
    });
    getOperation().walk([](ConstantOp op) {
      if (op->use_empty())
        op->erase();
    });
    bytesFreed += tracked.freeDead();
  }

private:
  void foldAfter(IRRewriter &rewriter, Operation *op,
                 ConstantTracker &tracker) {
    Operation *conv = getConvOperand(op);
    if (!conv || !conv->hasOneUse())
      return;
    std::optional<ConvParameters> parameters = ConvParameters::get(conv);
    if (!parameters)
      return;
    std::optional<Affine> affine = matchAffine(op, parameters->getNumOutputs());
    if (!affine || affine->tensor != conv->getResult(0))
      return;
    parameters->scaleAndShiftOutput(affine->factors, affine->summands);
    parameters->commit(rewriter, tracker);
    ++(affine->isSum ? numAddAfter : numMulAfter);
    rewriter.replaceOp(op, conv->getResult(0));
  }

  bool foldBefore(IRRewriter &rewriter, Operation *conv,
                  ConstantTracker &tracker) {
    Operation *op = conv->getOperand(0).getDefiningOp();
    if (!op || !op->hasOneUse())
      return false;
    std::optional<ConvParameters> parameters = ConvParameters::get(conv);
    if (!parameters)
      return false;
    std::optional<Affine> affine = matchAffine(op, parameters->getNumInputs());
    if (!affine)
      return false;
    if (affine->isSum) {
      if (!isa<ConvOp>(conv) || parameters->hasPads())
        return false;
      parameters->shiftInput(affine->summands);
    } else {
      parameters->scaleInput(affine->factors);
    }
    parameters->commit(rewriter, tracker);
    ++(affine->isSum ? numAddBefore : numMulBefore);
    rewriter.replaceOp(op, affine->tensor);
    return true;
  }
};
} // namespace

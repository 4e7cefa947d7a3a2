//===- FoldBatchNorm.cpp - Batch normalisation into convolutions ----------===//

#include "transforms/simplify/ConvParameters.h"
#include "transforms/simplify/Passes.h"
#include <cmath>

namespace tenon {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "transforms/simplify/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {
struct FoldBatchNorm : tenon::impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    ConstantTracker tracker(getOperation());
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](BatchNormOp op) {
      rewriter.setInsertionPoint(op);
      if (!computeAffine(op)) {
        decomposeWithOperations(rewriter, op);
        ++numDecomposed;
      } else if (foldIntoConv(rewriter, op, tracker)) {
        ++numFoldedIntoConv;
      } else {
        decompose(rewriter, op, tracker);
        ++numDecomposed;
      }
    });
    // Parameters that nothing uses any more go before their memory does.
    getOperation().walk([](ConstantOp op) {
      if (op->use_empty())
        op->erase();
    });
    bytesFreed += tracker.freeDead();
  }

private:
  /// Makes the factors and summands of each channel, if all parameters are
  /// constant.
  bool computeAffine(BatchNormOp op) {
    std::optional<ConstantView> scale = ConstantView::get(op.getScale());
    std::optional<ConstantView> bias = ConstantView::get(op.getBias());
    std::optional<ConstantView> mean = ConstantView::get(op.getMean());
    std::optional<ConstantView> variance = ConstantView::get(op.getVariance());
    if (!scale || !bias || !mean || !variance)
      return false;
    int64_t channels = scale->getNumElements();
    for (const ConstantView &view : {*bias, *mean, *variance})
      if (view.getNumElements() != channels)
        return false;
    double epsilon = op.getEpsilon().convertToDouble();
    factors.clear();
    summands.clear();
    for (int64_t i = 0; i != channels; ++i) {
      factors.push_back(scale->getDouble(i) /
                        std::sqrt(variance->getDouble(i) + epsilon));
      summands.push_back(bias->getDouble(i) -
                         mean->getDouble(i) * factors.back());
    }
    return true;
  }

  bool foldIntoConv(IRRewriter &rewriter, BatchNormOp op,
                    ConstantTracker &tracker) {
    if (op.getAxis() != 1 || !op.getInput().hasOneUse() ||
        op.getInput().getType() != op.getType())
      return false;
    Operation *conv = op.getInput().getDefiningOp();
    std::optional<ConvParameters> parameters = ConvParameters::get(conv);
    if (!parameters || parameters->getNumOutputs() != int64_t(factors.size()))
      return false;
    parameters->scaleAndShiftOutput(factors, summands);
    parameters->commit(rewriter, tracker);
    rewriter.replaceOp(op, op.getInput());
    return true;
  }

  /// x * factors + summands, with constants of shape [1, ..., C, ..., 1].
  void decompose(IRRewriter &rewriter, BatchNormOp op,
                 ConstantTracker &tracker) {
    auto makeConstant = [&](ArrayRef<double> values) -> Value {
      SmallVector<int64_t> shape(op.getType().getRank(), 1);
      shape[op.getAxis()] = values.size();
      ElementsAttr value = makeFloatConstant(
          RankedTensorType::get(shape, op.getType().getElementType()), values);
      tracker.note(value);
      return ConstantOp::create(rewriter, op.getLoc(), value);
    };
    Value product = MulOp::create(rewriter, op.getLoc(), op.getType(),
                                  op.getInput(), makeConstant(factors));
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getType(), product,
                                       makeConstant(summands));
  }

  /// The same with parameters that are known at run time.
  void decomposeWithOperations(IRRewriter &rewriter, BatchNormOp op) {
    Location loc = op.getLoc();
    Type type = op.getScale().getType();
    Value epsilon = ConstantOp::create(
        rewriter, loc,
        cast<ElementsAttr>(
            makeSplat(RankedTensorType::get({}, getElementTypeOrSelf(type)),
                      op.getEpsilon().convertToDouble())));
    Value deviation =
        SqrtOp::create(rewriter, loc, type,
                       AddOp::create(rewriter, loc, op.getVariance().getType(),
                                     op.getVariance(), epsilon));
    Value factor = DivOp::create(rewriter, loc, type, op.getScale(), deviation);
    Value summand =
        SubOp::create(rewriter, loc, type, op.getBias(),
                      MulOp::create(rewriter, loc, type, op.getMean(), factor));
    // [C] -> [1, ..., C, ..., 1]
    SmallVector<int64_t> axes, shape(op.getType().getRank(), 1);
    for (int64_t i = 0, e = op.getType().getRank(); i != e; ++i)
      if (i != int64_t(op.getAxis()))
        axes.push_back(i);
    shape[op.getAxis()] = cast<RankedTensorType>(type).getDimSize(0);
    auto wide = RankedTensorType::get(shape, getElementTypeOrSelf(type));
    Value wideFactor = UnsqueezeOp::create(rewriter, loc, wide, factor, axes);
    Value wideSummand = UnsqueezeOp::create(rewriter, loc, wide, summand, axes);
    Value product =
        MulOp::create(rewriter, loc, op.getType(), op.getInput(), wideFactor);
    rewriter.replaceOpWithNewOp<AddOp>(op, op.getType(), product, wideSummand);
  }

  std::vector<double> factors, summands;
};
} // namespace

//===- ConvParameters.cpp - Changing constant weights and biases ----------===//

#include "transforms/simplify/ConvParameters.h"

using namespace mlir;

namespace tenon {

template <typename OpT> static bool hasConstantParameters(OpT op) {
  return op.getLayout() == Layout::NCHW &&
         ConstantView::get(op.getWeights()).has_value() &&
         (!op.getBias() || ConstantView::get(op.getBias()).has_value());
}

std::optional<ConvParameters> ConvParameters::get(Operation *op) {
  // Sums of integers are exact as they are.
  if (op && !isa<FloatType>(getElementTypeOrSelf(op->getResult(0))))
    return std::nullopt;
  ConvParameters parameters;
  parameters.op = op;
  Value biasOperand;
  if (auto conv = dyn_cast_or_null<ConvOp>(op)) {
    if (!hasConstantParameters(conv))
      return std::nullopt;
    parameters.weights = ConstantView::get(conv.getWeights());
    parameters.groups = conv.getGroups();
    biasOperand = conv.getBias();
  } else if (auto conv = dyn_cast_or_null<ConvTransposeOp>(op)) {
    if (!hasConstantParameters(conv))
      return std::nullopt;
    parameters.weights = ConstantView::get(conv.getWeights());
    parameters.groups = conv.getGroups();
    parameters.isTransposed = true;
    biasOperand = conv.getBias();
  } else {
    return std::nullopt;
  }
  ArrayRef<int64_t> shape = parameters.weights->getType().getShape();
  for (int64_t size : shape.drop_front(2))
    parameters.kernelSize *= size;
  parameters.numOutputs =
      parameters.isTransposed ? shape[1] * parameters.groups : shape[0];
  parameters.numInputs =
      parameters.isTransposed ? shape[0] : shape[1] * parameters.groups;
  if (biasOperand)
    parameters.bias = ConstantView::get(biasOperand)->getDoubles();
  else
    parameters.bias.assign(parameters.numOutputs, 0);
  if (int64_t(parameters.bias.size()) != parameters.numOutputs)
    return std::nullopt;
  parameters.outputFactors.assign(parameters.numOutputs, 1);
  parameters.inputFactors.assign(parameters.numInputs, 1);
  return parameters;
}

bool ConvParameters::hasPads() const {
  ArrayRef<int64_t> pads = isTransposed ? cast<ConvTransposeOp>(op).getPads()
                                        : cast<ConvOp>(op).getPads();
  return llvm::any_of(pads, [](int64_t pad) { return pad != 0; });
}

std::pair<int64_t, int64_t> ConvParameters::getChannels(int64_t index) const {
  int64_t inner = weights->getType().getDimSize(1);
  int64_t first = index / (inner * kernelSize);
  int64_t second = index / kernelSize % inner;
  if (isTransposed)
    return {first / (numInputs / groups) * inner + second, first};
  return {first, first / (numOutputs / groups) * inner + second};
}

void ConvParameters::scaleAndShiftOutput(ArrayRef<double> factors,
                                         ArrayRef<double> summands) {
  for (int64_t i = 0; i != numOutputs; ++i) {
    outputFactors[i] *= factors[i];
    bias[i] = bias[i] * factors[i] + summands[i];
    weightsChange |= factors[i] != 1;
  }
  biasChanges = true;
}

void ConvParameters::scaleInput(ArrayRef<double> factors) {
  for (int64_t i = 0; i != numInputs; ++i)
    inputFactors[i] *= factors[i];
  weightsChange = true;
}

void ConvParameters::shiftInput(ArrayRef<double> summands) {
  for (int64_t i = 0, e = weights->getNumElements(); i != e; ++i) {
    auto [output, input] = getChannels(i);
    bias[output] += weights->getDouble(i) * outputFactors[output] *
                    inputFactors[input] * summands[input];
  }
  biasChanges = true;
}

void ConvParameters::commit(RewriterBase &rewriter, ConstantTracker &tracker) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  Type element = weights->getElementType();
  auto makeConstant = [&](ElementsAttr value) {
    tracker.note(value);
    return ConstantOp::create(rewriter, op->getLoc(), value).getOutput();
  };
  rewriter.startOpModification(op);
  if (weightsChange) {
    ConstantBuffer buffer(weights->getType());
    for (int64_t i = 0, e = weights->getNumElements(); i != e; ++i) {
      auto [output, input] = getChannels(i);
      storeDouble(element, buffer.getData(), i,
                  weights->getDouble(i) * outputFactors[output] *
                      inputFactors[input]);
    }
    Value constant = makeConstant(buffer.finish());
    if (isTransposed)
      cast<ConvTransposeOp>(op).getWeightsMutable().assign(constant);
    else
      cast<ConvOp>(op).getWeightsMutable().assign(constant);
  }
  if (biasChanges) {
    Value constant = makeConstant(
        makeFloatConstant(RankedTensorType::get({numOutputs}, element), bias));
    if (isTransposed)
      cast<ConvTransposeOp>(op).getBiasMutable().assign(constant);
    else
      cast<ConvOp>(op).getBiasMutable().assign(constant);
  }
  rewriter.finalizeOpModification(op);
}

std::optional<std::vector<double>>
getPerChannel(Value value, int64_t rank, int64_t axis, int64_t channels) {
  std::optional<ConstantView> view = ConstantView::get(value);
  if (!view)
    return std::nullopt;
  if (view->isSplat() || view->getNumElements() == 1)
    return std::vector<double>(channels, view->getDouble(0));
  if (view->getType().getRank() != rank || view->getNumElements() != channels ||
      view->getType().getDimSize(axis) != channels)
    return std::nullopt;
  return view->getDoubles();
}

} // namespace tenon

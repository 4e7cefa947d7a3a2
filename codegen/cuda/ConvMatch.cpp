//===- ConvMatch.cpp - Kernels that cuDNN can run -------------------------===//

#include "codegen/cuda/LibraryMatcher.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

class ConvMatcher : LibraryMatcher {
public:
  ConvMatcher(KernelOp kernel, std::string &reason)
      : LibraryMatcher(kernel, "cuDNN", reason) {}

  std::optional<LibraryMatch> find() {
    if (!match())
      return std::nullopt;
    conv.bias = bias;
    conv.residual = residual;
    conv.activation = activation;
    return LibraryMatch{encode(conv), wideBias};
  }

private:
  StringRef describeAnchor() const override { return "a convolution"; }
  bool matchAnchor(Operation &op) override;
  TenonLibraryActivation getActivation(Operation &op) override;

  TenonLibraryConv conv{};
};

} // namespace

bool ConvMatcher::matchAnchor(Operation &op) {
  auto found = dyn_cast<ConvOp>(op);
  if (!found)
    return fail(op.getName().getStringRef() + " is no convolution");
  if (!checkFactor(getElement(found.getWeights())))
    return false;
  if (found.getLayout() != Layout::NHWC)
    return fail("its channels are not last");
  ArrayRef<int64_t> weights =
      cast<RankedTensorType>(found.getWeights().getType()).getShape();
  ArrayRef<int64_t> strides = found.getStrides();
  if (strides.size() > TENON_LIBRARY_MAX_AXES)
    return fail("it has more than three axes");
  if (found.getGroups() > 1 && weights.end()[-2] == 1)
    return fail("its groups have one channel each");
  conv.kind = TENON_LIBRARY_CONV;
  conv.input = getArg(found.getInput());
  conv.weights = getArg(found.getWeights());
  if (conv.input < 0 || conv.weights < 0 ||
      !kernel.getInputs()[conv.weights].getDefiningOp<ConstantOp>())
    return fail("it computes its input, or its weights are not constant");
  if (Value added = found.getBias()) {
    bias = getArg(added);
    if (bias < 0)
      return fail("it computes its bias");
  }
  conv.tf32 = isTf32(factor);
  conv.groups = found.getGroups();
  llvm::copy(strides, conv.strides);
  llvm::copy(found.getDilations(), conv.dilations);
  llvm::copy(found.getPads().take_front(strides.size()), conv.padsBefore);
  llvm::copy(found.getPads().drop_front(strides.size()), conv.padsAfter);
  for (ArrayRef<int64_t> numbers : {strides, found.getDilations()})
    if (llvm::any_of(numbers, [](int64_t n) { return n < 1 || n > INT32_MAX; }))
      return fail("its window is too large");
  if (llvm::any_of(found.getPads(),
                   [](int64_t n) { return n < 0 || n > INT32_MAX; }))
    return fail("it takes away from its input");
  value = found.getOutput();
  return true;
}

TenonLibraryActivation ConvMatcher::getActivation(Operation &op) {
  return llvm::TypeSwitch<Operation *, TenonLibraryActivation>(&op)
      .Case([](ReluOp) { return TENON_LIBRARY_RELU; })
      .Case([](SigmoidOp) { return TENON_LIBRARY_SIGMOID; })
      .Case([](TanhOp) { return TENON_LIBRARY_TANH; })
      .Case([](SiluOp) { return TENON_LIBRARY_SILU; })
      .Case([](GeluOp gelu) {
        return gelu.getKind() == GeluKind::Tanh ? TENON_LIBRARY_GELU_TANH
                                                : TENON_LIBRARY_GELU;
      })
      .Case([&](ClipOp clip) {
        std::optional<APFloat> min = clip.getMin(), max = clip.getMax();
        bool isKnown = min && min->isZero() && max && max->isFinite() &&
                       !max->isZero() && !max->isNegative();
        if (isKnown)
          conv.high = max->convertToDouble();
        return isKnown ? TENON_LIBRARY_CLIP : TENON_LIBRARY_NO_ACTIVATION;
      })
      .Default(TENON_LIBRARY_NO_ACTIVATION);
}

std::optional<LibraryMatch> matchConv(KernelOp kernel, std::string &reason) {
  return ConvMatcher(kernel, reason).find();
}

} // namespace tenon::cuda

//===- AttentionMatch.cpp - Attention that cuDNN can run ------------------===//

#include "codegen/cuda/LibraryMatcher.h"

#include <cmath>

using namespace mlir;

namespace tenon::cuda {

namespace {

class AttentionMatcher : LibraryMatcher {
public:
  AttentionMatcher(KernelOp kernel, std::string &reason)
      : LibraryMatcher(kernel, "cuDNN", reason) {}

  std::optional<LibraryMatch> find() {
    if (!match() || !checkResult())
      return std::nullopt;
    return LibraryMatch{encode(attention), wideBias};
  }

private:
  StringRef describeAnchor() const override { return "attention"; }
  bool matchAnchor(Operation &op) override;
  TenonLibraryActivation getActivation(Operation &) override {
    return TENON_LIBRARY_NO_ACTIVATION;
  }
  bool checkResult() {
    if (bias >= 0 || residual >= 0)
      return fail("it adds to what attention computes");
    return getElement(value) == factor ||
           fail("its result is of another type than its factors");
  }

  TenonLibraryAttention attention{};
};

} // namespace

bool AttentionMatcher::matchAnchor(Operation &op) {
  auto found = dyn_cast<AttentionOp>(op);
  if (!found)
    return fail(op.getName().getStringRef() + " is no attention");
  factor = getElement(found.getQuery());
  if (!factor.isF16() && !factor.isBF16())
    return fail("its factors are not of 16 bits");
  // The library reads 16 bytes at once.
  for (Value operand : {found.getQuery(), found.getValue()})
    if (cast<RankedTensorType>(operand.getType()).getShape().back() % 8)
      return fail("its heads are no multiples of eight elements");
  attention.kind = TENON_LIBRARY_ATTENTION;
  attention.query = getArg(found.getQuery());
  attention.key = getArg(found.getKey());
  attention.value = getArg(found.getValue());
  attention.mask = found.getMask() ? getArg(found.getMask()) : -1;
  if (attention.query < 0 || attention.key < 0 || attention.value < 0 ||
      (found.getMask() && attention.mask < 0))
    return fail("it computes an operand");
  attention.scale = found.getScale().convertToDouble();
  if (!std::isfinite(static_cast<float>(attention.scale)))
    return fail("what its scores are multiplied with is beyond the floats");
  value = found.getOutput();
  return true;
}

std::optional<LibraryMatch> matchAttention(KernelOp kernel,
                                           std::string &reason) {
  return AttentionMatcher(kernel, reason).find();
}

} // namespace tenon::cuda

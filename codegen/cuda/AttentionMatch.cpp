//===- AttentionMatch.cpp - Attention that cuDNN can run ------------------===//

#include "codegen/cuda/LibraryMatch.h"
#include "codegen/cuda/LibraryMatcher.h"
#include "dialects/tenon/TenonAttention.h"
#include "dialects/tenon/TenonFloatTypes.h"

#include <cmath>

using namespace mlir;

namespace tenon::cuda {

namespace {

class AttentionMatcher : LibraryMatcher {
public:
  AttentionMatcher(KernelOp kernel, std::string &reason)
      : LibraryMatcher(kernel, "cuDNN", reason) {}

  std::optional<LibraryMatch> find() {
    AttentionOp op = *kernel.getBody().getOps<AttentionOp>().begin();
    if (!matchAnchor(*op) || !matchResult(op.getOutput()) || !isAll())
      return std::nullopt;
    return LibraryMatch{encode(attention), wideBias};
  }

private:
  StringRef describeAnchor() const override { return "attention"; }
  bool matchAnchor(Operation &op) override;
  TenonLibraryActivation getActivation(Operation &) override {
    return TENON_LIBRARY_NO_ACTIVATION;
  }
  bool matchHeads(Value operand, TenonLibraryHeads &heads);
  bool matchResult(Value result);
  bool isAll();

  TenonLibraryAttention attention{};
  llvm::SmallPtrSet<Operation *, 8> known;
};

} // namespace

static TenonLibraryHeads getWhole() {
  return {-1, {0, 1, 2}, {0, 0, 0}, {-1, -1, -1}};
}

static void addSlice(SliceOp slice, TenonLibraryHeads &heads) {
  auto type = cast<RankedTensorType>(slice.getOutput().getType());
  for (auto [axis, start] :
       llvm::zip_equal(slice.getAxes(), *getConstantInts(slice.getStarts()))) {
    int64_t i = llvm::find(heads.axes, axis) - std::begin(heads.axes);
    heads.begins[i] += start;
    if (heads.sizes[i] == -1)
      heads.sizes[i] = type.getDimSize(axis);
  }
}

/// Reads where an operand is in an argument of the kernel.
bool AttentionMatcher::matchHeads(Value operand, TenonLibraryHeads &heads) {
  heads = getWhole();
  while (Operation *op = operand.getDefiningOp()) {
    if (!isFixedViewOfLines(op))
      return fail(isViewOfLines(op)
                      ? "its heads are not a fixed part, one behind the other"
                      : "it computes an operand");
    if (auto transpose = dyn_cast<TransposeOp>(op))
      for (int64_t &axis : heads.axes)
        axis = transpose.getPermutation()[axis];
    else
      addSlice(cast<SliceOp>(op), heads);
    known.insert(op);
    operand = op->getOperand(0);
  }
  heads.arg = getArg(operand);
  return true;
}

bool AttentionMatcher::matchAnchor(Operation &op) {
  auto found = cast<AttentionOp>(op);
  factor = getElement(found.getQuery());
  if (!isHalf(factor))
    return fail("its factors are not of 16 bits");
  // The library reads 16 bytes at once.
  for (Value operand : {found.getQuery(), found.getValue()})
    if (cast<RankedTensorType>(operand.getType()).getShape().back() % 8)
      return fail("its heads are no multiples of eight elements");
  attention.kind = TENON_LIBRARY_ATTENTION;
  attention.mask = found.getMask() ? getArg(found.getMask()) : -1;
  if (found.getMask() && attention.mask < 0)
    return fail("it computes its mask");
  attention.scale = found.getScale().convertToDouble();
  if (!std::isfinite(static_cast<float>(attention.scale)))
    return fail("what its scores are multiplied with is beyond the floats");
  known.insert(found);
  return matchHeads(found.getQuery(), attention.query) &&
         matchHeads(found.getKey(), attention.key) &&
         matchHeads(found.getValue(), attention.value);
}

/// Reads what is behind the attention: its result may be narrowed, and
/// transposed.
bool AttentionMatcher::matchResult(Value result) {
  attention.result = getWhole();
  attention.result.arg = kernel.getBody().getNumArguments();
  Value yielded = kernel.getYield().getOperand(0);
  while (result != yielded) {
    Operation *op = result.hasOneUse() ? *result.user_begin() : nullptr;
    if (auto transpose = dyn_cast_if_present<TransposeOp>(op);
        transpose && isViewOfLines(op)) {
      ArrayRef<int64_t> permutation = transpose.getPermutation();
      for (int64_t &axis : attention.result.axes)
        axis = llvm::find(permutation, axis) - permutation.begin();
    } else if (!isa_and_present<CastOp>(op)) {
      return fail("it computes more than attention");
    }
    known.insert(op);
    result = op->getResult(0);
  }
  return getElement(result) == factor ||
         fail("its result is of another type than its factors");
}

bool AttentionMatcher::isAll() {
  return (kernel.getNumResults() == 1 &&
          llvm::all_of(kernel.getBody().front().without_terminator(),
                       [&](Operation &op) {
                         return known.contains(&op) || isa<ConstantOp>(op);
                       })) ||
         fail("it computes more than attention");
}

std::optional<LibraryMatch> matchAttention(KernelOp kernel,
                                           std::string &reason) {
  return AttentionMatcher(kernel, reason).find();
}

} // namespace tenon::cuda

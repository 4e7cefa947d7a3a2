//===- KernelMatch.cpp - Kernels that are one primitive -------------------===//

#include "codegen/onednn/KernelMatch.h"

#include "include/tenon/tenon.h"
#include "runtime/cpu/OneDnnAbi.h"
#include "llvm/ADT/Sequence.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/ADT/bit.h"

using namespace mlir;

namespace tenon::onednn {

static int64_t getRank(Value value) {
  return cast<RankedTensorType>(value.getType()).getRank();
}

static SmallVector<int64_t> getIdentity(int64_t rank) {
  return llvm::to_vector(llvm::seq<int64_t>(0, rank));
}

/// A feature map as [N, C, spatial...].
static Arg getImage(Value value, Layout layout) {
  int64_t rank = getRank(value);
  if (layout == Layout::NCHW)
    return {value, getIdentity(rank)};
  SmallVector<int64_t> permutation{0, rank - 1};
  for (int64_t i = 1; i + 1 < rank; ++i)
    permutation.push_back(i);
  return {value, permutation};
}

/// The weights of a convolution, [M, C/g, kernel...], or of a transposed one,
/// [C, M/g, kernel...]: in channels-last both dimensions stand last, exchanged.
static Arg getWeights(Value value, Layout layout) {
  int64_t rank = getRank(value);
  if (layout == Layout::NCHW)
    return {value, getIdentity(rank)};
  SmallVector<int64_t> permutation{rank - 1, rank - 2};
  for (int64_t i = 0; i + 2 < rank; ++i)
    permutation.push_back(i);
  return {value, permutation};
}

/// An operand of a matmul, with the last two dimensions exchanged on demand.
static Arg getMatrix(Value value, bool isTransposed) {
  SmallVector<int64_t> permutation = getIdentity(getRank(value));
  if (isTransposed)
    std::swap(permutation[permutation.size() - 1],
              permutation[permutation.size() - 2]);
  return {value, permutation};
}

/// S, groups, strides, pads, dilations.
template <typename OpTy>
static SmallVector<int64_t> getConvAttributes(OpTy op) {
  SmallVector<int64_t> words{int64_t(op.getStrides().size()),
                             int64_t(op.getGroups())};
  llvm::append_range(words, op.getStrides());
  llvm::append_range(words, op.getPads());
  llvm::append_range(words, op.getDilations());
  return words;
}

/// S, kernel, strides, pads, dilations.
template <typename OpTy>
static SmallVector<int64_t> getPoolAttributes(OpTy op) {
  SmallVector<int64_t> words{int64_t(op.getStrides().size())};
  llvm::append_range(words, op.getKernel());
  llvm::append_range(words, op.getStrides());
  llvm::append_range(words, op.getPads());
  llvm::append_range(words, op.getDilations());
  return words;
}

template <typename OpTy>
static void matchConv(OpTy op, int64_t kind, KernelMatch &match) {
  match.kind = kind;
  match.inputs = {getImage(op.getInput(), op.getLayout()),
                  getWeights(op.getWeights(), op.getLayout())};
  if (op.getBias()) {
    match.bias = 2;
    match.inputs.push_back({op.getBias(), {0}});
  }
  match.attributes = getConvAttributes(op);
  match.result = getImage(op.getOutput(), op.getLayout());
}

/// Fills `match` with the first operation of a kernel. Returns why it can't, or
/// nothing.
static std::string matchAnchor(Operation *op, KernelMatch &match) {
  return llvm::TypeSwitch<Operation *, std::string>(op)
      .Case([&](ConvOp op) {
        matchConv(op, TENON_ONEDNN_CONV, match);
        return "";
      })
      .Case([&](ConvTransposeOp op) {
        matchConv(op, TENON_ONEDNN_DECONV, match);
        return "";
      })
      .Case([&](MatMulOp op) {
        match.kind = TENON_ONEDNN_MATMUL;
        match.inputs = {getMatrix(op.getLhs(), op.getTransposeA()),
                        getMatrix(op.getRhs(), op.getTransposeB())};
        match.result = getMatrix(op.getOutput(), /*isTransposed=*/false);
        return "";
      })
      .Case([](MaxPoolOp) {
        return "its maximum of what is all -inf, or has a NaN, is a number";
      })
      .Case([&](AveragePoolOp op) -> std::string {
        if (op.getCeilMode() && op.getCountIncludePad())
          return "its average pooling counts padding behind the input";
        match.kind = TENON_ONEDNN_AVERAGE_POOL;
        match.inputs = {getImage(op.getInput(), op.getLayout())};
        match.attributes = getPoolAttributes(op);
        match.attributes.push_back(op.getCountIncludePad());
        match.result = getImage(op.getOutput(), op.getLayout());
        return "";
      })
      .Case<SoftmaxOp, LogSoftmaxOp>([&](auto op) {
        match.kind = TENON_ONEDNN_SOFTMAX;
        match.inputs = {getMatrix(op.getInput(), /*isTransposed=*/false)};
        match.attributes = {int64_t(op.getAxis()),
                            isa<LogSoftmaxOp>(op.getOperation())};
        match.result = getMatrix(op.getOutput(), /*isTransposed=*/false);
        return "";
      })
      .Case([&](AttentionOp op) -> std::string {
        // None would be an empty product.
        auto keyType = cast<RankedTensorType>(op.getKey().getType());
        if (keyType.isDynamicDim(2) || keyType.getDimSize(2) == 0)
          return "it needs to know the number of keys";
        match.kind = TENON_ONEDNN_ATTENTION;
        for (Value operand : op->getOperands())
          match.inputs.push_back(getMatrix(operand, /*isTransposed=*/false));
        match.attributes = {
            llvm::bit_cast<int64_t>(op.getScale().convertToDouble()),
            op.getMask() ? 3 : -1};
        match.result = getMatrix(op.getOutput(), /*isTransposed=*/false);
        return "";
      })
      .Default([&](Operation *op) {
        return (op->getName().getStringRef() + " is not a primitive").str();
      });
}

static bool allowsPostOps(int64_t kind) {
  return kind != TENON_ONEDNN_SOFTMAX && kind != TENON_ONEDNN_ATTENTION;
}

static bool isBf16(Value value) {
  return getElementTypeOrSelf(value.getType()).isBF16();
}

/// Whether a cast is of what a post-operation reads: the library converts that
/// by itself.
static bool isReadNarrow(CastOp cast) {
  return isa<BlockArgument>(cast.getInput()) && isBf16(cast.getInput()) &&
         cast.getTo().isF32();
}

/// Whether the library has an operation for these element types. What is not
/// f32 is a factor of f32 sums, or both sides of a pooling.
static bool hasTypes(Operation *op) {
  bool isFactored = isa<ConvOp, ConvTransposeOp, MatMulOp>(op) &&
                    getElementTypeOrSelf(op->getResult(0)).isF32();
  bool isPool = isa<AveragePoolOp>(op) && isBf16(op->getOperand(0));
  auto isAllowed = [&](OpOperand &operand) {
    return getElementTypeOrSelf(operand.get().getType()).isF32() ||
           (isBf16(operand.get()) &&
            (isPool || (isFactored && operand.getOperandNumber() < 2)));
  };
  return llvm::all_of(op->getOpOperands(), isAllowed) &&
         (isPool || getElementTypeOrSelf(op->getResult(0)).isF32());
}

/// What is in memory of a post-operation's operand.
static Value getSource(Value operand) {
  auto cast = operand.getDefiningOp<CastOp>();
  return cast ? cast.getInput() : operand;
}

std::optional<KernelMatch> matchKernel(KernelOp kernel, std::string &reason) {
  auto fail = [&](const Twine &why) {
    reason = why.str();
    return std::nullopt;
  };
  if (kernel.getNumResults() != 1)
    return fail("it has several results");

  // Constants, then the anchor, then its tail, each reading the one before.
  KernelMatch match;
  Value value;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    if (isa<ConstantOp>(op))
      continue;
    if (op.getNumResults() != 1)
      return fail(op.getName().getStringRef() + " is not a primitive");
    if (auto cast = dyn_cast<CastOp>(op); cast && isReadNarrow(cast))
      continue;
    if (value && isBf16(value))
      return fail("it computes with what is rounded to bf16");
    if (isa<CastOp>(op) && op.getOperand(0) == value &&
        isBf16(op.getResult(0))) {
      value = op.getResult(0);
      continue;
    }
    if (!hasTypes(&op))
      return fail(op.getName().getStringRef() + " has element types that "
                                                "oneDNN has not");
    for (Value tensor :
         llvm::concat<Value>(op.getOperands(), op.getResults())) {
      if (getRank(tensor) > TENON_ONEDNN_MAX_RANK)
        return fail(op.getName().getStringRef() + " has more than " +
                    Twine(TENON_ONEDNN_MAX_RANK) + " dimensions");
    }
    if (!value) {
      std::string why = matchAnchor(&op, match);
      if (!why.empty())
        return fail(why);
    } else {
      if (!allowsPostOps(match.kind))
        return fail("post-operations of its primitive are not known");
      if (!llvm::is_contained(op.getOperands(), value) ||
          op.getResult(0).getType() != value.getType())
        return fail(op.getName().getStringRef() +
                    " doesn't continue the primitive");
      if (!appendPostOps(&op, value, match.postOps, reason))
        return std::nullopt;
    }
    value = op.getResult(0);
  }
  if (!value || kernel.getYield().getValues().front() != value)
    return fail("its result is not that of the last operation");
  match.result.value = value;
  if (match.postOps.size() > TENON_ONEDNN_MAX_POST_OPS)
    return fail("it has more than " + Twine(TENON_ONEDNN_MAX_POST_OPS) +
                " post-operations");

  // Operands of post-ops stand in memory as the result does, or are one value.
  for (const PostOp &postOp : match.postOps) {
    if (!postOp.operand)
      continue;
    Value operand = getSource(postOp.operand);
    int64_t rank = getRank(operand);
    if (rank == getRank(value))
      match.inputs.push_back({operand, match.result.permutation});
    else if (rank == 0)
      match.inputs.push_back({operand, {}});
    else
      return fail("a post-operation reads a tensor of another rank");
  }
  for (const Arg &input : match.inputs)
    if (!isa<BlockArgument>(input.value))
      return fail("it computes its input");
  return match;
}

bool KernelMatch::hasBf16() const {
  return isBf16(result.value) ||
         llvm::any_of(inputs, [](const Arg &arg) { return isBf16(arg.value); });
}

SmallVector<int64_t> KernelMatch::encode() const {
  SmallVector<int64_t> words{
      TENON_ONEDNN_VERSION,       kind,
      int64_t(inputs.size()) + 1, bias,
      int64_t(attributes.size()), int64_t(postOps.size())};
  auto appendArg = [&](const Arg &arg) {
    words.append({isBf16(arg.value) ? TENON_BF16 : TENON_F32,
                  int64_t(arg.permutation.size())});
    words.append(arg.permutation);
  };
  for (const Arg &input : inputs)
    appendArg(input);
  appendArg(result);
  words.append(attributes);
  int64_t numBinary = llvm::count_if(
      postOps, [](const PostOp &op) { return bool(op.operand); });
  int64_t arg = inputs.size() - numBinary;
  for (const PostOp &op : postOps)
    words.append({op.kind, op.algorithm, llvm::bit_cast<int64_t>(op.alpha),
                  llvm::bit_cast<int64_t>(op.beta), op.operand ? arg++ : -1});
  return words;
}

} // namespace tenon::onednn

//===- KernelWork.cpp - How much work a kernel is -------------------------===//

#include "codegen/common/KernelWork.h"

#include "codegen/common/KnownSizes.h"
#include "dialects/tenon/TenonFloatTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon {

namespace {

/// `factor` arithmetic operations for each element of a box with these
/// dimensions, each of a tensor.
struct FlopTerm {
  int64_t factor;
  SmallVector<std::pair<Value, int64_t>> dims;

  FlopTerm(int64_t factor) : factor(factor) {}
  FlopTerm &by(Value tensor, int64_t dim) {
    dims.push_back({tensor, dim});
    return *this;
  }
  /// All elements of `tensor`, or as many as it has without one dimension.
  FlopTerm &by(Value tensor) { return byAllBut(tensor, -1); }
  FlopTerm &byAllBut(Value tensor, int64_t skipped) {
    for (int64_t i = 0, e = getRank(tensor); i != e; ++i)
      if (i != skipped)
        by(tensor, i);
    return *this;
  }

  static int64_t getRank(Value tensor) {
    return cast<RankedTensorType>(tensor.getType()).getRank();
  }
};

using FlopTerms = SmallVector<FlopTerm, 1>;

} // namespace

static FlopTerms getFlopTerms(Operation *op) {
  Value result = op->getResult(0);
  auto each = [&](int64_t factor) { return FlopTerm(factor).by(result); };
  auto getRank = FlopTerm::getRank;
  // The dimension of a convolution's weights that counts its results.
  auto getChannelDim = [&](auto conv) {
    return conv.getLayout() == Layout::NHWC ? getRank(conv.getWeights()) - 1
                                            : 0;
  };
  return llvm::TypeSwitch<Operation *, FlopTerms>(op)
      .Case([&](ConvOp conv) -> FlopTerms {
        // Each result is a product with all weights of its channel.
        return {each(2).byAllBut(conv.getWeights(), getChannelDim(conv))};
      })
      .Case([&](ConvTransposeOp conv) -> FlopTerms {
        // Each input meets all weights of its channel.
        return {FlopTerm(2)
                    .by(conv.getInput())
                    .byAllBut(conv.getWeights(), getChannelDim(conv))};
      })
      .Case([&](MatMulOp matmul) -> FlopTerms {
        Value lhs = matmul.getLhs();
        return {
            each(2).by(lhs, getRank(lhs) - (matmul.getTransposeA() ? 2 : 1))};
      })
      .Case([&](AttentionOp attention) -> FlopTerms {
        Value query = attention.getQuery(), value = attention.getValue();
        auto scores = [&](int64_t factor) {
          return FlopTerm(factor)
              .byAllBut(query, getRank(query) - 1)
              .by(value, getRank(value) - 2);
        };
        return {scores(2).by(query, getRank(query) - 1),
                scores(2).by(value, getRank(value) - 1), scores(20)};
      })
      .Case([&](LstmOp lstm) -> FlopTerms {
        // Each step of each sequence meets all weights.
        auto steps = [&] { return FlopTerm(2).byAllBut(lstm.getInput(), 2); };
        return {steps().by(lstm.getWeights()),
                steps().by(lstm.getRecurrence())};
      })
      .Case([&](RecurrentOp layer) -> FlopTerms {
        return {FlopTerm(2)
                    .by(layer.getGates(), 1)
                    .by(layer.getGates(), 2)
                    .by(layer.getRecurrence())};
      })
      .Case<MaxPoolOp, AveragePoolOp>([&](auto pool) -> FlopTerms {
        int64_t window = 1;
        for (int64_t size : pool.getKernel())
          window *= size;
        return {each(window)};
      })
      .Case<SoftmaxOp, LogSoftmaxOp>(
          [&](Operation *) -> FlopTerms { return {each(20)}; })
      .Case([&](LayerNormOp) -> FlopTerms { return {each(8)}; })
      .Case([&](ReduceOp reduce) -> FlopTerms {
        return {FlopTerm(1).by(reduce.getInput())};
      })
      .Case<AddOp, SubOp, MulOp, MaxOp, MinOp, ReluOp, NegOp, AbsOp, ClipOp>(
          [&](Operation *) -> FlopTerms { return {each(1)}; })
      .Case([&](ElementwiseOpInterface) -> FlopTerms { return {each(10)}; })
      .Default([](Operation *) -> FlopTerms { return {}; });
}

/// The terms of all operations of a kernel.
static FlopTerms getFlopTerms(KernelOp kernel) {
  FlopTerms terms;
  for (Operation &op : kernel.getBody().front())
    if (op.getNumResults() != 0 &&
        isa<RankedTensorType>(op.getResult(0).getType()))
      llvm::append_range(terms, getFlopTerms(&op));
  return terms;
}

static double getCount(Value tensor, TypicalSizes &sizes) {
  double count = 1;
  for (int64_t i = 0, e = FlopTerm::getRank(tensor); i != e; ++i)
    count *= sizes.getDim(tensor, i);
  return count;
}

double getBytes(Value tensor, TypicalSizes &sizes) {
  Type elementType = getElementTypeOrSelf(tensor.getType());
  unsigned bits =
      elementType.isIntOrFloat() ? elementType.getIntOrFloatBitWidth() : 64;
  return getCount(tensor, sizes) * ((bits + 7) / 8);
}

static double evaluate(ArrayRef<FlopTerm> terms, TypicalSizes &sizes) {
  double sum = 0;
  for (const FlopTerm &term : terms) {
    double flops = term.factor;
    for (auto [tensor, index] : term.dims)
      flops *= sizes.getDim(tensor, index);
    sum += flops;
  }
  return sum;
}

static std::optional<Contraction> getContraction(Operation *op,
                                                 TypicalSizes &sizes) {
  Contraction found{};
  Value weights;
  if (auto conv = dyn_cast<ConvOp>(op)) {
    weights = conv.getWeights();
    int64_t rank = FlopTerm::getRank(weights);
    bool isNhwc = conv.getLayout() == Layout::NHWC;
    found.columns = sizes.getDim(weights, isNhwc ? rank - 1 : 0);
    found.depth = getCount(weights, sizes) / std::max(found.columns, 1.0);
    found.channels = sizes.getDim(weights, isNhwc ? rank - 2 : 1);
    found.isGrouped = conv.getGroups() != 1;
    found.isDepthwise = found.isGrouped && found.channels == 1;
  } else if (auto matmul = dyn_cast<MatMulOp>(op)) {
    weights = matmul.getRhs();
    Value lhs = matmul.getLhs(), output = matmul.getOutput();
    found.columns = sizes.getDim(output, FlopTerm::getRank(output) - 1);
    found.depth = sizes.getDim(lhs, FlopTerm::getRank(lhs) -
                                        (matmul.getTransposeA() ? 2 : 1));
    found.channels = found.depth;
  } else {
    return std::nullopt;
  }
  found.rows = getCount(op->getResult(0), sizes) / std::max(found.columns, 1.0);
  found.flops = evaluate(getFlopTerms(op), sizes);
  found.weightBytes = getBytes(weights, sizes);
  found.isNarrow = isHalf(getElementTypeOrSelf(weights.getType()));
  return found;
}

KernelWork getKernelWork(KernelOp kernel, TypicalSizes &sizes) {
  KernelWork work;
  work.flops = evaluate(getFlopTerms(kernel), sizes);
  for (Value output : kernel.getOutputs()) {
    work.bytes += getBytes(output, sizes);
    work.results += getCount(output, sizes);
  }
  for (Operation &op : kernel.getBody().front()) {
    if (!work.contraction)
      work.contraction = getContraction(&op, sizes);
    if (op.getNumResults() == 0 ||
        !isa<RankedTensorType>(op.getResult(0).getType()))
      continue;
    double count = getCount(op.getResult(0), sizes);
    if (isa<SigmoidOp, SiluOp, TanhOp, ExpOp, EluOp, MishOp, SoftplusOp>(op))
      work.exponentials += count;
    else if (isa<GeluOp, ErfOp>(op))
      work.gelus += count;
    else if (isa<HardSwishOp>(op))
      work.hardSwishes += count;
  }
  for (auto [input, argument] :
       llvm::zip(kernel.getInputs(), kernel.getBody().getArguments())) {
    work.bytes += getBytes(input, sizes);
    bool isContracted = llvm::any_of(argument.getUsers(), [](Operation *user) {
      return isa<ConvOp, MatMulOp>(user);
    });
    double count = getCount(input, sizes);
    if (!isContracted && work.contraction && count >= work.results)
      work.residuals += count;
  }
  return work;
}

//===----------------------------------------------------------------------===//
// Work as a value
//===----------------------------------------------------------------------===//

namespace {

/// Computes dimensions of tensors within a kernel before the kernel, from what
/// is known there.
class OuterDims {
public:
  OuterDims(KernelOp kernel, RewriterBase &rewriter)
      : kernel(kernel), rewriter(rewriter) {
    Block &body = kernel.getBody().front();
    for (auto [argument, scalar] :
         llvm::zip(body.getArguments().take_back(kernel.getScalars().size()),
                   kernel.getScalars()))
      outer.map(argument, scalar);
  }

  /// Null where it depends on what the kernel computes.
  Value get(Value tensor, int64_t index) {
    auto type = cast<RankedTensorType>(tensor.getType());
    Location loc = kernel.getLoc();
    if (!type.isDynamicDim(index))
      return arith::ConstantIndexOp::create(rewriter, loc,
                                            type.getDimSize(index));
    if (auto argument = dyn_cast<BlockArgument>(tensor))
      return tensor::DimOp::create(
          rewriter, loc, kernel.getInputs()[argument.getArgNumber()], index);
    for (auto [i, yielded] : llvm::enumerate(kernel.getYield().getOperands()))
      if (yielded == tensor)
        return getValueOrCreateConstantIndexOp(rewriter, loc,
                                               kernel.getResultSizes(i)[index]);
    return getReified(cast<OpResult>(tensor), index);
  }

private:
  Value getReified(OpResult tensor, int64_t index) {
    // Sizes are told in the region; they are copied from there.
    Operation *op = tensor.getOwner();
    OpBuilder inner(op);
    Operation *before = op->getPrevNode();
    ReifiedRankedShapedTypeDims shapes;
    Value size;
    if (succeeded(reifyResultShapes(inner, op, shapes)))
      size = copy(shapes[tensor.getResultNumber()][index]);
    while (op->getPrevNode() != before)
      rewriter.eraseOp(op->getPrevNode());
    return size;
  }

  Value copy(OpFoldResult size) {
    if (std::optional<int64_t> constant = getConstantIntValue(size))
      return arith::ConstantIndexOp::create(rewriter, kernel.getLoc(),
                                            *constant);
    // Not in `outer`: what is copied here is erased then.
    IRMapping copies = outer;
    return codegen::cloneSize(rewriter, cast<Value>(size), copies,
                              [&](Value part) -> std::optional<Value> {
                                auto dim = part.getDefiningOp<tensor::DimOp>();
                                if (!dim)
                                  return std::nullopt;
                                auto index = dim.getConstantIndex();
                                return index ? get(dim.getSource(), *index)
                                             : Value();
                              });
  }

  KernelOp kernel;
  RewriterBase &rewriter;
  IRMapping outer;
};

} // namespace

Value buildFlops(KernelOp kernel, RewriterBase &rewriter) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(kernel);
  Location loc = kernel.getLoc();
  OuterDims dims(kernel, rewriter);
  Value sum = arith::ConstantIndexOp::create(rewriter, loc, 0);
  for (const FlopTerm &term : getFlopTerms(kernel)) {
    Value flops = arith::ConstantIndexOp::create(rewriter, loc, term.factor);
    for (auto [tensor, index] : term.dims) {
      Value size = dims.get(tensor, index);
      if (!size)
        return {};
      flops = rewriter.createOrFold<arith::MulIOp>(loc, flops, size);
    }
    sum = rewriter.createOrFold<arith::AddIOp>(loc, sum, flops);
  }
  return sum;
}

double getPeakTime(double flops, TargetAttr target) {
  constexpr double kFrequency = 3.8; // cycles a nanosecond
  double lanes = std::max(1.0, target.getVectorBits() / 32.0);
  return flops / (kFrequency * lanes * 4); // two units, two operations each
}

double getLaneFactor(TargetAttr target) {
  return 16 / std::max(1.0, target.getVectorBits() / 32.0);
}

double getRooflineTime(const KernelWork &work, TargetAttr target,
                       double efficiency) {
  constexpr double kBandwidth = 25.0; // bytes a nanosecond
  return std::max(getPeakTime(work.flops, target) / efficiency,
                  work.bytes / kBandwidth);
}

} // namespace tenon

//===- KernelWork.cpp - How much work a kernel is -------------------------===//

#include "codegen/common/KernelWork.h"

#include "codegen/common/Provider.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon {

static double getDim(int64_t size) {
  return ShapedType::isDynamic(size) ? Provider::kTypicalDim : size;
}

static double getCount(Value tensor) {
  double count = 1;
  for (int64_t size : cast<RankedTensorType>(tensor.getType()).getShape())
    count *= getDim(size);
  return count;
}

static double getBytes(Value tensor) {
  Type elementType = getElementTypeOrSelf(tensor.getType());
  unsigned bits =
      elementType.isIntOrFloat() ? elementType.getIntOrFloatBitWidth() : 64;
  return getCount(tensor) * ((bits + 7) / 8);
}

static double getFlops(Operation *op) {
  double count = getCount(op->getResult(0));
  auto getShape = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getShape();
  };
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([&](ConvOp conv) {
        // Each result is a product with all weights of its channel.
        double channels = getDim(conv.getLayout() == Layout::NHWC
                                     ? getShape(conv.getWeights()).back()
                                     : getShape(conv.getWeights()).front());
        return 2 * count * getCount(conv.getWeights()) / channels;
      })
      .Case([&](ConvTransposeOp conv) {
        // Each input meets all weights of its channel.
        double channels = getDim(conv.getLayout() == Layout::NHWC
                                     ? getShape(conv.getWeights()).back()
                                     : getShape(conv.getWeights()).front());
        return 2 * getCount(conv.getInput()) * getCount(conv.getWeights()) /
               channels;
      })
      .Case([&](MatMulOp matmul) {
        ArrayRef<int64_t> lhs = getShape(matmul.getLhs());
        return 2 * count *
               getDim(lhs[lhs.size() - (matmul.getTransposeA() ? 2 : 1)]);
      })
      .Case([&](AttentionOp attention) {
        ArrayRef<int64_t> query = getShape(attention.getQuery());
        ArrayRef<int64_t> value = getShape(attention.getValue());
        double scores = getCount(attention.getQuery()) / getDim(query.back()) *
                        getDim(value[value.size() - 2]);
        return scores *
               (2 * getDim(query.back()) + 2 * getDim(value.back()) + 20);
      })
      .Case([&](LstmOp lstm) {
        double steps = getDim(getShape(lstm.getInput()).front());
        return 2 * steps *
               (getCount(lstm.getWeights()) + getCount(lstm.getRecurrence()));
      })
      .Case<MaxPoolOp, AveragePoolOp>([&](auto pool) {
        double window = 1;
        for (int64_t size : pool.getKernel())
          window *= size;
        return count * window;
      })
      .Case<SoftmaxOp, LogSoftmaxOp>([&](Operation *) { return 20 * count; })
      .Case([&](LayerNormOp) { return 8 * count; })
      .Case([&](ReduceOp reduce) { return getCount(reduce.getInput()); })
      .Case<AddOp, SubOp, MulOp, MaxOp, MinOp, ReluOp, NegOp, AbsOp, ClipOp>(
          [&](Operation *) { return count; })
      .Case([&](ElementwiseOpInterface) { return 10 * count; })
      .Default([](Operation *) { return 0.0; });
}

KernelWork getKernelWork(KernelOp kernel) {
  KernelWork work;
  for (Value input : kernel.getInputs())
    work.bytes += getBytes(input);
  for (Value output : kernel.getOutputs())
    work.bytes += getBytes(output);
  for (Operation &op : kernel.getBody().front())
    if (op.getNumResults() != 0 &&
        isa<RankedTensorType>(op.getResult(0).getType()))
      work.flops += getFlops(&op);
  return work;
}

double getRooflineTime(const KernelWork &work, TargetAttr target,
                       double efficiency) {
  constexpr double kFrequency = 2.0;  // cycles a nanosecond
  constexpr double kBandwidth = 13.0; // bytes a nanosecond
  double lanes = std::max(1.0, target.getVectorBits() / 32.0);
  double peak = kFrequency * lanes * 4; // two units, two operations each
  return std::max(work.flops / (peak * efficiency), work.bytes / kBandwidth);
}

} // namespace tenon

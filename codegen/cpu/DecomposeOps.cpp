//===- DecomposeOps.cpp - Normalisations as reductions --------------------===//

#include "codegen/cpu/DecomposeOps.h"

#include "codegen/cpu/Reduction.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

class Decomposer {
public:
  explicit Decomposer(Operation *op) : builder(op), loc(op->getLoc()) {}

  /// The input in the type that is computed with.
  Value widen(Value tensor) {
    auto type = cast<RankedTensorType>(tensor.getType());
    if (cast<FloatType>(type.getElementType()).getWidth() >= 32)
      return tensor;
    return cast(tensor, builder.getF32Type());
  }
  /// `tensor` in the element type of `like`.
  Value narrow(Value tensor, Value like) {
    Type type = getElementTypeOrSelf(like);
    return getElementTypeOrSelf(tensor) == type ? tensor : cast(tensor, type);
  }
  Value reduce(Value tensor, ReduceKind kind, ArrayRef<int64_t> axes) {
    return ReduceOp::create(builder, loc, tensor,
                            ReduceKindAttr::get(builder.getContext(), kind),
                            builder.getDenseI64ArrayAttr(axes));
  }
  template <typename Op> Value make(Value a) {
    return Op::create(builder, loc, a);
  }
  /// The result has the type of `a`, along which `b` is repeated. Inference
  /// might find more in the type of `b`, a size that is known; but rows are
  /// told from what they are reduced to by their types.
  template <typename Op> Value make(Value a, Value b) {
    return Op::create(builder, loc, a.getType(), a, b);
  }
  Value scalar(Value like, double value) {
    Type type = getElementTypeOrSelf(like);
    return ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(RankedTensorType::get({}, type),
                               Attribute(builder.getFloatAttr(type, value))));
  }
  /// Dimensions of size 1 in front, up to the rank of `like`.
  Value raise(Value tensor, Value like) {
    int64_t missing = getRank(like) - getRank(tensor);
    if (missing == 0)
      return tensor;
    auto axes = llvm::to_vector(llvm::seq<int64_t>(0, missing));
    return UnsqueezeOp::create(builder, loc, tensor,
                               builder.getDenseI64ArrayAttr(axes));
  }
  static int64_t getRank(Value tensor) {
    return mlir::cast<RankedTensorType>(tensor.getType()).getRank();
  }

  Value decompose(SoftmaxOp op);
  Value decompose(LogSoftmaxOp op);
  Value decompose(LayerNormOp op);
  Value decompose(ReduceOp op);

private:
  Value cast(Value tensor, Type type) {
    return CastOp::create(builder, loc, tensor, TypeAttr::get(type));
  }
  template <typename To> static To cast(Type type) {
    return mlir::cast<To>(type);
  }

  OpBuilder builder;
  Location loc;
};

} // namespace

Value Decomposer::decompose(SoftmaxOp op) {
  int64_t axis = op.getAxis();
  Value x = widen(op.getInput());
  Value shifted = make<SubOp>(x, reduce(x, ReduceKind::Max, axis));
  Value e = make<ExpOp>(shifted);
  Value inverse = make<ReciprocalOp>(reduce(e, ReduceKind::Sum, axis));
  return narrow(make<MulOp>(e, inverse), op.getInput());
}

Value Decomposer::decompose(LogSoftmaxOp op) {
  int64_t axis = op.getAxis();
  Value x = widen(op.getInput());
  Value shifted = make<SubOp>(x, reduce(x, ReduceKind::Max, axis));
  Value sum = reduce(make<ExpOp>(shifted), ReduceKind::Sum, axis);
  return narrow(make<SubOp>(shifted, make<LogOp>(sum)), op.getInput());
}

Value Decomposer::decompose(LayerNormOp op) {
  Value x = widen(op.getInput());
  auto axes =
      llvm::to_vector(llvm::seq<int64_t>(op.getAxis(), getRank(op.getInput())));
  Value centred = make<SubOp>(x, reduce(x, ReduceKind::Mean, axes));
  Value square = make<MulOp>(centred, centred);
  Value variance = reduce(square, ReduceKind::Mean, axes);
  Value epsilon = scalar(x, op.getEpsilon().convertToDouble());
  Value factor = make<RsqrtOp>(make<AddOp>(variance, epsilon));
  Value y = make<MulOp>(centred, factor);
  y = make<MulOp>(y, widen(raise(op.getScale(), x)));
  if (op.getBias())
    y = make<AddOp>(y, widen(raise(op.getBias(), x)));
  return narrow(y, op.getInput());
}

Value Decomposer::decompose(ReduceOp op) {
  Value x = widen(op.getInput());
  // Shifted by the largest, so that nothing overflows. The shift stays finite:
  // infinity less itself is no number.
  double limit = getLargest(getElementTypeOrSelf(x)).convertToDouble();
  Value shift = ClipOp::create(
      builder, loc, reduce(x, ReduceKind::Max, op.getAxes()),
      builder.getF64FloatAttr(-limit), builder.getF64FloatAttr(limit));
  Value e = make<ExpOp>(make<SubOp>(x, shift));
  Value sum = reduce(e, ReduceKind::Sum, op.getAxes());
  return narrow(make<AddOp>(make<LogOp>(sum), shift), op.getInput());
}

void decomposeOps(KernelOp kernel) {
  for (Operation &op : llvm::make_early_inc_range(
           kernel.getBody().front().without_terminator())) {
    Value result = llvm::TypeSwitch<Operation *, Value>(&op)
                       .Case<SoftmaxOp, LogSoftmaxOp, LayerNormOp>(
                           [](auto op) { return Decomposer(op).decompose(op); })
                       .Case([](ReduceOp op) {
                         return op.getKind() == ReduceKind::LogSumExp
                                    ? Decomposer(op).decompose(op)
                                    : Value();
                       })
                       .Default([](Operation *) { return Value(); });
    if (!result)
      continue;
    op.getResult(0).replaceAllUsesWith(result);
    op.erase();
  }
}

} // namespace tenon::cpu

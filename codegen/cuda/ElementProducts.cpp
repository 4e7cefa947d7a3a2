//===- ElementProducts.cpp - Elements of matrix products ------------------===//

#include "codegen/cuda/ElementProducts.h"

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cpu/Reduction.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace tenon::cuda {

using cpu::ElementEmitter;
using cpu::LaneIndex;

namespace {

/// Sums products of the elements of two tensors.
class ProductBuilder {
public:
  explicit ProductBuilder(ElementEmitter &emitter, Type element)
      : emitter(emitter), builder(emitter.getBuilder()), loc(emitter.getLoc()),
        accumulator(cpu::Reduction(ReduceKind::Sum, element, builder, loc)
                        .getAccumulatorType()) {}

  Value load(Value tensor, ElementEmitter::Index index) {
    return cpu::convertFloat(builder, loc, emitter.get(tensor, index),
                             accumulator);
  }
  Value multiplyAdd(Value a, Value b, Value sum) {
    if (isa<FloatType>(accumulator))
      return math::FmaOp::create(builder, loc, a, b, sum);
    return arith::AddIOp::create(builder, loc, sum,
                                 arith::MulIOp::create(builder, loc, a, b));
  }
  /// The sum of `lhs` times `rhs` at the indices that the functions give for
  /// each step.
  using MakeIndex = llvm::function_ref<SmallVector<LaneIndex>(Value step)>;
  Value sum(Dim depth, Value lhs, MakeIndex lhsIndex, Value rhs,
            MakeIndex rhsIndex) {
    Value zero = emitter.constant(accumulator, 0);
    return emitter.loop(0, depth, zero, [&](Value step, ValueRange carried) {
      return SmallVector<Value>{multiplyAdd(
          load(lhs, lhsIndex(step)), load(rhs, rhsIndex(step)), carried[0])};
    })[0];
  }

  ElementEmitter &emitter;
  OpBuilder &builder;
  Location loc;
  Type accumulator;
};

/// The part of `index` that `shape` has, from the right: dimensions of size 1
/// are broadcast.
SmallVector<LaneIndex> broadcastIndex(ArrayRef<LaneIndex> index,
                                      ArrayRef<Dim> shape) {
  SmallVector<LaneIndex> result(index.take_back(shape.size()));
  for (auto [i, size] : llvm::zip_equal(result, shape))
    if (size.isConstant() && size.getConstant() == 1)
      i = LaneIndex(0);
  return result;
}

Value buildMatMul(ElementEmitter &emitter, MatMulOp op,
                  ElementEmitter::Index index) {
  cpu::KernelFunction &function = emitter.getFunction();
  ProductBuilder product(emitter, function.getElementType(op.getLhs()));
  LaneIndex row = index[index.size() - 2], column = index.back();
  auto getIndex = [&](Value operand, bool isTransposed, LaneIndex first,
                      LaneIndex second) {
    SmallVector<LaneIndex> at =
        broadcastIndex(index.drop_back(2),
                       ArrayRef<Dim>(function.getShape(operand)).drop_back(2));
    if (isTransposed)
      std::swap(first, second);
    at.append({first, second});
    return at;
  };
  SmallVector<Dim> lhsShape = function.getShape(op.getLhs());
  Value sum = product.sum(
      lhsShape[lhsShape.size() - (op.getTransposeA() ? 2 : 1)], op.getLhs(),
      [&](Value k) {
        return getIndex(op.getLhs(), op.getTransposeA(), row, LaneIndex(k));
      },
      op.getRhs(),
      [&](Value k) {
        return getIndex(op.getRhs(), op.getTransposeB(), LaneIndex(k), column);
      });
  return cpu::convertFloat(emitter.getBuilder(), emitter.getLoc(), sum,
                           function.getElementType(op.getOutput()));
}

/// Goes over the keys once: what is summed so far is scaled when a larger score
/// appears, so that no scores are kept. Keys that are all masked make NaN, and
/// no keys make 0, as on the processor.
Value buildAttention(ElementEmitter &emitter, AttentionOp op,
                     ElementEmitter::Index index) {
  cpu::KernelFunction &function = emitter.getFunction();
  ProductBuilder product(emitter, function.getElementType(op.getQuery()));
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Type type = product.accumulator;
  LaneIndex batch = index[0], head = index[1], query = index[2],
            column = index[3];
  Dim depth = function.getShape(op.getQuery())[3];
  Dim numKeys = function.getShape(op.getValue())[2];
  Value scale = emitter.constant(type, op.getScale().convertToDouble());
  Value zero = emitter.constant(type, 0);
  // Finite, so that a score of -inf differs from it.
  Value least = cpu::buildConstant(
      builder, loc, type, builder.getFloatAttr(type, -cpu::getLargest(type)));
  auto exp = [&](Value a, Value b) -> Value {
    return math::ExpOp::create(builder, loc,
                               arith::SubFOp::create(builder, loc, a, b));
  };

  SmallVector<Value> state = emitter.loop(
      0, numKeys, {least, zero, zero},
      [&](Value key, ValueRange carried) -> SmallVector<Value> {
        Value score = product.sum(
            depth, op.getQuery(),
            [&](Value k) {
              return SmallVector<LaneIndex>{batch, head, query, LaneIndex(k)};
            },
            op.getKey(),
            [&](Value k) {
              return SmallVector<LaneIndex>{batch, head, LaneIndex(key),
                                            LaneIndex(k)};
            });
        score = arith::MulFOp::create(builder, loc, score, scale);
        if (Value mask = op.getMask())
          score = arith::AddFOp::create(
              builder, loc, score,
              product.load(mask,
                           broadcastIndex({batch, head, query, LaneIndex(key)},
                                          function.getShape(mask))));
        Value most = cpu::buildMax(builder, loc, carried[0], score);
        Value rescale = exp(carried[0], most), weight = exp(score, most);
        Value value =
            product.load(op.getValue(), {batch, head, LaneIndex(key), column});
        return {most, product.multiplyAdd(carried[1], rescale, weight),
                product.multiplyAdd(
                    carried[2], rescale,
                    arith::MulFOp::create(builder, loc, weight, value))};
      });
  Value isEmpty = emitter.getIndices().less(numKeys, Dim(1));
  Value sum = arith::SelectOp::create(builder, loc, isEmpty,
                                      emitter.constant(type, 1), state[1]);
  return cpu::convertFloat(builder, loc,
                           arith::DivFOp::create(builder, loc, state[2], sum),
                           function.getElementType(op.getOutput()));
}

} // namespace

bool isProduct(Operation *op) { return isa<MatMulOp, AttentionOp>(op); }

void bindProduct(ElementEmitter &emitter, Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    emitter.bind(matmul.getOutput(), [matmul](ElementEmitter &emitter,
                                              ElementEmitter::Index index) {
      return buildMatMul(emitter, matmul, index);
    });
  else if (auto attention = dyn_cast<AttentionOp>(op))
    emitter.bind(
        attention.getOutput(),
        [attention](ElementEmitter &emitter, ElementEmitter::Index index) {
          return buildAttention(emitter, attention, index);
        });
}

} // namespace tenon::cuda

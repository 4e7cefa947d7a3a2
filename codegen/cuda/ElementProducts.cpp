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

} // namespace

bool isProduct(Operation *op) { return isa<MatMulOp>(op); }

void bindProduct(ElementEmitter &emitter, Operation *op) {
  if (auto matmul = dyn_cast<MatMulOp>(op))
    emitter.bind(matmul.getOutput(), [matmul](ElementEmitter &emitter,
                                              ElementEmitter::Index index) {
      return buildMatMul(emitter, matmul, index);
    });
}

} // namespace tenon::cuda

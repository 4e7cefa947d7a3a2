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
  OpBuilder &builder = emitter.getBuilder();
  Location loc = emitter.getLoc();
  Type type = cpu::Reduction(ReduceKind::Sum,
                             function.getElementType(op.getLhs()), builder, loc)
                  .getAccumulatorType();
  auto load = [&](Value operand, ElementEmitter::Index at) {
    return cpu::convertFloat(builder, loc, emitter.get(operand, at), type);
  };
  SmallVector<Dim> lhsShape = function.getShape(op.getLhs());
  Dim depth = lhsShape[lhsShape.size() - (op.getTransposeA() ? 2 : 1)];
  Value sum = emitter.loop(
      0, depth, emitter.constant(type, 0),
      [&](Value step, ValueRange carried) -> SmallVector<Value> {
        LaneIndex k(step);
        Value a = load(op.getLhs(),
                       getIndex(op.getLhs(), op.getTransposeA(), row, k));
        Value b = load(op.getRhs(),
                       getIndex(op.getRhs(), op.getTransposeB(), k, column));
        if (isa<FloatType>(type))
          return {math::FmaOp::create(builder, loc, a, b, carried[0])};
        return {
            arith::AddIOp::create(builder, loc, carried[0],
                                  arith::MulIOp::create(builder, loc, a, b))};
      })[0];
  return cpu::convertFloat(builder, loc, sum,
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

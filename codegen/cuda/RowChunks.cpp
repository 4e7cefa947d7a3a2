//===- RowChunks.cpp - Neighbouring elements that a thread takes at once --===//

#include "codegen/cuda/RowChunks.h"

#include "codegen/cpu/KernelShape.h"
#include "codegen/cuda/BlockCode.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace tenon::cuda {

namespace {

/// Follows a chunk from the results to what is read.
class ChunkFinder {
public:
  ChunkFinder(cpu::KernelFunction &function, RowChunks &chunks)
      : function(function), chunks(chunks),
        dims(function.getBuilder(), function.getLoc()) {}

  /// Whether a chunk along the last dimension of `value` is one of all that it
  /// is computed from, if `multiples` are.
  bool visit(Value value);
  /// Has rows of a tensor in memory, unless it is one, begin with a chunk.
  void requireRows(Value tensor);

private:
  static RankedTensorType getType(Value value) {
    return cast<RankedTensorType>(value.getType());
  }
  /// Whether all lanes of a chunk have the same element of an operand.
  static bool isBroadcast(Value operand) {
    RankedTensorType type = getType(operand);
    return type.getRank() == 0 || type.getShape().back() == 1;
  }
  /// Whether an element of a shape operand is known to be `wanted`.
  bool isElement(Value tensor, int64_t i, int64_t wanted) {
    Dim element = function.getShapeElement(tensor, i);
    return element.isConstant() && element.getConstant() == wanted;
  }
  bool visitSlice(SliceOp op);
  bool visitConcat(ConcatOp op);
  bool visitOp(Operation *op, int64_t last);

  cpu::KernelFunction &function;
  RowChunks &chunks;
  DimBuilder dims;
  llvm::DenseMap<Value, bool> known;
};

} // namespace

bool isOneRow(ArrayRef<Dim> shape) {
  return llvm::all_of(shape.drop_back(), [](Dim size) {
    return size.isConstant() && size.getConstant() == 1;
  });
}

void ChunkFinder::requireRows(Value tensor) {
  SmallVector<Dim> shape = function.getShape(tensor);
  if (!isOneRow(shape))
    chunks.multiples.push_back(shape.back());
}

bool ChunkFinder::visitSlice(SliceOp op) {
  int64_t last = getType(op.getInput()).getRank() - 1;
  for (auto [i, axis, step] : llvm::enumerate(op.getAxes(), op.getSteps())) {
    if (axis != last)
      continue;
    Dim start = function.getShapeElement(op.getStarts(), i);
    if (step != 1 || !start.isConstant())
      return false;
    if (start.getConstant() < 0)
      start = dims.add(function.getShape(op.getInput())[last], start);
    chunks.multiples.push_back(start);
  }
  return visit(op.getInput());
}

bool ChunkFinder::visitConcat(ConcatOp op) {
  if (int64_t(op.getAxis()) + 1 == getType(op.getOutput()).getRank())
    for (Value input : op.getInputs().drop_back())
      chunks.multiples.push_back(function.getShape(input).back());
  return llvm::all_of(op.getInputs(),
                      [&](Value input) { return visit(input); });
}

bool ChunkFinder::visitOp(Operation *op, int64_t last) {
  return llvm::TypeSwitch<Operation *, bool>(op)
      .Case<RangeOp, tensor::FromElementsOp>([](auto) { return true; })
      .Case([&](ElementwiseOpInterface) {
        return llvm::all_of(op->getOperands(), [&](Value operand) {
          return isBroadcast(operand) || visit(operand);
        });
      })
      .Case([&](ExpandOp op) {
        return isBroadcast(op.getInput()) || visit(op.getInput());
      })
      .Case<ReshapeOp, SqueezeOp, UnsqueezeOp>([&](auto op) {
        // Positions stay; in one dimension they are the index.
        requireRows(op.getOutput());
        return isa<BlockArgument>(op.getInput()) ||
               (getType(op.getInput()).getRank() == 1 && visit(op.getInput()));
      })
      .Case([&](TransposeOp op) {
        return op.getPermutation().back() == last && visit(op.getInput());
      })
      .Case([&](SliceOp op) { return visitSlice(op); })
      .Case([&](ConcatOp op) { return visitConcat(op); })
      .Case([&](GatherOp op) {
        return int64_t(op.getAxis()) + 1 != getType(op.getInput()).getRank() &&
               visit(op.getInput());
      })
      .Case([&](TileOp op) {
        return isElement(op.getRepeats(), last, 1) && visit(op.getInput());
      })
      .Case([&](PadOp op) {
        return isElement(op.getPads(), last, 0) &&
               isElement(op.getPads(), 2 * last + 1, 0) && visit(op.getInput());
      })
      .Case([&](ResizeOp op) {
        return !llvm::is_contained(op.getAxes(), last) && visit(op.getInput());
      })
      .Case<MaxPoolOp, AveragePoolOp>([&](auto op) {
        return op.getLayout() == Layout::NHWC && visit(op.getInput());
      })
      .Default(false);
}

bool ChunkFinder::visit(Value value) {
  if (auto seen = known.find(value); seen != known.end())
    return seen->second;
  Operation *op = value.getDefiningOp();
  bool isInMemory = !op || isa<ConstantOp>(op);
  if (isInMemory)
    requireRows(value);
  return known[value] = isInMemory || visitOp(op, getType(value).getRank() - 1);
}

RowChunks findRowChunks(cpu::KernelFunction &function) {
  RowChunks chunks;
  SmallVector<Dim> shape = function.getShape(function.getYielded(0));
  if (shape.empty())
    return chunks;
  ChunkFinder finder(function, chunks);
  for (Value yielded : function.getKernel().getYield().getOperands()) {
    finder.requireRows(yielded);
    if (!finder.visit(yielded))
      return {};
  }
  chunks.width = cpu::getKernelWidth(function, shape.back(), 8 * kChunkBytes);
  for (Dim multiple : chunks.multiples)
    while (multiple.isConstant() && multiple.getConstant() % chunks.width != 0)
      chunks.width /= 2;
  llvm::erase_if(chunks.multiples, [](Dim dim) { return dim.isConstant(); });
  return chunks;
}

} // namespace tenon::cuda

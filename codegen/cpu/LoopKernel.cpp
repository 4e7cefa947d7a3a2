//===- LoopKernel.cpp - Pointwise work and movements ----------------------===//
//
// A unit is a row of the result (a part of it, if rows are long), and the lanes
// of vectors lie along it. Two things are seen to beforehand: a concatenation
// is a loop for each operand rather than a choice for each element, and what is
// read across its rows is transposed in squares.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/Emitters.h"
#include "codegen/cpu/KernelShape.h"
#include "codegen/cpu/UnitLoop.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

/// Elements of a row in one unit: enough to make the loop around it cheap, few
/// enough to share out.
static constexpr int64_t kChunkSize = 4096;
/// The largest square that is transposed in registers.
static constexpr int64_t kMaxSquare = 16;
/// The most operands of a concatenation whose sizes are added in the code.
static constexpr size_t kMaxSummedSizes = 16;

namespace {

class LoopKernel {
public:
  explicit LoopKernel(KernelFunction &function)
      : function(function), builder(function.getBuilder()),
        loc(function.getLoc()) {
    shape = function.getShape(function.getYielded(0));
    rowSize = shape.empty() ? Dim(1) : shape.back();
    width = getKernelWidth(function, rowSize);
    // Scalars are rows of one element.
    outer.assign(shape.begin(), shape.end() - !shape.empty());
    // A square of one element is none.
    if (width > 1)
      transposed = getTransposedArguments(function.getKernel());
    if (transposed.rows >= 0) {
      width = std::min(width, kMaxSquare);
      tiles = Chunks{
          width,
          DimBuilder(builder, loc).ceilDiv(shape[transposed.rows], width)};
      outer[transposed.rows] = tiles.count;
      chunks = getChunks(builder, loc, rowSize, kChunkSize / width);
    } else {
      chunks = getChunks(builder, loc, rowSize, kChunkSize);
    }
    outer.push_back(chunks.count);
  }

  Value emitUnits() { return emitUnitCount(function, outer); }
  void emitBody();

private:
  bool isTiled() const { return transposed.rows >= 0; }
  SmallVector<LaneIndex> getIndex(ArrayRef<Dim> outerIndex, Value i) {
    SmallVector<LaneIndex> index(outerIndex.begin(), outerIndex.end());
    if (!shape.empty())
      index.push_back(LaneIndex(Dim(i), width == 1 ? Dim(0) : Dim(1)));
    return index;
  }
  void emitElements(ElementEmitter &emitter, ArrayRef<LaneIndex> index);
  void emitRow(ArrayRef<Dim> outerIndex, Dim begin, Dim end);
  void sumConcatSizes(ConcatOp concat);
  void emitConcat(ConcatOp concat, ArrayRef<Dim> outerIndex, Dim begin,
                  Dim end);
  void emitTiles(ArrayRef<Dim> outerIndex, Dim begin, Dim end);
  void emitSquare(const TransposedArguments::Argument &argument, Value scratch,
                  ArrayRef<Dim> outerIndex, Dim rowBegin, Value i, Dim end,
                  Value mask);

  KernelFunction &function;
  OpBuilder &builder;
  Location loc;
  SmallVector<Dim> shape;
  /// Sizes of the dimensions that units go over.
  SmallVector<Dim> outer;
  Dim rowSize;
  int64_t width;
  Chunks chunks;
  TransposedArguments transposed;
  /// Of rows that are transposed together.
  Chunks tiles;
  /// Where the operands of a concatenation end, if there are many.
  Value concatEnds;
};

} // namespace

void LoopKernel::emitElements(ElementEmitter &emitter,
                              ArrayRef<LaneIndex> index) {
  SmallVector<Value> elements;
  for (Value yielded : function.getKernel().getYield().getOperands())
    elements.push_back(emitter.get(yielded, index));
  for (auto [i, element] : llvm::enumerate(elements))
    emitter.storeOutput(i, index, element);
}

void LoopKernel::emitRow(ArrayRef<Dim> outerIndex, Dim begin, Dim end) {
  emitVectorLoop(builder, loc, begin, end, width,
                 [&](OpBuilder &builder, Value i, Value mask) {
                   ElementEmitter emitter(function, builder, width, mask);
                   emitElements(emitter, getIndex(outerIndex, i));
                 });
}

/// Sums up the sizes of many operands in memory. As sums of sums in the code,
/// each would be analysed with all its terms wherever it is used, which takes
/// LLVM minutes for some hundred operands.
void LoopKernel::sumConcatSizes(ConcatOp concat) {
  OperandRange operands = concat.getInputs();
  if (operands.size() <= kMaxSummedSizes || !rowSize.getValue())
    return;
  IndexBuilder indices(builder, loc, 1);
  concatEnds = function.allocate(operands.size(), builder.getIndexType());
  for (auto [i, operand] : llvm::enumerate(operands))
    memref::StoreOp::create(builder, loc,
                            indices.value(function.getShape(operand).back()),
                            concatEnds, ValueRange(indices.value(i)));
  scf::ForOp::create(
      builder, loc, indices.value(0), indices.value(operands.size()),
      indices.value(1), ValueRange(indices.value(0)),
      [&](OpBuilder &nested, Location, Value i, ValueRange sum) {
        Value size = memref::LoadOp::create(nested, loc, concatEnds, i);
        Value end = arith::AddIOp::create(nested, loc, sum[0], size);
        memref::StoreOp::create(nested, loc, end, concatEnds, i);
        scf::YieldOp::create(nested, loc, end);
      });
}

/// One loop for each operand of `concat`, which joins along the rows.
void LoopKernel::emitConcat(ConcatOp concat, ArrayRef<Dim> outerIndex,
                            Dim begin, Dim end) {
  IndexBuilder indices(builder, loc, width);
  DimBuilder &dims = indices.uniform();
  Dim offset = 0;
  for (auto [k, input] : llvm::enumerate(concat.getInputs())) {
    Value operand = input;
    Dim next = concatEnds
                   ? Dim(memref::LoadOp::create(builder, loc, concatEnds,
                                                ValueRange(indices.value(k)))
                             .getResult())
                   : dims.add(offset, function.getShape(operand).back());
    Dim from = chunks.count.isConstant() && chunks.count.getConstant() <= 1
                   ? offset
                   : dims.max(begin, offset);
    Dim to = chunks.count.isConstant() && chunks.count.getConstant() <= 1
                 ? next
                 : dims.max(dims.min(end, next), from);
    emitVectorLoop(
        builder, loc, from, to, width,
        [&](OpBuilder &builder, Value i, Value mask) {
          ElementEmitter emitter(function, builder, width, mask);
          emitter.bind(concat.getOutput(), [&](ElementEmitter &emitter,
                                               ElementEmitter::Index index) {
            SmallVector<LaneIndex> inputIndex(index);
            inputIndex.back() =
                emitter.getIndices().sub(index.back(), LaneIndex(offset));
            return emitter.get(operand, inputIndex);
          });
          emitElements(emitter, getIndex(outerIndex, i));
        });
    offset = next;
  }
}

//===----------------------------------------------------------------------===//
// Transposing
//===----------------------------------------------------------------------===//

/// Swaps blocks off the diagonal, from large to single lanes.
static void transposeSquare(OpBuilder &builder, Location loc,
                            MutableArrayRef<Value> rows) {
  int64_t width = rows.size();
  for (int64_t block = width / 2; block != 0; block /= 2) {
    SmallVector<int64_t> low, high;
    for (int64_t lane = 0; lane != width; ++lane) {
      bool isSecond = lane & block;
      low.push_back(isSecond ? width + lane - block : lane);
      high.push_back(isSecond ? width + lane : lane + block);
    }
    for (int64_t i = 0; i != width; ++i) {
      if (i & block)
        continue;
      Value a = rows[i], b = rows[i + block];
      rows[i] = vector::ShuffleOp::create(builder, loc, a, b, low);
      rows[i + block] = vector::ShuffleOp::create(builder, loc, a, b, high);
    }
  }
}

/// Leaves a square of an argument, whose rows lie along the result's columns
/// from `i` on, in `scratch` as rows of the result from `rowBegin` on. `mask`
/// tells which of these there are.
void LoopKernel::emitSquare(const TransposedArguments::Argument &argument,
                            Value scratch, ArrayRef<Dim> outerIndex,
                            Dim rowBegin, Value i, Dim end, Value mask) {
  ElementEmitter emitter(function, builder, width, mask);
  IndexBuilder &indices = emitter.getIndices();
  DimBuilder &dims = indices.uniform();
  SmallVector<Dim> argumentShape = function.getShape(argument.value);
  Value flat = function.getFlat(argument.value);
  Type memoryType = cast<MemRefType>(flat.getType()).getElementType();
  SmallVector<Value> rows;
  for (int64_t lane = 0; lane != width; ++lane) {
    // Lanes beyond the end repeat the last one: nobody looks at them.
    Dim at = dims.min(dims.add(Dim(i), lane), dims.sub(end, 1));
    SmallVector<LaneIndex> index;
    for (int64_t dim : argument.dims) {
      if (dim == transposed.rows)
        index.push_back(LaneIndex(rowBegin, 1));
      else if (dim + 1 == int64_t(shape.size()))
        index.push_back(LaneIndex(at));
      else
        index.push_back(dim < 0 ? LaneIndex(0) : LaneIndex(outerIndex[dim]));
    }
    rows.push_back(emitter.load(flat, indices.linearize(index, argumentShape),
                                memoryType));
  }
  transposeSquare(builder, loc, rows);
  for (int64_t lane = 0; lane != width; ++lane)
    vector::StoreOp::create(builder, loc, rows[lane], scratch,
                            ValueRange(indices.value(lane * width)));
}

void LoopKernel::emitTiles(ArrayRef<Dim> outerIndex, Dim begin, Dim end) {
  IndexBuilder indices(builder, loc, width);
  std::pair<Dim, Dim> range = tiles.getRange(
      builder, loc, outerIndex[transposed.rows], shape[transposed.rows]);
  Dim rowBegin = range.first;
  Dim numRows = indices.uniform().sub(range.second, rowBegin);
  SmallVector<Value> scratches;
  for (auto &argument : transposed.arguments)
    scratches.push_back(function.allocate(
        width * width, getMemoryType(function.getElementType(argument.value))));

  auto emitSquares = [&](Value i, Value mask) {
    for (auto [argument, scratch] :
         llvm::zip_equal(transposed.arguments, scratches))
      emitSquare(argument, scratch, outerIndex, rowBegin, i, end, mask);
  };
  auto emitSquaresOfPart = [&](Value i) {
    emitSquares(i,
                vector::CreateMaskOp::create(
                    builder, loc, VectorType::get({width}, builder.getI1Type()),
                    ValueRange(indices.value(numRows))));
  };
  emitVectorLoop(
      builder, loc, begin, end, width,
      [&](OpBuilder &builder, Value i, Value mask) {
        if (numRows.isConstant()) {
          if (numRows.getConstant() == width)
            emitSquares(i, Value());
          else
            emitSquaresOfPart(i);
        } else {
          auto branch =
              scf::IfOp::create(builder, loc, indices.lessEqual(width, numRows),
                                /*withElseRegion=*/true);
          OpBuilder::InsertionGuard guard(builder);
          builder.setInsertionPoint(branch.thenBlock()->getTerminator());
          emitSquares(i, Value());
          builder.setInsertionPoint(branch.elseBlock()->getTerminator());
          emitSquaresOfPart(i);
        }
        auto rows =
            scf::ForOp::create(builder, loc, indices.value(0),
                               indices.value(numRows), indices.value(1));
        OpBuilder::InsertionGuard guard(builder);
        builder.setInsertionPointToStart(rows.getBody());
        Dim row(rows.getInductionVar());
        ElementEmitter emitter(function, builder, width, mask);
        IndexBuilder &indices = emitter.getIndices();
        for (auto [argument, scratch] :
             llvm::zip_equal(transposed.arguments, scratches)) {
          Type type = function.getElementType(argument.value);
          emitter.bind(argument.value, [&, type, scratch = scratch](
                                           ElementEmitter &emitter,
                                           ElementEmitter::Index) {
            LaneIndex position(indices.uniform().mul(row, width), 1);
            return emitter.load(scratch, position, type);
          });
        }
        SmallVector<Dim> rowIndex(outerIndex);
        rowIndex[transposed.rows] = indices.uniform().add(rowBegin, row);
        emitElements(emitter, getIndex(rowIndex, i));
      });
}

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

void LoopKernel::emitBody() {
  ConcatOp concat = getRootConcat(function.getKernel());
  if (concat && concat.getAxis() + 1 != shape.size())
    concat = {};
  if (concat)
    sumConcatSizes(concat);
  emitUnitLoop(function, outer, [&](OpBuilder &, ArrayRef<Dim> index) {
    auto [begin, end] = chunks.getRange(builder, loc, index.back(), rowSize);
    ArrayRef<Dim> outerIndex = index.drop_back();
    if (shape.empty())
      emitRow({}, 0, 1);
    else if (isTiled())
      emitTiles(outerIndex, begin, end);
    else if (concat)
      emitConcat(concat, outerIndex, begin, end);
    else
      emitRow(outerIndex, begin, end);
  });
}

static bool matches(KernelOp kernel) {
  return haveResultsOneShape(kernel) &&
         llvm::all_of(kernel.getBody().front(),
                      [](Operation &op) { return canEmitElements(&op); });
}

/// All results are computed before any is stored, vector by vector.
static bool mayOverwrite(KernelOp, unsigned, BlockArgument input, unsigned) {
  return isReadInPlace(input);
}

const KernelEmitter kLoopEmitter = {"loop",
                                    matches,
                                    /*collapses=*/true,
                                    emitUnitsOf<LoopKernel>,
                                    emitBodyOf<LoopKernel>,
                                    /*prepare=*/nullptr,
                                    /*unitThreads=*/1,
                                    mayOverwrite};

} // namespace tenon::cpu

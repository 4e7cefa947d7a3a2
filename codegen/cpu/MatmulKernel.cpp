//===- MatmulKernel.cpp - Kernels around a matrix product -----------------===//
//
// A constant right operand is packed into panels as wide as a tile, each
// contiguous. Any other is packed on the way, a block of a panel at a time. A
// unit of work is a block of rows times a group of panels that together stay in
// the second cache.
//
//===----------------------------------------------------------------------===//

#include "codegen/cpu/Emitters.h"

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/PackWeights.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tenon::cpu {

namespace {

/// How much of the right operand a unit works on, in bytes.
constexpr int64_t kGroupBytes = 512 << 10;
/// About how many rows a unit has.
constexpr int64_t kBlockRows = 96;
/// Steps of the sum that are packed at a time.
constexpr int64_t kBlockDepth = 256;
/// The size of one way of a first cache: what is so far apart shares a line.
constexpr int64_t kAliasBytes = 4096;
/// Fewer rows than this don't displace each other even then.
constexpr int64_t kManyRows = 8;
/// What makes the distance of copied rows odd, in elements.
constexpr int64_t kSkew = 16;

/// What is decided about a matmul before any code is emitted.
struct MatmulPlan {
  explicit MatmulPlan(MatMulOp op, unsigned vectorBits);

  MatMulOp op;
  Type accumulator;
  /// The left operand's batch dimensions count as rows: the right has none.
  bool isFlat;
  TileShape tile;
  /// Rows of a unit; a multiple of the tile's.
  int64_t blockRows;

  /// Whether what tiles have in common can be stored once: rows only.
  bool hasSingleStores() {
    auto type = cast<RankedTensorType>(op.getOutput().getType());
    return !type.isDynamicDim(type.getRank() - 1) &&
           type.getShape().back() % tile.getColumns() == 0;
  }
};

/// Emits one of a kernel's functions.
class MatmulEmitter {
public:
  explicit MatmulEmitter(KernelFunction &function);
  Value emitUnits();
  void emitBody();

private:
  void emitUnit(OpBuilder &builder, Dim unit);
  /// The panels `first <= panel < last` of the packed right operand.
  void emitPackedUnit(OpBuilder &builder, Dim rowBegin, Dim rows, Dim first,
                      Dim last);
  /// Panel `panel` of any other right operand.
  void emitPanel(OpBuilder &builder, Dim rowBegin, Dim rows, Dim panel);
  /// Copies `depth` steps from `stepBegin` of a panel to the scratch.
  void packPanel(OpBuilder &builder, Dim stepBegin, Dim depth, Dim columnBegin,
                 Dim columns);
  SmallVector<LaneIndex> getIndex(OpBuilder &builder, Dim row, Dim column);
  int64_t getScratchDepth() { return depth.getConstant() + kSkew; }
  Dim getBatchOffset(OpBuilder &builder, Value operand, Dim matrixSize);

  KernelFunction &function;
  MatMulOp op;
  Location loc;
  MatmulPlan plan;
  bool packed;
  bool isOnce; ///< The result may stand where an operand of the tail does.
  AnchorTail tail;
  SmallVector<Dim> outputShape;
  Dim rows, depth, columns, numBatches;
  Dim numPanels, panelsPerGroup, numGroups, numBlocks;
  Value lhs, rhs, panelScratch, sumScratch;
  /// Rows of the left operand are copied if their distance puts all of them in
  /// the same few lines of a cache.
  Value rowScratch;
  /// Of the unit being emitted: the index of its matrix, and where its operands
  /// begin.
  SmallVector<Dim> batch;
  Dim lhsOffset, rhsOffset, lhsRowStride, lhsStepStride;
};

} // namespace

static int64_t getBytes(Type element) {
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

MatmulPlan::MatmulPlan(MatMulOp op, unsigned vectorBits) : op(op) {
  RankedTensorType type = getType(op.getOutput());
  ArrayRef<int64_t> shape = type.getShape();
  accumulator = getAccumulatorType(type.getElementType());
  ArrayRef<int64_t> rhsBatch = getType(op.getRhs()).getShape().drop_back(2);
  isFlat = !op.getTransposeA() &&
           getType(op.getLhs()).getRank() == type.getRank() &&
           llvm::all_of(rhsBatch, [](int64_t size) { return size == 1; });
  int64_t numRows = 1;
  for (int64_t size :
       isFlat ? shape.drop_back(1) : shape.take_back(2).drop_back(1))
    numRows = ShapedType::isDynamic(size) || ShapedType::isDynamic(numRows)
                  ? ShapedType::kDynamic
                  : numRows * size;
  tile = chooseTileShape(vectorBits, getType(op.getLhs()).getElementType(),
                         numRows, shape.back());
  blockRows = std::max<int64_t>(kBlockRows / tile.rows, 2) * tile.rows;
}

MatmulEmitter::MatmulEmitter(KernelFunction &function)
    : function(function), op(getAnchor<MatMulOp>(function.getKernel())),
      loc(function.getLoc()), plan(op, function.getVectorBits()),
      packed(isPacked(function.getKernel(), op.getRhs())),
      isOnce(plan.hasSingleStores() &&
             mayTailOverwriteAny(function.getKernel())),
      tail(function, op) {
  OpBuilder &builder = function.getBuilder();
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  outputShape = function.getShape(op.getOutput());
  SmallVector<Dim> lhsShape = function.getShape(op.getLhs());
  size_t rank = outputShape.size();
  depth = lhsShape[lhsShape.size() - (op.getTransposeA() ? 2 : 1)];
  columns = outputShape.back();
  ArrayRef<Dim> outer = ArrayRef<Dim>(outputShape).drop_back(2);
  numBatches = plan.isFlat ? Dim(1) : index.product(outer);
  rows = plan.isFlat ? index.product(ArrayRef<Dim>(outputShape).drop_back(1))
                     : outputShape[rank - 2];

  int64_t width = plan.tile.getColumns();
  numPanels = emitCeilDiv(builder, loc, columns, width);
  Dim panelBytes =
      dims.mul(dims.max(depth, 1), width * getBytes(plan.accumulator));
  panelsPerGroup = dims.max(index.div(Dim(kGroupBytes), panelBytes), 1);
  numGroups = emitCeilDiv(builder, loc, numPanels, panelsPerGroup);
  numBlocks = emitCeilDiv(builder, loc, rows, plan.blockRows);
}

Value MatmulEmitter::emitUnits() {
  IndexBuilder index(function.getBuilder(), loc, 1);
  return index.value(index.product({numBatches, numGroups, numBlocks}));
}

/// Where the matrix of the current batch begins in an operand.
Dim MatmulEmitter::getBatchOffset(OpBuilder &builder, Value operand,
                                  Dim matrixSize) {
  SmallVector<Dim> shape = function.getShape(operand);
  DimBuilder dims(builder, loc);
  ArrayRef<Dim> outer = ArrayRef<Dim>(shape).drop_back(2);
  Dim offset = 0;
  ArrayRef<Dim> index = ArrayRef<Dim>(batch).take_back(outer.size());
  for (auto [size, i] : llvm::zip_equal(outer, index)) {
    bool isBroadcast = size.isConstant() && size.getConstant() == 1;
    offset = dims.mul(offset, size);
    if (!isBroadcast)
      offset = dims.add(offset, i);
  }
  return dims.mul(offset, matrixSize);
}

void MatmulEmitter::emitBody() {
  lhs = function.getFlat(op.getLhs());
  rhs = function.getFlat(op.getRhs());
  OpBuilder &builder = function.getBuilder();
  if (!packed) {
    int64_t width = plan.tile.getColumns();
    panelScratch = emitScratch(function, kBlockDepth * width, plan.accumulator);
    sumScratch =
        emitScratch(function, plan.blockRows * width, plan.accumulator);
  }
  Type element = cast<MemRefType>(lhs.getType()).getElementType();
  if (packed && depth.getConstant() * getBytes(element) % kAliasBytes == 0 &&
      plan.tile.rows >= kManyRows)
    rowScratch =
        emitScratch(function, plan.tile.rows * getScratchDepth(), element);
  emitLoop(builder, loc, function.getBegin(), function.getEnd(),
           [&](OpBuilder &nested, Value unit) { emitUnit(nested, unit); });
}

void MatmulEmitter::emitUnit(OpBuilder &builder, Dim unit) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  // Neighbouring units share their panels.
  SmallVector<Dim> position =
      index.delinearize(unit, {numBatches, numGroups, numBlocks});
  batch.clear();
  if (!plan.isFlat)
    batch =
        index.delinearize(position[0], ArrayRef<Dim>(outputShape).drop_back(2));
  // Blocks of equal size, so that none is much shorter than a tile.
  Dim rowBegin = index.div(dims.mul(position[2], rows), numBlocks);
  Dim rowEnd = index.div(dims.mul(dims.add(position[2], 1), rows), numBlocks);
  Dim numRows = dims.sub(rowEnd, rowBegin);
  Dim first = dims.mul(position[1], panelsPerGroup);
  Dim last = dims.min(dims.add(first, panelsPerGroup), numPanels);

  lhsRowStride = op.getTransposeA() ? Dim(1) : depth;
  lhsStepStride = op.getTransposeA() ? rows : Dim(1);
  lhsOffset = plan.isFlat
                  ? Dim(0)
                  : getBatchOffset(builder, op.getLhs(), dims.mul(rows, depth));
  lhsOffset = dims.add(lhsOffset, dims.mul(rowBegin, lhsRowStride));
  rhsOffset = plan.isFlat || packed ? Dim(0)
                                    : getBatchOffset(builder, op.getRhs(),
                                                     dims.mul(depth, columns));
  if (packed)
    return emitPackedUnit(builder, rowBegin, numRows, first, last);
  emitLoop(builder, loc, index.value(first), index.value(last),
           [&](OpBuilder &nested, Value panel) {
             emitPanel(nested, rowBegin, numRows, panel);
           });
}

SmallVector<LaneIndex> MatmulEmitter::getIndex(OpBuilder &builder, Dim row,
                                               Dim column) {
  IndexBuilder index(builder, loc, plan.tile.lanes);
  SmallVector<LaneIndex> result;
  if (plan.isFlat)
    for (Dim i :
         index.delinearize(row, ArrayRef<Dim>(outputShape).drop_back(1)))
      result.push_back(LaneIndex(i));
  else {
    for (Dim i : batch)
      result.push_back(LaneIndex(i));
    result.push_back(LaneIndex(row));
  }
  result.push_back(LaneIndex(column, 1));
  return result;
}

void MatmulEmitter::emitPackedUnit(OpBuilder &builder, Dim rowBegin,
                                   Dim numRows, Dim first, Dim last) {
  int64_t width = plan.tile.getColumns();
  // Blocks are no shorter than half of what they may be.
  int64_t minimum = rows.isConstant() && rows.getConstant() >= plan.tile.rows
                        ? plan.tile.rows
                        : 0;
  SmallVector<int64_t> tiles = getTileSizes(plan.tile.rows, rows);
  auto emitRows = [&](OpBuilder &b, Dim row, int64_t height, Dim firstNew) {
    IndexBuilder index(b, loc, 1);
    Dim lhsBegin =
        index.uniform().add(lhsOffset, index.uniform().mul(row, lhsRowStride));
    Dim tileRow = index.uniform().add(rowBegin, row);
    Dim firstRow = isOnce ? firstNew : Dim(0);
    Value tileLhs = lhs;
    Dim tileRowStride = lhsRowStride;
    if (rowScratch && height >= kManyRows) {
      emitLoop(b, loc, index.value(0), index.value(height),
               [&](OpBuilder &nested, Value i) {
                 DimBuilder dims(nested, loc);
                 emitCopy(nested, loc, plan.tile.lanes, lhs,
                          dims.add(lhsBegin, dims.mul(i, lhsRowStride)),
                          rowScratch, dims.mul(i, getScratchDepth()), depth);
               });
      tileLhs = rowScratch;
      lhsBegin = 0;
      tileRowStride = getScratchDepth();
    }
    emitLoop(b, loc, index.value(first), index.value(last),
             [&](OpBuilder &nested, Value panel) {
               DimBuilder dims(nested, loc);
               Dim column =
                   dims.min(dims.mul(panel, width), dims.sub(columns, width));
               TileShape shape = plan.tile;
               shape.rows = height;
               TileOperands operands;
               operands.lhs = tileLhs;
               operands.lhsOffset = lhsBegin;
               operands.lhsRowStride = tileRowStride;
               operands.rhs = rhs;
               operands.rhsOffset = dims.mul(panel, dims.mul(depth, width));
               ReductionLoop steps{0, depth, lhsStepStride, width};
               SmallVector<Value> sums = tenon::cpu::emitTile(
                   nested, loc, shape, operands, steps, plan.accumulator,
                   emitZeroTile(nested, loc, shape, plan.accumulator));
               tail.emitTile(
                   nested, shape, sums,
                   [&](OpBuilder &inner, Dim i, Dim j) {
                     DimBuilder dims(inner, loc);
                     return getIndex(inner, dims.add(tileRow, i),
                                     dims.add(column, j));
                   },
                   /*positionOf=*/nullptr, firstRow);
             });
  };
  emitTiles(builder, loc, numRows, minimum, tiles, emitRows);
}

void MatmulEmitter::packPanel(OpBuilder &builder, Dim stepBegin, Dim numSteps,
                              Dim columnBegin, Dim numColumns) {
  int64_t width = plan.tile.getColumns();
  int64_t lanes = plan.tile.lanes;
  bool transposed = op.getTransposeB();
  DimBuilder dims(builder, loc);
  Dim columnStride = transposed ? depth : Dim(1);
  Dim stepStride = transposed ? Dim(1) : columns;
  Dim origin = dims.add(dims.add(rhsOffset, dims.mul(stepBegin, stepStride)),
                        dims.mul(columnBegin, columnStride));
  bool isWhole = numColumns.isConstant();
  emitLoop(builder, loc, IndexBuilder(builder, loc, 1).value(0),
           IndexBuilder(builder, loc, 1).value(numSteps),
           [&](OpBuilder &nested, Value step) {
             IndexBuilder index(nested, loc, 1);
             DimBuilder &dims = index.uniform();
             Dim from = dims.add(origin, dims.mul(step, stepStride));
             Dim to = dims.mul(step, width);
             if (!transposed && isWhole) {
               for (int64_t v = 0; v != plan.tile.vectors; ++v) {
                 Value element = emitLoad(
                     nested, loc, rhs, index.value(dims.add(from, v * lanes)),
                     lanes, plan.accumulator);
                 emitStore(nested, loc, element, panelScratch,
                           index.value(dims.add(to, v * lanes)));
               }
               return;
             }
             // What stands behind the last column is never stored: it may be
             // anything that was in the scratch.
             emitLoop(nested, loc, index.value(0), index.value(numColumns),
                      [&](OpBuilder &inner, Value column) {
                        IndexBuilder index(inner, loc, 1);
                        DimBuilder &dims = index.uniform();
                        Dim position =
                            dims.add(from, dims.mul(column, columnStride));
                        Value element =
                            emitLoad(inner, loc, rhs, index.value(position), 1,
                                     plan.accumulator);
                        emitStore(inner, loc, element, panelScratch,
                                  index.value(dims.add(to, column)));
                      });
           });
}

void MatmulEmitter::emitPanel(OpBuilder &builder, Dim rowBegin, Dim numRows,
                              Dim panel) {
  int64_t width = plan.tile.getColumns();
  int64_t lanes = plan.tile.lanes;
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  Dim column = dims.mul(panel, width);
  Dim numColumns = width;
  if (columns.isConstant())
    column = dims.min(column, dims.sub(columns, width));
  else
    numColumns = dims.min(width, dims.sub(columns, column));

  TileShape rowShape = plan.tile;
  rowShape.rows = 1;
  Value zero = emitZeroTile(builder, loc, rowShape, plan.accumulator).front();
  emitLoop(builder, loc, index.value(0),
           index.value(dims.mul(numRows, plan.tile.vectors)),
           [&](OpBuilder &nested, Value i) {
             IndexBuilder index(nested, loc, 1);
             emitStore(nested, loc, zero, sumScratch,
                       index.value(index.uniform().mul(i, lanes)));
           });

  auto emitSteps = [&](OpBuilder &b, Value block) {
    DimBuilder dims(b, loc);
    Dim stepBegin = dims.mul(block, kBlockDepth);
    Dim numSteps = dims.min(kBlockDepth, dims.sub(depth, stepBegin));
    packPanel(b, stepBegin, numSteps, column, numColumns);
    Dim lhsBegin = dims.add(lhsOffset, dims.mul(stepBegin, lhsStepStride));
    emitDisjointTiles(
        b, loc, numRows, getTileSizes(plan.tile.rows, Dim::unknown()),
        [&](OpBuilder &nested, Dim row, int64_t height) {
          IndexBuilder index(nested, loc, 1);
          DimBuilder &dims = index.uniform();
          TileShape shape = plan.tile;
          shape.rows = height;
          SmallVector<Value> positions, sums;
          for (int64_t i = 0; i != height * shape.vectors; ++i) {
            Dim position = dims.add(dims.mul(row, width), i * lanes);
            positions.push_back(index.value(position));
            sums.push_back(emitLoad(nested, loc, sumScratch, positions.back(),
                                    lanes, plan.accumulator));
          }
          TileOperands operands;
          operands.lhs = lhs;
          operands.lhsOffset = dims.add(lhsBegin, dims.mul(row, lhsRowStride));
          operands.lhsRowStride = lhsRowStride;
          operands.rhs = panelScratch;
          operands.rhsOffset = 0;
          ReductionLoop steps{0, numSteps, lhsStepStride, width};
          sums = tenon::cpu::emitTile(nested, loc, shape, operands, steps,
                                      plan.accumulator, sums);
          for (auto [sum, position] : llvm::zip_equal(sums, positions))
            emitStore(nested, loc, sum, sumScratch, position);
        });
  };
  emitLoop(builder, loc, index.value(0),
           index.value(emitCeilDiv(builder, loc, depth, kBlockDepth)),
           emitSteps);

  // The tail, a vector at a time.
  emitLoop(builder, loc, index.value(0),
           index.value(dims.mul(numRows, plan.tile.vectors)),
           [&](OpBuilder &nested, Value i) {
             IndexBuilder index(nested, loc, 1);
             DimBuilder &dims = index.uniform();
             Dim row = dims.add(rowBegin, index.div(Dim(i), plan.tile.vectors));
             Dim inPanel =
                 dims.mul(index.rem(Dim(i), plan.tile.vectors), lanes);
             Value sum = emitLoad(nested, loc, sumScratch,
                                  index.value(dims.mul(i, lanes)), lanes,
                                  plan.accumulator);
             Value mask;
             if (!numColumns.isConstant() && lanes > 1) {
               Dim left = dims.max(dims.sub(numColumns, inPanel), 0);
               mask = vector::CreateMaskOp::create(
                   nested, loc, VectorType::get(lanes, nested.getI1Type()),
                   ValueRange{index.value(left)});
             }
             tail.emit(nested, getIndex(nested, row, dims.add(column, inPanel)),
                       sum, lanes, mask);
           });
}

//===----------------------------------------------------------------------===//
// The emitter
//===----------------------------------------------------------------------===//

static bool matchesMatmul(KernelOp kernel) {
  MatMulOp op = getAnchor<MatMulOp>(kernel);
  return op && !getType(op.getOutput()).getElementType().isInteger(1);
}

static void packMatmul(KernelOp kernel, unsigned vectorBits) {
  MatMulOp op = getAnchor<MatMulOp>(kernel);
  MatmulPlan plan(op, vectorBits);
  auto argument = dyn_cast<BlockArgument>(op.getRhs());
  RankedTensorType type = getType(op.getRhs());
  // One matrix for all batches; anything else is rare as a constant.
  if (!argument || !plan.isFlat || !type.hasStaticShape())
    return;
  // A matrix that something else reads too (an embedding that is also the last
  // layer's weights) would stand in the model twice.
  if (!kernel.getInputs()[argument.getArgNumber()].hasOneUse())
    return;
  int64_t rank = type.getRank();
  bool transposed = op.getTransposeB();
  int64_t columns = type.getDimSize(rank - (transposed ? 2 : 1));
  int64_t depth = type.getDimSize(rank - (transposed ? 1 : 2));
  Panels panels{columns, plan.tile.getColumns()};
  packInput(kernel, argument.getArgNumber(),
            panels.getCount() * depth * panels.width,
            [&](ConstantPacker &packer) {
              for (int64_t panel = 0; panel != panels.getCount(); ++panel)
                for (int64_t step = 0; step != depth; ++step) {
                  int64_t column = panels.getBegin(panel);
                  if (transposed)
                    packer.append(column * depth + step, panels.width, depth);
                  else
                    packer.append(step * columns + column, panels.width);
                }
            });
}

static bool mayOverwrite(KernelOp kernel, unsigned, BlockArgument input,
                         unsigned vectorBits) {
  return MatmulPlan(getAnchor<MatMulOp>(kernel), vectorBits)
             .hasSingleStores() &&
         mayTailOverwrite(kernel, input);
}

const KernelEmitter kMatmulEmitter = {"matmul",
                                      matchesMatmul,
                                      /*collapses=*/false,
                                      emitUnitsOf<MatmulEmitter>,
                                      emitBodyOf<MatmulEmitter>,
                                      packMatmul,
                                      /*unitThreads=*/1,
                                      mayOverwrite};

} // namespace tenon::cpu

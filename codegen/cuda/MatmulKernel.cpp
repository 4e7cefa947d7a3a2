//===- MatmulKernel.cpp - Kernels around a matrix product, in tiles -------===//
//
// A unit is a tile of one of the products, done by a block. Where the right
// operand is one matrix for all batches, the rows of all of them are one
// product's. Where there are few, a unit is some columns of them all; whether
// there are is found out when the kernel runs, if sizes don't say.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/TypicalSizes.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/FewRows.h"

using namespace mlir;

namespace tenon::cuda {

static RankedTensorType getType(Value tensor) {
  return cast<RankedTensorType>(tensor.getType());
}

/// Whether the left operand's batches are rows.
static bool isFlat(MatMulOp op) {
  return !op.getTransposeA() &&
         getType(op.getLhs()).getRank() == getType(op.getOutput()).getRank() &&
         llvm::all_of(getType(op.getRhs()).getShape().drop_back(2),
                      [](int64_t size) { return size == 1; });
}

/// The matrix product that a kernel is about, if it can be done in tiles; else
/// null.
static MatMulOp getProduct(KernelOp kernel) {
  MatMulOp op = cpu::getAnchor<MatMulOp>(kernel);
  if (!op)
    return {};
  Type element = getType(op.getLhs()).getElementType();
  bool isKnown = element.isF32() || element.isF16() || element.isBF16();
  return isKnown && getType(op.getRhs()).getElementType() == element ? op
                                                                     : nullptr;
}

/// 256 threads if there are many large tiles, 128 if small ones have to do, 0
/// if the product is none for tiles.
static int64_t chooseThreads(KernelOp kernel) {
  MatMulOp op = getProduct(kernel);
  if (!op)
    return 0;
  TypicalSizes sizes;
  int64_t rank = getType(op.getOutput()).getRank();
  double outer = 1;
  for (int64_t i = 0; i < rank - 2; ++i)
    outer *= sizes.getDim(op.getOutput(), i);
  double rows = sizes.getDim(op.getOutput(), rank - 2);
  double columns = sizes.getDim(op.getOutput(), rank - 1);
  if (isFlat(op)) {
    rows *= outer;
    outer = 1;
  }
  return isLarge(rows, columns, outer) ? 256 : 128;
}

namespace {

/// Emits one of a kernel's functions.
class MatmulEmitter {
public:
  MatmulEmitter(cpu::KernelFunction &function, int64_t threads);
  Value emitUnits();
  void emitBody();

private:
  TileSource getSource(Value operand, bool isTransposed, bool isLeft,
                       ArrayRef<Dim> batch, OpBuilder &builder);
  TileProduct makeProduct(ArrayRef<Dim> batch);
  std::pair<SmallVector<Dim>, TileProduct> beginUnit(Dim across, Dim down);
  void emitTileUnit();
  void emitFewRowsUnit();

  cpu::KernelFunction &function;
  MatMulOp op;
  Location loc;
  TileShape shape;
  bool flat;
  SmallVector<Dim> outputShape;
  Dim rows, columns, depth, numBatches, tilesDown, tilesAcross;
  /// Whether rows may be few, and then, how a unit is done, how many of them a
  /// product has across, and whether it has rows.
  bool mayBeFew;
  FewRowsShape fewRows;
  Dim partsAcross, partsDown;
};

} // namespace

MatmulEmitter::MatmulEmitter(cpu::KernelFunction &function, int64_t threads)
    : function(function), op(getProduct(function.getKernel())),
      loc(function.getLoc()),
      shape(getTileShape(function.getElementType(op.getLhs()), threads)),
      flat(isFlat(op)), outputShape(function.getShape(op.getOutput())) {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  ArrayRef<Dim> outer = ArrayRef<Dim>(outputShape).drop_back(2);
  SmallVector<Dim> lhsShape = function.getShape(op.getLhs());
  depth = lhsShape[lhsShape.size() - (op.getTransposeA() ? 2 : 1)];
  columns = outputShape.back();
  rows = outputShape[outputShape.size() - 2];
  numBatches = index.product(outer);
  if (flat) {
    rows = index.uniform().mul(numBatches, rows);
    numBatches = 1;
  }
  tilesDown = index.uniform().ceilDiv(rows, shape.rows);
  tilesAcross = index.uniform().ceilDiv(columns, shape.columns);

  mayBeFew = mayHaveFewRows(rows, depth, threads);
  if (!mayBeFew)
    return;
  fewRows = getFewRowsShape(function.getElementType(op.getLhs()),
                            /*depthInner=*/op.getTransposeB(), rows, columns);
  partsAcross = index.uniform().ceilDiv(columns, fewRows.getBlockColumns());
  partsDown = index.uniform().ceilDiv(rows, kFewRows);
}

Value MatmulEmitter::emitUnits() {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  Dim tiles = index.product({numBatches, tilesAcross, tilesDown});
  if (!mayBeFew)
    return index.value(tiles);
  Dim parts = index.product({numBatches, partsAcross, partsDown});
  return index.value(index.uniform().selectLess(kFewRows, rows, tiles, parts));
}

TileSource MatmulEmitter::getSource(Value operand, bool isTransposed,
                                    bool isLeft, ArrayRef<Dim> batch,
                                    OpBuilder &builder) {
  // Where the matrix of this batch begins: dimensions of size 1 are broadcast.
  cpu::IndexBuilder index(builder, loc, /*width=*/1);
  DimBuilder &dims = index.uniform();
  SmallVector<Dim> operandShape = function.getShape(operand);
  Dim begin = 0;
  if (!flat) {
    ArrayRef<Dim> outer = ArrayRef<Dim>(operandShape).drop_back(2);
    for (auto [size, i] :
         llvm::zip_equal(outer, batch.take_back(outer.size()))) {
      begin = dims.mul(begin, size);
      if (!size.isConstant() || size.getConstant() != 1)
        begin = dims.add(begin, i);
    }
    begin = dims.mul(begin,
                     dims.mul(operandShape.end()[-1], operandShape.end()[-2]));
  }
  TileSource source;
  source.memory = function.getFlat(operand);
  source.depthInner = isLeft != isTransposed;
  source.line = operandShape.back();
  source.locate = [=](BlockCode &code, ValueRange, Value outer, Value step) {
    Value line = source.depthInner ? outer : step;
    Value inLine = source.depthInner ? step : outer;
    TileElement element;
    element.position = code.add(
        code.add(code.value(begin), code.mul(line, code.value(source.line))),
        inLine);
    element.isThere =
        code.both(code.less(outer, code.value(isLeft ? rows : columns)),
                  code.less(step, code.value(depth)));
    return element;
  };
  return source;
}

/// The product of a batch.
TileProduct MatmulEmitter::makeProduct(ArrayRef<Dim> batch) {
  OpBuilder &builder = function.getBuilder();
  TileProduct product;
  product.lhs = getSource(op.getLhs(), op.getTransposeA(), /*isLeft=*/true,
                          batch, builder);
  product.rhs = getSource(op.getRhs(), op.getTransposeB(), /*isLeft=*/false,
                          batch, builder);
  product.element = function.getElementType(op.getLhs());
  product.rows = rows;
  product.columns = columns;
  product.depth = depth;
  product.isOneMatrix = flat;
  product.getRowIndex = [this, batch = SmallVector<Dim>(batch)](
                            OpBuilder &nested, Value row) {
    cpu::IndexBuilder index(nested, loc, /*width=*/1);
    SmallVector<cpu::LaneIndex> at;
    if (flat) {
      for (Dim i :
           index.delinearize(Dim(row), ArrayRef<Dim>(outputShape).drop_back(1)))
        at.push_back(cpu::LaneIndex(i));
      return at;
    }
    for (Dim i : batch)
      at.push_back(cpu::LaneIndex(i));
    at.push_back(cpu::LaneIndex(row));
    return at;
  };
  return product;
}

/// The index of a unit, and the product that it is of.
std::pair<SmallVector<Dim>, TileProduct> MatmulEmitter::beginUnit(Dim across,
                                                                  Dim down) {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  // Neighbouring blocks share columns.
  SmallVector<Dim> unit =
      index.delinearize(Dim(function.getBegin()), {numBatches, across, down});
  SmallVector<Dim> batch;
  if (!flat)
    batch = index.delinearize(unit[0], ArrayRef<Dim>(outputShape).drop_back(2));
  return {unit, makeProduct(batch)};
}

void MatmulEmitter::emitTileUnit() {
  OpBuilder &builder = function.getBuilder();
  cpu::IndexBuilder index(builder, loc, /*width=*/1);
  auto [unit, product] = beginUnit(tilesAcross, tilesDown);
  cpu::AnchorTail tail(function, op);
  emitTile(function, builder, shape, product,
           index.value(index.uniform().mul(unit[2], shape.rows)),
           index.value(index.uniform().mul(unit[1], shape.columns)), tail);
}

void MatmulEmitter::emitFewRowsUnit() {
  OpBuilder &builder = function.getBuilder();
  cpu::IndexBuilder index(builder, loc, /*width=*/1);
  auto [unit, product] = beginUnit(partsAcross, partsDown);
  cpu::AnchorTail tail(function, op);
  BlockCode code(builder, loc);
  emitFewRows(
      code, product, fewRows,
      index.value(index.uniform().mul(unit[1], fewRows.getBlockColumns())),
      tail);
}

void MatmulEmitter::emitBody() {
  if (!mayBeFew)
    return emitTileUnit();
  if (rows.isConstant())
    return emitFewRowsUnit();
  BlockCode code(function.getBuilder(), loc);
  code.branch(
      code.less(code.value(rows), code.constant(kFewRows + 1)),
      [&] { emitFewRowsUnit(); }, [&] { emitTileUnit(); });
}

const cpu::KernelEmitter kLargeMatmulEmitter =
    makeEmitter<MatmulEmitter, chooseThreads, 256>("large_matmul");
const cpu::KernelEmitter kSmallMatmulEmitter =
    makeEmitter<MatmulEmitter, chooseThreads, 128>("small_matmul");

} // namespace tenon::cuda

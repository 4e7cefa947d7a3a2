//===- MatmulKernel.cpp - Kernels around a matrix product, in tiles -------===//
//
// Where the right operand is one matrix for all batches, the rows of all of
// them are one product's; else each batch has its own.
//
//===----------------------------------------------------------------------===//

#include "codegen/common/TypicalSizes.h"
#include "codegen/cuda/Emitters.h"
#include "codegen/cuda/ProductUnits.h"
#include "dialects/tenon/TenonFloatTypes.h"

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
  return isFloatFactor(element) &&
                 getType(op.getRhs()).getElementType() == element
             ? op
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
  Value emitUnits() { return units->emitCount(); }
  void emitBody();

private:
  TileSource getSource(Value operand, bool isTransposed, bool isLeft,
                       ArrayRef<Dim> batch, OpBuilder &builder);
  TileProduct makeProduct(ArrayRef<Dim> batch);

  cpu::KernelFunction &function;
  MatMulOp op;
  Location loc;
  bool flat;
  SmallVector<Dim> outputShape;
  ProductSizes sizes;
  std::optional<ProductUnits> units;
};

} // namespace

MatmulEmitter::MatmulEmitter(cpu::KernelFunction &function, int64_t threads)
    : function(function), op(getProduct(function.getKernel())),
      loc(function.getLoc()), flat(isFlat(op)),
      outputShape(function.getShape(op.getOutput())) {
  cpu::IndexBuilder index(function.getBuilder(), loc, /*width=*/1);
  SmallVector<Dim> lhsShape = function.getShape(op.getLhs());
  sizes.element = function.getElementType(op.getLhs());
  sizes.depth = lhsShape.end()[op.getTransposeA() ? -2 : -1];
  sizes.columns = outputShape.back();
  sizes.rows = outputShape.end()[-2];
  sizes.count = index.product(ArrayRef<Dim>(outputShape).drop_back(2));
  if (flat) {
    sizes.rows = index.uniform().mul(sizes.count, sizes.rows);
    sizes.count = 1;
  }
  units.emplace(function, op, sizes, threads,
                ProductUnits::Neighbours::ShareColumns);
  units->shareFewRows(/*depthInner=*/op.getTransposeB());
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
  bool depthInner = isLeft != isTransposed;
  Dim numLines = !depthInner ? sizes.depth
                 : isLeft    ? sizes.rows
                             : sizes.columns;
  Dim size = operandShape.back();
  return getMatrix(function.getFlat(operand), index.value(begin), depthInner,
                   numLines, size, /*stride=*/size);
}

/// The product of a batch.
TileProduct MatmulEmitter::makeProduct(ArrayRef<Dim> batch) {
  OpBuilder &builder = function.getBuilder();
  TileProduct product;
  product.lhs = getSource(op.getLhs(), op.getTransposeA(), /*isLeft=*/true,
                          batch, builder);
  product.rhs = getSource(op.getRhs(), op.getTransposeB(), /*isLeft=*/false,
                          batch, builder);
  product.element = sizes.element;
  product.rows = sizes.rows;
  product.columns = sizes.columns;
  product.depth = sizes.depth;
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

void MatmulEmitter::emitBody() {
  units->emit([&](Dim number) {
    SmallVector<Dim> batch;
    if (!flat)
      batch = cpu::IndexBuilder(function.getBuilder(), loc, /*width=*/1)
                  .delinearize(number, ArrayRef<Dim>(outputShape).drop_back(2));
    return makeProduct(batch);
  });
}

const cpu::KernelEmitter kLargeMatmulEmitter =
    makeEmitter<MatmulEmitter, chooseThreads, 256>("large_matmul");
const cpu::KernelEmitter kSmallMatmulEmitter =
    makeEmitter<MatmulEmitter, chooseThreads, 128>("small_matmul");

} // namespace tenon::cuda

//===- ProductUnits.cpp - What blocks do of products of matrices ----------===//

#include "codegen/cuda/ProductUnits.h"

using namespace mlir;

namespace tenon::cuda {

ProductUnits::ProductUnits(cpu::KernelFunction &function, Operation *anchor,
                           const ProductSizes &sizes, int64_t threads,
                           Neighbours neighbours)
    : function(function), anchor(anchor), sizes(sizes), threads(threads),
      neighbours(neighbours), shape(getTileShape(sizes.element, threads)) {
  DimBuilder dims(function.getBuilder(), function.getLoc());
  tilesDown = dims.ceilDiv(sizes.rows, shape.rows);
  tilesAcross = dims.ceilDiv(sizes.columns, shape.columns);
}

void ProductUnits::shareFewRows(bool depthInner) {
  if (!mayHaveFewRows(sizes.rows, sizes.depth, threads))
    return;
  fewRows =
      getFewRowsShape(sizes.element, depthInner, sizes.rows, sizes.columns);
  DimBuilder dims(function.getBuilder(), function.getLoc());
  partsAcross = dims.ceilDiv(sizes.columns, fewRows->getBlockColumns());
  partsDown = dims.ceilDiv(sizes.rows, kFewRows);
}

Value ProductUnits::emitCount() {
  cpu::IndexBuilder index(function.getBuilder(), function.getLoc(),
                          /*width=*/1);
  Dim tiles = index.product({sizes.count, tilesAcross, tilesDown});
  if (!fewRows)
    return index.value(tiles);
  Dim parts = index.product({sizes.count, partsAcross, partsDown});
  return index.value(
      index.uniform().selectLess(kFewRows, sizes.rows, tiles, parts));
}

void ProductUnits::emitTileUnit(
    llvm::function_ref<TileProduct(Dim)> makeProduct) {
  OpBuilder &builder = function.getBuilder();
  cpu::IndexBuilder index(builder, function.getLoc(), /*width=*/1);
  Dim begin(function.getBegin());
  SmallVector<Dim> unit =
      neighbours == Neighbours::ShareRows
          ? index.delinearize(begin, {sizes.count, tilesDown, tilesAcross})
          : index.delinearize(begin, {sizes.count, tilesAcross, tilesDown});
  if (neighbours == Neighbours::ShareColumns)
    std::swap(unit[1], unit[2]);
  cpu::AnchorTail tail(function, anchor);
  emitTile(function, builder, shape, makeProduct(unit[0]),
           index.value(index.uniform().mul(unit[1], shape.rows)),
           index.value(index.uniform().mul(unit[2], shape.columns)), tail);
}

void ProductUnits::emitFewRowsUnit(
    llvm::function_ref<TileProduct(Dim)> makeProduct) {
  OpBuilder &builder = function.getBuilder();
  cpu::IndexBuilder index(builder, function.getLoc(), /*width=*/1);
  SmallVector<Dim> unit = index.delinearize(
      Dim(function.getBegin()), {sizes.count, partsAcross, partsDown});
  cpu::AnchorTail tail(function, anchor);
  BlockCode code(builder, function.getLoc());
  emitFewRows(
      code, makeProduct(unit[0]), *fewRows,
      index.value(index.uniform().mul(unit[1], fewRows->getBlockColumns())),
      tail);
}

void ProductUnits::emit(llvm::function_ref<TileProduct(Dim)> makeProduct) {
  if (!fewRows)
    return emitTileUnit(makeProduct);
  if (sizes.rows.isConstant())
    return emitFewRowsUnit(makeProduct);
  BlockCode code(function.getBuilder(), function.getLoc());
  code.branch(
      code.less(code.value(sizes.rows), code.constant(kFewRows + 1)),
      [&] { emitFewRowsUnit(makeProduct); },
      [&] { emitTileUnit(makeProduct); });
}

} // namespace tenon::cuda

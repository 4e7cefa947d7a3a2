//===- ProductUnits.h - What blocks do of products of matrices ------------===//

#ifndef TENON_CODEGEN_CUDA_PRODUCTUNITS_H
#define TENON_CODEGEN_CUDA_PRODUCTUNITS_H

#include "codegen/cuda/FewRows.h"

namespace tenon::cuda {

/// The sizes of `count` products of the same kind, whose operands are of
/// `element`.
struct ProductSizes {
  mlir::Type element;
  Dim count, rows, columns, depth;
};

/// Shares the products of a kernel out among blocks: a unit is a tile of one of
/// them. Where rows may be few it is some columns of them all; whether they are
/// is found out when the kernel runs, if sizes don't say.
class ProductUnits {
public:
  /// What neighbouring blocks read both.
  enum class Neighbours { ShareRows, ShareColumns };

  /// For blocks of `threads`, and the products of the operation `anchor`.
  ProductUnits(cpu::KernelFunction &function, mlir::Operation *anchor,
               const ProductSizes &sizes, int64_t threads,
               Neighbours neighbours);

  /// Has few rows done together, if there may be few. All elements of the
  /// operands have to be there; `depthInner` says how the right one stands.
  void shareFewRows(bool depthInner);

  /// Builds the number of units.
  mlir::Value emitCount();
  /// Builds the unit that the function is to do, of the product that
  /// `makeProduct` tells of its number.
  void emit(llvm::function_ref<TileProduct(Dim number)> makeProduct);

private:
  void emitTileUnit(llvm::function_ref<TileProduct(Dim)> makeProduct);
  void emitFewRowsUnit(llvm::function_ref<TileProduct(Dim)> makeProduct);

  cpu::KernelFunction &function;
  mlir::Operation *anchor;
  ProductSizes sizes;
  int64_t threads;
  Neighbours neighbours;
  TileShape shape;
  Dim tilesDown, tilesAcross;
  /// Where rows may be few: how a unit is done, how many of them a product has
  /// across, and whether it has rows.
  std::optional<FewRowsShape> fewRows;
  Dim partsAcross, partsDown;
};

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_PRODUCTUNITS_H

//===- AnchorTail.h - What a kernel does with its contraction -------------===//
//
// A contraction's kernel is one operation that does the work, the anchor, and a
// chain of elementwise operations behind it. This is the chain.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_ANCHORTAIL_H
#define TENON_CODEGEN_CPU_ANCHORTAIL_H

#include "codegen/cpu/ElementEmitter.h"
#include "codegen/cpu/TileEmitter.h"

namespace tenon::cpu {

/// Whether `kernel` is `anchor`, reading the kernel's inputs and constants,
/// with nothing but elementwise operations of its shape behind it, which make
/// all of the kernel's results. Attention may read views of the inputs
/// (`isViewOfLines`), and be transposed at the end. With `hasPrologue`,
/// elementwise operations may compute the first operand.
bool isAnchorKernel(KernelOp kernel, mlir::Operation *anchor,
                    bool hasPrologue = false);

/// The one operation of type `AnchorOp` in a kernel, if the kernel is it and
/// its tail; else null.
template <typename AnchorOp>
AnchorOp getAnchor(KernelOp kernel, bool hasPrologue = false) {
  for (mlir::Operation &op : kernel.getBody().front())
    if (auto anchor = mlir::dyn_cast<AnchorOp>(op))
      return isAnchorKernel(kernel, anchor, hasPrologue) ? anchor : AnchorOp();
  return {};
}

/// Whether a kernel that is an anchor and its tail may write its result onto
/// `input`, if no element is computed twice: only the tail reads it, and each
/// element where the result has it.
bool mayTailOverwrite(KernelOp kernel, mlir::BlockArgument input);
/// Whether this is so for any input that stands in memory as the result does.
bool mayTailOverwriteAny(KernelOp kernel);

class AnchorTail {
public:
  AnchorTail(KernelFunction &function, mlir::Operation *anchor);

  using Store = std::function<void(
      mlir::OpBuilder &, llvm::ArrayRef<LaneIndex> index, mlir::Value)>;
  /// The same for a tail that ends in `end`, a value of the region: its
  /// elements go to `store` instead of the kernel's results.
  AnchorTail(KernelFunction &function, mlir::Operation *anchor, mlir::Value end,
             Store store);

  /// Computes and stores the kernel's results at `index`, where the anchor's
  /// result is `sum`: `lanes` elements along the last dimension. What the
  /// kernel transposes at its end is stored where it belongs.
  void emit(mlir::OpBuilder &builder, llvm::ArrayRef<LaneIndex> index,
            mlir::Value sum, int64_t lanes, mlir::Value mask = {});
  /// The same where tensors begin at a multiple of the size of vectors, and
  /// rows are a multiple of their lanes. `position` is that of the index in
  /// row-major order, if it is known.
  void emitAligned(mlir::OpBuilder &builder, llvm::ArrayRef<LaneIndex> index,
                   std::optional<LaneIndex> position, mlir::Value sum,
                   int64_t lanes);

  /// The index of the element in a row (of a tile) and column (of a tile).
  using IndexOf = llvm::function_ref<llvm::SmallVector<LaneIndex>(
      mlir::OpBuilder &, Dim row, Dim column)>;
  /// Its position in the anchor's result, in row-major order.
  using PositionOf =
      llvm::function_ref<Dim(mlir::OpBuilder &, Dim row, Dim column)>;
  /// The same for all of a tile, straight from the registers if that is little
  /// code, else in a loop. `positionOf` is given where positions are known
  /// better than from the index. Rows before `firstRow`, which is 0 where it is
  /// constant, are left out.
  void emitTile(mlir::OpBuilder &builder, const TileShape &shape,
                mlir::ValueRange sums, IndexOf indexOf,
                PositionOf positionOf = nullptr, Dim firstRow = 0);

private:
  void emit(ElementEmitter &elements, llvm::ArrayRef<LaneIndex> index,
            mlir::Value sum);

  KernelFunction &function;
  mlir::Operation *anchor;
  /// Null where the tail ends in the kernel's results.
  mlir::Value end;
  Store store;
  /// Roughly, how many instructions the tail takes for a vector.
  int64_t cost;
  /// Where a tile waits for a loop, made when needed.
  mlir::Value scratch;
  int64_t scratchSize = 0;
};

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_ANCHORTAIL_H

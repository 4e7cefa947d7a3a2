//===- KnownSizes.h - Sizes that don't depend on data ---------------------===//

#ifndef TENON_CODEGEN_COMMON_KNOWNSIZES_H
#define TENON_CODEGEN_COMMON_KNOWNSIZES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseMap.h"

namespace tenon::codegen {

/// Tells which index values of main follow from the dimensions of its inputs
/// alone, so that they are known before it runs. Works on tensors and, after
/// bufferisation, on memrefs. Values are remembered by address.
class KnownSizes {
public:
  explicit KnownSizes(mlir::func::FuncOp main) : main(main) {}

  bool isKnown(mlir::Value value);
  bool areKnown(mlir::ValueRange values) {
    return llvm::all_of(values, [&](mlir::Value v) { return isKnown(v); });
  }

private:
  bool compute(mlir::Value value);
  bool isArgument(mlir::Value value);

  mlir::func::FuncOp main;
  llvm::DenseMap<mlir::Value, bool> known;
};

/// The memref that casts give another type.
mlir::Value stripCasts(mlir::Value memref);

/// The size of dynamic dimension `index` of a memref where it is an operand of
/// what makes the memref; null if it isn't.
mlir::Value getSizeOperand(mlir::Value memref, int64_t index);

/// A copy, where `builder` stands, of the arithmetic that computes `size`, with
/// the copies that there are already. `find` gives what stands there for a
/// value, null if nothing can, or says by nothing that it is to be copied. Null
/// where that can't be done.
mlir::Value
cloneSize(mlir::OpBuilder &builder, mlir::Value size, mlir::IRMapping &copies,
          llvm::function_ref<std::optional<mlir::Value>(mlir::Value)> find);

} // namespace tenon::codegen

#endif // TENON_CODEGEN_COMMON_KNOWNSIZES_H

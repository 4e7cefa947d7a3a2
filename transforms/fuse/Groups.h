//===- Groups.h - Which operations may run together -------------*- C++ -*-===//

#ifndef TENON_TRANSFORMS_FUSE_GROUPS_H
#define TENON_TRANSFORMS_FUSE_GROUPS_H

#include "dialects/tenon/TenonOps.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {

using OpGroup = llvm::SetVector<mlir::Operation *>;

/// The most operations in one kernel: generated code grows with it.
inline constexpr size_t kMaxGroupSize = 48;

/// Calls `body` with every block that holds a part of the graph: those of
/// functions and of the regions of conditionals and loops, but not those of
/// kernels.
mlir::LogicalResult
forEachGraphBlock(mlir::Operation *root,
                  llvm::function_ref<mlir::LogicalResult(mlir::Block &)> body);

/// Adds producers to a group until there are no more whose readers are all in
/// the group and for which `canJoin` agrees to each of these reads. The group
/// stays convex: nothing outside depends on such a producer.
void growUpwards(
    OpGroup &group,
    llvm::function_ref<bool(mlir::Operation *producer, mlir::OpOperand &use)>
        canJoin);

/// The only operation that reads `value`, if it is elementwise, in the same
/// block, and its result has the shape of `value`; else null, with a remark
/// that says why.
mlir::Operation *getPointwiseReader(mlir::Value value);

/// The cast from f16 or bf16 to f32 that computes `value`, or null. Whoever
/// reads it had better compute it: the tensor is then narrow in memory.
CastOp getWideningCast(mlir::Value value);

/// Whether `op` is a cast from f32 to f16 or bf16.
bool isNarrowingCast(mlir::Operation *op);

/// Whether both are ranked tensors of the same dimensions; two dynamic ones
/// that meet in an elementwise operation are the same.
bool haveSameShape(mlir::Value a, mlir::Value b);

/// The target of the module in `op`, or around it; null if there is none.
TargetAttr getTarget(mlir::Operation *op);

/// Whether `target`, which may be null, has the provider of this name.
bool hasProvider(TargetAttr target, llvm::StringRef provider);

} // namespace tenon

#endif // TENON_TRANSFORMS_FUSE_GROUPS_H

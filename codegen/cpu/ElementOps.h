//===- ElementOps.h - Operations that are no mere arithmetic --------------===//
//
// The parts of ElementEmitter by kind of operation. Each builds the elements of
// the operation's result at an index.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_ELEMENTOPS_H
#define TENON_CODEGEN_CPU_ELEMENTOPS_H

#include "codegen/cpu/ElementEmitter.h"

namespace tenon::cpu {

/// Transposes, slices, pads and the like: elements of operands elsewhere.
bool isMovement(mlir::Operation *op);
mlir::Value buildMovement(ElementEmitter &emitter, mlir::Operation *op,
                          ElementEmitter::Index index);

/// Each element from a window of the input.
bool isWindow(mlir::Operation *op);
mlir::Value buildWindow(ElementEmitter &emitter, mlir::Operation *op,
                        ElementEmitter::Index index);

/// Convolutions that have no kernel of their own.
bool isConvolution(mlir::Operation *op);
mlir::Value buildConvolution(ElementEmitter &emitter, mlir::Operation *op,
                             ElementEmitter::Index index);
/// An index that the model computed, counted from the end if negative. Where it
/// is out of range (`isGood` does not hold) the run fails, and nothing may be
/// read. `isGood` is one i1 if the index is uniform, else one for each lane.
struct CheckedIndex {
  LaneIndex index;
  mlir::Value isGood;
};
CheckedIndex buildCheckedIndex(ElementEmitter &emitter, mlir::Value element,
                               Dim size);

/// The elements of the input that computed indices name, and what is computed
/// of them.
bool isIndexed(mlir::Operation *op);
mlir::Value buildIndexed(ElementEmitter &emitter, mlir::Operation *op,
                         ElementEmitter::Index index);

/// Whether `element`, which comes after `best`, takes its place.
mlir::Value buildIsFound(mlir::OpBuilder &builder, mlir::Location loc,
                         ArgReduceOp op, mlir::Value element, mlir::Value best);
/// An element and its place.
struct FoundElement {
  mlir::Value element, place;
};
/// The one that is found of two, whichever comes first.
FoundElement buildFound(mlir::OpBuilder &builder, mlir::Location loc,
                        ArgReduceOp op, FoundElement a, FoundElement b);

/// What an element becomes when it is updated.
mlir::Value buildUpdated(mlir::OpBuilder &builder, mlir::Location loc,
                         ScatterReduction kind, mlir::Value old,
                         mlir::Value update, bool isUnsigned);

/// Whether `a` comes before `b` in the result. Without their places the order
/// of equal ones is of no interest.
mlir::Value buildIsBefore(mlir::OpBuilder &builder, mlir::Location loc,
                          TopKOp op, FoundElement a, FoundElement b);

/// Interpolated elements at computed positions.
bool isSampling(mlir::Operation *op);
mlir::Value buildSampling(ElementEmitter &emitter, mlir::Operation *op,
                          ElementEmitter::Index index);

mlir::Value buildResize(ElementEmitter &emitter, ResizeOp op,
                        ElementEmitter::Index index);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_ELEMENTOPS_H

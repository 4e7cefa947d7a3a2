//===- ElementEmitter.h - Elements of a kernel's tensors ------------------===//
//
// Builds the computation of chosen elements of any tensor in a kernel's region,
// by recursion from the tensor to the kernel's arguments: elementwise
// operations compute, movements change the index, arguments load. A loop around
// it, and a kernel is done; what wants to be faster binds what it has computed
// itself.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_ELEMENTEMITTER_H
#define TENON_CODEGEN_CPU_ELEMENTEMITTER_H

#include "codegen/cpu/KernelFunction.h"
#include "llvm/Support/Alignment.h"
#include <functional>
#include <map>

namespace tenon::cpu {

/// Elements are scalars where all lanes have the same one, else vectors of
/// `width` lanes. i1 is i1 here; memory has it as bytes.
class ElementEmitter {
public:
  using Index = llvm::ArrayRef<LaneIndex>;

  /// Builds at the insertion point of `builder`, which has to dominate the uses
  /// of what this emitter returns: make a new one for each loop body. With
  /// `mask` (`vector<Wxi1>`), only the lanes that are set are accessed.
  ElementEmitter(KernelFunction &function, mlir::OpBuilder &builder,
                 int64_t width, mlir::Value mask = {});

  /// Has vectors that are loaded and stored begin at a multiple of their size.
  void alignVectors() { isAligned = true; }
  /// Promises that the elements of a vector are never in more than one operand
  /// of a concatenation.
  void keepInOperands() { areInOneOperand = true; }
  bool areKeptInOperands() const { return areInOneOperand; }
  /// Tells where the element of `index` is in row-major order in tensors of the
  /// shape of `like`, where that is known better than from the index.
  void setPosition(mlir::Value like, Index index, const LaneIndex &position);

  /// The elements of `tensor` at `index`, which has its rank.
  mlir::Value get(mlir::Value tensor, Index index);
  /// The same, but always one for each lane.
  mlir::Value getVector(mlir::Value tensor, Index index) {
    return broadcast(get(tensor, index));
  }
  /// Writes elements, scalar or not, to output `i` at `index`.
  void storeOutput(unsigned i, Index index, mlir::Value element);
  /// Loads or stores elements at a position in a flat memref. `type` is the
  /// element type outside of memory.
  mlir::Value load(mlir::Value flat, const LaneIndex &position,
                   mlir::Type type);
  void store(mlir::Value flat, const LaneIndex &position, mlir::Value element);

  /// `tensor` has these elements, whatever the index that is asked for.
  void bind(mlir::Value tensor, mlir::Value element) {
    bound[tensor] = [element](ElementEmitter &, Index) { return element; };
  }
  /// The same, with what `make` builds for an index.
  using MakeElement = std::function<mlir::Value(ElementEmitter &, Index)>;
  void bind(mlir::Value tensor, MakeElement make) { bound[tensor] = make; }

  KernelFunction &getFunction() { return function; }
  mlir::OpBuilder &getBuilder() { return builder; }
  IndexBuilder &getIndices() { return indices; }
  mlir::Location getLoc() { return function.getLoc(); }
  int64_t getWidth() const { return width; }
  mlir::Value getMask() const { return mask; }

  /// `type`, or for elements in lanes the vector of it.
  mlir::Type getVectorType(mlir::Type type);
  mlir::Value broadcast(mlir::Value element);
  /// Brings scalars among `elements` to vectors if any is one.
  void unify(llvm::MutableArrayRef<mlir::Value> elements);
  /// A scalar constant of a (signless) integer or float type.
  mlir::Value constant(mlir::Type type, double value);

  /// Either side, computed only where it is wanted. The result is a vector.
  mlir::Value branch(mlir::Value condition, mlir::Type elementType,
                     llvm::function_ref<mlir::Value()> then,
                     llvm::function_ref<mlir::Value()> otherwise);
  /// `then` in the lanes where `condition` (one i1 a lane) holds, which alone
  /// are accessed, and `otherwise` in others.
  mlir::Value inLanes(mlir::Value condition,
                      llvm::function_ref<mlir::Value()> then,
                      mlir::Value otherwise);
  /// `then` where both conditions hold, which alone is read; one is for all
  /// lanes and one for each, and either may be null.
  mlir::Value where(mlir::Value condition, mlir::Value laneCondition,
                    llvm::function_ref<mlir::Value()> then,
                    mlir::Value otherwise);
  /// 0 in the element type of `tensor`.
  mlir::Value zeroOf(mlir::Value tensor);
  /// `for (k = lower; k < upper; ++k) carried = body(k, carried)`.
  llvm::SmallVector<mlir::Value>
  loop(Dim lower, Dim upper, mlir::ValueRange carried,
       llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value k,
                                                         mlir::ValueRange)>
           body);

private:
  /// Where `index` is in `tensor`.
  LaneIndex linearize(mlir::Value tensor, Index index);
  llvm::MaybeAlign getAlignment(mlir::VectorType type);
  mlir::Value build(mlir::Value tensor, Index index);
  mlir::Value buildConstant(ConstantOp op, Index index);
  mlir::Value buildElementwise(mlir::Operation *op, Index index);
  /// Runs `body` at the end of `block`, with an own memory of what is known.
  void inBlock(mlir::Block *block, llvm::function_ref<void()> body);

  KernelFunction &function;
  mlir::OpBuilder &builder;
  int64_t width;
  mlir::Value mask;
  IndexBuilder indices;
  bool isAligned = false, areInOneOperand = false;
  /// See `setPosition`.
  mlir::Value positionLike;
  llvm::SmallVector<LaneIndex> positionIndex;
  LaneIndex position;
  using Key = llvm::SmallVector<std::pair<const void *, int64_t>, 8>;
  std::map<Key, mlir::Value> known;
  llvm::DenseMap<mlir::Value, MakeElement> bound;
};

/// Whether elements of the operation's results can be built, in a kernel whose
/// normalisations are decomposed.
bool canEmitElements(mlir::Operation *op);

/// Calls `body` for `i` from `lower` to `upper` in steps of `width` lanes: in a
/// loop without a mask, and once with one for what is left. For one lane there
/// is no mask.
void emitVectorLoop(mlir::OpBuilder &builder, mlir::Location loc, Dim lower,
                    Dim upper, int64_t width,
                    llvm::function_ref<void(mlir::OpBuilder &builder,
                                            mlir::Value i, mlir::Value mask)>
                        body);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_ELEMENTEMITTER_H

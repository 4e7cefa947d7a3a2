//===- FusePointwiseGroups.cpp - Elementwise operations and movement ------===//

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "transforms/fuse/Groups.h"
#include "transforms/fuse/KernelBuilder.h"
#include "transforms/fuse/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_FUSEPOINTWISEGROUPS
#include "transforms/fuse/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// Whether `op` is a transpose that moves the last dimension. It has to go
/// through memory in squares.
static bool isTurn(Operation *op) {
  auto transpose = dyn_cast<TransposeOp>(op);
  return transpose && !transpose.getPermutation().empty() &&
         transpose.getPermutation().back() + 1 !=
             int64_t(transpose.getPermutation().size());
}

/// Whether an operation only chooses which element to read, and neighbours stay
/// neighbours.
static bool isMovement(Operation *op) {
  return isa<ExpandOp, SliceOp, GatherOp>(op) ||
         (isa<TransposeOp>(op) && !isTurn(op));
}

static bool isPointwise(Operation *op) {
  return isa<ElementwiseOpInterface>(op) || isMovement(op);
}

/// Whether `op` is a concatenation that computes what it joins. Its code has
/// all of that, so there must not be much.
static bool joinsFew(Operation *op) {
  constexpr unsigned kMaxJoined = 8;
  return isa<ConcatOp>(op) && op->getNumOperands() <= kMaxJoined;
}

/// Whether `op` is such a concatenation of whole lines: which of its operands
/// an element is of is the same for neighbours.
static bool joinsLines(Operation *op) {
  auto concat = dyn_cast<ConcatOp>(op);
  return concat && joinsFew(op) &&
         llvm::any_of(concat.getOutput().getType().getShape().drop_front(
                          concat.getAxis() + 1),
                      [](int64_t size) { return size != 1; });
}

/// Whether the owner of `use` reads it where it is itself computed.
static bool readsInPlace(OpOperand &use) {
  Operation *reader = use.getOwner();
  return isa<ElementwiseOpInterface>(reader) &&
         haveSameShape(use.get(), reader->getResult(0));
}

/// Whether the owner of `use` reads each element of it at most once.
static bool readsOnce(OpOperand &use) {
  Operation *reader = use.getOwner();
  return readsInPlace(use) || isa<TransposeOp, SliceOp>(reader) ||
         (isa<ConcatOp>(reader) && use.get().hasOneUse());
}

/// Whether a GPU can read what `ops`, readers first, read as it is or turned in
/// squares: all turns are one, nothing else moves, and nothing is read in both
/// ways. A turn of what is turned has to turn it back.
static bool suitsSquares(ArrayRef<Operation *> ops) {
  ArrayRef<int64_t> turn;
  llvm::SmallDenseMap<Value, bool> turned;
  for (Operation *op : ops) {
    bool isTurned = turned.lookup(op->getResult(0));
    if (isTurn(op)) {
      ArrayRef<int64_t> permutation = cast<TransposeOp>(op).getPermutation();
      if (!turn.empty() && turn != permutation)
        return false;
      turn = permutation;
      if (isTurned && invertPermutationVector(turn) != turn)
        return false;
      isTurned = !isTurned;
    } else if (!isa<ElementwiseOpInterface>(op)) {
      return false;
    }
    for (Value operand : op->getOperands())
      if (cast<RankedTensorType>(operand.getType()).getRank() != 0 &&
          turned.try_emplace(operand, isTurned).first->second != isTurned)
        return false;
  }
  return true;
}

/// Whether `producer` may join a group by `use` whose operands a GPU reads as
/// they are or turned in squares.
static bool joinsTurned(const OpGroup &group, Operation *producer,
                        OpOperand &use) {
  SmallVector<Operation *> ops = llvm::to_vector(group);
  ops.push_back(producer);
  return (isTurn(producer) ? readsInPlace(use) : readsOnce(use)) &&
         suitsSquares(ops);
}

namespace {

/// At which places of them an element of a group's result needs the operations
/// of the group. There is code of an operation for each: where movements of one
/// tensor are put together again and again, the number doubles each time.
class Places {
public:
  explicit Places(Operation *root) { known[root] = {0}; }

  /// Finds them for an operation all of whose readers are in the group; false
  /// if they are too many.
  bool find(Operation *producer) {
    constexpr size_t kMaxPlaces = 4;
    llvm::SmallSetVector<unsigned, 4> places;
    for (OpOperand &use : producer->getUses()) {
      auto reader = known.find(use.getOwner());
      if (reader == known.end())
        return false;
      for (unsigned place : reader->second)
        places.insert(
            readsInPlace(use)
                ? place
                : numbers.try_emplace({&use, place}, numbers.size() + 1)
                      .first->second);
      if (places.size() > kMaxPlaces)
        return false;
    }
    known[producer].assign(places.begin(), places.end());
    return true;
  }

private:
  llvm::DenseMap<Operation *, SmallVector<unsigned, 4>> known;
  /// What is elsewhere than its reader, by that and the reader's place.
  llvm::DenseMap<std::pair<OpOperand *, unsigned>, unsigned> numbers;
};

struct FusePointwiseGroups
    : tenon::impl::FusePointwiseGroupsBase<FusePointwiseGroups> {
  void runOnOperation() override {
    if (failed(forEachGraphBlock(getOperation(),
                                 [&](Block &block) { return fuse(block); })))
      signalPassFailure();
  }

private:
  LogicalResult fuse(Block &block) {
    IRRewriter rewriter(&getContext());
    TargetAttr target = getTarget(getOperation());
    bool hasGpu = target && target.getGpus();
    SmallVector<Operation *> roots;
    for (Operation &op : block)
      if (isPointwise(&op) || joinsFew(&op) || (hasGpu && isTurn(&op)))
        roots.push_back(&op);
    llvm::SmallPtrSet<Operation *, 16> done;
    for (Operation *root : llvm::reverse(roots)) {
      if (done.contains(root))
        continue;
      // All its readers compute it themselves.
      if (isa<CastOp>(root) && root->use_empty()) {
        rewriter.eraseOp(root);
        continue;
      }
      OpGroup group;
      group.insert(root);
      Places places(root);
      // What else moves elements comes before turns, which can be alone.
      if (!isTurn(root))
        growUpwards(group, [&](Operation *producer, OpOperand &use) {
          if (!isPointwise(producer) && !joinsLines(producer))
            return false;
          // Indices are read for each element that they choose.
          if (isa<GatherOp>(use.getOwner()) && use.getOperandNumber() == 1)
            return false;
          return (isMovement(producer) || readsOnce(use)) &&
                 places.find(producer);
        });
      if (hasGpu)
        growUpwards(group, [&](Operation *producer, OpOperand &use) {
          return joinsTurned(group, producer, use) && places.find(producer);
        });
      done.insert_range(group);
      numFused += group.size() - 1;
      ++numKernels;
      if (failed(createKernel(rewriter, group.getArrayRef())))
        return failure();
    }
    return success();
  }
};

} // namespace

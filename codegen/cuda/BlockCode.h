//===- BlockCode.h - Code of threads that work together -------------------===//
//
// What emitters of kernels whose unit is done by the threads of a block need
// beside `arith`: which thread it is, memory that the threads share, and copies
// from the device's memory to it. Numbers are of type `index` unless said.
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CUDA_BLOCKCODE_H
#define TENON_CODEGEN_CUDA_BLOCKCODE_H

#include "dialects/tenon/TenonShapes.h"
#include "mlir/IR/Builders.h"

namespace tenon::cuda {

/// On the function of a kernel: BlockCode::setBlocksAtOnce. As ptxas gets it.
inline constexpr llvm::StringLiteral kBlocksAtOnceAttr = "nvvm.minctasm";

/// What is copied, loaded and stored at once if it is aligned, in bytes. Where
/// a tensor of a kernel begins is (TenonKernel).
inline constexpr int64_t kChunkBytes = 16;

/// How many elements that is.
int64_t getChunkElements(mlir::Type element);

/// Memory that the threads of a block share, for as long as the kernel runs:
/// `count` elements of `type`, of which a block can have 48 KB.
mlir::Value allocateShared(mlir::OpBuilder &builder, mlir::Location loc,
                           int64_t count, mlir::Type type);

/// Builds at the insertion point of `builder`.
class BlockCode {
public:
  using Values = llvm::SmallVector<mlir::Value>;

  BlockCode(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}
  mlir::OpBuilder &getBuilder() { return builder; }
  mlir::Location getLoc() { return loc; }

  mlir::Value constant(int64_t value);
  mlir::Value value(Dim dim);
  mlir::Value add(mlir::Value a, mlir::Value b);
  mlir::Value add(mlir::Value a, int64_t b) { return add(a, constant(b)); }
  mlir::Value mul(mlir::Value a, mlir::Value b);
  mlir::Value mul(mlir::Value a, int64_t b) { return mul(a, constant(b)); }
  /// Of numbers that are not negative.
  mlir::Value div(mlir::Value a, mlir::Value b);
  mlir::Value div(mlir::Value a, int64_t b) { return div(a, constant(b)); }
  mlir::Value rem(mlir::Value a, mlir::Value b);
  mlir::Value rem(mlir::Value a, int64_t b) { return rem(a, constant(b)); }
  mlir::Value exclusiveOr(mlir::Value a, mlir::Value b);
  mlir::Value min(mlir::Value a, mlir::Value b);
  mlir::Value less(mlir::Value a, mlir::Value b);
  /// Whether `a` is neither negative nor as large as `b`.
  mlir::Value isWithin(mlir::Value a, mlir::Value b);
  mlir::Value isZero(mlir::Value a);
  mlir::Value both(mlir::Value a, mlir::Value b);
  mlir::Value choose(mlir::Value condition, mlir::Value a, mlir::Value b);

  /// `for (i = lower; i < upper; i += step) carried = body(i, carried)`.
  Values loop(mlir::Value lower, mlir::Value upper, mlir::Value step,
              mlir::ValueRange carried,
              llvm::function_ref<Values(mlir::Value i, mlir::ValueRange)> body);
  void loop(mlir::Value lower, mlir::Value upper, mlir::Value step,
            llvm::function_ref<void(mlir::Value i)> body);
  /// The same where LLVM must not unroll it, since its code is not worth more.
  void smallLoop(mlir::Value lower, mlir::Value upper, mlir::Value step,
                 llvm::function_ref<void(mlir::Value i)> body);
  /// One of two values, each computed only where it is wanted.
  mlir::Value choose(mlir::Value condition, mlir::Type type,
                     llvm::function_ref<mlir::Value()> then,
                     llvm::function_ref<mlir::Value()> otherwise);
  void branch(mlir::Value condition, llvm::function_ref<void()> then,
              llvm::function_ref<void()> otherwise = nullptr);

  /// The thread's number in its block.
  mlir::Value thread();
  /// How many blocks of the kernel a multiprocessor should have at once, which
  /// says how many registers a thread may take.
  void setBlocksAtOnce(int64_t count);
  /// All threads of the block have come here, and see what others stored.
  void barrier();
  /// `bytes` of shared memory, aligned for chunks, as a pointer.
  mlir::Value allocateShared(int64_t bytes);

  /// The address of a memref of the device's memory, as a pointer.
  mlir::Value getGlobal(mlir::Value memref);
  mlir::Value advance(mlir::Value pointer, mlir::Value bytes);
  mlir::Value load(mlir::Type type, mlir::Value pointer);
  void store(mlir::Value value, mlir::Value pointer);

  /// The `count` elements of a flat memref from `position` on, as f32. They are
  /// aligned for being loaded at once.
  Values loadFloats(mlir::Value memref, mlir::Value position, int64_t count);

  /// Copies `bytes`, which are 4, 8 or a chunk, to shared memory. They are
  /// there after `awaitCopies`; where `isValid` doesn't hold nothing is read,
  /// and they are zeros.
  void copyAsync(mlir::Value shared, mlir::Value global, int64_t bytes,
                 mlir::Value isValid);
  /// Ends a group of copies.
  void commitCopies();
  /// Waits for this thread's groups but the last `numPending`.
  void awaitCopies(int64_t numPending);

private:
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_BLOCKCODE_H

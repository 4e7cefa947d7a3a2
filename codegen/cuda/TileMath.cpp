//===- TileMath.cpp - The arithmetic of a block's tile --------------------===//
//
// Which lane of a warp has which elements is after the PTX ISA, "Matrix
// multiply-accumulate operation using mma instruction".
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/TileMath.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/core/ModelAbi.h"
#include "transforms/compress/Passes.h"

using namespace mlir;

namespace tenon::cuda {

using Values = BlockCode::Values;

Value OperandTile::getOffset(BlockCode &code, Value line, Value chunk) const {
  // Eight chunks are all banks. Lines are shorter than that where they are
  // along the depth: then it takes several to go once around.
  int64_t chunks = getLineChunks();
  bool isAcrossFloats = !depthInner && elementBytes == sizeof(float);
  if (isAcrossFloats && !isForMma)
    return code.add(code.mul(line, chunks * kChunkBytes),
                    code.mul(chunk, kChunkBytes));
  int64_t linesAround = std::max<int64_t>(1, 8 / chunks);
  int64_t mixed = std::min<int64_t>(8, chunks);
  Value mix = code.rem(code.div(line, linesAround), mixed);
  // Lanes read two chunks of four lines together.
  if (isAcrossFloats)
    mix = code.rem(code.mul(line, 2), mixed);
  return code.mul(
      code.add(code.mul(line, chunks), code.exclusiveOr(chunk, mix)),
      kChunkBytes);
}

void TileMath::storeSum(BlockCode &code, Value memory, Value slabRow,
                        Value column, Value sum) {
  Value at = code.add(code.mul(slabRow, getSlabStride()), column);
  code.store(sum, code.advance(memory, code.mul(at, sizeof(float))));
}

void TileMath::scaleRow(BlockCode &code, Value factors, Value row,
                        int64_t first, int64_t count, Values &sums) {
  OpBuilder &builder = code.getBuilder();
  Value factor = code.load(builder.getF32Type(),
                           code.advance(factors, code.mul(row, sizeof(float))));
  for (Value &sum : MutableArrayRef<Value>(sums).slice(first, count))
    sum = arith::MulFOp::create(builder, code.getLoc(), sum, factor);
}

namespace {

//===----------------------------------------------------------------------===//
// Fused multiply-adds
//===----------------------------------------------------------------------===//

constexpr int64_t kThreadRows = 8;
constexpr int64_t kThreadsAcross = 16;
constexpr int64_t kFloats = kChunkBytes / sizeof(float);

/// Fused multiply-adds of f32, exact products: a thread has eight rows and a
/// sixteenth of the columns.
class FmaMath : public TileMath {
public:
  using TileMath::TileMath;

  void begin(BlockCode &code) override {
    // A warp has 4 times 8 threads: what it reads of either operand at a time
    // is little.
    Value thread = code.thread();
    Value lane = code.rem(thread, TENON_WARP_SIZE);
    Value warp = code.div(thread, TENON_WARP_SIZE);
    row = code.add(code.mul(code.div(warp, 2), 4), code.div(lane, 8));
    column = code.add(code.mul(code.rem(warp, 2), 8), code.rem(lane, 8));
  }

  Values addStage(BlockCode &code, Value lhsStage, Value rhsStage,
                  ValueRange given) override {
    Values sums(given);
    for (int64_t step = 0; step != shape.depth; step += kFloats) {
      Values left, right;
      for (int64_t inChunk = 0; inChunk != kFloats; ++inChunk) {
        load(code, lhs, lhsStage, row, getDown(), kThreadRows, step, inChunk,
             left);
        load(code, rhs, rhsStage, column, kThreadsAcross, getThreadColumns(),
             step, inChunk, right);
        for (int64_t i = 0; i != kThreadRows; ++i)
          for (int64_t j = 0; j != getThreadColumns(); ++j) {
            Value &sum = sums[i * getThreadColumns() + j];
            sum = math::FmaOp::create(code.getBuilder(), code.getLoc(),
                                      left[i * kFloats + inChunk],
                                      right[j * kFloats + inChunk], sum);
          }
      }
    }
    return sums;
  }

  Values scaleRows(BlockCode &code, Value factors, ValueRange given) override {
    Values sums(given);
    for (int64_t i = 0; i != kThreadRows; ++i)
      scaleRow(code, factors, getPlace(code, lhs, row, getDown(), i),
               i * getThreadColumns(), getThreadColumns(), sums);
    return sums;
  }

  Value getTileRow(BlockCode &code, int64_t slab, Value slabRow) override {
    return code.add(slabRow, slab * getSlabRows());
  }

  void storeSlab(BlockCode &code, int64_t slab, Value memory,
                 ValueRange sums) override {
    int64_t count = kThreadRows / getNumSlabs();
    for (int64_t i = 0; i != count; ++i)
      for (int64_t j = 0; j != getThreadColumns(); ++j)
        storeSum(code, memory, getPlace(code, lhs, row, getDown(), i),
                 getPlace(code, rhs, column, kThreadsAcross, j),
                 sums[(slab * count + i) * getThreadColumns() + j]);
  }

private:
  int64_t getDown() const { return shape.threads / kThreadsAcross; }
  int64_t getThreadColumns() const { return shape.columns / kThreadsAcross; }

  /// Number `i` of the rows (or columns) of a thread: `threads` apart where
  /// lines are along the depth, else chunks of neighbours.
  static Value getPlace(BlockCode &code, const OperandTile &tile, Value thread,
                        int64_t threads, int64_t i) {
    if (tile.depthInner)
      return code.add(thread, i * threads);
    return code.add(code.mul(thread, kFloats),
                    i / kFloats * kFloats * threads + i % kFloats);
  }

  /// Has element `i * kFloats + inChunk` of `loaded` be what row (or column)
  /// `i` has at step `step + inChunk`. What is contiguous is loaded at once.
  static void load(BlockCode &code, const OperandTile &tile, Value stage,
                   Value thread, int64_t threads, int64_t count, int64_t step,
                   int64_t inChunk, Values &loaded) {
    OpBuilder &builder = code.getBuilder();
    // Half a chunk of each row, so that not too many registers are taken.
    constexpr int64_t kStepsAtOnce = 2;
    int64_t width = tile.depthInner ? kStepsAtOnce : kFloats;
    auto type = VectorType::get({width}, builder.getF32Type());
    loaded.resize(count * kFloats);
    // What a thread reads beside its first chunk is a constant further.
    auto loadChunk = [&](Value line, Value chunk, int64_t further) {
      Value first = code.advance(stage, tile.getOffset(code, line, chunk));
      return code.load(type, code.advance(first, code.constant(further)));
    };
    int64_t lineBytes = tile.getLineChunks() * kChunkBytes;
    auto extract = [&](Value vector, int64_t i) -> Value {
      return vector::ExtractOp::create(builder, code.getLoc(), vector, i);
    };
    if (tile.depthInner) {
      for (int64_t i = 0; i != count && inChunk % width == 0; ++i) {
        Value vector =
            loadChunk(thread, code.constant(step / kFloats),
                      i * threads * lineBytes + inChunk * sizeof(float));
        for (int64_t k = 0; k != width; ++k)
          loaded[i * kFloats + inChunk + k] = extract(vector, k);
      }
      return;
    }
    for (int64_t i = 0; i != count; i += kFloats) {
      Value vector = loadChunk(code.constant(0), thread,
                               (step + inChunk) * lineBytes +
                                   i / kFloats * threads * kChunkBytes);
      for (int64_t k = 0; k != kFloats; ++k)
        loaded[(i + k) * kFloats + inChunk] = extract(vector, k);
    }
  }

  Value row, column;
};

//===----------------------------------------------------------------------===//
// Tensor cores
//===----------------------------------------------------------------------===//

constexpr int64_t kMmaRows = 16, kMmaColumns = 8;
/// Steps of a piece in chunks, which are the lines of the matrices that
/// ldmatrix loads.
constexpr int64_t kMmaDepthChunks = 2;

/// Tensor cores on f16 or bf16 (`element`), or on f32 rounded to TF32: a warp
/// has a rectangle of the tile, in pieces of 16 rows, 8 columns, and 16 steps
/// or 8 (mma.sync.m16n8k16, m16n8k8).
class MmaMath : public TileMath {
public:
  MmaMath(TileShape shape, OperandTile lhs, OperandTile rhs, Type element)
      : TileMath(shape, lhs, rhs), element(element),
        chunkElements(lhs.getChunkElements()),
        warpsAcross(shape.columns / kWarpColumns),
        warpRows(shape.rows / (shape.threads / TENON_WARP_SIZE / warpsAcross)) {
  }

  void begin(BlockCode &code) override {
    Value thread = code.thread();
    lane = code.rem(thread, TENON_WARP_SIZE);
    Value warp = code.div(thread, TENON_WARP_SIZE);
    warpDown = code.div(warp, warpsAcross);
    rowBegin = code.mul(warpDown, warpRows);
    columnBegin = code.mul(code.rem(warp, warpsAcross), kWarpColumns);
  }

  Values addStage(BlockCode &code, Value lhsStage, Value rhsStage,
                  ValueRange given) override {
    Values sums(given);
    int64_t pieceDepth = kMmaDepthChunks * chunkElements;
    for (int64_t step = 0; step != shape.depth; step += pieceDepth) {
      SmallVector<Values> left, right;
      // Of the left operand the second matrix is further down, of the right
      // one, two pieces at a time, further in the depth.
      for (int64_t i = 0; i != warpRows; i += kMmaRows)
        left.push_back(loadMatrices(code, lhs, lhsStage, rowBegin, i, step,
                                    /*outerFirst=*/true));
      for (int64_t j = 0; j != kWarpColumns; j += 2 * kMmaColumns) {
        Values two = loadMatrices(code, rhs, rhsStage, columnBegin, j, step,
                                  /*outerFirst=*/false);
        right.push_back({two[0], two[1]});
        right.push_back({two[2], two[3]});
      }
      for (auto [i, a] : llvm::enumerate(left))
        for (auto [j, b] : llvm::enumerate(right))
          multiply(code, a, b,
                   MutableArrayRef<Value>(sums).slice(
                       (i * right.size() + j) * 4, 4));
    }
    return sums;
  }

  Values scaleRows(BlockCode &code, Value factors, ValueRange given) override {
    Values sums(given);
    int64_t across = kWarpColumns / kMmaColumns;
    Value first = code.add(rowBegin, code.div(lane, 4));
    for (int64_t i = 0; i != warpRows / kMmaRows; ++i)
      for (int64_t j = 0; j != across; ++j)
        for (int64_t half = 0; half != 2; ++half)
          scaleRow(code, factors, code.add(first, i * kMmaRows + half * 8),
                   (i * across + j) * 4 + half * 2, 2, sums);
    return sums;
  }

  Value getTileRow(BlockCode &code, int64_t slab, Value slabRow) override {
    int64_t rows = getWarpSlabRows();
    return code.add(code.add(code.mul(code.div(slabRow, rows), warpRows),
                             code.rem(slabRow, rows)),
                    slab * rows);
  }

  void storeSlab(BlockCode &code, int64_t slab, Value memory,
                 ValueRange sums) override {
    int64_t rows = getWarpSlabRows();
    int64_t across = kWarpColumns / kMmaColumns;
    Value first = code.add(code.mul(warpDown, rows), code.div(lane, 4));
    Value column = code.add(columnBegin, code.mul(code.rem(lane, 4), 2));
    for (int64_t i = 0; i != rows / kMmaRows; ++i)
      for (int64_t j = 0; j != across; ++j)
        for (int64_t k = 0; k != 4; ++k)
          storeSum(code, memory, code.add(first, i * kMmaRows + k / 2 * 8),
                   code.add(column, j * kMmaColumns + k % 2),
                   sums[((slab * rows / kMmaRows + i) * across + j) * 4 + k]);
  }

private:
  static constexpr int64_t kWarpColumns = 32;

  int64_t getWarpSlabRows() const { return warpRows / getNumSlabs(); }

  /// Four matrices of 8 lines of a chunk: two across by two along the depth,
  /// `further` from row or column `outer`.
  Values loadMatrices(BlockCode &code, const OperandTile &tile, Value stage,
                      Value outer, int64_t further, int64_t step,
                      bool outerFirst) {
    OpBuilder &builder = code.getBuilder();
    Location loc = code.getLoc();
    // ldmatrix exchanges rows and columns of 16 bits only.
    if (!tile.depthInner && element.isF32())
      return loadAcross(code, tile, stage, outer, further, step, outerFirst);
    // Each lane has the address of a line of a matrix.
    Value inMatrix = code.rem(lane, 8), matrix = code.div(lane, 8);
    Value fast = code.rem(matrix, 2), slow = code.div(matrix, 2);
    Value across = outerFirst ? fast : slow, along = outerFirst ? slow : fast;
    Value line, chunk;
    // As many lines further chunks are mixed in the same way.
    int64_t linesFurther;
    if (tile.depthInner) {
      line = code.add(outer, code.add(code.mul(across, 8), inMatrix));
      chunk = code.add(along, step / chunkElements);
      linesFurther = further;
    } else {
      line = code.add(code.mul(along, 8), inMatrix);
      chunk = code.add(code.div(outer, chunkElements),
                       code.add(across, further / chunkElements));
      linesFurther = step;
    }
    Value address = code.advance(
        code.advance(stage, tile.getOffset(code, line, chunk)),
        code.constant(linesFurther * tile.getLineChunks() * kChunkBytes));
    Type i32 = builder.getI32Type();
    auto type = LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                                 {i32, i32, i32, i32});
    Value loaded = NVVM::LdMatrixOp::create(
        builder, loc, type, address, /*num=*/4,
        tile.depthInner ? NVVM::MMALayout::row : NVVM::MMALayout::col,
        NVVM::LdStMatrixShapeAttr::get(builder.getContext(), 8, 8),
        NVVM::LdStMatrixEltType::B16);
    Values parts;
    for (int64_t i = 0; i != 4; ++i)
      parts.push_back(toMultiplicand(
          code, LLVM::ExtractValueOp::create(builder, loc, loaded, i)));
    return parts;
  }

  /// The same of f32 which is contiguous across the depth, a number at a time.
  Values loadAcross(BlockCode &code, const OperandTile &tile, Value stage,
                    Value outer, int64_t further, int64_t step,
                    bool outerFirst) {
    Value inMatrix = code.div(lane, 4);
    Values parts;
    for (int64_t i = 0; i != 4; ++i) {
      int64_t across = outerFirst ? i % 2 : i / 2;
      int64_t along = outerFirst ? i / 2 : i % 2;
      Value line = code.add(code.rem(lane, 4), along * chunkElements);
      Value place = code.add(code.add(outer, inMatrix), further + across * 8);
      Value offset =
          code.add(tile.getOffset(code, line, code.div(place, chunkElements)),
                   code.mul(code.rem(place, chunkElements), sizeof(float)));
      // As many lines further chunks are mixed in the same way.
      offset = code.add(offset, step * tile.getLineChunks() * kChunkBytes);
      parts.push_back(
          toMultiplicand(code, code.load(code.getBuilder().getI32Type(),
                                         code.advance(stage, offset))));
    }
    return parts;
  }

  Value toMultiplicand(BlockCode &code, Value word) {
    OpBuilder &builder = code.getBuilder();
    Location loc = code.getLoc();
    if (element.isBF16())
      return word;
    if (element.isF16())
      return LLVM::BitcastOp::create(builder, loc,
                                     VectorType::get({2}, element), word);
    // The multiplication itself would cut off what is beyond TF32.
    Value number = LLVM::BitcastOp::create(builder, loc, element, word);
    return NVVM::ConvertFloatToTF32Op::create(
        builder, loc, builder.getI32Type(), number, NVVM::FPRoundingMode::RNA);
  }

  void multiply(BlockCode &code, ValueRange a, ValueRange b,
                MutableArrayRef<Value> sums) {
    OpBuilder &builder = code.getBuilder();
    Type f32 = builder.getF32Type();
    NVVM::MMATypes type = element.isF32()   ? NVVM::MMATypes::tf32
                          : element.isF16() ? NVVM::MMATypes::f16
                                            : NVVM::MMATypes::bf16;
    Value result = NVVM::MmaOp::create(
        builder, code.getLoc(),
        LLVM::LLVMStructType::getLiteral(builder.getContext(),
                                         {f32, f32, f32, f32}),
        a, b, ValueRange(sums),
        {kMmaRows, kMmaColumns, kMmaDepthChunks * chunkElements},
        /*b1Op=*/std::nullopt, /*intOverflow=*/std::nullopt,
        std::array<NVVM::MMATypes, 2>{type, type},
        std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row,
                                       NVVM::MMALayout::col});
    for (auto [i, sum] : llvm::enumerate(sums))
      sum = LLVM::ExtractValueOp::create(builder, code.getLoc(), result, i);
  }

  Type element;
  int64_t chunkElements;
  int64_t warpsAcross, warpRows;
  Value lane, warpDown, rowBegin, columnBegin;
};

} // namespace

bool isForMma(OpBuilder &builder, Type element) {
  Operation *op = builder.getBlock()->getParentOp();
  return !element.isF32() ||
         op->getParentOfType<ModuleOp>()->hasAttr(kTf32Attr);
}

std::unique_ptr<TileMath> createMath(TileShape shape, OperandTile lhs,
                                     OperandTile rhs, Type element) {
  if (lhs.isForMma)
    return std::make_unique<MmaMath>(shape, lhs, rhs, element);
  return std::make_unique<FmaMath>(shape, lhs, rhs);
}

} // namespace tenon::cuda

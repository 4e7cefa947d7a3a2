//===- FewQueries.cpp - Attention of a single query -----------------------===//
//
// With few queries attention takes as long as the keys and values take to be
// read. The threads of a block share the keys: a group of neighbouring ones has
// a key at a time, each of them a chunk of its line and of that of the value.
// Each group keeps the largest score, the sum of the weights and the sums of
// the values for its keys, as a block does for a tile (AttentionKernel.cpp). At
// the end those of all groups are made one, in shared memory.
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/FewQueries.h"

#include "codegen/cpu/Arithmetic.h"
#include "codegen/cuda/Team.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace tenon::cuda {

using Values = BlockCode::Values;

int64_t getQueryBytes(Type element, int64_t threads) {
  // The values of all threads, and two numbers of each group.
  return threads * (getChunkElements(element) + 2) * sizeof(float);
}

namespace {

class QueryEmitter {
public:
  QueryEmitter(BlockCode &code, const AttentionQuery &attention,
               int64_t threads);
  Values emitGroup();
  void storeGroup(Value shared, ValueRange state);
  void emitResult(Value shared, llvm::function_ref<void(Value, Value)> store);

private:
  Values load(const AttentionLines &lines, Value line, bool endsInZeros);
  Values addKeys(ValueRange query, Value firstKey, ValueRange state);
  Value constant(double value) {
    return cpu::buildConstant(builder, loc, f32,
                              builder.getFloatAttr(f32, value));
  }
  Value exp(Value a, Value b) {
    return math::ExpOp::create(builder, loc,
                               arith::SubFOp::create(builder, loc, a, b),
                               arith::FastMathFlags::afn);
  }
  Value max(Value a, Value b) { return cpu::buildMax(builder, loc, a, b); }
  Value multiplyAdd(Value a, Value b, Value sum) {
    return math::FmaOp::create(builder, loc, a, b, sum);
  }
  Value at(Value shared, Value number) {
    return code.advance(shared, code.mul(number, sizeof(float)));
  }

  BlockCode &code;
  OpBuilder &builder;
  Location loc;
  const AttentionQuery &attention;
  int64_t threads;
  Type f32;
  /// Of a chunk; of a group: its threads, and their values.
  int64_t chunkElements, groupThreads, groupValues;
  int64_t numGroups;
  /// Whether lines are whole chunks, and how many keys a group reads at a time.
  bool inChunks;
  int64_t keysAtOnce;
  /// The thread's group, and where in a line its chunk begins.
  Value group, column;
};

} // namespace

QueryEmitter::QueryEmitter(BlockCode &code, const AttentionQuery &attention,
                           int64_t threads)
    : code(code), builder(code.getBuilder()), loc(code.getLoc()),
      attention(attention), threads(threads), f32(builder.getF32Type()),
      chunkElements(getChunkElements(attention.element)) {
  int64_t size = std::max(attention.keys.size, attention.values.size);
  groupThreads = llvm::PowerOf2Ceil(llvm::divideCeil(size, chunkElements));
  assert(groupThreads <= TENON_WARP_SIZE && "a line is too long for a warp");
  groupValues = groupThreads * chunkElements;
  numGroups = threads / groupThreads;
  inChunks = attention.keys.size % chunkElements == 0 &&
             attention.values.size % chunkElements == 0;
  // As f32 what a thread has of them takes 32 registers.
  keysAtOnce = inChunks ? 32 / chunkElements : 1;
  Value thread = code.thread();
  group = code.div(thread, groupThreads);
  column = code.mul(code.rem(thread, groupThreads), chunkElements);
}

/// This thread's chunk of a line, of f32: what is beyond the line's end is 0
/// if it is asked for, else anything.
Values QueryEmitter::load(const AttentionLines &lines, Value line,
                          bool endsInZeros) {
  Value begin = code.add(lines.begin, code.mul(line, lines.stride));
  Value size = code.constant(lines.size);
  bool mayEnd = lines.size != groupValues;
  Values loaded;
  if (inChunks) {
    Value first =
        mayEnd ? code.min(column, code.constant(lines.size - chunkElements))
               : column;
    loaded =
        code.loadFloats(lines.memory, code.add(begin, first), chunkElements);
  } else {
    for (int64_t i = 0; i != chunkElements; ++i) {
      Value inLine =
          code.min(code.add(column, i), code.constant(lines.size - 1));
      loaded.append(
          code.loadFloats(lines.memory, code.add(begin, inLine), /*count=*/1));
    }
  }
  if (mayEnd && endsInZeros)
    for (auto [i, element] : llvm::enumerate(loaded))
      element = code.choose(code.less(code.add(column, i), size), element,
                            constant(0));
  return loaded;
}

/// The state behind some keys, from that of the keys before: the largest score,
/// the sum of the weights, and the sums of this thread's values.
Values QueryEmitter::addKeys(ValueRange query, Value firstKey,
                             ValueRange state) {
  SmallVector<Value> keys, areThere;
  SmallVector<Values> keyLines, valueLines;
  Value numKeys = code.value(attention.numKeys);
  // Groups without a key take the last one, which counts nothing.
  for (int64_t i = 0; i != keysAtOnce; ++i) {
    Value key = code.add(firstKey, i * numGroups);
    areThere.push_back(code.less(key, numKeys));
    keys.push_back(code.min(key, code.add(numKeys, -1)));
  }
  for (Value key : keys)
    keyLines.push_back(load(attention.keys, key, /*endsInZeros=*/true));
  for (Value key : keys)
    valueLines.push_back(load(attention.values, key, /*endsInZeros=*/false));

  Value none = constant(0);
  Values scores;
  for (const Values &line : keyLines) {
    Value sum = none;
    for (auto [a, b] : llvm::zip_equal(query, line))
      sum = multiplyAdd(a, b, sum);
    scores.push_back(sum);
  }
  scores = addLanes(builder, loc, groupThreads, scores);
  Value most = state[0];
  Value nothing = constant(-std::numeric_limits<double>::infinity());
  for (auto [score, key, isThere] : llvm::zip_equal(scores, keys, areThere)) {
    score =
        code.choose(isThere, attention.makeScore(code, score, key), nothing);
    most = max(most, score);
  }
  Value factor = exp(state[0], most);
  Value sum = arith::MulFOp::create(builder, loc, state[1], factor);
  Values values;
  for (Value value : state.drop_front(2))
    values.push_back(arith::MulFOp::create(builder, loc, value, factor));
  for (auto [score, line, isThere] :
       llvm::zip_equal(scores, valueLines, areThere)) {
    Value weight = exp(score, most);
    sum = arith::AddFOp::create(builder, loc, sum, weight);
    // A value may be infinite, and no weight makes that nothing.
    for (auto [value, element] : llvm::zip_equal(values, line))
      value = multiplyAdd(weight, code.choose(isThere, element, none), value);
  }
  Values next{most, sum};
  next.append(values);
  return next;
}

/// The state of this thread's group behind its last key.
Values QueryEmitter::emitGroup() {
  Values query = load(attention.query, code.constant(0), /*endsInZeros=*/true);
  // The largest so far is finite, so that a score of -inf differs from it.
  Values state(chunkElements + 2, constant(0));
  state[0] = constant(-std::numeric_limits<float>::max());
  // All groups go on as long as any has a key, since threads of a warp exchange
  // what they have.
  int64_t step = numGroups * keysAtOnce;
  return code.loop(code.constant(0), code.value(attention.numKeys),
                   code.constant(step), state,
                   [&](Value first, ValueRange state) {
                     return addKeys(query, code.add(first, group), state);
                   });
}

/// The values of all groups, then the largest score of each, then the sums.
void QueryEmitter::storeGroup(Value shared, ValueRange state) {
  Value first = code.add(code.mul(group, groupValues), column);
  for (auto [i, value] : llvm::enumerate(state.drop_front(2)))
    code.store(value, at(shared, code.add(first, i)));
  code.branch(code.isZero(column), [&] {
    Value place = code.add(group, numGroups * groupValues);
    code.store(state[0], at(shared, place));
    code.store(state[1], at(shared, code.add(place, numGroups)));
  });
}

void QueryEmitter::emitResult(Value shared,
                              llvm::function_ref<void(Value, Value)> store) {
  Value zero = code.constant(0), one = code.constant(1);
  Value groups = code.constant(numGroups);
  auto load = [&](Value number) { return code.load(f32, at(shared, number)); };
  auto loadMost = [&](Value group) {
    return load(code.add(group, numGroups * groupValues));
  };
  Value most = code.loop(zero, groups, one, loadMost(zero),
                         [&](Value group, ValueRange most) -> Values {
                           return {max(most.front(), loadMost(group))};
                         })
                   .front();
  code.loop(code.thread(), code.constant(attention.values.size),
            code.constant(threads), [&](Value column) {
              Values none(2, constant(0));
              Values sums = code.loop(
                  zero, groups, one, none,
                  [&](Value group, ValueRange sums) -> Values {
                    Value factor = exp(loadMost(group), most);
                    Value sum =
                        load(code.add(group, numGroups * (groupValues + 1)));
                    Value value =
                        load(code.add(code.mul(group, groupValues), column));
                    return {multiplyAdd(sum, factor, sums[0]),
                            multiplyAdd(value, factor, sums[1])};
                  });
              // Keys that are all masked make NaN, and no keys make 0, as on
              // the processor.
              Value isEmpty = code.isZero(code.value(attention.numKeys));
              Value sum = code.choose(isEmpty, constant(1), sums[0]);
              store(column, arith::DivFOp::create(builder, loc, sums[1], sum));
            });
}

void emitQuery(BlockCode &code, const AttentionQuery &attention,
               int64_t threads, Value shared,
               llvm::function_ref<void(Value, Value)> store) {
  QueryEmitter emitter(code, attention, threads);
  emitter.storeGroup(shared, emitter.emitGroup());
  code.barrier();
  emitter.emitResult(shared, store);
}

} // namespace tenon::cuda

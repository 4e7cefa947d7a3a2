//===- AttentionQuery.cpp - Attention of a single query -------------------===//

#include "codegen/cpu/AttentionEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <limits>

using namespace mlir;

namespace tenon::cpu {

void AttentionEmitter::emitQuery(OpBuilder &builder, Dim queryIndex) {
  IndexBuilder index(builder, loc, 1);
  // The maximum and the total are scalars, the sums vectors of the result.
  emitLoop(builder, loc, index.value(0), index.value(valueSize / valueLanes),
           [&](OpBuilder &nested, Value i) {
             store(nested, splat(nested, 0, valueLanes), sums,
                   DimBuilder(nested, loc).mul(i, valueLanes));
           });
  SmallVector<Value> initial = {
      buildConstant(builder, loc, element,
                    std::numeric_limits<float>::lowest()),
      buildConstant(builder, loc, element, 0)};
  Dim blocks = emitCeilDiv(builder, loc, numKeys, kBlockKeys);
  auto loop = scf::ForOp::create(
      builder, loc, index.value(0), index.value(blocks), index.value(1),
      initial, [&](OpBuilder &nested, Location, Value block, ValueRange now) {
        DimBuilder dims(nested, loc);
        Dim firstKey = dims.mul(block, kBlockKeys);
        Dim size = dims.min(kBlockKeys, dims.sub(numKeys, firstKey));
        scf::YieldOp::create(
            nested, loc,
            emitQueryBlock(nested, queryIndex, firstKey, size, now));
      });
  Value total = arith::AddFOp::create(builder, loc, loop.getResult(1),
                                      emitNoKeys(builder));
  emitLoop(builder, loc, index.value(0), index.value(valueSize / valueLanes),
           [&](OpBuilder &nested, Value i) {
             Dim at = DimBuilder(nested, loc).mul(i, valueLanes);
             Value divided = arith::DivFOp::create(
                 nested, loc, load(nested, sums, at, valueLanes),
                 emitBroadcast(nested, loc, total, valueLanes));
             store(nested, divided, sums, at);
           });
  emitResult(builder, queryIndex, sums, 0);
}

void AttentionEmitter::emitDots(OpBuilder &builder, Dim queryIndex,
                                Dim firstKey, Dim count) {
  IndexBuilder outer(builder, loc, 1);
  DimBuilder &outerDims = outer.uniform();
  Dim stride = key.strides[2];
  Dim fromQuery =
      outerDims.add(queryBegin, outerDims.mul(queryIndex, query.strides[2]));
  Dim fromKey = outerDims.add(keyBegin, outerDims.mul(firstKey, stride));
  emitDisjointTiles(
      builder, loc, count, ArrayRef<int64_t>{4, 1},
      [&](OpBuilder &nested, Dim row, int64_t rows) {
        IndexBuilder index(nested, loc, 1);
        DimBuilder &dims = index.uniform();
        SmallVector<Value> zeros(rows, splat(nested, 0, headLanes));
        auto loop = scf::ForOp::create(
            nested, loc, index.value(0), index.value(headSize / headLanes),
            index.value(1), zeros,
            [&](OpBuilder &inner, Location, Value i, ValueRange so) {
              DimBuilder dims(inner, loc);
              Dim step = dims.mul(i, headLanes);
              Value x = load(inner, query.memory, dims.add(fromQuery, step),
                             headLanes);
              SmallVector<Value> next;
              for (int64_t r = 0; r != rows; ++r) {
                Dim at = dims.add(dims.mul(dims.add(row, r), stride), step);
                Value k =
                    load(inner, key.memory, dims.add(fromKey, at), headLanes);
                next.push_back(emitMultiplyAdd(inner, loc, x, k, so[r]));
              }
              scf::YieldOp::create(inner, loc, next);
            });
        Value scale = buildConstant(nested, loc, element,
                                    op.getScale().convertToDouble());
        for (int64_t r = 0; r != rows; ++r) {
          Value dot = loop.getResult(r);
          if (headLanes > 1)
            dot = vector::ReductionOp::create(nested, loc,
                                              vector::CombiningKind::ADD, dot,
                                              arith::FastMathFlags::reassoc);
          dot = arith::MulFOp::create(nested, loc, dot, scale);
          Dim at = dims.add(row, r);
          dot = addMask(nested, dot, queryIndex, dims.add(firstKey, at), 1);
          store(nested, dot, scores, at);
        }
      });
}

SmallVector<Value> AttentionEmitter::emitQueryBlock(OpBuilder &builder,
                                                    Dim queryIndex,
                                                    Dim firstKey, Dim count,
                                                    ValueRange now) {
  IndexBuilder index(builder, loc, 1);
  DimBuilder &dims = index.uniform();
  emitDots(builder, queryIndex, firstKey, count);
  auto emitOverKeys =
      [&](Value initial,
          function_ref<Value(OpBuilder &, Value i, Value so)> body) -> Value {
    return scf::ForOp::create(
               builder, loc, index.value(0), index.value(count), index.value(1),
               initial,
               [&](OpBuilder &nested, Location, Value i, ValueRange so) {
                 scf::YieldOp::create(nested, loc, body(nested, i, so[0]));
               })
        .getResult(0);
  };
  Value maximum =
      emitOverKeys(now[0], [&](OpBuilder &nested, Value i, Value so) {
        return emitBinary(nested, /*isMax=*/true, so,
                          load(nested, scores, Dim(i), 1));
      });
  // Whole vectors: what stands behind the last key is computed, and not used.
  int64_t lanes = tile.lanes;
  Value wideMaximum = emitBroadcast(builder, loc, maximum, lanes);
  Dim vectors = emitCeilDiv(builder, loc, count, lanes);
  emitLoop(builder, loc, index.value(0), index.value(vectors),
           [&](OpBuilder &nested, Value i) {
             Dim at = DimBuilder(nested, loc).mul(i, lanes);
             Value distance = arith::SubFOp::create(
                 nested, loc, load(nested, scores, at, lanes), wideMaximum);
             store(nested, math::ExpOp::create(nested, loc, distance), scores,
                   at);
           });
  Value scale = math::ExpOp::create(
      builder, loc,
      arith::SubFOp::create(builder, loc, now[0], maximum).getResult());
  Value total = arith::MulFOp::create(builder, loc, now[1], scale);
  total = emitOverKeys(total, [&](OpBuilder &nested, Value i, Value so) {
    return emitBinary(nested, /*isMax=*/false, so,
                      load(nested, scores, Dim(i), 1));
  });

  // A row of the result, a few vectors at a time.
  TileShape shape{1, std::min<int64_t>(4, valueSize / valueLanes), valueLanes};
  while (valueSize / valueLanes % shape.vectors != 0)
    --shape.vectors;
  Dim stride = value.strides[2];
  Dim from = dims.add(valueBegin, dims.mul(firstKey, stride));
  Value wideScale = emitBroadcast(builder, loc, scale, valueLanes);
  emitLoop(
      builder, loc, index.value(0), index.value(valueSize / shape.getColumns()),
      [&](OpBuilder &nested, Value i) {
        DimBuilder dims(nested, loc);
        Dim column = dims.mul(i, shape.getColumns());
        SmallVector<Value> initial;
        for (int64_t v = 0; v != shape.vectors; ++v) {
          Value so =
              load(nested, sums, dims.add(column, v * valueLanes), valueLanes);
          initial.push_back(arith::MulFOp::create(nested, loc, so, wideScale));
        }
        TileOperands operands;
        operands.lhs = scores;
        operands.lhsOffset = 0;
        operands.lhsRowStride = 0;
        operands.rhs = value.memory;
        operands.rhsOffset = dims.add(from, column);
        SmallVector<Value> tileSums =
            emitTile(nested, loc, shape, operands,
                     ReductionLoop{0, count, 1, stride}, element, initial);
        for (auto [v, sum] : llvm::enumerate(tileSums))
          store(nested, sum, sums, dims.add(column, int64_t(v) * valueLanes));
      });
  return {maximum, total};
}

} // namespace tenon::cpu

//===- AttentionEmitter.h - Scaled dot-product attention --------*- C++ -*-===//
//
// Keys and values are read a block at a time, and the sums so far are scaled
// when a larger score appears, so the scores of a whole sequence are never in
// memory. Lanes are queries: the softmax is then the same work in each lane,
// and both products are tiles with the rows of keys and values as they stand.
//
// A few queries (a step of a decoder) don't fill vectors. There, scores are
// dot products along the head's dimension (AttentionQuery.cpp).
//
//===----------------------------------------------------------------------===//

#ifndef TENON_CODEGEN_CPU_ATTENTIONEMITTER_H
#define TENON_CODEGEN_CPU_ATTENTIONEMITTER_H

#include "codegen/cpu/AnchorTail.h"
#include "codegen/cpu/View.h"

namespace tenon::cpu {

/// Emits the functions of an attention kernel.
class AttentionEmitter {
public:
  /// Keys of a block.
  static constexpr int64_t kBlockKeys = 64;

  explicit AttentionEmitter(KernelFunction &function);
  mlir::Value emitUnits();
  void emitBody();

private:
  void emitUnit(mlir::OpBuilder &builder, Dim unit);
  /// A block of queries, one in each lane.
  void emitQueries(mlir::OpBuilder &builder, Dim firstQuery, Dim numQueries);
  void emitScores(mlir::OpBuilder &builder, Dim firstQuery, Dim firstKey,
                  Dim numKeys);
  void emitSoftmax(mlir::OpBuilder &builder, Dim numKeys);
  void emitSums(mlir::OpBuilder &builder, Dim firstKey, Dim numKeys);
  /// One query.
  void emitQuery(mlir::OpBuilder &builder, Dim query);
  llvm::SmallVector<mlir::Value> emitQueryBlock(mlir::OpBuilder &builder,
                                                Dim query, Dim firstKey,
                                                Dim numKeys,
                                                mlir::ValueRange state);
  /// 1 without keys, else 0. Added to the sum of the weights, it makes the mean
  /// of nothing 0, as a product over nothing is; of keys that are all masked it
  /// stays no number.
  mlir::Value emitNoKeys(mlir::OpBuilder &builder);
  void emitDots(mlir::OpBuilder &builder, Dim query, Dim firstKey, Dim numKeys);
  /// `scores` (a vector for queries, a scalar for one) plus the mask.
  mlir::Value addMask(mlir::OpBuilder &builder, mlir::Value scores, Dim query,
                      Dim key, int64_t lanes);
  /// Stores the result of a query, `size(valueSize)` elements in `buffer`.
  void emitResult(mlir::OpBuilder &builder, Dim query, mlir::Value buffer,
                  Dim begin);
  mlir::Value emitBinary(mlir::OpBuilder &builder, bool isMax, mlir::Value a,
                         mlir::Value b);

  mlir::Value load(mlir::OpBuilder &builder, mlir::Value buffer, Dim at,
                   int64_t lanes) {
    return emitLoad(builder, loc, buffer,
                    IndexBuilder(builder, loc, 1).value(at), lanes, element);
  }
  void store(mlir::OpBuilder &builder, mlir::Value value, mlir::Value buffer,
             Dim at) {
    emitStore(builder, loc, value, buffer,
              IndexBuilder(builder, loc, 1).value(at));
  }
  mlir::Value splat(mlir::OpBuilder &builder, double value, int64_t lanes) {
    return emitBroadcast(builder, loc,
                         buildConstant(builder, loc, element, value), lanes);
  }

  KernelFunction &function;
  AttentionOp op;
  mlir::Location loc;
  AnchorTail tail;
  mlir::Type element; ///< What is computed with.
  Dim numBatches, numHeads, numQueries, numKeys, numBlocks;
  int64_t headSize, valueSize;
  TileShape tile;
  /// Vectors along a head, for one query.
  int64_t headLanes, valueLanes;
  View query, key, value, mask;
  /// `[headSize][query]`, `[key][query]`, `[valueSize][query]`,
  /// `[query][valueSize]`, then maximum, scale and sum of each query.
  mlir::Value queries, scores, sums, results, state;
  // Of the unit being emitted.
  Dim batch, head, queryBegin, keyBegin, valueBegin;
};

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_ATTENTIONEMITTER_H

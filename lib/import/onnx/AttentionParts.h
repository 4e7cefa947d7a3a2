//===- AttentionParts.h - What operators with attention have in common ----===//

#ifndef TENON_LIB_IMPORT_ONNX_ATTENTIONPARTS_H
#define TENON_LIB_IMPORT_ONNX_ATTENTIONPARTS_H

#include "lib/import/onnx/NodeContext.h"

namespace tenon::onnx_import {

/// One call of attention.
struct Heads {
  /// [B, H, S, D]; key and value may have fewer heads.
  mlir::Value query, key, value;
  /// Added to the scores; broadcast to [B, H, S, T].
  llvm::SmallVector<mlir::Value> masks;
  double scale = 0; // 0: 1 / sqrt(D)
  double softcap = 0;
};

/// [B, S, heads * D] as [B, heads, S, D].
mlir::Value splitHeads(NodeContext &node, mlir::Value value, int64_t heads);

/// [B, heads, S, D] as [B, S, heads * D].
mlir::Value joinHeads(NodeContext &node, mlir::Value value);

/// 0 where `isSeen` holds and the lowest number elsewhere.
mlir::Value createMask(NodeContext &node, mlir::Value isSeen, mlir::Type type);

/// Which of `total` keys each of `count` queries sees, [1, 1, S, T]: query i
/// stands at position `first + i`, and sees no key behind it, nor, with
/// `window` > 0, one that is `window` or more before it. `first` is an integer
/// tensor that broadcasts with [S, 1].
mlir::Value createCausal(NodeContext &node, mlir::Value count,
                         mlir::Value total, mlir::Value first, int64_t window);

/// softmax(scale * Q K^T + masks) V, in heads. `scores`, if given, receives
/// what the operator's output of scores is at stage `stage`: 0 the product, 1
/// with the soft cap, 2 with masks, 3 behind the softmax.
mlir::Value attend(NodeContext &node, const Heads &heads, mlir::Value *scores,
                   int64_t stage);

/// `past` with `value` behind it, along the lengths of sequences.
mlir::Value appendTo(NodeContext &node, mlir::Value past, mlir::Value value);

/// Rotates pairs of elements of `input` [B, S, H, D] by angles whose cosines
/// and sines are [B or 1, S, D / 2]. Pairs are halves apart, or neighbours with
/// `isInterleaved`. Only the first `rotated` elements are; 0: all.
mlir::Value rotate(NodeContext &node, mlir::Value input, mlir::Value cosine,
                   mlir::Value sine, bool isInterleaved, int64_t rotated);

/// The rows of a cache [positions, D / 2] that `positions` names; a cache of
/// rank 3 is what is wanted.
mlir::Value getAngles(NodeContext &node, mlir::Value cache,
                      mlir::Value positions);

/// [B, S, heads * D] or [B, heads, S, D] as [B, S, heads, D].
mlir::Value toRows(NodeContext &node, mlir::Value input, int64_t heads);

/// Sets the output to what was turned, in the form of `input`.
mlir::LogicalResult finishRotary(NodeContext &node, mlir::Value input,
                                 mlir::Value turned);

} // namespace tenon::onnx_import

#endif // TENON_LIB_IMPORT_ONNX_ATTENTIONPARTS_H

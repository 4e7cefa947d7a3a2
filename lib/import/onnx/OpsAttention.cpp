//===- OpsAttention.cpp - Attention and what stands around it -------------===//
//
// ONNX's own operators and those of `com.microsoft` that exporters write. All
// come down to queries, keys and values of shape [B, heads, length, size], a
// sum of masks, and a product, softmax and product: the simplify phase makes
// `tenon.attention` of them where it can.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/AttentionParts.h"

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// What stands for the score of something that must not be seen: small enough
/// to vanish, and finite, so that a row in which nothing is seen has a result.
static double getLowest(Type type) { return type.isF16() ? -65504.0 : -3.0e38; }

Value splitHeads(NodeContext &node, Value value, int64_t heads) {
  if (node.failed() || !value)
    return {};
  int64_t width = getType(value).getDimSize(2);
  if (ShapedType::isDynamic(width)) {
    node.unsupported("the hidden size must be static");
    return {};
  }
  if (heads < 1 || width % heads != 0) {
    node.invalid("can't divide a hidden size of " + Twine(width) + " into " +
                 Twine(heads) + " heads");
    return {};
  }
  Value split = node.reshape(
      value, node.joinShape({node.getDim(value, 0), node.getDim(value, 1),
                             node.createInts({heads, width / heads})}));
  return node.transpose(split, {0, 2, 1, 3});
}

Value joinHeads(NodeContext &node, Value value) {
  Value moved = node.transpose(value, {0, 2, 1, 3});
  if (!moved)
    return {};
  int64_t heads = getType(moved).getDimSize(2),
          size = getType(moved).getDimSize(3);
  if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(size)) {
    node.unsupported("the number and size of heads must be static");
    return {};
  }
  return node.reshape(
      moved, node.joinShape({node.getDim(moved, 0), node.getDim(moved, 1),
                             node.createInts(heads * size)}));
}

/// Repeats each head of [B, heads, T, D] `times` times.
static Value repeatHeads(NodeContext &node, Value value, int64_t times) {
  if (times == 1 || node.failed() || !value)
    return value;
  int64_t heads = getType(value).getDimSize(1);
  Value apart = node.unsqueeze(value, {int64_t(2)});
  Value repeated = node.expand(
      apart,
      node.joinShape({node.getDim(value, 0), node.createInts({heads, times}),
                      node.getDim(value, 2), node.getDim(value, 3)}));
  return node.reshape(
      repeated,
      node.joinShape({node.getDim(value, 0), node.createInts(heads * times),
                      node.getDim(value, 2), node.getDim(value, 3)}));
}

Value createMask(NodeContext &node, Value isSeen, Type type) {
  return node.create<WhereOp>(isSeen, node.createScalar(type, 0),
                              node.createScalar(type, getLowest(type)));
}

Value createCausal(NodeContext &node, Value count, Value total, Value first,
                   int64_t window) {
  Value rows = node.unsqueeze(createRange(node, count), {int64_t(1)});
  Value positions = first ? node.binary<AddOp>(rows, first) : rows;
  Value columns = node.unsqueeze(createRange(node, total), {int64_t(0)});
  if (node.failed())
    return {};
  Value isSeen = node.binary<LessEqualOp>(columns, positions);
  if (window > 0) {
    Value begin = node.binary<SubOp>(positions, node.createInts(window));
    isSeen = node.binary<AndOp>(isSeen, node.binary<GreaterOp>(columns, begin));
  }
  if (!isSeen)
    return {};
  int64_t missing = 4 - getType(isSeen).getRank();
  return node.unsqueeze(isSeen,
                        llvm::to_vector(llvm::seq<int64_t>(0, missing)));
}

Value attend(NodeContext &node, const Heads &heads, Value *scores,
             int64_t stage) {
  if (node.failed())
    return {};
  for (Value operand : {heads.query, heads.key, heads.value}) {
    if (!operand)
      return {};
    if (getType(operand).getRank() != 4) {
      node.invalid("expected query, key and value in heads (rank 4), found "
                   "rank " +
                   Twine(getType(operand).getRank()));
      return {};
    }
  }
  int64_t queryHeads = getType(heads.query).getDimSize(1),
          keyHeads = getType(heads.key).getDimSize(1),
          size = getType(heads.query).getDimSize(3);
  if (ShapedType::isDynamic(queryHeads) || ShapedType::isDynamic(keyHeads) ||
      ShapedType::isDynamic(size)) {
    node.unsupported("the number and size of heads must be static");
    return {};
  }
  if (keyHeads < 1 || queryHeads % keyHeads != 0) {
    node.invalid("can't share " + Twine(keyHeads) + " heads of keys among " +
                 Twine(queryHeads) + " heads of queries");
    return {};
  }
  Type type = getElementTypeOrSelf(heads.query);
  Value key = repeatHeads(node, heads.key, queryHeads / keyHeads);
  Value value = repeatHeads(node, heads.value, queryHeads / keyHeads);
  double scale = heads.scale != 0
                     ? heads.scale
                     : 1 / std::sqrt(double(std::max<int64_t>(size, 1)));
  Value product = node.create<MatMulOp>(heads.query, key,
                                        /*transposeA=*/false,
                                        /*transposeB=*/true);
  Value all = node.create<MulOp>(product, node.createScalar(type, scale));
  auto take = [&](int64_t here) {
    if (scores && stage == here)
      *scores = all;
  };
  take(0);
  if (heads.softcap != 0) {
    Value limit = node.createScalar(type, heads.softcap);
    all = node.create<MulOp>(
        node.create<TanhOp>(node.create<DivOp>(all, limit)), limit);
  }
  take(1);
  for (Value mask : heads.masks)
    all = node.binary<AddOp>(all, mask);
  take(2);
  all = node.create<SoftmaxOp>(all, uint64_t(3));
  take(3);
  return node.create<MatMulOp>(all, value);
}

Value appendTo(NodeContext &node, Value past, Value value) {
  if (!past || node.failed() || !value)
    return value;
  return node.create<ConcatOp>(ArrayRef<Value>{past, value}, uint64_t(2));
}

//===----------------------------------------------------------------------===//
// ONNX
//===----------------------------------------------------------------------===//

static LogicalResult convertAttention(NodeContext &node) {
  bool isCausal = node.getBool("is_causal", false);
  int64_t stage = node.getInt("qk_matmul_output_mode", 0);
  node.ignoreAttributes({"softmax_precision"}); // Sums are at least float32.
  Heads heads;
  heads.scale = node.getFloat("scale", 0);
  heads.softcap = node.getFloat("softcap", 0);
  int64_t queryHeads = node.getInt("q_num_heads", 0),
          keyHeads = node.getInt("kv_num_heads", 0);
  Value query = node.getInput(0), key = node.getInput(1),
        value = node.getInput(2);
  Value mask = node.getOptionalInput(3), pastKey = node.getOptionalInput(4),
        pastValue = node.getOptionalInput(5),
        lengths = node.getOptionalInput(6);
  if (node.failed())
    return failure();
  if (stage < 0 || stage > 3)
    return node.invalid("attribute 'qk_matmul_output_mode' is " + Twine(stage) +
                        ", expected 0 to 3");
  int64_t rank = getType(query).getRank();
  if ((rank != 3 && rank != 4) || getType(key).getRank() != rank ||
      getType(value).getRank() != rank)
    return node.invalid("expected Q, K and V of rank 3 or of rank 4, found " +
                        Twine(rank) + ", " + Twine(getType(key).getRank()) +
                        " and " + Twine(getType(value).getRank()));
  if (rank == 3) {
    query = splitHeads(node, query, queryHeads);
    key = splitHeads(node, key, keyHeads);
    value = splitHeads(node, value, keyHeads);
  }
  if (node.failed())
    return failure();
  Value count = node.getDim(query, 2);
  Value pastLength = pastKey ? node.getDim(pastKey, 2) : Value();
  heads.query = query;
  heads.key = appendTo(node, pastKey, key);
  heads.value = appendTo(node, pastValue, value);
  if (node.failed())
    return failure();
  Value total = node.getDim(heads.key, 2);
  Type type = getElementTypeOrSelf(query);
  if (mask) {
    int64_t maskRank = getType(mask).getRank();
    if (maskRank < 2 || maskRank > 4)
      return node.invalid("expected an attn_mask of rank 2 to 4, found rank " +
                          Twine(maskRank));
    if (getElementTypeOrSelf(mask).isInteger(1))
      mask = createMask(node, mask, type);
    // From version 24 on a mask may end early; what is behind it is not seen.
    int64_t length = getType(mask).getDimSize(maskRank - 1);
    int64_t all = getType(heads.key).getDimSize(2);
    if (node.getVersion() >= 24 && length != 1 && !ShapedType::isDynamic(all) &&
        !ShapedType::isDynamic(length) && length < all) {
      SmallVector<int64_t> pads(2 * maskRank, 0);
      pads.back() = all - length;
      mask = node.create<PadOp>(mask, node.createInts(pads),
                                node.createScalar(type, getLowest(type)),
                                PadMode::Constant);
    }
    if (!mask)
      return failure();
    heads.masks.push_back(node.unsqueeze(
        mask, llvm::to_vector(llvm::seq<int64_t>(0, 4 - maskRank))));
  }
  Value ends, first = pastLength;
  if (lengths) {
    // Of each sequence in the batch, how many keys there are. The queries are
    // the last of them.
    if (getType(lengths).getRank() != 1)
      return node.invalid("expected nonpad_kv_seqlen of rank 1, found rank " +
                          Twine(getType(lengths).getRank()));
    ends =
        node.unsqueeze(node.cast(lengths, node.getBuilder().getIntegerType(64)),
                       {int64_t(1), int64_t(2), int64_t(3)});
    first = node.binary<SubOp>(ends, count);
  }
  if (isCausal)
    heads.masks.push_back(
        createMask(node, createCausal(node, count, total, first, 0), type));
  if (ends) {
    Value isThere = node.binary<LessOp>(createRange(node, total), ends);
    heads.masks.push_back(createMask(node, isThere, type));
  }
  Value scores;
  Value result = attend(node, heads, &scores, stage);
  if (rank == 3)
    result = joinHeads(node, result);
  if (!result)
    return failure();
  Value outputs[] = {result, heads.key, heads.value, scores};
  return node.setOutputs(outputs);
}

Value rotate(NodeContext &node, Value input, Value cosine, Value sine,
             bool isInterleaved, int64_t rotated) {
  if (node.failed() || !input || !cosine || !sine)
    return {};
  int64_t size = getType(input).getDimSize(3);
  if (ShapedType::isDynamic(size)) {
    node.unsupported("the size of heads must be static");
    return {};
  }
  if (rotated == 0)
    rotated = size;
  if (rotated < 0 || rotated > size || rotated % 2 != 0) {
    node.invalid("can't rotate pairs of " + Twine(rotated) +
                 " elements in heads of " + Twine(size));
    return {};
  }
  int64_t half = rotated / 2;
  auto getPart = [&](Value value, int64_t begin, int64_t end,
                     int64_t step = 1) {
    return node.sliceAxis(value, 3, node.createInts(begin),
                          node.createInts(end), step);
  };
  Value first =
      isInterleaved ? getPart(input, 0, rotated, 2) : getPart(input, 0, half);
  Value second = isInterleaved ? getPart(input, 1, rotated, 2)
                               : getPart(input, half, rotated);
  Type type = getElementTypeOrSelf(input);
  cosine = node.unsqueeze(node.cast(cosine, type), {int64_t(2)});
  sine = node.unsqueeze(node.cast(sine, type), {int64_t(2)});
  if (node.failed())
    return {};
  if (getType(cosine).getDimSize(3) != half &&
      !ShapedType::isDynamic(getType(cosine).getDimSize(3))) {
    node.invalid("expected " + Twine(half) +
                 " angles for each position, "
                 "found " +
                 Twine(getType(cosine).getDimSize(3)));
    return {};
  }
  Value real = node.create<SubOp>(node.binary<MulOp>(first, cosine),
                                  node.binary<MulOp>(second, sine));
  Value imaginary = node.create<AddOp>(node.binary<MulOp>(first, sine),
                                       node.binary<MulOp>(second, cosine));
  if (!real || !imaginary)
    return {};
  Value turned;
  if (isInterleaved) {
    Value pairs = node.create<ConcatOp>(
        ArrayRef<Value>{node.unsqueeze(real, {int64_t(4)}),
                        node.unsqueeze(imaginary, {int64_t(4)})},
        uint64_t(4));
    turned = node.reshape(
        pairs,
        node.joinShape({node.getDim(input, 0), node.getDim(input, 1),
                        node.getDim(input, 2), node.createInts(rotated)}));
  } else {
    turned =
        node.create<ConcatOp>(ArrayRef<Value>{real, imaginary}, uint64_t(3));
  }
  if (rotated == size || !turned)
    return turned;
  return node.create<ConcatOp>(
      ArrayRef<Value>{turned, getPart(input, rotated, size)}, uint64_t(3));
}

Value getAngles(NodeContext &node, Value cache, Value positions) {
  if (node.failed())
    return {};
  int64_t rank = getType(cache).getRank();
  if (!positions) {
    if (rank != 3)
      node.invalid("expected caches of rank 3 without positions, found rank " +
                   Twine(rank));
    return cache;
  }
  if (rank != 2) {
    node.invalid("expected caches of rank 2, found rank " + Twine(rank));
    return {};
  }
  return node.create<GatherOp>(cache, positions, uint64_t(0));
}

Value toRows(NodeContext &node, Value input, int64_t heads) {
  if (node.failed())
    return {};
  if (getType(input).getRank() == 4)
    return node.transpose(input, {0, 2, 1, 3});
  if (getType(input).getRank() != 3) {
    node.invalid("expected an input of rank 3 or 4, found rank " +
                 Twine(getType(input).getRank()));
    return {};
  }
  return node.transpose(splitHeads(node, input, heads), {0, 2, 1, 3});
}

LogicalResult finishRotary(NodeContext &node, Value input, Value turned) {
  if (!turned)
    return failure();
  if (getType(input).getRank() == 4)
    return node.setOutput(node.transpose(turned, {0, 2, 1, 3}));
  return node.setOutput(node.reshape(turned, node.getShape(input)));
}

static LogicalResult convertRotary(NodeContext &node) {
  bool isInterleaved = node.getBool("interleaved", false);
  int64_t heads = node.getInt("num_heads", 0),
          rotated = node.getInt("rotary_embedding_dim", 0);
  Value input = node.getInput(0);
  Value positions = node.getOptionalInput(3);
  Value cosineCache = node.getInput(1), sineCache = node.getInput(2);
  if (node.failed())
    return failure();
  Value turned = rotate(
      node, toRows(node, input, heads), getAngles(node, cosineCache, positions),
      getAngles(node, sineCache, positions), isInterleaved, rotated);
  return finishRotary(node, input, turned);
}

/// Writes `update` into `past` along `axis`, at the index that each sequence
/// has.
static LogicalResult convertTensorScatter(NodeContext &node) {
  int64_t axis = node.getInt("axis", -2);
  std::string mode = node.getString("mode", "linear");
  Value past = node.getInput(0), update = node.getInput(1);
  Value starts = node.getOptionalInput(2);
  if (node.failed())
    return failure();
  if (mode != "linear" && mode != "circular")
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected linear or circular");
  int64_t rank = getType(past).getRank();
  if (getType(update).getRank() != rank)
    return node.invalid("expected an update of the cache's rank " +
                        Twine(rank) + ", found rank " +
                        Twine(getType(update).getRank()));
  axis = node.normalizeAxis(axis, rank);
  if (node.failed())
    return failure();
  if (axis == 0)
    return node.invalid("expected an axis other than the batch");
  SmallVector<int64_t> around;
  for (int64_t i = 0; i != rank; ++i)
    if (i != axis)
      around.push_back(i);
  Value places =
      node.unsqueeze(createRange(node, node.getDim(update, axis)), around);
  if (starts) {
    if (getType(starts).getRank() != 1)
      return node.invalid("expected write_indices of rank 1, found rank " +
                          Twine(getType(starts).getRank()));
    Value begin =
        node.unsqueeze(node.cast(starts, node.getBuilder().getIntegerType(64)),
                       llvm::to_vector(llvm::seq<int64_t>(1, rank)));
    places = node.binary<AddOp>(places, begin);
  }
  if (mode == "circular") {
    Value size = node.getDim(past, axis);
    places = node.binary<ModOp>(places, size);
  }
  Value indices = node.expand(places, node.getShape(update));
  return node.setOutput(node.create<ScatterElementsOp>(
      past, indices, update, uint64_t(axis), ScatterReduction::None));
}

ArrayRef<OpEntry> getAttentionOps() {
  static constexpr int64_t v23[] = {23}, v24[] = {24}, attention[] = {23, 24};
  static const OpEntry entries[] = {
      {"Attention", attention, convertAttention, 3, 7},
      {"RotaryEmbedding", v23, convertRotary, 3, 4},
      {"TensorScatter", v24, convertTensorScatter, 2, 3},
  };
  return entries;
}

} // namespace tenon::onnx_import

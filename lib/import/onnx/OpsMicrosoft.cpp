//===- OpsMicrosoft.cpp - Attention of com.microsoft ----------------------===//

#include "lib/import/onnx/AttentionParts.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// A mask of keys: [B, T] says which there are, [B] how many, [2 * B] where
/// they end and then where they begin, and [B, S, T] which each query sees.
static Value createKeyMask(NodeContext &node, Value mask, Value batch,
                           Value total, Type type) {
  if (node.failed())
    return {};
  RankedTensorType maskType = getType(mask);
  Type elementType = maskType.getElementType();
  Value isSeen;
  if (maskType.getRank() == 1) {
    std::optional<int64_t> images;
    if (auto known = node.getKnownValues().getConstants(batch))
      images = known->front();
    int64_t size = maskType.getDimSize(0);
    bool hasBegins =
        images && *images <= INT32_MAX && size == 2 * *images && size != 0;
    if (images && *images <= INT32_MAX && size == 3 * *images + 2) {
      node.unsupported("a mask of cumulated lengths is not supported");
      return {};
    }
    if (!hasBegins)
      mask = node.requireSize(mask, 0, batch);
    mask = node.cast(mask, node.getBuilder().getIntegerType(64));
    Value all = createRange(node, total);
    auto getBound = [&](Value bound) {
      return node.unsqueeze(bound, {int64_t(1), int64_t(2), int64_t(3)});
    };
    if (hasBegins) {
      Value ends = node.sliceAxis(mask, 0, node.createInts(0), batch);
      Value begins = node.sliceAxis(mask, 0, batch, node.createInts(size));
      isSeen = node.create<AndOp>(
          node.binary<LessOp>(all, getBound(ends)),
          node.binary<GreaterEqualOp>(all, getBound(begins)));
    } else {
      isSeen = node.binary<LessOp>(all, getBound(mask));
    }
  } else if (maskType.getRank() == 2 || maskType.getRank() == 3) {
    if (!elementType.isInteger(1))
      mask = node.create<NotOp>(
          node.create<EqualOp>(mask, node.createScalar(elementType, 0)));
    isSeen = maskType.getRank() == 2
                 ? node.unsqueeze(mask, {int64_t(1), int64_t(2)})
                 : node.unsqueeze(mask, {int64_t(1)});
  } else {
    node.unsupported("a mask of rank " + Twine(maskType.getRank()) +
                     " is not supported");
    return {};
  }
  return createMask(node, isSeen, type);
}

/// Adds the part [begin, end) of a bias to `value` [B, S, N].
static Value addBias(NodeContext &node, Value value, Value bias, int64_t begin,
                     int64_t end) {
  if (!bias || !value)
    return value;
  return node.binary<AddOp>(
      value,
      node.sliceAxis(bias, 0, node.createInts(begin), node.createInts(end)));
}

/// Element `i` of dimension `axis`, which goes.
static Value getPart(NodeContext &node, Value value, int64_t axis, int64_t i) {
  return node.squeeze(
      node.sliceAxis(value, axis, node.createInts(i), node.createInts(i + 1)),
      {axis});
}

/// Gives `heads`, whose query and key are there, their masks: of the keys that
/// there are, of those before a query, and what is added to the scores.
static void addMasks(NodeContext &node, Heads &heads, Value keys, bool isCausal,
                     Value pastLength, Value summand) {
  Type type = getElementTypeOrSelf(heads.query);
  Value total = node.getDim(heads.key, 2);
  if (keys)
    heads.masks.push_back(
        createKeyMask(node, keys, node.getDim(heads.query, 0), total, type));
  if (isCausal)
    heads.masks.push_back(createMask(
        node,
        createCausal(node, node.getDim(heads.query, 2), total, pastLength, 0),
        type));
  if (summand)
    heads.masks.push_back(summand);
}

static LogicalResult setAttentionOutputs(NodeContext &node, const Heads &heads,
                                         Value present) {
  Value result = joinHeads(node, attend(node, heads, nullptr, 0));
  if (failed(node.setOutput(0, result)))
    return failure();
  if (node.hasOutput(1) &&
      failed(node.setOutput(1, present ? present : heads.key)))
    return failure();
  if (node.hasOutput(2))
    return node.setOutput(2, heads.value);
  return success();
}

/// com.microsoft.Attention: queries, keys and values from one input.
static LogicalResult convertPackedAttention(NodeContext &node) {
  int64_t numHeads = node.getRequiredInt("num_heads");
  bool isCausal = node.getBool("unidirectional", false);
  Heads heads;
  heads.scale = node.getFloat("scale", 0);
  std::optional<SmallVector<int64_t>> sizes = node.getInts("qkv_hidden_sizes");
  node.ignoreAttributes({"mask_filter_value", "past_present_share_buffer"});
  if (node.getInt("do_rotary", 0) != 0)
    return node.unsupported("do_rotary = 1 is not supported");
  Value input = node.getInput(0), weights = node.getInput(1);
  Value bias = node.getOptionalInput(2), mask = node.getOptionalInput(3),
        past = node.getOptionalInput(4), extra = node.getOptionalInput(5);
  if (node.failed())
    return failure();
  if (node.hasInput(6))
    return node.unsupported("a shared buffer of the past is not supported");
  if (getType(input).getRank() != 3 || getType(weights).getRank() != 2)
    return node.invalid("expected an input of rank 3 and weights of rank 2");
  int64_t width = getType(weights).getDimSize(1);
  if (ShapedType::isDynamic(width))
    return node.unsupported("the weights must be static");
  if (!sizes)
    sizes = SmallVector<int64_t>(3, width / 3);
  if (sizes->size() != 3 || (*sizes)[0] + (*sizes)[1] + (*sizes)[2] != width ||
      llvm::any_of(*sizes, [](int64_t size) { return size < 1; }))
    return node.invalid("expected three hidden sizes with a sum of " +
                        Twine(width));
  Value product = node.create<MatMulOp>(input, weights);
  if (bias)
    product = node.binary<AddOp>(product, bias);
  Value parts[3];
  int64_t begin = 0;
  for (int64_t i = 0; i != 3; ++i) {
    parts[i] = splitHeads(node,
                          node.sliceAxis(product, 2, node.createInts(begin),
                                         node.createInts(begin + (*sizes)[i])),
                          numHeads);
    begin += (*sizes)[i];
  }
  if (node.failed())
    return failure();
  heads.query = parts[0];
  Value pastLength;
  if (past) {
    // [2, B, heads, T, D]
    if (getType(past).getRank() != 5)
      return node.invalid("expected a past of rank 5, found rank " +
                          Twine(getType(past).getRank()));
    pastLength = node.getDim(past, 3);
    parts[1] = appendTo(node, getPart(node, past, 0, 0), parts[1]);
    parts[2] = appendTo(node, getPart(node, past, 0, 1), parts[2]);
  }
  heads.key = parts[1];
  heads.value = parts[2];
  if (node.failed())
    return failure();
  addMasks(node, heads, mask, isCausal, pastLength, extra);
  Value present;
  if (node.hasOutput(1))
    present = node.create<ConcatOp>(
        ArrayRef<Value>{node.unsqueeze(heads.key, {int64_t(0)}),
                        node.unsqueeze(heads.value, {int64_t(0)})},
        uint64_t(0));
  return setAttentionOutputs(node, heads, present);
}

/// com.microsoft.MultiHeadAttention
static LogicalResult convertMultiHeadAttention(NodeContext &node) {
  int64_t numHeads = node.getRequiredInt("num_heads");
  bool isCausal = node.getBool("unidirectional", false);
  Heads heads;
  heads.scale = node.getFloat("scale", 0);
  node.ignoreAttributes({"mask_filter_value"});
  Value query = node.getInput(0);
  Value key = node.getOptionalInput(1), value = node.getOptionalInput(2),
        bias = node.getOptionalInput(3), mask = node.getOptionalInput(4),
        extra = node.getOptionalInput(5), pastKey = node.getOptionalInput(6),
        pastValue = node.getOptionalInput(7);
  if (node.failed())
    return failure();
  for (unsigned i = 8; i != 10; ++i)
    if (node.hasInput(i))
      return node.unsupported("input " + Twine(i) + " is not supported");
  if (numHeads < 1)
    return node.invalid("attribute 'num_heads' is " + Twine(numHeads) +
                        ", expected at least 1");
  auto hasRank = [&](Value operand, int64_t rank) {
    return operand && getType(operand).getRank() == rank;
  };
  // Of [B, S, heads, parts, D]
  auto getHeads = [&](Value packed, int64_t part) {
    return node.transpose(getPart(node, packed, 3, part), {0, 2, 1, 3});
  };
  int64_t queryWidth = getType(query).getDimSize(getType(query).getRank() - 1);
  if (hasRank(query, 5) && !key && !value) {
    // [B, S, heads, 3, D]
    if (bias)
      return node.unsupported("a bias of packed queries is not supported");
    heads.query = getHeads(query, 0);
    heads.key = getHeads(query, 1);
    heads.value = getHeads(query, 2);
  } else if (hasRank(query, 3) && hasRank(key, 5) && !value) {
    // Keys and values [B, T, heads, 2, D]
    if (bias)
      return node.unsupported("a bias of packed keys is not supported");
    heads.query = splitHeads(node, query, numHeads);
    heads.key = getHeads(key, 0);
    heads.value = getHeads(key, 1);
  } else if (hasRank(query, 3) && key && value) {
    if (bias && ShapedType::isDynamic(queryWidth))
      return node.unsupported("the hidden size must be static");
    heads.query =
        splitHeads(node, addBias(node, query, bias, 0, queryWidth), numHeads);
    if (hasRank(key, 4) && hasRank(value, 4)) {
      // Those of cross attention are in heads already.
      heads.key = key;
      heads.value = value;
    } else if (hasRank(key, 3) && hasRank(value, 3)) {
      heads.key = splitHeads(
          node, addBias(node, key, bias, queryWidth, 2 * queryWidth), numHeads);
      heads.value = splitHeads(
          node, addBias(node, value, bias, 2 * queryWidth, INT32_MAX),
          numHeads);
    }
  }
  if (node.failed())
    return failure();
  if (!heads.query || !heads.key || !heads.value)
    return node.invalid("expected query, key and value of rank 3, or packed "
                        "ones of rank 5");
  Value pastLength = pastKey ? node.getDim(pastKey, 2) : Value();
  heads.key = appendTo(node, pastKey, heads.key);
  heads.value = appendTo(node, pastValue, heads.value);
  if (node.failed())
    return failure();
  addMasks(node, heads, mask, isCausal, pastLength, extra);
  return setAttentionOutputs(node, heads, Value());
}

/// com.microsoft.RotaryEmbedding: a position for each element of the sequences,
/// or one for the first.
static LogicalResult convertMicrosoftRotary(NodeContext &node) {
  bool isInterleaved = node.getBool("interleaved", false);
  int64_t heads = node.getInt("num_heads", 0),
          rotated = node.getInt("rotary_embedding_dim", 0);
  double scale = node.getFloat("scale", 1);
  node.ignoreAttributes({"is_packed_batching"});
  Value input = node.getInput(0), positions = node.getInput(1),
        cosineCache = node.getInput(2), sineCache = node.getInput(3);
  if (node.failed())
    return failure();
  if (scale != 1)
    return node.unsupported("attribute 'scale' is not supported");
  int64_t rank = getType(input).getRank();
  if (rank == 3 && heads == 0 && getType(cosineCache).getRank() == 2) {
    // The size of a head follows from the caches.
    int64_t half = getType(cosineCache).getDimSize(1),
            width = getType(input).getDimSize(2);
    if (ShapedType::isDynamic(half) || ShapedType::isDynamic(width) ||
        half < 1 || width % (2 * half) != 0)
      return node.invalid("the number of heads does not follow from the "
                          "caches");
    heads = width / (2 * half);
  }
  Value rows = toRows(node, input, heads);
  if (!rows)
    return failure();
  int64_t positionRank = getType(positions).getRank();
  if (positionRank == 1) {
    Value first = node.unsqueeze(positions, {int64_t(1)});
    Value range =
        node.unsqueeze(createRange(node, node.getDim(rows, 1)), {int64_t(0)});
    positions = node.binary<AddOp>(
        range, node.cast(first, node.getBuilder().getIntegerType(64)));
  } else if (positionRank != 2) {
    return node.invalid("expected position_ids of rank 1 or 2, found rank " +
                        Twine(positionRank));
  }
  Value turned =
      rotate(node, rows, getAngles(node, cosineCache, positions),
             getAngles(node, sineCache, positions), isInterleaved, rotated);
  return finishRotary(node, input, turned);
}

/// `past` [B, H, T, D] with `value` [B, H, S, D] in the places from `first`
/// [B, 1] on, `length` (tensor<1xi64>, at least T) keys in all.
static Value writeTo(NodeContext &node, Value past, Value value, Value first,
                     Value length) {
  if (!past || node.failed() || !value)
    return value;
  Value zero = node.createInts(0);
  Value missing = node.create<SubOp>(length, node.getDim(past, 2));
  Value room = node.create<PadOp>(
      past, node.joinShape({zero, zero, zero, zero, zero, zero, missing, zero}),
      Value(), PadMode::Constant);
  if (node.failed())
    return {};
  SmallVector<int64_t> dims(getType(past).getShape());
  if (!node.getKnownValues().getConstants(missing))
    dims[2] = ShapedType::kDynamic;
  room = node.refineType(room, dims);
  Value places =
      node.unsqueeze(createRange(node, node.getDim(value, 2)), {int64_t(0)});
  places = node.unsqueeze(node.binary<AddOp>(places, first),
                          {int64_t(1), int64_t(3)});
  Value indices = node.expand(places, node.getShape(value));
  return node.create<ScatterElementsOp>(room, indices, value, uint64_t(2),
                                        ScatterReduction::None);
}

/// com.microsoft.GroupQueryAttention. `seqlens_k` is the number of keys of each
/// sequence less one, the new ones among them; keys behind it are not seen. The
/// past may have room for more keys than it has.
static LogicalResult convertGroupQueryAttention(NodeContext &node) {
  int64_t numHeads = node.getRequiredInt("num_heads"),
          keyHeads = node.getRequiredInt("kv_num_heads");
  bool doRotary = node.getBool("do_rotary", false);
  bool isInterleaved = node.getBool("rotary_interleaved", false);
  int64_t window = node.getInt("local_window_size", -1);
  Heads heads;
  heads.scale = node.getFloat("scale", 0);
  heads.softcap = node.getFloat("softcap", 0);
  if (node.getInt("smooth_softmax", 0) > 0)
    return node.unsupported("smooth_softmax = 1 is not supported");
  Value query = node.getInput(0);
  Value key = node.getOptionalInput(1), value = node.getOptionalInput(2);
  Value pastKey = node.getOptionalInput(3),
        pastValue = node.getOptionalInput(4);
  Value lastKeys = node.getInput(5);
  Value total = toScalar(node, node.getInput(6), "a number of keys");
  Value cosineCache = node.getOptionalInput(7),
        sineCache = node.getOptionalInput(8);
  if (node.failed())
    return failure();
  for (unsigned i = 9; i < node.getNumInputs(); ++i)
    if (node.hasInput(i))
      return node.unsupported("input " + Twine(i) + " is not supported");
  if (numHeads < 1 || keyHeads < 1 || numHeads > 65536 || keyHeads > 65536)
    return node.invalid("expected at least one head");
  if (getType(query).getRank() != 3)
    return node.invalid("expected a query of rank 3, found rank " +
                        Twine(getType(query).getRank()));
  if (!key != !value)
    return node.invalid("expected key and value, or neither");
  if (!key) {
    // Queries, keys and values side by side.
    int64_t width = getType(query).getDimSize(2);
    int64_t all = numHeads + 2 * keyHeads;
    if (ShapedType::isDynamic(width) || width % all != 0)
      return node.invalid("can't divide the packed query into " + Twine(all) +
                          " heads");
    int64_t size = width / all;
    auto getColumns = [&](int64_t begin, int64_t end) {
      return node.sliceAxis(query, 2, node.createInts(begin * size),
                            node.createInts(end * size));
    };
    key = getColumns(numHeads, numHeads + keyHeads);
    value = getColumns(numHeads + keyHeads, all);
    query = getColumns(0, numHeads);
  }
  query = splitHeads(node, query, numHeads);
  key = splitHeads(node, key, keyHeads);
  value = splitHeads(node, value, keyHeads);
  if (node.failed())
    return failure();
  Type i64 = node.getBuilder().getIntegerType(64);
  Value count = node.getDim(query, 2);
  // [B, 1]; exporters write both [B] and [B, 1].
  Value ends = node.cast(lastKeys, i64);
  if (getType(ends).getRank() > 2)
    return node.invalid("expected seqlens_k of rank 1, found rank " +
                        Twine(getType(ends).getRank()));
  if (getType(ends).getRank() == 0)
    ends = node.unsqueeze(ends, {int64_t(0)});
  ends = node.reshape(ends, node.createInts({-1, 1}));
  ends = node.create<AddOp>(ends, node.createScalar(i64, 1));
  // Where the first query of each sequence stands: behind the keys of its past.
  // Without one, sequences are padded at their ends and begin at 0.
  Value first, length = node.unsqueeze(node.cast(total, i64), {int64_t(0)});
  if (pastKey) {
    first = node.create<MaxOp>(node.binary<SubOp>(ends, count),
                               node.createScalar(i64, 0));
    length = node.create<MaxOp>(length, node.getDim(pastKey, 2));
  }
  if (node.failed())
    return failure();
  if (doRotary) {
    if (!cosineCache || !sineCache)
      return node.invalid("do_rotary = 1 needs cos_cache and sin_cache");
    Value positions = node.unsqueeze(createRange(node, count), {int64_t(0)});
    if (first)
      positions = node.binary<AddOp>(positions, first);
    Value cosine = getAngles(node, cosineCache, positions),
          sine = getAngles(node, sineCache, positions);
    auto turn = [&](Value part) {
      Value rows = node.transpose(part, {0, 2, 1, 3});
      return node.transpose(rotate(node, rows, cosine, sine, isInterleaved,
                                   node.failed() || !cosine
                                       ? 0
                                       : 2 * getType(cosine).getDimSize(2)),
                            {0, 2, 1, 3});
    };
    query = turn(query);
    key = turn(key);
  }
  heads.query = query;
  if (!pastKey != !pastValue)
    return node.invalid("expected past_key and past_value, or neither");
  heads.key = writeTo(node, pastKey, key, first, length);
  heads.value = writeTo(node, pastValue, value, first, length);
  if (node.failed())
    return failure();
  Type type = getElementTypeOrSelf(query);
  length = node.getDim(heads.key, 2);
  if (first)
    first = node.unsqueeze(first, {int64_t(1), int64_t(2)});
  Value isSeen =
      createCausal(node, count, length, first, window > 0 ? window : 0);
  Value isThere =
      node.binary<LessOp>(createRange(node, length),
                          node.unsqueeze(ends, {int64_t(1), int64_t(2)}));
  // Where the sequence ends before its padding, its rows see what comes first.
  heads.masks.push_back(
      createMask(node, node.binary<AndOp>(isSeen, isThere), type));
  return setAttentionOutputs(node, heads, Value());
}

/// com.microsoft.EmbedLayerNormalization: a sum of embeddings, normalised.
static LogicalResult convertEmbedLayerNorm(NodeContext &node) {
  double epsilon = node.getFloat("epsilon", 1e-12f);
  node.ignoreAttributes({"mask_index_type"});
  Value ids = node.getInput(0);
  Value segments = node.getOptionalInput(1);
  Value words = node.getInput(2), places = node.getInput(3);
  Value segmentWords = node.getOptionalInput(4);
  Value scale = node.getInput(5), bias = node.getInput(6);
  Value mask = node.getOptionalInput(7), positions = node.getOptionalInput(8);
  if (node.failed())
    return failure();
  if (getType(ids).getRank() != 2)
    return node.invalid("expected input_ids of rank 2, found rank " +
                        Twine(getType(ids).getRank()));
  Value sum = node.create<GatherOp>(words, ids, uint64_t(0));
  if (!positions)
    positions =
        node.unsqueeze(createRange(node, node.getDim(ids, 1)), {int64_t(0)});
  sum = node.binary<AddOp>(
      sum, node.create<GatherOp>(places, positions, uint64_t(0)));
  if (segments && segmentWords)
    sum = node.binary<AddOp>(
        sum, node.create<GatherOp>(segmentWords, segments, uint64_t(0)));
  Value normal =
      node.create<LayerNormOp>(sum, scale, bias, uint64_t(2), APFloat(epsilon));
  if (failed(node.setOutput(0, normal)))
    return failure();
  if (node.hasOutput(1)) {
    Type i32 = node.getBuilder().getIntegerType(32);
    Value counts;
    if (mask)
      counts = node.squeeze(node.create<ReduceOp>(node.cast(mask, i32),
                                                  ReduceKind::Sum,
                                                  ArrayRef<int64_t>{1}),
                            {int64_t(1)});
    else
      counts = node.expand(node.createScalar(i32, 0), node.getDim(ids, 0));
    if (failed(node.setOutput(1, counts)))
      return failure();
  }
  return node.hasOutput(2) ? node.setOutput(2, sum) : success();
}

ArrayRef<OpEntry> getMicrosoftOps() {
  static constexpr int64_t v1[] = {1};
  static const OpEntry entries[] = {
      {"Attention", v1, convertPackedAttention, 2, 7, "com.microsoft"},
      {"MultiHeadAttention", v1, convertMultiHeadAttention, 1, 10,
       "com.microsoft"},
      {"GroupQueryAttention", v1, convertGroupQueryAttention, 7, 14,
       "com.microsoft"},
      {"RotaryEmbedding", v1, convertMicrosoftRotary, 4, 4, "com.microsoft"},
      {"EmbedLayerNormalization", v1, convertEmbedLayerNorm, 7, 9,
       "com.microsoft"},
  };
  return entries;
}

} // namespace tenon::onnx_import

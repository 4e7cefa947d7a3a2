//===- OpsRandom.cpp - Chance ---------------------------------------------===//
//
// Every run gives the same numbers: they follow from the node's seed, or from
// its name where it has none, and from the place of the element. ONNX leaves
// the generator open; what it is stands at `tenon.random`.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include "llvm/ADT/bit.h"
#include "llvm/Support/xxhash.h"
#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// The seed of one of the numbers that a node draws for each element.
static int64_t getSeed(NodeContext &node, uint64_t stream, bool isInteger) {
  uint64_t seed = !node.hasAttribute("seed") ? xxh3_64bits(node.describe())
                  : isInteger
                      ? uint64_t(node.getInt("seed", 0))
                      : bit_cast<uint32_t>(float(node.getFloat("seed", 0)));
  // Neighbouring seeds are far apart after this.
  constexpr uint64_t factor = 0xd1342543de82ef95;
  return int64_t((seed * 2 + stream + 1) * factor);
}

/// Uniform in [0, 1), in f64 if that is the type of the result and else in f32.
/// Attribute 'seed' is a float but where `hasIntegerSeed`.
static Value drawUniform(NodeContext &node, Value shape, Type type,
                         uint64_t stream = 0, bool hasIntegerSeed = false) {
  if (node.failed() || !shape)
    return {};
  Type drawn = type.isF64() ? type : node.getBuilder().getF32Type();
  Value result = node.create<RandomOp>(
      shape, uint64_t(getSeed(node, stream, hasIntegerSeed)), drawn);
  SmallVector<int64_t> dims;
  if (const std::optional<Elements> elements =
          node.getKnownValues().getElements(shape))
    for (const Element &element : *elements)
      dims.push_back(element.constant.value_or(ShapedType::kDynamic));
  return node.refineType(result, dims);
}

/// Standard normal numbers, by Box and Muller's transformation.
static Value drawNormal(NodeContext &node, Value shape, Type type) {
  Value radius = drawUniform(node, shape, type, 0);
  Value angle = drawUniform(node, shape, type, 1);
  if (!radius || !angle)
    return {};
  Type drawn = getElementTypeOrSelf(radius);
  auto scalar = [&](double value) { return node.createScalar(drawn, value); };
  Value log = node.create<LogOp>(node.create<SubOp>(scalar(1), radius));
  Value length = node.create<SqrtOp>(node.create<MulOp>(log, scalar(-2)));
  Value cosine =
      node.create<CosOp>(node.create<MulOp>(angle, scalar(2 * M_PI)));
  return node.create<MulOp>(length, cosine);
}

/// The type of the result: attribute `dtype`, or that of `like`, or float32.
static Type getResultType(NodeContext &node, Value like, bool isFloat = true) {
  if (!node.hasAttribute("dtype"))
    return like ? getElementTypeOrSelf(like)
                : Type(node.getBuilder().getF32Type());
  int64_t number = node.getInt("dtype", 1);
  Type type = number > 0 && number <= onnx::TensorProto::INT2
                  ? getElementType(node.getContext(), number)
                  : Type();
  if (!node.failed() &&
      (!type || isNarrow(type) || (isFloat && !isa<FloatType>(type))))
    node.invalid("attribute 'dtype' is " + Twine(number) +
                 ", expected an element type of this operator");
  return type;
}

/// The shape that attribute `shape` gives, or that of `like`.
static Value getResultShape(NodeContext &node, Value like) {
  if (like)
    return node.getShape(like);
  std::optional<SmallVector<int64_t>> shape = node.getInts("shape");
  if (node.failed())
    return {};
  if (!shape) {
    node.invalid("attribute 'shape' is missing");
    return {};
  }
  if (shape->size() > size_t(kMaxRank)) {
    node.invalid("the result has rank " + Twine(shape->size()) +
                 ", expected at most " + Twine(kMaxRank));
    return {};
  }
  return node.createInts(*shape);
}

/// `draw(shape, type)` times `scale`, and `offset` more.
static LogicalResult
setRandom(NodeContext &node, bool isLike, double scale, double offset,
          llvm::function_ref<Value(Value shape, Type type)> draw) {
  Value like = isLike ? node.getInput(0) : Value();
  Value shape = getResultShape(node, like);
  if (node.failed())
    return failure();
  Type type = getResultType(node, like);
  if (node.failed() || !shape)
    return failure();
  Value drawn = draw(shape, type);
  Value shifted =
      withScalar<AddOp>(node, withScalar<MulOp>(node, drawn, scale), offset);
  return node.setOutput(node.failed() ? Value() : node.cast(shifted, type));
}

template <bool isLike>
static LogicalResult convertRandomNormal(NodeContext &node) {
  double mean = node.getFloat("mean", 0), scale = node.getFloat("scale", 1);
  return setRandom(node, isLike, scale, mean, [&](Value shape, Type type) {
    return drawNormal(node, shape, type);
  });
}

template <bool isLike>
static LogicalResult convertRandomUniform(NodeContext &node) {
  double low = node.getFloat("low", 0), high = node.getFloat("high", 1);
  return setRandom(node, isLike, high - low, low, [&](Value shape, Type type) {
    return drawUniform(node, shape, type);
  });
}

/// 1 with the probability that the input says.
static LogicalResult convertBernoulli(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  Type type = getResultType(node, input, /*isFloat=*/false);
  Type inputType = getElementTypeOrSelf(input);
  if (!isa<FloatType>(inputType))
    return node.invalid("expected an input of floats, found " +
                        getTypeName(inputType));
  Value uniform = drawUniform(node, node.getShape(input), inputType);
  if (!uniform)
    return failure();
  Value isOne = node.create<LessOp>(
      uniform, node.cast(input, getElementTypeOrSelf(uniform)));
  return node.setOutput(node.cast(isOne, type));
}

/// The class whose logarithm, with a number of the Gumbel distribution added,
/// is the largest: each comes with its probability.
static LogicalResult convertMultinomial(NodeContext &node) {
  int64_t count = node.getInt("sample_size", 1);
  Type type = node.hasAttribute("dtype")
                  ? getResultType(node, Value(), /*isFloat=*/false)
                  : Type(node.getBuilder().getIntegerType(32));
  Value input = node.getInput(0);
  if (node.failed())
    return failure();
  if (count < 0 || count > INT32_MAX)
    return node.invalid("attribute 'sample_size' is " + Twine(count) +
                        ", expected at least 0");
  if (!type.isInteger(32) && !type.isInteger(64))
    return node.invalid("attribute 'dtype' is " + getTypeName(type) +
                        ", expected int32 or int64");
  Type inputType = getElementTypeOrSelf(input);
  if (getType(input).getRank() != 2 || !isa<FloatType>(inputType))
    return node.invalid("expected an input of floats of rank 2, found " +
                        getTypeName(inputType) + " of rank " +
                        Twine(getType(input).getRank()));
  Value shape = node.joinShape(
      {node.getDim(input, 0), node.createInts(count), node.getDim(input, 1)});
  Value uniform = drawUniform(node, shape, inputType);
  if (!uniform)
    return failure();
  auto negatedLog = [&](Value x) {
    return node.create<NegOp>(node.create<LogOp>(x));
  };
  Value noise = negatedLog(negatedLog(uniform));
  Value logits = node.unsqueeze(node.cast(input, getElementTypeOrSelf(uniform)),
                                {int64_t(1)});
  Value sample = node.create<ArgReduceOp>(node.create<AddOp>(logits, noise),
                                          ReduceKind::Max, uint64_t(2));
  return node.setOutput(node.cast(node.squeeze(sample, {int64_t(2)}), type));
}

/// The input without a random part of its elements, and the others as much
/// larger; `ratio` and `training` are of rank 0, and `training` may be data.
static LogicalResult convertTrainingDropout(NodeContext &node, Value input,
                                            Value ratio, Value training) {
  Value uniform =
      drawUniform(node, node.getShape(input), getElementTypeOrSelf(input),
                  /*stream=*/0, /*hasIntegerSeed=*/true);
  if (!uniform)
    return failure();
  Type drawn = getElementTypeOrSelf(uniform);
  ratio = node.cast(ratio, drawn);
  Value mask = node.create<OrOp>(node.create<GreaterEqualOp>(uniform, ratio),
                                 node.create<NotOp>(training));
  Value one = node.createScalar(drawn, 1);
  Value scale = node.create<DivOp>(one, node.create<SubOp>(one, ratio));
  scale = node.create<WhereOp>(training, scale, one);
  if (node.failed())
    return failure();
  Value scaled =
      node.create<MulOp>(input, node.cast(scale, getElementTypeOrSelf(input)));
  if (node.hasOutput(1) && failed(node.setOutput(1, mask)))
    return failure();
  return node.setOutput(whereOrZero(node, mask, scaled));
}

/// When a model only runs, its input, of which the mask keeps everything.
static LogicalResult convertDropout(NodeContext &node) {
  Value input = node.getInput(0);
  if (!input)
    return failure();
  if (node.getVersion() >= 12 && node.hasInput(2)) {
    Value training = toScalar(node, node.getInput(2), "training_mode");
    Value ratio = node.hasInput(1)
                      ? toScalar(node, node.getInput(1), "a ratio")
                      : node.createScalar(node.getBuilder().getF32Type(), 0.5);
    if (node.failed())
      return failure();
    if (!getElementTypeOrSelf(training).isInteger(1))
      return node.invalid("expected a training_mode of bool, found " +
                          getTypeName(getElementTypeOrSelf(training)));
    if (!isa<FloatType>(getElementTypeOrSelf(ratio)))
      return node.invalid("expected a ratio that is a float, found " +
                          getTypeName(getElementTypeOrSelf(ratio)));
    node.ignoreAttributes({"ratio"});
    auto known = node.getKnownValues().getConstants(training);
    if (!known || (*known)[0] != 0)
      return convertTrainingDropout(node, input, ratio, training);
  }
  node.ignoreAttributes({"ratio", "seed"});
  if (node.getVersion() < 7)
    node.ignoreAttributes({"is_test"});
  if (node.hasOutput(1)) {
    Type type = node.getVersion() < 10 ? getElementTypeOrSelf(input)
                                       : node.getBuilder().getI1Type();
    if (failed(node.setOutput(1, fillLike(node, input, type, 1))))
      return failure();
  }
  return node.setOutput(input);
}

ArrayRef<OpEntry> getRandomOps() {
  static constexpr int64_t v1to22[] = {1, 22}, v7to22[] = {7, 22},
                           v15to22[] = {15, 22},
                           dropout[] = {1, 6, 7, 10, 12, 13, 22};
  static const OpEntry entries[] = {
      {"RandomNormal", v1to22, convertRandomNormal<false>, 0, 0},
      {"RandomNormalLike", v1to22, convertRandomNormal<true>},
      {"RandomUniform", v1to22, convertRandomUniform<false>, 0, 0},
      {"RandomUniformLike", v1to22, convertRandomUniform<true>},
      {"Bernoulli", v15to22, convertBernoulli},
      {"Multinomial", v7to22, convertMultinomial},
      {"Dropout", dropout, convertDropout, 1, 3},
  };
  return entries;
}

} // namespace tenon::onnx_import

//===- OpsSignal.cpp - Transforms of signals, counts of n-grams -----------===//

#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Spelling.h"

#include <cmath>

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

//===----------------------------------------------------------------------===//
// Fourier transforms
//===----------------------------------------------------------------------===//

/// Elements of the largest matrix that is made when compiling.
static constexpr int64_t kMaxMatrix = 1 << 22;

namespace {

/// The matrices of a transform, [n, 2 * k]: what the real and the imaginary
/// part of an element add to the real and imaginary parts of the results, which
/// alternate.
struct Transform {
  Value ofReal, ofImaginary;
};

} // namespace

/// `length` (tensor<1xi64>) elements become `count` of them.
static Transform createTransform(NodeContext &node, Value length, Value count,
                                 bool isInverse, Type type) {
  KnownValues &known = node.getKnownValues();
  if (node.failed() || !length || !count)
    return {};
  std::optional<SmallVector<int64_t>> n = known.getConstants(length),
                                      k = known.getConstants(count);
  double sign = isInverse ? 1 : -1;
  if (n && k && (*n)[0] > 0 && (*k)[0] >= 0 && (*n)[0] < kMaxMatrix &&
      (*n)[0] * 2 * (*k)[0] <= kMaxMatrix) {
    int64_t rows = (*n)[0], columns = (*k)[0];
    SmallVector<Attribute> real, imaginary;
    double scale = isInverse ? 1.0 / rows : 1;
    for (int64_t i = 0; i != rows; ++i)
      for (int64_t j = 0; j != columns; ++j) {
        double angle = 2 * M_PI * double(i * j % rows) / double(rows);
        double cosine = std::cos(angle) * scale;
        double sine = sign * std::sin(angle) * scale;
        real.push_back(FloatAttr::get(type, cosine));
        real.push_back(FloatAttr::get(type, sine));
        imaginary.push_back(FloatAttr::get(type, -sine));
        imaginary.push_back(FloatAttr::get(type, cosine));
      }
    auto matrixType = RankedTensorType::get({rows, 2 * columns}, type);
    return {node.createConstant(DenseElementsAttr::get(matrixType, real)),
            node.createConstant(DenseElementsAttr::get(matrixType, imaginary))};
  }
  auto ramp = [&](Value size, int64_t axis) {
    return node.unsqueeze(createRange(node, size), {axis});
  };
  // Whole turns are taken off while the product is exact.
  Value product = node.create<MulOp>(ramp(length, 1), ramp(count, 0));
  Value turns =
      node.create<ModOp>(product, node.unsqueeze(length, {int64_t(0)}));
  // In f64 half a turn has a sine of next to nothing.
  Type f64 = node.getBuilder().getF64Type();
  Value lengthNumber = node.cast(length, f64);
  Value angle = node.create<DivOp>(
      node.create<MulOp>(node.cast(turns, f64),
                         node.createScalar(f64, sign * 2 * M_PI)),
      node.unsqueeze(lengthNumber, {int64_t(0)}));
  Value cosine = node.create<CosOp>(angle), sine = node.create<SinOp>(angle);
  if (isInverse) {
    Value divisor = node.unsqueeze(lengthNumber, {int64_t(0)});
    cosine = node.create<DivOp>(cosine, divisor);
    sine = node.create<DivOp>(sine, divisor);
  }
  cosine = node.cast(cosine, type);
  sine = node.cast(sine, type);
  auto interleave = [&](Value a, Value b) {
    if (node.failed())
      return Value();
    Value both =
        node.create<ConcatOp>(ArrayRef<Value>{node.unsqueeze(a, {int64_t(2)}),
                                              node.unsqueeze(b, {int64_t(2)})},
                              uint64_t(2));
    Value width = node.create<MulOp>(count, node.createInts(int64_t(2)));
    return node.reshape(both, node.joinShape({length, width}));
  };
  return {interleave(cosine, sine),
          interleave(node.create<NegOp>(sine), cosine)};
}

/// Transforms dimension `axis` of `signal` [..., n, ..., 1 or 2], which has
/// `length` elements, to `count` ones: [..., k, ..., 2].
static Value transformAxis(NodeContext &node, Value signal, int64_t axis,
                           Value length, Value count, bool isInverse) {
  if (node.failed() || !signal)
    return {};
  RankedTensorType type = getType(signal);
  int64_t rank = type.getRank(), parts = type.getDimSize(rank - 1);
  Transform transform =
      createTransform(node, length, count, isInverse, type.getElementType());
  // [..., n] for each part, with n last.
  SmallVector<int64_t> permutation;
  for (int64_t i = 0; i + 1 != rank; ++i)
    if (i != axis)
      permutation.push_back(i);
  permutation.push_back(axis);
  auto getPart = [&](int64_t part) {
    Value value = node.sliceAxis(signal, rank - 1, node.createInts(part),
                                 node.createInts(part + 1));
    value = node.squeeze(value, {rank - 1});
    value = node.transpose(value, permutation);
    return rank == 2 ? node.unsqueeze(value, {int64_t(0)}) : value;
  };
  Value result = node.create<MatMulOp>(getPart(0), transform.ofReal);
  if (parts == 2)
    result = node.create<AddOp>(
        result, node.create<MatMulOp>(getPart(1), transform.ofImaginary));
  if (!result)
    return {};
  // [..., k, 2], and k back to its place.
  SmallVector<Value> dims;
  if (rank != 2)
    for (int64_t i = 0; i + 2 < rank; ++i)
      dims.push_back(node.getDim(result, i));
  dims.push_back(count);
  dims.push_back(node.createInts(int64_t(2)));
  result = node.reshape(result, node.joinShape(dims));
  SmallVector<int64_t> back(rank);
  for (auto [i, dim] : llvm::enumerate(permutation))
    back[dim] = i;
  back[rank - 1] = rank - 1;
  return node.transpose(result, back);
}

/// Half of a spectrum and one: what a real signal has.
static Value getHalf(NodeContext &node, Value length) {
  Value half = node.create<DivOp>(length, node.createInts(int64_t(2)));
  Value count = node.create<AddOp>(half, node.createInts(int64_t(1)));
  if (!count)
    return {};
  if (auto known = node.getKnownValues().getConstants(count))
    return node.createInts(*known);
  return count;
}

/// A scalar or one-element integer as a tensor<1xi64>.
static Value toSize(NodeContext &node, Value value) {
  if (node.failed() || !value)
    return {};
  if (getType(value).getRank() == 0)
    value = node.unsqueeze(value, {int64_t(0)});
  value = node.toShapeOperand(value);
  if (value && getType(value).getDimSize(0) != 1) {
    node.invalid("expected one number, found " +
                 Twine(getType(value).getDimSize(0)));
    return {};
  }
  return value;
}

/// Checks a signal, and makes it complex where it may be either.
static LogicalResult checkSignal(NodeContext &node, Value &signal,
                                 int64_t minRank) {
  if (node.failed())
    return failure();
  RankedTensorType type = getType(signal);
  int64_t rank = type.getRank();
  if (rank < minRank)
    return node.invalid("expected a signal of rank " + Twine(minRank) +
                        " or more, found rank " + Twine(rank));
  if (!isa<FloatType>(type.getElementType()))
    return node.invalid("expected a signal of floats, found " +
                        getTypeName(type.getElementType()));
  int64_t parts = type.getDimSize(rank - 1);
  if (!ShapedType::isDynamic(parts))
    return parts == 1 || parts == 2
               ? success()
               : LogicalResult(
                     node.invalid("expected a last dimension of 1 (real) or 2 "
                                  "(complex), found " +
                                  Twine(parts)));
  Value missing = node.create<SubOp>(node.createInts(int64_t(2)),
                                     node.getDim(signal, rank - 1));
  SmallVector<Value> pads(2 * rank, node.createInts(int64_t(0)));
  pads.back() = node.create<MaxOp>(missing, node.createInts(int64_t(0)));
  if (node.failed())
    return failure();
  signal = node.create<PadOp>(signal, node.joinShape(pads), Value(),
                              PadMode::Constant);
  signal = node.requireDim(signal, rank - 1, 2);
  return success(!node.failed());
}

static LogicalResult convertDft(NodeContext &node) {
  bool isInverse = node.getBool("inverse", false);
  bool isOneSided = node.getBool("onesided", false);
  Value signal = node.getInput(0);
  int64_t axis = -2;
  if (node.getVersion() < 20) {
    axis = node.getInt("axis", 1);
    if (node.hasInput(2))
      return node.invalid("expected at most 2 inputs, found 3");
  } else if (node.hasInput(2)) {
    std::optional<SmallVector<int64_t>> given =
        node.getConstantInput(2, "the axis");
    if (!given)
      return failure();
    if (given->size() != 1)
      return node.invalid("expected one axis, found " + Twine(given->size()));
    axis = (*given)[0];
  }
  if (failed(checkSignal(node, signal, 2)))
    return failure();
  int64_t rank = getType(signal).getRank();
  axis = node.normalizeAxis(axis, rank);
  if (!node.failed() && axis == rank - 1)
    return node.invalid("expected an axis other than the last");
  if (isInverse && isOneSided)
    return node.unsupported("the inverse of a one-sided spectrum is not "
                            "supported");
  if (node.failed())
    return failure();
  Value length = node.getDim(signal, axis);
  if (node.hasInput(1)) {
    Value wanted = toSize(node, node.getInput(1));
    if (!wanted)
      return failure();
    // Zeros are added, or elements dropped, at the end.
    SmallVector<Value> pads(2 * rank, node.createInts(int64_t(0)));
    pads[rank + axis] = node.create<SubOp>(wanted, length);
    Value padded = node.create<PadOp>(signal, node.joinShape(pads), Value(),
                                      PadMode::Constant);
    if (!padded)
      return failure();
    // All other dimensions stay.
    SmallVector<int64_t> dims(getType(signal).getShape());
    dims[axis] = ShapedType::kDynamic;
    if (auto known = node.getKnownValues().getConstants(wanted))
      dims[axis] = (*known)[0];
    signal = node.refineType(padded, dims);
    length = wanted;
  }
  Value count = isOneSided ? getHalf(node, length) : length;
  return node.setOutput(
      transformAxis(node, signal, axis, length, count, isInverse));
}

/// Frames of the signal, each multiplied with the window and transformed.
static LogicalResult convertStft(NodeContext &node) {
  bool isOneSided = node.getBool("onesided", true);
  Value signal = node.getInput(0);
  Value strides = toSize(node, node.getInput(1));
  if (!strides || !signal)
    return failure();
  if (isOneSided && getType(signal).getRank() == 3)
    signal = node.requireDim(signal, 2, 1);
  if (failed(checkSignal(node, signal, 3)))
    return failure();
  RankedTensorType type = getType(signal);
  if (type.getRank() != 3)
    return node.invalid("expected a signal of rank 3, found rank " +
                        Twine(type.getRank()));
  KnownValues &known = node.getKnownValues();
  if (auto step = known.getConstants(strides);
      step && ((*step)[0] < 1 || (*step)[0] > INT32_MAX))
    return node.invalid("expected a frame step of at least 1, found " +
                        Twine((*step)[0]));
  Value window = node.getOptionalInput(2), length;
  if (node.hasInput(3)) {
    length = toSize(node, node.getInput(3));
    if (!length)
      return failure();
    if (auto given = known.getConstants(length)) {
      if ((*given)[0] < 1 || (*given)[0] > INT32_MAX)
        return node.invalid("expected a frame length of at least 1, found " +
                            Twine((*given)[0]));
      length = node.createInts((*given)[0]);
    }
  } else if (window && getType(window).getRank() == 1) {
    length = node.getDim(window, 0);
  } else {
    return node.invalid("expected a window of rank 1 or a frame length");
  }
  if (isOneSided && type.getDimSize(2) == 2)
    return node.invalid("expected a real signal where 'onesided' is 1");
  Value one = node.createInts(int64_t(1));
  Value room = node.create<SubOp>(node.getDim(signal, 1), length);
  auto requirePositive = [&](Value number, StringRef what) {
    signal =
        node.require(signal, number, node.create<MaxOp>(number, one), what);
  };
  requirePositive(strides, "the frame step and the least that is allowed");
  requirePositive(length, "the frame length and the least that is allowed");
  Value frames = node.create<AddOp>(
      node.create<DivOp>(room, node.create<MaxOp>(strides, one)), one);
  if (!frames)
    return failure();
  if (auto count = known.getConstants(frames)) {
    if ((*count)[0] < 1)
      return node.invalid("the signal is shorter than a frame");
    frames = node.createInts(*count);
  }
  Value starts = node.create<MulOp>(createRange(node, frames), strides);
  Value indices = node.create<AddOp>(
      node.unsqueeze(starts, {int64_t(1)}),
      node.unsqueeze(createRange(node, length), {int64_t(0)}));
  Value framed = node.create<GatherOp>(signal, indices, uint64_t(1));
  if (window)
    framed = node.binary<MulOp>(
        framed,
        node.unsqueeze(node.cast(window, type.getElementType()), {int64_t(1)}));
  Value count = isOneSided ? getHalf(node, length) : length;
  return node.setOutput(transformAxis(node, framed, 2, length, count,
                                      /*isInverse=*/false));
}

//===----------------------------------------------------------------------===//
// N-grams
//===----------------------------------------------------------------------===//

/// How often each n-gram of `pool` (rows of `size` elements) stands in the rows
/// of `input` [B, L], with `gap` elements from one to the next: [B, rows, 1].
static Value countGrams(NodeContext &node, Value input, ArrayRef<int64_t> pool,
                        int64_t size, int64_t gap) {
  if (node.failed())
    return {};
  int64_t rows = pool.size() / size, length = getType(input).getDimSize(1);
  if (!ShapedType::isDynamic(length) && length <= gap * (size - 1))
    return {};
  Value positions;
  if (ShapedType::isDynamic(length))
    positions = node.create<MaxOp>(
        node.create<SubOp>(node.getDim(input, 1),
                           node.createInts(gap * (size - 1))),
        node.createInts(int64_t(0)));
  Type i64 = node.getBuilder().getIntegerType(64);
  Value found;
  for (int64_t i = 0; i != size; ++i) {
    Value begin = node.createInts(i * gap);
    Value end = positions ? node.create<AddOp>(positions, begin)
                          : node.createInts(length - gap * (size - 1 - i));
    Value part = node.sliceAxis(input, 1, begin, end);
    SmallVector<int64_t> column;
    for (int64_t row = 0; row != rows; ++row)
      column.push_back(pool[row * size + i]);
    Value wanted = node.createConstant(DenseElementsAttr::get(
        RankedTensorType::get({1, rows, 1}, i64), ArrayRef(column)));
    Value isThere =
        node.create<EqualOp>(node.unsqueeze(part, {int64_t(1)}), wanted);
    found = found ? node.create<AndOp>(found, isThere) : isThere;
  }
  Value ones = node.cast(found, node.getBuilder().getF32Type());
  return node.create<ReduceOp>(ones, ReduceKind::Sum, ArrayRef<int64_t>{2});
}

static LogicalResult convertTfIdf(NodeContext &node) {
  int64_t minLength = node.getRequiredInt("min_gram_length"),
          maxLength = node.getRequiredInt("max_gram_length"),
          maxSkip = node.getRequiredInt("max_skip_count");
  std::string mode = node.getString("mode", "");
  auto starts = node.getInts("ngram_counts"),
       places = node.getInts("ngram_indexes"),
       pool = node.getInts("pool_int64s");
  auto weights = node.getFloats("weights");
  bool hasStrings = node.hasAttribute("pool_strings");
  Value input = node.getInput(0);
  if (node.failed())
    return failure();
  if (hasStrings || !pool)
    return node.unsupported("n-grams of strings are not supported");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return node.invalid("attribute 'mode' is " + quote(mode) +
                        ", expected TF, IDF or TFIDF");
  if (!starts || !places || places->empty())
    return node.invalid("attributes 'ngram_counts' and 'ngram_indexes' are "
                        "missing or empty");
  if (weights && weights->size() != places->size())
    return node.invalid("expected a weight for each of " +
                        Twine(places->size()) + " n-grams, found " +
                        Twine(weights->size()));
  if (minLength < 1 || maxLength < minLength || maxSkip < 0 || maxLength > 64 ||
      maxSkip > 1024)
    return node.invalid("expected 1 <= min_gram_length <= max_gram_length and "
                        "max_skip_count of at least 0");
  // Each size and each gap is a comparison of its own.
  int64_t numSizes = maxLength - minLength + 1;
  if ((maxSkip + 1) * numSizes * maxLength > (1 << 14) ||
      (maxSkip + 1) * int64_t(pool->size()) > (1 << 26))
    return node.unsupported("so many n-grams with gaps are not supported");
  int64_t width = 0;
  for (int64_t place : *places) {
    if (place < 0 || place > (1 << 24))
      return node.invalid("attribute 'ngram_indexes' has the element " +
                          Twine(place) + ", expected one of at least 0");
    width = std::max(width, place + 1);
  }
  RankedTensorType type = getType(input);
  if (!type.getElementType().isInteger() || type.getRank() < 1 ||
      type.getRank() > 2)
    return node.invalid("expected integers of rank 1 or 2");
  bool isSingle = type.getRank() == 1;
  Type i64 = node.getBuilder().getIntegerType(64),
       f32 = node.getBuilder().getF32Type();
  Value rows = node.cast(input, i64);
  if (isSingle)
    rows = node.unsqueeze(rows, {int64_t(0)});
  if (!rows)
    return failure();

  // Of each size of n-grams, where its part of the pool begins.
  SmallVector<Value> counts;
  SmallVector<int64_t> usedPlaces;
  SmallVector<double> usedWeights;
  size_t firstGram = 0;
  for (size_t i = 0; i != starts->size(); ++i) {
    int64_t size = i + 1, begin = (*starts)[i];
    int64_t end = i + 1 == starts->size() ? pool->size() : (*starts)[i + 1];
    if (begin < 0 || end < begin || end > int64_t(pool->size()) ||
        (end - begin) % size != 0)
      return node.invalid("attribute 'ngram_counts' does not divide the pool "
                          "into n-grams");
    size_t numGrams = (end - begin) / size;
    if (firstGram + numGrams > places->size())
      return node.invalid("attribute 'ngram_indexes' has " +
                          Twine(places->size()) +
                          " elements, expected one for each n-gram");
    size_t first = std::exchange(firstGram, firstGram + numGrams);
    if (size < minLength || size > maxLength || numGrams == 0)
      continue;
    Value total;
    for (int64_t skip = 0; skip <= (size == 1 ? 0 : maxSkip); ++skip) {
      Value count =
          countGrams(node, rows, ArrayRef(*pool).slice(begin, end - begin),
                     size, skip + 1);
      if (count)
        total = total ? node.create<AddOp>(total, count) : count;
    }
    if (!total)
      continue;
    counts.push_back(node.squeeze(total, {int64_t(2)}));
    for (size_t k = first; k != firstGram; ++k) {
      usedPlaces.push_back((*places)[k]);
      usedWeights.push_back(weights ? (*weights)[k] : 1);
    }
  }
  if (node.failed())
    return failure();
  Value batch = node.getDim(rows, 0);
  Value result = node.expand(node.createScalar(f32, 0),
                             node.joinShape({batch, node.createInts(width)}));
  if (!counts.empty()) {
    Value all = counts.size() == 1 ? counts[0]
                                   : node.create<ConcatOp>(counts, uint64_t(1));
    int64_t numUsed = usedPlaces.size();
    if (mode != "TF") {
      SmallVector<float> factors(usedWeights.begin(), usedWeights.end());
      Value weight = node.createConstant(DenseElementsAttr::get(
          RankedTensorType::get({1, numUsed}, f32), ArrayRef(factors)));
      if (mode == "IDF")
        all = node.cast(node.create<GreaterOp>(all, node.createScalar(f32, 0)),
                        f32);
      all = node.create<MulOp>(all, weight);
    }
    Value indices = node.createConstant(DenseElementsAttr::get(
        RankedTensorType::get({1, numUsed}, i64), ArrayRef(usedPlaces)));
    indices =
        node.expand(indices, node.joinShape({batch, node.createInts(numUsed)}));
    result = node.create<ScatterElementsOp>(result, indices, all, uint64_t(1),
                                            ScatterReduction::Add);
  }
  if (isSingle)
    result = node.squeeze(result, {int64_t(0)});
  return node.setOutput(result);
}

ArrayRef<OpEntry> getSignalOps() {
  static constexpr int64_t dft[] = {17, 20}, stft[] = {17}, tfIdf[] = {9};
  static const OpEntry entries[] = {
      {"DFT", dft, convertDft, 1, 3},
      {"STFT", stft, convertStft, 2, 4},
      {"TfIdfVectorizer", tfIdf, convertTfIdf},
  };
  return entries;
}

} // namespace tenon::onnx_import

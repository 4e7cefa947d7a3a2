//===- OpsSequence.cpp - Sequences ----------------------------------------===//
//
// What a list is asked for is found here; for packed sequences see
// PackedSequences.cpp.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/Loops.h"
#include "lib/import/onnx/NarrowTypes.h"
#include "lib/import/onnx/OpTable.h"
#include "lib/import/onnx/Sequences.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

/// More parts than this are not written out one by one.
static constexpr int64_t kMaxParts = 64;
/// Changes of a list of more elements pack it.
static constexpr int64_t kMaxListLength = 256;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

/// Input `i`, which has to be a sequence.
static std::optional<Sequence> getSequenceInput(NodeContext &node, unsigned i) {
  Value value = node.getInput(i);
  if (!value)
    return std::nullopt;
  std::optional<Sequence> sequence = getSequence(value);
  if (!sequence)
    node.invalid("input " + Twine(i) + " is " + describeKind(value) +
                 ", expected a sequence");
  return sequence;
}

static Value getTensorInput(NodeContext &node, unsigned i) {
  Value value = node.getInput(i);
  if (!value || isTensor(value))
    return value;
  node.invalid("input " + Twine(i) + " is " + describeKind(value) +
               ", expected a tensor");
  return {};
}

/// A position in a sequence or another single number, as a tensor<1xi64>.
static Value getPosition(NodeContext &node, unsigned i) {
  Value value = getTensorInput(node, i);
  if (!value)
    return {};
  RankedTensorType type = getType(value);
  if (!type.getElementType().isInteger(64) &&
      !type.getElementType().isInteger(32)) {
    node.invalid("expected a number of int32 or int64, found " +
                 getTypeName(type.getElementType()));
    return {};
  }
  if (type.getRank() > 1 ||
      (type.hasStaticShape() && type.getNumElements() != 1)) {
    node.invalid("expected one number in input " + Twine(i) + ", found rank " +
                 Twine(type.getRank()));
    return {};
  }
  if (type.getRank() == 0)
    value = node.unsqueeze(value, {int64_t(0)});
  if (value && getType(value).isDynamicDim(0))
    value = node.reshape(value, node.createInts(1));
  return node.toShapeOperand(value);
}

/// A constant position in a list of `length`, in [0, length) or, with
/// `allowsEnd`, [0, length].
static int64_t checkPosition(NodeContext &node, int64_t position,
                             int64_t length, bool allowsEnd = false) {
  int64_t last = allowsEnd ? length : length - 1;
  if (position < -length || position > last) {
    node.invalid("position " + Twine(position) +
                 " is out of range for a sequence of " + Twine(length));
    return 0;
  }
  return position < 0 ? position + length : position;
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

static Value makePacked(NodeContext &node,
                        const std::optional<Sequence> &packed) {
  if (!packed)
    return {};
  return makePacked(node, packed->elementType, packed->data, packed->table,
                    packed->dims);
}

static LogicalResult convertEmpty(NodeContext &node) {
  int64_t type = node.getInt("dtype", onnx::TensorProto::FLOAT);
  Type elementType = getElementType(node.getContext(), type);
  if (!elementType || isNarrow(elementType))
    return node.unsupported("a sequence of " + getTypeName(type) +
                            " is not supported");
  return node.setOutput(makeList(node, elementType, {}));
}

static LogicalResult checkElement(NodeContext &node, Value value, Type type) {
  if (getElementTypeOrSelf(value) == type)
    return success();
  return node.invalid("expected an element of " + getTypeName(type) +
                      ", found " + getTypeName(getElementTypeOrSelf(value)));
}

static LogicalResult convertConstruct(NodeContext &node) {
  SmallVector<Value> elements;
  for (unsigned i = 0; i != node.getNumInputs(); ++i)
    elements.push_back(getTensorInput(node, i));
  if (node.failed())
    return failure();
  Type type = getElementTypeOrSelf(elements[0]);
  for (Value element : elements)
    if (failed(checkElement(node, element, type)))
      return failure();
  return node.setOutput(makeList(node, type, elements));
}

static LogicalResult convertAt(NodeContext &node) {
  std::optional<Sequence> sequence = getSequenceInput(node, 0);
  Value position = getPosition(node, 1);
  if (!sequence || !position)
    return failure();
  std::optional<int64_t> known = getConstant(node, position);
  if (!known || sequence->isPacked)
    return node.setOutput(
        takeElement(node, *sequence, position, node.getDeclaredRank()));
  int64_t place = checkPosition(node, *known, sequence->elements.size());
  return node.failed() ? failure() : node.setOutput(sequence->elements[place]);
}

/// Packs a list that is too long to be written anew for each change.
static LogicalResult limitList(NodeContext &node, Sequence &sequence) {
  if (int64_t(sequence.elements.size()) < kMaxListLength)
    return success();
  std::optional<Sequence> packed = pack(node, sequence);
  if (!packed)
    return failure();
  sequence = *packed;
  return success();
}

/// `sequence` with `value` before `position`, or at the end without one.
static FailureOr<Value> insertElement(NodeContext &node, Sequence sequence,
                                      Value value, Value position) {
  if (failed(checkElement(node, value, sequence.elementType)) ||
      failed(limitList(node, sequence)))
    return failure();
  std::optional<int64_t> known =
      position ? getConstant(node, position)
               : std::optional<int64_t>(sequence.elements.size());
  if (known && !sequence.isPacked) {
    int64_t place = checkPosition(node, *known, sequence.elements.size(),
                                  /*allowsEnd=*/true);
    if (node.failed())
      return failure();
    sequence.elements.insert(sequence.elements.begin() + place, value);
    return makeList(node, sequence.elementType, sequence.elements);
  }
  bool isEmpty = !sequence.isPacked && sequence.elements.empty();
  std::optional<Sequence> packed = pack(node, sequence);
  if (packed)
    packed = insertPacked(node, *packed, value, position);
  if (packed && isEmpty)
    packed->dims.emplace(getType(value).getShape());
  Value result = makePacked(node, packed);
  if (!result)
    return failure();
  return result;
}

static LogicalResult convertInsert(NodeContext &node) {
  std::optional<Sequence> sequence = getSequenceInput(node, 0);
  Value value = getTensorInput(node, 1);
  Value position = node.hasInput(2) ? getPosition(node, 2) : Value();
  if (node.failed())
    return failure();
  FailureOr<Value> result = insertElement(node, *sequence, value, position);
  if (failed(result))
    return failure();
  return node.setOutput(*result);
}

static LogicalResult convertErase(NodeContext &node) {
  std::optional<Sequence> sequence = getSequenceInput(node, 0);
  Value position =
      node.hasInput(1) ? getPosition(node, 1) : node.createInts(-1);
  if (node.failed())
    return failure();
  if (!sequence || failed(limitList(node, *sequence)))
    return failure();
  std::optional<int64_t> known = getConstant(node, position);
  if (known && !sequence->isPacked) {
    int64_t place = checkPosition(node, *known, sequence->elements.size());
    if (node.failed())
      return failure();
    sequence->elements.erase(sequence->elements.begin() + place);
    return node.setOutput(
        makeList(node, sequence->elementType, sequence->elements));
  }
  std::optional<Sequence> packed = pack(node, *sequence);
  if (packed)
    packed = erasePacked(node, *packed, position);
  return node.setOutput(makePacked(node, packed));
}

static LogicalResult convertLength(NodeContext &node) {
  std::optional<Sequence> sequence = getSequenceInput(node, 0);
  if (!sequence)
    return failure();
  return node.setOutput(node.squeeze(getLength(node, *sequence), {int64_t(0)}));
}

//===----------------------------------------------------------------------===//
// Joining
//===----------------------------------------------------------------------===//

static LogicalResult concatList(NodeContext &node, ArrayRef<Value> elements,
                                int64_t axis, bool isNew) {
  if (elements.empty())
    return node.invalid("the sequence is empty, expected elements to join");
  int64_t rank = getType(elements[0]).getRank();
  for (Value element : elements)
    if (getType(element).getRank() != rank)
      return node.invalid("expected elements of one rank, found " +
                          Twine(rank) + " and " +
                          Twine(getType(element).getRank()));
  axis = node.normalizeAxis(axis, rank + isNew);
  SmallVector<Value> parts;
  for (Value element : elements)
    parts.push_back(isNew ? node.unsqueeze(element, {axis}) : element);
  return node.setOutput(parts.size() == 1 ? parts[0]
                                          : node.create<ConcatOp>(parts, axis));
}

/// Joins element by element, in a loop: all have to have the dimensions of the
/// first one, but for `axis`.
static LogicalResult concatPacked(NodeContext &node, const Sequence &packed,
                                  int64_t axis, bool isNew) {
  if (!packed.dims)
    return node.unsupported("the rank of the sequence's elements is not known, "
                            "or differs");
  axis = node.normalizeAxis(axis, packed.dims->size() + isNew);
  if (node.failed())
    return failure();
  LoopParts parts;
  if (isNew) {
    // The loop joins what it makes along a new first dimension.
    parts.numScans = 1;
  } else {
    Value first = takeElement(node, packed, node.createInts(0));
    parts.inits.push_back(
        node.sliceAxis(first, axis, node.createInts(0), node.createInts(0)));
  }
  parts.tripCount = node.squeeze(getLength(node, packed), {int64_t(0)});
  if (node.failed())
    return failure();
  auto body = [&](Value iteration,
                  ArrayRef<Value> carried) -> FailureOr<SmallVector<Value>> {
    Value element =
        takeElement(node, packed, node.unsqueeze(iteration, {int64_t(0)}));
    if (!isNew && element)
      element = node.create<ConcatOp>(ValueRange{carried[0], element},
                                      uint64_t(axis));
    if (node.failed())
      return failure();
    return SmallVector<Value>{
        node.createScalar(node.getBuilder().getI1Type(), 1), element};
  };
  FailureOr<SmallVector<Value>> results = createLoop(node, parts, body);
  if (failed(results))
    return failure();
  Value joined = results->front();
  if (isNew && axis != 0) {
    auto permutation =
        llvm::to_vector(llvm::seq<int64_t>(1, getType(joined).getRank()));
    permutation.insert(permutation.begin() + axis, 0);
    joined = node.transpose(joined, permutation);
  }
  return node.setOutput(joined);
}

static LogicalResult convertConcat(NodeContext &node) {
  std::optional<Sequence> sequence = getSequenceInput(node, 0);
  int64_t axis = node.getRequiredInt("axis");
  bool isNew = node.getBool("new_axis", false);
  if (node.failed())
    return failure();
  return sequence->isPacked ? concatPacked(node, *sequence, axis, isNew)
                            : concatList(node, sequence->elements, axis, isNew);
}

//===----------------------------------------------------------------------===//
// Splitting
//===----------------------------------------------------------------------===//

/// Parts [bounds[i], bounds[i + 1]) of `value` along `axis`.
static LogicalResult splitToList(NodeContext &node, Value value, int64_t axis,
                                 ArrayRef<Value> bounds, bool squeezes) {
  SmallVector<Value> parts;
  for (size_t i = 0; i + 1 < bounds.size(); ++i) {
    Value part = node.sliceAxis(value, axis, bounds[i], bounds[i + 1]);
    parts.push_back(squeezes ? node.squeeze(part, {axis}) : part);
  }
  if (node.failed())
    return failure();
  return node.setOutput(makeList(node, getElementTypeOrSelf(value), parts));
}

/// As many parts as the run tells, in a loop.
static LogicalResult splitInLoop(NodeContext &node, Value value, int64_t axis,
                                 Value sizes) {
  value = requireSizes(node, value, axis, sizes);
  if (node.failed())
    return failure();
  LoopParts parts;
  parts.inits = {makeList(node, getElementTypeOrSelf(value), {}),
                 node.createInts(0)};
  parts.tripCount = node.squeeze(node.getDim(sizes, 0), {int64_t(0)});
  if (node.failed())
    return failure();
  auto body = [&](Value iteration,
                  ArrayRef<Value> carried) -> FailureOr<SmallVector<Value>> {
    Value end = node.create<AddOp>(
        carried[1],
        node.create<GatherOp>(sizes, node.unsqueeze(iteration, {int64_t(0)}),
                              int64_t(0)));
    Value part = node.sliceAxis(value, axis, carried[1], end);
    if (node.failed())
      return failure();
    FailureOr<Value> next =
        insertElement(node, *getSequence(carried[0]), part, /*position=*/{});
    if (failed(next))
      return failure();
    return SmallVector<Value>{
        node.createScalar(node.getBuilder().getI1Type(), 1), *next, end};
  };
  FailureOr<SmallVector<Value>> results = createLoop(node, parts, body);
  if (failed(results))
    return failure();
  return node.setOutput(results->front());
}

/// Parts of sizes that are known one by one.
static LogicalResult splitBySizes(NodeContext &node, Value value, int64_t axis,
                                  Value sizes) {
  SmallVector<Value> bounds = {node.createInts(0)};
  std::optional<SmallVector<int64_t>> known =
      node.getKnownValues().getConstants(sizes);
  int64_t total = 0;
  for (int64_t i = 0, e = getType(sizes).getDimSize(0); i != e; ++i) {
    if (known && ((*known)[i] < 0 || (*known)[i] > kMaxElements))
      return node.invalid("expected sizes that are not negative, found " +
                          Twine((*known)[i]));
    if (known) {
      total += (*known)[i];
      bounds.push_back(node.createInts(total));
    } else {
      bounds.push_back(
          node.create<AddOp>(bounds.back(), takeNumber(node, sizes, i)));
    }
    if (node.failed())
      return failure();
  }
  int64_t dim = getType(value).getDimSize(axis);
  if (known && !ShapedType::isDynamic(dim) && dim != total)
    return node.invalid("the sizes of the parts make " + Twine(total) +
                        ", expected dimension " + Twine(axis) + ", " +
                        Twine(dim));
  if (!known || ShapedType::isDynamic(dim))
    value = requireSizes(node, value, axis, sizes);
  if (node.failed())
    return failure();
  return splitToList(node, value, axis, bounds, /*squeezes=*/false);
}

/// A column of a table: one number for all rows, or one for each.
static Value makeColumn(NodeContext &node, Value numbers, Value numRows) {
  Value column = node.unsqueeze(numbers, {int64_t(1)});
  if (node.failed() || getType(column).isDynamicDim(0))
    return column;
  return node.expand(column, node.joinShape({numRows, node.createInts(1)}));
}

/// As many parts of the size `part` as there are; the last one may be smaller.
static LogicalResult splitEvenly(NodeContext &node, Value value, int64_t axis,
                                 Value part, bool squeezes) {
  Type i64 = node.getBuilder().getI64Type();
  RankedTensorType type = getType(value);
  int64_t rank = type.getRank();
  SmallVector<Value> before, after;
  for (int64_t i = 0; i != rank; ++i)
    if (i != axis)
      (i < axis ? before : after).push_back(node.getDim(value, i));
  std::optional<int64_t> size = getConstant(node, part);
  Value dim = node.getDim(value, axis);
  if (!size)
    part =
        require(node, part, node.create<GreaterOp>(part, node.createInts(0)));
  Value numFull = node.create<DivOp>(dim, part);
  Value numRows = node.create<DivOp>(
      node.create<SubOp>(node.create<AddOp>(dim, part), node.createInts(1)),
      part);

  // 1. The elements of one part after those of another.
  Value data;
  if (axis == 0) {
    data = flattenAll(node, value);
  } else {
    Value end = node.create<MulOp>(numFull, part);
    Value full = node.sliceAxis(value, axis, node.createInts(0), end);
    SmallVector<Value> dims = before;
    dims.append({numFull, part});
    dims.append(after);
    full = node.reshape(full, node.joinShape(dims));
    auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank + 1));
    permutation.erase(permutation.begin() + axis);
    permutation.insert(permutation.begin(), axis);
    data = flattenAll(node, node.transpose(full, permutation));
    if (size != 1)
      data = node.create<ConcatOp>(
          ValueRange{data, flattenAll(node, node.sliceAxis(
                                                value, axis, end,
                                                node.createInts(INT64_MAX)))},
          uint64_t(0));
  }

  // 2. Where each part is.
  Value index = node.create<RangeOp>(node.createScalar(i64, 0),
                                     node.squeeze(numRows, {int64_t(0)}),
                                     node.createScalar(i64, 1));
  Value first = node.create<MulOp>(index, part);
  Value sizes = node.create<MinOp>(node.create<SubOp>(dim, first), part);
  Value others = node.createInts(1);
  for (ArrayRef<Value> dims : {ArrayRef(before), ArrayRef(after)})
    for (Value other : dims)
      others = node.create<MulOp>(others, other);
  SmallVector<Value> columns = {node.create<MulOp>(first, others),
                                node.create<MulOp>(sizes, others)};
  ElementDims dims;
  dims.emplace();
  for (int64_t i = 0; i != rank; ++i) {
    if (i == axis && squeezes)
      continue;
    columns.push_back(i == axis ? sizes : node.getDim(value, i));
    dims->push_back(i != axis   ? type.getDimSize(i)
                    : size == 1 ? 1
                                : ShapedType::kDynamic);
  }
  for (Value &column : columns)
    column = makeColumn(node, column, numRows);
  Value table = node.create<ConcatOp>(columns, uint64_t(1));
  return node.setOutput(
      makePacked(node, type.getElementType(), data, table, dims));
}

static LogicalResult convertSplit(NodeContext &node) {
  Value value = getTensorInput(node, 0);
  Value sizes = node.hasInput(1) ? getTensorInput(node, 1) : Value();
  int64_t axis = node.getInt("axis", 0);
  // What it says does not matter where sizes are given.
  bool squeezes = !node.getBool("keepdims", true) && !sizes;
  if (node.failed())
    return failure();
  axis = node.normalizeAxis(axis, getType(value).getRank());
  if (sizes && getType(sizes).getRank() == 1) {
    bool isKnown = !getType(sizes).isDynamicDim(0);
    sizes = node.toShapeOperand(sizes);
    if (node.failed())
      return failure();
    return isKnown && getType(sizes).getDimSize(0) <= kMaxParts
               ? splitBySizes(node, value, axis, sizes)
               : splitInLoop(node, value, axis, sizes);
  }
  Value part = sizes ? getPosition(node, 1) : node.createInts(1);
  if (node.failed())
    return failure();
  std::optional<int64_t> size = getConstant(node, part);
  if (size && (*size < 1 || *size > kMaxElements))
    return node.invalid("expected parts of 1 or more, found " + Twine(*size));
  int64_t dim = getType(value).getDimSize(axis);
  if (!size || ShapedType::isDynamic(dim) ||
      (dim + *size - 1) / *size > kMaxParts)
    return splitEvenly(node, value, axis, part, squeezes);
  SmallVector<Value> bounds;
  for (int64_t at = 0; at < dim; at += *size)
    bounds.push_back(node.createInts(at));
  bounds.push_back(node.createInts(dim));
  return splitToList(node, value, axis, bounds, squeezes);
}

//===----------------------------------------------------------------------===//
// SequenceMap
//===----------------------------------------------------------------------===//

static LogicalResult convertMap(NodeContext &node) {
  const onnx::GraphProto *body = node.getGraph("body");
  std::optional<Sequence> first = getSequenceInput(node, 0);
  if (!body || !first)
    return failure();
  unsigned numInputs = node.getNumInputs();
  int64_t numOutputs = body->output_size();
  if (body->input_size() != int(numInputs))
    return node.invalid("expected a body of " + Twine(numInputs) +
                        " inputs, found " + Twine(body->input_size()));
  if (int64_t(node.getNumOutputs()) > numOutputs)
    return node.invalid("expected at most " + Twine(numOutputs) +
                        " outputs, found " + Twine(node.getNumOutputs()));
  // The carried values are the sequences that the body's outputs make. Which
  // type they have is declared.
  LoopParts parts;
  for (const onnx::ValueInfoProto &output : body->output()) {
    Type type = output.type().has_tensor_type()
                    ? readType(node.getContext(), output.type()).elementType
                    : Type();
    if (!type)
      return node.unsupported("output " + quote(output.name()) +
                              " of its body has no type that is supported");
    parts.inits.push_back(makeList(node, type, {}));
  }
  parts.tripCount = node.squeeze(getLength(node, *first), {int64_t(0)});
  if (node.failed())
    return failure();
  auto importBody =
      [&](Value iteration,
          ArrayRef<Value> carried) -> FailureOr<SmallVector<Value>> {
    Value position = node.unsqueeze(iteration, {int64_t(0)});
    std::optional<int64_t> known = getConstant(node, position);
    SmallVector<Value> inputs;
    for (unsigned i = 0; i != numInputs; ++i) {
      Value input = node.getInput(i);
      std::optional<Sequence> sequence =
          input ? getSequence(input) : std::nullopt;
      if (!sequence) {
        inputs.push_back(getTensorInput(node, i));
      } else if (known && !sequence->isPacked) {
        int64_t place = checkPosition(node, *known, sequence->elements.size());
        inputs.push_back(node.failed() ? Value() : sequence->elements[place]);
      } else {
        inputs.push_back(takeElement(node, *sequence, position));
      }
    }
    if (node.failed())
      return failure();
    FailureOr<SmallVector<Value>> results = node.importGraph(*body, inputs);
    if (failed(results))
      return failure();
    for (auto [i, result] : llvm::enumerate(*results)) {
      if (!result)
        continue;
      if (!isTensor(result))
        return node.invalid("output " + Twine(i) + " of its body is " +
                            describeKind(result) + ", expected a tensor");
      FailureOr<Value> next = insertElement(node, *getSequence(carried[i]),
                                            result, /*position=*/{});
      if (failed(next))
        return failure();
      result = *next;
    }
    results->insert(results->begin(),
                    node.createScalar(node.getBuilder().getI1Type(), 1));
    return results;
  };
  FailureOr<SmallVector<Value>> results =
      importLoop(node, parts, *body, importBody);
  if (failed(results))
    return failure();
  return node.setOutputs(*results);
}

ArrayRef<OpEntry> getSequenceOps() {
  static constexpr int64_t since11[] = {11}, split[] = {11, 24}, map[] = {17};
  static const OpEntry entries[] = {
      {"SequenceEmpty", since11, convertEmpty, 0, 0},
      {"SequenceConstruct", since11, convertConstruct, 1, kVariadic},
      {"SequenceAt", since11, convertAt, 2, 2, "", kAnyValues},
      {"SequenceInsert", since11, convertInsert, 2, 3, "", kAnyValues},
      {"SequenceErase", since11, convertErase, 1, 2, "", kAnyValues},
      {"SequenceLength", since11, convertLength, 1, 1, "", kAnyValues},
      {"ConcatFromSequence", since11, convertConcat, 1, 1, "", kAnyValues},
      {"SplitToSequence", split, convertSplit, 1, 2},
      {"SequenceMap", map, convertMap, 1, kVariadic, "", kAnyValues},
  };
  return entries;
}

} // namespace tenon::onnx_import

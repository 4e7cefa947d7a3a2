//===- PackedSequences.cpp - Sequences of a length that a run tells -------===//
//
// Operators on packed sequences become slices, gathers and joins of the
// elements and of the table; a gather of the table finds at run time whether a
// position is in range.
//
//===----------------------------------------------------------------------===//

#include "lib/import/onnx/Sequences.h"
#include "lib/import/onnx/Spelling.h"

using namespace llvm;
using namespace mlir;

namespace tenon::onnx_import {

std::optional<int64_t> getConstant(NodeContext &node, Value value) {
  if (!value)
    return std::nullopt;
  std::optional<SmallVector<int64_t>> known =
      node.getKnownValues().getConstants(value);
  return known && known->size() == 1 ? std::optional((*known)[0])
                                     : std::nullopt;
}

/// Elements [start, end) of `value` along dimension 0; null bounds are its
/// ends.
static Value takeRows(NodeContext &node, Value value, Value start, Value end) {
  return node.sliceAxis(value, 0, start ? start : node.createInts(0),
                        end ? end : node.createInts(INT64_MAX));
}

static Value takeColumns(NodeContext &node, Value table, int64_t begin,
                         int64_t end) {
  return node.sliceAxis(table, 1, node.createInts(begin), node.createInts(end));
}

Value takeNumber(NodeContext &node, Value row, int64_t column) {
  return node.sliceAxis(row, 0, node.createInts(column),
                        node.createInts(column + 1));
}

/// The row at a position (tensor<1xi64>), which is checked when the model runs.
static Value findRow(NodeContext &node, const Sequence &packed,
                     Value position) {
  return node.create<GatherOp>(
      packed.table, node.squeeze(position, {int64_t(0)}), int64_t(0));
}

/// `position`, or, where that is negative, `position + extra`.
static Value addIfNegative(NodeContext &node, Value position, Value extra) {
  if (std::optional<int64_t> known = getConstant(node, position);
      known && *known >= 0)
    return position;
  return node.create<WhereOp>(node.create<LessOp>(position, node.createInts(0)),
                              node.create<AddOp>(position, extra), position);
}

/// `rows` with `number` (tensor<1xi64>) added to where the elements start.
static Value moveStarts(NodeContext &node, Value rows, Value number) {
  return node.create<ConcatOp>(
      ValueRange{node.create<AddOp>(
                     takeColumns(node, rows, kStartColumn, kStartColumn + 1),
                     node.unsqueeze(number, {int64_t(0)})),
                 takeColumns(node, rows, kCountColumn, INT64_MAX)},
      uint64_t(1));
}

/// `row` of a table of unknown width as one for an element of `rank`. A row
/// that is shorter is an error when the model runs, which a gather finds; an
/// element of another rank has another number of elements than these
/// dimensions.
static Value fitRow(NodeContext &node, Value row, int64_t rank) {
  SmallVector<int64_t> columns =
      llvm::to_vector(llvm::seq<int64_t>(0, kDimColumns + rank));
  Value numbers =
      node.create<GatherOp>(row, node.createInts(columns), int64_t(0));
  return node.create<MaxOp>(numbers, node.createInts(0));
}

Value takeElement(NodeContext &node, const Sequence &sequence, Value position,
                  std::optional<int64_t> rank) {
  std::optional<Sequence> packed = pack(node, sequence);
  if (!packed || !position)
    return {};
  if (!packed->dims && !rank) {
    node.unsupported("the rank of the sequence's elements is not known, or "
                     "differs; declare it in the type of the model's input, or "
                     "that of the element");
    return {};
  }
  Value row = findRow(node, *packed, position);
  SmallVector<int64_t> shape;
  if (packed->dims) {
    shape = *packed->dims;
  } else {
    shape.assign(*rank, ShapedType::kDynamic);
    row = fitRow(node, row, *rank);
  }
  Value start = takeNumber(node, row, kStartColumn);
  Value end = node.create<AddOp>(start, takeNumber(node, row, kCountColumn));
  SmallVector<Value> dims;
  for (auto [i, dim] : llvm::enumerate(shape))
    dims.push_back(ShapedType::isDynamic(dim)
                       ? takeNumber(node, row, kDimColumns + i)
                       : node.createInts(dim));
  if (node.failed())
    return {};
  return node.reshape(takeRows(node, packed->data, start, end),
                      node.joinShape(dims));
}

Value getLength(NodeContext &node, const Sequence &sequence) {
  if (!sequence.isPacked)
    return node.createInts(sequence.elements.size());
  return node.getDim(sequence.table, 0);
}

/// Makes the table as wide as `numColumns` at least, and `row` as wide as it.
static void widen(NodeContext &node, Value &table, Value &row,
                  int64_t numColumns) {
  int64_t width = getType(table).getDimSize(1);
  if (width == numColumns)
    return;
  Type i64 = node.getBuilder().getI64Type();
  Value zero = node.createInts(0), fill = node.createScalar(i64, -1);
  Value has = node.getDim(table, 1), wanted = node.createInts(numColumns);
  Value missing = node.create<MaxOp>(node.create<SubOp>(wanted, has), zero);
  Value extra = node.create<MaxOp>(node.create<SubOp>(has, wanted), zero);
  if (ShapedType::isDynamic(width) || width < numColumns)
    table =
        node.create<PadOp>(table, node.joinShape({zero, zero, zero, missing}),
                           fill, PadMode::Constant);
  if (ShapedType::isDynamic(width) || width > numColumns)
    row = node.create<PadOp>(row, node.joinShape({zero, extra}), fill,
                             PadMode::Constant);
}

std::optional<Sequence> insertPacked(NodeContext &node, Sequence packed,
                                     Value value, Value position) {
  ArrayRef<int64_t> dims = getType(value).getShape();
  int64_t numColumns = kDimColumns + int64_t(dims.size());
  Value flat = flattenAll(node, value);
  Value total = node.getDim(packed.data, 0);
  Value start = total, place;
  if (position) {
    // A position may be behind the last element, so one row more counts.
    Value starts = node.squeeze(
        takeColumns(node, packed.table, kStartColumn, kStartColumn + 1),
        {int64_t(1)});
    starts = node.create<ConcatOp>(ValueRange{starts, total}, uint64_t(0));
    start = node.create<GatherOp>(
        starts, addIfNegative(node, position, node.createInts(-1)), int64_t(0));
    place = addIfNegative(node, position, getLength(node, packed));
  }
  Value row = makeRow(node, value, start, numColumns);
  if (node.failed())
    return std::nullopt;
  widen(node, packed.table, row, numColumns);
  row = node.unsqueeze(row, {int64_t(0)});
  if (node.failed())
    return std::nullopt;
  if (!position) {
    packed.data =
        node.create<ConcatOp>(ValueRange{packed.data, flat}, uint64_t(0));
    packed.table =
        node.create<ConcatOp>(ValueRange{packed.table, row}, uint64_t(0));
  } else {
    packed.data = node.create<ConcatOp>(
        ValueRange{takeRows(node, packed.data, {}, start), flat,
                   takeRows(node, packed.data, start, {})},
        uint64_t(0));
    packed.table = node.create<ConcatOp>(
        ValueRange{takeRows(node, packed.table, {}, place), row,
                   moveStarts(node, takeRows(node, packed.table, place, {}),
                              node.getDim(flat, 0))},
        uint64_t(0));
  }
  if (!packed.dims || packed.dims->size() != dims.size())
    packed.dims.reset();
  else
    for (auto [dim, other] : llvm::zip_equal(*packed.dims, dims))
      if (dim != other)
        dim = ShapedType::kDynamic;
  return node.failed() ? std::nullopt : std::optional(packed);
}

std::optional<Sequence> erasePacked(NodeContext &node, Sequence packed,
                                    Value position) {
  Value row = findRow(node, packed, position);
  Value start = takeNumber(node, row, kStartColumn);
  Value count = takeNumber(node, row, kCountColumn);
  Value place = addIfNegative(node, position, getLength(node, packed));
  Value next = node.create<AddOp>(place, node.createInts(1));
  packed.data = node.create<ConcatOp>(
      ValueRange{
          takeRows(node, packed.data, {}, start),
          takeRows(node, packed.data, node.create<AddOp>(start, count), {})},
      uint64_t(0));
  packed.table = node.create<ConcatOp>(
      ValueRange{takeRows(node, packed.table, {}, place),
                 moveStarts(node, takeRows(node, packed.table, next, {}),
                            node.create<NegOp>(count))},
      uint64_t(0));
  return node.failed() ? std::nullopt : std::optional(packed);
}

Value require(NodeContext &node, Value value, Value condition) {
  // What does not hold is an index out of range.
  return node.create<GatherOp>(
      value,
      node.create<WhereOp>(condition, node.createInts(0), node.createInts(1)),
      int64_t(0));
}

Value takeContents(NodeContext &node, const OptionalValue &optional) {
  std::optional<Sequence> sequence = getSequence(optional.sequence);
  std::optional<int64_t> known = getConstant(node, optional.flag);
  if (known == 0) {
    node.invalid("expected an element, found an optional without one");
    return {};
  }
  if (optional.holdsTensor)
    return sequence->isPacked ? takeElement(node, *sequence, node.createInts(0))
                              : sequence->elements[0];
  if (known)
    return optional.sequence;
  std::optional<Sequence> packed = pack(node, *sequence);
  if (!packed)
    return {};
  Value end = require(node, getLength(node, *packed),
                      node.unsqueeze(optional.flag, {int64_t(0)}));
  return makePacked(node, packed->elementType, packed->data,
                    takeRows(node, packed->table, {}, end), packed->dims);
}

} // namespace tenon::onnx_import

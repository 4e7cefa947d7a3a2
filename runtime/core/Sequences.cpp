//===- Sequences.cpp - Inputs and outputs that are no tensors ------------===//

#include "runtime/core/Sequences.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

SequenceInputs::SequenceInputs(const TenonModel &model)
    : model(model), packed(model.inputValues.size()) {}

uint64_t SequenceInputs::size() const {
  uint64_t bytes = 0;
  for (const Packed &value : packed)
    bytes += value.elements.size() + value.table.capacity() * sizeof(int64_t);
  return bytes;
}

/// Checks one tensor of a sequence or an optional; counts its elements.
static Error checkElement(const TenonTensorInfo &info,
                          const TenonTensor &tensor, int64_t index,
                          bool withData, int64_t &count) {
  // A run that succeeds makes no text.
  auto what = [&] {
    return "input " + quote(info.name) + ": element " + std::to_string(index);
  };
  if (tensor.dtype != info.dtype) {
    const char *name = tenon_dtype_name(tensor.dtype);
    return makeError(TENON_ERROR_INVALID, "%s has element type %s, expected %s",
                     what().c_str(),
                     name ? name : std::to_string(tensor.dtype).c_str(),
                     tenon_dtype_name(info.dtype));
  }
  constexpr int32_t maxRank = TENON_MAX_RANK - TENON_TABLE_DIMS;
  if (tensor.rank < 0 || tensor.rank > maxRank || (tensor.rank && !tensor.dims))
    return makeError(TENON_ERROR_INVALID,
                     "%s has rank %d, or no dimensions, expected a rank from 0 "
                     "to %d",
                     what().c_str(), tensor.rank, maxRank);
  bool fits = info.rank < 0 || info.rank == tensor.rank;
  for (int32_t axis = 0; fits && axis < info.rank; ++axis)
    fits = info.dims[axis] < 0 || info.dims[axis] == tensor.dims[axis];
  if (!fits)
    return makeError(TENON_ERROR_INVALID, "%s is %s, expected %s",
                     what().c_str(),
                     formatDims(tensor.dims, tensor.rank).c_str(),
                     formatDims(info.dims, info.rank).c_str());
  size_t bytes = tenon_tensor_bytes(&tensor);
  if (bytes == SIZE_MAX)
    return makeError(TENON_ERROR_INVALID, "%s has the dimensions %s",
                     what().c_str(),
                     formatDims(tensor.dims, tensor.rank).c_str());
  if (withData && bytes && !tensor.data)
    return makeError(TENON_ERROR_USAGE, "%s has no data", what().c_str());
  count = bytes / tenon_dtype_size(info.dtype);
  return nullptr;
}

Error SequenceInputs::packValue(uint32_t index, const TenonTensor &value,
                                bool withData) {
  const TenonTensorInfo &info = model.inputValues[index];
  Packed &target = packed[index];
  auto what = [&] { return "input " + quote(info.name); };
  bool isOptional = info.kind != TENON_SEQUENCE;
  const char *kind = info.kind == TENON_SEQUENCE   ? "a sequence"
                     : info.kind == TENON_OPTIONAL ? "an optional"
                                                   : "an optional sequence";
  if (value.dtype != TENON_TENSORS)
    return makeError(TENON_ERROR_INVALID,
                     "%s is %s, expected one of type TENON_TENSORS",
                     what().c_str(), kind);
  bool isThere = value.rank == 1 && value.dims;
  if (!isThere && (!isOptional || value.rank != 0))
    return makeError(TENON_ERROR_INVALID,
                     "%s is %s and has rank %d, or no dimensions, expected "
                     "rank %s",
                     what().c_str(), kind, value.rank,
                     isOptional ? "0 or 1" : "1");
  auto *elements = static_cast<const TenonTensor *>(value.data);
  int64_t most = info.kind == TENON_OPTIONAL ? 1 : INT64_MAX / 64;
  int64_t count = isThere ? value.dims[0] : 0;
  if (count < 0 || count > most || (count && !elements))
    return makeError(TENON_ERROR_INVALID, "%s is %s, found %lld tensors%s",
                     what().c_str(), kind, static_cast<long long>(count),
                     elements ? "" : " and no array of them");
  target.flag = info.kind == TENON_OPTIONAL ? count == 1 : isThere;

  // 1. Sizes, and the table.
  int32_t rank = std::max(info.rank, 0);
  for (int64_t i = 0; i < count; ++i)
    rank = std::max(rank, elements[i].rank);
  rank = std::min(rank, TENON_MAX_RANK - TENON_TABLE_DIMS);
  int64_t columns = TENON_TABLE_DIMS + rank;
  target.table.assign(count * columns, -1);
  target.tableDims[0] = count;
  target.tableDims[1] = columns;
  int64_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    const TenonTensor &element = elements[i];
    int64_t size = 0;
    if (Error error = checkElement(info, element, i, withData, size))
      return error;
    int64_t *row = target.table.data() + i * columns;
    row[0] = total;
    row[1] = size;
    std::copy(element.dims, element.dims + element.rank,
              row + TENON_TABLE_DIMS);
    if (__builtin_add_overflow(total, size, &total))
      return makeError(TENON_ERROR_INVALID, "%s is too large", what().c_str());
  }
  target.numElements = total;

  // 2. The elements.
  uint64_t elementBytes = tenon_dtype_size(info.dtype), bytes = 0;
  if (__builtin_mul_overflow(elementBytes, uint64_t(total), &bytes) ||
      (withData && !target.elements.reserve(
                       std::max<uint64_t>(bytes, TENON_BUFFER_ALIGNMENT))))
    return makeError(TENON_ERROR_SYSTEM,
                     "not enough memory: %s takes %llu bytes", what().c_str(),
                     static_cast<unsigned long long>(bytes));
  char *next = target.elements.data();
  for (int64_t i = 0; withData && i < count; ++i) {
    size_t size = target.table[i * columns + 1] * elementBytes;
    if (size)
      memcpy(next, elements[i].data, size);
    next += size;
  }

  // 3. The tensors.
  if (isOptional)
    parts.push_back({nullptr, &target.flag, TENON_BOOL, 0, nullptr});
  parts.push_back(
      {nullptr, target.elements.data(), info.dtype, 1, &target.numElements});
  parts.push_back(
      {nullptr, target.table.data(), TENON_I64, 2, target.tableDims});
  return nullptr;
}

Error SequenceInputs::pack(const TenonTensor *values,
                           const std::vector<uint32_t> &positions,
                           bool withData) {
  parts.clear();
  for (uint32_t i = 0; i < model.inputValues.size(); ++i) {
    const TenonTensor &value = values[positions[i]];
    if (model.inputValues[i].kind == TENON_TENSOR) {
      parts.push_back(value);
      parts.back().name = nullptr;
    } else if (Error error = packValue(i, value, withData)) {
      return error;
    }
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

SequenceOutputs::SequenceOutputs(const TenonModel &model)
    : model(model), unpacked(model.outputValues.size()) {}

void SequenceOutputs::clear() {
  for (Unpacked &value : unpacked) {
    value.elements.clear();
    value.numElements = 0;
    value.isThere = false;
  }
}

void SequenceOutputs::unpack(
    const std::function<TenonTensor(uint32_t)> &getPart) {
  clear();
  for (uint32_t i = 0; i < unpacked.size(); ++i) {
    const TenonTensorInfo &info = model.outputValues[i];
    if (info.kind == TENON_TENSOR)
      continue;
    uint32_t last = model.outputParts[i + 1] - 1;
    TenonTensor data = getPart(last - 1), table = getPart(last);
    Unpacked &value = unpacked[i];
    bool isSet =
        info.kind == TENON_SEQUENCE ||
        *static_cast<const char *>(getPart(model.outputParts[i]).data) != 0;
    value.isThere = isSet;
    if (!isSet)
      continue;
    value.numElements = table.dims[0];
    auto *rows = static_cast<const int64_t *>(table.data);
    for (int64_t row = 0; row < table.dims[0]; ++row, rows += table.dims[1]) {
      const int64_t *dims = rows + TENON_TABLE_DIMS;
      auto rank = static_cast<int32_t>(
          std::find_if(dims, rows + table.dims[1],
                       [](int64_t dim) { return dim < 0; }) -
          dims);
      char *first = static_cast<char *>(data.data) +
                    rows[0] * tenon_dtype_size(info.dtype);
      value.elements.push_back({nullptr, first, info.dtype, rank, dims});
    }
  }
}

TenonTensor SequenceOutputs::get(size_t index) const {
  const TenonTensorInfo &info = model.outputValues[index];
  const Unpacked &value = unpacked[index];
  auto *elements = const_cast<TenonTensor *>(value.elements.data());
  return {info.name, value.elements.empty() ? nullptr : elements, TENON_TENSORS,
          value.isThere, &value.numElements};
}

//===- SessionTensors.cpp - What callers give a session ------------------===//
//
// Which of the caller's tensors is which of the model's, and whether types,
// dimensions and memory are those that it needs.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Session.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

static constexpr uint32_t absent = UINT32_MAX;

/// Finds for each tensor of the model its position among the caller's tensors,
/// or `absent`.
static Error matchTensors(const char *kind, const TenonTensor *tensors,
                          size_t count,
                          const std::vector<TenonTensorInfo> &infos,
                          std::vector<uint32_t> &positions) {
  std::fill(positions.begin(), positions.end(), absent);
  if (count && !tensors)
    return makeError(TENON_ERROR_USAGE, "%zu %ss, but no array of them", count,
                     kind);
  for (size_t i = 0; i < count; ++i) {
    size_t index = i;
    if (const char *name = tensors[i].name) {
      // Callers mostly keep the model's order.
      if (index >= infos.size() || strcmp(infos[index].name, name) != 0) {
        index = 0;
        while (index < infos.size() && strcmp(infos[index].name, name) != 0)
          ++index;
      }
      if (index == infos.size()) {
        std::string known;
        for (const TenonTensorInfo &info : infos)
          known += (known.empty() ? "" : ", ") + quote(info.name);
        return about(makeError(TENON_ERROR_USAGE,
                               "the model has no %s %s, only %s", kind,
                               quote(name).c_str(),
                               known.empty() ? "none" : known.c_str()),
                     name);
      }
    } else if (index >= infos.size()) {
      return makeError(TENON_ERROR_USAGE,
                       "the model has %zu %ss, but %zu are given", infos.size(),
                       kind, count);
    }
    if (positions[index] != absent)
      return about(makeError(TENON_ERROR_USAGE, "%s %s is given twice", kind,
                             quote(infos[index].name).c_str()),
                   infos[index].name);
    positions[index] = i;
  }
  return nullptr;
}

static Error checkType(const char *kind, const TenonTensor &tensor,
                       const TenonTensorInfo &info) {
  if (tensor.dtype != info.dtype) {
    const char *name = tenon_dtype_name(tensor.dtype);
    std::string found = name ? name : std::to_string(tensor.dtype);
    const char *expected = tenon_dtype_name(info.dtype);
    return about(makeError(TENON_ERROR_INVALID,
                           "%s %s has element type %s, expected %s", kind,
                           quote(info.name).c_str(), found.c_str(), expected),
                 info.name, found, expected);
  }
  if (tensor.rank != info.rank)
    return about(makeError(TENON_ERROR_INVALID,
                           "%s %s has rank %d, expected %d (%s)", kind,
                           quote(info.name).c_str(), tensor.rank, info.rank,
                           formatDims(info.dims, info.rank).c_str()),
                 info.name, "rank " + std::to_string(tensor.rank),
                 "rank " + std::to_string(info.rank));
  if (tensor.rank && !tensor.dims)
    return about(makeError(TENON_ERROR_USAGE, "%s %s has no dimensions", kind,
                           quote(info.name).c_str()),
                 info.name);
  return nullptr;
}

static Error makeMissing(const TenonTensorInfo &info) {
  return about(makeError(TENON_ERROR_INVALID, "missing input %s (%s %s)",
                         quote(info.name).c_str(), tenon_dtype_name(info.dtype),
                         info.rank < 0
                             ? "of any dimensions"
                             : formatDims(info.dims, info.rank).c_str()),
               info.name);
}

Error TenonSession::matchInputs(const TenonTensor *tensors, size_t count) {
  if (Error error =
          matchTensors("input", tensors, count, model->inputs, inputPositions))
    return error;
  for (size_t i = 0; i < model->inputs.size(); ++i) {
    const TenonTensorInfo &info = model->inputs[i];
    if (inputPositions[i] == absent)
      return makeMissing(info);
    if (Error error = checkType("input", tensors[inputPositions[i]], info))
      return error;
  }
  return nullptr;
}

Error TenonSession::readSymbols(const TenonTensor *tensors) {
  std::fill(symbols.begin(), symbols.end(), -1);
  for (uint32_t i = 0; i < model->desc->numInputs; ++i) {
    const TenonTensorDesc &desc = model->desc->inputs[i];
    const TenonTensor &tensor = tensors[inputPositions[i]];
    for (int32_t axis = 0; axis < desc.rank; ++axis) {
      int64_t size = tensor.dims[axis], expected = desc.dims[axis];
      if (size < 0)
        return about(makeError(TENON_ERROR_INVALID,
                               "input %s: dimension %d is %lld, expected 0 or "
                               "more",
                               quote(desc.name).c_str(), axis,
                               static_cast<long long>(size)),
                     desc.name, std::to_string(size), "0 or more");
      if (expected >= 0) {
        if (size != expected)
          return about(makeError(TENON_ERROR_INVALID,
                                 "input %s: dimension %d is %lld, expected "
                                 "%lld",
                                 quote(desc.name).c_str(), axis,
                                 static_cast<long long>(size),
                                 static_cast<long long>(expected)),
                       desc.name, std::to_string(size),
                       std::to_string(expected));
        continue;
      }
      int64_t symbol = -1 - expected;
      if (symbols[symbol] < 0) {
        symbols[symbol] = size;
        symbolSources[symbol] = i;
      } else if (symbols[symbol] != size) {
        return about(
            makeError(
                TENON_ERROR_INVALID,
                "input %s: dimension %d (%s) is %lld, but it is %lld in input "
                "%s",
                quote(desc.name).c_str(), axis,
                quote(model->desc->symbolNames[symbol]).c_str(),
                static_cast<long long>(size),
                static_cast<long long>(symbols[symbol]),
                quote(model->desc->inputs[symbolSources[symbol]].name).c_str()),
            desc.name, std::to_string(size), std::to_string(symbols[symbol]));
      }
    }
    if (tenon_tensor_bytes(&tensor) == SIZE_MAX)
      return about(makeError(TENON_ERROR_INVALID, "input %s is too large: %s",
                             quote(desc.name).c_str(),
                             formatDims(tensor.dims, tensor.rank).c_str()),
                   desc.name);
  }
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Sequences and optionals
//===----------------------------------------------------------------------===//

/// Makes `tensors` those of the description.
Error TenonSession::packInputs(const TenonTensor *&tensors, size_t &count,
                               bool withData) {
  if (model->hasTensorInputs)
    return nullptr;
  if (Error error = matchTensors("input", tensors, count, model->inputValues,
                                 inputValuePositions))
    return error;
  for (size_t i = 0; i < model->inputValues.size(); ++i)
    if (inputValuePositions[i] == absent)
      return makeMissing(model->inputValues[i]);
  if (Error error = packedInputs.pack(tensors, inputValuePositions, withData))
    return error;
  tensors = packedInputs.getParts().data();
  count = packedInputs.getParts().size();
  return nullptr;
}

/// Makes `tensors` those that the description has too.
Error TenonSession::selectOutputs(const TenonTensor *&tensors, size_t &count) {
  if (model->hasTensorOutputs)
    return nullptr;
  if (Error error = matchTensors("output", tensors, count, model->outputValues,
                                 outputValuePositions))
    return error;
  tensorOutputs.clear();
  for (size_t i = 0; i < model->outputValues.size(); ++i) {
    const TenonTensorInfo &info = model->outputValues[i];
    if (outputValuePositions[i] == absent)
      continue;
    const TenonTensor &tensor = tensors[outputValuePositions[i]];
    if (info.kind == TENON_TENSOR) {
      tensorOutputs.push_back(tensor);
      tensorOutputs.back().name = info.name;
    } else if (tensor.data) {
      return makeError(TENON_ERROR_USAGE,
                       "output %s is given memory, but it is a sequence or an "
                       "optional, which the session keeps",
                       quote(info.name).c_str());
    }
  }
  tensors = tensorOutputs.data();
  count = tensorOutputs.size();
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Whether only the run can tell all dimensions of an output.
bool TenonSession::isComputed(size_t output) const {
  const int64_t *dims =
      current->outputDims.data() + model->outputDimOffsets[output];
  return std::count(dims, dims + model->outputs[output].rank, -1) != 0;
}

static Error checkAddress(const char *kind, const TenonTensor &tensor,
                          const char *name, size_t bytes) {
  if (!tensor.data && bytes)
    return makeError(TENON_ERROR_USAGE, "%s %s has no data", kind,
                     quote(name).c_str());
  size_t alignment = tenon_dtype_size(tensor.dtype);
  if (reinterpret_cast<uintptr_t>(tensor.data) % alignment)
    return makeError(TENON_ERROR_INVALID,
                     "the data of %s %s are not aligned to the element (%zu "
                     "bytes)",
                     kind, quote(name).c_str(), alignment);
  return nullptr;
}

Error TenonSession::checkInputData(const TenonTensor *tensors) {
  for (size_t i = 0; i < model->inputs.size(); ++i) {
    const TenonTensor &tensor = tensors[inputPositions[i]];
    size_t bytes = tenon_tensor_bytes(&tensor);
    if (Error error =
            checkAddress("input", tensor, model->inputs[i].name, bytes))
      return error;
    inputData[i] = bytes ? tensor.data : scrap;
  }
  return nullptr;
}

static bool overlaps(void *a, uint64_t aBytes, void *b, uint64_t bBytes) {
  auto x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
  return aBytes && bBytes && x < y + bBytes && y < x + aBytes;
}

/// An output that overlaps an input would change it under the running model.
Error TenonSession::checkInputsApart(size_t output, void *data,
                                     uint64_t bytes) {
  for (size_t i = 0; i < inputData.size(); ++i)
    if (overlaps(data, bytes, inputData[i], countInputBytes(i)))
      return makeError(TENON_ERROR_INVALID,
                       "output %s overlaps input %s in memory",
                       quote(model->outputs[output].name).c_str(),
                       quote(model->inputs[i].name).c_str());
  return nullptr;
}

Error TenonSession::matchOutputs(const TenonTensor *tensors, size_t count) {
  if (Error error = matchTensors("output", tensors, count, model->outputs,
                                 outputPositions))
    return error;
  for (size_t i = 0; i < model->outputs.size(); ++i) {
    const TenonTensorInfo &info = model->outputs[i];
    uint64_t bytes = current->outputBytes[i];
    bool isKnown = !isComputed(i);
    outputData[i] = nullptr;
    outputBytes[i] = bytes;
    if (outputPositions[i] != absent) {
      const TenonTensor &tensor = tensors[outputPositions[i]];
      if (Error error = checkType("output", tensor, info))
        return error;
      const int64_t *dims =
          current->outputDims.data() + model->outputDimOffsets[i];
      for (int32_t axis = 0; axis < info.rank; ++axis)
        if (dims[axis] >= 0 && dims[axis] != tensor.dims[axis])
          return about(makeError(TENON_ERROR_INVALID,
                                 "output %s is %s, expected %s",
                                 quote(info.name).c_str(),
                                 formatDims(tensor.dims, tensor.rank).c_str(),
                                 formatDims(dims, info.rank).c_str()),
                       info.name, formatDims(tensor.dims, tensor.rank),
                       formatDims(dims, info.rank));
      if (tensor.data) {
        if (!isKnown)
          bytes = tenon_tensor_bytes(&tensor);
        if (bytes == SIZE_MAX)
          return makeError(TENON_ERROR_INVALID,
                           "output %s: %s is not the size of any memory",
                           quote(info.name).c_str(),
                           formatDims(tensor.dims, tensor.rank).c_str());
        if (Error error = checkAddress("output", tensor, info.name, bytes))
          return error;
        outputData[i] = tensor.data;
        outputBytes[i] = bytes;
      }
    }
    isKept[i] = !outputData[i];
    if (isKept[i] && isKnown) {
      // Growing frees what a caller may have taken for an input.
      Memory &block = ownOutputs[i];
      if (Error error = checkInputsApart(i, block.data(), block.size()))
        return error;
      if (!block.reserve(bytes))
        return makeError(
            TENON_ERROR_SYSTEM, "not enough memory: output %s takes %llu bytes",
            quote(info.name).c_str(), static_cast<unsigned long long>(bytes));
      outputData[i] = block.data();
    }
    if (isKept[i] && !isKnown) { // May move, so nothing else may be there.
      outputData[i] = ownOutputs[i].data();
      outputBytes[i] = ownOutputs[i].size();
    }
    if (isKnown && !bytes)
      outputData[i] = scrap;
  }
  return nullptr;
}

uint64_t TenonSession::countInputBytes(size_t input) const {
  const TenonTensorDesc &desc = model->desc->inputs[input];
  uint64_t bytes = tenon_dtype_size(static_cast<TenonDType>(desc.dtype));
  for (int32_t axis = 0; axis < desc.rank; ++axis)
    bytes *=
        desc.dims[axis] >= 0 ? desc.dims[axis] : symbols[-1 - desc.dims[axis]];
  return bytes;
}

Error TenonSession::checkOverlap() {
  for (size_t i = 0; i < outputData.size(); ++i) {
    uint64_t bytes = outputBytes[i];
    if (Error error = checkInputsApart(i, outputData[i], bytes))
      return error;
    for (size_t j = 0; j < i; ++j)
      if (overlaps(outputData[i], bytes, outputData[j], outputBytes[j]))
        return makeError(TENON_ERROR_INVALID,
                         "outputs %s and %s overlap in memory",
                         quote(model->outputs[j].name).c_str(),
                         quote(model->outputs[i].name).c_str());
  }
  return nullptr;
}

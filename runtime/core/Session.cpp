//===- Session.cpp - Binding shapes and running --------------------------===//

#include "runtime/core/Session.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

namespace {
constexpr uint32_t absent = UINT32_MAX;
constexpr int maxThreads = 4096;

/// Drops the last run's sequences when a call ends, unless it has made new
/// ones. Not before: its inputs may be among them.
struct LastOutputs {
  SequenceOutputs *outputs;
  ~LastOutputs() {
    if (outputs)
      outputs->clear();
  }
};
} // namespace

TenonSession::TenonSession(TenonModel *model, int threads, int maxShapes)
    : model(model), team(threads), maxShapes(maxShapes), packedInputs(*model),
      unpackedOutputs(*model) {
  model->retain();
  const TenonModelDesc &desc = *model->desc;
  inputValuePositions.resize(model->inputValues.size());
  outputValuePositions.resize(model->outputValues.size());
  inputPositions.resize(desc.numInputs);
  outputPositions.resize(desc.numOutputs);
  symbols.resize(desc.numSymbols);
  symbolSources.resize(desc.numSymbols);
  inputData.resize(desc.numInputs);
  outputData.resize(desc.numOutputs);
  outputBytes.resize(desc.numOutputs);
  outputDims.resize(model->numOutputDims);
  isKept.resize(desc.numOutputs);
  slots = std::vector<Memory>(desc.numSlots);
  ownOutputs = std::vector<Memory>(desc.numOutputs);
  size_t numLibraryDims = 0;
  for (uint32_t i = 0; i < desc.numLibraryKernels; ++i)
    numLibraryDims += desc.libraryKernels[i].numDims;
  libraryDims.resize(numLibraryDims);
}

TenonSession::~TenonSession() {
  for (size_t i = 0; i < librarySessions.size(); ++i)
    model->libraries[i].provider->destroySession(librarySessions[i]);
  model->drop();
}

Error TenonSession::create(TenonModel *model,
                           const TenonSessionOptions &options,
                           TenonSession **result) {
  if (options.threads < 0 || options.threads > maxThreads)
    return makeError(TENON_ERROR_USAGE, "%d threads: expected 1 to %d",
                     options.threads, maxThreads);
  if (options.max_shapes < 0)
    return makeError(TENON_ERROR_USAGE, "max_shapes is %d: expected 1 or more",
                     options.max_shapes);
  int threads = options.threads ? options.threads
                                : std::min(getDefaultThreads(), maxThreads);
  int maxShapes = options.max_shapes ? options.max_shapes : 8;
  std::unique_ptr<TenonSession> session(
      new TenonSession(model, threads, maxShapes));
  if (options.profile)
    session->profile = std::make_unique<Profile>(
        *model->desc, /*keepsCalls=*/options.profile > 1);
  for (const TenonModel::Library &library : model->libraries) {
    TenonProviderError problem{};
    void *state = nullptr;
    if (int32_t code = library.provider->createSession(
            library.model, threads, maxShapes, &state, &problem))
      return makeError(static_cast<TenonErrorCode>(code), "%s",
                       problem.message);
    session->librarySessions.push_back(state);
  }
  // Without symbols there is one shape, so it need not wait for a first run.
  if (session->symbols.empty()) {
    if (Error error = session->selectPlan())
      return error;
    session->outputDims = session->current->outputDims;
  }
  *result = session.release();
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Which tensor is which
//===----------------------------------------------------------------------===//

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
// Plans
//===----------------------------------------------------------------------===//

Error TenonSession::makePlan(ShapePlan &plan) {
  const TenonModelDesc &desc = *model->desc;
  plan.lastUse = 0; // of no use to a bind before it is complete
  plan.symbols = symbols;
  plan.bytes.assign(desc.numBuffers, 0);
  plan.offsets.assign(desc.numBuffers, 0);
  plan.buffers.assign(desc.numBuffers, nullptr);
  plan.outputDims.assign(model->numOutputDims, 0);
  plan.outputBytes.assign(desc.numOutputs, 0);
  plan.costs.assign(desc.numKernels, KernelCost());
  plan.base = nullptr;

  desc.plan(symbols.data(), plan.bytes.data(), plan.outputDims.data(),
            libraryDims.data());
  std::string problem;
  const char *node = nullptr, *tensor = nullptr;
  for (uint32_t i = 0; i < desc.numBuffers && problem.empty(); ++i)
    if (plan.bytes[i] < 0) {
      node = desc.buffers[i].name;
      problem =
          "node " + quote(node) + " has a result of negative or too large size";
    }
  for (uint32_t i = 0; i < desc.numOutputs && problem.empty(); ++i) {
    TenonTensor output{nullptr, nullptr,
                       static_cast<TenonDType>(desc.outputs[i].dtype),
                       desc.outputs[i].rank,
                       plan.outputDims.data() + model->outputDimOffsets[i]};
    // What only the run can tell is -1 to the caller.
    bool isKnown = true;
    std::string wrong;
    for (int32_t axis = 0; axis < output.rank; ++axis) {
      int64_t &dim = plan.outputDims[model->outputDimOffsets[i] + axis];
      if (dim < 0 && dim != TENON_DIM_COMPUTED)
        wrong = "has dimension " + std::to_string(axis) + " of negative size";
      isKnown &= dim != TENON_DIM_COMPUTED;
      if (dim == TENON_DIM_COMPUTED)
        dim = -1;
    }
    plan.outputBytes[i] = isKnown ? tenon_tensor_bytes(&output) : 0;
    if (wrong.empty() && plan.outputBytes[i] == SIZE_MAX)
      wrong = "is too large: " + formatDims(output.dims, output.rank);
    if (!wrong.empty()) {
      tensor = desc.outputs[i].name;
      problem = "output " + quote(tensor) + " " + wrong;
    }
  }
  if (problem.empty()) {
    plan.arenaBytes = planner.place(desc.buffers, plan.bytes.data(),
                                    desc.numBuffers, plan.offsets.data());
    if (plan.arenaBytes < 0)
      problem = "its intermediate results are too large";
  }
  if (problem.empty())
    return prepareLibraryKernels();

  std::string values;
  for (uint32_t i = 0; i < desc.numSymbols; ++i)
    values += (i ? ", " : "") + quote(desc.symbolNames[i]) + " = " +
              std::to_string(symbols[i]);
  Error error = makeError(
      TENON_ERROR_INVALID, "the model cannot run with these dimensions%s%s: %s",
      values.empty() ? "" : ": ", values.c_str(), problem.c_str());
  TenonDiagnostic &finding = error->diagnostics.front();
  if (tensor)
    finding.tensor = tensor;
  TenonDiagnostic named = finding;
  named.found = values.c_str();
  named.nodes = &node;
  named.num_nodes = node && *node;
  error->diagnostics.clear();
  error->add(named);
  return error;
}

Error TenonSession::prepareLibraryKernels() {
  if (librarySessions.empty())
    return nullptr;
  LibraryThreadsScope threads(team.size());
  const TenonModelDesc &desc = *model->desc;
  const int64_t *dims = libraryDims.data();
  for (uint32_t i = 0; i < desc.numLibraryKernels; ++i) {
    const TenonLibraryKernel &kernel = desc.libraryKernels[i];
    uint32_t position = model->kernelLibraries[i];
    TenonProviderError problem;
    int32_t code = TENON_OK;
    if (!kernel.numDims || dims[0] >= 0)
      code = model->libraries[position].provider->prepare(
          librarySessions[position], &kernel, dims, &problem);
    if (code != TENON_OK)
      return makeNodeError(static_cast<TenonErrorCode>(code), kernel.name,
                           problem.message);
    dims += kernel.numDims;
  }
  return nullptr;
}

Error TenonSession::placeArena(ShapePlan &plan) {
  if (!arena.reserve(plan.arenaBytes))
    return makeError(TENON_ERROR_SYSTEM,
                     "not enough memory: the workspace for these dimensions "
                     "takes %lld bytes",
                     static_cast<long long>(plan.arenaBytes));
  if (plan.base != arena.data()) {
    plan.base = arena.data();
    for (size_t i = 0; i < plan.buffers.size(); ++i)
      plan.buffers[i] = plan.base + plan.offsets[i];
  }
  return nullptr;
}

Error TenonSession::selectPlan() {
  if (current && current->symbols == symbols) {
    current->lastUse = ++useCount;
    return placeArena(*current);
  }
  current = nullptr;
  ShapePlan *found = nullptr, *oldest = nullptr;
  for (const auto &plan : plans) {
    if (plan->lastUse && plan->symbols == symbols)
      found = plan.get();
    if (!oldest || plan->lastUse < oldest->lastUse)
      oldest = plan.get();
  }
  if (!found) {
    if (plans.size() < maxShapes) {
      plans.push_back(std::make_unique<ShapePlan>());
      oldest = plans.back().get();
    }
    if (Error error = makePlan(*oldest))
      return error;
    found = oldest;
  }
  found->lastUse = ++useCount;
  if (Error error = placeArena(*found))
    return error;
  current = found;
  return nullptr;
}

Error TenonSession::bindInputs(const TenonTensor *tensors, size_t count) {
  if (Error error = matchInputs(tensors, count))
    return error;
  if (Error error = readSymbols(tensors))
    return error;
  std::fill(isKept.begin(), isKept.end(), false);
  return selectPlan();
}

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

Error TenonSession::bind(const TenonTensor *tensors, size_t count) {
  LastOutputs last{&unpackedOutputs};
  if (Error error = packInputs(tensors, count, /*withData=*/false))
    return error;
  if (Error error = bindInputs(tensors, count))
    return error;
  outputDims = current->outputDims;
  return nullptr;
}

TenonTensor TenonSession::getOutput(size_t index) const {
  if (!current || index >= model->outputValues.size())
    return TenonTensor{};
  return model->outputValues[index].kind == TENON_TENSOR
             ? getOutputPart(model->outputParts[index])
             : unpackedOutputs.get(index);
}

TenonTensor TenonSession::getOutputPart(size_t index) const {
  const TenonTensorInfo &info = model->outputs[index];
  return {info.name, isKept[index] ? outputData[index] : nullptr, info.dtype,
          info.rank, outputDims.data() + model->outputDimOffsets[index]};
}

/// Whether only the run can tell all dimensions of an output.
bool TenonSession::isComputed(size_t output) const {
  const int64_t *dims =
      current->outputDims.data() + model->outputDimOffsets[output];
  return std::count(dims, dims + model->outputs[output].rank, -1) != 0;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

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
      if (!ownOutputs[i].reserve(bytes))
        return makeError(
            TENON_ERROR_SYSTEM, "not enough memory: output %s takes %llu bytes",
            quote(info.name).c_str(), static_cast<unsigned long long>(bytes));
      outputData[i] = ownOutputs[i].data();
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

/// An output that overlaps an input would change it under the running model.
Error TenonSession::checkOverlap() {
  auto overlaps = [](void *a, uint64_t aBytes, void *b, uint64_t bBytes) {
    auto x = reinterpret_cast<uintptr_t>(a), y = reinterpret_cast<uintptr_t>(b);
    return aBytes && bBytes && x < y + bBytes && y < x + aBytes;
  };
  for (size_t i = 0; i < outputData.size(); ++i) {
    uint64_t bytes = outputBytes[i];
    for (size_t j = 0; j < inputData.size(); ++j) {
      const TenonTensorDesc &desc = model->desc->inputs[j];
      uint64_t inputBytes =
          tenon_dtype_size(static_cast<TenonDType>(desc.dtype));
      for (int32_t axis = 0; axis < desc.rank; ++axis)
        inputBytes *= desc.dims[axis] >= 0 ? desc.dims[axis]
                                           : symbols[-1 - desc.dims[axis]];
      if (overlaps(outputData[i], bytes, inputData[j], inputBytes))
        return makeError(
            TENON_ERROR_INVALID, "output %s overlaps input %s in memory",
            quote(model->outputs[i].name).c_str(), quote(desc.name).c_str());
    }
    for (size_t j = 0; j < i; ++j)
      if (overlaps(outputData[i], bytes, outputData[j], outputBytes[j]))
        return makeError(TENON_ERROR_INVALID,
                         "outputs %s and %s overlap in memory",
                         quote(model->outputs[j].name).c_str(),
                         quote(model->outputs[i].name).c_str());
  }
  return nullptr;
}

Error TenonSession::run(const TenonTensor *ins, size_t numIns,
                        const TenonTensor *outs, size_t numOuts) {
  LastOutputs last{&unpackedOutputs};
  if (Error error = packInputs(ins, numIns, /*withData=*/true))
    return error;
  if (Error error = selectOutputs(outs, numOuts))
    return error;
  if (Error error = bindInputs(ins, numIns))
    return error;
  // Outputs may be given with the dimensions that were told, which are where
  // new ones are written.
  Error wrongOutput = matchOutputs(outs, numOuts);
  outputDims = current->outputDims;
  if (Error error = checkInputData(ins))
    return error;
  if (wrongOutput)
    return wrongOutput;
  if (Error error = checkOverlap())
    return error;

  TenonRunFrame frame{&table,
                      this,
                      inputData.data(),
                      outputData.data(),
                      symbols.data(),
                      current->buffers.data(),
                      model->desc->weights,
                      current->outputDims.data()};
  pending.reset();
  uint64_t start = profile ? getNanoseconds() : 0;
  int32_t code;
  if (librarySessions.empty()) {
    code = model->desc->run(&frame);
  } else {
    LibraryThreadsScope threads(team.size());
    code = model->desc->run(&frame);
  }
  if (profile)
    profile->noteRun(start);
  if (code == TENON_OK && !pending) {
    last.outputs = nullptr;
    if (!model->hasTensorOutputs)
      unpackedOutputs.unpack([&](uint32_t i) { return getOutputPart(i); });
    return nullptr;
  }
  std::fill(isKept.begin(), isKept.end(), false);
  if (pending)
    return std::move(pending);
  return makeError(TENON_ERROR_INTERNAL,
                   "the model stopped with code %d and gave no reason", code);
}

uint64_t TenonSession::getWorkspaceSize() const {
  uint64_t bytes = arena.size() + packedInputs.size();
  for (const auto *blocks : {&slots, &ownOutputs})
    for (const Memory &block : *blocks)
      bytes += block.size();
  for (size_t i = 0; i < librarySessions.size(); ++i)
    bytes += model->libraries[i].provider->scratchSize(librarySessions[i]);
  return bytes;
}

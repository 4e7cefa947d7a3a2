//===- Session.cpp - Binding shapes and running --------------------------===//

#include "runtime/core/Session.h"

#include "runtime/core/SpinBrake.h"

#include <algorithm>
#include <optional>

using namespace tenon::runtime;

namespace {
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
  stagedInputs.resize(desc.numInputs);
  stagedOutputs.resize(desc.numOutputs);
  direct.resize(desc.numInputs + desc.numOutputs);
  inputBuffers.assign(desc.numInputs, -1);
  outputBuffers.assign(desc.numOutputs, -1);
  for (uint32_t i = 0; i < desc.numBuffers; ++i) {
    int32_t tensor = desc.buffers[i].tensor;
    if (tensor > 0)
      inputBuffers[tensor - TENON_BUFFER_OF_INPUT(0)] = i;
    else if (tensor < 0)
      outputBuffers[TENON_BUFFER_OF_OUTPUT(0) - tensor] = i;
  }
  isInputPlaced.resize(desc.numInputs);
  isOutputPlaced.resize(desc.numOutputs);
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
  for (const auto &plan : plans)
    dropGraphs(*plan);
  device.reset(); // before what it is of
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
      return makeError(code, problem);
    session->librarySessions.push_back(state);
  }
  Error problem = model->openDevice();
  if (!problem && model->device.model)
    problem = SessionDevice::create(*model, session->device);
  if (problem) {
    problem->message += model->choice.advice;
    return problem;
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
// Plans
//===----------------------------------------------------------------------===//

Error TenonSession::makePlan(ShapePlan &plan) {
  const TenonModelDesc &desc = *model->desc;
  plan.lastUse = 0; // of no use to a bind before it is complete
  plan.hasRun = false;
  dropGraphs(plan);
  plan.symbols = symbols;
  plan.bytes.assign(desc.numBuffers, 0);
  plan.offsets.assign(desc.numBuffers, 0);
  plan.buffers.assign(desc.numBuffers, nullptr);
  plan.outputDims.assign(model->numOutputDims, 0);
  plan.outputBytes.assign(desc.numOutputs, 0);
  plan.costs.assign(desc.numKernels, KernelCost());
  plan.base = plan.deviceBase = nullptr;

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
    plan.deviceArenaBytes =
        device ? planner.place(desc.buffers, plan.bytes.data(), desc.numBuffers,
                               plan.offsets.data(), TENON_SPACE_DEVICE)
               : 0;
    if (plan.arenaBytes < 0 || plan.deviceArenaBytes < 0)
      problem = "its intermediate results are too large";
  }
  if (problem.empty())
    return prepareLibraryKernels();

  std::string values = formatSymbols();
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

std::string TenonSession::formatSymbols() const {
  std::string values;
  for (size_t i = 0; i < symbols.size(); ++i)
    values += (i ? ", " : "") + quote(model->desc->symbolNames[i]) + " = " +
              std::to_string(symbols[i]);
  return values;
}

Error TenonSession::placeArena(ShapePlan &plan) {
  auto fail = [&](TenonErrorCode code, const std::string &problem) {
    std::string values = formatSymbols();
    return about(makeError(code, "the workspace for these dimensions%s%s: %s",
                           values.empty() ? "" : ": ", values.c_str(),
                           problem.c_str()),
                 /*tensor=*/"", values);
  };
  if (!arena.reserve(plan.arenaBytes))
    return fail(TENON_ERROR_SYSTEM, "not enough memory: asked for " +
                                        std::to_string(plan.arenaBytes) +
                                        " bytes");
  placeBuffers(plan, TENON_SPACE_HOST, plan.base, arena.data());
  if (!device)
    return nullptr;
  if (Error error = device->reserveArena(plan.deviceArenaBytes))
    return fail(error->code, error->message);
  placeBuffers(plan, TENON_SPACE_DEVICE, plan.deviceBase, device->getArena());
  return nullptr;
}

/// Gives the buffers of one memory their addresses, if its arena is another
/// than it was.
void TenonSession::placeBuffers(ShapePlan &plan, int32_t space, char *&base,
                                char *arena) {
  if (base == arena)
    return;
  base = arena;
  for (size_t i = 0; i < plan.buffers.size(); ++i)
    if (model->desc->buffers[i].space == space)
      plan.buffers[i] = base + plan.offsets[i];
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

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Error TenonSession::run(const TenonTensor *ins, size_t numIns,
                        const TenonTensor *outs, size_t numOuts) {
  LastOutputs last{&unpackedOutputs};
  isReplayed = false;
  if (Error error = packInputs(ins, numIns, /*withData=*/true))
    return error;
  if (Error error = selectOutputs(outs, numOuts))
    return error;
  if (Error error = bindInputs(ins, numIns))
    return error;
  Error wrong = checkInputData(ins);
  // Outputs may be given with the dimensions that were told, which are where
  // new ones are written.
  if (!wrong)
    wrong = matchOutputs(outs, numOuts);
  outputDims = current->outputDims;
  if (wrong)
    return wrong;
  if (Error error = checkOverlap())
    return error;
  if (hasPlaced)
    if (Error error = checkPlacedTensors())
      return error;

  pending.reset();
  uint64_t start = profile ? getNanoseconds() : 0;
  int32_t code = TENON_OK;
  if (!replay())
    code = hasPlaced ? runStaged()
                     : callModel(inputData.data(), outputData.data(),
                                 current->buffers.data());
  // Also after an error: what is in the queue may use the caller's memory.
  if (device)
    finishDevice();
  if (profile)
    profile->noteRun(start);
  if (code == TENON_OK && !pending) {
    last.outputs = nullptr;
    current->hasRun = true;
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

int32_t TenonSession::callModel(void *const *inputs, void *const *outputs,
                                void *const *buffers) {
  TenonRunFrame frame{&table,
                      this,
                      inputs,
                      outputs,
                      symbols.data(),
                      buffers,
                      model->desc->weights,
                      current->outputDims.data(),
                      device ? device->getWeights() : nullptr};
  std::optional<LibraryThreadsScope> threads;
  if (!librarySessions.empty())
    threads.emplace(team.size());
  int32_t code = model->desc->run(&frame);
  if (team.size() > 1)
    noteParallelRun();
  return code;
}

uint64_t TenonSession::getWorkspaceSize() const {
  uint64_t bytes = arena.size() + packedInputs.size();
  if (device)
    bytes += device->getSize();
  for (const auto *blocks : {&slots, &ownOutputs})
    for (const Memory &block : *blocks)
      bytes += block.size();
  for (size_t i = 0; i < librarySessions.size(); ++i)
    bytes += model->libraries[i].provider->scratchSize(librarySessions[i]);
  return bytes;
}

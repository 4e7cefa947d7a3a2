//===- SessionReplay.cpp - Runs with inputs and outputs elsewhere --------===//
//
// What a replayable model (TENON_MODEL_IS_REPLAYABLE) asks of the device is the
// same in each run with the same dimensions. The first such run is one as of
// any model, the second records a graph, and that and all later ones put it
// into the queue as a whole, without the model's code. The graph has fixed
// addresses: inputs and outputs are copied to and from memory of the session.
//
// The same is done where the caller has an input or output on the device: a
// replayable model finds it there, others in the host's memory.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Session.h"

#include <cstring>

using namespace tenon::runtime;

bool TenonSession::canReplay() const {
  return model->desc->flags & TENON_MODEL_IS_REPLAYABLE;
}

//===----------------------------------------------------------------------===//
// Copies of inputs and outputs
//===----------------------------------------------------------------------===//

Error TenonSession::place(bool isInput, size_t index, TenonMemory memory,
                          int32_t number) {
  const char *kind = isInput ? "input" : "output";
  const auto &infos = isInput ? model->inputValues : model->outputValues;
  if (index >= infos.size())
    return makeError(TENON_ERROR_USAGE,
                     "the model has %zu %ss, but %s %zu is placed",
                     infos.size(), kind, kind, index);
  const TenonTensorInfo &info = infos[index];
  std::string name = quote(info.name);
  if (info.kind != TENON_TENSOR)
    return about(makeError(TENON_ERROR_USAGE,
                           "%s %s is a sequence or an optional, which is in "
                           "the host's memory",
                           kind, name.c_str()),
                 info.name);
  if (memory != TENON_MEMORY_HOST && memory != TENON_MEMORY_CUDA)
    return makeError(TENON_ERROR_USAGE, "%s %s is placed in the memory %d",
                     kind, name.c_str(), memory);
  bool isOnDevice = memory == TENON_MEMORY_CUDA;
  if (isOnDevice && !device)
    return about(makeError(TENON_ERROR_UNSUPPORTED,
                           "%s %s is in the memory of a CUDA device, but this "
                           "model runs on the processor only",
                           kind, name.c_str()),
                 info.name);
  if (isOnDevice && number != device->getNumber())
    return about(makeError(TENON_ERROR_UNSUPPORTED,
                           "%s %s is in the memory of CUDA device %d, but this "
                           "model runs on device %d",
                           kind, name.c_str(), number, device->getNumber()),
                 info.name);
  auto &places = isInput ? isInputPlaced : isOutputPlaced;
  uint32_t part = (isInput ? model->inputParts : model->outputParts)[index];
  if (places[part] != isOnDevice && device)
    device->outdateGraphs();
  places[part] = isOnDevice;
  hasPlaced = false;
  for (const auto *all : {&isInputPlaced, &isOutputPlaced})
    for (bool isPlaced : *all)
      hasPlaced |= isPlaced;
  return nullptr;
}

/// Calls `visit(staged, data, bytes, isPlaced, isInput, index)` for each input
/// and output.
template <typename Visitor> void TenonSession::forEachTensor(Visitor visit) {
  for (size_t i = 0; i < inputData.size(); ++i)
    visit(stagedInputs[i], inputData[i], countInputBytes(i),
          bool(isInputPlaced[i]), /*isInput=*/true, i);
  for (size_t i = 0; i < outputData.size(); ++i)
    visit(stagedOutputs[i], outputData[i], outputBytes[i],
          bool(isOutputPlaced[i]), /*isInput=*/false, i);
}

/// Checks what the caller gives as memory of the device.
Error TenonSession::checkPlacedTensors() {
  Error problem;
  forEachTensor([&](void *&, void *data, uint64_t bytes, bool isPlaced,
                    bool isInput, size_t index) {
    if (!isPlaced || problem)
      return;
    const char *kind = isInput ? "input" : "output";
    const char *name = (isInput ? model->inputs : model->outputs)[index].name;
    if (!isInput && isComputed(index))
      problem = makeError(TENON_ERROR_UNSUPPORTED,
                          "output %s has dimensions that depend on data, which "
                          "can't be in the memory of a device",
                          quote(name).c_str());
    else if (!isInput && isKept[index])
      problem = makeError(TENON_ERROR_USAGE,
                          "output %s is in the memory of a device, but none is "
                          "given",
                          quote(name).c_str());
    else if (bytes)
      problem = device->checkMemory(data, bytes);
    if (problem && problem->code == TENON_ERROR_INVALID)
      problem = makeError(TENON_ERROR_INVALID, "the data of %s %s are %s", kind,
                          quote(name).c_str(), problem->message.c_str());
    if (problem)
      problem = about(std::move(problem), name);
  });
  return problem;
}

/// Finds a place for inputs and outputs in memory of the session: for all, or
/// for those of the caller's memory on the device.
Error TenonSession::stage(bool isForGraph) {
  // What is on the device is so for the model if it only ever transfers it.
  bool isReplayable = canReplay();
  auto place = [&](char *const *bases) {
    uint64_t ends[2] = {0, 0};
    forEachTensor([&](void *&staged, void *data, uint64_t bytes, bool isPlaced,
                      bool, size_t) {
      if (!isForGraph && !isPlaced) {
        staged = data;
        return;
      }
      int space =
          isPlaced && isReplayable ? TENON_SPACE_DEVICE : TENON_SPACE_HOST;
      if (bases)
        staged = bases[space] + ends[space];
      ends[space] += (bytes + TENON_BUFFER_ALIGNMENT - 1) &
                     -uint64_t(TENON_BUFFER_ALIGNMENT);
    });
    return std::pair(ends[TENON_SPACE_HOST], ends[TENON_SPACE_DEVICE]);
  };
  auto [hostBytes, deviceBytes] = place(nullptr);
  if (Error error = device->reserveStaging(hostBytes, deviceBytes))
    return error;
  char *bases[2] = {device->getStaging(TENON_SPACE_HOST),
                    device->getStaging(TENON_SPACE_DEVICE)};
  place(bases);
  return nullptr;
}

/// Puts copies of the caller's memory on the device into the queue, and copies
/// the other inputs that are staged.
int32_t TenonSession::copyInputs() {
  if (hasPlaced && note(device->joinOthers()) != TENON_OK)
    return pending->code;
  bool isReplayable = canReplay();
  for (size_t i = 0; i < inputData.size(); ++i) {
    uint64_t bytes = countInputBytes(i);
    if (!bytes || stagedInputs[i] == inputData[i])
      continue;
    if (isInputPlaced[i])
      note(device->copy(isReplayable ? TENON_SPACE_DEVICE : TENON_SPACE_HOST,
                        stagedInputs[i], TENON_SPACE_DEVICE, inputData[i],
                        bytes));
    else
      memcpy(stagedInputs[i], inputData[i], bytes);
  }
  return pending ? pending->code : TENON_OK;
}

/// Puts copies of outputs to the caller's memory on the device into the queue.
int32_t TenonSession::copyOutputs() {
  bool isReplayable = canReplay();
  for (size_t i = 0; i < outputData.size() && !pending; ++i)
    if (isOutputPlaced[i] && outputBytes[i])
      note(device->copy(TENON_SPACE_DEVICE, outputData[i],
                        isReplayable ? TENON_SPACE_DEVICE : TENON_SPACE_HOST,
                        stagedOutputs[i], outputBytes[i]));
  return pending ? pending->code : TENON_OK;
}

/// A run with the caller's memory on the device, but without a graph.
int32_t TenonSession::runStaged() {
  if (note(stage(/*isForGraph=*/false)) != TENON_OK || copyInputs() != TENON_OK)
    return pending->code;
  // The host may read them.
  if (!canReplay() && finishDevice() != TENON_OK)
    return pending->code;
  int32_t code = callModel(stagedInputs.data(), stagedOutputs.data());
  return code == TENON_OK ? copyOutputs() : code;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

/// Whether the current plan has a graph, which may be made now.
bool TenonSession::makeGraph() {
  ShapePlan &plan = *current;
  if (stage(/*isForGraph=*/true))
    return false;
  if (plan.graph && plan.graphGeneration == device->getGeneration())
    return true;
  dropGraph(plan);
  if (!device->beginGraph())
    return false;
  isRecording = true;
  int32_t code = callModel(stagedInputs.data(), stagedOutputs.data());
  isRecording = false;
  plan.graph = device->endGraph(/*isWanted=*/code == TENON_OK && !pending);
  plan.graphGeneration = device->getGeneration();
  pending.reset();
  return plan.graph;
}

void TenonSession::dropGraph(ShapePlan &plan) {
  if (plan.graph)
    device->releaseGraph(plan.graph);
  plan.graph = nullptr;
}

/// Does the run by a graph; false if it has to be done without. Where no graph
/// can be made or put into the queue, as there is no memory for it, it is not
/// tried again with these dimensions.
bool TenonSession::replay() {
  if (!canReplay() || profile || !current->hasRun || current->hasNoGraph)
    return false;
  if (!makeGraph()) {
    current->hasNoGraph = true;
    return false;
  }
  if (copyInputs() != TENON_OK)
    return true;
  if (device->launchGraph(current->graph)) {
    dropGraph(*current);
    current->hasNoGraph = true;
    return false;
  }
  isReplayed = true;
  if (copyOutputs() == TENON_OK && finishDevice() == TENON_OK)
    for (size_t i = 0; i < outputData.size(); ++i)
      if (!isOutputPlaced[i])
        memcpy(outputData[i], stagedOutputs[i], outputBytes[i]);
  return true;
}

/// Ends the recording of a graph by what can't be in one. Returns whether one
/// was recorded.
bool TenonSession::leavesGraph() {
  if (isRecording)
    note(makeError(TENON_ERROR_INTERNAL, "this can't be replayed"));
  return isRecording;
}

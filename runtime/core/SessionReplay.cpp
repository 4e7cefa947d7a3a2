//===- SessionReplay.cpp - Runs with inputs and outputs elsewhere --------===//
//
// What a replayable model (TENON_MODEL_IS_REPLAYABLE) asks of the device is the
// same in each run with the same dimensions. The first such run is one as of
// any model, the second records a graph, and that and later ones put it into
// the queue as a whole, without the model's code. The graph has fixed
// addresses: inputs and outputs are copied to and from memory of the session.
//
// Where the caller has an input or output on the device, it stands in the place
// of the model's copy (TENON_BUFFER_OF_INPUT, -OUTPUT), in a graph too: when
// the same addresses come again, the model's code runs once more to record one
// for them. Where there is no such copy, or the address is not aligned as that
// is, there is one more: a replayable model finds it on the device, others in
// the host's memory.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Session.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

/// How many graphs of a shape stay, each for other tensors of the caller's,
/// beside the one that copies.
static constexpr size_t maxGraphs = 4;
/// Of what is copied in pieces.
static constexpr uint64_t pieceBytes = 4 << 20;

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

/// Calls `visit` with a CallTensor for each input and output.
template <typename Visitor> void TenonSession::forEachTensor(Visitor visit) {
  auto check = [&](int32_t buffer, uint64_t bytes) {
    bool isOfSize =
        buffer >= 0 && current->bytes[buffer] == static_cast<int64_t>(bytes);
    return isOfSize ? buffer : -1;
  };
  for (size_t i = 0; i < inputData.size(); ++i) {
    uint64_t bytes = countInputBytes(i);
    visit(CallTensor{/*isInput=*/true, i, inputData[i], bytes, isInputPlaced[i],
                     check(inputBuffers[i], bytes), stagedInputs[i],
                     direct[i]});
  }
  for (size_t i = 0; i < outputData.size(); ++i)
    visit(CallTensor{/*isInput=*/false, i, outputData[i], outputBytes[i],
                     isOutputPlaced[i], check(outputBuffers[i], outputBytes[i]),
                     stagedOutputs[i], direct[inputData.size() + i]});
}

/// Checks what the caller gives as memory of the device.
Error TenonSession::checkPlacedTensors() {
  Error problem;
  forEachTensor([&](const CallTensor &tensor) {
    if (!tensor.isPlaced || problem)
      return;
    const char *kind = tensor.isInput ? "input" : "output";
    const char *name =
        (tensor.isInput ? model->inputs : model->outputs)[tensor.index].name;
    if (!tensor.isInput && isComputed(tensor.index))
      problem = makeError(TENON_ERROR_UNSUPPORTED,
                          "output %s has dimensions that depend on data, which "
                          "can't be in the memory of a device",
                          quote(name).c_str());
    else if (!tensor.isInput && isKept[tensor.index])
      problem = makeError(TENON_ERROR_USAGE,
                          "output %s is in the memory of a device, but none is "
                          "given",
                          quote(name).c_str());
    else if (tensor.bytes)
      problem = device->checkMemory(tensor.data, tensor.bytes);
    if (problem && problem->code == TENON_ERROR_INVALID)
      problem = makeError(TENON_ERROR_INVALID, "the data of %s %s are %s", kind,
                          quote(name).c_str(), problem->message.c_str());
    if (problem)
      problem = about(std::move(problem), name);
  });
  return problem;
}

/// Finds out what of the caller's memory can stand in the place of buffers.
void TenonSession::findDirect() {
  forEachTensor([&](const CallTensor &tensor) {
    bool isDirect =
        tensor.isPlaced && tensor.bytes && tensor.buffer >= 0 &&
        reinterpret_cast<uintptr_t>(tensor.data) % TENON_BUFFER_ALIGNMENT == 0;
    tensor.direct = isDirect ? tensor.data : nullptr;
  });
}

/// Finds a place for inputs and outputs in memory of the session: for all, or
/// for those of the caller's memory on the device, that are not direct.
Error TenonSession::stage(bool isForGraph) {
  // What is on the device is so for the model if it only ever transfers it.
  bool isReplayable = canReplay();
  auto place = [&](char *const *bases) {
    uint64_t ends[2] = {0, 0};
    forEachTensor([&](const CallTensor &tensor) {
      if (tensor.direct || (!isForGraph && !tensor.isPlaced)) {
        tensor.staged = tensor.data;
        return;
      }
      int space = tensor.isPlaced && isReplayable ? TENON_SPACE_DEVICE
                                                  : TENON_SPACE_HOST;
      if (bases)
        tensor.staged = bases[space] + ends[space];
      ends[space] += (tensor.bytes + TENON_BUFFER_ALIGNMENT - 1) &
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

/// Whether an input that was staged for a graph is copied before it, in pieces.
static bool isSentAhead(const CallTensor &tensor) {
  return tensor.isInput && !tensor.isPlaced && tensor.buffer >= 0 &&
         tensor.bytes > pieceBytes;
}

/// Runs the code of the model, or records what it does. It makes no copy of
/// what is in the place of a buffer.
int32_t TenonSession::callStaged() {
  frameInputs = stagedInputs;
  frameBuffers = current->buffers;
  forEachTensor([&](const CallTensor &tensor) {
    if (tensor.direct)
      frameBuffers[tensor.buffer] = tensor.direct;
    else if (isRecording && isSentAhead(tensor))
      frameInputs[tensor.index] = frameBuffers[tensor.buffer];
  });
  return callModel(frameInputs.data(), stagedOutputs.data(),
                   frameBuffers.data());
}

/// Puts copies of the caller's memory on the device into the queue, and copies
/// the other inputs that are staged.
int32_t TenonSession::copyInputs() {
  if (hasPlaced && note(device->joinOthers()) != TENON_OK)
    return pending->code;
  int32_t space = canReplay() ? TENON_SPACE_DEVICE : TENON_SPACE_HOST;
  forEachTensor([&](const CallTensor &tensor) {
    if (!tensor.isInput || !tensor.bytes || tensor.staged == tensor.data ||
        pending)
      return;
    if (tensor.isPlaced)
      note(device->copy(space, tensor.staged, TENON_SPACE_DEVICE, tensor.data,
                        tensor.bytes));
    else if (isSentAhead(tensor))
      sendAhead(tensor);
    else
      memcpy(tensor.staged, tensor.data, tensor.bytes);
  });
  return pending ? pending->code : TENON_OK;
}

/// Copies an input to its buffer: while one piece is on its way to the device,
/// the next comes to memory that the device reads.
void TenonSession::sendAhead(const CallTensor &tensor) {
  auto at = [](void *memory, uint64_t offset) {
    return static_cast<char *>(memory) + offset;
  };
  for (uint64_t begin = 0; begin < tensor.bytes && !pending;
       begin += pieceBytes) {
    uint64_t bytes = std::min(pieceBytes, tensor.bytes - begin);
    copyMemory(at(tensor.staged, begin), at(tensor.data, begin), bytes);
    note(device->copy(TENON_SPACE_DEVICE,
                      at(current->buffers[tensor.buffer], begin),
                      TENON_SPACE_HOST, at(tensor.staged, begin), bytes));
  }
}

/// Puts copies of outputs to the caller's memory on the device into the queue.
int32_t TenonSession::copyOutputs() {
  int32_t space = canReplay() ? TENON_SPACE_DEVICE : TENON_SPACE_HOST;
  forEachTensor([&](const CallTensor &tensor) {
    if (!tensor.isInput && tensor.isPlaced && tensor.bytes && !tensor.direct &&
        !pending)
      note(device->copy(TENON_SPACE_DEVICE, tensor.data, space, tensor.staged,
                        tensor.bytes));
  });
  return pending ? pending->code : TENON_OK;
}

/// A copy in the host's memory, where a large one takes all threads: one alone
/// is slower than the way to the device.
void TenonSession::copyMemory(void *target, const void *source,
                              uint64_t bytes) {
  struct Copy {
    char *target;
    const char *source;
    uint64_t bytes;
  } copy{static_cast<char *>(target), static_cast<const char *>(source), bytes};
  constexpr uint64_t unit = 1 << 18;
  auto run = [](const void *context, int64_t begin, int64_t end) -> int64_t {
    auto [target, source, bytes] = *static_cast<const Copy *>(context);
    uint64_t offset = begin * unit;
    memcpy(target + offset, source + offset,
           std::min(bytes, end * unit) - offset);
    return 0;
  };
  team.run((bytes + unit - 1) / unit, run, &copy);
}

/// A run with the caller's memory on the device, but without a graph.
int32_t TenonSession::runStaged() {
  findDirect();
  if (note(stage(/*isForGraph=*/false)) != TENON_OK || copyInputs() != TENON_OK)
    return pending->code;
  // The host may read them.
  if (!canReplay() && finishDevice() != TENON_OK)
    return pending->code;
  int32_t code = callStaged();
  return code == TENON_OK ? copyOutputs() : code;
}

//===----------------------------------------------------------------------===//
// Graphs
//===----------------------------------------------------------------------===//

/// Makes room at the end of a list of what stays: a new element, or the oldest.
template <typename T> static T &addLast(std::vector<T> &list) {
  if (list.size() < maxGraphs)
    return list.emplace_back();
  std::rotate(list.begin(), list.begin() + 1, list.end());
  return list.back();
}

/// The graph, perhaps one that is yet to be recorded, for the tensors of
/// `direct`. Recording takes longer than copies do: until addresses come again,
/// it is the one that copies. No more are remembered than there are graphs, so
/// that nothing is recorded over and over where more come in turns.
ShapeGraph &TenonSession::findGraph() {
  auto isNull = [](void *tensor) { return !tensor; };
  if (std::all_of(direct.begin(), direct.end(), isNull))
    return current->copyingGraph;
  std::vector<ShapeGraph> &graphs = current->directGraphs;
  auto isSame = [&](const ShapeGraph &graph) { return graph.direct == direct; };
  auto found = std::find_if(graphs.begin(), graphs.end(), isSame);
  if (found != graphs.end()) {
    std::rotate(found, found + 1, graphs.end());
    return graphs.back();
  }
  auto known = std::find(current->seen.begin(), current->seen.end(), direct);
  if (known == current->seen.end()) {
    addLast(current->seen) = direct;
    return current->copyingGraph;
  }
  current->seen.erase(known);
  ShapeGraph &graph = addLast(graphs);
  dropGraph(graph);
  graph = {direct};
  return graph;
}

/// Whether there is the graph, which may be made now.
bool TenonSession::makeGraph(ShapeGraph &graph) {
  if (!graph.hasFailed)
    graph.hasFailed = stage(/*isForGraph=*/true) || !recordGraph(graph);
  return !graph.hasFailed;
}

/// Records the graph, unless it was and is of use still. Returns whether it is
/// there.
bool TenonSession::recordGraph(ShapeGraph &graph) {
  if (graph.graph && graph.generation == device->getGeneration())
    return true;
  dropGraph(graph);
  if (!device->beginGraph())
    return false;
  isRecording = true;
  int32_t code = callStaged();
  isRecording = false;
  graph.graph = device->endGraph(/*isWanted=*/code == TENON_OK && !pending);
  graph.generation = device->getGeneration();
  pending.reset();
  return graph.graph;
}

void TenonSession::dropGraph(ShapeGraph &graph) {
  if (graph.graph)
    device->releaseGraph(graph.graph);
  graph.graph = nullptr;
}

void TenonSession::dropGraphs(ShapePlan &plan) {
  dropGraph(plan.copyingGraph);
  plan.copyingGraph = {};
  for (ShapeGraph &graph : plan.directGraphs)
    dropGraph(graph);
  plan.directGraphs.clear();
  plan.seen.clear();
}

/// Does the run by a graph; false if it has to be done without.
bool TenonSession::replay() {
  if (!canReplay() || profile)
    return false;
  findDirect();
  ShapeGraph *graph = &findGraph();
  if (!current->hasRun)
    return false;
  if (graph == &current->copyingGraph || !makeGraph(*graph)) {
    graph = &current->copyingGraph;
    std::fill(direct.begin(), direct.end(), nullptr);
    if (!makeGraph(*graph))
      return false;
  }
  if (copyInputs() != TENON_OK)
    return true;
  if (device->launchGraph(graph->graph)) {
    dropGraph(*graph);
    graph->hasFailed = true;
    return false;
  }
  isReplayed = true;
  if (copyOutputs() == TENON_OK && finishDevice() == TENON_OK)
    for (size_t i = 0; i < outputData.size(); ++i)
      if (!isOutputPlaced[i])
        copyMemory(outputData[i], stagedOutputs[i], outputBytes[i]);
  return true;
}

/// Ends the recording of a graph by what can't be in one. Returns whether one
/// was recorded.
bool TenonSession::leavesGraph() {
  if (isRecording)
    note(makeError(TENON_ERROR_INTERNAL, "this can't be replayed"));
  return isRecording;
}

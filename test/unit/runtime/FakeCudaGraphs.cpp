//===- FakeCudaGraphs.cpp - Graphs and events without a device -----------===//

#include "test/unit/runtime/FakeCudaState.h"

using namespace tenon::test::cuda;

/// Gives up a handle, and returns `told`.
template <typename Tag>
static Result destroy(std::set<Tag *> &handles, Tag *handle, const char *what,
                      Result told) {
  if (!handles.erase(handle))
    return refuse(std::string(what) + " is destroyed that is not there");
  delete handle;
  return told;
}

#pragma GCC visibility push(default)
extern "C" {

Result cuStreamBeginCapture_v2(StreamTag *stream, int mode) {
  ENTER_CONTEXT(cuStreamBeginCapture_v2);
  if (mode != 1) // Others would disturb, or be disturbed by, other threads.
    return refuse("a graph is captured with mode " + std::to_string(mode));
  if (!getDriver().streams.count(stream) || stream->isCapturing ||
      !stream->queue.empty())
    return refuse("a graph is captured in a stream that is gone or in use");
  stream->isCapturing = true;
  stream->isInvalid = false;
  stream->thread = std::this_thread::get_id();
  return Success;
}

Result cuStreamEndCapture(StreamTag *stream, GraphTag **graph) {
  std::lock_guard<std::recursive_mutex> lock(getDriver().mutex);
  bool isCapturing = getDriver().streams.count(stream) && stream->isCapturing;
  std::vector<Operation> captured;
  if (isCapturing) { // also lost if this fails
    captured.swap(stream->captured);
    stream->isCapturing = false;
  }
  if (Result result = enterContext("cuStreamEndCapture"))
    return result;
  if (!isCapturing || stream->thread != std::this_thread::get_id())
    return refuse("the capture of a graph ends that did not begin");
  *graph = nullptr;
  if (stream->isInvalid)
    return CaptureInvalidated;
  *graph = new GraphTag{std::move(captured)};
  getDriver().graphs.insert(*graph);
  return Success;
}

Result cuGraphDestroy(GraphTag *graph) {
  ENTER_RELEASE(enterContext, cuGraphDestroy);
  return destroy(getDriver().graphs, graph, "a graph", told);
}

Result cuGraphInstantiateWithFlags(GraphExecTag **exec, GraphTag *graph,
                                   unsigned long long flags) {
  ENTER_CONTEXT(cuGraphInstantiateWithFlags);
  if (!getDriver().graphs.count(graph) || flags)
    return refuse("a graph that is not there, or flags");
  *exec = new GraphExecTag{graph->operations};
  getDriver().graphExecs.insert(*exec);
  return Success;
}

Result cuGraphLaunch(GraphExecTag *exec, StreamTag *stream) {
  ENTER_CONTEXT(cuGraphLaunch);
  if (!getDriver().graphExecs.count(exec))
    return refuse("a graph that is not there");
  Operation all;
  for (const Operation &operation : exec->operations)
    for (uint64_t address : operation.addresses) {
      if (!findMemory(address, 1))
        return refuse("a graph uses memory that is gone");
      all.addresses.push_back(address);
    }
  all.milliseconds = 0; // beside those of what is in it
  all.run = [operations = exec->operations] {
    for (const Operation &operation : operations)
      execute(operation);
  };
  return enqueue(stream, std::move(all));
}

Result cuGraphExecDestroy(GraphExecTag *exec) {
  ENTER_RELEASE(enterContext, cuGraphExecDestroy);
  return destroy(getDriver().graphExecs, exec, "a graph", told);
}

Result cuEventCreate(EventTag **event, unsigned flags) {
  ENTER_UNSAFE(cuEventCreate);
  if (flags & ~2u)
    return refuse("an event with flags " + std::to_string(flags));
  *event = new EventTag;
  getDriver().events.insert(*event);
  return Success;
}

Result cuEventRecord(EventTag *event, StreamTag *stream) {
  ENTER_CONTEXT(cuEventRecord);
  if (!getDriver().events.count(event))
    return refuse("an event that is not there");
  event->isRecorded = true;
  event->milliseconds = -1;
  // All that is in the default stream is done at once.
  if (stream == tenon::cuda::getLegacyStream())
    return Success;
  Operation operation;
  operation.run = [=] { event->milliseconds = getDriver().milliseconds; };
  operation.milliseconds = 0;
  return enqueue(stream, std::move(operation));
}

Result cuEventElapsedTime(float *milliseconds, EventTag *start, EventTag *end) {
  ENTER_CONTEXT(cuEventElapsedTime);
  if (!getDriver().events.count(start) || !getDriver().events.count(end))
    return refuse("an event that is not there", InvalidHandle);
  if (start->milliseconds < 0 || end->milliseconds < 0)
    return refuse("the time of what is not done", NotReady);
  *milliseconds = end->milliseconds - start->milliseconds;
  return Success;
}

Result cuStreamWaitEvent(StreamTag *stream, EventTag *event, unsigned flags) {
  ENTER_CONTEXT(cuStreamWaitEvent);
  if (!getDriver().events.count(event) || !event->isRecorded || flags)
    return refuse("an event is waited for that is not there or was not "
                  "recorded, or with flags");
  Operation operation;
  operation.run = [] {};
  operation.milliseconds = 0;
  return enqueue(stream, std::move(operation));
}

Result cuEventDestroy_v2(EventTag *event) {
  ENTER_RELEASE(enterContext, cuEventDestroy_v2);
  return destroy(getDriver().events, event, "an event", told);
}

} // extern "C"
#pragma GCC visibility pop

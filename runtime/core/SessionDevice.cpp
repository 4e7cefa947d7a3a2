//===- SessionDevice.cpp - A session's part on a device ------------------===//

#include "runtime/core/SessionDevice.h"

#include "runtime/core/Session.h"

#include <algorithm>
#include <cstring>

using namespace tenon::runtime;

//===----------------------------------------------------------------------===//
// The device's library
//===----------------------------------------------------------------------===//

Error SessionDevice::makeError(int32_t code, const TenonProviderError &problem,
                               const char *node) const {
  if (code == TENON_OK)
    return nullptr;
  auto kind = static_cast<TenonErrorCode>(code);
  const TenonKernel *first = nullptr, *last = nullptr;
  if (session)
    library.getFault(session, &first, &last);
  if (!first)
    return makeNodeError(kind, node, problem.message);
  // The message has the names already.
  Error error = runtime::makeError(code, problem);
  TenonDiagnostic finding = error->diagnostics.front();
  std::vector<const char *> nodes;
  for (const TenonKernel *kernel = first; kernel <= last; ++kernel)
    if (!kernel->fn && (nodes.empty() || strcmp(nodes.back(), kernel->name)))
      nodes.push_back(kernel->name);
  finding.nodes = nodes.data();
  finding.num_nodes = nodes.size();
  error->diagnostics.clear();
  error->add(finding);
  return error;
}

Error SessionDevice::create(const TenonModel &model,
                            std::unique_ptr<SessionDevice> &device) {
  std::unique_ptr<SessionDevice> made(new SessionDevice(model));
  TenonProviderError problem;
  int32_t code =
      made->library.createSession(model.device.model, &made->session, &problem);
  if (code != TENON_OK)
    return made->makeError(code, problem);
  device = std::move(made);
  return nullptr;
}

SessionDevice::~SessionDevice() {
  if (!session)
    return;
  release(arena);
  release(staging);
  release(deviceStaging);
  for (Block &block : slots)
    release(block);
  library.destroySession(session);
}

Error SessionDevice::allocate(uint64_t bytes, Block &block, const char *node) {
  TenonProviderError problem;
  void *memory = nullptr;
  int32_t code =
      library.allocate(session, block.space, bytes, &memory, &problem);
  if (code == TENON_OK)
    block = {block.space, static_cast<char *>(memory), bytes};
  Error error = makeError(code, problem, node);
  if (error)
    error->message += model.choice.advice;
  return error;
}

void SessionDevice::release(Block &block) {
  if (block.data)
    library.release(session, block.space, block.data);
  block = {block.space};
}

Error SessionDevice::reserve(Block &block, uint64_t bytes, bool keep,
                             const char *node) {
  if (bytes <= block.size)
    return nullptr;
  ++generation;
  // So that both never are there at once.
  if (!keep || !block.data) {
    release(block);
    return allocate(bytes, block, node);
  }
  // By half at least, so that growing in many steps costs little.
  Block larger;
  Error error =
      allocate(std::max(bytes, block.size + block.size / 2), larger, node);
  if (!error)
    error = transfer(TENON_SPACE_DEVICE, /*isStable=*/true, larger.data,
                     block.data, block.size);
  if (error) {
    release(larger);
    return error;
  }
  release(block);
  block = larger;
  return nullptr;
}

Error SessionDevice::reserveStaging(uint64_t hostBytes, uint64_t deviceBytes) {
  if (Error error = reserve(staging, hostBytes, /*keep=*/false))
    return error;
  return reserve(deviceStaging, deviceBytes, /*keep=*/false);
}

Error SessionDevice::reserveArena(int64_t bytes) {
  return reserve(arena, bytes, /*keep=*/false);
}

Error SessionDevice::reserveSlot(int32_t slot, uint64_t bytes, bool keep,
                                 const char *node) {
  return reserve(slots[slot], bytes, keep, node);
}

Error SessionDevice::launch(const TenonKernel *kernel, void *const *args,
                            const int64_t *dims, int64_t units) {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.launch(session, kernel, args, dims, units, &problem);
  return makeError(code, problem, kernel->name);
}

Error SessionDevice::transfer(int32_t space, bool isStable, void *target,
                              const void *source, uint64_t bytes) {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.transfer(session, space, isStable, target, source,
                                  bytes, &problem);
  return makeError(code, problem);
}

Error SessionDevice::checkMemory(const void *memory, uint64_t bytes) {
  TenonProviderError problem;
  int32_t code = library.checkMemory(session, memory, bytes, &problem);
  return makeError(code, problem);
}

Error SessionDevice::joinOthers() {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.joinOthers(session, &problem);
  return makeError(code, problem);
}

Error SessionDevice::copy(int32_t targetSpace, void *target,
                          int32_t sourceSpace, const void *source,
                          uint64_t bytes) {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.copy(session, targetSpace, target, sourceSpace, source,
                              bytes, &problem);
  return makeError(code, problem);
}

Error SessionDevice::finish(const TenonKernel *&failed, int64_t &status) {
  TenonProviderError problem;
  failed = nullptr;
  int32_t code = library.finish(session, &failed, &status, &problem);
  // What could not be waited for may still write to the caller's memory: the
  // end of the run tries again.
  hasWork = code != TENON_OK;
  numMarks = 0;
  return makeError(code, problem);
}

Error SessionDevice::beginMarks(uint64_t now) {
  if (numMarks)
    return nullptr;
  firstMark = now;
  return mark();
}

Error SessionDevice::mark() {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.mark(session, numMarks++, &problem);
  return makeError(code, problem);
}

Error SessionDevice::readTime(uint32_t from, uint32_t to, uint64_t &start,
                              uint64_t &nanoseconds) {
  TenonProviderError problem;
  int32_t code = library.getTime(session, 0, from + 1, &start, &problem);
  if (code == TENON_OK)
    code = library.getTime(session, from + 1, to + 1, &nanoseconds, &problem);
  start += firstMark;
  return makeError(code, problem);
}

bool SessionDevice::beginGraph() {
  TenonProviderError ignored;
  return library.beginGraph(session, &ignored) == TENON_OK;
}

void *SessionDevice::endGraph(bool isWanted) {
  TenonProviderError ignored;
  void *graph = nullptr;
  int32_t code =
      library.endGraph(session, isWanted ? &graph : nullptr, &ignored);
  hasWork = false; // It was recorded.
  return code == TENON_OK ? graph : nullptr;
}

Error SessionDevice::launchGraph(void *graph) {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.launchGraph(session, graph, &problem);
  return makeError(code, problem);
}

void SessionDevice::releaseGraph(void *graph) {
  library.releaseGraph(session, graph);
}

uint64_t SessionDevice::getSize() const {
  uint64_t bytes = arena.size + staging.size + deviceStaging.size +
                   library.scratchSize(session);
  for (const Block &block : slots)
    bytes += block.size;
  return bytes;
}

//===----------------------------------------------------------------------===//
// What the session does with it
//===----------------------------------------------------------------------===//

/// The first error counts, as everywhere.
int32_t TenonSession::note(Error error) {
  if (error && !pending)
    pending = std::move(error);
  return pending ? pending->code : TENON_OK;
}

int32_t TenonSession::launchOnDevice(const TenonKernel *kernel,
                                     void *const *args, const int64_t *dims,
                                     int64_t units, int64_t flops) {
  if (!profile)
    return note(device->launch(kernel, args, dims, units));
  // A mark before and one behind it.
  if (note(device->beginMarks(getNanoseconds())) != TENON_OK ||
      note(device->mark()) != TENON_OK ||
      note(device->launch(kernel, args, dims, units)) != TENON_OK)
    return pending->code;
  profile->noteLaunch(*kernel, args, dims, flops);
  return note(device->mark());
}

/// Reads the marks of the kernels that are done, if there was no error.
void TenonSession::readTimes() {
  for (size_t i = 0; i < profile->countLaunches() && !pending; ++i) {
    uint64_t start = 0, nanoseconds = 0;
    note(device->readTime(2 * i, 2 * i + 1, start, nanoseconds));
    profile->setTime(i, start, nanoseconds);
  }
  profile->endLaunches();
}

int32_t TenonSession::finishDevice() {
  if (!device->isBusy())
    return pending ? pending->code : TENON_OK;
  const TenonKernel *failed = nullptr;
  int64_t status = TENON_KERNEL_OK;
  note(device->finish(failed, status));
  if (failed && !pending)
    failKernel(failed, status);
  if (profile)
    readTimes();
  return pending ? pending->code : TENON_OK;
}

int32_t TenonSession::transfer(void *data, int32_t space, int32_t isStable,
                               void *target, const void *source,
                               int64_t elementBytes, int64_t count) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending || (!isStable && session.leavesGraph()))
    return session.pending->code;
  if (count <= 0 || target == source)
    return TENON_OK;
  if (session.profile)
    session.note(session.device->beginMarks(getNanoseconds()));
  if (session.pending || session.note(session.device->transfer(
                             space, isStable, target, source,
                             uint64_t(elementBytes) * count)) != TENON_OK)
    return session.pending->code;
  // Also tells of a kernel that went wrong, before the host takes its results
  // for numbers.
  return space == TENON_SPACE_HOST && !isStable ? session.finishDevice()
                                                : TENON_OK;
}

//===- SessionDevice.cpp - A session's part on a device ------------------===//

#include "runtime/core/SessionDevice.h"

#include "runtime/core/Session.h"

#include <algorithm>

using namespace tenon::runtime;

//===----------------------------------------------------------------------===//
// The device's library
//===----------------------------------------------------------------------===//

/// The error of a function of the table, or null.
static Error makeDeviceError(int32_t code, const TenonProviderError &problem,
                             const char *node = nullptr) {
  if (code == TENON_OK)
    return nullptr;
  return makeNodeError(static_cast<TenonErrorCode>(code), node,
                       problem.message);
}

Error SessionDevice::create(const TenonModel &model,
                            std::unique_ptr<SessionDevice> &device) {
  std::unique_ptr<SessionDevice> made(new SessionDevice(model));
  TenonProviderError problem;
  int32_t code =
      made->library.createSession(model.device.model, &made->session, &problem);
  if (code != TENON_OK)
    return makeDeviceError(code, problem);
  device = std::move(made);
  return nullptr;
}

SessionDevice::~SessionDevice() {
  if (!session)
    return;
  release(arena);
  for (Block &block : slots)
    release(block);
  library.destroySession(session);
}

Error SessionDevice::allocate(uint64_t bytes, Block &block) {
  TenonProviderError problem;
  void *memory = nullptr;
  int32_t code = library.allocate(session, bytes, &memory, &problem);
  if (code == TENON_OK)
    block = {static_cast<char *>(memory), bytes};
  return makeDeviceError(code, problem);
}

void SessionDevice::release(Block &block) {
  if (block.data)
    library.release(session, block.data);
  block = {};
}

Error SessionDevice::reserve(Block &block, uint64_t bytes, bool keep) {
  if (bytes <= block.size)
    return nullptr;
  // So that both never are there at once.
  if (!keep || !block.data) {
    release(block);
    return allocate(bytes, block);
  }
  // By half at least, so that growing in many steps costs little.
  Block larger;
  Error error = allocate(std::max(bytes, block.size + block.size / 2), larger);
  if (!error)
    error = transfer(TENON_SPACE_DEVICE, larger.data, block.data, block.size);
  if (error) {
    release(larger);
    return error;
  }
  release(block);
  block = larger;
  return nullptr;
}

Error SessionDevice::reserveArena(int64_t bytes) {
  return reserve(arena, bytes, /*keep=*/false);
}

Error SessionDevice::reserveSlot(int32_t slot, uint64_t bytes, bool keep) {
  return reserve(slots[slot], bytes, keep);
}

Error SessionDevice::launch(const TenonKernel *kernel, void *const *args,
                            const int64_t *dims, int64_t units) {
  TenonProviderError problem;
  hasWork = true;
  int32_t code = library.launch(session, kernel, args, dims, units, &problem);
  return makeDeviceError(code, problem, kernel->name);
}

Error SessionDevice::transfer(int32_t space, void *target, const void *source,
                              uint64_t bytes) {
  TenonProviderError problem;
  hasWork = true;
  int32_t code =
      library.transfer(session, space, target, source, bytes, &problem);
  return makeDeviceError(code, problem);
}

Error SessionDevice::finish(const TenonKernel *&failed, int64_t &status) {
  TenonProviderError problem;
  failed = nullptr;
  int32_t code = library.finish(session, &failed, &status, &problem);
  // What could not be waited for may still write to the caller's memory: the
  // end of the run tries again.
  hasWork = code != TENON_OK;
  return makeDeviceError(code, problem);
}

uint64_t SessionDevice::getSize() const {
  uint64_t bytes = arena.size + library.scratchSize(session);
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
  // The clock of the host sees a kernel only if the queue is empty around it.
  if (profile && finishDevice() != TENON_OK)
    return pending->code;
  uint64_t start = profile ? getNanoseconds() : 0;
  if (note(device->launch(kernel, args, dims, units)) != TENON_OK || !profile)
    return pending ? pending->code : TENON_OK;
  finishDevice();
  profile->note(*kernel, start, args, dims, flops);
  return pending ? pending->code : TENON_OK;
}

int32_t TenonSession::finishDevice() {
  if (!device->isBusy())
    return pending ? pending->code : TENON_OK;
  const TenonKernel *failed = nullptr;
  int64_t status = TENON_KERNEL_OK;
  note(device->finish(failed, status));
  if (failed && !pending)
    failKernel(failed, status);
  return pending ? pending->code : TENON_OK;
}

int32_t TenonSession::transfer(void *data, int32_t space, void *target,
                               const void *source, int64_t elementBytes,
                               int64_t count) {
  auto &session = *static_cast<TenonSession *>(data);
  if (session.pending)
    return session.pending->code;
  if (count <= 0 || target == source)
    return TENON_OK;
  if (session.note(session.device->transfer(
          space, target, source, uint64_t(elementBytes) * count)) != TENON_OK)
    return session.pending->code;
  // Also tells of a kernel that went wrong, before the host takes its results
  // for numbers.
  return space == TENON_SPACE_HOST ? session.finishDevice() : TENON_OK;
}

//===- SessionDevice.h - A session's part on a device --------------------===//

#ifndef TENON_RUNTIME_CORE_SESSIONDEVICE_H
#define TENON_RUNTIME_CORE_SESSIONDEVICE_H

#include "runtime/core/Model.h"

namespace tenon::runtime {

/// A queue of work on the device of a model, and memory there: an arena for
/// planned buffers and a block for each slot. All of it is used through the
/// table of the device's library.
class SessionDevice {
public:
  /// The model has a device and outlives this.
  static Error create(const TenonModel &model,
                      std::unique_ptr<SessionDevice> &device);
  ~SessionDevice();
  SessionDevice(const SessionDevice &) = delete;

  /// Makes room for planned buffers; what was there is lost if it has to move.
  Error reserveArena(int64_t bytes);
  char *getArena() const { return arena.data; }

  /// Makes room in a slot; `keep` as of TenonRuntimeTable::allocate.
  Error reserveSlot(int32_t slot, uint64_t bytes, bool keep);
  void *getSlot(int32_t slot) const { return slots[slot].data; }

  /// Puts a kernel, or a copy to the TenonSpace `space`, into the queue.
  Error launch(const TenonKernel *kernel, void *const *args,
               const int64_t *dims, int64_t units);
  Error transfer(int32_t space, void *target, const void *source,
                 uint64_t bytes);
  /// Waits until the queue is empty. `failed` becomes a kernel that left
  /// `status` since the last time, or null.
  Error finish(const TenonKernel *&failed, int64_t &status);
  /// Whether there may be anything in the queue.
  bool isBusy() const { return hasWork; }

  /// How a kernel was last run; see TenonDevice::implementation.
  const char *getImplementation(const TenonKernel &kernel) const {
    return library.implementation(session, &kernel);
  }
  const uint8_t *getWeights() const { return model.device.weights; }
  uint64_t getSize() const;

private:
  struct Block {
    char *data = nullptr; // an address of the device
    uint64_t size = 0;
  };

  explicit SessionDevice(const TenonModel &model)
      : model(model), library(*model.device.library),
        slots(model.desc->numSlots) {}
  Error allocate(uint64_t bytes, Block &block);
  void release(Block &block);
  /// Makes room in a block. Where it has to move, what was there is lost but
  /// with `keep`.
  Error reserve(Block &block, uint64_t bytes, bool keep);

  const TenonModel &model;
  const TenonDevice &library;
  void *session = nullptr;
  bool hasWork = false;
  Block arena;
  std::vector<Block> slots;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_SESSIONDEVICE_H

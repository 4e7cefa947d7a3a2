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

  /// Makes room for copies of inputs and outputs, in memory of the host that a
  /// graph can have copies of, and on the device; what was there is lost if it
  /// has to move.
  Error reserveStaging(uint64_t hostBytes, uint64_t deviceBytes);
  char *getStaging(int32_t space) const {
    return space == TENON_SPACE_HOST ? staging.data : deviceStaging.data;
  }

  /// Makes room for planned buffers; what was there is lost if it has to move.
  Error reserveArena(int64_t bytes);
  char *getArena() const { return arena.data; }

  /// Makes room in a slot; `keep` and `node` as of
  /// TenonRuntimeTable::allocate.
  Error reserveSlot(int32_t slot, uint64_t bytes, bool keep, const char *node);
  void *getSlot(int32_t slot) const { return slots[slot].data; }

  /// Puts a kernel, or a copy to the TenonSpace `space`, into the queue.
  Error launch(const TenonKernel *kernel, void *const *args,
               const int64_t *dims, int64_t units);
  Error transfer(int32_t space, bool isStable, void *target, const void *source,
                 uint64_t bytes);
  // See TenonDevice.
  int32_t getNumber() const { return library.getNumber(model.device.model); }
  Error checkMemory(const void *memory, uint64_t bytes);
  Error joinOthers();
  Error copy(int32_t targetSpace, void *target, int32_t sourceSpace,
             const void *source, uint64_t bytes);

  /// Waits until the queue is empty. `failed` becomes a kernel that left
  /// `status` since the last time, or null.
  Error finish(const TenonKernel *&failed, int64_t &status);
  /// Whether there may be anything in the queue.
  bool isBusy() const { return hasWork; }

  /// Marks a point in the queue. Where nothing was in it, beginMarks() goes
  /// before everything: `now` is then the time of the host's clock.
  Error beginMarks(uint64_t now);
  Error mark();
  /// When the mark `from` was met, by the host's clock, and what passed until
  /// `to`. They count from 0 since the first of the queue, and are done.
  Error readTime(uint32_t from, uint32_t to, uint64_t &start,
                 uint64_t &nanoseconds);

  // See TenonDevice; the queue is empty. What goes wrong while a graph is made
  // is no error of the run, which works without it.
  bool beginGraph();
  /// Null if there is none, or if it is not wanted.
  void *endGraph(bool isWanted);
  Error launchGraph(void *graph);
  void releaseGraph(void *graph);
  /// Changes whenever memory does that graphs use.
  uint64_t getGeneration() const {
    return generation + library.scratchSize(session); // which only grows
  }
  /// Whatever graphs there are, they are of no use any more.
  void outdateGraphs() { ++generation; }

  /// How a kernel was last run; see TenonDevice::implementation.
  const char *getImplementation(const TenonKernel &kernel) const {
    return library.implementation(session, &kernel);
  }
  /// See TenonDevice::notes.
  const char *getNotes() const { return library.notes(session); }
  const uint8_t *getWeights() const { return model.device.weights; }
  uint64_t getSize() const;

private:
  struct Block {
    int32_t space = TENON_SPACE_DEVICE;
    char *data = nullptr; // an address of the space
    uint64_t size = 0;
  };

  explicit SessionDevice(const TenonModel &model)
      : model(model), library(*model.device.library),
        slots(model.desc->numSlots) {}
  /// The error of a function of the table, or null. Where it is of the call, it
  /// is about `node`.
  Error makeError(int32_t code, const TenonProviderError &problem,
                  const char *node = nullptr) const;
  Error allocate(uint64_t bytes, Block &block, const char *node);
  void release(Block &block);
  /// Makes room in a block. Where it has to move, what was there is lost but
  /// with `keep`.
  Error reserve(Block &block, uint64_t bytes, bool keep,
                const char *node = nullptr);

  const TenonModel &model;
  const TenonDevice &library;
  void *session = nullptr;
  bool hasWork = false;
  uint64_t generation = 0;
  uint64_t firstMark = 0; // when it was, by the host's clock
  uint32_t numMarks = 0;  // since the last finish()
  Block arena;
  Block staging{TENON_SPACE_HOST}, deviceStaging;
  std::vector<Block> slots;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_SESSIONDEVICE_H

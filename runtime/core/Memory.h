//===- Memory.h - A block of memory that only grows ----------------------===//

#ifndef TENON_RUNTIME_CORE_MEMORY_H
#define TENON_RUNTIME_CORE_MEMORY_H

#include "runtime/core/ModelAbi.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace tenon::runtime {

/// Memory aligned to TENON_BUFFER_ALIGNMENT. Growing loses the contents, unless
/// they are to be kept.
class Memory {
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  ~Memory() { free(block); }

  /// Makes room for `bytes`. False if there is not enough memory; the old block
  /// is gone then too, so that both never are there at once.
  bool reserve(uint64_t bytes) {
    if (bytes <= capacity)
      return true;
    constexpr uint64_t hugePage = uint64_t(2) << 20;
    bool isHuge = bytes >= 2 * hugePage;
    uint64_t alignment = isHuge ? hugePage : TENON_BUFFER_ALIGNMENT;
    if (bytes > SIZE_MAX / 2)
      return false;
    free(block);
    block = nullptr;
    capacity = 0;
    void *memory = nullptr;
    if (posix_memalign(&memory, alignment,
                       (bytes + alignment - 1) & -alignment))
      return false;
    // Fewer page faults in the first run, fewer TLB misses in all.
    if (isHuge)
      madvise(memory, bytes, MADV_HUGEPAGE);
    block = static_cast<char *>(memory);
    capacity = bytes;
    return true;
  }

  /// The same, but what is there stays. Grows by half at least, so that growing
  /// in many steps costs little.
  bool grow(uint64_t bytes) {
    if (bytes <= capacity)
      return true;
    Memory larger;
    if (!larger.reserve(std::max(bytes, capacity + capacity / 2)))
      return false;
    if (capacity)
      memcpy(larger.block, block, capacity);
    std::swap(block, larger.block);
    std::swap(capacity, larger.capacity);
    return true;
  }

  char *data() const { return block; }
  uint64_t size() const { return capacity; }

private:
  char *block = nullptr;
  uint64_t capacity = 0;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_MEMORY_H

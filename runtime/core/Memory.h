//===- Memory.h - A block of memory that only grows ----------------------===//

#ifndef TENON_RUNTIME_CORE_MEMORY_H
#define TENON_RUNTIME_CORE_MEMORY_H

#include "runtime/core/ModelAbi.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace tenon::runtime {

/// Memory aligned to TENON_BUFFER_ALIGNMENT. Growing loses the contents, unless
/// they are to be kept. Large blocks are mapped, not allocated: they go back to
/// the system when they are freed, wherever malloc has put others since.
class Memory {
public:
  Memory() = default;
  Memory(const Memory &) = delete;
  Memory &operator=(const Memory &) = delete;
  ~Memory() { release(); }

  /// Makes room for `bytes`. False if there is not enough memory; the old block
  /// is gone then too, so that both never are there at once.
  bool reserve(uint64_t bytes) {
    if (bytes <= capacity)
      return true;
    if (bytes > SIZE_MAX / 2)
      return false;
    release();
    void *memory = nullptr;
    if (bytes >= mappedBytes)
      memory = map(bytes);
    else if (posix_memalign(&memory, TENON_BUFFER_ALIGNMENT,
                            roundUp(bytes, TENON_BUFFER_ALIGNMENT)))
      return false;
    if (!memory)
      return false;
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
  static constexpr uint64_t mappedBytes = 128 << 10;
  static constexpr uint64_t hugePage = uint64_t(2) << 20;

  static uint64_t roundUp(uint64_t bytes, uint64_t alignment) {
    return (bytes + alignment - 1) & -alignment;
  }
  /// What a mapped block of a capacity is aligned to, begin and end.
  static uint64_t getAlignment(uint64_t capacity) {
    return capacity >= 2 * hugePage ? hugePage : sysconf(_SC_PAGESIZE);
  }

  static void *map(uint64_t bytes) {
    uint64_t alignment = getAlignment(bytes), size = roundUp(bytes, alignment);
    // Room to begin at a multiple of the alignment; the rest is given back.
    void *all = mmap(nullptr, size + alignment, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
      return nullptr;
    auto begin = reinterpret_cast<uintptr_t>(all);
    uint64_t before = roundUp(begin, alignment) - begin;
    char *memory = static_cast<char *>(all) + before;
    if (before)
      munmap(all, before);
    munmap(memory + size, alignment - before);
    // Fewer page faults in the first run, fewer TLB misses in all.
    if (alignment == hugePage)
      madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
  }

  void release() {
    if (capacity >= mappedBytes)
      munmap(block, roundUp(capacity, getAlignment(capacity)));
    else
      free(block);
    block = nullptr;
    capacity = 0;
  }

  char *block = nullptr;
  uint64_t capacity = 0;
};

} // namespace tenon::runtime

#endif // TENON_RUNTIME_CORE_MEMORY_H

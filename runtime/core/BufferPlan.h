//===- BufferPlan.h - Offsets of buffers in an arena ---------------------===//

#ifndef TENON_RUNTIME_CORE_BUFFERPLAN_H
#define TENON_RUNTIME_CORE_BUFFERPLAN_H

#include "runtime/core/ModelAbi.h"
#include "tenon/tenon.h"

#include <cstdint>
#include <vector>

namespace tenon::runtime {

/// Places buffers so that those in use at the same time don't overlap. Greedy
/// by size, the largest first, each at the smallest gap that holds it among the
/// buffers already placed that live at the same time (Pisarchyk & Lee,
/// Efficient Memory Management for Deep Neural Net Inference, 2020). Where that
/// takes more than is ever in use at once, it is tried again some times with
/// other first choices, and the best counts.
class BufferPlanner {
public:
  /// Sets offsets[i], a multiple of TENON_BUFFER_ALIGNMENT, for buffers[i] of
  /// bytes[i] >= 0 in the memory `space`; leaves those of others alone. Returns
  /// the size of the arena, or -1 if it overflows.
  int64_t place(const TenonBufferDesc *buffers, const int64_t *bytes,
                uint32_t count, int64_t *offsets,
                int32_t space = TENON_SPACE_HOST);

private:
  /// The most bytes that are in use in any step: no arena is smaller. -1 if it
  /// overflows.
  int64_t getMostInUse(const TenonBufferDesc *buffers,
                       const int64_t *bytes) const;
  /// Places `order`, one after another.
  int64_t placeInOrder(const TenonBufferDesc *buffers, const int64_t *bytes,
                       int64_t *offsets);

  /// Kept between calls, so that planning again allocates nothing.
  std::vector<uint32_t> order;      // in which they get places
  std::vector<uint32_t> placed;     // by offset
  std::vector<int64_t> bestOffsets; // of the buffers
};

} // namespace tenon::runtime

/// For the compiler: the size of the arena that BufferPlanner makes. -1 if it
/// overflows, or there is not enough memory to find out. Exported by libtenon.
extern "C" TENON_API int64_t tenon_measure_arena(const TenonBufferDesc *buffers,
                                                 const int64_t *bytes,
                                                 uint32_t count);

#endif // TENON_RUNTIME_CORE_BUFFERPLAN_H

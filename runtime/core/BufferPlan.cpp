//===- BufferPlan.cpp - Offsets of buffers in an arena -------------------===//

#include "runtime/core/BufferPlan.h"

#include <algorithm>
#include <numeric>

using namespace tenon::runtime;

int64_t BufferPlanner::place(const TenonBufferDesc *buffers,
                             const int64_t *bytes, uint32_t count,
                             int64_t *offsets) {
  auto roundUp = [](int64_t size) {
    return (size + TENON_BUFFER_ALIGNMENT - 1) & -TENON_BUFFER_ALIGNMENT;
  };
  order.resize(count);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return bytes[a] != bytes[b] ? bytes[a] > bytes[b] : a < b;
  });
  placed.clear();
  placed.reserve(count);

  int64_t total = 0;
  for (uint32_t buffer : order) {
    if (bytes[buffer] > INT64_MAX - TENON_BUFFER_ALIGNMENT)
      return -1;
    int64_t size = roundUp(bytes[buffer]);
    int64_t best = -1, bestGap = INT64_MAX, end = 0;
    for (uint32_t other : placed) {
      if (buffers[other].firstStep > buffers[buffer].lastStep ||
          buffers[buffer].firstStep > buffers[other].lastStep)
        continue;
      int64_t gap = offsets[other] - end;
      if (gap >= size && gap < bestGap) {
        best = end;
        bestGap = gap;
      }
      end = std::max(end, offsets[other] + roundUp(bytes[other]));
    }
    int64_t offset = best < 0 ? end : best;
    if (offset > INT64_MAX - size)
      return -1;
    offsets[buffer] = offset;
    total = std::max(total, offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), offset,
                                   [&](int64_t value, uint32_t other) {
                                     return value < offsets[other];
                                   }),
                  buffer);
  }
  return total;
}

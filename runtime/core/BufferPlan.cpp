//===- BufferPlan.cpp - Offsets of buffers in an arena -------------------===//

#include "runtime/core/BufferPlan.h"

#include <algorithm>
#include <new>
#include <numeric>

using namespace tenon::runtime;

static int64_t roundUp(int64_t size) {
  return (size + TENON_BUFFER_ALIGNMENT - 1) & -TENON_BUFFER_ALIGNMENT;
}

int64_t BufferPlanner::getMostInUse(const TenonBufferDesc *buffers,
                                    const int64_t *bytes) const {
  // As much as ever is in use, is in use when some buffer begins.
  int64_t most = 0;
  for (uint32_t i : order) {
    int64_t step = buffers[i].firstStep, inUse = 0;
    for (uint32_t j : order)
      if (buffers[j].firstStep <= step && step <= buffers[j].lastStep &&
          __builtin_add_overflow(inUse, roundUp(bytes[j]), &inUse))
        return -1;
    most = std::max(most, inUse);
  }
  return most;
}

int64_t BufferPlanner::place(const TenonBufferDesc *buffers,
                             const int64_t *bytes, uint32_t count,
                             int64_t *offsets, int32_t space) {
  order.clear();
  order.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    if (buffers[i].space != space)
      continue;
    if (bytes[i] > INT64_MAX - TENON_BUFFER_ALIGNMENT)
      return -1;
    order.push_back(i);
  }
  int64_t least = getMostInUse(buffers, bytes);
  if (least < 0)
    return -1;
  placed.reserve(order.size());
  bestOffsets.resize(count);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return bytes[a] != bytes[b] ? bytes[a] > bytes[b] : a < b;
  });
  int64_t best = placeInOrder(buffers, bytes, offsets);
  if (best < 0)
    return best;
  // Few, as a shape that was never seen before must not wait long: each looks
  // at all pairs of buffers.
  constexpr int64_t mostAttempts = 16, mostPairs = 1 << 19;
  int64_t number = order.size();
  int64_t attempts = std::min(mostAttempts, mostPairs / (number * number + 1));
  auto keepOffsets = [&] {
    for (uint32_t buffer : order)
      bestOffsets[buffer] = offsets[buffer];
  };
  keepOffsets();
  for (int64_t i = 0; i < attempts && best > least; ++i) {
    // What ended last of all gets the first choice.
    auto last = std::max_element(order.begin(), order.end(),
                                 [&](uint32_t a, uint32_t b) {
                                   return offsets[a] + roundUp(bytes[a]) <
                                          offsets[b] + roundUp(bytes[b]);
                                 });
    std::rotate(order.begin(), last, last + 1);
    int64_t total = placeInOrder(buffers, bytes, offsets);
    if (total < 0)
      break;
    if (total < best) {
      best = total;
      keepOffsets();
    }
  }
  for (uint32_t buffer : order)
    offsets[buffer] = bestOffsets[buffer];
  return best;
}

int64_t BufferPlanner::placeInOrder(const TenonBufferDesc *buffers,
                                    const int64_t *bytes, int64_t *offsets) {
  placed.clear();
  int64_t total = 0;
  for (uint32_t buffer : order) {
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

int64_t tenon_measure_arena(const TenonBufferDesc *buffers,
                            const int64_t *bytes, uint32_t count) {
  try {
    std::vector<int64_t> offsets(count);
    return BufferPlanner().place(buffers, bytes, count, offsets.data());
  } catch (const std::bad_alloc &) {
    return -1;
  }
}

//===- LibraryRunner.cpp - Kernels of a session by a library -------------===//

#include "runtime/cuda/LibraryRunner.h"

#include <algorithm>

using namespace tenon::cuda;

/// How many plans stay prepared.
static constexpr size_t maxPlans = 4096;
/// More is not counted on: the caller's memory may stand in the place of a
/// buffer, and what was prepared for one does for the other.
static constexpr int64_t maxAlignment = TENON_BUFFER_ALIGNMENT;

Workspace::~Workspace() {
  if (address)
    driver.memoryFree(address);
}

bool Workspace::grow(uint64_t bytes) {
  if (bytes <= size)
    return true;
  Address grown = 0;
  Result result = driver.memoryAllocate(&grown, bytes);
  if (result == CUDA_ERROR_OUT_OF_MEMORY)
    return false; // The other plans keep the one that is there.
  driver.check(result, "the CUDA device gives no memory for a library");
  // What is in the stream may still use the one that is there.
  result = address ? driver.streamSynchronize(stream) : CUDA_SUCCESS;
  if (address)
    driver.memoryFree(address);
  address = grown;
  size = bytes;
  driver.check(result, "the CUDA device failed before a library's kernel");
  return true;
}

static int64_t getAlignment(const void *pointer) {
  auto address = reinterpret_cast<uintptr_t>(pointer);
  return address ? std::min<int64_t>(address & -address, maxAlignment)
                 : maxAlignment;
}

bool LibraryRunner::run(const TenonKernel &kernel, void *const *args,
                        const int64_t *dims) {
  key = {kernel.numArgs, kernel.numDims, int64_t(kernel.librarySize)};
  size_t begin = key.size();
  for (uint32_t i = 0; i < kernel.numArgs; ++i)
    key.push_back(getAlignment(args[i]));
  key.insert(key.end(), dims, dims + kernel.numDims);
  key.insert(key.end(), kernel.args, kernel.args + kernel.argsSize);
  key.insert(key.end(), kernel.library, kernel.library + kernel.librarySize);

  auto found = plans.find(key);
  if (found == plans.end()) {
    // Recorded graphs and the queue may have the code of those that there are.
    if (plans.size() == maxPlans) {
      last[&kernel] = nullptr;
      return false;
    }
    found = plans.emplace(key, prepare(kernel, args, key.data() + begin, dims))
                .first;
  }
  // Without memory for it now, no later run asks again.
  if (found->second && !workspace.grow(found->second->workspaceSize)) {
    for (auto &[other, plan] : last)
      if (plan == found->second.get())
        plan = nullptr;
    found->second.reset();
  }
  LibraryPlan *plan = found->second.get();
  last[&kernel] = nullptr;
  if (!plan || !start(*plan, kernel, args))
    return false;
  last[&kernel] = plan;
  return true;
}

void LibraryRunner::clear() {
  last.clear();
  plans.clear();
}

const char *LibraryRunner::describe(const TenonKernel &kernel) const {
  auto found = last.find(&kernel);
  return found == last.end() || !found->second
             ? ""
             : found->second->description.c_str();
}

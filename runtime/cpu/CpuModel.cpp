//===- CpuModel.cpp - oneDNN's part of a model ---------------------------===//

#include "runtime/cpu/CpuModel.h"

#include <algorithm>
#include <cstring>

using namespace tenon::onednn;

/// How many programs of one kernel stay for sessions to come.
static constexpr size_t maxPrograms = 16;

CpuModel::CpuModel(const TenonModelDesc &desc)
    : engine(dnnl::engine::kind::cpu, 0) {
  for (uint32_t i = 0; i < desc.numLibraryKernels; ++i) {
    entries.push_back(nullptr);
    if (strcmp(desc.libraryKernels[i].provider, "onednn") != 0)
      continue;
    entries.back() = std::make_unique<Entry>();
    entries.back()->kernel =
        std::make_unique<Kernel>(desc.libraryKernels[i], desc.weights);
  }
}

std::shared_ptr<const Program> CpuModel::getProgram(uint32_t index, int threads,
                                                    const int64_t *dims) {
  Entry &entry = *entries[index];
  std::lock_guard<std::mutex> lock(entry.mutex);
  const int64_t *end = dims + entry.kernel->numDims;
  for (CachedProgram &cached : entry.programs)
    if (cached.threads == threads &&
        std::equal(dims, end, cached.dims.begin())) {
      cached.lastUse = ++entry.useCount;
      return cached.program;
    }
  // What no program uses any more is gone.
  entry.packed.erase(
      std::remove_if(entry.packed.begin(), entry.packed.end(),
                     [](const auto &packed) { return packed.expired(); }),
      entry.packed.end());
  auto program = buildProgram({engine, *entry.kernel, dims, entry.packed});
  CachedProgram cached{threads, {dims, end}, program, ++entry.useCount};
  if (entry.programs.size() < maxPrograms)
    entry.programs.push_back(std::move(cached));
  else
    *std::min_element(entry.programs.begin(), entry.programs.end(),
                      [](const CachedProgram &a, const CachedProgram &b) {
                        return a.lastUse < b.lastUse;
                      }) = std::move(cached);
  return program;
}

//===- CpuModel.cpp - oneDNN's part of a model ---------------------------===//

#include "runtime/cpu/CpuModel.h"

#include <algorithm>
#include <cstring>

using namespace tenon::onednn;

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
  for (const CachedProgram &cached : entry.programs)
    if (cached.threads == threads && std::equal(dims, end, cached.dims.begin()))
      if (auto program = cached.program.lock())
        return entry.last = program;
  auto drop = [](auto &list, auto isGone) {
    list.erase(std::remove_if(list.begin(), list.end(), isGone), list.end());
  };
  drop(entry.programs,
       [](const auto &cached) { return cached.program.expired(); });
  drop(entry.packed, [](const auto &packed) { return packed.expired(); });
  entry.last = buildProgram({engine, *entry.kernel, dims, entry.packed});
  entry.programs.push_back({threads, {dims, end}, entry.last});
  return entry.last;
}

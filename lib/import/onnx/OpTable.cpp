//===- OpTable.cpp - Which operators are imported, and how ----------------===//

#include "lib/import/onnx/OpTable.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"

#include <tuple>

using namespace llvm;

namespace tenon::onnx_import {

using OpIndex = StringMap<SmallVector<const OpEntry *, 1>>;

static OpIndex buildIndex() {
  OpIndex index;
  for (ArrayRef<OpEntry> family :
       {getElementwiseOps(), getArithmeticOps(),  getConvolutionOps(),
        getMatMulOps(),      getNormOps(),        getReduceOps(),
        getShapeOps(),       getMovementOps(),    getResizeOps(),
        getRecurrentOps(),   getControlFlowOps(), getLoopOps(),
        getDynamicOps(),     getLossOps(),        getSelectOps(),
        getWindowOps(),      getQuantizeOps(),    getQuantizeContribOps(),
        getContribOps(),     getEinsumOps(),      getBitOps(),
        getArrayOps(),       getIndexedOps(),     getSamplingOps(),
        getRandomOps(),      getSignalOps(),      getAttentionOps(),
        getMicrosoftOps(),   getTrainingOps(),    getSequenceOps(),
        getOptionalOps(),    getPackedWeightOps()})
    for (const OpEntry &entry : family)
      index[entry.name].push_back(&entry);
  return index;
}

static const OpIndex &getIndex() {
  static const OpIndex index = buildIndex();
  return index;
}

OpLookup findOp(StringRef domain, StringRef name, int64_t opset) {
  OpLookup lookup;
  auto it = getIndex().find(name);
  if (it == getIndex().end())
    return lookup;
  for (const OpEntry *entry : it->second) {
    if (entry->domain != domain)
      continue;
    lookup.isOtherVersion = true;
    for (int64_t version : entry->versions)
      if (version <= opset) {
        lookup.entry = entry;
        lookup.version = version;
      }
  }
  return lookup;
}

SmallVector<const OpEntry *> getAllOps() {
  SmallVector<const OpEntry *> ops;
  for (const auto &entries : getIndex())
    ops.append(entries.second.begin(), entries.second.end());
  llvm::sort(ops, [](const OpEntry *a, const OpEntry *b) {
    return std::tie(a->domain, a->name) < std::tie(b->domain, b->name);
  });
  return ops;
}

} // namespace tenon::onnx_import

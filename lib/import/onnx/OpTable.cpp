//===- OpTable.cpp - Which operators are imported, and how ----------------===//

#include "lib/import/onnx/OpTable.h"

#include "llvm/ADT/StringMap.h"

using namespace llvm;

namespace tenon::onnx_import {

using OpIndex = StringMap<SmallVector<const OpEntry *, 1>>;

static OpIndex buildIndex() {
  OpIndex index;
  for (ArrayRef<OpEntry> family :
       {getElementwiseOps(), getArithmeticOps(), getConvolutionOps(),
        getMatMulOps(), getNormOps(), getReduceOps(), getShapeOps(),
        getMovementOps(), getResizeOps(), getRecurrentOps(),
        getControlFlowOps(), getLoopOps(), getDynamicOps()})
    for (const OpEntry &entry : family)
      index[entry.name].push_back(&entry);
  return index;
}

OpLookup findOp(StringRef domain, StringRef name, int64_t opset) {
  static const OpIndex index = buildIndex();
  OpLookup lookup;
  auto it = index.find(name);
  if (it == index.end())
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

} // namespace tenon::onnx_import

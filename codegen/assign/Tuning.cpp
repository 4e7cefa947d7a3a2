//===- Tuning.cpp - Choices of providers by measurement -------------------===//

#include "codegen/assign/Tuning.h"

#include "codegen/common/NodeNames.h"

using namespace mlir;
using namespace tenon;

Tuning::Tuning(Operation *module) {
  auto choices = module->getAttrOfType<DictionaryAttr>(kTuningAttr);
  if (!choices)
    return;
  kernels = choices.getAs<DictionaryAttr>("kernels");
  preferred = choices.getAs<StringAttr>("prefer");
}

std::optional<StringRef> Tuning::getNext(KernelOp kernel) {
  if (!kernels && !preferred)
    return std::nullopt;
  std::string nodes = codegen::getNodeNames(kernel.getLoc());
  std::string key = getTuningKey(nodes, numbers[nodes]++);
  if (kernels)
    if (auto provider = kernels.getAs<StringAttr>(key)) {
      ++numUsed;
      return provider.getValue();
    }
  if (preferred)
    return preferred.getValue();
  return std::nullopt;
}

//===- HostReport.cpp - What of a GPU's model runs on the processor -------===//

#include "lib/driver/HostReport.h"

#include "codegen/assign/Providers.h"
#include "codegen/common/NodeNames.h"
#include "lib/target/Target.h"
#include "llvm/ADT/StringExtras.h"

#include <map>

using namespace mlir;

namespace tenon {

std::string describeHostKernels(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!target || !target.getGpus())
    return "";
  ProviderList providers;
  size_t numKernels = 0, numHost = 0;
  // By what is in them.
  std::map<std::string, std::vector<std::string>> nodes;
  module.walk([&](KernelOp kernel) {
    ++numKernels;
    if (providers.find(*kernel.getProvider())->isOnDevice())
      return;
    ++numHost;
    nodes[codegen::listOps(kernel)].push_back(
        codegen::getNodeNames(kernel.getLoc()));
  });
  if (numHost == 0)
    return "";
  std::string text = std::to_string(numHost) + " of " +
                     std::to_string(numKernels) +
                     " kernels will run on the processor";
  StringRef separator = ": ";
  constexpr size_t kMostNodes = 2;
  for (const auto &[ops, names] : nodes) {
    text += (separator + Twine(names.size()) + " of " + ops + " ('" +
             llvm::join(ArrayRef(names).take_front(kMostNodes), "', '") + "'")
                .str();
    if (names.size() > kMostNodes)
      text += " and " + std::to_string(names.size() - kMostNodes) + " more";
    text += ")";
    separator = "; ";
  }
  return text;
}

} // namespace tenon

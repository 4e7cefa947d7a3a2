//===- HostReport.cpp - What of a GPU's model runs on the processor -------===//

#include "lib/driver/HostReport.h"

#include "codegen/assign/Providers.h"
#include "codegen/common/NodeNames.h"
#include "lib/target/Target.h"

using namespace mlir;

namespace tenon {

std::string describeHostKernels(ModuleOp module) {
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!target || !target.getGpus())
    return "";
  ProviderList providers;
  size_t numKernels = 0, numHost = 0;
  std::vector<std::string> nodes;
  module.walk([&](KernelOp kernel) {
    ++numKernels;
    if (providers.find(*kernel.getProvider())->isOnDevice())
      return;
    ++numHost;
    nodes.push_back(codegen::getNodeNames(kernel.getLoc()));
  });
  if (numHost == 0)
    return "";
  std::string text = std::to_string(numHost) + " of " +
                     std::to_string(numKernels) +
                     " kernels will run on the processor: ";
  constexpr size_t kMostNodes = 5;
  for (size_t i = 0; i != std::min(numHost, kMostNodes); ++i)
    text += (i ? ", '" : "'") + nodes[i] + "'";
  if (numHost > kMostNodes)
    text += " and " + std::to_string(numHost - kMostNodes) + " more";
  return text;
}

} // namespace tenon

//===- Providers.cpp - The list of providers ------------------------------===//

#include "codegen/assign/Providers.h"

#include "codegen/cpu/CpuProvider.h"
#include "codegen/cuda/CudaProvider.h"
#include "codegen/cuda/LibraryProvider.h"
#include "codegen/image/ImageProvider.h"
#include "codegen/onednn/OneDnnProvider.h"
#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace tenon {

// A new provider is one line here.
ProviderList::ProviderList() {
  providers.push_back(createOneDnnProvider());
  providers.push_back(cpu::createCpuProvider());
  providers.push_back(cpu::createWinogradProvider());
  providers.push_back(createImageProvider());
  providers.push_back(cuda::createCublasLtProvider());
  providers.push_back(cuda::createCudnnProvider());
  providers.push_back(cuda::createCudaProvider());
}

SmallVector<StringRef> ProviderList::getNames() const {
  return llvm::map_to_vector(
      providers, [](const auto &provider) { return provider->getName(); });
}

const Provider *ProviderList::find(StringRef name) const {
  for (const std::unique_ptr<Provider> &provider : providers)
    if (provider->getName() == name)
      return provider.get();
  return nullptr;
}

TargetAttr getTarget(Operation *op, const ProviderList &providers) {
  Builder builder(op->getContext());
  for (; op; op = op->getParentOp())
    if (auto target = op->getAttrOfType<TargetAttr>(kTargetAttr))
      return target;
  return TargetAttr::get(builder.getContext(), /*triple=*/"", /*cpu=*/"",
                         /*features=*/"", /*vectorBits=*/256,
                         builder.getStrArrayAttr(providers.getNames()),
                         /*gpus=*/{});
}

} // namespace tenon

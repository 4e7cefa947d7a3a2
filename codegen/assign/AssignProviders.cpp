//===- AssignProviders.cpp - Each kernel gets a provider ------------------===//

#include "codegen/assign/HostIslands.h"
#include "codegen/assign/Passes.h"
#include "codegen/assign/Providers.h"
#include "codegen/assign/Tuning.h"
#include "codegen/common/NodeNames.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"

namespace tenon {
#define GEN_PASS_DEF_ASSIGNPROVIDERS
#include "codegen/assign/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

struct AssignProviders : tenon::impl::AssignProvidersBase<AssignProviders> {
  using AssignProvidersBase::AssignProvidersBase;

  void runOnOperation() override {
    ProviderList list;
    TargetAttr target = getTarget(getOperation(), list);
    SmallVector<const Provider *> candidates;
    if (failed(collectCandidates(list, target, candidates)) ||
        failed(checkProviders(list, target)))
      return signalPassFailure();
    // All kernels that can't run are told at once.
    bool hasFailed = false;
    hostChoices.clear();
    Tuning tuning(getOperation());
    TypicalSizes sizes;
    getOperation()->walk<WalkOrder::PreOrder>([&](KernelOp kernel) {
      hasFailed |= failed(assign(kernel, list, target, candidates,
                                 tuning.getNext(kernel), sizes));
    });
    if (tuning.getNumChoices() != 0 && tuning.getNumUsed() == 0) {
      getOperation()->emitError("the tuning is of another model: none of its ")
          << tuning.getNumChoices() << " kernels is in this one";
      hasFailed = true;
    }
    getOperation()->removeAttr(kTuningAttr);
    if (hasFailed)
      return signalPassFailure();
    numMoved += moveIslands(getOperation(), list, hostChoices, sizes);
  }

private:
  LogicalResult
  collectCandidates(const ProviderList &list, TargetAttr target,
                    SmallVectorImpl<const Provider *> &candidates) {
    SmallVector<StringRef> names(providers.begin(), providers.end());
    if (names.empty())
      for (Attribute name : target.getProviders())
        if (auto string = dyn_cast<StringAttr>(name))
          names.push_back(string.getValue());
    for (StringRef name : names) {
      const Provider *provider = list.find(name);
      if (!provider) {
        return getOperation()->emitError("no provider '")
               << name << "', expected one of '"
               << llvm::join(list.getNames(), "', '") << "'";
      }
      candidates.push_back(provider);
    }
    return success();
  }

  /// A kernel that has a provider already has one that its target has, too.
  LogicalResult checkProviders(const ProviderList &list, TargetAttr target) {
    bool hasFailed = false;
    getOperation()->walk([&](KernelOp kernel) {
      StringAttr name = kernel.getProviderAttr();
      if (!name || (llvm::is_contained(target.getProviders(), name) &&
                    list.find(name.getValue())))
        return;
      kernel.emitOpError("has provider ")
          << name
          << ", expected one that its target has: " << target.getProviders();
      hasFailed = true;
    });
    return failure(hasFailed);
  }

  LogicalResult assign(KernelOp kernel, const ProviderList &list,
                       TargetAttr target, ArrayRef<const Provider *> candidates,
                       std::optional<StringRef> tuned, TypicalSizes &sizes) {
    SmallVector<const Provider *> allowed(candidates);
    if (std::optional<StringRef> name = kernel.getProvider())
      allowed.assign({list.find(*name)});
    const Provider *best = nullptr;
    double bestCost = 0;
    HostChoice onHost{};
    std::string reasons;
    for (const Provider *provider : allowed) {
      std::string reason;
      if (!provider->canRun(kernel, target, reason)) {
        reasons += (reasons.empty() ? "" : "; ") +
                   ("'" + provider->getName() + "' can't because ").str() +
                   reason;
        continue;
      }
      double cost = provider->getCost(kernel, target, sizes);
      bool isTuned = tuned && provider->getName() == *tuned;
      if (!provider->isOnDevice() && (!onHost.provider || cost < onHost.time))
        onHost = {provider, cost};
      // What can run on the device stays there, with its data.
      bool isNearer =
          best ? provider->isOnDevice() && !best->isOnDevice() : true;
      bool isFarther = best && best->isOnDevice() && !provider->isOnDevice();
      if (isNearer || (cost < bestCost && !isFarther) || isTuned) {
        best = provider;
        bestCost = cost;
      }
      if (isTuned)
        break;
    }
    if (best && tuned && best->getName() == *tuned)
      reasons = "tuned";
    if (!best)
      return kernel.emitOpError("of ")
             << codegen::listOps(kernel) << " has no provider that runs it: "
             << (reasons.empty() ? "no provider is allowed" : reasons);
    remark::analysis(kernel.getLoc(),
                     remark::RemarkOpts::name("assigned").category("assign"))
        << remark::metric("provider", best->getName())
        << remark::metric("ns", int64_t(bestCost))
        << remark::reason("{0}", reasons.empty() ? "cheapest" : reasons);
    kernel.setProvider(best->getName());
    if (best->isOnDevice() && onHost.provider)
      hostChoices[kernel] = onHost;
    ++numAssigned;
    return success();
  }

  HostChoices hostChoices;
};

} // namespace

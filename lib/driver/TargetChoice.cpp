//===- TargetChoice.cpp - Which targets a model is compiled for -----------===//

#include "lib/driver/TargetChoice.h"

#include "lib/target/Target.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace tenon {

/// The name of a target with the same providers as `target`: which there are
/// depends on nothing but the kind of processor, and on whether there is a GPU.
static std::string getKind(TargetAttr target) {
  if (target.getGpus())
    return "cuda:" +
           llvm::join(target.getGpus().getAsValueRange<StringAttr>(), ",cuda:");
  return llvm::Triple(target.getTriple()).isX86() ? "x86-64"
                                                  : target.getTriple().str();
}

/// Whether nobody chose among the providers of `target`, so that another target
/// may have others.
static bool hasAllProviders(TargetAttr target) {
  auto all = makeTargets(*target.getContext(), getKind(target), {});
  if (!all) {
    llvm::consumeError(all.takeError());
    return false;
  }
  return all->front().getProviders() == target.getProviders();
}

Status chooseTargets(ModuleOp module, Phase done,
                     const std::optional<std::string> &target,
                     const std::optional<std::vector<std::string>> &providers,
                     SmallVectorImpl<TargetAttr> &targets) {
  auto old = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (old && !target && !providers) {
    targets.assign({old});
    return Status::ok();
  }
  // From assign on, the IR is made for its target.
  if (done >= Phase::Assign) {
    if (!old)
      return Status::error(TENON_ERROR_INVALID,
                           "the IR at the end of " + getPhaseName(done) +
                               " has no '" + kTargetAttr + "'");
    return Status::error(TENON_ERROR_USAGE,
                         "the IR at the end of " + getPhaseName(done) +
                             " has its target and its providers already: they "
                             "can't be changed");
  }
  std::vector<std::string> names;
  if (providers)
    names = *providers;
  else if (old && !hasAllProviders(old))
    for (StringAttr provider : old.getProviders().getAsRange<StringAttr>())
      names.push_back(provider.str());
  bool keepsProcessor = old && !target;
  auto made = makeTargets(
      *module.getContext(),
      keepsProcessor ? getKind(old) : target.value_or("native"), names);
  if (!made)
    return Status::error(TENON_ERROR_USAGE, llvm::toString(made.takeError()));
  targets.assign(made->begin(), made->end());
  if (keepsProcessor)
    targets.assign({TargetAttr::get(
        module.getContext(), old.getTriple(), old.getCpu(), old.getFeatures(),
        old.getVectorBits(), targets.front().getProviders(), old.getGpus())});
  return Status::ok();
}

} // namespace tenon

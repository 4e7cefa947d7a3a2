//===- Tuning.cpp - Choices of providers by measurement -------------------===//

#include "lib/driver/Tuning.h"

#include "codegen/assign/Providers.h"
#include "codegen/assign/Tuning.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;

namespace tenon {

Status readTuning(StringRef path, ModuleOp module) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return Status::error(TENON_ERROR_SYSTEM, "can't read '" + path + "': " +
                                                 buffer.getError().message());
  auto invalid = [&](const llvm::Twine &what) {
    return Status::error(TENON_ERROR_INVALID,
                         path +
                             ": not a file of choices by tenon-bench "
                             "--tune: " +
                             what);
  };
  auto json = llvm::json::parse((*buffer)->getBuffer());
  if (!json)
    return invalid(llvm::toString(json.takeError()));
  llvm::json::Object *root = json->getAsObject();
  llvm::json::Array *kernels = root ? root->getArray("kernels") : nullptr;
  if (!kernels)
    return invalid("expected an object with a list 'kernels'");

  // Which one a target has is another matter: a choice that it has not is
  // passed over.
  ProviderList providers;
  auto findUnknown = [&](std::optional<StringRef> provider) -> std::string {
    if (!provider || providers.find(*provider))
      return "";
    std::string text = "unknown provider '" + provider->str() + "', expected ";
    for (const std::unique_ptr<Provider> &known : providers.get())
      text += (known == providers.get().front() ? "" : ", ") +
              known->getName().str();
    return text;
  };
  OpBuilder builder(module.getContext());
  NamedAttrList choices;
  for (const llvm::json::Value &entry : *kernels) {
    const llvm::json::Object *kernel = entry.getAsObject();
    auto nodes = kernel ? kernel->getString("nodes") : std::nullopt;
    auto number = kernel ? kernel->getInteger("number") : std::nullopt;
    auto provider = kernel ? kernel->getString("provider") : std::nullopt;
    if (!nodes || !number || !provider)
      return invalid("expected kernels with 'nodes', 'number' and 'provider'");
    if (std::string unknown = findUnknown(provider); !unknown.empty())
      return invalid("kernel '" + *nodes + "': " + unknown);
    choices.set(getTuningKey(*nodes, *number),
                builder.getStringAttr(*provider));
  }
  NamedAttrList tuning;
  tuning.set("kernels", choices.getDictionary(module.getContext()));
  auto preferred = root->getString("prefer");
  if (std::string unknown = findUnknown(preferred); !unknown.empty())
    return invalid("'prefer': " + unknown);
  if (preferred)
    tuning.set("prefer", builder.getStringAttr(*preferred));
  module->setAttr(kTuningAttr, tuning.getDictionary(module.getContext()));
  return Status::ok();
}

} // namespace tenon

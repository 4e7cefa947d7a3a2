//===- Providers.h - The list of providers ----------------------*- C++ -*-===//

#ifndef TENON_CODEGEN_ASSIGN_PROVIDERS_H
#define TENON_CODEGEN_ASSIGN_PROVIDERS_H

#include "codegen/common/Provider.h"

namespace tenon {

/// All providers, in order of preference where costs are equal.
class ProviderList {
public:
  ProviderList();

  llvm::ArrayRef<std::unique_ptr<Provider>> get() const { return providers; }
  llvm::SmallVector<llvm::StringRef> getNames() const;
  /// The provider of this name, or null.
  const Provider *find(llvm::StringRef name) const;

private:
  llvm::SmallVector<std::unique_ptr<Provider>> providers;
};

/// The target that `op`'s module is compiled for; if it doesn't say, 256 bits
/// wide vectors of no processor in particular, and all providers.
TargetAttr getTarget(mlir::Operation *op, const ProviderList &providers);

} // namespace tenon

#endif // TENON_CODEGEN_ASSIGN_PROVIDERS_H

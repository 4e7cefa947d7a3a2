//===- DeadConstants.cpp - Memory of constants that are gone --------------===//

#include "lib/driver/DeadConstants.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinDialect.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

void tenon::freeDeadConstants(ArrayRef<ModuleOp> modules) {
  llvm::StringSet<> used;
  for (ModuleOp module : modules)
    module.walk([&](Operation *op) {
      op->getAttrDictionary().walk([&](DenseResourceElementsAttr resource) {
        used.insert(resource.getRawHandle().getKey());
      });
    });
  auto &manager = DenseResourceElementsHandle::getManagerInterface(
                      modules.front()->getContext())
                      .getBlobManager();
  SmallVector<std::string> dead;
  manager.getBlobMap([&](const auto &blobs) {
    for (const auto &entry : blobs)
      if (entry.second.getBlob() && !used.contains(entry.first()))
        dead.push_back(entry.first().str());
  });
  for (const std::string &key : dead)
    manager.lookup(key)->setBlob(AsmResourceBlob());
}

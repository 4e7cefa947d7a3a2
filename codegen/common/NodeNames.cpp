//===- NodeNames.cpp - Which nodes of the model an operation came from ----===//

#include "codegen/common/NodeNames.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace tenon;

std::vector<std::string> tenon::codegen::listNodeNames(Location loc) {
  llvm::SetVector<StringRef> names;
  loc->walk([&](Location part) {
    if (auto name = dyn_cast<NameLoc>(part))
      names.insert(name.getName());
    return WalkResult::advance();
  });
  return {names.begin(), names.end()};
}

std::string tenon::codegen::joinNodeNames(ArrayRef<std::string> names) {
  constexpr size_t kMaxNames = 4;
  std::string joined = llvm::join(names.take_front(kMaxNames), " + ");
  if (names.size() > kMaxNames)
    joined += " + " + std::to_string(names.size() - kMaxNames) + " more";
  return joined;
}

std::string tenon::codegen::getNodeNames(Location loc) {
  return joinNodeNames(listNodeNames(loc));
}

std::string tenon::codegen::listOps(KernelOp kernel) {
  std::string text;
  for (Operation &op : kernel.getBody().front()) {
    if (!isa_and_present<TenonDialect>(op.getDialect()) ||
        isa<ConstantOp, YieldOp>(op))
      continue;
    if (!text.empty())
      text += ", ";
    text += op.getName().getStringRef();
  }
  return text;
}

//===- ExposeKernels.cpp - tenon-expose-kernels ---------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/ModelAttributes.h"
#include "codegen/common/NodeNames.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_EXPOSEKERNELS
#include "codegen/common/Passes.h.inc"

/// All nodes of a location: what separates names is in none of them, nor what
/// can't be printed.
static std::string getNodes(Location loc) {
  std::vector<std::string> names = listNodeNames(loc);
  for (std::string &name : names)
    for (char &c : name)
      if (c == '|' || c == ';' || (llvm::isASCII(c) && !llvm::isPrint(c)))
        c = '_';
  return llvm::join(names, ";");
}

/// The nodes that gave result `i` of a kernel, a conditional or a loop: what it
/// computes last.
static std::string getResultNodes(Operation *op, unsigned i) {
  if (auto kernel = dyn_cast<KernelOp>(op))
    if (Operation *last = kernel.getYield().getOperand(i).getDefiningOp())
      return getNodes(last->getLoc());
  return getNodes(op->getLoc());
}

namespace {

struct ExposeKernelsPass : impl::ExposeKernelsBase<ExposeKernelsPass> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    if (!main)
      return;
    Block &body = main.getBody().front();
    Operation *end = body.getTerminator();
    SmallVector<Value> results(end->getOperands());
    Builder builder(&getContext());
    int64_t number = 0;
    for (Operation &op : body) {
      if (!isa<KernelOp, IfOp, LoopOp>(op))
        continue;
      for (OpResult result : op.getResults()) {
        auto type = dyn_cast<RankedTensorType>(result.getType());
        if (!type)
          continue;
        std::string name =
            ("kernel|" + Twine(number) + "|" + Twine(result.getResultNumber()) +
             "|" + getResultNodes(&op, result.getResultNumber()) + "|" +
             getNodes(op.getLoc()))
                .str();
        SmallVector<StringRef> symbols(type.getRank());
        DictionaryAttr attributes = builder.getDictionaryAttr(
            {builder.getNamedAttr(kNameAttr, builder.getStringAttr(name)),
             builder.getNamedAttr(kDimsAttr,
                                  builder.getStrArrayAttr(symbols))});
        if (failed(main.insertResult(main.getNumResults(), type, attributes)))
          return signalPassFailure();
        results.push_back(result);
        ++numExposed;
      }
      ++number;
    }
    end->setOperands(results);
  }
};

} // namespace
} // namespace tenon::codegen

//===- MeasureArena.cpp - tenon-measure-arena -----------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/ArenaFormula.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "runtime/core/BufferPlan.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_MEASUREARENA
#include "codegen/common/Passes.h.inc"

namespace {

class MeasureArenaPass : public impl::MeasureArenaBase<MeasureArenaPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(kMainName);
    auto plan = module.lookupSymbol<func::FuncOp>(kPlanName);
    auto ranges = main->getAttrOfType<DenseI64ArrayAttr>(kBuffersAttr);
    int64_t numInputs =
        main->getAttrOfType<IntegerAttr>(kNumInputsAttr).getInt();

    SmallVector<TenonBufferDesc> buffers;
    for (int64_t i = 0, e = ranges.size(); i != e; i += 2)
      buffers.push_back({"", int32_t(ranges[i]), int32_t(ranges[i + 1])});
    ArenaFormula formula(main, numInputs);
    SmallVector<SizeProduct> sizes(buffers.size());
    plan.walk([&](memref::StoreOp store) {
      if (store.getMemRef() == plan.getArgument(numInputs))
        sizes[*getConstantIntValue(store.getIndices().front())] =
            formula.getBytes(store.getValue());
    });

    Builder builder(&getContext());
    NamedAttrList arena;
    bool isStatic = llvm::all_of(
        sizes, [](const SizeProduct &size) { return size.factors.empty(); });
    if (isStatic) {
      SmallVector<int64_t> bytes;
      for (const SizeProduct &size : sizes)
        bytes.push_back(size.constant);
      // What is too large, the runtime refuses.
      int64_t total = tenon_measure_arena(buffers.data(), bytes.data(),
                                          uint32_t(buffers.size()));
      if (total < 0)
        return;
      arena.append(kArenaBytesAttr, builder.getI64IntegerAttr(total));
    } else {
      std::vector<std::string> sums = formula.getSums(buffers, sizes);
      std::vector<std::string> definitions = formula.getDefinitions();
      arena.append(kArenaSumsAttr,
                   builder.getStrArrayAttr(
                       SmallVector<StringRef>(sums.begin(), sums.end())));
      arena.append(kArenaDefinitionsAttr,
                   builder.getStrArrayAttr(SmallVector<StringRef>(
                       definitions.begin(), definitions.end())));
    }
    arena.append(kArenaSlotsAttr, main->getAttr(kNumSlotsAttr));
    module->setAttr(kArenaAttr, arena.getDictionary(&getContext()));
  }
};

} // namespace
} // namespace tenon::codegen

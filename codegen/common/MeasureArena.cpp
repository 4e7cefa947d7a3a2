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
    NamedAttrList arena = measure(main, TENON_SPACE_HOST);
    // What is too large, the runtime refuses.
    if (arena.empty())
      return;
    arena.append(kArenaSlotsAttr, main->getAttr(kNumSlotsAttr));
    module->setAttr(kArenaAttr, arena.getDictionary(&getContext()));
    auto ranges = main->getAttrOfType<DenseI64ArrayAttr>(kBuffersAttr);
    for (int64_t i = 0, e = ranges.size(); i != e; i += kBufferWords)
      if (ranges[i + 2] == TENON_SPACE_DEVICE) {
        module->setAttr(
            kDeviceArenaAttr,
            measure(main, TENON_SPACE_DEVICE).getDictionary(&getContext()));
        return;
      }
  }

private:
  /// The size of the arena in one memory, or its formula; nothing if it is too
  /// large.
  NamedAttrList measure(func::FuncOp main, int64_t space) {
    auto plan = getOperation().lookupSymbol<func::FuncOp>(kPlanName);
    auto ranges = main->getAttrOfType<DenseI64ArrayAttr>(kBuffersAttr);
    int64_t numInputs =
        main->getAttrOfType<IntegerAttr>(kNumInputsAttr).getInt();
    SmallVector<TenonBufferDesc> buffers;
    DenseMap<int64_t, unsigned> positions;
    for (int64_t i = 0, e = ranges.size(); i != e; i += kBufferWords)
      if (ranges[i + 2] == space) {
        positions[i / kBufferWords] = buffers.size();
        buffers.push_back({"", int32_t(ranges[i]), int32_t(ranges[i + 1]),
                           TENON_SPACE_HOST, 0});
      }
    ArenaFormula formula(main, numInputs);
    SmallVector<SizeProduct> sizes(buffers.size());
    plan.walk([&](memref::StoreOp store) {
      if (store.getMemRef() != plan.getArgument(numInputs))
        return;
      auto position =
          positions.find(*getConstantIntValue(store.getIndices().front()));
      if (position != positions.end())
        sizes[position->second] = formula.getBytes(store.getValue());
    });

    Builder builder(&getContext());
    NamedAttrList arena;
    bool isStatic = llvm::all_of(
        sizes, [](const SizeProduct &size) { return size.factors.empty(); });
    if (isStatic) {
      SmallVector<int64_t> bytes;
      for (const SizeProduct &size : sizes)
        bytes.push_back(size.constant);
      int64_t total = tenon_measure_arena(buffers.data(), bytes.data(),
                                          uint32_t(buffers.size()));
      if (total >= 0)
        arena.append(kArenaBytesAttr, builder.getI64IntegerAttr(total));
      return arena;
    }
    std::vector<std::string> sums = formula.getSums(buffers, sizes);
    std::vector<std::string> definitions = formula.getDefinitions();
    arena.append(kArenaSumsAttr, builder.getStrArrayAttr(SmallVector<StringRef>(
                                     sums.begin(), sums.end())));
    arena.append(kArenaDefinitionsAttr,
                 builder.getStrArrayAttr(SmallVector<StringRef>(
                     definitions.begin(), definitions.end())));
    return arena;
  }
};

} // namespace
} // namespace tenon::codegen

//===- ExpandBf16.cpp - bf16 where the processor hasn't it ----------------===//

#include "codegen/cpu/Passes.h"

#include "dialects/tenon/TenonOps.h"
#include "lib/target/Target.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace tenon::cpu {

#define GEN_PASS_DEF_EXPANDBF16
#include "codegen/cpu/Passes.h.inc"

namespace {

bool hasBf16(func::FuncOp function) {
  return function
      .walk([](Operation *op) {
        bool found = llvm::any_of(op->getOperandTypes(), [](Type type) {
          return getElementTypeOrSelf(type).isBF16();
        });
        return found ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// The function that LLVM calls: to the nearest, halves to even. Hidden, not
/// internal: nothing refers to it before LLVM generates code.
void makeConversion(ModuleOp module) {
  auto builder =
      ImplicitLocOpBuilder::atBlockEnd(module.getLoc(), module.getBody());
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  auto function = LLVM::LLVMFuncOp::create(
      builder, "__truncsfbf2",
      LLVM::LLVMFunctionType::get(builder.getBF16Type(), {f32}));
  // Several models may be linked together.
  function.setLinkage(LLVM::Linkage::WeakODR);
  function.setVisibility_(LLVM::Visibility::Hidden);
  Block *block = function.addEntryBlock(builder);
  builder.setInsertionPointToStart(block);
  auto constant = [&](int64_t value) -> Value {
    return LLVM::ConstantOp::create(builder, i32,
                                    builder.getI32IntegerAttr(value));
  };
  Value x = block->getArgument(0);
  Value bits = LLVM::BitcastOp::create(builder, i32, x);
  Value high = LLVM::LShrOp::create(builder, bits, constant(16));
  Value isOdd = LLVM::AndOp::create(builder, high, constant(1));
  Value rounded = LLVM::AddOp::create(
      builder, LLVM::AddOp::create(builder, bits, constant(0x7fff)), isOdd);
  rounded = LLVM::LShrOp::create(builder, rounded, constant(16));
  // What is no number stays none, also if all of its lower bits are gone.
  Value isNan = LLVM::FCmpOp::create(builder, LLVM::FCmpPredicate::uno, x, x);
  Value quiet = LLVM::OrOp::create(builder, high, constant(0x40));
  Value result = LLVM::SelectOp::create(builder, isNan, quiet, rounded);
  result = LLVM::TruncOp::create(builder, builder.getI16Type(), result);
  LLVM::ReturnOp::create(
      builder, LLVM::BitcastOp::create(builder, builder.getBF16Type(), result)
                   .getResult());
}

struct ExpandBf16 : public impl::ExpandBf16Base<ExpandBf16> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
    if (target && hasFeature(target, "avx512bf16"))
      return;
    RewritePatternSet patterns(&getContext());
    arith::populateExpandBFloat16Patterns(patterns);
    FrozenRewritePatternSet conversions(std::move(patterns));
    bool isUsed = false;
    // What runs elsewhere is in modules of its own.
    for (auto function : module.getOps<func::FuncOp>()) {
      if (!hasBf16(function))
        continue;
      isUsed = true;
      if (failed(applyPatternsGreedily(function, conversions)))
        return signalPassFailure();
    }
    if (isUsed)
      makeConversion(module);
  }
};

} // namespace

} // namespace tenon::cpu

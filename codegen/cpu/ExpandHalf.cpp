//===- ExpandHalf.cpp - Half precision where the processor hasn't it ------===//

#include "codegen/cpu/Passes.h"

#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace tenon::cpu {

#define GEN_PASS_DEF_EXPANDHALF
#include "codegen/cpu/Passes.h.inc"

namespace {

bool uses(func::FuncOp function, llvm::function_ref<bool(Type)> isType) {
  return function
      .walk([&](Operation *op) {
        auto isOfType = [&](Type type) {
          return isType(getElementTypeOrSelf(type));
        };
        bool found = llvm::any_of(op->getOperandTypes(), isOfType) ||
                     llvm::any_of(op->getResultTypes(), isOfType);
        return found ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

/// Adds a function that LLVM calls to a module.
class Conversion {
public:
  Conversion(ModuleOp module, StringRef name, Type from, Type to)
      : builder(ImplicitLocOpBuilder::atBlockEnd(module.getLoc(),
                                                 module.getBody())),
        to(to) {
    auto function = LLVM::LLVMFuncOp::create(
        builder, name, LLVM::LLVMFunctionType::get(to, {from}));
    // Hidden, not internal: nothing refers to it before LLVM generates code.
    // Several models may be linked together.
    function.setLinkage(LLVM::Linkage::WeakODR);
    function.setVisibility_(LLVM::Visibility::Hidden);
    Block *block = function.addEntryBlock(builder);
    builder.setInsertionPointToStart(block);
    argument = block->getArgument(0);
  }
  Value getArgument() const { return argument; }
  /// The bits of a number of 16 or 32, as i32.
  Value getBits(Value x) {
    Value bits = LLVM::BitcastOp::create(
        builder, builder.getIntegerType(x.getType().getIntOrFloatBitWidth()),
        x);
    return bits.getType() == i32 ? bits
                                 : LLVM::ZExtOp::create(builder, i32, bits);
  }
  Value toFloat(Value bits) {
    return LLVM::BitcastOp::create(builder, f32, bits);
  }
  /// Ends it with the lower bits of an i32.
  void finish(Value bits) {
    if (to != f32)
      bits = LLVM::TruncOp::create(builder, builder.getI16Type(), bits);
    Value result = LLVM::BitcastOp::create(builder, to, bits);
    LLVM::ReturnOp::create(builder, result);
  }

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, i32,
                                    builder.getI32IntegerAttr(value));
  }
  Value floatConstant(float value) {
    return LLVM::ConstantOp::create(builder, f32,
                                    builder.getF32FloatAttr(value));
  }
  Value add(Value a, Value b) { return LLVM::AddOp::create(builder, a, b); }
  Value add(Value a, int64_t b) { return add(a, constant(b)); }
  Value shiftRight(Value a, int64_t by) {
    return LLVM::LShrOp::create(builder, a, constant(by));
  }
  Value shiftLeft(Value a, int64_t by) {
    return LLVM::ShlOp::create(builder, a, constant(by));
  }
  Value both(Value a, int64_t b) {
    return LLVM::AndOp::create(builder, a, constant(b));
  }
  Value either(Value a, Value b) { return LLVM::OrOp::create(builder, a, b); }
  Value isLess(Value a, int64_t b) {
    return LLVM::ICmpOp::create(builder, LLVM::ICmpPredicate::ult, a,
                                constant(b));
  }
  Value choose(Value condition, Value a, Value b) {
    return LLVM::SelectOp::create(builder, condition, a, b);
  }
  /// `bits` without the lower ones, to the nearest, halves to even.
  Value round(Value bits, int64_t lower) {
    Value isOdd = both(shiftRight(bits, lower), 1);
    return shiftRight(add(add(bits, (1 << (lower - 1)) - 1), isOdd), lower);
  }

  ImplicitLocOpBuilder builder;

private:
  Type to;
  Type f32 = builder.getF32Type(), i32 = builder.getI32Type();
  Value argument;
};

void makeTruncToBf16(ModuleOp module) {
  Builder types(module.getContext());
  Conversion code(module, "__truncsfbf2", types.getF32Type(),
                  types.getBF16Type());
  Value x = code.getArgument();
  Value bits = code.getBits(x);
  // What is no number stays none, also if all of its lower bits are gone.
  Value isNan =
      LLVM::FCmpOp::create(code.builder, LLVM::FCmpPredicate::uno, x, x);
  Value quiet = code.either(code.shiftRight(bits, 16), code.constant(0x40));
  code.finish(code.choose(isNan, quiet, code.round(bits, 16)));
}

/// f16 has a sign, 5 bits of exponent (biased by 15) and 10 more; f32 has 8
/// (biased by 127) and 23.
constexpr int64_t kHalfSign = 0x8000, kHalfInfinity = 0x7c00;
constexpr int64_t kBiasOfBoth = 127 - 15;

void makeExtendFromF16(ModuleOp module) {
  Builder types(module.getContext());
  Conversion code(module, "__extendhfsf2", types.getF16Type(),
                  types.getF32Type());
  Value bits = code.getBits(code.getArgument());
  Value sign = code.shiftLeft(code.both(bits, kHalfSign), 16);
  Value size = code.both(bits, kHalfSign - 1);
  Value normal = code.add(code.shiftLeft(size, 13), kBiasOfBoth << 23);
  // An exponent of all ones stays one.
  Value special = code.add(normal, kBiasOfBoth << 23);
  // Without an exponent it is a multiple of the smallest.
  Value small =
      LLVM::UIToFPOp::create(code.builder, code.builder.getF32Type(), size);
  small =
      LLVM::FMulOp::create(code.builder, small, code.floatConstant(0x1p-24f));
  Value result = code.choose(code.isLess(size, kHalfInfinity), normal, special);
  result = code.choose(code.isLess(size, 0x400), code.getBits(small), result);
  code.finish(code.either(result, sign));
}

void makeTruncToF16(ModuleOp module) {
  Builder types(module.getContext());
  Conversion code(module, "__truncsfhf2", types.getF32Type(),
                  types.getF16Type());
  Value bits = code.getBits(code.getArgument());
  Value sign = code.both(code.shiftRight(bits, 16), kHalfSign);
  Value size = code.both(bits, 0x7fffffff);
  Value normal = code.add(code.round(size, 13), -(kBiasOfBoth << 10));
  // The last bit of a half is that of the smallest f16, and addition rounds as
  // is wanted.
  Value small = code.getBits(LLVM::FAddOp::create(
      code.builder, code.toFloat(size), code.floatConstant(0.5f)));
  small = code.add(small, -0x3f000000);
  Value nan = code.either(code.both(code.shiftRight(size, 13), 0x3ff),
                          code.constant(0x7e00));
  // 2^-14, and the first that is rounded to infinity.
  Value result = code.choose(code.isLess(size, 0x38800000), small, normal);
  result = code.choose(code.isLess(size, 0x477ff000), result,
                       code.constant(kHalfInfinity));
  result = code.choose(code.isLess(size, 0x7f800001), result, nan);
  code.finish(code.either(result, sign));
}

struct ExpandHalf : public impl::ExpandHalfBase<ExpandHalf> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
    // Other processors that are tried have instructions for f16.
    bool expandsF16 = target && llvm::Triple(target.getTriple()).isX86() &&
                      !target.hasFeature("f16c");
    bool expandsBf16 = !target || !target.hasFeature("avx512bf16");
    RewritePatternSet patterns(&getContext());
    arith::populateExpandBFloat16Patterns(patterns);
    FrozenRewritePatternSet conversions(std::move(patterns));
    bool usesF16 = false, usesBf16 = false;
    // What runs elsewhere is in modules of its own.
    for (auto function : module.getOps<func::FuncOp>()) {
      usesF16 |=
          expandsF16 && uses(function, [](Type type) { return type.isF16(); });
      if (!expandsBf16 ||
          !uses(function, [](Type type) { return type.isBF16(); }))
        continue;
      usesBf16 = true;
      if (failed(applyPatternsGreedily(function, conversions)))
        return signalPassFailure();
    }
    if (usesBf16)
      makeTruncToBf16(module);
    if (usesF16) {
      makeExtendFromF16(module);
      makeTruncToF16(module);
    }
  }
};

} // namespace

} // namespace tenon::cpu

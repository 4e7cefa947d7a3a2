//===- ExpandExp.cpp - tenon-cuda-expand-exp ------------------------------===//
//
// exp(x) = 2^(x log2 e), by the instruction ex2.approx, of which NVIDIA's
// "Parallel Thread Execution ISA" says that its error is at most 2 units in the
// last place. The product is larger than its rounding leaves by `rest`:
//
//   L = log2 e as f32;  p = x L;  rest = fma(x, L, -p) + x (log2 e - L)
//   exp(x) = 2^p (1 + rest ln 2)
//
//===----------------------------------------------------------------------===//

#include "codegen/cuda/Passes.h"

#include "dialects/tenon/TenonFloatTypes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include <cmath>

using namespace mlir;

namespace tenon::cuda {

#define GEN_PASS_DEF_EXPANDEXP
#include "codegen/cuda/Passes.h.inc"

/// 2 to a power of f32; without subnormal results if `flushes`.
static Value buildPowerOf2(ImplicitLocOpBuilder &builder, Value power,
                           bool flushes) {
  return LLVM::CallIntrinsicOp::create(
             builder, power.getType(),
             builder.getStringAttr(flushes ? "llvm.nvvm.ex2.approx.ftz.f32"
                                           : "llvm.nvvm.ex2.approx.f32"),
             ValueRange(power))
      .getResult(0);
}

/// Of f32.
static Value buildExp(ImplicitLocOpBuilder &builder, Value x,
                      bool isApproximate) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(builder, builder.getF32FloatAttr(value));
  };
  constexpr float log2e = float(M_LOG2E);
  Value factor = constant(log2e);
  Value power = arith::MulFOp::create(builder, x, factor);
  Value first = buildPowerOf2(builder, power, isApproximate);
  if (isApproximate)
    return first;
  Value rest = math::FmaOp::create(builder, x, factor,
                                   arith::NegFOp::create(builder, power));
  rest = math::FmaOp::create(builder, x, constant(M_LOG2E - log2e), rest);
  Value better = math::FmaOp::create(
      builder, first, arith::MulFOp::create(builder, rest, constant(M_LN2)),
      first);
  // Beyond, there is nothing that it could be a part of.
  Value isFinite = arith::CmpFOp::create(builder, arith::CmpFPredicate::OLT,
                                         math::AbsFOp::create(builder, power),
                                         constant(128));
  return arith::SelectOp::create(builder, isFinite, better, first);
}

namespace {

class ExpandExpPass : public impl::ExpandExpBase<ExpandExpPass> {
public:
  void runOnOperation() override {
    getOperation().walk([](math::ExpOp op) {
      Type element = getElementTypeOrSelf(op.getType());
      auto vector = dyn_cast<VectorType>(op.getType());
      bool isLine = !vector || (vector.getRank() == 1 && !vector.isScalable());
      if (!isLine || !(element.isF32() || isHalf(element)))
        return;
      ImplicitLocOpBuilder builder(op.getLoc(), op);
      bool isApproximate = arith::bitEnumContainsAny(op.getFastmath(),
                                                     arith::FastMathFlags::afn);
      auto expand = [&](Value x) -> Value {
        if (!element.isF32())
          x = arith::ExtFOp::create(builder, builder.getF32Type(), x);
        Value y = buildExp(builder, x, isApproximate);
        return element.isF32() ? y
                               : arith::TruncFOp::create(builder, element, y);
      };
      Value result;
      if (auto vector = dyn_cast<VectorType>(op.getType())) {
        SmallVector<Value> elements;
        for (int64_t i = 0; i != vector.getNumElements(); ++i)
          elements.push_back(
              expand(vector::ExtractOp::create(builder, op.getOperand(), i)));
        result = vector::FromElementsOp::create(builder, vector, elements);
      } else {
        result = expand(op.getOperand());
      }
      op.replaceAllUsesWith(result);
      op.erase();
    });
  }
};

} // namespace
} // namespace tenon::cuda

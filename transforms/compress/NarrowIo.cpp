//===- NarrowIo.cpp - Inputs and outputs of bf16 or f16 -------------------===//

#include "dialects/tenon/TenonOps.h"
#include "dialects/tenon/TenonValues.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "transforms/compress/HalfConstants.h"
#include "transforms/compress/NameGlobs.h"
#include "transforms/compress/Passes.h"

namespace tenon {
#define GEN_PASS_DEF_NARROWIO
#include "transforms/compress/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

namespace {

struct NarrowIo : tenon::impl::NarrowIoBase<NarrowIo> {
  using NarrowIoBase::NarrowIoBase;

  void runOnOperation() override {
    half = getHalfType(precision, &getContext());
    if (!half) {
      getOperation()->emitError("precision '")
          << precision << "': expected bf16 or fp16";
      return signalPassFailure();
    }
    SmallVector<std::string> names(halfIo.begin(), halfIo.end());
    NameGlobs globs;
    if (failed(globs.read("half-io", names, getOperation())))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      narrow(function, globs);
    if (failed(globs.checkUsed("input or output of f32")))
      signalPassFailure();
  }

private:
  void narrow(func::FuncOp function, NameGlobs &globs);

  FloatType half;
};

} // namespace

/// Whether `value`, which has the attributes, is an input or output to narrow:
/// of what is no tensor, the parts have a type together.
static bool isChosen(Value value, DictionaryAttr attributes, NameGlobs &globs) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!attributes || !type || !type.getElementType().isF32() ||
      attributes.contains(kValueAttr))
    return false;
  auto name = attributes.getAs<StringAttr>(kNameAttr);
  return name && globs.match(name);
}

void NarrowIo::narrow(func::FuncOp function, NameGlobs &globs) {
  if (function.isExternal())
    return;
  auto to = [](Value value, Type element) {
    return cast<RankedTensorType>(value.getType()).clone(element);
  };
  OpBuilder builder(&getContext());
  builder.setInsertionPointToStart(&function.front());
  Type f32 = builder.getF32Type();
  for (BlockArgument argument : function.getArguments()) {
    if (!isChosen(argument, function.getArgAttrDict(argument.getArgNumber()),
                  globs))
      continue;
    argument.setType(to(argument, half));
    // Not at the argument, whose name is no node's.
    auto wide = CastOp::create(builder, function.getLoc(), to(argument, f32),
                               argument, f32);
    argument.replaceUsesWithIf(wide, [&](OpOperand &use) {
      return use.getOwner() != wide && !isa<tensor::DimOp>(use.getOwner());
    });
    ++numNarrowed;
  }
  Operation *end = function.front().getTerminator();
  builder.setInsertionPoint(end);
  for (OpOperand &result : end->getOpOperands()) {
    Value value = result.get();
    if (!isChosen(value, function.getResultAttrDict(result.getOperandNumber()),
                  globs))
      continue;
    result.set(
        CastOp::create(builder, value.getLoc(), to(value, half), value, half));
    ++numNarrowed;
  }
  function.setType(builder.getFunctionType(function.front().getArgumentTypes(),
                                           end->getOperandTypes()));
}

//===- RtDialect.cpp - Calls of a compiled model into the runtime ---------===//

#include "dialects/rt/RtDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

#include "dialects/rt/RtDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dialects/rt/RtOps.cpp.inc"

void tenon::rt::RtDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dialects/rt/RtOps.cpp.inc"
      >();
}

namespace {

/// On memrefs a call reads its inputs and reads and writes its outputs; on
/// tensors it has no effect.
using Effects = SmallVectorImpl<MemoryEffects::EffectInstance>;

template <typename CallOp> void getCallEffects(CallOp op, Effects &effects) {
  for (OpOperand &operand : op.getInputsMutable())
    if (isa<MemRefType>(operand.get().getType()))
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
  for (OpOperand &operand : op.getOutputsMutable())
    if (isa<MemRefType>(operand.get().getType())) {
      effects.emplace_back(MemoryEffects::Read::get(), &operand);
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
    }
}

} // namespace

void tenon::rt::LaunchOp::getEffects(Effects &effects) {
  getCallEffects(*this, effects);
}

void tenon::rt::LibraryOp::getEffects(Effects &effects) {
  getCallEffects(*this, effects);
}

/// view(view(x)) is a view of x, and a view of x with its own static type is x.
OpFoldResult tenon::rt::ViewOp::fold(FoldAdaptor) {
  if (getSource().getType() == getResult().getType() &&
      cast<ShapedType>(getResult().getType()).hasStaticShape())
    return getSource();
  if (auto view = getSource().getDefiningOp<ViewOp>()) {
    getSourceMutable().assign(view.getSource());
    return getResult();
  }
  return {};
}

Value tenon::rt::ViewOp::getViewSource() { return getSource(); }

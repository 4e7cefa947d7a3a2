//===- RtDialect.cpp - Calls of a compiled model into the runtime ---------===//

#include "dialects/rt/RtDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/MathExtras.h"

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

/// On memrefs a call reads its inputs and writes its outputs (a kernel may read
/// again what it wrote); on tensors it has no effect.
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

void tenon::rt::TransferOp::getEffects(Effects &effects) {
  if (isa<MemRefType>(getSource().getType()))
    effects.emplace_back(MemoryEffects::Read::get(), &getSourceMutable());
  if (isa<MemRefType>(getTarget().getType()))
    effects.emplace_back(MemoryEffects::Write::get(), &getTargetMutable());
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

Value tenon::rt::RowOp::getViewSource() { return getSource(); }

/// What is known to be equal needs no guard.
LogicalResult
tenon::rt::RequireEqualOp::canonicalize(RequireEqualOp op,
                                        PatternRewriter &rewriter) {
  APInt lhs, rhs;
  bool isEqual = op.getLhs() == op.getRhs() ||
                 (matchPattern(op.getLhs(), m_ConstantInt(&lhs)) &&
                  matchPattern(op.getRhs(), m_ConstantInt(&rhs)) && lhs == rhs);
  if (!isEqual)
    return rewriter.notifyMatchFailure(op, "may differ");
  rewriter.eraseOp(op);
  return success();
}

//===----------------------------------------------------------------------===//
// Verifiers
//===----------------------------------------------------------------------===//

/// Checks that a kernel's function takes what the launch gives it. A function
/// that is no longer on memrefs has been lowered and is not looked at.
LogicalResult
tenon::rt::LaunchOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  Operation *symbol =
      symbolTable.lookupNearestSymbolFrom(*this, getKernelAttr());
  if (!symbol)
    return emitOpError() << "expects a kernel function, but there is no symbol "
                         << getKernelAttr();
  auto function = dyn_cast<FunctionOpInterface>(symbol);
  if (!function)
    return emitOpError() << "expects " << getKernelAttr()
                         << " to be a function";
  ArrayRef<Type> arguments = function.getArgumentTypes();
  if (arguments.empty() || !isa<MemRefType, IndexType>(arguments.front()))
    return success();
  size_t count = getArgs().size() + 2;
  if (arguments.size() != count)
    return emitOpError() << "expects " << getKernelAttr() << " to have "
                         << count
                         << " arguments (inputs, outputs, scalars, begin and "
                            "end), but it has "
                         << arguments.size();
  for (auto [i, actual, given] :
       llvm::enumerate(arguments.drop_back(2), getArgs().getTypes())) {
    auto type = dyn_cast<ShapedType>(given);
    auto memref = dyn_cast<MemRefType>(actual);
    if (!type && given == actual)
      continue;
    // A tensor's integers may have a sign, a kernel's have none, and a boolean
    // is a byte to both.
    auto width = [](ShapedType type) -> unsigned {
      return type.getElementType().isIntOrFloat()
                 ? llvm::divideCeil(type.getElementTypeBitWidth(), 8)
                 : 0;
    };
    if (!type || !memref || width(type) != width(memref) ||
        failed(verifyCompatibleShape(type, memref)))
      return emitOpError() << "expects argument " << i << " of "
                           << getKernelAttr() << " to take " << given
                           << ", but it has type " << actual;
  }
  return success();
}

LogicalResult tenon::rt::RowOp::verify() {
  auto source = cast<MemRefType>(getSource().getType());
  auto result = cast<MemRefType>(getResult().getType());
  if (source.getRank() == 0 ||
      source.getElementType() != result.getElementType() ||
      source.getShape().drop_front() != result.getShape())
    return emitOpError() << "expects a result of the source's type, " << source
                         << ", without dimension 0, but it has " << result;
  return success();
}

std::optional<uint64_t> tenon::rt::getNumBytes(ShapedType type) {
  uint64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (uint64_t size : type.getShape()) {
    bool overflow = false;
    bytes = llvm::SaturatingMultiply(bytes, size, &overflow);
    if (overflow)
      return std::nullopt;
  }
  return bytes;
}

uint64_t tenon::rt::WeightOp::getBytes() {
  return *getNumBytes(getValue().getShapedType());
}

SmallVector<tenon::rt::WeightOp> tenon::rt::getWeights(ModuleOp module) {
  SmallVector<WeightOp> weights(module.getOps<WeightOp>());
  llvm::sort(weights, [](WeightOp a, WeightOp b) {
    return a.getOffset() < b.getOffset();
  });
  return weights;
}

uint64_t tenon::rt::getWeightsSize(ModuleOp module) {
  uint64_t size = 0;
  for (auto weight : module.getOps<WeightOp>())
    size = std::max(size, weight.getOffset() + weight.getBytes());
  return size;
}

LogicalResult tenon::rt::WeightOp::verify() {
  if (!getValue().getElementType().isIntOrFloat())
    return emitOpError() << "expects integers or floats, found "
                         << getValue().getElementType();
  if (!getNumBytes(getValue().getShapedType()))
    return emitOpError() << "has more bytes than 64 bits tell";
  for (std::optional<uint64_t> place :
       {std::optional(getOffset()), getDeviceOffset()})
    if (place && (*place > INT64_MAX || *place % TENON_BUFFER_ALIGNMENT != 0))
      return emitOpError() << "expects a multiple of " << TENON_BUFFER_ALIGNMENT
                           << " as its place, found " << int64_t(*place);
  return success();
}

LogicalResult tenon::rt::LibraryOp::verify() {
  for (int64_t index : getConstants())
    if (index < 0 || index >= int64_t(getInputs().size()))
      return emitOpError() << "expects indices of inputs, from 0 to below "
                           << getInputs().size()
                           << ", in 'constants', but one is " << index;
  return success();
}

//===- ConvertPrecision.cpp - Factors of bf16 or f16 ----------------------===//

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "transforms/compress/HalfConstants.h"
#include "transforms/compress/NameGlobs.h"
#include "transforms/compress/NarrowValues.h"
#include "transforms/compress/Passes.h"
#include "llvm/ADT/SetVector.h"

namespace tenon {
#define GEN_PASS_DEF_CONVERTPRECISION
#include "transforms/compress/Passes.h.inc"
} // namespace tenon

using namespace mlir;
using namespace tenon;

/// A constant that rows are picked from is stored narrow from this size on.
static constexpr int64_t kLargeTable = 1 << 16;

/// Whether a matrix product sums more than one product for each result.
static bool isSum(Operation *op) {
  auto matmul = dyn_cast<MatMulOp>(op);
  if (!matmul)
    return true;
  auto type = cast<RankedTensorType>(matmul.getLhs().getType());
  return type.getDimSize(type.getRank() - (matmul.getTransposeA() ? 2 : 1)) !=
         1;
}

/// The constant whose elements `value` has, moved, or null.
static ConstantOp getMovedConstant(Value value) {
  while (isa_and_nonnull<ReshapeOp, TransposeOp, ExpandOp, SliceOp>(
      value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value.getDefiningOp<ConstantOp>();
}

namespace {

/// The operations of nodes that stay f32.
class KeptNodes {
public:
  /// Finds them in `root`. Fails, after an error, where a glob is wrong or
  /// matches nothing.
  LogicalResult find(ArrayRef<std::string> names, Operation *root) {
    NameGlobs globs;
    if (failed(globs.read("keep-fp32", names, root)))
      return failure();
    root->walk([&](Operation *op) {
      if (names.empty() || !isa_and_present<TenonDialect>(op->getDialect()) ||
          isa<ConstantOp, YieldOp>(op))
        return;
      op->getLoc()->walk([&](Location part) {
        if (auto name = dyn_cast<NameLoc>(part))
          if (globs.match(name.getName().getValue()))
            kept.insert(op);
        return WalkResult::advance();
      });
    });
    return globs.checkUsed("node that is left after simplification");
  }

  bool contains(Operation *op) const { return kept.contains(op); }

private:
  llvm::DenseSet<Operation *> kept;
};

struct ConvertPrecision : tenon::impl::ConvertPrecisionBase<ConvertPrecision> {
  using ConvertPrecisionBase::ConvertPrecisionBase;

  void runOnOperation() override {
    // Nothing but how a GPU multiplies: nodes don't differ in that.
    if (precision == "tf32" && keepFp32.empty()) {
      getOperation()->setAttr(kTf32Attr, UnitAttr::get(&getContext()));
      return;
    }
    half = getHalfType(precision, &getContext());
    if (!half) {
      getOperation()->emitError("precision '")
          << precision << "': expected bf16, fp16, or tf32 without keep-fp32";
      return signalPassFailure();
    }
    KeptNodes kept;
    SmallVector<std::string> globs(keepFp32.begin(), keepFp32.end());
    if (failed(kept.find(globs, getOperation())))
      return signalPassFailure();
    halves.clear();
    created.clear();
    numContractions = numTensors = 0;
    for (auto function : getOperation().getOps<func::FuncOp>())
      convert(function, kept);
    for (Operation *op : llvm::reverse(created.getArrayRef()))
      if (isOpTriviallyDead(op))
        op->erase();
    remark::analysis(
        getOperation()->getLoc(),
        remark::RemarkOpts::name("converted").category("precision"))
        << remark::metric("contractions", numContractions)
        << remark::metric("tensors", numTensors);
  }

private:
  void convert(func::FuncOp function, const KeptNodes &kept);
  bool canConvert(Operation *op, const KeptNodes &kept) const;
  /// `value` in the narrow type: what there is of it, or made now.
  Value getHalf(Value value);
  /// `value` again, from what is narrow.
  void widenReaders(Value value, Value narrow);
  Value cloneNarrow(OpBuilder &builder, Operation *op);
  Value createCast(OpBuilder &builder, Value value, Type to);

  FloatType half;
  llvm::DenseMap<Value, Value> halves;
  /// What may turn out not to be needed, in order.
  llvm::SetVector<Operation *> created;
  unsigned numContractions = 0, numTensors = 0;
};

} // namespace

bool ConvertPrecision::canConvert(Operation *op, const KeptNodes &kept) const {
  if (!isContraction(op) || kept.contains(op) || !isSum(op) ||
      !getElementTypeOrSelf(op->getResult(0)).isF32())
    return false;
  return llvm::all_of(op->getOpOperands(), [&](OpOperand &operand) {
    ConstantOp constant = getMovedConstant(operand.get());
    return !isFactor(operand) || !constant ||
           fitsHalf(constant.getValue(), half);
  });
}

void ConvertPrecision::convert(func::FuncOp function, const KeptNodes &kept) {
  llvm::DenseSet<Operation *> contractions;
  SmallVector<Operation *> ops;
  function.walk([&](Operation *op) {
    ops.push_back(op);
    if (canConvert(op, kept))
      contractions.insert(op);
  });
  auto isKept = [&](Operation *op) { return kept.contains(op); };
  auto fits = [&](ConstantOp constant) {
    return fitsHalf(constant.getValue(), half);
  };
  NarrowValues narrow(function, contractions, half, isKept, fits);
  for (Operation *op : ops) {
    if (contractions.contains(op)) {
      for (OpOperand &operand : op->getOpOperands())
        if (isFactor(operand))
          operand.set(getHalf(operand.get()));
      op->setAttr("wide", UnitAttr::get(&getContext()));
      ++numConverted;
      ++numContractions;
    }
    auto gather = dyn_cast<GatherOp>(op);
    auto table =
        gather ? gather.getInput().getDefiningOp<ConstantOp>() : nullptr;
    bool picks = table && !kept.contains(op) &&
                 getElementTypeOrSelf(table.getOutput()).isF32() &&
                 cast<RankedTensorType>(table.getType()).getRank() > 1 &&
                 cast<RankedTensorType>(table.getType()).getNumElements() >=
                     kLargeTable &&
                 fitsHalf(table.getValue(), half) &&
                 narrow.mayBeRounded(op->getResult(0));
    if (!picks &&
        (op->getNumResults() != 1 || !narrow.contains(op->getResult(0))))
      continue;
    Value value = op->getResult(0);
    OpBuilder builder(&getContext());
    builder.setInsertionPointAfter(op);
    widenReaders(value, picks || isMovement(op)
                            ? cloneNarrow(builder, op)
                            : createCast(builder, value, half));
    ++numNarrowed;
    ++numTensors;
  }
}

Value ConvertPrecision::createCast(OpBuilder &builder, Value value, Type to) {
  auto cast = CastOp::create(
      builder, value.getLoc(),
      mlir::cast<RankedTensorType>(value.getType()).clone(to), value, to);
  created.insert(cast);
  return cast;
}

/// A movement, done on what is narrow.
Value ConvertPrecision::cloneNarrow(OpBuilder &builder, Operation *op) {
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands())
    if (isMoved(operand))
      mapping.map(operand.get(), getHalf(operand.get()));
  created.insert(op);
  Operation *clone = builder.clone(*op, mapping);
  Value result = clone->getResult(0);
  result.setType(cast<RankedTensorType>(result.getType()).clone(half));
  return result;
}

void ConvertPrecision::widenReaders(Value value, Value narrow) {
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(narrow);
  Value wide = createCast(builder, narrow, builder.getF32Type());
  value.replaceAllUsesExcept(wide, narrow.getDefiningOp());
  halves[value] = halves[wide] = narrow;
}

Value ConvertPrecision::getHalf(Value value) {
  if (Value known = halves.lookup(value))
    return known;
  if (Value stored = getWidened(value, half))
    return stored;
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(value);
  Operation *op = value.getDefiningOp();
  Value narrow;
  if (auto constant = dyn_cast_or_null<ConstantOp>(op)) {
    if (ElementsAttr converted = convertConstant(constant.getValue(), half)) {
      narrow = ConstantOp::create(builder, op->getLoc(), converted);
      created.insert(op);
      ++numConstants;
    }
  } else if (getMovedConstant(value)) {
    // The cast would be left for the run.
    narrow = cloneNarrow(builder, op);
  }
  if (!narrow)
    narrow = createCast(builder, value, half);
  return halves[value] = narrow;
}

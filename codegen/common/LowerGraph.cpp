//===- LowerGraph.cpp - tenon-lower-graph ---------------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/KnownSizes.h"
#include "codegen/common/LowerLoop.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_LOWERGRAPH
#include "codegen/common/Passes.h.inc"

namespace {

/// One repeated value takes little in a model's file and a lot in the weights:
/// this is as much as one may take.
constexpr uint64_t kMaxSplatBytes = uint64_t(1) << 30;

/// The dynamic sizes of `tensor` as values of type index.
FailureOr<SmallVector<Value>> getDynamicSizes(OpBuilder &builder, Location loc,
                                              OpResult tensor) {
  ReifiedRankedShapedTypeDims shapes;
  if (failed(reifyResultShapes(builder, tensor.getOwner(), shapes)))
    return failure();
  SmallVector<Value> sizes;
  auto type = cast<RankedTensorType>(tensor.getType());
  for (auto [i, size] : llvm::enumerate(shapes[tensor.getResultNumber()]))
    if (type.isDynamicDim(i))
      sizes.push_back(getValueOrCreateConstantIndexOp(builder, loc, size));
  return sizes;
}

/// Gives each call a destination of its own. Bufferisation would use one memory
/// for all that share a `tensor.empty` and are not needed at the same time,
/// which then is in use from the first to the last.
void splitDestinations(func::FuncOp main, IRRewriter &rewriter) {
  SmallVector<tensor::EmptyOp> shared;
  main.walk([&](tensor::EmptyOp empty) {
    if (!empty->hasOneUse())
      shared.push_back(empty);
  });
  for (tensor::EmptyOp empty : shared) {
    for (OpOperand &use : llvm::make_early_inc_range(empty->getUses())) {
      rewriter.setInsertionPoint(use.getOwner());
      use.set(rewriter.clone(*empty)->getResult(0));
    }
    if (empty->use_empty())
      rewriter.eraseOp(empty);
  }
}

/// What so many bytes take among weights, which are aligned for vectors.
uint64_t alignForWeights(uint64_t bytes) {
  return llvm::alignTo(bytes, TENON_BUFFER_ALIGNMENT);
}

class LowerGraphPass : public impl::LowerGraphBase<LowerGraphPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(kMainName);
    if (!main) {
      module.emitError("expected a function @main");
      return signalPassFailure();
    }
    weights.clear();
    nextOffset = nextDeviceOffset = nextSlot = 0;
    // Those of another module of the same model.
    for (auto weight : module.getOps<rt::WeightOp>()) {
      weights[weight.getValue()] = weight;
      nextOffset = std::max(nextOffset, weight.getOffset() +
                                            alignForWeights(weight.getBytes()));
    }
    IRRewriter rewriter(&getContext());
    splitDestinations(main, rewriter);
    SmallVector<Operation *> ops;
    SmallVector<ConstantOp> constants;
    main.walk([&](Operation *op) {
      if (auto constant = dyn_cast<ConstantOp>(op))
        constants.push_back(constant);
      else
        ops.push_back(op);
    });
    // Constants last: a view reads its shape while that is one.
    for (Operation *op : ops)
      if (failed(lower(op, rewriter)))
        return signalPassFailure();
    for (ConstantOp constant : constants)
      if (failed(lowerConstant(constant, rewriter)))
        return signalPassFailure();
    addOutputs(main, rewriter);
  }

private:
  LogicalResult lower(Operation *op, IRRewriter &rewriter);
  LogicalResult lowerConstant(ConstantOp op, IRRewriter &rewriter);
  LogicalResult lowerView(ReshapeOp op, IRRewriter &rewriter);
  void lowerIf(IfOp op, IRRewriter &rewriter);
  void addOutputs(func::FuncOp main, IRRewriter &rewriter);

  /// Weights by value: equal constants are stored once.
  DenseMap<Attribute, rt::WeightOp> weights;
  uint64_t nextOffset = 0, nextDeviceOffset = 0;
  /// Of the memory of loops.
  int64_t nextSlot = 0;
};

LogicalResult LowerGraphPass::lower(Operation *op, IRRewriter &rewriter) {
  rewriter.setInsertionPoint(op);
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return lowerView(reshape, rewriter);
  if (auto branch = dyn_cast<IfOp>(op)) {
    lowerIf(branch, rewriter);
    return success();
  }
  if (auto loop = dyn_cast<LoopOp>(op)) {
    lowerLoop(loop, rewriter, nextSlot);
    return success();
  }
  // The yields of regions went with them.
  if (isa_and_nonnull<TenonDialect>(op->getDialect()) && !isa<YieldOp>(op))
    return op->emitOpError("is not part of a lowered graph");
  return success();
}

/// Constants become weights, one after another. In the device's memory are only
/// those that are read there.
LogicalResult LowerGraphPass::lowerConstant(ConstantOp op,
                                            IRRewriter &rewriter) {
  if (op->use_empty()) {
    rewriter.eraseOp(op);
    return success();
  }
  rewriter.setInsertionPoint(op);
  ElementsAttr value = op.getValue();
  std::optional<uint64_t> bytes = rt::getNumBytes(value.getShapedType());
  if (!bytes || (value.isSplat() && *bytes > kMaxSplatBytes))
    return op->emitOpError("repeats one value in ")
           << value.getShapedType() << ", expected at most " << kMaxSplatBytes
           << " bytes";
  rt::WeightOp &weight = weights[value];
  if (!weight) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op->getParentOfType<func::FuncOp>());
    std::string name = "w" + std::to_string(weights.size() - 1);
    weight =
        rt::WeightOp::create(rewriter, op.getLoc(), name, nextOffset, value,
                             /*device_offset=*/IntegerAttr());
    nextOffset += alignForWeights(*bytes);
    numWeightBytes += *bytes;
  }
  auto type = cast<RankedTensorType>(op.getOutput().getType());
  auto get = [&](bool onDevice) -> Value {
    if (onDevice && !weight.getDeviceOffset()) {
      weight.setDeviceOffset(nextDeviceOffset);
      nextDeviceOffset += alignForWeights(*bytes);
    }
    Value memory = rt::GetWeightOp::create(
        rewriter, op.getLoc(),
        MemRefType::get(type.getShape(), type.getElementType()),
        weight.getSymName(), onDevice);
    return bufferization::ToTensorOp::create(rewriter, op.getLoc(), type,
                                             memory, /*restrict=*/true);
  };
  // Weights are in the device's memory already.
  for (Operation *user : llvm::make_early_inc_range(op->getUsers()))
    if (auto transfer = dyn_cast<rt::TransferOp>(user))
      rewriter.replaceOp(transfer, get(/*onDevice=*/true));
  if (!op->use_empty())
    rewriter.replaceAllUsesWith(op.getOutput(), get(/*onDevice=*/false));
  rewriter.eraseOp(op);
  return success();
}

LogicalResult LowerGraphPass::lowerView(ReshapeOp op, IRRewriter &rewriter) {
  FailureOr<SmallVector<Value>> sizes =
      getDynamicSizes(rewriter, op.getLoc(), op->getResult(0));
  if (failed(sizes))
    return op.emitOpError("has a result whose size can't be computed");
  rewriter.replaceOpWithNewOp<rt::ViewOp>(op, op.getType(), op.getInput(),
                                          *sizes);
  return success();
}

void LowerGraphPass::lowerIf(IfOp op, IRRewriter &rewriter) {
  Location loc = op.getLoc();
  Value condition =
      tensor::ExtractOp::create(rewriter, loc, op.getCondition(), ValueRange());
  auto branch = scf::IfOp::create(rewriter, loc, op.getResultTypes(), condition,
                                  /*withElseRegion=*/true);
  for (auto [from, to] :
       {std::pair{&op.getThenRegion(), &branch.getThenRegion()},
        std::pair{&op.getElseRegion(), &branch.getElseRegion()}}) {
    to->takeBody(*from);
    Operation *yield = to->front().getTerminator();
    rewriter.setInsertionPoint(yield);
    SmallVector<Value> values;
    for (auto [value, type] :
         llvm::zip_equal(yield->getOperands(), op.getResultTypes()))
      values.push_back(
          value.getType() == type
              ? value
              : tensor::CastOp::create(rewriter, loc, type, value).getResult());
    rewriter.replaceOpWithNewOp<scf::YieldOp>(yield, values);
  }
  rewriter.replaceOp(op, branch.getResults());
}

/// `size` as a value before `branch`: itself, or a copy of the arithmetic that
/// computes it there; null if it depends on what the branch computes.
Value copyOutside(Value size, scf::IfOp branch) {
  OpBuilder builder(branch);
  IRMapping copies;
  return cloneSize(
      builder, size, copies, [&](Value part) -> std::optional<Value> {
        if (!branch->isAncestor(part.getParentRegion()->getParentOp()))
          return part;
        // What could fail must not run where the branch isn't taken.
        Operation *op = part.getDefiningOp();
        return op && isPure(op) ? std::nullopt : std::optional(Value());
      });
}

/// Dimension `index` of a result of `branch`: what both regions agree on, or a
/// choice between two sizes; null if either depends on what a region computes.
Value getBranchSize(OpBuilder &builder, Location loc, scf::IfOp branch,
                    unsigned result, int64_t index) {
  Value sizes[2];
  for (auto [size, region] : llvm::zip_equal(sizes, branch->getRegions())) {
    Operation *yield = region.front().getTerminator();
    OpBuilder inside(yield);
    size = getSize(inside, loc, yield->getOperand(result), index);
    size = copyOutside(size, branch);
    if (!size)
      return nullptr;
  }
  std::optional<int64_t> known = getConstantIntValue(sizes[0]);
  if (sizes[0] == sizes[1] || (known && known == getConstantIntValue(sizes[1])))
    return sizes[0];
  return arith::SelectOp::create(builder, loc, branch.getCondition(), sizes[0],
                                 sizes[1]);
}

} // namespace

Value getSize(OpBuilder &builder, Location loc, Value tensor, int64_t index) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!type.isDynamicDim(index))
    return arith::ConstantIndexOp::create(builder, loc, type.getDimSize(index));
  Operation *op = tensor.getDefiningOp();
  if (auto call = dyn_cast_or_null<DestinationStyleOpInterface>(op))
    return getSize(builder, loc,
                   call.getTiedOpOperand(cast<OpResult>(tensor))->get(), index);
  if (auto empty = dyn_cast_or_null<tensor::EmptyOp>(op))
    return empty.getDynamicSize(index);
  if (auto view = dyn_cast_or_null<rt::ViewOp>(op))
    return view.getSizes()[type.getDynamicDimIndex(index)];
  if (auto memory = dyn_cast_or_null<bufferization::ToTensorOp>(op))
    if (Value size = getSizeOperand(memory.getBuffer(), index))
      return size;
  if (auto tensorCast = dyn_cast_or_null<tensor::CastOp>(op))
    return getSize(builder, loc, tensorCast.getSource(), index);
  if (auto branch = dyn_cast_or_null<scf::IfOp>(op))
    if (Value size =
            getBranchSize(builder, loc, branch,
                          cast<OpResult>(tensor).getResultNumber(), index))
      return size;
  return tensor::DimOp::create(builder, loc, tensor, index);
}

OpOperand *findDestination(Value value, Block *block) {
  while (auto view = value.getDefiningOp<rt::ViewOp>())
    value = view.getSource();
  auto call =
      dyn_cast_or_null<DestinationStyleOpInterface>(value.getDefiningOp());
  if (!call || call->getBlock() != block)
    return nullptr;
  OpOperand *init = call.getTiedOpOperand(cast<OpResult>(value));
  auto empty = init->get().getDefiningOp<tensor::EmptyOp>();
  return empty && empty->hasOneUse() ? init : nullptr;
}

namespace {

/// The memory of a result that has a size which depends on data: it is asked
/// for before the result is computed, if its sizes are known there. If not,
/// `destination` becomes null, and the result is copied.
Value addComputedOutput(IRRewriter &rewriter, func::FuncOp main, int64_t index,
                        Value result, ArrayRef<Value> allSizes,
                        OpOperand *&destination) {
  auto type = cast<RankedTensorType>(result.getType());
  SmallVector<Value> sizes;
  for (auto [i, size] : llvm::enumerate(allSizes))
    if (type.isDynamicDim(i))
      sizes.push_back(size);
  OpBuilder::InsertionGuard guard(rewriter);
  if (destination) {
    Operation *empty = destination->get().getDefiningOp();
    DominanceInfo dominance(main);
    if (llvm::all_of(sizes, [&](Value size) {
          return dominance.properlyDominates(size, empty);
        }))
      rewriter.setInsertionPoint(empty);
    else
      destination = nullptr;
  }
  // Its node is the one to name where the size is wrong.
  return rt::OutputOp::create(
      rewriter, result.getLoc(),
      MemRefType::get(type.getShape(), type.getElementType()), index, sizes);
}

/// Results become memref arguments behind the inputs, then comes the frame.
void LowerGraphPass::addOutputs(func::FuncOp main, IRRewriter &rewriter) {
  Block &block = main.front();
  auto terminator = cast<func::ReturnOp>(block.getTerminator());
  unsigned numInputs = main.getNumArguments();
  main->setAttr(kNumInputsAttr, rewriter.getI64IntegerAttr(numInputs));
  KnownSizes known(main);

  for (auto [index, result] : llvm::enumerate(terminator.getOperands())) {
    Location loc = terminator.getLoc();
    auto type = cast<RankedTensorType>(result.getType());
    DictionaryAttr attributes = main.getResultAttrDict(index);
    (void)main.insertArgument(
        main.getNumArguments(),
        MemRefType::get(type.getShape(), type.getElementType()), attributes,
        loc);
    Value out = block.getArguments().back();

    rewriter.setInsertionPoint(terminator);
    SmallVector<Value> sizes;
    for (int64_t i = 0; i != type.getRank(); ++i)
      sizes.push_back(getSize(rewriter, loc, result, i));
    rt::ResultShapeOp::create(rewriter, loc, index, sizes);

    OpOperand *destination = findDestination(result, &block);
    if (!known.areKnown(sizes))
      out =
          addComputedOutput(rewriter, main, index, result, sizes, destination);
    if (destination) {
      auto empty = destination->get().getDefiningOp<tensor::EmptyOp>();
      rewriter.setInsertionPoint(empty);
      Value tensor = bufferization::ToTensorOp::create(
          rewriter, loc, type, out, /*restrict=*/true, /*writable=*/true);
      if (type != empty.getType())
        tensor = rt::ViewOp::create(rewriter, loc, empty.getType(), tensor,
                                    empty.getDynamicSizes());
      rewriter.replaceOp(empty, tensor);
      ++numResultsInPlace;
    }
    rewriter.setInsertionPoint(terminator);
    bufferization::MaterializeInDestinationOp::create(
        rewriter, loc, /*result=*/Type(), result, out, /*restrict=*/true,
        /*writable=*/true);
  }
  (void)main.insertArgument(main.getNumArguments(),
                            LLVM::LLVMPointerType::get(&getContext()),
                            DictionaryAttr(), main.getLoc());
  rewriter.setInsertionPoint(terminator);
  rewriter.replaceOpWithNewOp<func::ReturnOp>(terminator);
  main.setFunctionType(rewriter.getFunctionType(
      main.getFunctionType().getInputs(), TypeRange()));
  main.removeResAttrsAttr();
}

} // namespace
} // namespace tenon::codegen

//===- MakePlan.cpp - tenon-make-plan -------------------------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/KnownSizes.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_MAKEPLAN
#include "codegen/common/Passes.h.inc"

namespace {

/// Copies what sizes are computed from, and nothing else, from main to plan.
class SizeCloner {
public:
  /// `resultSizes` are the dimensions of the results, whose memory stands
  /// behind `numInputs` inputs in the arguments of main.
  SizeCloner(OpBuilder &builder, IRMapping &mapping, int64_t numInputs,
             ArrayRef<rt::ResultShapeOp> resultSizes)
      : builder(builder), mapping(mapping), numInputs(numInputs),
        resultSizes(resultSizes) {}

  /// The copy of `value` in plan; null where it depends on data.
  Value clone(Value value) {
    return cloneSize(builder, value, mapping,
                     [&](Value part) -> std::optional<Value> {
                       // A dimension is known where the memory's sizes are.
                       auto dim = part.getDefiningOp<memref::DimOp>();
                       if (dim && dim.getConstantIndex())
                         return cloneDim(dim.getLoc(), dim.getSource(),
                                         *dim.getConstantIndex());
                       return std::nullopt;
                     });
  }

  /// The copy of dimension `index` of memory.
  Value cloneDim(Location loc, Value source, int64_t index) {
    source = stripCasts(source);
    auto type = cast<MemRefType>(source.getType());
    if (!type.isDynamicDim(index))
      return arith::ConstantIndexOp::create(builder, loc,
                                            type.getDimSize(index));
    if (Value known = mapping.lookupOrNull(source))
      return memref::DimOp::create(builder, loc, known, index);
    if (auto argument = dyn_cast<BlockArgument>(source)) {
      int64_t result = argument.getArgNumber() - numInputs;
      for (rt::ResultShapeOp sizes : resultSizes)
        if (int64_t(sizes.getIndex()) == result)
          return clone(sizes.getSizes()[index]);
      return nullptr;
    }
    Value size = getSizeOperand(source, index);
    return size ? clone(size) : nullptr;
  }

private:
  OpBuilder &builder;
  IRMapping &mapping;
  int64_t numInputs;
  ArrayRef<rt::ResultShapeOp> resultSizes;
};

class MakePlanPass : public impl::MakePlanBase<MakePlanPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto main = module.lookupSymbol<func::FuncOp>(kMainName);
    int64_t numInputs =
        main->getAttrOfType<IntegerAttr>(kNumInputsAttr).getInt();

    OpBuilder builder(main);
    auto sizesType =
        MemRefType::get({ShapedType::kDynamic}, builder.getI64Type());
    SmallVector<Type> types(
        main.getFunctionType().getInputs().take_front(numInputs));
    types.append(3, sizesType);
    auto plan = func::FuncOp::create(builder, main.getLoc(), kPlanName,
                                     builder.getFunctionType(types, {}));
    Block *block = plan.addEntryBlock();
    builder.setInsertionPointToEnd(block);
    IRMapping mapping;
    for (int64_t i = 0; i != numInputs; ++i)
      mapping.map(main.getArgument(i), block->getArgument(i));
    Value bytes = block->getArgument(numInputs);
    Value dims = block->getArgument(numInputs + 1);
    Value libraryDims = block->getArgument(numInputs + 2);

    SmallVector<rt::ResultShapeOp> shapes;
    main.walk([&](rt::ResultShapeOp shape) { shapes.push_back(shape); });
    SizeCloner cloner(builder, mapping, numInputs, shapes);
    KnownSizes known(main);
    DenseSet<int64_t> computed;
    main.walk([&](rt::OutputOp output) { computed.insert(output.getIndex()); });
    int64_t nextDim = 0, nextLibraryDim = 0;
    WalkResult result = main.walk([&](Operation *op) {
      LogicalResult stored = success();
      if (auto buffer = dyn_cast<rt::BufferOp>(op)) {
        stored = storeBytes(buffer, cloner, builder, bytes);
      } else if (auto shape = dyn_cast<rt::ResultShapeOp>(op)) {
        SmallVector<Value> sizes(shape.getSizes());
        if (computed.contains(shape.getIndex()))
          for (Value &size : sizes)
            if (!known.isKnown(size))
              size = arith::ConstantIndexOp::create(builder, shape.getLoc(),
                                                    TENON_DIM_COMPUTED);
        stored = storeDims(shape, sizes, cloner, builder, dims, nextDim);
        if (failed(stored))
          shape.emitError("the shape of result ")
              << shape.getIndex() << " is not known before the run";
      } else if (auto call = dyn_cast<rt::LibraryOp>(op)) {
        storeLibraryDims(call, cloner, builder, libraryDims, nextLibraryDim);
      }
      return failed(stored) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    func::ReturnOp::create(builder, main.getLoc());
    for (rt::ResultShapeOp shape : shapes)
      shape.erase();
  }

private:
  static void store(OpBuilder &builder, Location loc, Value size, Value memory,
                    int64_t index) {
    Value number = size;
    if (size.getType().isIndex())
      number =
          arith::IndexCastOp::create(builder, loc, builder.getI64Type(), size);
    Value position = arith::ConstantIndexOp::create(builder, loc, index);
    memref::StoreOp::create(builder, loc, number, memory, position);
  }

  /// Stores the product of the sizes and the bytes of an element; -1 where a
  /// size is negative or the product has more than 63 bits.
  static LogicalResult storeBytes(rt::BufferOp buffer, SizeCloner &cloner,
                                  OpBuilder &builder, Value memory) {
    Location loc = buffer.getLoc();
    auto type = cast<MemRefType>(buffer.getType());
    int64_t constant = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (int64_t size : type.getShape())
      if (!ShapedType::isDynamic(size) &&
          llvm::MulOverflow(constant, size, constant))
        return buffer.emitError("an intermediate result is too large: ")
               << type;
    Value zero = arith::ConstantIntOp::create(builder, loc, 0, 64);
    Value bytes = arith::ConstantIntOp::create(builder, loc, constant, 64);
    Value isWrong;
    auto noteIf = [&](arith::CmpIPredicate predicate, Value value) {
      Value wrong = arith::CmpIOp::create(builder, loc, predicate, value, zero);
      isWrong =
          isWrong ? arith::OrIOp::create(builder, loc, isWrong, wrong) : wrong;
    };
    for (Value size : buffer.getSizes()) {
      Value copy = cloner.clone(size);
      if (!copy)
        return buffer.emitError("the size of an intermediate result depends on "
                                "data, which is not supported");
      Value factor =
          arith::IndexCastOp::create(builder, loc, builder.getI64Type(), copy);
      noteIf(arith::CmpIPredicate::slt, factor);
      auto product =
          arith::MulSIExtendedOp::create(builder, loc, bytes, factor);
      bytes = product.getLow();
      noteIf(arith::CmpIPredicate::slt, bytes);
      noteIf(arith::CmpIPredicate::ne, product.getHigh());
    }
    if (isWrong)
      bytes = arith::SelectOp::create(
          builder, loc, isWrong,
          arith::ConstantIntOp::create(builder, loc, -1, 64), bytes);
    store(builder, loc, bytes, memory, buffer.getIndex());
    return success();
  }

  /// Stores the dimensions of all args of a call, or as many -1 if some are not
  /// known or the call is in a region of a conditional or a loop.
  static void storeLibraryDims(rt::LibraryOp call, SizeCloner &cloner,
                               OpBuilder &builder, Value memory,
                               int64_t &next) {
    Location loc = call.getLoc();
    bool isKnown = isa<func::FuncOp>(call->getParentOp());
    SmallVector<Value> sizes;
    for (Value operand : call.getArgs())
      for (int64_t i = 0, e = cast<MemRefType>(operand.getType()).getRank();
           i != e; ++i) {
        sizes.push_back(isKnown ? cloner.cloneDim(loc, operand, i) : nullptr);
        isKnown &= bool(sizes.back());
      }
    for (Value size : sizes)
      store(builder, loc,
            isKnown
                ? size
                : arith::ConstantIndexOp::create(builder, loc, -1).getResult(),
            memory, next++);
  }

  static LogicalResult storeDims(rt::ResultShapeOp shape, ArrayRef<Value> sizes,
                                 SizeCloner &cloner, OpBuilder &builder,
                                 Value memory, int64_t &next) {
    for (Value size : sizes) {
      Value copy = cloner.clone(size);
      if (!copy)
        return failure();
      store(builder, shape.getLoc(), copy, memory, next++);
    }
    return success();
  }
};

} // namespace
} // namespace tenon::codegen

//===- MakePlan.cpp - tenon-make-plan -------------------------------------===//

#include "codegen/common/Passes.h"

#include "dialects/rt/RtDialect.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_MAKEPLAN
#include "codegen/common/Passes.h.inc"

namespace {

/// Copies what sizes are computed from, and nothing else, from main to plan.
class SizeCloner {
public:
  SizeCloner(OpBuilder &builder, IRMapping &mapping)
      : builder(builder), mapping(mapping) {}

  /// The copy of `value` in plan; failure where it depends on data.
  FailureOr<Value> clone(Value value) {
    if (Value known = mapping.lookupOrNull(value))
      return known;
    Operation *op = value.getDefiningOp();
    if (!op)
      return failure();
    // A dimension is known where the memory's sizes are.
    if (auto dim = dyn_cast<memref::DimOp>(op))
      if (FailureOr<Value> size = cloneDim(dim); succeeded(size)) {
        mapping.map(value, *size);
        return size;
      }
    if (!isMemoryEffectFree(op) || op->getNumRegions() != 0)
      return failure();
    for (Value operand : op->getOperands())
      if (failed(clone(operand)))
        return failure();
    builder.clone(*op, mapping);
    return mapping.lookup(value);
  }

private:
  FailureOr<Value> cloneDim(memref::DimOp dim) {
    std::optional<int64_t> index = dim.getConstantIndex();
    Value source = dim.getSource();
    while (auto cast = source.getDefiningOp<memref::CastOp>())
      source = cast.getSource();
    if (!index)
      return failure();
    auto type = cast<MemRefType>(source.getType());
    if (!type.isDynamicDim(*index))
      return Value(arith::ConstantIndexOp::create(builder, dim.getLoc(),
                                                  type.getDimSize(*index)));
    Operation *op = source.getDefiningOp();
    unsigned position = type.getDynamicDimIndex(*index);
    if (auto buffer = dyn_cast_or_null<rt::BufferOp>(op))
      return clone(buffer.getSizes()[position]);
    if (auto view = dyn_cast_or_null<rt::ViewOp>(op))
      return clone(view.getSizes()[position]);
    return failure();
  }

  OpBuilder &builder;
  IRMapping &mapping;
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
    types.append({sizesType, sizesType});
    auto plan = func::FuncOp::create(builder, main.getLoc(), kPlanName,
                                     builder.getFunctionType(types, {}));
    Block *block = plan.addEntryBlock();
    builder.setInsertionPointToEnd(block);
    IRMapping mapping;
    for (int64_t i = 0; i != numInputs; ++i)
      mapping.map(main.getArgument(i), block->getArgument(i));
    Value bytes = block->getArgument(numInputs);
    Value dims = block->getArgument(numInputs + 1);

    SizeCloner cloner(builder, mapping);
    int64_t nextDim = 0;
    WalkResult result = main.walk([&](Operation *op) {
      LogicalResult stored = success();
      if (auto buffer = dyn_cast<rt::BufferOp>(op)) {
        stored = storeBytes(buffer, cloner, builder, bytes);
        if (failed(stored))
          buffer.emitError("the size of an intermediate result depends on "
                           "data, which is not supported");
      } else if (auto shape = dyn_cast<rt::ResultShapeOp>(op)) {
        stored = storeDims(shape, cloner, builder, dims, nextDim);
        if (failed(stored))
          shape.emitError("the shape of result ")
              << shape.getIndex() << " depends on data, which is not supported";
      }
      return failed(stored) ? WalkResult::interrupt() : WalkResult::advance();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    func::ReturnOp::create(builder, main.getLoc());

    SmallVector<rt::ResultShapeOp> shapes;
    main.walk([&](rt::ResultShapeOp shape) { shapes.push_back(shape); });
    for (rt::ResultShapeOp shape : shapes)
      shape.erase();
  }

private:
  static void store(OpBuilder &builder, Location loc, Value size, Value memory,
                    int64_t index) {
    Value number =
        arith::IndexCastOp::create(builder, loc, builder.getI64Type(), size);
    Value position = arith::ConstantIndexOp::create(builder, loc, index);
    memref::StoreOp::create(builder, loc, number, memory, position);
  }

  static LogicalResult storeBytes(rt::BufferOp buffer, SizeCloner &cloner,
                                  OpBuilder &builder, Value memory) {
    Location loc = buffer.getLoc();
    auto type = cast<MemRefType>(buffer.getType());
    int64_t constant = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
    for (int64_t size : type.getShape())
      if (!ShapedType::isDynamic(size))
        constant *= size;
    Value bytes = arith::ConstantIndexOp::create(builder, loc, constant);
    for (Value size : buffer.getSizes()) {
      FailureOr<Value> copy = cloner.clone(size);
      if (failed(copy))
        return failure();
      bytes = arith::MulIOp::create(builder, loc, bytes, *copy);
    }
    store(builder, loc, bytes, memory, buffer.getIndex());
    return success();
  }

  static LogicalResult storeDims(rt::ResultShapeOp shape, SizeCloner &cloner,
                                 OpBuilder &builder, Value memory,
                                 int64_t &next) {
    for (Value size : shape.getSizes()) {
      FailureOr<Value> copy = cloner.clone(size);
      if (failed(copy))
        return failure();
      store(builder, shape.getLoc(), *copy, memory, next++);
    }
    return success();
  }
};

} // namespace
} // namespace tenon::codegen

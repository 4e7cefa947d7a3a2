//===- LowerRuntimeCalls.cpp - tenon-lower-runtime-calls ------------------===//

#include "codegen/common/Passes.h"

#include "codegen/common/AbiBuilder.h"
#include "codegen/common/ElementTypes.h"
#include "codegen/common/EntryFunctions.h"
#include "codegen/common/HostParts.h"
#include "codegen/common/ModelAttributes.h"
#include "codegen/common/NodeNames.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace tenon::codegen {

#define GEN_PASS_DEF_LOWERRUNTIMECALLS
#include "codegen/common/Passes.h.inc"

namespace {

/// The bytes of an element as it stands in memory.
int64_t getElementBytes(MemRefType type) {
  return llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

class LowerRuntimeCallsPass
    : public impl::LowerRuntimeCallsBase<LowerRuntimeCallsPass> {
public:
  void runOnOperation() override;

private:
  void lowerMemory(Operation *op, Value frame);
  void lowerLaunch(rt::LaunchOp op, Value frame);
  void lowerLibrary(rt::LibraryOp op, Value frame);
  void lowerRequireEqual(rt::RequireEqualOp op, Value frame);
  Value makeString(AbiBuilder &builder, StringRef text);
  void makeCopy(AbiBuilder &builder, Value frame, Value source, Value target,
                std::optional<bool> toDevice, bool stable);
  LogicalResult lowerCopy(memref::CopyOp op, Value frame);
  void lowerTransfer(rt::TransferOp op, Value frame);
  template <typename Op>
  Value lowerAllocation(AbiBuilder &builder, Op op, Value frame);
  /// Calls function `slot` of the runtime's table with the session and
  /// `arguments`. Of an i32, the default, nobody needs to take notice: an error
  /// sticks to the session, and later calls of this run do nothing.
  Value callRuntime(AbiBuilder &builder, Value frame, int64_t slot,
                    ArrayRef<Value> arguments, Type result = {});
  Value countUnits(AbiBuilder &builder, rt::LaunchOp op);
  void describeRun(func::FuncOp run, func::FuncOp main);
  /// Declares a table that tenon-describe-model defines.
  void declareTable(StringRef name, size_t size);
  Value addressOfKernel(AbiBuilder &builder, StringRef table, size_t index,
                        size_t bytes);

  const LLVMTypeConverter *types = nullptr;
  SmallVector<Attribute> kernels;
  SmallVector<Attribute> libraryKernels;
  SmallVector<std::string> bufferNames;
  SetVector<Operation *> entries;
  llvm::StringMap<LLVM::GlobalOp> texts;
  llvm::DenseSet<Operation *> stableTransfers;
};

/// The address of a row is that of the source and as many rows before it.
static Value lowerRow(AbiBuilder &builder, rt::RowOp op) {
  auto type = cast<MemRefType>(op.getResult().getType());
  Value offset = arith::ConstantIndexOp::create(builder, getElementBytes(type));
  offset = arith::MulIOp::create(builder, offset, op.getIndex());
  SmallVector<Value> sizes;
  for (int64_t i = 0; i != type.getRank(); ++i) {
    Value size = memref::DimOp::create(builder, op.getSource(), i + 1);
    if (type.isDynamicDim(i))
      sizes.push_back(size);
    offset = arith::MulIOp::create(builder, offset, size);
  }
  Value pointer = LLVM::GEPOp::create(
      builder, builder.getPointerType(), builder.getI8Type(),
      builder.getPointer(op.getSource()),
      ValueRange{
          arith::IndexCastOp::create(builder, builder.getI64Type(), offset)
              .getResult()});
  return builder.makeMemRef(type, pointer, sizes);
}

/// Memory that the runtime keeps for the model: buffers and weights.
void LowerRuntimeCallsPass::lowerMemory(Operation *op, Value frame) {
  AbiBuilder builder(op->getLoc(), op, *types);
  Value memory;
  if (auto view = dyn_cast<rt::ViewOp>(op)) {
    memory = builder.makeMemRef(cast<MemRefType>(view.getResult().getType()),
                                builder.getPointer(view.getSource()),
                                view.getSizes());
  } else if (auto buffer = dyn_cast<rt::BufferOp>(op)) {
    Value table = builder.loadPointer(frame, TENON_FRAME_SLOT(buffers));
    memory = builder.makeMemRef(cast<MemRefType>(buffer.getType()),
                                builder.loadPointer(table, buffer.getIndex()),
                                buffer.getSizes());
    bufferNames.resize(std::max(bufferNames.size(), buffer.getIndex() + 1));
    bufferNames[buffer.getIndex()] = getNodeNames(op->getLoc());
  } else if (auto row = dyn_cast<rt::RowOp>(op)) {
    memory = lowerRow(builder, row);
  } else if (isa<rt::FailedOp>(op)) {
    Value status = callRuntime(builder, frame, TENON_TABLE_SLOT(status), {});
    Value zero =
        arith::ConstantOp::create(builder, builder.getI32IntegerAttr(0));
    memory =
        arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, status, zero);
  } else if (auto allocate = dyn_cast<rt::AllocateOp>(op)) {
    memory = lowerAllocation(builder, allocate, frame);
  } else if (auto output = dyn_cast<rt::OutputOp>(op)) {
    memory = lowerAllocation(builder, output, frame);
  } else if (auto get = dyn_cast<rt::GetWeightOp>(op)) {
    auto weight = SymbolTable::lookupNearestSymbolFrom<rt::WeightOp>(
        op, get.getWeightAttr());
    Value base = builder.loadPointer(
        frame, get.getOnDevice() ? TENON_FRAME_SLOT(deviceWeights)
                                 : TENON_FRAME_SLOT(weights));
    uint64_t offset =
        get.getOnDevice() ? *weight.getDeviceOffset() : weight.getOffset();
    Value pointer = LLVM::GEPOp::create(
        builder, builder.getPointerType(), builder.getI8Type(), base,
        ValueRange{LLVM::ConstantOp::create(
            builder, builder.getI64Type(), builder.getI64IntegerAttr(offset))});
    memory = builder.makeMemRef(cast<MemRefType>(get.getType()), pointer, {});
  } else {
    return;
  }
  op->getResult(0).replaceAllUsesWith(memory);
  op->erase();
}

/// A call for memory with all dimensions of what it is for.
template <typename Op>
Value LowerRuntimeCallsPass::lowerAllocation(AbiBuilder &builder, Op op,
                                             Value frame) {
  auto type = cast<MemRefType>(op.getResult().getType());
  auto makeI32 = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(builder, builder.getI32IntegerAttr(value));
  };
  SmallVector<Value> dims;
  for (int64_t i = 0; i != type.getRank(); ++i) {
    if (type.isDynamicDim(i))
      dims.push_back(arith::IndexCastOp::create(
          builder, builder.getI64Type(),
          op.getSizes()[type.getDynamicDimIndex(i)]));
    else
      dims.push_back(arith::ConstantOp::create(
          builder, builder.getI64IntegerAttr(type.getDimSize(i))));
  }
  Value dimArray = builder.makeArray(builder.getI64Type(), dims);
  Value node = makeString(builder, getNodeNames(op.getLoc()));
  Value pointer;
  if constexpr (std::is_same_v<Op, rt::OutputOp>) {
    pointer = callRuntime(builder, frame, TENON_TABLE_SLOT(output),
                          {makeI32(op.getIndex()), node, dimArray},
                          builder.getPointerType());
  } else {
    Value elementBytes = arith::ConstantOp::create(
        builder, builder.getI64IntegerAttr(getElementBytes(type)));
    pointer = callRuntime(
        builder, frame, TENON_TABLE_SLOT(allocate),
        {makeI32(op.getSlot()),
         makeI32(op.getOnDevice() ? TENON_SPACE_DEVICE : TENON_SPACE_HOST),
         makeI32(op.getKeep()), node, elementBytes, makeI32(type.getRank()),
         dimArray},
        builder.getPointerType());
  }
  return builder.makeMemRef(type, pointer, op.getSizes());
}

/// How many elements `memory` has, as an i64.
static Value countElements(AbiBuilder &builder, Value memory) {
  Value count = arith::ConstantIndexOp::create(builder, 1);
  for (int64_t i = 0, e = cast<MemRefType>(memory.getType()).getRank(); i != e;
       ++i)
    count = arith::MulIOp::create(builder, count,
                                  memref::DimOp::create(builder, memory, i));
  return arith::IndexCastOp::create(builder, builder.getI64Type(), count);
}

/// A copy by the runtime, which knows whether there was an error: sizes may be
/// anything then. Without a value for `toDevice`, it is within the processor's
/// memory. `stable` is of transfers.
void LowerRuntimeCallsPass::makeCopy(AbiBuilder &builder, Value frame,
                                     Value source, Value target,
                                     std::optional<bool> toDevice,
                                     bool stable) {
  int64_t bytes = getElementBytes(cast<MemRefType>(target.getType()));
  Value count = countElements(builder, target);
  SmallVector<Value> arguments;
  if (toDevice)
    for (int32_t value :
         {int32_t(*toDevice ? TENON_SPACE_DEVICE : TENON_SPACE_HOST),
          int32_t(stable)})
      arguments.push_back(
          arith::ConstantOp::create(builder, builder.getI32IntegerAttr(value)));
  arguments.append(
      {builder.getPointer(target), builder.getPointer(source),
       arith::ConstantOp::create(builder, builder.getI64IntegerAttr(bytes)),
       count});
  callRuntime(builder, frame,
              toDevice ? TENON_TABLE_SLOT(transfer) : TENON_TABLE_SLOT(copy),
              arguments);
}

LogicalResult LowerRuntimeCallsPass::lowerCopy(memref::CopyOp op, Value frame) {
  AbiBuilder builder(op.getLoc(), op, *types);
  bool onDevice = isOnDevice(op.getTarget());
  if (onDevice != isOnDevice(op.getSource()))
    return op.emitError("is a copy between two memories, expected a "
                        "'tenon_rt.transfer'");
  makeCopy(builder, frame, op.getSource(), op.getTarget(),
           onDevice ? std::optional(true) : std::nullopt, /*stable=*/true);
  op.erase();
  return success();
}

void LowerRuntimeCallsPass::lowerTransfer(rt::TransferOp op, Value frame) {
  AbiBuilder builder(op.getLoc(), op, *types);
  makeCopy(builder, frame, op.getSource(), op.getTarget(), op.getToDevice(),
           stableTransfers.contains(op));
  op.erase();
}

static bool readsMemory(func::FuncOp function) {
  return function.walk([](memref::LoadOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// How many units `op` has: the kernel's own formula over the dimensions of the
/// memrefs that it is called with. Where that reads memory of the device, it is
/// the kernel's business, and this is as many as there are elements.
Value LowerRuntimeCallsPass::countUnits(AbiBuilder &builder, rt::LaunchOp op) {
  auto units = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, builder.getStringAttr(getUnitsName(op.getKernel())));
  if (op.getOnDevice() && readsMemory(units))
    return countElements(builder, op.getOutputs().front());
  IRMapping mapping;
  for (auto [argument, operand] :
       llvm::zip_equal(units.getArguments(), op.getArgs()))
    mapping.map(argument, operand);
  for (Operation &inner : units.front().without_terminator())
    builder.clone(inner, mapping);
  Value count =
      mapping.lookupOrDefault(units.front().getTerminator()->getOperand(0));
  return arith::IndexCastOp::create(builder, builder.getI64Type(), count);
}

void LowerRuntimeCallsPass::declareTable(StringRef name, size_t size) {
  auto builder = OpBuilder::atBlockBegin(getOperation().getBody());
  auto pointer = LLVM::LLVMPointerType::get(&getContext());
  LLVM::GlobalOp::create(
      builder, getOperation().getLoc(), LLVM::LLVMArrayType::get(pointer, size),
      /*isConstant=*/true, LLVM::Linkage::External, name, Attribute());
}

Value LowerRuntimeCallsPass::addressOfKernel(AbiBuilder &builder,
                                             StringRef table, size_t index,
                                             size_t bytes) {
  Value base =
      LLVM::AddressOfOp::create(builder, builder.getPointerType(), table);
  return builder.elementAddress(
      base, LLVM::LLVMArrayType::get(builder.getI8Type(), bytes), index);
}

Value LowerRuntimeCallsPass::callRuntime(AbiBuilder &builder, Value frame,
                                         int64_t slot,
                                         ArrayRef<Value> arguments,
                                         Type result) {
  Value table = builder.loadPointer(frame, TENON_FRAME_SLOT(rt));
  Value session = builder.loadPointer(frame, TENON_FRAME_SLOT(session));
  SmallVector<Value> operands = {builder.loadPointer(table, slot), session};
  llvm::append_range(operands, arguments);
  SmallVector<Type> parameters;
  for (Value operand : ArrayRef(operands).drop_front())
    parameters.push_back(operand.getType());
  if (!result)
    result = builder.getI32Type();
  return LLVM::CallOp::create(
             builder, LLVM::LLVMFunctionType::get(result, parameters), operands)
      .getResult();
}

/// The number of arithmetic operations of a call; -1 if it is not known.
static Value getFlops(AbiBuilder &builder, Value flops) {
  if (!flops)
    return arith::ConstantOp::create(builder, builder.getI64IntegerAttr(-1));
  return arith::IndexCastOp::create(builder, builder.getI64Type(), flops);
}

/// TenonKernel::args.
template <typename CallOp> static DenseI64ArrayAttr describeArgs(CallOp op) {
  SmallVector<int64_t> words = {int64_t(op.getInputs().size()),
                                int64_t(op.getOutputs().size())};
  for (OperandRange operands : {op.getInputs(), op.getOutputs()})
    for (Type operand : operands.getTypes()) {
      auto type = cast<MemRefType>(operand);
      words.push_back(getDType(type.getElementType()));
      words.push_back(type.getRank());
      for (int64_t size : type.getShape())
        words.push_back(ShapedType::isDynamic(size) ? -1 : size);
    }
  return DenseI64ArrayAttr::get(op.getContext(), words);
}

void LowerRuntimeCallsPass::lowerLaunch(rt::LaunchOp op, Value frame) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
      op, op.getKernelAttr());
  entries.insert(kernel);
  AbiBuilder builder(op.getLoc(), op, *types);
  SmallVector<Value> pointers, dims;
  for (auto [operand, argument] :
       llvm::zip(op.getArgs(), kernel.getArgumentTypes())) {
    auto type = dyn_cast<MemRefType>(argument);
    if (!type) {
      dims.push_back(
          arith::IndexCastOp::create(builder, builder.getI64Type(), operand));
      continue;
    }
    pointers.push_back(builder.getPointer(operand));
    for (int64_t i = 0; i != type.getRank(); ++i)
      if (type.isDynamicDim(i))
        dims.push_back(arith::IndexCastOp::create(
            builder, builder.getI64Type(),
            memref::DimOp::create(builder, operand, i)));
  }
  Value units = countUnits(builder, op);
  Type pointer = builder.getPointerType();
  Type i64 = builder.getI64Type();
  Value entry = addressOfKernel(builder, kKernelTable, kernels.size(),
                                sizeof(TenonKernel));
  callRuntime(builder, frame, TENON_TABLE_SLOT(launch),
              {entry, builder.makeArray(pointer, pointers),
               builder.makeArray(i64, dims), units,
               getFlops(builder, op.getFlops())});
  NamedAttrList description;
  description.append("args", describeArgs(op));
  description.append("name", builder.getStringAttr(getNodeNames(op.getLoc())));
  description.append("provider", kernel->getAttr(kKernelProviderAttr));
  description.append("num_args", builder.getI64IntegerAttr(pointers.size()));
  description.append("num_dims", builder.getI64IntegerAttr(dims.size()));
  if (op.getOnDevice()) {
    auto unit = kernel->getAttrOfType<IntegerAttr>(kUnitThreadsAttr);
    int64_t unitThreads = unit ? unit.getInt() : 1;
    description.append("symbol", builder.getStringAttr(op.getKernel()));
    description.append("block_size",
                       builder.getI64IntegerAttr(getBlockSize(unitThreads)));
    description.append("unit_threads", builder.getI64IntegerAttr(unitThreads));
    if (Attribute library = kernel->getAttr(kLibraryAttr))
      description.append("library", library);
  } else {
    description.append("entry",
                       builder.getStringAttr(getEntryName(op.getKernel())));
  }
  kernels.push_back(description.getDictionary(&getContext()));
  if (op.getOnDevice())
    kernel->setAttr(kOnDeviceAttr, builder.getUnitAttr());
  op.erase();
}

/// Where in the weights `memory` stands; -1 if it is somewhere else.
static int64_t getWeightOffset(Value memory) {
  auto get = stripWholeViews(memory).getDefiningOp<rt::GetWeightOp>();
  if (!get)
    return -1;
  return SymbolTable::lookupNearestSymbolFrom<rt::WeightOp>(get,
                                                            get.getWeightAttr())
      .getOffset();
}

void LowerRuntimeCallsPass::lowerLibrary(rt::LibraryOp op, Value frame) {
  AbiBuilder builder(op.getLoc(), op, *types);
  SmallVector<Value> pointers, dims;
  for (Value operand : op.getArgs()) {
    pointers.push_back(builder.getPointer(operand));
    for (int64_t i = 0, e = cast<MemRefType>(operand.getType()).getRank();
         i != e; ++i)
      dims.push_back(arith::IndexCastOp::create(
          builder, builder.getI64Type(),
          memref::DimOp::create(builder, operand, i)));
  }
  Type pointer = builder.getPointerType();
  Type i64 = builder.getI64Type();
  Value entry = addressOfKernel(builder, kLibraryTable, libraryKernels.size(),
                                sizeof(TenonLibraryKernel));
  callRuntime(builder, frame, TENON_TABLE_SLOT(library),
              {entry, builder.makeArray(pointer, pointers),
               builder.makeArray(i64, dims), getFlops(builder, op.getFlops())});
  SmallVector<int64_t> constants(pointers.size(), -1);
  for (int64_t index : op.getConstants())
    constants[index] = getWeightOffset(op.getInputs()[index]);
  libraryKernels.push_back(builder.getDictionaryAttr(
      {builder.getNamedAttr("constants",
                            builder.getDenseI64ArrayAttr(constants)),
       builder.getNamedAttr("descriptor", op.getDescriptorAttr()),
       builder.getNamedAttr("dims", builder.getI64IntegerAttr(dims.size())),
       builder.getNamedAttr("name",
                            builder.getStringAttr(getNodeNames(op.getLoc()))),
       builder.getNamedAttr("provider", op.getProviderAttr()),
       builder.getNamedAttr("args", describeArgs(op))}));
  op.erase();
}

/// A comparison, and a call of the runtime where it fails.
void LowerRuntimeCallsPass::lowerRequireEqual(rt::RequireEqualOp op,
                                              Value frame) {
  AbiBuilder builder(op.getLoc(), op, *types);
  Value differs = arith::CmpIOp::create(builder, arith::CmpIPredicate::ne,
                                        op.getLhs(), op.getRhs());
  auto branch = scf::IfOp::create(builder, differs, /*withElseRegion=*/false);
  builder.setInsertionPoint(branch.thenYield());
  SmallVector<Value> sizes;
  for (Value size : {op.getLhs(), op.getRhs()})
    sizes.push_back(
        arith::IndexCastOp::create(builder, builder.getI64Type(), size));
  callRuntime(builder, frame, TENON_TABLE_SLOT(mismatch),
              {makeString(builder, getNodeNames(op.getLoc())),
               makeString(builder, op.getWhat()), sizes[0], sizes[1]});
  op.erase();
}

/// The address of a constant text; equal ones are one.
Value LowerRuntimeCallsPass::makeString(AbiBuilder &builder, StringRef text) {
  LLVM::GlobalOp &global = texts[text];
  if (!global) {
    auto at = OpBuilder::atBlockBegin(getOperation().getBody());
    std::string bytes = text.str();
    bytes.push_back(0);
    global = LLVM::GlobalOp::create(
        at, getOperation().getLoc(),
        LLVM::LLVMArrayType::get(at.getI8Type(), bytes.size()),
        /*isConstant=*/true, LLVM::Linkage::Internal,
        "text" + std::to_string(texts.size() - 1), at.getStringAttr(bytes));
  }
  return LLVM::AddressOfOp::create(builder, global);
}

/// The attributes of @run that tell of kernels and of memory.
void LowerRuntimeCallsPass::describeRun(func::FuncOp run, func::FuncOp main) {
  Builder builder(&getContext());
  run->setAttr(kKernelsAttr, builder.getArrayAttr(kernels));
  run->setAttr(kLibraryKernelsAttr, builder.getArrayAttr(libraryKernels));
  run->setAttr(kBuffersAttr, main->getAttr(kBuffersAttr));
  bufferNames.resize(
      cast<DenseI64ArrayAttr>(main->getAttr(kBuffersAttr)).size() /
      kBufferWords);
  SmallVector<StringRef> buffers(bufferNames.begin(), bufferNames.end());
  run->setAttr(kBufferNamesAttr, builder.getStrArrayAttr(buffers));
  run->setAttr(kNumSlotsAttr, main->getAttr(kNumSlotsAttr));
  main->removeAttr(kBuffersAttr);
  main->removeAttr(kNumSlotsAttr);
  main->removeAttr(kNumInputsAttr);
  for (unsigned i = 0; i != main.getNumArguments(); ++i)
    main.setArgAttrs(i, DictionaryAttr::get(&getContext()));
}

void LowerRuntimeCallsPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto main = module.lookupSymbol<func::FuncOp>(kMainName);
  auto plan = module.lookupSymbol<func::FuncOp>(kPlanName);
  LLVMTypeConverter converter(&getContext());
  types = &converter;
  kernels.clear();
  libraryKernels.clear();
  bufferNames.clear();
  entries.clear();
  texts.clear();
  stableTransfers.clear();
  bool replayable = isReplayable(main);

  SmallVector<rt::LaunchOp> launches;
  SmallVector<rt::LibraryOp> calls;
  SmallVector<rt::RequireEqualOp> guards;
  SmallVector<memref::CopyOp> copies;
  SmallVector<rt::TransferOp> transfers;
  main.walk([&](Operation *op) {
    if (auto launch = dyn_cast<rt::LaunchOp>(op))
      launches.push_back(launch);
    else if (auto call = dyn_cast<rt::LibraryOp>(op))
      calls.push_back(call);
    else if (auto guard = dyn_cast<rt::RequireEqualOp>(op))
      guards.push_back(guard);
    else if (auto copy = dyn_cast<memref::CopyOp>(op))
      copies.push_back(copy);
    else if (auto transfer = dyn_cast<rt::TransferOp>(op))
      transfers.push_back(transfer);
  });
  for (rt::TransferOp op : transfers)
    if (isStable(op))
      stableTransfers.insert(op);
  declareTable(kKernelTable, launches.size());
  declareTable(kLibraryTable, calls.size());
  Value frame = main.getArguments().back();
  for (rt::LaunchOp op : launches)
    lowerLaunch(op, frame);
  for (rt::LibraryOp op : calls)
    lowerLibrary(op, frame);
  for (rt::RequireEqualOp op : guards)
    lowerRequireEqual(op, frame);
  for (memref::CopyOp op : copies)
    if (failed(lowerCopy(op, frame)))
      return signalPassFailure();
  for (rt::TransferOp op : transfers)
    lowerTransfer(op, frame);
  SmallVector<Operation *> memory;
  main.walk([&](Operation *op) { memory.push_back(op); });
  for (Operation *op : memory)
    if (auto load = dyn_cast<memref::LoadOp>(op))
      if (isOnDevice(load.getMemRef())) {
        op->emitError("reads a number in the device's memory, expected a "
                      "'tenon_rt.transfer'");
        return signalPassFailure();
      }
  for (Operation *op : memory) {
    auto get = dyn_cast<rt::GetWeightOp>(op);
    if (get && get.getOnDevice() &&
        !SymbolTable::lookupNearestSymbolFrom<rt::WeightOp>(op,
                                                            get.getWeightAttr())
             .getDeviceOffset()) {
      op->emitError("is of a weight that has no place in the device's memory");
      return signalPassFailure();
    }
  }
  for (Operation *op : memory)
    lowerMemory(op, frame);
  for (Operation *kernel : entries) {
    auto function = cast<func::FuncOp>(kernel);
    if (!function->hasAttr(kOnDeviceAttr))
      makeKernelEntry(function, converter);
    auto units =
        module.lookupSymbol<func::FuncOp>(getUnitsName(function.getName()));
    // A kernel of the device may have to count them there.
    if (units && !(function->hasAttr(kOnDeviceAttr) && readsMemory(units)))
      units.erase();
  }
  func::FuncOp run = makeModelEntries(main, plan, converter);
  if (replayable)
    run->setAttr(kReplayableAttr, UnitAttr::get(&getContext()));
  describeRun(run, main);
  main.setPrivate();
  plan.setPrivate();
}

} // namespace
} // namespace tenon::codegen

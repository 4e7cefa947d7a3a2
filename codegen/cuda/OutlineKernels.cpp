//===- OutlineKernels.cpp - tenon-cuda-outline-kernels --------------------===//

#include "codegen/cuda/Passes.h"

#include "codegen/common/AbiBuilder.h"
#include "codegen/common/ModelAttributes.h"
#include "codegen/cuda/BlockCode.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"
#include "runtime/cuda/Architectures.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace tenon::cuda {

#define GEN_PASS_DEF_OUTLINEKERNELS
#include "codegen/cuda/Passes.h.inc"

namespace {

/// The oldest version of PTX that has all of `chip`, as LLVM's feature.
StringRef getPtxFeature(StringRef chip) {
  // Blackwell came with PTX 8.6; the others are older than 8.0.
  return chip.starts_with("sm_1") ? "+ptx86" : "+ptx80";
}

class OutlineKernelsPass : public impl::OutlineKernelsBase<OutlineKernelsPass> {
public:
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> kernels;
    for (auto function : module.getOps<func::FuncOp>())
      if (function->hasAttr(codegen::kOnDeviceAttr))
        kernels.push_back(function);
    if (kernels.empty())
      return;
    FailureOr<SmallVector<Attribute>> targets = getTargets();
    if (failed(targets))
      return signalPassFailure();
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    auto device = gpu::GPUModuleOp::create(
        builder, module.getLoc(), codegen::kDeviceModuleName, *targets);
    SymbolTable symbols(module), deviceSymbols(device);
    for (func::FuncOp kernel : kernels) {
      copyConstants(kernel, symbols, deviceSymbols);
      makeEntry(kernel, symbols, device);
    }
    numOutlined += kernels.size();
  }

private:
  FailureOr<SmallVector<Attribute>> getTargets();
  void copyConstants(func::FuncOp kernel, const SymbolTable &symbols,
                     SymbolTable &deviceSymbols);
  void makeEntry(func::FuncOp body, const SymbolTable &symbols,
                 gpu::GPUModuleOp device);
};

/// The GPUs of the module's target, as MLIR knows them.
FailureOr<SmallVector<Attribute>> OutlineKernelsPass::getTargets() {
  ModuleOp module = getOperation();
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!target || !target.getGpus())
    return module.emitError("has kernels of a GPU, but its target has none");
  SmallVector<Attribute> targets;
  for (auto chip : target.getGpus().getAsRange<StringAttr>()) {
    if (!llvm::is_contained(architectures, chip.getValue()))
      return module.emitError("expected a GPU of ")
             << llvm::join(ArrayRef(architectures), ", ") << ", but found "
             << chip;
    targets.push_back(NVVM::NVVMTargetAttr::get(&getContext(), /*optLevel=*/3,
                                                "nvptx64-nvidia-cuda", chip,
                                                getPtxFeature(chip)));
  }
  return targets;
}

/// Constants may be used by kernels of the processor as well.
void OutlineKernelsPass::copyConstants(func::FuncOp kernel,
                                       const SymbolTable &symbols,
                                       SymbolTable &deviceSymbols) {
  kernel.walk([&](memref::GetGlobalOp get) {
    if (!deviceSymbols.lookup(get.getName()))
      deviceSymbols.insert(symbols.lookup(get.getName())->clone());
  });
}

/// The unit with which a thread begins, and how far it is to its next one.
static std::pair<Value, Value> buildUnits(ImplicitLocOpBuilder &builder,
                                          int64_t unitThreads,
                                          int64_t blockSize) {
  auto x = gpu::Dimension::x;
  Value block = gpu::BlockIdOp::create(builder, x);
  Value numBlocks = gpu::GridDimOp::create(builder, x);
  auto constant = [&](int64_t value) {
    return arith::ConstantIndexOp::create(builder, value);
  };
  int64_t blockUnits = blockSize / unitThreads;
  if (blockUnits == 1)
    return {block, numBlocks};
  Value unit = gpu::ThreadIdOp::create(builder, x);
  if (unitThreads != 1)
    unit = arith::DivUIOp::create(builder, unit, constant(unitThreads));
  Value first = arith::AddIOp::create(
      builder, arith::MulIOp::create(builder, block, constant(blockUnits)),
      unit);
  return {first,
          arith::MulIOp::create(builder, numBlocks, constant(blockUnits))};
}

/// The arguments of `body` but the range of units, which the entry makes.
static ArrayRef<Type> getGivenTypes(func::FuncOp body) {
  return body.getArgumentTypes().drop_back(2);
}

/// What a GPU starts for `body`, still without code. Its parameters are
/// pointers, sizes and scalars, the number of units, and where errors go.
static gpu::GPUFuncOp declareEntry(func::FuncOp body, int64_t unitThreads,
                                   gpu::GPUModuleOp device) {
  auto builder = OpBuilder::atBlockEnd(device.getBody());
  Type pointer = LLVM::LLVMPointerType::get(builder.getContext());
  SmallVector<Type> parameters;
  int64_t numDims = 0;
  for (Type type : getGivenTypes(body)) {
    auto memory = dyn_cast<MemRefType>(type);
    if (memory)
      parameters.push_back(pointer);
    numDims += memory ? memory.getNumDynamicDims() : 1;
  }
  parameters.append(numDims + 1, builder.getI64Type());
  parameters.push_back(pointer);
  auto entry = gpu::GPUFuncOp::create(builder, body.getLoc(), body.getName(),
                                      builder.getFunctionType(parameters, {}));
  entry->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                 builder.getUnitAttr());
  // So LLVM sees what the kernel only reads, which need not be kept coherent.
  // Of threads that work together it would keep so much in registers that ptxas
  // spills.
  StringRef noAlias = LLVM::LLVMDialect::getNoAliasAttrName();
  int64_t number = 0;
  for (auto [i, type] : llvm::enumerate(getGivenTypes(body))) {
    if (unitThreads != 1 || !isa<MemRefType>(type))
      continue;
    if (Attribute attr = body.getArgAttr(i, noAlias))
      entry.setArgAttr(number, noAlias, attr);
    ++number;
  }
  // For threads on their own ptxas would rather spill than have fewer blocks at
  // once; with any number of registers one can be started.
  if (unitThreads != 1)
    entry.setKnownBlockSize(
        ArrayRef<int32_t>{int32_t(codegen::getBlockSize(unitThreads)), 1, 1});
  if (Attribute blocks = body->getAttr(kBlocksAtOnceAttr))
    entry->setAttr(kBlocksAtOnceAttr, blocks);
  return entry;
}

static Value toIndex(codegen::AbiBuilder &builder, Value value) {
  return arith::IndexCastOp::create(builder, builder.getIndexType(), value);
}

/// What `body` is given, made of the parameters of `entry`.
static SmallVector<Value> makeArguments(codegen::AbiBuilder &builder,
                                        func::FuncOp body,
                                        gpu::GPUFuncOp entry) {
  ArrayRef<Type> given = getGivenTypes(body);
  int64_t nextPointer = 0;
  int64_t nextDim = llvm::count_if(given, llvm::IsaPred<MemRefType>);
  SmallVector<Value> arguments;
  for (Type type : given) {
    auto memory = dyn_cast<MemRefType>(type);
    if (!memory) {
      arguments.push_back(toIndex(builder, entry.getArgument(nextDim++)));
      continue;
    }
    SmallVector<Value> sizes;
    for (int64_t i = 0, e = memory.getNumDynamicDims(); i != e; ++i)
      sizes.push_back(toIndex(builder, entry.getArgument(nextDim++)));
    arguments.push_back(
        builder.makeMemRef(memory, entry.getArgument(nextPointer++), sizes));
  }
  return arguments;
}

/// Room on the stack is made once, and so is what the threads of a block share.
static void hoistRooms(func::FuncOp body, gpu::GPUFuncOp entry) {
  SmallVector<memref::AllocaOp> rooms;
  body.walk([&](memref::AllocaOp room) { rooms.push_back(room); });
  for (memref::AllocaOp room : rooms) {
    if (!gpu::GPUDialect::hasWorkgroupMemoryAddressSpace(room.getType())) {
      Block &block = entry.getBody().front();
      room->moveBefore(&block, block.begin());
      continue;
    }
    unsigned i = entry.getNumWorkgroupAttributions();
    room.replaceAllUsesWith(
        Value(entry.addWorkgroupAttribution(room.getType(), room.getLoc())));
    if (auto alignment = room.getAlignmentAttr())
      entry.setWorkgroupAttributionAttr(
          i, LLVM::LLVMDialect::getAlignAttrName(), alignment);
    room.erase();
  }
}

/// Inlines `function`, of one block, before `before`, and erases it.
static Value inlineFunction(func::FuncOp function, ValueRange arguments,
                            Operation *before) {
  auto returned = cast<func::ReturnOp>(function.front().getTerminator());
  IRRewriter(before->getContext())
      .inlineBlockBefore(&function.front(), before, arguments);
  Value result = returned.getOperand(0);
  returned.erase();
  function.erase();
  return result;
}

/// The first error of any thread stays.
static void reportResult(codegen::AbiBuilder &builder, Value result,
                         Value status) {
  Value good = arith::ConstantOp::create(
      builder, builder.getI64IntegerAttr(TENON_KERNEL_OK));
  Value isWrong =
      arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, result, good);
  auto branch = scf::IfOp::create(builder, isWrong, /*withElseRegion=*/false);
  builder.setInsertionPoint(branch.thenYield());
  LLVM::AtomicCmpXchgOp::create(builder, status, good, result,
                                LLVM::AtomicOrdering::monotonic,
                                LLVM::AtomicOrdering::monotonic);
}

void OutlineKernelsPass::makeEntry(func::FuncOp body,
                                   const SymbolTable &symbols,
                                   gpu::GPUModuleOp device) {
  int64_t unitThreads = 1;
  if (auto given = body->getAttrOfType<IntegerAttr>(codegen::kUnitThreadsAttr))
    unitThreads = given.getInt();
  gpu::GPUFuncOp entry = declareEntry(body, unitThreads, device);
  auto at = OpBuilder::atBlockEnd(&entry.getBody().front());
  auto end = gpu::ReturnOp::create(at, body.getLoc());

  LLVMTypeConverter types(&getContext());
  codegen::AbiBuilder builder(body.getLoc(), end, types);
  SmallVector<Value> arguments = makeArguments(builder, body, entry);
  unsigned numParameters = entry.getNumArguments();
  Value units = toIndex(builder, entry.getArgument(numParameters - 2));
  Value status = entry.getArgument(numParameters - 1);
  // What it takes data to count is counted here.
  if (auto counter =
          symbols.lookup<func::FuncOp>(codegen::getUnitsName(body.getName())))
    units = inlineFunction(counter, arguments, end);

  auto [first, step] =
      buildUnits(builder, unitThreads, codegen::getBlockSize(unitThreads));
  auto loop = scf::ForOp::create(builder, first, units, step);
  builder.setInsertionPointToStart(loop.getBody());
  Value unit = loop.getInductionVar();
  Value one = arith::ConstantIndexOp::create(builder, 1);
  arguments.append({unit, arith::AddIOp::create(builder, unit, one)});
  hoistRooms(body, entry);
  Value result =
      inlineFunction(body, arguments, loop.getBody()->getTerminator());
  builder.setInsertionPoint(loop.getBody()->getTerminator());
  // The next unit writes to the memory that the threads share.
  if (unitThreads > TENON_WARP_SIZE)
    gpu::BarrierOp::create(builder);
  reportResult(builder, result, status);
}

} // namespace
} // namespace tenon::cuda

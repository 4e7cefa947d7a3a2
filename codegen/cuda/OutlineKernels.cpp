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
    auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
    if (!target || !target.getGpus()) {
      module.emitError("has kernels of a GPU, but its target has none");
      return signalPassFailure();
    }
    auto builder = OpBuilder::atBlockEnd(module.getBody());
    SmallVector<Attribute> chips;
    for (auto chip : target.getGpus().getAsRange<StringAttr>()) {
      if (!llvm::is_contained(architectures, chip.getValue())) {
        module.emitError("expected a GPU of ")
            << llvm::join(ArrayRef(architectures), ", ") << ", but found "
            << chip;
        return signalPassFailure();
      }
      chips.push_back(NVVM::NVVMTargetAttr::get(&getContext(), /*optLevel=*/3,
                                                "nvptx64-nvidia-cuda", chip,
                                                getPtxFeature(chip)));
    }
    auto device = gpu::GPUModuleOp::create(builder, module.getLoc(),
                                           codegen::kDeviceModuleName, chips);
    SymbolTable symbols(module), deviceSymbols(device);
    for (func::FuncOp kernel : kernels) {
      copyConstants(kernel, symbols, deviceSymbols);
      makeEntry(kernel, symbols, device);
    }
    numOutlined += kernels.size();
  }

private:
  void copyConstants(func::FuncOp kernel, const SymbolTable &symbols,
                     SymbolTable &deviceSymbols);
  void makeEntry(func::FuncOp body, const SymbolTable &symbols,
                 gpu::GPUModuleOp device);
};

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

void OutlineKernelsPass::makeEntry(func::FuncOp body,
                                   const SymbolTable &symbols,
                                   gpu::GPUModuleOp device) {
  Location loc = body.getLoc();
  auto at = OpBuilder::atBlockEnd(device.getBody());
  Type pointer = LLVM::LLVMPointerType::get(&getContext());
  Type i64 = at.getI64Type();
  // Pointers, sizes and scalars, the number of units, the status.
  SmallVector<Type> parameters;
  int64_t numDims = 0;
  ArrayRef<Type> given = body.getArgumentTypes().drop_back(2);
  for (Type type : given) {
    auto memory = dyn_cast<MemRefType>(type);
    if (memory)
      parameters.push_back(pointer);
    numDims += memory ? memory.getNumDynamicDims() : 1;
  }
  int64_t nextPointer = 0, nextDim = parameters.size();
  parameters.append(numDims + 1, i64);
  parameters.push_back(pointer);
  auto entry = gpu::GPUFuncOp::create(at, loc, body.getName(),
                                      at.getFunctionType(parameters, {}));
  entry->setAttr(gpu::GPUDialect::getKernelFuncAttrName(), at.getUnitAttr());
  int64_t unitThreads = 1;
  if (auto given = body->getAttrOfType<IntegerAttr>(codegen::kUnitThreadsAttr))
    unitThreads = given.getInt();
  // So LLVM sees what the kernel only reads, which need not be kept coherent.
  // Of threads that work together it would keep so much in registers that ptxas
  // spills.
  StringRef noAlias = LLVM::LLVMDialect::getNoAliasAttrName();
  int64_t number = 0;
  for (auto [i, type] : llvm::enumerate(given)) {
    if (unitThreads != 1 || !isa<MemRefType>(type))
      continue;
    if (Attribute attr = body.getArgAttr(i, noAlias))
      entry.setArgAttr(number, noAlias, attr);
    ++number;
  }
  int64_t blockSize = codegen::getBlockSize(unitThreads);
  // For threads on their own ptxas would rather spill than have fewer blocks at
  // once; with any number of registers one can be started.
  if (unitThreads != 1)
    entry.setKnownBlockSize(ArrayRef<int32_t>{int32_t(blockSize), 1, 1});
  if (Attribute blocks = body->getAttr(kBlocksAtOnceAttr))
    entry->setAttr(kBlocksAtOnceAttr, blocks);
  Block *block = &entry.getBody().front();
  at.setInsertionPointToEnd(block);
  auto end = gpu::ReturnOp::create(at, loc);

  LLVMTypeConverter types(&getContext());
  codegen::AbiBuilder builder(loc, end, types);
  auto toIndex = [&](Value value) -> Value {
    return arith::IndexCastOp::create(builder, builder.getIndexType(), value);
  };
  SmallVector<Value> arguments;
  for (Type type : given) {
    auto memory = dyn_cast<MemRefType>(type);
    if (!memory) {
      arguments.push_back(toIndex(block->getArgument(nextDim++)));
      continue;
    }
    SmallVector<Value> sizes;
    for (int64_t i = 0, e = memory.getNumDynamicDims(); i != e; ++i)
      sizes.push_back(toIndex(block->getArgument(nextDim++)));
    arguments.push_back(
        builder.makeMemRef(memory, block->getArgument(nextPointer++), sizes));
  }
  Value units = toIndex(block->getArgument(parameters.size() - 2));
  // What it takes data to count is counted here.
  IRRewriter rewriter(builder);
  if (auto counter =
          symbols.lookup<func::FuncOp>(codegen::getUnitsName(body.getName()))) {
    auto counted = cast<func::ReturnOp>(counter.front().getTerminator());
    rewriter.inlineBlockBefore(&counter.front(), end, arguments);
    units = counted.getOperand(0);
    counted.erase();
    counter.erase();
    builder.setInsertionPoint(end);
  }
  Value status = block->getArgument(parameters.size() - 1);

  auto [first, step] = buildUnits(builder, unitThreads, blockSize);
  auto loop = scf::ForOp::create(builder, first, units, step);
  builder.setInsertionPointToStart(loop.getBody());
  Value unit = loop.getInductionVar();
  Value one = arith::ConstantIndexOp::create(builder, 1);
  arguments.append({unit, arith::AddIOp::create(builder, unit, one)});
  // Room on the stack is made once, and so is what the threads of a block
  // share.
  SmallVector<memref::AllocaOp> rooms;
  body.walk([&](memref::AllocaOp room) { rooms.push_back(room); });
  for (memref::AllocaOp room : rooms) {
    if (!gpu::GPUDialect::hasWorkgroupMemoryAddressSpace(room.getType())) {
      room->moveBefore(block, block->begin());
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
  auto returned = cast<func::ReturnOp>(body.front().getTerminator());
  Operation *loopEnd = loop.getBody()->getTerminator();
  rewriter.inlineBlockBefore(&body.front(), loopEnd, arguments);
  Value result = returned.getOperand(0);
  returned.erase();
  body.erase();
  builder.setInsertionPoint(loopEnd);
  // The next unit writes to the memory that the threads share.
  if (unitThreads > TENON_WARP_SIZE)
    gpu::BarrierOp::create(builder);
  Value zero = arith::ConstantOp::create(
      builder, builder.getI64IntegerAttr(TENON_KERNEL_OK));
  Value isWrong =
      arith::CmpIOp::create(builder, arith::CmpIPredicate::ne, result, zero);
  auto branch = scf::IfOp::create(builder, isWrong, /*withElseRegion=*/false);
  builder.setInsertionPoint(branch.thenYield());
  LLVM::AtomicCmpXchgOp::create(builder, status, zero, result,
                                LLVM::AtomicOrdering::monotonic,
                                LLVM::AtomicOrdering::monotonic);
}

} // namespace
} // namespace tenon::cuda

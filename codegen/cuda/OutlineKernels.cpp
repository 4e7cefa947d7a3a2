//===- OutlineKernels.cpp - tenon-cuda-outline-kernels --------------------===//

#include "codegen/cuda/Passes.h"

#include "codegen/common/AbiBuilder.h"
#include "codegen/common/ModelAttributes.h"
#include "dialects/tenon/TenonOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/SymbolTable.h"

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
    for (auto chip : target.getGpus().getAsRange<StringAttr>())
      chips.push_back(NVVM::NVVMTargetAttr::get(&getContext(), /*optLevel=*/3,
                                                "nvptx64-nvidia-cuda", chip,
                                                getPtxFeature(chip)));
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

  auto x = gpu::Dimension::x;
  Value blockSize = gpu::BlockDimOp::create(builder, x);
  Value first = arith::AddIOp::create(
      builder,
      arith::MulIOp::create(builder, gpu::BlockIdOp::create(builder, x),
                            blockSize),
      gpu::ThreadIdOp::create(builder, x));
  Value step = arith::MulIOp::create(builder, blockSize,
                                     gpu::GridDimOp::create(builder, x));
  auto loop = scf::ForOp::create(builder, first, units, step);
  builder.setInsertionPointToStart(loop.getBody());
  Value unit = loop.getInductionVar();
  Value one = arith::ConstantIndexOp::create(builder, 1);
  arguments.append({unit, arith::AddIOp::create(builder, unit, one)});
  // Room on the stack is made once.
  body.walk(
      [&](memref::AllocaOp room) { room->moveBefore(block, block->begin()); });
  auto returned = cast<func::ReturnOp>(body.front().getTerminator());
  Operation *loopEnd = loop.getBody()->getTerminator();
  rewriter.inlineBlockBefore(&body.front(), loopEnd, arguments);
  Value result = returned.getOperand(0);
  returned.erase();
  body.erase();
  builder.setInsertionPoint(loopEnd);
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

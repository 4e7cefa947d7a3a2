//===- JitModule.cpp - Kernels compiled in process ------------------------===//

#include "JitModule.h"

#include "codegen/common/Pipeline.h"
#include "codegen/cpu/Pipeline.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonDialect.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"
#include <gtest/gtest.h>

using namespace mlir;

namespace tenon::test {

void registerKernelDialects(MLIRContext &context) {
  DialectRegistry registry;
  registry.insert<TenonDialect, rt::RtDialect, func::FuncDialect,
                  arith::ArithDialect, math::MathDialect, scf::SCFDialect,
                  memref::MemRefDialect, tensor::TensorDialect,
                  vector::VectorDialect, affine::AffineDialect>();
  arith::registerConvertArithToLLVMInterface(registry);
  cf::registerConvertControlFlowToLLVMInterface(registry);
  registerConvertFuncToLLVMInterface(registry);
  index::registerConvertIndexToLLVMInterface(registry);
  registerConvertMathToLLVMInterface(registry);
  registerConvertMemRefToLLVMInterface(registry);
  ub::registerConvertUBToLLVMInterface(registry);
  vector::registerConvertVectorToLLVMInterface(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  context.appendDialectRegistry(registry);
  context.loadAllAvailableDialects();
}

static bool lower(ModuleOp module) {
  PassManager passes(module.getContext());
  cpu::buildCpuKernelPipeline(passes);
  codegen::buildMachineWordsPipeline(passes);
  return succeeded(passes.run(module));
}

std::string getPackedName(StringRef function) {
  return ("packed." + function).str();
}

/// `i64 @packed.f(ptr words)` calls the C wrapper of `f`.
static void addPackedFunction(llvm::Module &module, StringRef name) {
  llvm::LLVMContext &context = module.getContext();
  llvm::Function *callee = module.getFunction(("_mlir_ciface_" + name).str());
  llvm::IRBuilder<> builder(context);
  auto *type = llvm::FunctionType::get(builder.getInt64Ty(),
                                       {builder.getPtrTy()}, false);
  auto *packed = llvm::Function::Create(
      type, llvm::GlobalValue::ExternalLinkage, getPackedName(name), module);
  builder.SetInsertPoint(llvm::BasicBlock::Create(context, "", packed));
  llvm::SmallVector<llvm::Value *> arguments;
  for (llvm::Argument &argument : callee->args()) {
    llvm::Value *slot = builder.CreateConstGEP1_64(
        builder.getInt64Ty(), packed->getArg(0), argument.getArgNo());
    arguments.push_back(builder.CreateLoad(argument.getType(), slot));
  }
  llvm::Value *result = builder.CreateCall(callee, arguments);
  builder.CreateRet(builder.CreateSExt(result, builder.getInt64Ty()));
}

static std::string getAssembly(llvm::Module &module,
                               llvm::TargetMachine &machine) {
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream stream(text);
  llvm::legacy::PassManager passes;
  auto copy = llvm::CloneModule(module);
  machine.addPassesToEmitFile(passes, stream, nullptr,
                              llvm::CodeGenFileType::AssemblyFile);
  passes.run(*copy);
  return std::string(text);
}

std::unique_ptr<llvm::orc::LLJIT>
compileInProcess(ModuleOp module, ArrayRef<StringRef> functions,
                 std::string *assembly) {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  if (!lower(module)) {
    ADD_FAILURE() << "lowering failed";
    return nullptr;
  }
  auto context = std::make_unique<llvm::LLVMContext>();
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(module, *context);
  if (!llvmModule) {
    ADD_FAILURE() << "translation failed";
    return nullptr;
  }
  for (StringRef function : functions)
    addPackedFunction(*llvmModule, function);

  auto fail = [](llvm::Error error) {
    ADD_FAILURE() << llvm::toString(std::move(error));
    return nullptr;
  };
  auto host = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!host)
    return fail(host.takeError());
  auto machine = host->createTargetMachine();
  if (!machine)
    return fail(machine.takeError());
  llvmModule->setTargetTriple((*machine)->getTargetTriple());
  llvmModule->setDataLayout((*machine)->createDataLayout());
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functionAnalyses;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(machine->get());
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functionAnalyses);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functionAnalyses, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(*llvmModule, modules);
  if (getenv("TENON_PRINT_ASSEMBLY"))
    if (assembly)
      *assembly = getAssembly(*llvmModule, **machine);

  auto jit = llvm::orc::LLJITBuilder()
                 .setJITTargetMachineBuilder(std::move(*host))
                 .create();
  if (!jit)
    return fail(jit.takeError());
  if (llvm::Error error = (*jit)->addIRModule(llvm::orc::ThreadSafeModule(
          std::move(llvmModule), std::move(context))))
    return fail(std::move(error));
  return std::move(*jit);
}

} // namespace tenon::test

//===- Emit.cpp - From the llvm dialect to files --------------------------===//

#include "lib/driver/Emit.h"

#include "codegen/common/ModelAttributes.h"
#include "dialects/rt/RtDialect.h"
#include "dialects/tenon/TenonOps.h"
#include "lib/driver/ModelHeader.h"
#include "lib/driver/TemporaryFile.h"
#include "lib/target/Target.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "runtime/core/ModelAbi.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Program.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;

namespace tenon {
namespace {

/// The code of a module without its weights, which the translation would not
/// know.
OwningOpRef<ModuleOp> cloneCode(ModuleOp module) {
  OwningOpRef<ModuleOp> code = ModuleOp::create(module.getLoc());
  code.get()->setAttrs(module->getAttrDictionary());
  OpBuilder builder = OpBuilder::atBlockEnd(code->getBody());
  for (Operation &op : *module.getBody())
    if (!isa<rt::WeightOp>(op))
      builder.clone(op);
  code.get()->removeAttr(kTargetAttr);
  code->walk([](Operation *op) {
    SmallVector<StringAttr> names;
    for (NamedAttribute attribute : op->getDiscardableAttrs())
      if (attribute.getName().strref().starts_with("tenon"))
        names.push_back(attribute.getName());
    for (StringAttr name : names)
      op->removeDiscardableAttr(name);
  });
  return code;
}

void optimize(llvm::Module &module, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2)
      .run(module, modules);
}

/// Runs the linker lld with `arguments`; its messages go to the error.
Status runLinker(ArrayRef<StringRef> arguments) {
  std::string linker;
  for (StringRef name : {"ld.lld-22", "ld.lld"})
    if (auto found = llvm::sys::findProgramByName(name)) {
      linker = *found;
      break;
    }
  if (linker.empty())
    return Status::error(TENON_ERROR_SYSTEM,
                         "the linker ld.lld is not on the PATH: it makes the "
                         "compiled model (Debian package lld-22)");
  TemporaryFile messages;
  if (Status status = TemporaryFile::create("tenon-link", "log", messages);
      !status.isOk())
    return status;
  SmallVector<StringRef> command = {linker};
  command.append(arguments.begin(), arguments.end());
  std::string failure;
  std::optional<StringRef> redirects[] = {StringRef(), messages.getPath(),
                                          messages.getPath()};
  int result = llvm::sys::ExecuteAndWait(linker, command, std::nullopt,
                                         redirects, 0, 0, &failure);
  if (result == 0)
    return Status::ok();
  auto text = llvm::MemoryBuffer::getFile(messages.getPath());
  return Status::error(TENON_ERROR_SYSTEM,
                       "linking the model failed: " +
                           (text ? (*text)->getBuffer().trim().str() : "") +
                           failure);
}

/// Writes an object file for the linker.
Status
writeObjectFile(StringRef near, StringRef suffix,
                llvm::function_ref<llvm::Error(raw_ostream &)> write,
                SmallVectorImpl<std::unique_ptr<TemporaryFile>> &objects) {
  objects.push_back(std::make_unique<TemporaryFile>());
  if (Status status = TemporaryFile::createNear(near, suffix, *objects.back());
      !status.isOk())
    return status;
  return objects.back()->write(write);
}

/// Links a model into `output`, a file that can be renamed to `path`.
Status link(const ModelCode &code, WeightsSource &weights, StringRef path,
            const ModelSymbols &symbols, ArrayRef<StringRef> options,
            TemporaryFile &output) {
  SmallVector<std::unique_ptr<TemporaryFile>> objects;
  for (const ObjectCode &object : code.objects)
    if (Status status = writeObjectFile(
            path, "code.o",
            [&](raw_ostream &os) {
              os.write(object.data(), object.size());
              return llvm::Error::success();
            },
            objects);
        !status.isOk())
      return status;
  if (weights.size != 0)
    if (Status status = writeObjectFile(
            path, "weights.o",
            [&](raw_ostream &os) {
              return writeWeightsObject(weights, code.elfMachine,
                                        symbols.weights, os);
            },
            objects);
        !status.isOk())
      return status;
  if (Status status = TemporaryFile::createNear(path, "tmp", output);
      !status.isOk())
    return status;
  SmallVector<StringRef> arguments(options);
  arguments.append({"-o", output.getPath()});
  for (const std::unique_ptr<TemporaryFile> &object : objects)
    arguments.push_back(object->getPath());
  return runLinker(arguments);
}

} // namespace

Status generateCode(ModuleOp module, ObjectCode &code,
                    const ModelSymbols &symbols) {
  auto target = module->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!target)
    return Status::error(TENON_ERROR_INTERNAL, "the module has no target");
  auto machine = makeTargetMachine(target);
  if (!machine)
    return Status::error(TENON_ERROR_UNSUPPORTED,
                         llvm::toString(machine.takeError()));

  OwningOpRef<ModuleOp> clone = cloneCode(module);
  registerBuiltinDialectTranslation(*module.getContext());
  registerLLVMDialectTranslation(*module.getContext());
  llvm::LLVMContext context;
  // LLVM would end the process.
  std::string problem;
  context.setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *text) {
        if (info->getSeverity() != llvm::DS_Error)
          return;
        llvm::raw_string_ostream os(*static_cast<std::string *>(text));
        llvm::DiagnosticPrinterRawOStream printer(os);
        info->print(printer);
      },
      &problem);
  std::unique_ptr<llvm::Module> llvmModule =
      translateModuleToLLVMIR(*clone, context, "tenon_model");
  if (!llvmModule)
    return Status::error(TENON_ERROR_INTERNAL,
                         "translating the model to LLVM IR failed");
  clone = nullptr;
  for (auto [name, symbol] :
       {std::pair<StringRef, StringRef>{TENON_MODEL_SYMBOL,
                                        symbols.description},
        {codegen::kWeightsSymbol, symbols.weights},
        {codegen::kDeviceModelSymbol, symbols.deviceModel}})
    if (llvm::GlobalVariable *global =
            llvmModule->getGlobalVariable(name, /*AllowInternal=*/true)) {
      global->setName(symbol);
      if (symbols.isHidden)
        global->setVisibility(llvm::GlobalValue::HiddenVisibility);
    }
  llvmModule->setDataLayout((*machine)->createDataLayout());
  llvmModule->setTargetTriple((*machine)->getTargetTriple());
  for (llvm::Function &function : *llvmModule) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.getCpu());
    function.addFnAttr("target-features", target.getFeatures());
    // A frame larger than a guard page must not step over it.
    function.addFnAttr("probe-stack", "inline-asm");
    function.addFnAttr("prefer-vector-width",
                       std::to_string(target.getVectorBits()));
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  optimize(*llvmModule, **machine);

  llvm::legacy::PassManager passes;
  llvm::raw_svector_ostream os(code);
  if ((*machine)->addPassesToEmitFile(passes, os, nullptr,
                                      llvm::CodeGenFileType::ObjectFile))
    return Status::error(TENON_ERROR_INTERNAL,
                         "the target can't write object files");
  passes.run(*llvmModule);
  if (!problem.empty())
    return Status::error(TENON_ERROR_UNSUPPORTED,
                         "code for '" + target.getTriple() +
                             "' can't be generated: " + problem);
  return Status::ok();
}

uint16_t getElfMachine(ModuleOp module) {
  llvm::Triple triple(
      module->getAttrOfType<TargetAttr>(kTargetAttr).getTriple());
  return triple.isAArch64() ? llvm::ELF::EM_AARCH64 : llvm::ELF::EM_X86_64;
}

Status checkCodePath(StringRef path, bool takesObject) {
  if (path.empty())
    return Status::error(TENON_ERROR_USAGE, "expected a path, found ''");
  bool isObject = takesObject && path.ends_with(".o");
  // What is there and no file has an error of its own.
  if (!isObject && !path.ends_with(".so") &&
      (!llvm::sys::fs::exists(path) || llvm::sys::fs::is_regular_file(path)))
    return Status::error(TENON_ERROR_USAGE,
                         "the output '" + path +
                             "' is a compiled model: expected a name that ends "
                             "with .so" +
                             (takesObject ? " or .o" : ""));
  if (Status status = TemporaryFile::checkNear(path); !status.isOk())
    return status;
  return isObject ? TemporaryFile::checkNear(getHeaderPath(path))
                  : Status::ok();
}

Status writeSharedLibrary(const ModelCode &code, WeightsSource weights,
                          StringRef path) {
  TemporaryFile output;
  if (Status status = link(code, weights, path, ModelSymbols(),
                           {"-shared", "--hash-style=gnu", "-z", "now", "-z",
                            "relro", "--gc-sections", "--build-id=none", "-s"},
                           output);
      !status.isOk())
    return status;
  return output.renameTo(path);
}

Status writeObject(ModuleOp module, const ModelCode &code,
                   WeightsSource weights, StringRef path,
                   const ModelSymbols &symbols) {
  TemporaryFile output;
  if (Status status = link(code, weights, path, symbols, {"-r"}, output);
      !status.isOk())
    return status;
  // No object is left without its header.
  if (Status status =
          writeModelHeader(module, symbols.description, getHeaderPath(path));
      !status.isOk())
    return status;
  return output.renameTo(path);
}

} // namespace tenon

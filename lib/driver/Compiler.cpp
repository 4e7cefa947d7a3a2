//===- Compiler.cpp - From a model to code --------------------------------===//

#include "lib/driver/Compiler.h"

#include "codegen/assign/Tuning.h"
#include "codegen/common/ModelAttributes.h"
#include "codegen/common/NodeNames.h"
#include "codegen/common/Passes.h"
#include "dialects/rt/RtDialect.h"
#include "lib/driver/CheckIr.h"
#include "lib/driver/DeadConstants.h"
#include "lib/driver/HostReport.h"
#include "lib/driver/Jit.h"
#include "lib/driver/Registration.h"
#include "lib/driver/Sidecar.h"
#include "lib/driver/TargetChoice.h"
#include "lib/driver/TemporaryFile.h"
#include "lib/driver/Tuning.h"
#include "lib/target/Target.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace tenon {
namespace {

DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registerAllDialects(registry);
  return registry;
}

TenonErrorCode getCode(ImportErrorKind kind) {
  switch (kind) {
  case ImportErrorKind::None:
    return TENON_OK;
  case ImportErrorKind::Usage:
    return TENON_ERROR_USAGE;
  case ImportErrorKind::Invalid:
    return TENON_ERROR_INVALID;
  case ImportErrorKind::Unsupported:
    return TENON_ERROR_UNSUPPORTED;
  case ImportErrorKind::File:
    return TENON_ERROR_SYSTEM;
  }
  llvm_unreachable("all kinds have a code");
}

/// Remembers the pass that failed; those that ran it fail behind it.
class FailureRecorder : public PassInstrumentation {
public:
  explicit FailureRecorder(std::string &name) : name(name) {}

  void runAfterPassFailed(Pass *pass, Operation *) override {
    if (name.empty())
      name =
          (pass->getArgument().empty() ? pass->getName() : pass->getArgument())
              .str();
  }

private:
  std::string &name;
};

} // namespace

Compiler::Compiler(CompileOptions options)
    : options(std::move(options)),
      selection(this->options.passes, this->options.onPass),
      context(makeRegistry(), MLIRContext::Threading::DISABLED) {
  context.printOpOnDiagnostic(false);
  selection.watch(context);
  context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() != DiagnosticSeverity::Error)
      return failure();
    Finding &finding = findings.emplace_back();
    finding.message = diagnostic.str();
    Location loc = diagnostic.getLocation();
    finding.nodes = codegen::listNodeNames(loc);
    // What was written by hand has a place in its file.
    if (auto place = loc->findInstanceOf<FileLineColLoc>();
        place && finding.nodes.empty())
      finding.message =
          "line " + std::to_string(place.getLine()) + ": " + finding.message;
    for (Diagnostic &note : diagnostic.getNotes())
      finding.notes.push_back(note.str());
    return success();
  });
}

Status Compiler::fail(TenonErrorCode code, const llvm::Twine &message) {
  std::string text = message.str();
  for (const Finding &finding : findings) {
    text += &finding == &findings.front() ? ": " : "\n";
    if (!finding.nodes.empty())
      text += "node '" + codegen::joinNodeNames(finding.nodes) + "': ";
    text += finding.message;
    for (const std::string &note : finding.notes)
      text += "; " + note;
  }
  return Status::error(code, text, std::exchange(findings, {}));
}

Status Compiler::prepare(StringRef name) {
  if (!(*module)->hasAttrOfType<StringAttr>(kNameAttr))
    (*module)->setAttr(kNameAttr, StringAttr::get(&context, name));
  if (Status status = checkPrecision(); !status.isOk())
    return status;
  if (Status status = updateTarget(); !status.isOk())
    return status;
  if (options.tuning.empty())
    return Status::ok();
  if (done >= Phase::Assign)
    return Status::error(TENON_ERROR_USAGE,
                         "the IR at the end of " + getPhaseName(done) +
                             " has its providers already: a tuning can't "
                             "change them");
  // It would take kernels away from the GPU, one after the other.
  if ((*module)->getAttrOfType<TargetAttr>(kTargetAttr).getGpus())
    return Status::error(TENON_ERROR_USAGE,
                         "a tuning chooses among providers of a processor, "
                         "but the target has GPUs alone");
  return readTuning(options.tuning, *module);
}

Status Compiler::checkPrecision() {
  if (!options.halfIo.empty() &&
      (options.precision.empty() || options.precision == "tf32"))
    return Status::error(
        TENON_ERROR_USAGE,
        "half-io '" + options.halfIo.front() +
            "' needs the precision bf16 or fp16, found " +
            (options.precision.empty() ? "fp32" : options.precision));
  if (options.precision.empty())
    return options.keepFp32.empty()
               ? Status::ok()
               : Status::error(TENON_ERROR_USAGE,
                               "nodes can be kept in fp32 only beside another "
                               "precision: bf16 or fp16");
  // IR has a target of its own, unless another one is asked for.
  std::string name = ("the IR's '" + kTargetAttr + "'").str();
  // Of two targets the processor's is the first.
  TargetAttr target, last;
  if (module && !options.target)
    target = last = (*module)->getAttrOfType<TargetAttr>(kTargetAttr);
  if (!target) {
    std::string asked = options.target.value_or("native");
    name = "'" + asked + "'";
    auto made = makeTargets(context, asked, {});
    if (!made)
      return Status::error(TENON_ERROR_USAGE, llvm::toString(made.takeError()));
    target = made->front();
    last = made->back();
  }
  if (options.precision == "tf32") {
    if (!last.getGpus())
      return Status::error(TENON_ERROR_UNSUPPORTED,
                           "precision tf32 needs a target with a GPU, which " +
                               name + " has not");
    if (!options.keepFp32.empty())
      return Status::error(TENON_ERROR_USAGE,
                           "nodes can be kept in fp32 only beside bf16 or "
                           "fp16: tf32 is for all of them");
  }
  constexpr StringLiteral kFeature = "avx512fp16";
  // Every GPU that there is code for has it.
  if (options.precision == "fp16" && !target.getGpus() &&
      !target.hasFeature(kFeature))
    return Status::error(
        TENON_ERROR_UNSUPPORTED,
        "precision fp16 needs a target with the feature '" + kFeature +
            "', which " + (last == target ? name : "the processor of " + name) +
            " has not; bf16 runs on every target");
  return Status::ok();
}

Status Compiler::updateTarget() {
  SmallVector<TargetAttr, 2> targets;
  if (Status status = chooseTargets(*module, done, options.target,
                                    options.providers, targets);
      !status.isOk())
    return status;
  (*module)->setAttr(kTargetAttr, targets.front());
  if (targets.size() == 1)
    return Status::ok();
  if (options.exposeKernels)
    return Status::error(TENON_ERROR_USAGE,
                         "the results of kernels can be exposed for one target "
                         "only, not for both of '" +
                             *options.target + "'");
  deviceTarget = targets.back();
  return Status::ok();
}

Status Compiler::readModel(StringRef path, std::optional<Phase> from) {
  inputPath = path.str();
  if (options.onPhase)
    options.onPhase(Phase::Import);
  if (from || path.ends_with(".mlir"))
    return readIr(path, from.value_or(Phase::Import));
  // Before any work; IR says its target itself.
  if (Status status = checkPrecision(); !status.isOk())
    return status;
  ImportStatus status;
  module = importOnnx(path, options.import, context, status);
  if (!module)
    return Status::error(getCode(status.kind), path + ": " + status.message,
                         std::move(status.findings));
  return prepare(llvm::sys::path::stem(path));
}

Status Compiler::readIr(StringRef path, Phase from) {
  bool isFile = path != "-";
  if (!options.import.shapes.empty() || !options.import.bindings.empty())
    return Status::error(TENON_ERROR_USAGE,
                         "shapes and values of inputs can be fixed for ONNX "
                         "models only, not for IR");
  // The parser would tell it as wrong IR.
  auto file = llvm::MemoryBuffer::getFileOrSTDIN(path);
  if (!file)
    return Status::error(TENON_ERROR_SYSTEM, "can't read '" + path + "': " +
                                                 file.getError().message());
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(std::move(*file), SMLoc());
  done = from;
  isReadLowered = from == Phase::Lower;
  module = parseSourceFile<ModuleOp>(source, ParserConfig(&context));
  if (!module)
    return fail(TENON_ERROR_INVALID, path + ": not IR that Tenon reads");
  if (failed(checkIr(*module, from)))
    return fail(TENON_ERROR_INVALID,
                path + ": not the IR at the end of " + getPhaseName(from));
  if (isFile)
    if (Status status = readSidecar(context, path); !status.isOk())
      return status;
  if (failed(checkConstants(*module)))
    return fail(TENON_ERROR_INVALID, path);
  return prepare(isFile ? llvm::sys::path::stem(path) : "model");
}

Status Compiler::readModel(llvm::MemoryBufferRef onnx) {
  if (options.onPhase)
    options.onPhase(Phase::Import);
  ImportStatus status;
  module = importOnnx(onnx, options.import, context, status);
  if (!module)
    return Status::error(getCode(status.kind), status.message,
                         std::move(status.findings));
  return prepare("model");
}

Status Compiler::runPhase(Phase phase, ModuleOp of) {
  PassManager passes(&context, ModuleOp::getOperationName());
  if (options.configurePasses && failed(options.configurePasses(passes)))
    return Status::error(TENON_ERROR_USAGE, "wrong flags for passes");
  if (phase == Phase::Lower && options.exposeKernels)
    passes.addPass(codegen::createExposeKernels());
  CompressOptions compress;
  compress.precision = options.precision;
  compress.keepFp32 = ArrayRef<std::string>(options.keepFp32);
  compress.halfIo = ArrayRef<std::string>(options.halfIo);
  buildPhase(phase, passes, compress);
  std::string failedPhase =
      ("the " + getPhaseName(phase) + " phase failed").str();
  if (deviceModule)
    failedPhase += of == *module ? " for the processor alone" : " for the GPU";
  std::string failedPass;
  passes.addInstrumentation(std::make_unique<FailureRecorder>(failedPass));
  if (succeeded(passes.run(of)))
    return Status::ok();
  // A reason is missing where rewrites were given up.
  if (findings.empty())
    return fail(TENON_ERROR_INTERNAL,
                failedPhase + ": the rewrites of pass '" + failedPass +
                    "' come to no end, which is a defect of Tenon");
  // What is asked for here fits the model or not.
  if (phase == Phase::Compress)
    return fail(TENON_ERROR_USAGE, failedPhase);
  // What passes refuse is beyond this version, not a broken model: the
  // importer has checked that.
  return fail(TENON_ERROR_UNSUPPORTED, failedPhase);
}

void Compiler::split() {
  deviceModule = module->clone();
  (*deviceModule)->setAttr(kTargetAttr, deviceTarget);
  // Measured on the processor.
  (*deviceModule)->removeAttr(kTuningAttr);
  (*module)->setAttr(codegen::kHasDeviceModelAttr, UnitAttr::get(&context));
}

/// Makes the weights of `from` those of `to` too, at the same places.
static void shareWeights(ModuleOp from, ModuleOp to) {
  OpBuilder builder = OpBuilder::atBlockBegin(to.getBody());
  for (auto weight : from.getOps<rt::WeightOp>())
    builder.clone(*weight);
}

Status Compiler::runTo(Phase to) {
  for (Phase phase : kAllPhases) {
    if (phase <= done || phase > to || phase == Phase::Emit)
      continue;
    if (deviceTarget && !deviceModule && phase >= kTargetPhase)
      split();
    if (options.onPhase)
      options.onPhase(phase);
    for (ModuleOp each : getModules()) {
      selection.beginPhase(phase, deviceModule ? getDeviceName(each) : "");
      if (phase == Phase::Lower && each == deviceModule.get())
        shareWeights(*module, each);
      if (Status status = runPhase(phase, each); !status.isOk())
        return status;
      if (phase == Phase::Assign && options.onNote)
        if (std::string note = describeHostKernels(each); !note.empty())
          options.onNote(note);
      freeDeadConstants(getModules());
    }
    done = phase;
  }
  return Status::ok();
}

SmallVector<ModuleOp, 2> Compiler::getModules() {
  SmallVector<ModuleOp, 2> modules = {*module};
  if (deviceModule)
    modules.push_back(*deviceModule);
  return modules;
}

Status Compiler::checkOutput(StringRef path) const {
  if (llvm::sys::fs::equivalent(inputPath, path))
    return Status::error(TENON_ERROR_USAGE,
                         "the output '" + path + "' is the input");
  return Status::ok();
}

Status Compiler::writeIr(Phase to, StringRef path) {
  if (deviceTarget)
    return Status::error(TENON_ERROR_USAGE,
                         "IR is for one target, a processor or GPUs: '" +
                             options.target.value_or("") +
                             "' is for two models");
  if (Status status = checkOutput(path); !status.isOk())
    return status;
  if (path.ends_with(".so") || path.ends_with(".o"))
    return Status::error(TENON_ERROR_USAGE,
                         "the output '" + path +
                             "' is IR, which its name must not call code");
  // Told before the work.
  if (path != "-")
    for (const std::string &file : {path.str(), getSidecarPath(path)})
      if (Status status = TemporaryFile::checkNear(file); !status.isOk())
        return status;
  if (Status status = runTo(to); !status.isOk())
    return status;
  return writeModule(*module, path);
}

Status Compiler::generate(ModelCode &code, const ModelSymbols &symbols) {
  if (Status status = runTo(Phase::Lower); !status.isOk())
    return status;
  // The last one has the weights of all.
  ModuleOp last = getModules().back();
  if (std::optional<StringRef> name = findMissingWeight(last)) {
    std::string file =
        inputPath == "-" ? "the text" : "'" + getSidecarPath(inputPath) + "'";
    return Status::error(TENON_ERROR_SYSTEM,
                         "the contents of constant '" + *name +
                             "' are not there: expected them in " + file);
  }
  if (options.onPhase)
    options.onPhase(Phase::Emit);
  code.elfMachine = getElfMachine(last);
  for (ModuleOp each : getModules())
    if (Status status =
            generateCode(each, code.objects.emplace_back(),
                         each == *module ? symbols : symbols.ofDeviceModel());
        !status.isOk()) {
      // What can't be translated then is no defect, but wrong IR.
      bool isInput = isReadLowered && status.getCode() == TENON_ERROR_INTERNAL;
      return fail(isInput ? TENON_ERROR_INVALID : status.getCode(),
                  status.getMessage());
    }
  return Status::ok();
}

Status Compiler::emitTo(StringRef path) {
  if (Status status = checkOutput(path); !status.isOk())
    return status;
  if (path == "-")
    return Status::error(
        TENON_ERROR_USAGE,
        "a compiled model can't be written to the standard output");
  // Told before the work.
  if (Status status = checkCodePath(path, /*takesObject=*/true); !status.isOk())
    return status;
  bool isObject = path.ends_with(".o");
  ModelSymbols symbols =
      isObject ? ModelSymbols::ofObject(path) : ModelSymbols();
  ModelCode code;
  if (Status status = generate(code, symbols); !status.isOk())
    return status;
  WeightsSource weights = getWeights(getModules().back());
  if (isObject)
    return writeObject(*module, code, std::move(weights), path, symbols);
  return writeSharedLibrary(code, std::move(weights), path);
}

Status Compiler::emitInProcess(TenonModel *&model) {
  ModelCode code;
  if (Status status = generate(code, ModelSymbols()); !status.isOk())
    return status;
  return loadInProcess(getWeights(getModules().back()), std::move(code),
                       options.device, model);
}

} // namespace tenon

//===- Compiler.h - From a model to code ----------------------------------===//

#ifndef TENON_LIB_DRIVER_COMPILER_H
#define TENON_LIB_DRIVER_COMPILER_H

#include "dialects/tenon/TenonOps.h"
#include "lib/driver/Emit.h"
#include "lib/driver/PassSelection.h"
#include "lib/driver/Phases.h"
#include "lib/driver/Status.h"
#include "lib/import/onnx/OnnxImport.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/MemoryBufferRef.h"

struct TenonModel;

namespace tenon {

/// How to compile a model. Any number of compilations with different options
/// may run in one process.
struct CompileOptions {
  /// See makeTargets. Without a value it is what IR says, or `native`.
  std::optional<std::string> target;
  /// The kernel providers that may be used, best first; empty means all.
  /// Without a value they are what IR says, or all.
  std::optional<std::vector<std::string>> providers;
  /// A file of choices by measurement, see readTuning; "" is none.
  std::string tuning;
  /// `bf16` or `fp16`, see tenon-convert-precision; "" is what the model has.
  std::string precision;
  /// Globs of the names of nodes that stay f32 then.
  std::vector<std::string> keepFp32;
  /// Globs of the names of inputs and outputs that are stored so, too; see
  /// tenon-narrow-io.
  std::vector<std::string> halfIo;
  /// What the caller fixes of the inputs.
  OnnxImportOptions import;
  /// Which device the model is loaded on; see TenonModelOptions::device.
  std::string device;
  /// Called when a phase begins.
  std::function<void(Phase)> onPhase;
  /// Called with what is good to know of a model that compiles, for people.
  std::function<void(const std::string &)> onNote;
  PassLimits passes;
  /// Called at the turn of each pass that can be left out.
  std::function<void(const PassTurn &)> onPass;
  /// Makes outputs of all results of kernels; see tenon-expose-kernels.
  bool exposeKernels = false;
  /// Adds instrumentation to the pass manager of a phase (MLIR's flags).
  std::function<mlir::LogicalResult(mlir::PassManager &)> configurePasses;
};

/// One compilation: a module on its way through the phases, or, for a processor
/// and GPUs, two from the first phase on that looks at the target. Errors of
/// passes are in the Status, with the names of the nodes that they are about.
class Compiler {
public:
  explicit Compiler(CompileOptions options);

  /// Reads a model: ONNX, or with `from` the IR at the end of that phase, with
  /// its weights beside it (`<path>.weights`); `-` is the standard input.
  /// Without `from`, a `.mlir` file is IR at the end of import.
  Status readModel(llvm::StringRef path,
                   std::optional<Phase> from = std::nullopt);
  Status readModel(llvm::MemoryBufferRef onnx);

  /// Runs the phases that are left up to and including `to`.
  Status runTo(Phase to);

  /// Runs the phases up to and including `to` and writes the IR to `path`, and
  /// the weights that are not small beside it. `-` is the standard output,
  /// which gets the weights in the text. IR is for one target.
  Status writeIr(Phase to, llvm::StringRef path);

  /// Runs to the end and writes a shared library, or, if `path` ends with `.o`,
  /// an object and a header.
  Status emitTo(llvm::StringRef path);

  /// Runs to the end and loads the code into this process.
  Status emitInProcess(TenonModel *&model);

  /// The one for the processor alone is the first.
  llvm::SmallVector<mlir::ModuleOp, 2> getModules();

private:
  Status readIr(llvm::StringRef path, Phase from);
  /// Runs one phase on one of the modules.
  Status runPhase(Phase phase, mlir::ModuleOp of);
  /// Makes two modules of one where there are two targets.
  void split();
  /// Runs to the end of lower and generates the code of each module.
  Status generate(ModelCode &code, const ModelSymbols &symbols);
  /// Gives the module its name and its target, if it has none or the options
  /// say another one.
  Status prepare(llvm::StringRef name);
  Status updateTarget();
  /// An error where the precision that is asked for can't be had.
  Status checkPrecision();
  /// Whether `path` may be written: an error where it is the input.
  Status checkOutput(llvm::StringRef path) const;
  /// An error: `message`, and behind it all that diagnostics said.
  Status fail(TenonErrorCode code, const llvm::Twine &message);

  CompileOptions options;
  PassSelection selection;
  mlir::MLIRContext context;
  /// What diagnostics said.
  std::vector<Finding> findings;
  std::string inputPath;
  /// Declared behind the context: the module goes first.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// With GPUs beside a processor alone: their target, and, once there are two
  /// modules, the one for it.
  TargetAttr deviceTarget;
  mlir::OwningOpRef<mlir::ModuleOp> deviceModule;
  Phase done = Phase::Import;
  /// Whether it was read as it is translated: no pass has looked at it.
  bool isReadLowered = false;
};

} // namespace tenon

#endif // TENON_LIB_DRIVER_COMPILER_H

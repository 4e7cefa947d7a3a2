//===- PassSelection.cpp - Which passes of a compilation run --------------===//

#include "lib/driver/PassSelection.h"

#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SmallVectorExtras.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace tenon {

namespace {
struct Requirement {
  StringLiteral pass, reason;
};
} // namespace

/// Every other pass can be left out. That is the rule for a new pass; the
/// fuzzer of models finds where it does not hold.
static constexpr Requirement kRequirements[] = {
    // simplify
    {"tenon-infer-shapes", "later phases rely on types that are as exact as "
                           "what the operations say"},
    {"tenon-fold-constants", "operands that say how large a result is have to "
                             "be constants where they can be"},
    {"tenon-simplify-shapes", "sizes that are computed as data have to become "
                              "arithmetic that a plan can do"},
    {"tenon-fold-batch-norm", "no later phase has a batch norm"},
    {"tenon-expand-broadcasts", "later phases see in types only what is "
                                "repeated"},
    {"tenon-guard-shapes", "what is taken to be equal has to be checked"},
    {"tenon-verify-simplified", "a check"},
    // compress
    {"tenon-narrow-io", "it is asked for"},
    {"tenon-convert-precision", "it is asked for"},
    // layout
    {"tenon-convert-conv-layout", "kernels of convolutions are made for one "
                                  "layout"},
    {"tenon-fold-transposes", "only weights that are constants are packed"},
    {"tenon-verify-layout", "a check"},
    // fuse
    {"resolve-ranked-shaped-type-result-dims",
     "sizes have to be known before what they are the sizes of"},
    {"tenon-decompose-attention", "no kernel has heads of unknown size"},
    {"tenon-wrap-kernels", "only kernels are lowered"},
    {"tenon-verify-kernels", "a check"},
    // assign
    {"tenon-assign-providers", "a kernel is lowered by its provider"},
    // lower
    {"tenon-lower-kernels", "a step down"},
    {"tenon-lower-graph", "a step down"},
    {"one-shot-bufferize", "a step down"},
    {"tenon-plan-buffers", "a step down"},
    {"tenon-make-plan", "a step down"},
    {"tenon-lower-runtime-calls", "a step down"},
    {"tenon-cpu-expand-math", "a step down"},
    {"convert-vector-to-llvm", "a step down"},
    {"convert-scf-to-cf", "a step down"},
    {"expand-strided-metadata", "a step down"},
    {"lower-affine", "a step down"},
    {"arith-expand", "a step down"},
    {"convert-to-llvm", "a step down"},
    {"reconcile-unrealized-casts", "a step down"},
    {"tenon-describe-model", "a step down"},
    {"tenon-cpu-expand-half", "nobody else has its conversions"},
    {"tenon-insert-transfers", "a kernel reads its device's memory only"},
    {"tenon-cuda-outline-kernels", "a step down"},
    {"convert-gpu-to-nvvm", "a step down"},
    {"tenon-cuda-use-instructions", "without the CUDA Toolkit nothing else "
                                    "computes them"},
    {"tenon-cuda-verify-kernels", "a check"},
    {"tenon-cuda-serialize-kernels", "a step down"},
    // before lower, where they are asked for
    {"tenon-expose-kernels", "it is asked for"},
};

std::optional<StringRef> getRequirement(StringRef pass) {
  for (const Requirement &requirement : kRequirements)
    if (requirement.pass == pass)
      return requirement.reason;
  return std::nullopt;
}

SmallVector<StringRef> getRequiredPasses() {
  return llvm::map_to_vector(kRequirements, [](const Requirement &requirement) {
    return StringRef(requirement.pass);
  });
}

bool isPassOfPhases(StringRef pass) {
  OpPassManager passes("builtin.module");
  // With it there are all.
  CompressOptions compress;
  compress.precision = "bf16";
  compress.halfIo = ArrayRef<std::string>("*");
  for (Phase phase : kAllPhases)
    buildPhase(phase, passes, compress);
  std::string pipeline;
  llvm::raw_string_ostream stream(pipeline);
  passes.printAsTextualPipeline(stream);
  // Not what passes are nested in: a bracket is behind that.
  return llvm::Regex("[(,]" + llvm::Regex::escape(pass) + "[{,)]")
      .match(pipeline);
}

Status checkSkippable(StringRef pass) {
  if (std::optional<StringRef> reason = getRequirement(pass))
    return Status::error(TENON_ERROR_USAGE,
                         "pass '" + pass + "' can't be left out: " + *reason);
  if (!isPassOfPhases(pass))
    return Status::error(TENON_ERROR_USAGE,
                         "unknown pass '" + pass +
                             "': expected one that --list-passes shows");
  return Status::ok();
}

bool PassSelection::admit(const Pass &pass, Operation *op) {
  // What has no argument runs other passes on parts of the module.
  if (pass.getArgument().empty() || getRequirement(pass.getArgument()))
    return true;
  bool runs = (!limits.maxPasses || count < *limits.maxPasses) &&
              !llvm::is_contained(limits.skippedPasses, pass.getArgument());
  ++count;
  auto function = dyn_cast_or_null<FunctionOpInterface>(op);
  if (onPass)
    onPass({count, phase, pass.getArgument(),
            function ? function.getName() : StringRef(), device, runs});
  return runs;
}

void PassSelection::watch(MLIRContext &context) {
  if (!limits.maxPasses && limits.skippedPasses.empty() && !onPass)
    return;
  context.registerActionHandler(
      [this](function_ref<void()> run, const tracing::Action &action) {
        auto *execution = dyn_cast<PassExecutionAction>(&action);
        if (!execution || admit(execution->getPass(), execution->getOp()))
          run();
      });
}

} // namespace tenon

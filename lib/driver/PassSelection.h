//===- PassSelection.h - Which passes of a compilation run ----------------===//

#ifndef TENON_LIB_DRIVER_PASSSELECTION_H
#define TENON_LIB_DRIVER_PASSSELECTION_H

#include "lib/driver/Phases.h"
#include "lib/driver/Status.h"
#include "mlir/IR/MLIRContext.h"

#include <functional>

namespace tenon {

/// Why a pass, by its argument, can't be left out; nothing if it can: then the
/// phases after it work without it, and results are the same.
std::optional<llvm::StringRef> getRequirement(llvm::StringRef pass);
/// The arguments of the passes that can't be left out.
llvm::SmallVector<llvm::StringRef> getRequiredPasses();
/// Whether a phase has a pass with that argument.
bool isPassOfPhases(llvm::StringRef pass);
/// An error, of kind USAGE, unless `pass` is there and can be left out.
Status checkSkippable(llvm::StringRef pass);

/// A pass that can be left out, when its turn comes.
struct PassTurn {
  /// From 1 on, over all phases: as often as a pass runs, and for each function
  /// that it runs on, it has another number.
  size_t number;
  Phase phase;
  llvm::StringRef pass;
  /// The function that it runs on; empty if that is the module.
  llvm::StringRef function;
  /// Of a model for a processor and one for GPUs beside it, the one that it
  /// works on: `cpu` or `cuda`; empty if there is one.
  llvm::StringRef device;
  bool runs;
};

/// Which of the passes run that can be left out: without a value, all.
struct PassLimits {
  /// How many, over all phases; the rest is left out.
  std::optional<size_t> maxPasses;
  /// Left out by their arguments, wherever they stand. See checkSkippable.
  std::vector<std::string> skippedPasses;
};

/// Leaves passes out of a compilation, and tells which there are. It works
/// through the actions of one MLIR context and outlives the work in it.
class PassSelection {
public:
  PassSelection(PassLimits limits, std::function<void(const PassTurn &)> onPass)
      : limits(std::move(limits)), onPass(std::move(onPass)) {}

  void watch(mlir::MLIRContext &context);
  void beginPhase(Phase next, llvm::StringRef ofDevice) {
    phase = next;
    device = ofDevice;
  }

private:
  /// Whether it is to run.
  bool admit(const mlir::Pass &pass, mlir::Operation *op);

  PassLimits limits;
  std::function<void(const PassTurn &)> onPass;
  Phase phase = Phase::Import;
  llvm::StringRef device;
  size_t count = 0;
};

} // namespace tenon

#endif // TENON_LIB_DRIVER_PASSSELECTION_H

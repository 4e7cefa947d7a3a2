//===- PassSelection.h - Which passes of a compilation run ----------------===//

#ifndef TENON_LIB_DRIVER_PASSSELECTION_H
#define TENON_LIB_DRIVER_PASSSELECTION_H

#include "lib/driver/Phases.h"
#include "mlir/IR/MLIRContext.h"

#include <functional>

namespace tenon {

/// Why a pass, by its argument, can't be left out; nothing if it can: then the
/// phases after it work without it, and results are the same.
std::optional<llvm::StringRef> getRequirement(llvm::StringRef pass);
/// The arguments of the passes that can't be left out.
llvm::SmallVector<llvm::StringRef> getRequiredPasses();

/// A pass that can be left out, when its turn comes.
struct PassTurn {
  /// From 1 on, over all phases: as often as a pass runs, and for each function
  /// that it runs on, it has another number.
  size_t number;
  Phase phase;
  llvm::StringRef pass;
  /// The function that it runs on; empty if that is the module.
  llvm::StringRef function;
  bool runs;
};

/// Runs a compilation's first passes only, of those that can be left out, and
/// tells which there are. It works through the actions of one MLIR context and
/// outlives the work in it.
class PassSelection {
public:
  PassSelection(std::optional<size_t> limit,
                std::function<void(const PassTurn &)> onPass)
      : limit(limit), onPass(std::move(onPass)) {}

  void watch(mlir::MLIRContext &context);
  void beginPhase(Phase next) { phase = next; }

private:
  /// Whether it is to run.
  bool admit(const mlir::Pass &pass, mlir::Operation *op);

  std::optional<size_t> limit;
  std::function<void(const PassTurn &)> onPass;
  Phase phase = Phase::Import;
  size_t count = 0;
};

} // namespace tenon

#endif // TENON_LIB_DRIVER_PASSSELECTION_H

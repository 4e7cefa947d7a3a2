//===- Phases.h - The phases of a compilation -----------------------------===//

#ifndef TENON_LIB_DRIVER_PHASES_H
#define TENON_LIB_DRIVER_PHASES_H

#include "mlir/Pass/PassManager.h"
#include "transforms/compress/Pipeline.h"

namespace tenon {

/// In the order in which they run. Each leaves IR that the next one, or a tool,
/// can read; `Import` and `Emit` are the two ends, which no pass pipeline runs.
enum class Phase {
  Import,
  Simplify,
  Compress,
  Layout,
  Fuse,
  Assign,
  Lower,
  Emit
};

inline constexpr Phase kAllPhases[] = {
    Phase::Import, Phase::Simplify, Phase::Compress, Phase::Layout,
    Phase::Fuse,   Phase::Assign,   Phase::Lower,    Phase::Emit};

/// The first phase that looks at the target.
inline constexpr Phase kTargetPhase = Phase::Fuse;

/// `import`, `simplify`, …
llvm::StringRef getPhaseName(Phase phase);

/// Adds the passes of one phase, which work on a module with a `tenon.target`
/// and, if it is to have a name, a `tenon.name`. `compress` is for the phase of
/// that name.
void buildPhase(Phase phase, mlir::OpPassManager &passes,
                const CompressOptions &compress = CompressOptions());

} // namespace tenon

#endif // TENON_LIB_DRIVER_PHASES_H

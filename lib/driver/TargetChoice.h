//===- TargetChoice.h - Which targets a model is compiled for -------------===//

#ifndef TENON_LIB_DRIVER_TARGETCHOICE_H
#define TENON_LIB_DRIVER_TARGETCHOICE_H

#include "dialects/tenon/TenonOps.h"
#include "lib/driver/Phases.h"
#include "lib/driver/Status.h"
#include "mlir/IR/BuiltinOps.h"

#include <optional>

namespace tenon {

/// The targets of a module that is IR at the end of phase `done`: the module's
/// own, changed as far as `target` (see makeTargets) and `providers` have
/// values. Two are a processor's and that with GPUs.
Status chooseTargets(mlir::ModuleOp module, Phase done,
                     const std::optional<std::string> &target,
                     const std::optional<std::vector<std::string>> &providers,
                     llvm::SmallVectorImpl<TargetAttr> &targets);

} // namespace tenon

#endif // TENON_LIB_DRIVER_TARGETCHOICE_H

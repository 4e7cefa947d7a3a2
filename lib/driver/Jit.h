//===- Jit.h - Compiled code in this process ------------------------------===//

#ifndef TENON_LIB_DRIVER_JIT_H
#define TENON_LIB_DRIVER_JIT_H

#include "lib/driver/Emit.h"

struct TenonModel;

namespace tenon {

/// Loads code and constants, the same that a shared library would hold, and
/// makes a model of them that owns both, on `device` (TenonModelOptions).
Status loadInProcess(WeightsSource weights, ModelCode code,
                     const std::string &device, TenonModel *&model);

/// Writes a model that loadInProcess made as a shared library.
Status saveInProcess(const TenonModel *model, llvm::StringRef path);

} // namespace tenon

#endif // TENON_LIB_DRIVER_JIT_H

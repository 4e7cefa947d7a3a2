//===- HostIslands.h - Small work between parts of the processor ----------===//

#ifndef TENON_CODEGEN_ASSIGN_HOSTISLANDS_H
#define TENON_CODEGEN_ASSIGN_HOSTISLANDS_H

#include "codegen/assign/Providers.h"

namespace tenon {

/// What could run a kernel on the processor, and its time in nanoseconds.
struct HostChoice {
  const Provider *provider;
  double time;
};

/// Kernels that were given to the device, and what could run them on the
/// processor.
using HostChoices = llvm::DenseMap<mlir::Operation *, HostChoice>;

/// An island is a set of kernels of the device that read each other's results,
/// and no others of the device. Gives those to the processor that are far less
/// work there than copying their inputs and results and starting them is, if a
/// kernel of the processor, a branch, a loop or a size is next to them: inputs
/// and results of the model alone don't count, so that a model that can run on
/// the device as a whole does. Returns the number of kernels.
int64_t moveIslands(mlir::Operation *module, const ProviderList &providers,
                    const HostChoices &choices, TypicalSizes &sizes);

} // namespace tenon

#endif // TENON_CODEGEN_ASSIGN_HOSTISLANDS_H

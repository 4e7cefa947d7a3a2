//===- CollapseDims.h - Fewer dimensions in a kernel ----------------------===//

#ifndef TENON_CODEGEN_CPU_COLLAPSEDIMS_H
#define TENON_CODEGEN_CPU_COLLAPSEDIMS_H

#include "dialects/tenon/TenonOps.h"

namespace tenon::cpu {

/// For each argument of a kernel's region, the groups of dimensions of its
/// memory that are one dimension in the region.
using Collapses =
    llvm::SmallVector<llvm::SmallVector<llvm::SmallVector<int64_t, 2>>>;

/// Makes neighbouring dimensions one wherever all operations of `kernel` treat
/// them alike, so that loops are few and long. Only the region changes, and
/// with it the kernel no longer verifies: it is meant for a copy that is about
/// to be emitted.
Collapses collapseDims(KernelOp kernel);
/// Groups of one dimension each.
Collapses getIdentityCollapses(KernelOp kernel);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_COLLAPSEDIMS_H

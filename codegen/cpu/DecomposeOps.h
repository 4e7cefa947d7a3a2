//===- DecomposeOps.h - Normalisations as reductions ----------------------===//

#ifndef TENON_CODEGEN_CPU_DECOMPOSEOPS_H
#define TENON_CODEGEN_CPU_DECOMPOSEOPS_H

#include "dialects/tenon/TenonOps.h"

namespace tenon::cpu {

/// Replaces softmax, log_softmax, layer_norm and reductions by log_sum_exp in a
/// copy of a kernel by `tenon.reduce` and elementwise operations, on f32 where
/// elements are narrower.
void decomposeOps(KernelOp kernel);

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_DECOMPOSEOPS_H

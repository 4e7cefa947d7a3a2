//===- CpuProvider.h - Kernels as generated code --------------------------===//

#ifndef TENON_CODEGEN_CPU_CPUPROVIDER_H
#define TENON_CODEGEN_CPU_CPUPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cpu {

/// The provider `codegen`: vectorised loops for any processor that LLVM knows.
std::unique_ptr<Provider> createCpuProvider();

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_CPUPROVIDER_H

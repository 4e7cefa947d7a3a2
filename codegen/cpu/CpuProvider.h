//===- CpuProvider.h - Providers of generated code ------------------------===//

#ifndef TENON_CODEGEN_CPU_CPUPROVIDER_H
#define TENON_CODEGEN_CPU_CPUPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cpu {

/// The provider `codegen`: vectorised loops for any processor that LLVM knows.
std::unique_ptr<Provider> createCpuProvider();

/// The provider `winograd`: generated code for convolutions of 3 x 3 taps that
/// multiplies less than their definition, and rounds differently.
std::unique_ptr<Provider> createWinogradProvider();

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_CPUPROVIDER_H

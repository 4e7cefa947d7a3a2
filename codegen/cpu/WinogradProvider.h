//===- WinogradProvider.h - Convolutions by Winograd's algorithm -*- C++
//-*-===//

#ifndef TENON_CODEGEN_CPU_WINOGRADPROVIDER_H
#define TENON_CODEGEN_CPU_WINOGRADPROVIDER_H

#include "codegen/common/Provider.h"

namespace tenon::cpu {

/// The provider `winograd`: generated code for convolutions of 3 x 3 taps that
/// multiplies less than their definition, and rounds differently.
std::unique_ptr<Provider> createWinogradProvider();

} // namespace tenon::cpu

#endif // TENON_CODEGEN_CPU_WINOGRADPROVIDER_H

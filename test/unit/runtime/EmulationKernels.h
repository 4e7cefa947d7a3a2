//===- EmulationKernels.h - Kernels in PTX for EmulationTest.cpp ----------===//

#ifndef TENON_TEST_UNIT_RUNTIME_EMULATIONKERNELS_H
#define TENON_TEST_UNIT_RUNTIME_EMULATIONKERNELS_H

#include <string>

namespace tenon::test::cuda {

/// The module. Kernels have one parameter, the address of 16 words of 32 bits
/// for each thread of the grid.
std::string getEmulationKernels();

} // namespace tenon::test::cuda

#endif // TENON_TEST_UNIT_RUNTIME_EMULATIONKERNELS_H

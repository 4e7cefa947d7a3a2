//===- Toolkit.h - Where the CUDA Toolkit is ------------------------------===//

#ifndef TENON_CODEGEN_CUDA_TOOLKIT_H
#define TENON_CODEGEN_CUDA_TOOLKIT_H

#include <string>

namespace tenon::cuda {

/// The folder of a CUDA Toolkit that has libdevice, NVIDIA's functions of f64
/// as LLVM bitcode; "" if there is none. Looked for in CUDA_ROOT, CUDA_HOME and
/// CUDA_PATH, then in the place where the toolkit installs itself.
std::string findToolkit();

/// What is wrong with the place that the environment names; "" if it is a
/// toolkit, or none is named.
std::string checkToolkit();

/// Why findToolkit() finds none, and what would be found.
std::string describeMissingToolkit();

/// Whether that toolkit has ptxas, which makes machine code of PTX.
bool hasAssembler();

} // namespace tenon::cuda

#endif // TENON_CODEGEN_CUDA_TOOLKIT_H

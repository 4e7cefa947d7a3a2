//===- Toolkit.cpp - Where the CUDA Toolkit is ----------------------------===//

#include "codegen/cuda/Toolkit.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdlib>

std::string tenon::cuda::findToolkit() {
  const char *places[] = {getenv("CUDA_ROOT"), getenv("CUDA_HOME"),
                          getenv("CUDA_PATH"), "/usr/local/cuda"};
  for (const char *place : places) {
    if (!place || !*place)
      continue;
    llvm::SmallString<128> library(place);
    llvm::sys::path::append(library, "nvvm", "libdevice", "libdevice.10.bc");
    // Who names a toolkit means that one.
    return llvm::sys::fs::exists(library) ? place : "";
  }
  return "";
}

bool tenon::cuda::hasAssembler() {
  std::string toolkit = findToolkit();
  llvm::SmallString<128> assembler(toolkit);
  llvm::sys::path::append(assembler, "bin", "ptxas");
  return !toolkit.empty() && llvm::sys::fs::can_execute(assembler);
}

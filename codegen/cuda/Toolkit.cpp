//===- Toolkit.cpp - Where the CUDA Toolkit is ----------------------------===//

#include "codegen/cuda/Toolkit.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cstdlib>

static constexpr const char *kVariables[] = {"CUDA_ROOT", "CUDA_HOME",
                                             "CUDA_PATH"};

static constexpr const char *kUsualPlace = "/usr/local/cuda";

static bool isToolkit(llvm::StringRef place) {
  llvm::SmallString<128> library(place);
  llvm::sys::path::append(library, "nvvm", "libdevice", "libdevice.10.bc");
  return llvm::sys::fs::exists(library);
}

std::string tenon::cuda::checkToolkit() {
  for (const char *variable : kVariables)
    if (const char *place = getenv(variable); place && *place)
      return isToolkit(place) ? ""
                              : std::string(variable) + " is '" + place +
                                    "', where there is no CUDA Toolkit";
  return "";
}

std::string tenon::cuda::describeMissingToolkit() {
  std::string wrong = checkToolkit();
  return !wrong.empty() ? wrong
                        : std::string("expected a CUDA Toolkit in ") +
                              kUsualPlace + ", or named by " + kVariables[0];
}

std::string tenon::cuda::findToolkit() {
  // Who names a toolkit means that one.
  for (const char *variable : kVariables)
    if (const char *place = getenv(variable); place && *place)
      return isToolkit(place) ? place : "";
  return isToolkit(kUsualPlace) ? kUsualPlace : "";
}

bool tenon::cuda::hasAssembler() {
  std::string toolkit = findToolkit();
  llvm::SmallString<128> assembler(toolkit);
  llvm::sys::path::append(assembler, "bin", "ptxas");
  return !toolkit.empty() && llvm::sys::fs::can_execute(assembler);
}

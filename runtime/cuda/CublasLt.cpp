//===- CublasLt.cpp - Finding cuBLASLt -----------------------------------===//

#include "runtime/cuda/CublasLt.h"

#include "runtime/cuda/SharedLibrary.h"

#include <utility>

using namespace tenon::cuda;

/// The first with all that is used, and for drivers as old as Driver.cpp takes:
/// 10000 * major + 100 * minor + patch.
static constexpr size_t minVersion = 120000;

static std::unique_ptr<CublasLt> open(const SharedLibrary &file,
                                      std::string &reason) {
  auto getVersion = file.find<size_t (*)()>("cublasLtGetVersion");
  size_t version = getVersion ? getVersion() : 0;
  // Until version 11 the major stood before three digits, not four.
  if (version < minVersion) {
    reason = "is no cuBLASLt of version 12 or later";
    return nullptr;
  }
  auto found = std::make_unique<CublasLt>();
  found->version = std::to_string(version / 10000) + "." +
                   std::to_string(version / 100 % 100) + "." +
                   std::to_string(version % 100);
  bool isWhole = file.find(found->getStatusName, "cublasLtGetStatusName");
#define TENON_CUBLASLT_FIND(member, symbol, ...)                               \
  isWhole = file.find(found->member, #symbol) && isWhole;
  TENON_CUBLASLT_FUNCTIONS(TENON_CUBLASLT_FIND)
#undef TENON_CUBLASLT_FIND
  if (isWhole)
    return found;
  reason = "lacks functions of cuBLASLt";
  return nullptr;
}

const CublasLt *CublasLt::find(std::string &problem) {
  static auto &known = *new KnownLibraries<CublasLt>;
  // The newest for the driver's major version of CUDA. Alone, one that is too
  // new is taken all the same, so that it is told what it says.
  const char *first = "libcublasLt.so.13", *second = "libcublasLt.so.12";
  if (Driver::get().version < 13000)
    std::swap(first, second);
  return known.find("TENON_CUBLASLT", {first, second}, open, problem);
}

std::string CublasLt::describe(LtStatus status) const {
  const char *name = getStatusName(status);
  return name ? name : "error " + std::to_string(status);
}

void CublasLt::check(LtStatus status, const char *what) const {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw ProviderFailure{TENON_ERROR_SYSTEM,
                          std::string(what) + " (cuBLASLt " + version + ": " +
                              describe(status) + ")"};
}

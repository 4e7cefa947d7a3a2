//===- CublasLt.cpp - Finding cuBLASLt -----------------------------------===//

#include "runtime/cuda/CublasLt.h"

#include <cstdlib>
#include <dlfcn.h>
#include <map>
#include <memory>
#include <mutex>

using namespace tenon::cuda;

/// The first with all that is used, and for drivers as old as Driver.cpp takes:
/// 10000 * major + 100 * minor + patch.
static constexpr size_t minVersion = 120000;

/// The library in `file`, or why it can't be used in `reason`.
static std::unique_ptr<CublasLt> open(const char *file, std::string &reason) {
  void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    reason = dlerror();
    return nullptr;
  }
  auto getVersion =
      reinterpret_cast<size_t (*)()>(dlsym(library, "cublasLtGetVersion"));
  size_t version = getVersion ? getVersion() : 0;
  // Until version 11 the major stood before three digits, not four.
  if (version < minVersion) {
    reason = std::string(file) + " is no cuBLASLt of version 12 or later";
    return nullptr;
  }
  auto found = std::make_unique<CublasLt>();
  found->version = std::to_string(version / 10000) + "." +
                   std::to_string(version / 100 % 100) + "." +
                   std::to_string(version % 100);
  bool isWhole = true;
  auto find = [&](auto &function, const char *symbol) {
    void *address = dlsym(library, symbol);
    isWhole = isWhole && address;
    function =
        reinterpret_cast<std::remove_reference_t<decltype(function)>>(address);
  };
  find(found->getStatusName, "cublasLtGetStatusName");
#define TENON_CUBLASLT_FIND(member, symbol, ...) find(found->member, #symbol);
  TENON_CUBLASLT_FUNCTIONS(TENON_CUBLASLT_FIND)
#undef TENON_CUBLASLT_FIND
  if (isWhole)
    return found;
  reason = std::string(file) + " lacks functions of cuBLASLt";
  return nullptr;
}

const CublasLt *CublasLt::find() {
  static std::mutex mutex;
  static auto &libraries =
      *new std::map<std::string, std::unique_ptr<CublasLt>>;
  const char *named = getenv("TENON_CUBLASLT");
  bool isNamed = named && *named;
  // Those of the system use the driver of the system.
  const char *driver = getenv("TENON_CUDA_DRIVER");
  if (!isNamed && driver && *driver)
    return nullptr;
  std::string file = isNamed ? named : "";
  if (file == "none")
    return nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  auto known = libraries.find(file);
  if (known != libraries.end())
    return known->second.get();
  std::string reason;
  std::unique_ptr<CublasLt> found;
  if (isNamed) {
    found = open(named, reason);
    if (!found)
      throw CudaError{TENON_ERROR_SYSTEM,
                      "TENON_CUBLASLT names a library that cannot be used: " +
                          reason};
  }
  // The newest that can be loaded. Whether it starts with the system's driver
  // shows only in a session; an older one is not tried then.
  for (const char *name : {"libcublasLt.so.13", "libcublasLt.so.12"})
    if (!found && !isNamed)
      found = open(name, reason);
  return (libraries[file] = std::move(found)).get();
}

std::string CublasLt::describe(LtStatus status) const {
  const char *name = getStatusName(status);
  return name ? name : "error " + std::to_string(status);
}

void CublasLt::check(LtStatus status, const char *what) const {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw CudaError{TENON_ERROR_SYSTEM, std::string(what) + " (cuBLASLt " +
                                            version + ": " + describe(status) +
                                            ")"};
}

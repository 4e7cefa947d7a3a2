//===- Driver.cpp - Finding the CUDA driver ------------------------------===//

#include "runtime/cuda/Driver.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <map>
#include <mutex>

using namespace tenon::cuda;

/// The first that reads the code that models have (PTX 8.0).
static constexpr int minVersion = 12000;

static constexpr const char *driverVariable = "TENON_CUDA_DRIVER";

static std::string formatVersion(int version) {
  return std::to_string(version / 1000) + "." +
         std::to_string(version % 1000 / 10);
}

bool tenon::cuda::isAbsent(const std::string &file, const std::string &reason) {
  std::string text = strerror(ENOENT);
  return reason.compare(0, file.size() + 1, file + ":") == 0 &&
         reason.size() > text.size() &&
         reason.compare(reason.size() - text.size(), text.size(), text) == 0;
}

static constexpr const char *noLibrary =
    "this model runs on a CUDA device, but the CUDA driver ";

/// Opens the driver in `file`; `isNamed` if the environment names it.
static Driver open(const std::string &file, bool isNamed) {
  auto fail = [](const std::string &what) {
    throw ProviderFailure{TENON_ERROR_SYSTEM, what};
  };
  void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    std::string reason = dlerror(), text = noLibrary;
    if (isNamed)
      text += std::string("that ") + driverVariable + " names ";
    ProviderFailure error{TENON_ERROR_SYSTEM,
                          text + "cannot be loaded: " + reason};
    if (!isNamed && isAbsent(file, reason))
      throw NoDriver{error};
    throw error;
  }
  // A driver that is too old may lack some functions: its version says more.
  auto getVersion =
      reinterpret_cast<Result (*)(int *)>(dlsym(library, "cuDriverGetVersion"));
  if (!getVersion)
    fail("the library " + file + " is no CUDA driver");
  int version = 0;
  if (Result result = getVersion(&version))
    fail("the CUDA driver " + file + " does not tell its version (error " +
         std::to_string(result) + ")");
  if (version < minVersion)
    fail("the CUDA driver " + file + " is for CUDA " + formatVersion(version) +
         ", expected " + formatVersion(minVersion) + " or later");
  Driver driver;
  driver.version = version;
#define TENON_CUDA_FIND(member, symbol, ...)                                   \
  driver.member =                                                              \
      reinterpret_cast<Result (*)(__VA_ARGS__)>(dlsym(library, #symbol));      \
  if (!driver.member)                                                          \
    fail("the CUDA driver " + file + " (for CUDA " + formatVersion(version) +  \
         ") has no function " #symbol);
  TENON_CUDA_FUNCTIONS(TENON_CUDA_FIND)
#undef TENON_CUDA_FIND
  return driver;
}

const Driver &Driver::get() {
  static std::mutex mutex;
  static auto &drivers = *new std::map<std::string, Driver>;
  const char *variable = getenv(driverVariable);
  bool isNamed = variable && *variable;
  std::string file = isNamed ? variable : "libcuda.so.1";
  if (file == "none")
    throw NoDriver{{TENON_ERROR_SYSTEM,
                    std::string(noLibrary) +
                        "cannot be loaded: " + driverVariable + " is 'none'"}};
  std::lock_guard<std::mutex> lock(mutex);
  auto found = drivers.find(file);
  if (found == drivers.end())
    found = drivers.emplace(file, open(file, isNamed)).first;
  return found->second;
}

std::string Driver::describe(Result result) const {
  const char *name = nullptr, *text = nullptr;
  if (getErrorName(result, &name) != CUDA_SUCCESS || !name)
    return "error " + std::to_string(result);
  std::string description = name;
  if (getErrorString(result, &text) == CUDA_SUCCESS && text)
    description += std::string(": ") + text;
  return description;
}

void Driver::check(Result result, const char *what) const {
  if (result == CUDA_SUCCESS)
    return;
  throw ProviderFailure{TENON_ERROR_SYSTEM,
                        std::string(what) + " (" + describe(result) + ")"};
}

void Driver::checkMemory(Result result, const char *purpose,
                         uint64_t bytes) const {
  if (!isOfCall(result))
    check(result,
          "the CUDA device failed before, and stays so until the process ends");
  std::string what = result == CUDA_ERROR_OUT_OF_MEMORY
                         ? "not enough memory on the CUDA device: "
                         : "the CUDA driver gives no memory of the device: ";
  what += std::string(purpose) + " " + std::to_string(bytes) + " bytes";
  check(result, what.c_str());
}

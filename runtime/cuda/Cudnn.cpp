//===- Cudnn.cpp - Finding cuDNN -----------------------------------------===//

#include "runtime/cuda/Cudnn.h"

#include "runtime/cuda/SharedLibrary.h"

using namespace tenon::cuda;

static std::unique_ptr<Cudnn> open(const SharedLibrary &file,
                                   std::string &reason) {
  auto getVersion = file.find<size_t (*)()>("cudnnGetVersion");
  size_t version = getVersion ? getVersion() : 0;
  // Until version 8 the major stood before three digits, not four.
  if (version / 10000 != 9) {
    reason = "is no cuDNN of version 9";
    return nullptr;
  }
  auto found = std::make_unique<Cudnn>();
  found->versionNumber = version;
  found->version = std::to_string(version / 10000) + "." +
                   std::to_string(version / 100 % 100) + "." +
                   std::to_string(version % 100);
  bool isWhole = file.find(found->getErrorString, "cudnnGetErrorString");
#define TENON_CUDNN_FIND(member, symbol, ...)                                  \
  isWhole = file.find(found->member, #symbol) && isWhole;
  TENON_CUDNN_FUNCTIONS(TENON_CUDNN_FIND)
#undef TENON_CUDNN_FIND
  if (isWhole)
    return found;
  reason = "lacks functions of cuDNN";
  return nullptr;
}

const Cudnn *Cudnn::find(std::string &problem) {
  static auto &known = *new KnownLibraries<Cudnn>;
  return known.find("TENON_CUDNN", {"libcudnn.so.9"}, open, problem);
}

std::string Cudnn::describe(DnnStatus status) const {
  const char *name = getErrorString(status);
  return name ? name : "error " + std::to_string(status);
}

void Cudnn::check(DnnStatus status, const char *what) const {
  if (status != CUDNN_STATUS_SUCCESS)
    throw ProviderFailure{TENON_ERROR_SYSTEM, std::string(what) + " (cuDNN " +
                                                  version + ": " +
                                                  describe(status) + ")"};
}

//===- Libraries.cpp - Loading the libraries that models need ------------===//

#include "runtime/core/Device.h"
#include "runtime/core/Model.h"

#include <cstring>
#include <dlfcn.h>

using namespace tenon::runtime;

namespace {

/// A library that belongs to the runtime.
struct Known {
  const char *name; // by which models know it
  const char *file, *symbol, *remedy;
};

const Known providers[] = {
    {"onednn", "libtenon_cpu.so", "tenon_provider_onednn",
     "install it, or compile the model with the provider 'codegen'"},
    {"image", "libtenon_image.so", "tenon_provider_image",
     "install it, or give the model decoded images"},
};

const Known devices[] = {
    {"cuda", "libtenon_cuda.so", "tenon_device_cuda",
     "install it, or compile the model for the processor"},
};

template <size_t N>
const Known *find(const Known (&table)[N], const char *name) {
  for (const Known &entry : table)
    if (!strcmp(name, entry.name))
      return &entry;
  return nullptr;
}

/// The folder of this library, with a slash; "" if the system does not tell.
std::string getOwnFolder() {
  Dl_info info;
  if (!dladdr(reinterpret_cast<void *>(&tenon::runtime::loadProvider), &info) ||
      !info.dli_fname)
    return "";
  std::string path = info.dli_fname;
  size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash + 1);
}

/// Opens a library, which stays loaded until the process ends (its threads and
/// caches do, too), and sets `table` to what its function returns: a structure
/// that begins with its version and its size.
template <typename Entry, typename Table>
Error load(const Known &known, uint32_t version, const Table **table) {
  std::string path = getOwnFolder() + known.file;
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  std::string reason = library ? "" : dlerror();
  if (!library)
    library = dlopen(known.file, RTLD_NOW | RTLD_LOCAL);
  if (!library)
    return makeError(TENON_ERROR_UNSUPPORTED,
                     "this model uses %s, but its library cannot be loaded: "
                     "%s; %s",
                     known.name, reason.c_str(), known.remedy);
  auto entry = reinterpret_cast<Entry>(dlsym(library, known.symbol));
  const Table *found = entry ? entry() : nullptr;
  if (!found || found->version != version || found->structSize != sizeof(Table))
    return makeError(TENON_ERROR_UNSUPPORTED,
                     "%s is from another version of Tenon than this runtime "
                     "(%s)",
                     known.file, tenon_version_string());
  *table = found;
  return nullptr;
}

} // namespace

Error tenon::runtime::loadProvider(const char *name,
                                   const TenonProvider **provider) {
  if (const Known *known = find(providers, name))
    return load<TenonProviderEntry>(*known, TENON_PROVIDER_VERSION, provider);
  return makeError(TENON_ERROR_UNSUPPORTED,
                   "this model uses the library %s, which this runtime does "
                   "not know",
                   quote(name).c_str());
}

Error tenon::runtime::loadDevice(const char *name, const TenonDevice **device) {
  if (const Known *known = find(devices, name))
    return load<TenonDeviceEntry>(*known, TENON_DEVICE_VERSION, device);
  return makeError(TENON_ERROR_UNSUPPORTED,
                   "this model runs on the device %s, which this runtime does "
                   "not know",
                   quote(name).c_str());
}

//===- SharedLibrary.h - Libraries of NVIDIA that may be there -----------===//

#ifndef TENON_RUNTIME_CUDA_SHAREDLIBRARY_H
#define TENON_RUNTIME_CUDA_SHAREDLIBRARY_H

#include "runtime/cuda/Driver.h"

#include <cstdlib>
#include <dlfcn.h>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>

namespace tenon::cuda {

/// A library that was loaded, and stays so until the process ends.
class SharedLibrary {
public:
  explicit SharedLibrary(void *handle) : handle(handle) {}

  /// Null if there is no such function.
  template <typename Function> Function find(const char *symbol) const {
    return reinterpret_cast<Function>(dlsym(handle, symbol));
  }
  /// The same; false if there is none.
  template <typename Function>
  bool find(Function &function, const char *symbol) const {
    function = find<Function>(symbol);
    return function;
  }

private:
  void *handle;
};

/// The libraries of a kind that were looked for, by the files that were named.
/// Usable from several threads.
template <typename Library> class KnownLibraries {
public:
  /// What is used of a loaded file; null, and why in `reason`, behind the
  /// file's name, if it can't be used.
  using Opener = std::unique_ptr<Library> (*)(const SharedLibrary &file,
                                              std::string &reason);

  /// The library that `variable` of the environment names, or the first of
  /// `names` that the system has. Null if there is none that can be used, and
  /// why in `problem` if there is one at all; throws ProviderFailure if that is
  /// what the variable names.
  const Library *find(const char *variable,
                      std::initializer_list<const char *> names, Opener open,
                      std::string &problem) {
    const char *named = getenv(variable);
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
    if (known == libraries.end())
      known = libraries
                  .emplace(file, isNamed ? openNamed(variable, named, open)
                                         : openFirst(names, open))
                  .first;
    problem = known->second.problem;
    return known->second.library.get();
  }

private:
  struct Known {
    std::unique_ptr<Library> library;
    std::string problem;
  };

  static Known openNamed(const char *variable, const char *file, Opener open) {
    Known known;
    known.library = load(file, open, known.problem);
    if (!known.library)
      throw ProviderFailure{
          TENON_ERROR_SYSTEM,
          variable +
              (" names a library that cannot be used: " + known.problem)};
    return known;
  }

  static Known openFirst(std::initializer_list<const char *> names,
                         Opener open) {
    std::string problem;
    for (const char *name : names) {
      std::string reason;
      if (std::unique_ptr<Library> library = load(name, open, reason))
        return {std::move(library), ""};
      if (!problem.empty() || isAbsent(name, reason))
        continue;
      // It may be of a library that this one needs.
      problem = reason.rfind(name, 0) == 0 ? reason : name + (": " + reason);
    }
    return {nullptr, problem};
  }

  static std::unique_ptr<Library> load(const char *file, Opener open,
                                       std::string &reason) {
    void *handle = dlopen(file, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
      reason = dlerror();
      return nullptr;
    }
    std::unique_ptr<Library> found = open(SharedLibrary(handle), reason);
    if (!found)
      reason = file + (" " + reason);
    return found;
  }

  std::mutex mutex;
  std::map<std::string, Known> libraries;
};

} // namespace tenon::cuda

#endif // TENON_RUNTIME_CUDA_SHAREDLIBRARY_H

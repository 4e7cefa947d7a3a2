//===- FaultyProvider.cpp - oneDNN's kernels with a planted fault ---------===//

#include "runtime/core/Provider.h"

#include <cstring>

/// The provider without the fault.
extern "C" const TenonProvider *tenon_provider_right();

/// Adds 1 to the first number of what a kernel gives whose first node has a
/// name that begins with "wrong".
static int32_t run(void *session, const TenonLibraryKernel *kernel,
                   void *const *args, const int64_t *dims,
                   TenonProviderError *error) {
  int32_t code =
      tenon_provider_right()->run(session, kernel, args, dims, error);
  if (code == TENON_OK && !strncmp(kernel->name, "wrong", strlen("wrong")))
    ++*static_cast<float *>(args[kernel->numArgs - 1]);
  return code;
}

extern "C" __attribute__((visibility("default"))) const TenonProvider *
tenon_provider_onednn() {
  static const TenonProvider provider = [] {
    TenonProvider changed = *tenon_provider_right();
    changed.run = &run;
    return changed;
  }();
  return &provider;
}

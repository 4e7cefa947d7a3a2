/*===- Provider.h - What a kernel library gives the runtime -----------------===
 *
 * libtenon loads a library only if a model has kernels of its provider. The
 * library exports one function, tenon_provider_<name>, that returns a
 * TenonProvider. Plain C; no function throws.
 *
 *===----------------------------------------------------------------------===*/

#ifndef TENON_RUNTIME_CORE_PROVIDER_H
#define TENON_RUNTIME_CORE_PROVIDER_H

#include "runtime/core/ModelAbi.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A library reads what the model says of its kernels, so it is of one version
 * of that, too. */
#define TENON_PROVIDER_VERSION (TENON_ABI_VERSION << 16 | 2u)

/** Filled in by a function that does not return TENON_OK. */
typedef struct TenonProviderError {
  char message[1024];
} TenonProviderError;

typedef struct TenonProvider {
  uint32_t version; /* TENON_PROVIDER_VERSION */
  uint32_t structSize;
  const char *name;

  /** What all sessions of a model share; it must be usable from several
   * threads. Checks the descriptors of the model's kernels of this provider. */
  int32_t (*createModel)(const TenonModelDesc *desc, void **model,
                         TenonProviderError *error);
  void (*destroyModel)(void *model);

  /** What one session needs. `maxShapes` bounds how many sets of dimensions of
   * each kernel stay prepared. The model outlives it. */
  int32_t (*createSession)(void *model, int32_t threads, int32_t maxShapes,
                           void **session, TenonProviderError *error);
  void (*destroySession)(void *session);

  /** Makes what running a kernel at these dimensions needs, so that its first
   * run is as fast as later ones. `dims` are as for run(); the constants are at
   * TenonLibraryKernel::constants in the weights. The number of OpenMP threads
   * is already set, here and in run(). */
  int32_t (*prepare)(void *session, const TenonLibraryKernel *kernel,
                     const int64_t *dims, TenonProviderError *error);

  /** Runs a kernel, prepared or not; see TenonRuntimeTable::library. */
  int32_t (*run)(void *session, const TenonLibraryKernel *kernel,
                 void *const *args, const int64_t *dims,
                 TenonProviderError *error);

  /** How the kernel was last run, for profiles; "" if it was not. Lives until
   * the next run. */
  const char *(*implementation)(void *session,
                                const TenonLibraryKernel *kernel);
  /** Bytes of scratch memory of the session. */
  uint64_t (*scratchSize)(void *session);
} TenonProvider;

typedef const TenonProvider *(*TenonProviderEntry)(void);

#ifdef __cplusplus
} // extern "C"
#endif

#endif /* TENON_RUNTIME_CORE_PROVIDER_H */

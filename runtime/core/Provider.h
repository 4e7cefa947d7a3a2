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
#include "tenon/tenon.h"

#ifdef __cplusplus
extern "C" {
#endif

/** A library reads what the model says of its kernels, so it is of one version
 * of that, too. */
#define TENON_PROVIDER_VERSION (TENON_ABI_VERSION << 16 | 3u)

/** Filled in by a function that does not return TENON_OK. */
typedef struct TenonProviderError {
  char message[1024];
} TenonProviderError;

/** What tenon_pack_constant gives: the kernel's new descriptor, in which the
 * arg has one dimension, and what stands in its place, `size` bytes. They live
 * until the function returns. */
typedef void (*TenonPackReceiver)(void *context, const int64_t *descriptor,
                                  uint64_t descriptorSize, const uint8_t *data,
                                  uint64_t size);

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
   * is already set, here, in run() and in pack(). */
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

  /** What tenon_pack_constant does; may be null. */
  int32_t (*pack)(const TenonLibraryKernel *kernel, const int64_t *dims,
                  uint32_t arg, const uint8_t *data, TenonPackReceiver receive,
                  void *context, TenonProviderError *error);
} TenonProvider;

typedef const TenonProvider *(*TenonProviderEntry)(void);

/** For the compiler, exported by libtenon: has the kernel's provider bring its
 * constant `arg` into the order in which this machine reads it. `data` is what
 * stands in the weights; `dims` are as for run(), -1 where they are not known.
 * Calls `receive` once, or not at all if the order is good already or depends
 * on what is not known. The order is that for one thread: the same arguments
 * give the same order on the same kind of machine. */
TENON_API TenonError *tenon_pack_constant(const TenonLibraryKernel *kernel,
                                          const int64_t *dims, uint32_t arg,
                                          const uint8_t *data,
                                          TenonPackReceiver receive,
                                          void *context);

#ifdef __cplusplus
} // extern "C"
#endif

#endif /* TENON_RUNTIME_CORE_PROVIDER_H */
